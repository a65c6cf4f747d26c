// SPDX-License-Identifier: BSD-3-Clause
/*
 * Leaderboards of armed windows: which quizzes belong to which, what of a board is kept and for how
 * long. That a board was kept is seen by an answer that is put into its ballot behind its back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/boards.h"
#include "dataplane/core/ballot_wide.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull
#define OPENS           (1000 * SECOND)
#define CLOSES          (OPENS + 20 * SECOND)
#define FINAL           (CLOSES + 5 * SECOND)
#define ALL             10

static const struct tenant acme = {.id = 7, .name = "acme"};
static const struct tenant zoo = {.id = 8, .name = "zoo"};
static struct windows *windows;

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static void set_up(void)
{
	const struct windows_options options = {.voters = 1000,
						.memory_bytes = UINT64_MAX,
						.workers = 1,
						.quiesce = nobody_to_wait_for};
	struct err err;
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
}

static void tear_down(void)
{
	windows_destroy(windows);
}

TestSuite(boards, .init = set_up, .fini = tear_down);

static struct armed_window *arm(const struct tenant *tenant, uint32_t id, const char *show_name,
				enum kind kind)
{
	struct interaction interaction = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = (uint8_t)kind, .options = 2},
		.show = show_name ? strdup(show_name) : NULL,
		.question = strdup("?"),
		.labels = calloc(2, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
		.points = 1000,
		.correct = {1},
	};
	struct err err;
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
	return windows_find(windows, tenant->id, id);
}

static void answer(struct armed_window *armed, uint32_t voter, uint64_t took_us)
{
	uint64_t standing;
	cr_assert_eq(ballot_wide_cast(armed->window.ballots, voter, 0, took_us, &standing),
		     BALLOT_FIRST);
}

/* The board as text: "voter:points …". */
static const char *best_of(struct armed_window *quiz, enum board_scope scope, uint32_t top,
			   uint64_t now_us)
{
	static char text[256];
	const struct board_of of = {windows, quiz, scope};
	struct score_board board;
	size_t used = 0;
	windows_settle(windows, now_us);
	int rc = boards_best(&of, top, now_us, &board);
	if (rc)
		return rc == -ENOENT ? "none" : "failed";
	text[0] = '\0';
	for (uint32_t i = 0; i < board.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u:%lu", i ? " " : "",
					 board.entries[i].voter, board.entries[i].points);
	return text;
}

#define expect_best(quiz, scope, now_us, wanted)                                                   \
	cr_expect_str_eq(best_of(quiz, scope, ALL, now_us), wanted)

static void reveal(struct armed_window *armed)
{
	struct err err;
	cr_assert_eq(windows_reveal(windows, armed, FINAL, &err), 0, "%s", err.text);
}

Test(boards, a_show_is_the_quizzes_of_a_tenant_with_its_name)
{
	struct armed_window *poll = arm(&acme, 1, "a", KIND_POLL);
	struct armed_window *quizzes[] = {
		arm(&acme, 2, "a", KIND_QUIZ),  arm(&acme, 3, "a", KIND_QUIZ),
		arm(&acme, 4, "b", KIND_QUIZ),  arm(&zoo, 2, "a", KIND_QUIZ),
		arm(&acme, 5, NULL, KIND_QUIZ), arm(&acme, 6, NULL, KIND_QUIZ),
	};
	cr_expect_not(boards_is_quiz(poll));
	for (uint32_t i = 0; i < COUNT_OF(quizzes); i++) {
		cr_expect(boards_is_quiz(quizzes[i]));
		answer(quizzes[i], 5, 0);
		answer(quizzes[i], 10 + i, 20 * SECOND);
	}
	expect_best(quizzes[0], BOARD_QUIZ, FINAL, "5:1000 10:500");
	expect_best(quizzes[0], BOARD_SHOW, FINAL, "5:2000 10:500 11:500");
	expect_best(quizzes[1], BOARD_SHOW, FINAL, "5:2000 10:500 11:500");
	expect_best(quizzes[2], BOARD_SHOW, FINAL, "5:1000 12:500");
	expect_best(quizzes[3], BOARD_SHOW, FINAL, "5:1000 13:500");
	expect_best(quizzes[4], BOARD_SHOW, FINAL, "5:2000 14:500 15:500");
	cr_expect_eq(boards_first_of_show(windows, quizzes[1]), quizzes[0]);
	cr_expect_eq(boards_first_of_show(windows, quizzes[3]), quizzes[3]);
	cr_expect_eq(boards_first_of_show(windows, quizzes[5]), quizzes[4]);
}

Test(boards, the_public_sees_revealed_quizzes_only)
{
	struct armed_window *first = arm(&acme, 1, "a", KIND_QUIZ);
	struct armed_window *second = arm(&acme, 2, "a", KIND_QUIZ);
	answer(first, 5, 0);
	answer(second, 6, 0);
	expect_best(first, BOARD_SHOW_REVEALED, FINAL, "none");
	reveal(second);
	expect_best(first, BOARD_SHOW_REVEALED, FINAL, "6:1000");
	reveal(first);
	expect_best(first, BOARD_SHOW_REVEALED, FINAL, "5:1000 6:1000");
}

Test(boards, a_cancelled_quiz_does_not_count_in_its_show)
{
	struct armed_window *first = arm(&acme, 1, "a", KIND_QUIZ);
	struct armed_window *second = arm(&acme, 2, "a", KIND_QUIZ);
	struct err err;
	answer(first, 5, 0);
	answer(second, 6, 0);
	expect_best(second, BOARD_SHOW, OPENS + SECOND, "5:1000 6:1000");
	cr_assert_eq(windows_cancel(windows, first, OPENS + SECOND, &err), 0);
	expect_best(second, BOARD_SHOW, OPENS + SECOND, "6:1000");
	expect_best(first, BOARD_QUIZ, OPENS + SECOND, "5:1000");
}

Test(boards, a_settled_board_is_looked_at_once)
{
	struct armed_window *quiz = arm(&acme, 1, "a", KIND_QUIZ);
	answer(quiz, 5, 0);
	expect_best(quiz, BOARD_QUIZ, FINAL, "5:1000");
	expect_best(quiz, BOARD_SHOW, FINAL, "5:1000");
	answer(quiz, 6, 0);
	expect_best(quiz, BOARD_QUIZ, FINAL, "5:1000");
	expect_best(quiz, BOARD_SHOW, FINAL, "5:1000");
	cr_expect_str_eq(best_of(quiz, BOARD_QUIZ, ALL + 1, FINAL), "5:1000 6:1000",
			 "more are wanted than were kept");
	cr_expect_str_eq(best_of(quiz, BOARD_QUIZ, 1, FINAL), "5:1000");
}

/* The last look at an open window may be fresh: the first one after its end is another. */
Test(boards, the_end_of_a_window_brings_a_new_look)
{
	struct armed_window *quiz = arm(&acme, 1, "a", KIND_QUIZ);
	answer(quiz, 5, 0);
	expect_best(quiz, BOARD_QUIZ, OPENS + SECOND, "5:1000");
	answer(quiz, 6, 0);
	expect_best(quiz, BOARD_QUIZ, FINAL, "5:1000 6:1000");
}

Test(boards, another_close_brings_a_new_look)
{
	struct armed_window *quiz = arm(&acme, 1, "a", KIND_QUIZ);
	struct err err;
	answer(quiz, 5, 10 * SECOND);
	expect_best(quiz, BOARD_QUIZ, OPENS + SECOND, "5:750");
	cr_assert_eq(windows_extend(windows, quiz, 20 * SECOND, OPENS + SECOND, &err), 0);
	expect_best(quiz, BOARD_QUIZ, OPENS + SECOND, "5:875");
	expect_best(quiz, BOARD_SHOW, OPENS + SECOND, "5:875");
	cr_assert_eq(windows_close(windows, quiz, OPENS + 10 * SECOND, &err), 0);
	expect_best(quiz, BOARD_QUIZ, OPENS + 10 * SECOND, "5:500");
	expect_best(quiz, BOARD_SHOW, OPENS + 10 * SECOND, "5:500");
}

/* An answer may lie beyond the close that a window got later; none is worth less than nothing. */
Test(boards, a_window_closed_at_once_keeps_points_between_0_and_all)
{
	struct armed_window *quiz = arm(&acme, 1, "a", KIND_QUIZ);
	struct err err;
	answer(quiz, 5, 0);
	answer(quiz, 6, 10 * SECOND);
	cr_assert_eq(windows_close(windows, quiz, OPENS, &err), 0);
	expect_best(quiz, BOARD_QUIZ, OPENS, "5:1000 6:1000");
}

Test(boards, a_quiz_that_is_to_come_does_not_keep_its_show_from_settling)
{
	struct armed_window *first = arm(&acme, 1, "a", KIND_QUIZ);
	struct armed_window *second = arm(&acme, 2, "a", KIND_QUIZ);
	second->window.opens_at_us += 3600 * SECOND;
	second->window.closes_at_us += 3600 * SECOND;
	answer(first, 5, 0);
	expect_best(second, BOARD_SHOW, FINAL, "5:1000");
	answer(first, 6, 0);
	expect_best(second, BOARD_SHOW, FINAL, "5:1000");
	answer(second, 7, 0);
	expect_best(second, BOARD_SHOW, FINAL + 3600 * SECOND, "5:1000 6:1000 7:1000");
}

Test(boards, windows_that_are_taken_out_take_their_boards_along)
{
	struct armed_window *first = arm(&acme, 1, "a", KIND_QUIZ);
	struct armed_window *second = arm(&acme, 2, "a", KIND_QUIZ);
	struct err err;
	answer(first, 5, 0);
	answer(second, 6, 0);
	expect_best(second, BOARD_SHOW, FINAL, "5:1000 6:1000");
	const struct windows_change gone = {.out = &first, .out_count = 1};
	cr_assert_eq(windows_replace(windows, &gone, &err), 0);
	expect_best(second, BOARD_SHOW, FINAL, "6:1000");
}

Test(boards, any_voter_has_a_standing)
{
	static const struct {
		uint32_t voter;
		uint64_t points, place;
	} rows[] = {{5, 1000, 1}, {6, 1000, 2}, {7, 750, 3},
		    {8, 0, 0},    {999, 0, 0},  {UINT32_MAX, 0, 0}};
	struct armed_window *quiz = arm(&acme, 1, "a", KIND_QUIZ);
	const struct board_of of = {windows, quiz, BOARD_SHOW};
	answer(quiz, 6, 0);
	answer(quiz, 5, 0);
	answer(quiz, 7, 10 * SECOND);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct board_standing standing;
		cr_assert_eq(boards_standing(&of, rows[i].voter, FINAL, &standing), 0);
		cr_expect_eq(standing.points, rows[i].points, "voter %u", rows[i].voter);
		cr_expect_eq(standing.place, rows[i].place, "voter %u", rows[i].voter);
	}
}

Test(boards, a_board_that_may_change_costs_a_twentieth_of_the_time)
{
	static const struct {
		uint64_t age_us, cost_us;
		bool due;
	} rows[] = {
		{0, 0, true},
		{0, 1, false},
		{19, 1, false},
		{20, 1, true},
		{199999, 10000, false},
		{200000, 10000, true},
		{UINT64_MAX, 10000, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(boards_is_due(rows[i].age_us, rows[i].cost_us), rows[i].due, "%zu", i);
}
