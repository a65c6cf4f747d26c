/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sealed results on disk: a directory each, written beside and renamed, so that one that is there
 * is whole. Any one thread at a time; all of it waits for the disk.
 */
#ifndef TALLYWIRE_SEALED_DIR_H
#define TALLYWIRE_SEALED_DIR_H

#include "dataplane/sealed.h"

/*
 * Makes the directory of all results (mode 0750) where its parent is there, checks that it can be
 * written to, and removes what a crash left. 0, or -errno with `err`.
 */
int sealed_dir_open(const char *directory, struct err *err);

/* Whether the folder is there. */
bool sealed_dir_has(const char *directory, const char *folder);

/* All of it is on the disk when this returns 0; else nothing is there. -EEXIST: the folder is. */
int sealed_dir_write(const char *directory, const char *folder, const struct sealed_files *files,
		     struct err *err);

/* A whole file of at most `most` bytes, in memory that the caller frees. -errno with `err`. */
int sealed_dir_read(const char *folder, const char *name, size_t most, char **bytes, size_t *count,
		    struct err *err);

/* How long folders are kept; 0: for ever. */
struct sealed_keep {
	uint64_t days;
	uint64_t mb;
};

/*
 * Removes folders whose manifest was written before `now_s` (Unix time) less the days, then the
 * oldest until all of them together have no more than so many MiB. What is no sealed result is left
 * alone. Returns how many were removed, or -errno with `err`.
 */
int sealed_dir_prune(const char *directory, const struct sealed_keep *keep, uint64_t now_s,
		     struct err *err);

#endif
