/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a ballot's containers lie in its pool. For ballot.c and ballot_grow.c only.
 *
 *   memory:  directory │ struct ballot_pool │ arrays ──►   free   ◄── dense containers
 *
 * A container grows through stages: none; arrays of 8, 7, 15, 31, 63 and 127 slots; dense. An array
 * does not replace the one before, it continues it: its last word is the reference of the one
 * before, which is full and changes no more. A dense container replaces them all. So a container's
 * reference in the directory only ever goes up by one stage, and no reference occurs twice. With
 * wide cells there are no arrays: the first stage is the dense one.
 *
 * A slot is (choice + 1) << 16 | value, 0 while it is empty; slots of an array are filled in order
 * and once. A cell of a dense container is choice + 1, 0 while it is empty, and is filled once.
 *
 * The sizes are smaller in a test that tries every interleaving.
 */
#ifndef TALLYWIRE_CORE_BALLOT_STAGE_H
#define TALLYWIRE_CORE_BALLOT_STAGE_H

#include <assert.h>

#include "dataplane/core/ballot.h"

#ifndef BALLOT_UNIT_SLOTS
#define BALLOT_UNIT_SLOTS 8 /* of the first array */
#endif

#define UNIT_BYTES  (BALLOT_UNIT_SLOTS * sizeof(uint32_t)) /* arrays are multiples of this */
#define STAGE_NONE  0u
#define STAGE_DENSE BALLOT_STAGE_DENSE
#define STAGE_BITS  BALLOT_STAGE_BITS
/* The first array is one unit, the second too, each further one twice the one before. */
#define ARRAYS_UNITS (1u << (BALLOT_ARRAYS - 1))

static_assert(STAGE_DENSE < 1u << STAGE_BITS, "a stage fits into a reference");
static_assert(ARRAYS_UNITS * BALLOT_UNIT_SLOTS - (BALLOT_ARRAYS - 1) <= BALLOT_SPARSE_MAX,
	      "struct ballot_container holds all arrays of a container");

/* At the head of the pool, on a cache line of its own: written only when a container grows. */
struct ballot_pool {
	uint64_t taken; /* written by any caster, by swap: see ballot_grow.c */
	uint64_t dry;   /* written by any caster: casts that found no room */
	uint64_t unused[6];
};
static_assert(sizeof(struct ballot_pool) == BALLOT_ALIGNMENT, "no array shares the pool's line");

/* `where` of an array counts units from the start of the arrays. */
static inline uint32_t reference_to(uint32_t where, uint32_t stage)
{
	return where << STAGE_BITS | stage;
}

static inline uint32_t array_units(uint32_t stage)
{
	return stage == 1 ? 1 : 1u << (stage - 2);
}

/* The first array continues none, so its last word is a slot too. */
static inline uint32_t array_slots(uint32_t stage)
{
	return array_units(stage) * BALLOT_UNIT_SLOTS - (stage > 1);
}

static inline struct ballot_pool *pool_head(const struct ballot *ballot)
{
	return (struct ballot_pool *)ballot->pool;
}

static inline uint32_t *array_at(const struct ballot *ballot, uint32_t reference)
{
	size_t unit = reference >> STAGE_BITS;
	return (uint32_t *)(ballot->pool + sizeof(struct ballot_pool) + unit * UNIT_BYTES);
}

/* Where the reference of the array before is; only from stage 2 on. */
static inline uint32_t *array_before(const struct ballot *ballot, uint32_t reference)
{
	return array_at(ballot, reference) + array_slots(ballot_stage_of(reference));
}

/* Written before the array is published, read after: the directory's orders cover it. */
static inline uint32_t load_before(const struct ballot *ballot, uint32_t reference)
{
	if (ballot_stage_of(reference) <= 1)
		return 0;
	return atomics_load(array_before(ballot, reference), __ATOMIC_RELAXED);
}

static inline size_t dense_bytes(uint32_t cell_shift)
{
	return (size_t)8 << (BALLOT_VALUE_BITS - cell_shift);
}

/*
 * The next stage of a container that was seen full at `seen`; of an empty one, if `seen` is 0. True
 * when the directory has something newer than `seen`; false when the pool is dry.
 */
bool ballot_grow(struct ballot *ballot, uint32_t container, uint32_t seen);

#endif
