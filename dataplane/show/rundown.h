/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rundown: the interactions of a show, as a studio plans them. docs/files.md has the format.
 * One interaction's JSON object is also what the control method `open` takes, so both are read
 * here.
 */
#ifndef TALLYWIRE_SHOW_RUNDOWN_H
#define TALLYWIRE_SHOW_RUNDOWN_H

#include <jansson.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/window.h"
#include "dataplane/show/keyring.h"

#define RUNDOWN_MAX_INTERACTIONS    65536
#define RUNDOWN_MAX_OPTIONS         1024
#define RUNDOWN_MAX_QUESTION_BYTES  1000 /* UTF-8, without the end */
#define RUNDOWN_MAX_LABEL_BYTES     200
#define RUNDOWN_DEFAULT_DURATION_MS 20000
#define RUNDOWN_MAX_DURATION_MS     86400000 /* a day */
#define RUNDOWN_MAX_FILE_BYTES      (64u << 20)

/* One question, owned by whoever loaded it. */
struct interaction {
	const struct tenant *tenant; /* in the keyring, which must outlive it */
	uint32_t id;
	enum window_kind kind;
	char *question;
	char **labels; /* option labels, `options` of them */
	uint16_t options;
	uint64_t opens_at_us;
	uint64_t duration_us;
	uint64_t max_delay_us; /* the tenant's unless given */
};

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

/*
 * One interaction. Where the object has no `opens_at`, `default_opens_at_us` is taken; 0 means that
 * `opens_at` is required. `place` names the object in messages ("interactions[3]").
 * -ENOENT: the tenant is not in the keyring; -EINVAL: anything else that is wrong; -ENOMEM.
 */
int interaction_parse(const json_t *object, const char *place, const struct keyring *keyring,
		      uint64_t default_opens_at_us, struct interaction *interaction,
		      struct err *err);
void interaction_free(struct interaction *interaction);

#endif
