/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the journal wants of a disk: segments, which are files of one directory, written at places
 * that the caller chooses. disk_uring.h is the real one; tests have one that fails when told to.
 *
 * One thread writes (buffers, prepare, write, reap, finish, remove); reading (list, read) may be
 * another's, on a disk of its own.
 *
 * prepare and write only begin something. What became of it comes out of reap, once for each, in
 * any order, under the tag that was given. 0 or -errno with a line in `err`, unless said otherwise.
 */
#ifndef TALLYWIRE_DISK_H
#define TALLYWIRE_DISK_H

#include <stdint.h>
#include "dataplane/core/err.h"

/* Memory, offsets and lengths of writes are multiples of it. */
#define DISK_ALIGN 4096

struct disk_write {
	uint64_t segment; /* one that was prepared and not finished */
	uint64_t offset;
	uint32_t buffer; /* which of the registered ones */
	uint32_t from;   /* where in it */
	uint32_t bytes;
	uint64_t tag;
};

/*
 * A write's result: `bytes`, when all of it is durable; fewer, when it was cut short, and then none
 * of it is durable yet; -errno when the write or the sync failed, and then nothing is known of it.
 * A preparation's: 0 or -errno.
 */
struct disk_done {
	uint64_t tag;
	int64_t result;
};

struct disk {
	const struct disk_ops *ops;
};

struct disk_ops {
	/* Called first and once: the buffers that writes take their bytes from, one after the
	 * other. The directory is this disk's own from then on. */
	int (*buffers)(struct disk *disk, void *memory, uint32_t count, uint32_t bytes,
		       struct err *err);

	/* All that is in the segments now is there after a power cut, too. For who goes on writing
	 * after another process, which may have been killed between write and sync. */
	int (*settle)(struct disk *disk, struct err *err);

	/* Makes a segment that was not there, of so many bytes, which are zeros; done when they
	 * would be there after a power cut, too. What failed leaves no file. */
	int (*prepare)(struct disk *disk, uint64_t segment, uint64_t bytes, uint64_t tag);

	/* Writes and syncs. */
	int (*write)(struct disk *disk, const struct disk_write *write);

	/* Takes up to `most` that are done. Where none is, waits up to wait_us for one. */
	uint32_t (*reap)(struct disk *disk, struct disk_done *done, uint32_t most,
			 uint32_t wait_us);

	/* Nothing more will be written to the segment. With used_bytes > 0 it is cut there. */
	void (*finish)(struct disk *disk, uint64_t segment, uint64_t used_bytes);

	/* Also for one that is prepared and was not finished. */
	int (*remove)(struct disk *disk, uint64_t segment);

	/* The ids of all segments, ascending, in memory that the caller frees. */
	int (*list)(struct disk *disk, uint64_t **segments, uint32_t *count, struct err *err);

	/* Bytes read, fewer only at the file's end; or -errno. Any thread that has it alone. */
	int64_t (*read)(struct disk *disk, uint64_t segment, uint64_t offset, void *memory,
			uint32_t bytes);

	/* For messages: the file, with its directory. */
	void (*name)(struct disk *disk, uint64_t segment, char *text, uint32_t bytes);
};

#endif
