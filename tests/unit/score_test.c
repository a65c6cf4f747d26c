// SPDX-License-Identifier: BSD-3-Clause
/*
 * Points by hand and against 128-bit integers; leaderboards against a list that is sorted whole.
 * The seed of random tests is fixed: each run is the same.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/core/ballot_wide.h"
#include "dataplane/core/score.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull
#define DAY             SCORE_MAX_DURATION_US

static const uint64_t first_right[KIND_MAX_OPTIONS / 64] = {1};

static uint64_t next_random(uint64_t *state)
{
	uint64_t mixed = *state += 0x9E3779B97F4A7C15;
	mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
	mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
	return mixed ^ mixed >> 31;
}

static uint32_t points_of(uint32_t points, uint64_t duration_us, uint16_t choice, uint64_t took_us)
{
	struct score_quiz quiz;
	score_quiz_init(&quiz, NULL, first_right, points, duration_us);
	return score_points(&quiz, ballot_wide_cell(choice, took_us));
}

/* points - floor(points * took / (2 * duration)), as it is written. */
static uint32_t reference(uint32_t points, uint64_t duration_us, uint64_t took_us)
{
	if (duration_us == 0)
		return points;
	unsigned __int128 off = (unsigned __int128)points * took_us / (2 * duration_us);
	return off >= points ? 0 : points - (uint32_t)off;
}

Test(score, points_fall_to_half_while_the_window_is_open)
{
	static const struct {
		uint32_t points;
		uint64_t duration_us, took_us;
		uint32_t wanted;
	} rows[] = {
		{1000, 20 * SECOND, 0, 1000},
		{1000, 20 * SECOND, 39999, 1000},
		{1000, 20 * SECOND, 40000, 999},
		{1000, 20 * SECOND, 10 * SECOND, 750},
		{1000, 20 * SECOND, 20 * SECOND - 1, 501},
		{1000, 20 * SECOND, 20 * SECOND, 500},
		{999, 20 * SECOND, 20 * SECOND, 500},
		{1, 20 * SECOND, 20 * SECOND, 1},
		{1, 20 * SECOND, 40 * SECOND - 1, 1},
		{1, 20 * SECOND, 40 * SECOND, 0},
		/* The window was closed early, after the answer. */
		{1000, 1, 0, 1000},
		{1000, 1, 1, 500},
		{1000, 1, 2, 0},
		{1000, 1, 3, 0},
		{1000, SECOND, 1999 * 1000, 1},
		{1000, SECOND, 2 * SECOND - 1, 1},
		{1000, SECOND, 2 * SECOND, 0},
		{1000, SECOND, 2 * SECOND + 1, 0},
		{1000, SECOND, (1ull << 48) - 1, 0},
		/* It closes when it opens, or before. */
		{1000, 0, 0, 1000},
		{1000, 0, 7, 1000},
		{1000, 0, (1ull << 48) - 1, 1000},
		{0, SECOND, 0, 0},
		{0, SECOND, SECOND, 0},
		/* The largest there are. */
		{1000000, DAY, 0, 1000000},
		{1000000, DAY, 172799, 1000000},
		{1000000, DAY, 172800, 999999},
		{1000000, DAY, DAY, 500000},
		{1000000, DAY, 2 * DAY - 1, 1},
		{1000000, DAY, 2 * DAY, 0},
		{1000000, DAY, (1ull << 48) - 1, 0},
		{1000000, 1, 1, 500000},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(points_of(rows[i].points, rows[i].duration_us, 0, rows[i].took_us),
			     rows[i].wanted, "row %zu: %u", i,
			     points_of(rows[i].points, rows[i].duration_us, 0, rows[i].took_us));
}

Test(score, any_right_option_scores_and_no_other)
{
	uint64_t correct[KIND_MAX_OPTIONS / 64] = {0};
	struct score_quiz quiz;
	for (uint32_t i = 0; i < KIND_MAX_OPTIONS; i += 1 + i % 7)
		correct[i / 64] |= 1ull << i % 64;
	score_quiz_init(&quiz, NULL, correct, 10, SECOND);
	cr_expect_eq(score_points(&quiz, 0), 0, "an empty cell");
	for (uint16_t i = 0; i < KIND_MAX_OPTIONS; i++)
		cr_expect_eq(score_points(&quiz, ballot_wide_cell(i, 5)),
			     correct[i / 64] >> i % 64 & 1 ? 10 : 0, "option %u", i);
	memset(correct, 0xFF, sizeof(correct));
	score_quiz_init(&quiz, NULL, correct, 10, SECOND);
	cr_expect_eq(score_points(&quiz, 0), 0, "an empty cell, though all are right");
	cr_expect_eq(score_points(&quiz, ballot_wide_cell(KIND_MAX_OPTIONS - 1, 0)), 10);
}

/* Numbers of all sizes, not only large ones. */
static uint64_t random_below(uint64_t *state, uint64_t limit)
{
	uint64_t number = next_random(state) >> next_random(state) % 64;
	return number % limit;
}

Test(score, points_are_exact_for_all_numbers)
{
	uint64_t state = 1;
	for (uint32_t i = 0; i < 3000000; i++) {
		uint32_t points = (uint32_t)random_below(&state, SCORE_MAX_POINTS + 1);
		uint64_t duration_us = random_below(&state, DAY + 1);
		uint64_t took_us = i % 4 ? random_below(&state, 2 * duration_us + 2)
					 : random_below(&state, 1ull << 48);
		uint32_t wanted = reference(points, duration_us, took_us);
		uint32_t got = points_of(points, duration_us, 0, took_us);
		cr_assert_eq(got, wanted, "%u points, %lu µs, took %lu: %u instead of %u", points,
			     duration_us, took_us, got, wanted);
	}
}

/* Where the quotient is a whole number, and one microsecond beside it. */
Test(score, points_are_exact_at_every_step)
{
	uint64_t state = 2;
	for (uint32_t i = 0; i < 300000; i++) {
		uint32_t points = 1 + (uint32_t)random_below(&state, SCORE_MAX_POINTS);
		uint64_t duration_us = 1 + random_below(&state, DAY);
		uint64_t off = random_below(&state, points + 1);
		uint64_t at = (uint64_t)((unsigned __int128)off * 2 * duration_us / points);
		for (uint64_t took_us = at ? at - 1 : 0; took_us <= at + 1; took_us++)
			cr_assert_eq(points_of(points, duration_us, 0, took_us),
				     reference(points, duration_us, took_us),
				     "%u points, %lu µs, took %lu", points, duration_us, took_us);
	}
}

/* --- Leaderboards. --- */

struct answer {
	uint32_t voter;
	uint16_t choice;
	uint64_t took_us;
};

static void open_ballot(struct ballot *ballot, uint64_t voters, enum ballot_form form)
{
	size_t bytes = ballot_bytes(voters, BALLOT_WIDE);
	void *memory = aligned_alloc(BALLOT_ALIGNMENT, (bytes + 63) / 64 * 64);
	cr_assert_not_null(memory);
	memset(memory, 0, bytes);
	ballot_init(ballot, memory, bytes, voters, BALLOT_WIDE, form);
}

static void close_ballot(struct ballot *ballot)
{
	free(ballot->directory);
}

static void answer(struct ballot *ballot, uint32_t voter, uint16_t choice, uint64_t took_us)
{
	uint64_t standing;
	cr_assert_eq(ballot_wide_cast(ballot, voter, choice, took_us, &standing), BALLOT_FIRST);
}

static void expect_entries(const struct score_board *board, const struct score_entry *wanted,
			   uint32_t count)
{
	cr_assert_eq(board->count, count, "%u", board->count);
	for (uint32_t i = 0; i < count; i++) {
		cr_expect_eq(board->entries[i].voter, wanted[i].voter, "place %u: voter %u", i + 1,
			     board->entries[i].voter);
		cr_expect_eq(board->entries[i].points, wanted[i].points, "place %u: %lu points",
			     i + 1, board->entries[i].points);
	}
}

Test(score, ranks_by_points_then_by_lower_number)
{
	static const struct answer answers[] = {
		{70000, 0, 0},       {5, 0, 10 * SECOND},     {6, 1, 0},
		{4, 0, 10 * SECOND}, {65535, 0, 0},           {0, 0, 20 * SECOND},
		{9, 0, 39},          {65536, 0, 10 * SECOND}, {131071, 0, 40 * SECOND},
	};
	static const struct score_entry ranked[] = {
		{1000, 9}, {1000, 65535}, {1000, 70000}, {750, 4}, {750, 5}, {750, 65536}, {500, 0},
	};
	struct ballot ballot;
	struct score_quiz quiz;
	struct score_entry entries[16];
	open_ballot(&ballot, 200000, BALLOT_GROWING);
	for (size_t i = 0; i < COUNT_OF(answers); i++)
		answer(&ballot, answers[i].voter, answers[i].choice, answers[i].took_us);
	score_quiz_init(&quiz, &ballot, first_right, 1000, 20 * SECOND);
	for (uint32_t room = 0; room <= COUNT_OF(entries); room++) {
		struct score_board board = {.entries = entries, .room = room};
		score_rank(&quiz, 1, &board);
		expect_entries(&board, ranked, room < COUNT_OF(ranked) ? room : COUNT_OF(ranked));
		cr_expect_eq(board.players, COUNT_OF(ranked));
	}
	for (uint32_t i = 0; i < COUNT_OF(ranked); i++) {
		cr_expect_eq(score_of_voter(&quiz, 1, ranked[i].voter), ranked[i].points);
		cr_expect_eq(score_place(&quiz, 1, ranked[i].voter, ranked[i].points), i + 1);
	}
	cr_expect_eq(score_of_voter(&quiz, 1, 6), 0, "a wrong answer");
	cr_expect_eq(score_of_voter(&quiz, 1, 131071), 0, "worth nothing any more");
	cr_expect_eq(score_of_voter(&quiz, 1, 1), 0, "no answer");
	cr_expect_eq(score_of_voter(&quiz, 1, 150000), 0, "no container");
	cr_expect_eq(score_of_voter(&quiz, 1, UINT32_MAX), 0, "no such number");
	close_ballot(&ballot);
}

/* Numbers spread over all there are: only parts of containers that have answers are read. */
Test(score, spread_numbers_are_found_in_their_parts)
{
	enum { PART = 65536 / BALLOT_WIDE_PARTS };
	static const uint32_t voters[] = {0, PART, 2 * PART - 1, 65535, 65536 * 3, 65536 * 3 + 9};
	const uint64_t numbers = 65536 * 4;
	struct ballot ballot;
	struct score_quiz quiz;
	struct score_entry entries[COUNT_OF(voters)];
	struct score_board board = {.entries = entries, .room = COUNT_OF(voters)};
	open_ballot(&ballot, numbers, BALLOT_GROWING);
	for (uint32_t i = 0; i < COUNT_OF(voters); i++)
		answer(&ballot, voters[i], 0, 0);
	for (uint64_t part = 0; part < numbers; part += PART) {
		bool has = false;
		for (uint32_t i = 0; i < COUNT_OF(voters); i++)
			has |= voters[i] / PART == part / PART;
		cr_expect_eq(ballot_wide_is_touched(&ballot, (uint32_t)part), has, "%lu", part);
	}
	score_quiz_init(&quiz, &ballot, first_right, 5, SECOND);
	score_rank(&quiz, 1, &board);
	cr_assert_eq(board.count, COUNT_OF(voters));
	for (uint32_t i = 0; i < COUNT_OF(voters); i++)
		cr_expect_eq(entries[i].voter, voters[i]);
	close_ballot(&ballot);
}

Test(score, a_show_without_quizzes_or_answers_has_no_players)
{
	struct ballot ballot;
	struct score_quiz quiz;
	struct score_entry entry;
	struct score_board board = {.entries = &entry, .room = 1, .count = 7, .players = 7};
	score_rank(NULL, 0, &board);
	cr_expect_eq(board.count + board.players, 0);
	cr_expect_eq(score_of_voter(NULL, 0, 5), 0);
	open_ballot(&ballot, 100000, BALLOT_DENSE);
	score_quiz_init(&quiz, &ballot, first_right, 1000, SECOND);
	board.count = 7;
	score_rank(&quiz, 1, &board);
	cr_expect_eq(board.count + board.players, 0);
	close_ballot(&ballot);
}

/* Sums beyond 32 bits: as many points as there can be, again and again. */
Test(score, sums_do_not_overflow)
{
	enum { QUIZZES = 5000 };
	struct ballot ballot;
	struct score_quiz *quizzes = calloc(QUIZZES, sizeof(*quizzes));
	struct score_entry entry;
	struct score_board board = {.entries = &entry, .room = 1};
	open_ballot(&ballot, 10, BALLOT_GROWING);
	answer(&ballot, 3, 0, 0);
	for (uint32_t i = 0; i < QUIZZES; i++)
		score_quiz_init(&quizzes[i], &ballot, first_right, SCORE_MAX_POINTS, SECOND);
	score_rank(quizzes, QUIZZES, &board);
	expect_entries(&board, &(struct score_entry){QUIZZES * (uint64_t)SCORE_MAX_POINTS, 3}, 1);
	cr_expect_eq(score_of_voter(quizzes, QUIZZES, 3), entry.points);
	close_ballot(&ballot);
	free(quizzes);
}

/* Answers at and beside the steps where a point is lost, and anything else. */
static void answer_at_steps(struct ballot *ballot, uint32_t points, uint64_t duration_us,
			    uint64_t *state)
{
	for (uint32_t voter = 0; voter < 65536; voter++) {
		uint64_t off = next_random(state) % (points + 1);
		uint64_t took_us = (uint64_t)((unsigned __int128)off * 2 * duration_us / points);
		uint64_t chance = next_random(state);
		if (chance % 8 == 0)
			took_us = random_below(state, 1ull << 48);
		else if (took_us + chance % 3 > 0)
			took_us += chance % 3 - 1;
		answer(ballot, voter, chance % 5 ? 0 : (uint16_t)(chance >> 8 & 1023), took_us);
	}
}

/* Whole blocks may be counted in another way than single cells (score_block.h): the same points. */
Test(score, blocks_have_the_points_of_their_cells)
{
	static const uint64_t durations[] = {
		0, 1, 2, 3, 1000, 999983, 20000000, 599999999, 600000000, 600000001, DAY - 1, DAY};
	static const uint32_t most[] = {1, 2, 1000, 999983, SCORE_MAX_POINTS};
	static struct score_entry entries[65536];
	uint64_t state = 4;
	for (size_t i = 0; i < COUNT_OF(durations) * COUNT_OF(most); i++) {
		uint64_t duration_us = durations[i / COUNT_OF(most)];
		struct score_board board = {.entries = entries, .room = COUNT_OF(entries)};
		struct score_quiz quiz;
		struct ballot ballot;
		open_ballot(&ballot, 65536, BALLOT_DENSE);
		answer_at_steps(&ballot, most[i % COUNT_OF(most)], duration_us, &state);
		score_quiz_init(&quiz, &ballot, first_right, most[i % COUNT_OF(most)], duration_us);
		score_rank(&quiz, 1, &board);
		cr_assert_gt(board.count, 1000);
		for (uint32_t j = 0; j < board.count; j++)
			cr_assert_eq(entries[j].points, score_of_voter(&quiz, 1, entries[j].voter),
				     "%lu µs, voter %u: %lu points", duration_us, entries[j].voter,
				     entries[j].points);
		uint64_t scored = 0;
		for (uint32_t voter = 0; voter < 65536; voter++)
			scored += score_of_voter(&quiz, 1, voter) > 0;
		cr_expect_eq(board.players, scored);
		close_ballot(&ballot);
	}
}

/* What `number` is to be multiplied with so that 1 is left over by `by`; 0: there is no such. */
static uint64_t inverse(uint64_t number, uint64_t by)
{
	__int128 a = number % by, b = by, x = 1, y = 0;
	while (a > 1 && b) {
		__int128 times = a / b, rest = a % b, next = x - times * y;
		a = b;
		b = rest;
		x = y;
		y = next;
	}
	return a == 1 ? (uint64_t)(x < 0 ? x + by : x) : 0;
}

enum { NEAR = 32 };

/* points * took leaves -NEAR to NEAR - 1 over a multiple of 2 * duration. False: it never does. */
static bool answer_next_to_edges(struct ballot *ballot, uint32_t points, uint64_t duration_us)
{
	uint64_t one = inverse(points, 2 * duration_us);
	for (uint32_t voter = 0; one && voter < 2 * NEAR; voter++) {
		uint64_t times = 2 * duration_us + voter - NEAR;
		answer(ballot, voter, 0,
		       (uint64_t)((unsigned __int128)one * times % (2 * duration_us)));
	}
	return one != 0;
}

static uint32_t compare_next_to_edges(uint32_t points, uint64_t duration_us)
{
	struct score_entry entries[2 * NEAR];
	struct score_board board = {.entries = entries, .room = 2 * NEAR};
	struct score_quiz quiz;
	struct ballot ballot;
	open_ballot(&ballot, 2 * NEAR, BALLOT_DENSE);
	if (answer_next_to_edges(&ballot, points, duration_us)) {
		score_quiz_init(&quiz, &ballot, first_right, points, duration_us);
		score_rank(&quiz, 1, &board);
	}
	for (uint32_t i = 0; i < board.count; i++) {
		uint32_t voter = entries[i].voter;
		uint64_t took_us = ballot_wide_mark(ballot_wide_standing(&ballot, voter));
		uint32_t wanted = reference(points, duration_us, took_us);
		cr_assert_eq(entries[i].points, wanted, "%u points, %lu µs, took %lu: %lu", points,
			     duration_us, took_us, entries[i].points);
		cr_assert_eq(score_of_voter(&quiz, 1, voter), wanted);
	}
	close_ballot(&ballot);
	return board.count;
}

/* Where points * took is as near to a multiple of 2 * duration as can be, on either side. */
Test(score, blocks_are_exact_next_to_every_edge)
{
	static const uint64_t durations[] = {20000000,  599999999, 600000000,
					     600000001, DAY - 1,   DAY};
	uint32_t compared = 0;
	for (size_t i = 0; i < COUNT_OF(durations); i++)
		for (uint32_t points = SCORE_MAX_POINTS - 199; points < SCORE_MAX_POINTS;
		     points += 2)
			compared += compare_next_to_edges(points, durations[i]);
	cr_expect_gt(compared, 20000, "%u", compared);
}

/* Four quizzes of several sizes and forms, random answers. */
enum { QUIZZES = 4, NUMBERS = 300000 };

static struct show {
	struct ballot ballots[QUIZZES];
	struct score_quiz quizzes[QUIZZES];
	uint64_t sums[NUMBERS];
	struct score_entry sorted[NUMBERS];
	uint32_t players;
} show;

static int by_rank(const void *left, const void *right)
{
	const struct score_entry *a = left, *b = right;
	if (a->points != b->points)
		return a->points > b->points ? -1 : 1;
	return a->voter < b->voter ? -1 : 1;
}

static void answer_at_random(uint32_t quiz, uint64_t voters, uint32_t answers, uint32_t points,
			     uint64_t *state)
{
	for (uint32_t i = 0; i < answers; i++) {
		uint32_t voter = (uint32_t)(next_random(state) % voters);
		uint16_t choice = (uint16_t)(next_random(state) % 3);
		uint64_t took_us = next_random(state) % 3000, standing;
		if (ballot_wide_cast(&show.ballots[quiz], voter, choice, took_us, &standing) ==
			    BALLOT_FIRST &&
		    choice == 0)
			show.sums[voter] += reference(points, 1000, took_us);
	}
	score_quiz_init(&show.quizzes[quiz], &show.ballots[quiz], first_right, points, 1000);
}

static void make_show(void)
{
	static const struct {
		uint64_t voters;
		uint32_t answers, points;
		enum ballot_form form;
	} rows[QUIZZES] = {
		{NUMBERS, 100000, 1000, BALLOT_DENSE},
		{70000, 50000, 7, BALLOT_GROWING},
		{NUMBERS, 3, 900000, BALLOT_GROWING},
		{1, 1, 50, BALLOT_GROWING},
	};
	uint64_t state = 3;
	for (uint32_t i = 0; i < QUIZZES; i++) {
		open_ballot(&show.ballots[i], rows[i].voters, rows[i].form);
		answer_at_random(i, rows[i].voters, rows[i].answers, rows[i].points, &state);
	}
	for (uint32_t voter = 0; voter < NUMBERS; voter++)
		if (show.sums[voter])
			show.sorted[show.players++] = (struct score_entry){show.sums[voter], voter};
	qsort(show.sorted, show.players, sizeof(show.sorted[0]), by_rank);
}

static void close_show(void)
{
	for (uint32_t i = 0; i < QUIZZES; i++)
		close_ballot(&show.ballots[i]);
}

Test(score, a_show_is_ranked_as_a_sorted_list, .init = make_show, .fini = close_show)
{
	static const uint32_t rooms[] = {1, 10, 1000, 10000, NUMBERS};
	static struct score_entry entries[NUMBERS];
	cr_assert_gt(show.players, 10000);
	for (size_t i = 0; i < COUNT_OF(rooms); i++) {
		struct score_board board = {.entries = entries, .room = rooms[i]};
		score_rank(show.quizzes, QUIZZES, &board);
		cr_expect_eq(board.players, show.players);
		expect_entries(&board, show.sorted,
			       rooms[i] < show.players ? rooms[i] : show.players);
	}
}

Test(score, a_place_is_that_of_the_sorted_list, .init = make_show, .fini = close_show)
{
	for (uint32_t i = 0; i < show.players; i += 1 + i / 8) {
		const struct score_entry *entry = &show.sorted[i];
		cr_expect_eq(score_of_voter(show.quizzes, QUIZZES, entry->voter), entry->points);
		cr_expect_eq(score_place(show.quizzes, QUIZZES, entry->voter, entry->points),
			     i + 1);
	}
}
