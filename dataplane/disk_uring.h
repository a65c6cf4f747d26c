/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A directory as a disk (disk.h): segments are files in it, written through io_uring with
 * registered buffers and files, past the page cache where the file system allows that. Whatever
 * else lies in the directory is left alone.
 */
#ifndef TALLYWIRE_DISK_URING_H
#define TALLYWIRE_DISK_URING_H

#include "dataplane/core/err.h"
#include "dataplane/disk.h"

/*
 * Opens the directory, and makes it (mode 0700) where it is missing and its parent is there. For
 * reading this is enough; the ring, and the lock that keeps a second writer out, come with
 * buffers(): -EBUSY where there is one, -EPERM or -ENOSYS where the system refuses io_uring.
 */
int disk_uring_open(const char *path, struct disk **disk, struct err *err);

/* Nothing is under way any more. NULL is nothing. */
void disk_uring_close(struct disk *disk);

#endif
