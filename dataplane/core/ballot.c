// SPDX-License-Identifier: BSD-3-Clause
/*
 * Cells of 4, 8 or 16 bits in 64-bit words. Workers cast, anybody reads, nobody waits.
 *
 * Relaxed order is enough: a cell carries everything that is known of a voter's answer, and no
 * other memory is published through it.
 */
#include "dataplane/core/ballot.h"

#include <stdbool.h>

#include "wire/vote_packet.h"

#define WORD_BITS 64

static uint32_t cell_bits_for(uint32_t options)
{
	if (options < 16)
		return 4;
	return options < 256 ? 8 : 16;
}

size_t ballot_bytes(uint64_t voters, uint32_t options)
{
	uint64_t bits = voters * cell_bits_for(options);
	return (bits + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

void ballot_init(struct ballot *ballot, void *words, uint64_t voters, uint32_t options)
{
	ballot->voters = voters;
	ballot->cell_bits = cell_bits_for(options);
	ballot->cell_shift = (uint32_t)__builtin_ctz(WORD_BITS / ballot->cell_bits);
	ballot->words = words;
}

/* The word of a voter's cell; `shift` is where the cell lies in it. */
static uint64_t *cell_word(const struct ballot *ballot, uint32_t voter, uint32_t *shift)
{
	uint32_t cells = 1u << ballot->cell_shift;
	*shift = (voter & (cells - 1)) * ballot->cell_bits;
	return &ballot->words[voter >> ballot->cell_shift];
}

static uint64_t cell_mask(const struct ballot *ballot)
{
	return (1ull << ballot->cell_bits) - 1;
}

void ballot_prefetch(const struct ballot *ballot, uint32_t voter)
{
	uint32_t shift;
	if (voter < ballot->voters)
		__builtin_prefetch(cell_word(ballot, voter, &shift), 1);
}

enum ballot_outcome ballot_cast(struct ballot *ballot, uint32_t voter, uint16_t choice,
				uint16_t *standing)
{
	*standing = CHOICE_NONE;
	if (voter >= ballot->voters)
		return BALLOT_FULL;
	uint32_t shift;
	uint64_t *word = cell_word(ballot, voter, &shift);
	uint64_t mask = cell_mask(ballot);
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
	/* Each failure means that a cell of this word was filled, and a cell is filled once. */
	while ((old >> shift & mask) == 0) {
		uint64_t new = old | (uint64_t)(choice + 1u) << shift;
		if (__atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			*standing = choice;
			return BALLOT_RECORDED;
		}
	}
	*standing = (uint16_t)((old >> shift & mask) - 1);
	return BALLOT_STANDS;
}

uint16_t ballot_standing(const struct ballot *ballot, uint32_t voter)
{
	if (voter >= ballot->voters)
		return CHOICE_NONE;
	uint32_t shift;
	uint64_t word = __atomic_load_n(cell_word(ballot, voter, &shift), __ATOMIC_RELAXED);
	return (uint16_t)((word >> shift & cell_mask(ballot)) - 1);
}

uint64_t ballot_count(const struct ballot *ballot, uint64_t *votes, uint32_t options)
{
	uint64_t voters = 0;
	for (uint32_t i = 0; i < options; i++)
		votes[i] = 0;
	for (uint64_t voter = 0; voter < ballot->voters; voter++) {
		uint16_t choice = ballot_standing(ballot, (uint32_t)voter);
		if (choice < options) {
			votes[choice]++;
			voters++;
		}
	}
	return voters;
}
