/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What answers to quizzes are worth, and who scored most. Points are not kept anywhere: they follow
 * from a quiz's times and the cells of its ballot (dataplane/core/ballot_wide.h), so a window that
 * is extended or closed early is counted again as it is then.
 *
 *   points of a right answer: points - floor(points * took / (2 * duration)), at least 0
 *
 * Several quizzes are summed block by block over the containers that any of them has, so no memory
 * per voter is needed, and numbers of which few exist cost little. Ten million voters are a matter
 * of some 10 ms for each quiz: for the control thread, not for a worker. Casting may go on
 * meanwhile; an answer is then counted or not.
 *
 * Pure; any thread; the memory is handed in.
 */
#ifndef TALLYWIRE_CORE_SCORE_H
#define TALLYWIRE_CORE_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/ballot.h"
#include "dataplane/core/kind.h"

#define SCORE_MAX_POINTS      1000000u
#define SCORE_MAX_DURATION_US 86400000000u /* a day */
/* A bit for each choice + 1: options go to 1024, and no cell that is read leads beyond. */
#define SCORE_CORRECT_WORDS 32

/* One quiz, made ready by score_quiz_init(). Read only from then on. */
struct score_quiz {
	const struct ballot *ballot;
	uint64_t points;
	uint64_t most_us; /* an answer that took so long is worth nothing */
	uint64_t factor;  /* with `shift`, points per µs: see score.c */
	unsigned int shift;
	bool in_blocks; /* and in score_block.h's way: */
	double per_us;
	double half;
	uint64_t correct[SCORE_CORRECT_WORDS];
};

/*
 * `ballot`: of BALLOT_WIDE, its marks are µs after opening. `correct`: bit i of its
 * KIND_MAX_OPTIONS: option i is right. `points` and `duration_us` within the limits above; with a
 * duration of 0 every right answer is worth all points.
 */
void score_quiz_init(struct score_quiz *quiz, const struct ballot *ballot, const uint64_t *correct,
		     uint32_t points, uint64_t duration_us);

/* What one cell of its ballot is worth. */
uint32_t score_points(const struct score_quiz *quiz, uint64_t cell);

struct score_entry {
	uint64_t points;
	uint32_t voter;
};

/* The best of those who scored, in their order: by points, then by lower voter number. */
struct score_board {
	struct score_entry *entries; /* the caller's, `room` of them */
	uint32_t room;
	uint32_t count;   /* entries that are filled in */
	uint64_t players; /* who scored, in the entries or not */
};

/* Fills in `count`, `players` and the entries: of the sums over these quizzes. */
void score_rank(const struct score_quiz *quizzes, uint32_t count, struct score_board *board);

/* What one voter has from these quizzes. */
uint64_t score_of_voter(const struct score_quiz *quizzes, uint32_t count, uint32_t voter);

/* The place from 1 of a voter with so many points, which are more than 0. */
uint64_t score_place(const struct score_quiz *quizzes, uint32_t count, uint32_t voter,
		     uint64_t points);

#endif
