/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes old segments off the disk, oldest first. A journal may begin anywhere in the chain
 * (docs/journal.md); what must stay, the caller knows.
 */
#ifndef TALLYWIRE_JOURNAL_PRUNE_H
#define TALLYWIRE_JOURNAL_PRUNE_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"

/* How much of a journal is kept; 0: all of it. */
struct journal_keep {
	uint64_t days; /* since the segment was last written */
	uint64_t mb;   /* all segments together, in MiB */
};

/*
 * Removes segments with ids below `below` that are older than `now_s` (Unix time) less the days,
 * and further ones until all that is left has no more than so many MiB. Each is gone from the disk
 * before the next one is removed, so that a power cut leaves no hole. Returns how many, or -errno
 * with `err`. Any thread, beside a writer whose segments are not below `below`.
 */
int journal_prune(const char *directory, uint64_t below, const struct journal_keep *keep,
		  uint64_t now_s, struct err *err);

#endif
