/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the journal back: windows as they were armed and changed, ballots, counts and scores.
 * Before the workers start, or by who counts again; nothing else uses the windows meanwhile.
 *
 * A vote of the journal is cast as a worker casts it, without being judged again: that it was
 * accepted is what the journal says. Which worker's votes come first does not matter to what
 * stands. A voter's change whose first answer did not get to disk counts as its first.
 */
#ifndef TALLYWIRE_RECOVER_H
#define TALLYWIRE_RECOVER_H

#include "dataplane/journal_read.h"
#include "dataplane/recover_scope.h"
#include "dataplane/windows.h"

struct recovery {
	struct journal_report journal;
	uint32_t windows; /* that are armed now */
	uint64_t counted; /* votes that were read back */
	uint64_t changed;
	uint64_t homeless;  /* votes of windows that are not there: not counted */
	uint64_t repeated;  /* a voter's second answer where one can be given: not counted */
	uint32_t immediate; /* how many windows took votes whose receipts did not wait */
};

/*
 * Reads all that can be read into `windows`, which has none yet and keeps nothing. 0; or -errno
 * with `err`: -ENOENT, a window of a tenant that the keyring lacks, unless it was taken out later;
 * -EPROTO, a vote that its window cannot have taken or has no room for now, an event that makes no
 * sense; -ENOMEM; a disk that cannot be read. A journal
 * that ends in a damaged block is no error: `recovery->journal` says where it ended, and `err` has
 * a line where acknowledged votes are lost, else it is empty.
 */
int recover_run(struct disk *disk, const struct keyring *keyring, struct windows *windows,
		struct recovery *recovery, struct err *err);

/*
 * The same for one window and no further than its scope: for who counts again, with
 * `scope->tenants` in place of a keyring. -ENODATA: the journal ends before the scope does.
 */
int recover_part(struct disk *disk, const struct recover_scope *scope, struct windows *windows,
		 struct recovery *recovery, struct err *err);

#endif
