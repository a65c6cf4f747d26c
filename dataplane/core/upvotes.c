// SPDX-License-Identifier: BSD-3-Clause
/*
 * The set of pairs. Relaxed order is enough: a cell is all that is known of a pair, and no other
 * memory is published through it.
 */
#include "dataplane/core/upvotes.h"

#include "dataplane/core/atomics.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LINE_CELLS 8 /* of a cache line */
/*
 * A walk ends after so many cells, and the pair finds no room. At two thirds full, where the stated
 * room ends, walks of a hundred million pairs stay below some 300.
 */
#define MOST_PROBES 1024

static uint64_t cell_of(uint32_t voter, uint16_t item)
{
	return ((uint64_t)voter << 16 | item) + 1;
}

/* Homes are cells, spread over the whole table by the upper half of a product. */
static uint64_t home_of(const struct upvotes *upvotes, uint64_t cell)
{
	return (uint64_t)((unsigned __int128)XXH3_64bits(&cell, sizeof(cell)) * upvotes->count >>
			  64);
}

size_t upvotes_bytes(uint64_t answers)
{
	uint64_t cells = answers + answers / 2 + LINE_CELLS;
	return (cells + LINE_CELLS - 1) / LINE_CELLS * LINE_CELLS * sizeof(uint64_t);
}

void upvotes_init(struct upvotes *upvotes, void *memory, size_t bytes)
{
	upvotes->cells = memory;
	upvotes->count = bytes / sizeof(uint64_t);
}

static uint64_t probes_of(const struct upvotes *upvotes)
{
	return upvotes->count < MOST_PROBES ? upvotes->count : MOST_PROBES;
}

static uint64_t next_cell(const struct upvotes *upvotes, uint64_t at)
{
	return at + 1 == upvotes->count ? 0 : at + 1;
}

enum upvotes_outcome upvotes_add(const struct upvotes *upvotes, uint32_t voter, uint16_t item)
{
	uint64_t cell = cell_of(voter, item), at = home_of(upvotes, cell);
	for (uint64_t left = probes_of(upvotes); left; left--, at = next_cell(upvotes, at)) {
		uint64_t there = atomics_load(&upvotes->cells[at], __ATOMIC_RELAXED);
		if (there == 0 && atomics_swap(&upvotes->cells[at], &there, cell, __ATOMIC_RELAXED,
					       __ATOMIC_RELAXED))
			return UPVOTES_ADDED;
		/* A lost swap left in `there` what was faster: maybe this very pair. */
		if (there == cell)
			return UPVOTES_THERE;
	}
	return UPVOTES_FULL;
}

bool upvotes_has(const struct upvotes *upvotes, uint32_t voter, uint16_t item)
{
	uint64_t cell = cell_of(voter, item), at = home_of(upvotes, cell);
	for (uint64_t left = probes_of(upvotes); left; left--, at = next_cell(upvotes, at)) {
		uint64_t there = atomics_load(&upvotes->cells[at], __ATOMIC_RELAXED);
		if (there == 0 || there == cell)
			return there == cell;
	}
	return false;
}

void upvotes_prefetch(const struct upvotes *upvotes, uint32_t voter, uint16_t item)
{
	__builtin_prefetch(&upvotes->cells[home_of(upvotes, cell_of(voter, item))], 1);
}
