/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sealed result: the files that tell what a final window came to, in memory. Made by the
 * appliance from its own counts and by an audit from the journal; the same window gives the same
 * files. docs/files.md has their contents.
 *
 * result.json is made by the owner of the windows (sealed_result()); the rest by any one thread, as
 * a settled window does not change.
 */
#ifndef TALLYWIRE_SEALED_H
#define TALLYWIRE_SEALED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/windows.h"

#define SEALED_RESULT       "result.json"
#define SEALED_VOTERS       "voters.roaring"
#define SEALED_PAIRS        "pairs"
#define SEALED_ITEMS_MOST   1024 /* an upvote with more has pairs in place of sets */
#define SEALED_PAIR_BYTES   6
#define SEALED_NAME_BYTES   40
#define SEALED_FOLDER_BYTES 160

struct sealed_file {
	char name[SEALED_NAME_BYTES];
	char *bytes;
	size_t count;
};

struct sealed_files {
	struct sealed_file *file;
	uint32_t count;
	uint32_t room;
};

/* The one interaction of result.json, as it was when it was final: a new reference, NULL when out
 * of memory. `durability`: "durable" or "immediate". */
json_t *sealed_result(struct windows *windows, struct armed_window *armed, const char *durability);

/* All files but result.json: the sets. 0, or -ENOMEM with nothing to free. */
int sealed_sets(const struct armed_window *armed, struct sealed_files *files);

/* Takes the bytes over, also where it fails: -ENOMEM. */
int sealed_add(struct sealed_files *files, const char *name, char *bytes, size_t count);
void sealed_free(struct sealed_files *files);

/* The directory's name: "acme-101-20261122T200020Z", with a fraction where there is one. */
void sealed_folder(const struct armed_window *armed, char name[SEALED_FOLDER_BYTES]);

#endif
