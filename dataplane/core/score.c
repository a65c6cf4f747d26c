// SPDX-License-Identifier: BSD-3-Clause
/*
 * Points of cells, sums of blocks, and a heap of the best. Called by the control thread and by
 * --replay.
 *
 * Whole blocks go the way of score_block.h where they can; single cells and all others this one:
 * no division per answer. With d = 2 * duration, the smallest L with d <= 2^L, and
 * factor = ceil(points * 2^(38 + L) / d) = (points * 2^(38 + L) + e) / d where 0 <= e < d:
 *
 *   took * factor / 2^(38 + L) = points * took / d + took * e / (d * 2^(38 + L))
 *
 * took is at most d, so took * e < 2^(2L) <= 2^(38 + L), as a day is less than 2^37 µs. What is too
 * much is thus below 1/d, which is the least by which points * took / d falls short of a whole
 * number that it does not reach: the floors are equal. took << (38 - L) has 38 bits at most and the
 * factor 60, so all fits, and the result is always found at bit 76.
 */
#include "dataplane/core/score.h"

#include <assert.h>

#include "dataplane/core/atomics.h"
#include "dataplane/core/ballot_wide.h"
#include "dataplane/core/score_block.h"

#define DURATION_BITS 38 /* of twice a day, in µs */
#define PRODUCT_SHIFT (2 * DURATION_BITS)
#define BLOCK         SCORE_BLOCK
#define CONTAINER     (1u << BALLOT_VALUE_BITS)

static_assert(2ull * SCORE_MAX_DURATION_US <= 1ull << DURATION_BITS, "as the proof above wants");
static_assert(SCORE_MAX_POINTS < 1u << 20, "a factor fits into 64 bits");
static_assert(KIND_MAX_OPTIONS < SCORE_CORRECT_WORDS * 64, "a bit for each choice + 1");
static_assert(CONTAINER / BLOCK == BALLOT_WIDE_PARTS, "a block is what is known to be touched");

/* What checks accesses gets single ones. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SINGLE_CELLS
#endif
#endif
#if !defined(SCORE_HAVE_AVX2) || defined(__SANITIZE_THREAD__)
#define SINGLE_CELLS
#endif

static bool can_block(void)
{
#ifdef SINGLE_CELLS
	return false;
#else
	return __builtin_cpu_supports("avx2");
#endif
}

/* Whether score_block.h is exact for it, and has room for what is right. */
static bool block_fits(const uint64_t *correct, uint64_t duration_us)
{
	for (uint32_t i = 1; i < SCORE_CORRECT_WORDS; i++)
		if (correct[i])
			return false;
	return duration_us <= SCORE_BLOCK_LONGEST_US;
}

void score_quiz_init(struct score_quiz *quiz, const struct ballot *ballot, const uint64_t *correct,
		     uint32_t points, uint64_t duration_us)
{
	uint64_t twice_us = 2 * duration_us;
	unsigned int bits = 1;
	*quiz = (struct score_quiz){.ballot = ballot, .points = points};
	for (uint32_t i = 1; i <= KIND_MAX_OPTIONS; i++)
		if (correct[(i - 1) / 64] >> (i - 1) % 64 & 1)
			quiz->correct[i / 64] |= 1ull << i % 64;
	quiz->in_blocks = can_block() && block_fits(quiz->correct, duration_us);
	if (duration_us == 0)
		return; /* nothing is taken off */
	while (1ull << bits < twice_us)
		bits++;
	unsigned __int128 scaled = (unsigned __int128)points << (DURATION_BITS + bits);
	quiz->factor = (uint64_t)((scaled + twice_us - 1) / twice_us);
	quiz->shift = DURATION_BITS - bits;
	quiz->most_us = twice_us;
	quiz->per_us = (double)points / (double)twice_us;
	quiz->half = 0.5 / (double)twice_us;
}

/* Without a branch on what voters chose, which no processor can guess. */
static inline uint64_t points_of(const struct score_quiz *quiz, uint64_t cell)
{
	uint64_t took = ballot_wide_mark(cell);
	uint64_t right = quiz->correct[cell / 64 % SCORE_CORRECT_WORDS] >> cell % 64 & 1;
	took = took < quiz->most_us ? took : quiz->most_us;
	uint64_t off = (uint64_t)((unsigned __int128)(took << quiz->shift) * quiz->factor >>
				  PRODUCT_SHIFT);
	return (quiz->points - off) & (0 - right);
}

uint32_t score_points(const struct score_quiz *quiz, uint64_t cell)
{
	return (uint32_t)points_of(quiz, cell);
}

uint64_t score_of_voter(const struct score_quiz *quizzes, uint32_t count, uint32_t voter)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += points_of(&quizzes[i], ballot_wide_standing(quizzes[i].ballot, voter));
	return sum;
}

/* The BLOCK cells from a voter's on, or NULL: all are empty. */
static const uint64_t *cells_of(const struct score_quiz *quiz, uint32_t first)
{
	uint32_t container = first >> BALLOT_VALUE_BITS;
	if (container >= ballot_containers(quiz->ballot))
		return NULL;
	uint32_t reference = ballot_reference(quiz->ballot, container);
	if (ballot_stage_of(reference) != BALLOT_STAGE_DENSE ||
	    !ballot_wide_is_touched(quiz->ballot, first))
		return NULL;
	return ballot_dense_at(quiz->ballot, reference) + ballot_value_of(first);
}

/* Sets or adds what BLOCK cells are worth. */
static void set_block(const struct score_quiz *quiz, const uint64_t *cells, uint64_t *restrict sums)
{
#ifndef SINGLE_CELLS
	if (quiz->in_blocks) {
		score_block_set_avx2(quiz, cells, sums);
		return;
	}
#endif
	for (uint32_t i = 0; i < BLOCK; i++)
		sums[i] = points_of(quiz, atomics_load(&cells[i], __ATOMIC_RELAXED));
}

static void add_block(const struct score_quiz *quiz, const uint64_t *cells, uint64_t *restrict sums)
{
#ifndef SINGLE_CELLS
	if (quiz->in_blocks) {
		score_block_add_avx2(quiz, cells, sums);
		return;
	}
#endif
	for (uint32_t i = 0; i < BLOCK; i++)
		sums[i] += points_of(quiz, atomics_load(&cells[i], __ATOMIC_RELAXED));
}

/* The sums of the BLOCK voters from number `first` on. False where no quiz has answers of them. */
static bool sum_block(const struct score_quiz *quizzes, uint32_t count, uint32_t first,
		      uint64_t *sums)
{
	bool any = false;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *cells = cells_of(&quizzes[i], first);
		if (!cells)
			continue;
		(any ? add_block : set_block)(&quizzes[i], cells, sums);
		any = true;
	}
	return any;
}

static uint32_t most_containers(const struct score_quiz *quizzes, uint32_t count)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t containers = ballot_containers(quizzes[i].ballot);
		most = containers > most ? containers : most;
	}
	return most;
}

static bool any_has_container(const struct score_quiz *quizzes, uint32_t count, uint32_t container)
{
	for (uint32_t i = 0; i < count; i++)
		if (container < ballot_containers(quizzes[i].ballot) &&
		    ballot_reference(quizzes[i].ballot, container))
			return true;
	return false;
}

/* Takes the sums of the BLOCK voters from number `first` on; voters come in ascending order. */
typedef void take_block(void *context, uint32_t first, const uint64_t *sums);

static void each_block(const struct score_quiz *quizzes, uint32_t count, take_block *take,
		       void *context)
{
	uint64_t sums[BLOCK] __attribute__((aligned(64)));
	uint32_t containers = most_containers(quizzes, count);
	for (uint32_t container = 0; container < containers; container++) {
		uint32_t first = container << BALLOT_VALUE_BITS;
		if (!any_has_container(quizzes, count, container))
			continue;
		for (uint32_t at = 0; at < CONTAINER; at += BLOCK) {
			if (sum_block(quizzes, count, first + at, sums))
				take(context, first + at, sums);
		}
	}
}

/* True where `a` stands before `b`. */
static bool is_before(const struct score_entry *a, const struct score_entry *b)
{
	return a->points != b->points ? a->points > b->points : a->voter < b->voter;
}

static void swap_entries(struct score_entry *a, struct score_entry *b)
{
	struct score_entry was = *a;
	*a = *b;
	*b = was;
}

/* A heap of the first `count` entries, the last in rank on top: moves `at` down to its place. */
static void sift_down(struct score_entry *entries, uint32_t count, uint32_t at)
{
	for (;;) {
		uint32_t last = at, child = 2 * at + 1;
		for (uint32_t i = child; i < count && i < child + 2; i++)
			if (is_before(&entries[last], &entries[i]))
				last = i;
		if (last == at)
			return;
		swap_entries(&entries[last], &entries[at]);
		at = last;
	}
}

static void sift_up(struct score_entry *entries, uint32_t at)
{
	while (at && is_before(&entries[(at - 1) / 2], &entries[at])) {
		swap_entries(&entries[(at - 1) / 2], &entries[at]);
		at = (at - 1) / 2;
	}
}

/* Puts in one more, who is before the last where there is no room left. */
static void put_entry(struct score_board *board, uint32_t voter, uint64_t points)
{
	const struct score_entry entry = {.points = points, .voter = voter};
	if (board->count < board->room) {
		board->entries[board->count] = entry;
		sift_up(board->entries, board->count++);
	} else if (board->room) {
		board->entries[0] = entry;
		sift_down(board->entries, board->count, 0);
	}
}

/* More than so many points are needed: of two with the same, the one who came first stands. */
static uint64_t points_to_beat(const struct score_board *board)
{
	if (board->room == 0)
		return UINT64_MAX;
	return board->count < board->room ? 0 : board->entries[0].points;
}

static void rank_block(void *context, uint32_t first, const uint64_t *sums)
{
	struct score_board *board = context;
	uint64_t beat = points_to_beat(board), players = 0;
	for (uint32_t i = 0; i < BLOCK; i++) {
		players += sums[i] > 0;
		if (__builtin_expect(sums[i] > beat, 0)) {
			put_entry(board, first + i, sums[i]);
			beat = points_to_beat(board);
		}
	}
	board->players += players;
}

void score_rank(const struct score_quiz *quizzes, uint32_t count, struct score_board *board)
{
	board->count = 0;
	board->players = 0;
	each_block(quizzes, count, rank_block, board);
	/* The heap becomes a list: the last goes to the end, again and again. */
	for (uint32_t left = board->count; left > 1; left--) {
		swap_entries(&board->entries[0], &board->entries[left - 1]);
		sift_down(board->entries, left - 1, 0);
	}
}

struct place {
	uint32_t voter;
	uint64_t points;
	uint64_t before;
};

static void place_block(void *context, uint32_t first, const uint64_t *sums)
{
	struct place *place = context;
	uint64_t before = 0;
	for (uint32_t i = 0; i < BLOCK; i++)
		before += sums[i] > place->points - (first + i < place->voter);
	place->before += before;
}

uint64_t score_place(const struct score_quiz *quizzes, uint32_t count, uint32_t voter,
		     uint64_t points)
{
	struct place place = {.voter = voter, .points = points};
	each_block(quizzes, count, place_block, &place);
	return place.before + 1;
}
