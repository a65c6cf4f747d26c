/* SPDX-License-Identifier: BSD-3-Clause */
/* The rundown: the interactions of a show, as a studio plans them. docs/files.md has the format. */
#ifndef TALLYWIRE_SHOW_RUNDOWN_H
#define TALLYWIRE_SHOW_RUNDOWN_H

#include <jansson.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/show/interaction.h"
#include "dataplane/show/keyring.h"

#define RUNDOWN_MAX_INTERACTIONS 65536
#define RUNDOWN_MAX_FILE_BYTES   (64u << 20)
#define RUNDOWN_MAX_SHOW_BYTES   200 /* of its name */

struct rundown {
	char *show;
	struct interaction *interactions;
	uint32_t count;
};

/* Reads and checks a whole file: all of it or, with `err` filled in and nothing allocated, nothing.
 */
int rundown_load(const char *path, const struct keyring *keyring, struct rundown *rundown,
		 struct err *err);

/* The same for a JSON value that is here already; `source` names it in messages. */
int rundown_parse(const json_t *root, const char *source, const struct keyring *keyring,
		  struct rundown *rundown, struct err *err);
void rundown_free(struct rundown *rundown);

#endif
