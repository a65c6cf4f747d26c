/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which voter is for which item: a set of pairs that only grows, in a table of fixed size. For
 * questions with up to 65,535 items, where a bit for each pair would not fit any memory.
 *
 * Open addressing with linear probing; nothing is ever removed. A pair goes into the first empty
 * cell from its home on, by one compare-and-swap. Whoever adds the same pair walks the same cells,
 * and so meets the first at one swap: exactly one wins. Any thread, nobody waits. The memory is
 * handed in.
 */
#ifndef TALLYWIRE_CORE_UPVOTES_H
#define TALLYWIRE_CORE_UPVOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set by upvotes_init() and read only from then on; the cells are written by any caster. */
struct upvotes {
	uint64_t *cells; /* (voter << 16 | item) + 1; 0: empty */
	uint64_t count;  /* of cells */
};

enum upvotes_outcome {
	UPVOTES_ADDED,
	UPVOTES_THERE, /* this voter was for this item already */
	UPVOTES_FULL,  /* no room: nothing recorded */
};

/* Bytes with room for `answers` pairs at least; some half more go in before it is full. */
size_t upvotes_bytes(uint64_t answers);

/* `memory`: `bytes` of zeroed memory, 64-byte aligned, that outlives the set. */
void upvotes_init(struct upvotes *upvotes, void *memory, size_t bytes);

enum upvotes_outcome upvotes_add(const struct upvotes *upvotes, uint32_t voter, uint16_t item);
bool upvotes_has(const struct upvotes *upvotes, uint32_t voter, uint16_t item);

/* Brings the pair's home near, some time before upvotes_add(). */
void upvotes_prefetch(const struct upvotes *upvotes, uint32_t voter, uint16_t item);

#endif
