/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ballot as Roaring bitmaps: who chose what, and who answered at all. Run-optimised, for set
 * algebra here and, in the portable format, elsewhere (Druid, ClickHouse, Spark, …).
 *
 * For the control thread, never for a worker: it allocates, and CRoaring is not safe with threads.
 * Casting may go on meanwhile; each answer is then in both of its sets or in neither.
 */
#ifndef TALLYWIRE_SEAL_H
#define TALLYWIRE_SEAL_H

#include <roaring/roaring.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/ballot.h"

struct seal {
	uint32_t options;
	roaring_bitmap_t **choices; /* by option: voter numbers */
	roaring_bitmap_t *voters;   /* all of them */
};

/* `options` as the ballot was made with; of wide cells, how many there are. 0; -ENOMEM, with
 * nothing to free. */
int seal_make(const struct ballot *ballot, uint32_t options, struct seal *seal);
void seal_free(struct seal *seal);

/* The portable format, in memory that the caller frees; NULL when out of memory. */
char *seal_portable(const roaring_bitmap_t *bitmap, size_t *bytes);

#endif
