/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory in bpffs where one interface's front is pinned, and the lock that says whose it is.
 * Used by front.c only.
 */
#ifndef TALLYWIRE_EBPF_FRONT_DIR_H
#define TALLYWIRE_EBPF_FRONT_DIR_H

#include <stdbool.h>
#include "dataplane/core/err.h"

#define FRONT_PATH_BYTES 384

/* PIN_DIR/INTERFACE, locked as long as `fd` is open; the kernel drops the lock with the process. */
struct front_dir {
	int fd;
	char pin_dir[FRONT_PATH_BYTES / 2];
	char path[FRONT_PATH_BYTES / 2 + 64];
};

/*
 * Opens and locks the directory, which is made where `create` says so.
 * -ENOENT: no bpffs, or no such directory; -EBUSY: another process has it; -EACCES: not root.
 */
int front_dir_open(struct front_dir *dir, const char *pin_dir, const char *interface, bool create,
		   struct err *err);

/* Removes the directory, and the one above it, where they are empty; drops the lock. */
void front_dir_close(struct front_dir *dir);

/* The path of a pin in it. */
const char *front_dir_pin(const struct front_dir *dir, const char *name,
			  char path[FRONT_PATH_BYTES]);

#endif
