/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The io_uring of a journal's disk, with what it may do and nothing else: write and sync the files
 * that it was given. The kernel refuses the rest with -EACCES, also to one who has taken tallyd
 * over. Used by disk_uring.c.
 */
#ifndef TALLYWIRE_DISK_RING_H
#define TALLYWIRE_DISK_RING_H

#include <liburing.h>
#include "dataplane/core/err.h"

struct disk_ring_options {
	uint32_t entries;
	/* Registered; the bytes of WRITE_FIXED come from here. */
	void *memory;
	size_t bytes;
	uint32_t files; /* places for files, all empty */
};

/*
 * Allowed afterwards: WRITE, WRITE_FIXED and FSYNC, on a file of a place or another, alone or
 * linked; and files put into places. 0, or a negative errno with `err`, and nothing open: -EPERM or
 * -ENOSYS where the system refuses io_uring, -ENOMEM where it may not lock so much memory.
 */
int disk_ring_open(struct io_uring *ring, const struct disk_ring_options *options, struct err *err);

void disk_ring_close(struct io_uring *ring);

#endif
