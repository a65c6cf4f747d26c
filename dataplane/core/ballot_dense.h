/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of ballot.h, which includes it: the way of nearly every vote, inline. It ends in a dense
 * container, of 65,536 cells of 4, 8 or 16 bits; all else is ballot_cast_growing().
 *
 * A reference is what the directory holds for a container: where << BALLOT_STAGE_BITS | stage, 0
 * where there is none. A dense container is the `where`-th from the end of the pool, from 1. What
 * other stages there are, ballot_stage.h says.
 */
#ifndef TALLYWIRE_CORE_BALLOT_DENSE_H
#define TALLYWIRE_CORE_BALLOT_DENSE_H

#include <stdbool.h>

#include "dataplane/core/atomics.h"

/* Smaller in a test that tries every interleaving. */
#ifndef BALLOT_VALUE_BITS
#define BALLOT_VALUE_BITS 16 /* of a voter number: its place in a container */
#endif
#ifndef BALLOT_ARRAYS
#define BALLOT_ARRAYS 6 /* stages before the dense one */
#endif

#define BALLOT_STAGE_BITS  4
#define BALLOT_STAGE_DENSE (BALLOT_ARRAYS + 1u)

static inline uint32_t ballot_stage_of(uint32_t reference)
{
	return reference & ((1u << BALLOT_STAGE_BITS) - 1);
}

static inline uint32_t ballot_value_of(uint32_t voter)
{
	return voter & ((1u << BALLOT_VALUE_BITS) - 1);
}

/*
 * Acquire: what the reference leads to, which is the link of an array and the cells that a dense
 * container began with, was written before it was published.
 */
static inline uint32_t ballot_reference(const struct ballot *ballot, uint32_t container)
{
	return atomics_load(&ballot->directory[container], __ATOMIC_ACQUIRE);
}

static inline uint64_t *ballot_dense_at(const struct ballot *ballot, uint32_t reference)
{
	size_t from_end = (size_t)(reference >> BALLOT_STAGE_BITS)
			  << (BALLOT_VALUE_BITS + 3 - ballot->cell_shift);
	return (uint64_t *)(ballot->pool + ballot->pool_bytes - from_end);
}

/* The word of a value's cell; `shift` is where the cell lies in it. */
static inline uint64_t *ballot_dense_word(const struct ballot *ballot, uint32_t reference,
					  uint32_t value, uint32_t *shift)
{
	*shift = value << (6 - ballot->cell_shift) & 63;
	return ballot_dense_at(ballot, reference) + (value >> ballot->cell_shift);
}

static inline uint64_t ballot_cell_mask(const struct ballot *ballot)
{
	return ~0ull >> (64 - ballot->cell_bits);
}

/*
 * For readers of whole words: the choices + 1 in a word of a dense container, so many bits each. A
 * wide cell keeps its own in the lowest 16.
 */
static inline uint32_t ballot_choice_bits(const struct ballot *ballot)
{
	return ballot->cell_bits < 16 ? ballot->cell_bits : 16;
}

static inline uint64_t ballot_choices(const struct ballot *ballot, const uint64_t *word)
{
	uint64_t cells = atomics_load(word, __ATOMIC_RELAXED);
	return ballot->cell_bits == 64 ? cells & 0xFFFF : cells;
}

/*
 * Relaxed: a cell carries everything that is known of a voter's answer, and no other memory is
 * published through it. Each failed swap means that a cell of the word was filled: it has 16 at
 * most, and each is filled once.
 */
static inline enum ballot_outcome ballot_cast_dense(struct ballot *ballot, uint32_t reference,
						    uint32_t value, uint16_t choice,
						    uint16_t *standing)
{
	uint32_t shift;
	uint64_t *word = ballot_dense_word(ballot, reference, value, &shift);
	uint64_t mask = ballot_cell_mask(ballot);
	uint64_t old = atomics_load(word, __ATOMIC_RELAXED);
	while ((old >> shift & mask) == 0) {
		uint64_t now = old | (uint64_t)(choice + 1u) << shift;
		if (atomics_swap(word, &old, now, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			*standing = choice;
			return BALLOT_RECORDED;
		}
	}
	*standing = (uint16_t)((old >> shift & mask) - 1);
	return BALLOT_STANDS;
}

/* Sees to it that a container of a wide ballot is there. False: the pool is dry. */
bool ballot_open_container(struct ballot *ballot, uint32_t container);

/* Any voter number, any stage. */
enum ballot_outcome ballot_cast_growing(struct ballot *ballot, uint32_t voter, uint16_t choice,
					uint16_t *standing);
void ballot_prefetch_growing(const struct ballot *ballot, uint32_t reference);

static inline enum ballot_outcome ballot_cast(struct ballot *ballot, uint32_t voter,
					      uint16_t choice, uint16_t *standing)
{
	if (voter < ballot->voters) {
		uint32_t reference = ballot_reference(ballot, voter >> BALLOT_VALUE_BITS);
		if (ballot_stage_of(reference) == BALLOT_STAGE_DENSE)
			return ballot_cast_dense(ballot, reference, ballot_value_of(voter), choice,
						 standing);
	}
	return ballot_cast_growing(ballot, voter, choice, standing);
}

static inline void ballot_prefetch(const struct ballot *ballot, uint32_t voter)
{
	uint32_t shift;
	if (voter >= ballot->voters)
		return;
	uint32_t reference = ballot_reference(ballot, voter >> BALLOT_VALUE_BITS);
	if (ballot_stage_of(reference) == BALLOT_STAGE_DENSE)
		__builtin_prefetch(
			ballot_dense_word(ballot, reference, ballot_value_of(voter), &shift), 1);
	else if (reference)
		ballot_prefetch_growing(ballot, reference);
}

#endif
