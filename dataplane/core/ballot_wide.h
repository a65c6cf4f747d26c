/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Casting into a ballot of BALLOT_WIDE: each voter has one cell of 64 bits, which keeps a number
 * beside the choice. Of a quiz it is how long the answer took; where answers may change, their
 * revision.
 *
 *   cell: mark (48 bits) │ choice + 1 (16 bits); 0 while it is empty
 *
 * The orders are those of ballot_dense.h. What holds for all ballots, holds here: any thread, no
 * waiting, the memory is handed in. Readers of whole containers see the choices as in others.
 */
#ifndef TALLYWIRE_CORE_BALLOT_WIDE_H
#define TALLYWIRE_CORE_BALLOT_WIDE_H

#include "dataplane/core/ballot.h"
#include "wire/vote_packet.h"

#define BALLOT_MARK_BITS  48
#define BALLOT_WIDE_PARTS 32 /* of a container, 16 KiB each: a bit in its word */

enum ballot_change {
	BALLOT_FIRST,    /* nothing stood before: recorded */
	BALLOT_RAISED,   /* a lower mark stood before: replaced */
	BALLOT_KEPT,     /* what stood before stands */
	BALLOT_NO_PLACE, /* no cell for this voter number, or the pool is dry: nothing recorded */
};

static inline uint64_t ballot_wide_cell(uint16_t choice, uint64_t mark)
{
	return mark << 16 | (choice + 1u);
}

static inline uint16_t ballot_wide_choice(uint64_t cell)
{
	return (uint16_t)((cell & 0xFFFF) - 1); /* CHOICE_NONE of an empty one */
}

static inline uint64_t ballot_wide_mark(uint64_t cell)
{
	return cell >> 16;
}

/* The bit of a part, by the number of any voter in it; `word` is its container's. */
static inline uint64_t ballot_wide_part(const struct ballot *ballot, uint32_t voter,
					uint64_t **word)
{
	*word = (uint64_t *)(void *)ballot->pool - 1 - (voter >> BALLOT_VALUE_BITS);
	return 1ull << (ballot_value_of(voter) * BALLOT_WIDE_PARTS >> BALLOT_VALUE_BITS);
}

/*
 * Where numbers are spread over containers that grow, most of a container is memory that nobody has
 * used. Noted before a cell is filled, so that readers need not look at the rest: a look takes a
 * page from the kernel.
 */
static inline void ballot_wide_touch(struct ballot *ballot, uint32_t voter)
{
	uint64_t *word;
	if (!ballot->touched)
		return;
	uint64_t bit = ballot_wide_part(ballot, voter, &word);
	if (!(atomics_load(word, __ATOMIC_RELAXED) & bit))
		atomics_or(word, bit, __ATOMIC_RELAXED);
}

/* False where no cell in the voter's part of its container was filled. The container is there. */
static inline bool ballot_wide_is_touched(const struct ballot *ballot, uint32_t voter)
{
	uint64_t *word;
	if (!ballot->touched)
		return true;
	uint64_t bit = ballot_wide_part(ballot, voter, &word);
	return atomics_load(word, __ATOMIC_RELAXED) & bit;
}

/* The voter's cell, which comes into being where there is none; NULL: there is no place for it. */
static inline uint64_t *ballot_wide_place(struct ballot *ballot, uint32_t voter)
{
	if (voter >= ballot->voters)
		return NULL;
	uint32_t container = voter >> BALLOT_VALUE_BITS, shift;
	uint32_t reference = ballot_reference(ballot, container);
	if (ballot_stage_of(reference) != BALLOT_STAGE_DENSE) {
		if (!ballot_open_container(ballot, container))
			return NULL;
		reference = ballot_reference(ballot, container);
	}
	ballot_wide_touch(ballot, voter);
	return ballot_dense_word(ballot, reference, ballot_value_of(voter), &shift);
}

/* The voter's cell as it stands, 0 where nothing does. */
static inline uint64_t ballot_wide_standing(const struct ballot *ballot, uint32_t voter)
{
	uint32_t shift;
	if (voter >= ballot->voters)
		return 0;
	uint32_t reference = ballot_reference(ballot, voter >> BALLOT_VALUE_BITS);
	if (ballot_stage_of(reference) != BALLOT_STAGE_DENSE)
		return 0;
	return atomics_load(ballot_dense_word(ballot, reference, ballot_value_of(voter), &shift),
			    __ATOMIC_RELAXED);
}

/*
 * Records `choice` with `mark` (below 2^48) where nothing is recorded. `standing` gets the cell as
 * it is afterwards, 0 where BALLOT_NO_PLACE.
 */
static inline enum ballot_change ballot_wide_cast(struct ballot *ballot, uint32_t voter,
						  uint16_t choice, uint64_t mark,
						  uint64_t *standing)
{
	uint64_t *place = ballot_wide_place(ballot, voter);
	*standing = 0;
	if (!place)
		return BALLOT_NO_PLACE;
	uint64_t now = ballot_wide_cell(choice, mark);
	if (!atomics_swap(place, standing, now, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return BALLOT_KEPT;
	*standing = now;
	return BALLOT_FIRST;
}

/*
 * Records `choice` where nothing is recorded or `mark` is higher than what stands. `before` gets
 * the cell as it was, 0 where nothing stood. Each lost swap means that the mark went up, so the
 * loop ends.
 */
static inline enum ballot_change ballot_wide_raise(struct ballot *ballot, uint32_t voter,
						   uint16_t choice, uint64_t mark, uint64_t *before)
{
	uint64_t *place = ballot_wide_place(ballot, voter);
	*before = 0;
	if (!place)
		return BALLOT_NO_PLACE;
	uint64_t now = ballot_wide_cell(choice, mark);
	*before = atomics_load(place, __ATOMIC_RELAXED);
	while (*before == 0 || mark > ballot_wide_mark(*before))
		if (atomics_swap(place, before, now, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return *before ? BALLOT_RAISED : BALLOT_FIRST;
	return BALLOT_KEPT;
}

#endif
