/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has answered, and what: one cell per voter, decided by one compare-and-swap.
 *
 * A cell holds the choice plus one, 0 where none stands, in 4, 8 or 16 bits by the number of
 * options, packed into 64-bit words. "Seen" and "what stands" are one word, so twins that arrive on
 * two cores at once meet at one swap, and the loser reads what stands from the word it lost to
 * (docs/decisions/0002). A failed swap means that another cell of the word was filled, so a cast
 * retries at most as often as a word has cells.
 *
 * Any thread may cast and read at any time; nobody blocks. The memory is handed in and not freed
 * here.
 */
#ifndef TALLYWIRE_CORE_BALLOT_H
#define TALLYWIRE_CORE_BALLOT_H

#include <stddef.h>
#include <stdint.h>

#define BALLOT_MAX_OPTIONS 65534 /* a choice of 0xFFFF means none */

struct ballot {
	uint64_t voters;     /* voter numbers below this have a cell */
	uint32_t cell_shift; /* cells per word, as a power of two: 4, 3 or 2 */
	uint32_t cell_bits;  /* 4, 8 or 16 */
	uint64_t *words;     /* written by any worker, atomically */
};

enum ballot_outcome {
	BALLOT_RECORDED, /* the answer is this voter's first and stands now */
	BALLOT_STANDS,   /* an earlier answer of this voter stands */
	BALLOT_FULL,     /* the voter number has no cell: nothing recorded */
};

/* Bytes of zeroed memory for `voters` voter numbers from 0 and `options` options. */
size_t ballot_bytes(uint64_t voters, uint32_t options);

/* `words`: ballot_bytes() of zeroed memory, 8-byte aligned, that outlives the ballot. */
void ballot_init(struct ballot *ballot, void *words, uint64_t voters, uint32_t options);

/* Brings the voter's word near, before ballot_cast(). */
void ballot_prefetch(const struct ballot *ballot, uint32_t voter);

/*
 * Records `choice` for `voter` if nothing is recorded. `choice` is below the options of
 * ballot_init(). `standing` gets the choice that stands afterwards, CHOICE_NONE where BALLOT_FULL.
 */
enum ballot_outcome ballot_cast(struct ballot *ballot, uint32_t voter, uint16_t choice,
				uint16_t *standing);

/* The choice that stands for this voter, or CHOICE_NONE. */
uint16_t ballot_standing(const struct ballot *ballot, uint32_t voter);

/* Counts the cells by choice into votes[0 .. options); returns the number of voters. For audits. */
uint64_t ballot_count(const struct ballot *ballot, uint64_t *votes, uint32_t options);

#endif
