// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which quizzes a board is of, whether the one that is kept still holds, and a new look where it
 * does not. Called by window_results.c and methods_boards.c; control thread or --replay.
 */
#include "dataplane/boards.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMES_THE_COST 20

static_assert(sizeof(((struct armed_window *)0)->boards) / sizeof(struct board *) == BOARD_SCOPES,
	      "a window keeps a board of each scope");
static_assert(INTERACTION_MAX_POINTS <= SCORE_MAX_POINTS, "any quiz can be scored");
static_assert(INTERACTION_MAX_DURATION_MS * 1000ull <= SCORE_MAX_DURATION_US,
	      "however long it is open");

/* A quiz as it was when a board was made of it. */
struct part {
	struct armed_window *armed;
	uint64_t opens_at_us;
	uint64_t closes_at_us;
};

struct parts {
	struct part *part;
	uint32_t count;
	uint32_t members; /* those that nobody can have answered yet included */
	bool settled;     /* no part changes any more */
};

/* A board that is kept, in one piece with its entries and parts. */
struct board {
	struct score_board best;
	struct parts parts;
	uint64_t made_us; /* monotonic */
	uint64_t cost_us;
};

bool boards_is_quiz(const struct armed_window *armed)
{
	return kind_row((enum kind)armed->interaction.rules.kind)->members & MEMBER_LEADERBOARD;
}

static bool same_show(const struct armed_window *a, const struct armed_window *b)
{
	const char *left = a->interaction.show, *right = b->interaction.show;
	if (a->window.tenant != b->window.tenant)
		return false;
	return left && right ? strcmp(left, right) == 0 : left == right;
}

struct armed_window *boards_first_of_show(const struct windows *windows,
					  const struct armed_window *quiz)
{
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		struct armed_window *armed = windows_at(windows, i);
		if (boards_is_quiz(armed) && same_show(armed, quiz))
			return armed;
	}
	return NULL;
}

static bool is_member(const struct board_of *of, const struct armed_window *armed)
{
	if (of->scope == BOARD_QUIZ)
		return armed == of->quiz;
	if (!boards_is_quiz(armed) || !same_show(armed, of->quiz) || armed->window.cancelled)
		return false;
	return of->scope == BOARD_SHOW || armed->window.revealed;
}

/* A quiz that is not open yet has no answers: it does not keep its show from being settled. */
static void add_member(struct parts *parts, struct armed_window *armed, uint64_t now_us)
{
	parts->members++;
	if (windows_untouched(armed, now_us))
		return;
	parts->part[parts->count++] = (struct part){
		.armed = armed,
		.opens_at_us = armed->window.opens_at_us,
		.closes_at_us = armed->window.closes_at_us,
	};
	parts->settled &= armed->settled;
}

/* The parts' memory is the caller's to free. */
static int find_parts(const struct board_of *of, uint64_t now_us, struct parts *parts)
{
	bool one = of->scope == BOARD_QUIZ;
	uint32_t most = one ? 1 : windows_count(of->windows);
	*parts = (struct parts){.part = malloc((most + 1) * sizeof(struct part)), .settled = true};
	if (!parts->part)
		return -ENOMEM;
	if (one)
		add_member(parts, of->quiz, now_us);
	for (uint32_t i = 0; !one && i < most; i++)
		if (is_member(of, windows_at(of->windows, i)))
			add_member(parts, windows_at(of->windows, i), now_us);
	if (of->scope != BOARD_SHOW_REVEALED || parts->members)
		return 0;
	free(parts->part);
	return -ENOENT;
}

static uint64_t duration_us(const struct part *part)
{
	return part->closes_at_us > part->opens_at_us ? part->closes_at_us - part->opens_at_us : 0;
}

/* The quizzes ready to be scored, for the caller to free. */
static struct score_quiz *quizzes_of(const struct parts *parts)
{
	struct score_quiz *quizzes = malloc((parts->count + 1) * sizeof(*quizzes));
	for (uint32_t i = 0; quizzes && i < parts->count; i++) {
		const struct part *part = &parts->part[i];
		const struct interaction *interaction = &part->armed->interaction;
		score_quiz_init(&quizzes[i], part->armed->window.ballots, interaction->correct,
				interaction->points, duration_us(part));
	}
	return quizzes;
}

static uint64_t monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static struct board *make(const struct parts *parts, uint32_t room)
{
	size_t parts_bytes = parts->count * sizeof(struct part);
	struct board *board =
		malloc(sizeof(*board) + parts_bytes + room * sizeof(struct score_entry));
	struct score_quiz *quizzes = quizzes_of(parts);
	if (!board || !quizzes) {
		free(board);
		free(quizzes);
		return NULL;
	}
	board->parts = *parts;
	board->parts.part = (struct part *)(board + 1);
	memcpy(board->parts.part, parts->part, parts_bytes);
	board->best = (struct score_board){
		.entries = (struct score_entry *)(board->parts.part + parts->count),
		.room = room,
	};
	board->made_us = monotonic_us();
	score_rank(quizzes, parts->count, &board->best);
	board->cost_us = monotonic_us() - board->made_us;
	free(quizzes);
	return board;
}

bool boards_is_due(uint64_t age_us, uint64_t cost_us)
{
	return age_us / TIMES_THE_COST >= cost_us;
}

static bool same_parts(const struct parts *a, const struct parts *b)
{
	return a->count == b->count && memcmp(a->part, b->part, a->count * sizeof(*a->part)) == 0;
}

/* Whether what is kept is what a new look would find, or near enough. */
static bool still_holds(const struct board *board, const struct parts *parts, uint32_t top)
{
	if (!board || board->best.room < top || !same_parts(&board->parts, parts))
		return false;
	if (board->parts.settled)
		return true;
	/* The first look after the end is the last one. */
	return !parts->settled && !boards_is_due(monotonic_us() - board->made_us, board->cost_us);
}

static struct armed_window *keeper_of(const struct board_of *of)
{
	return of->scope == BOARD_QUIZ ? of->quiz : boards_first_of_show(of->windows, of->quiz);
}

int boards_best(const struct board_of *of, uint32_t top, uint64_t now_us, struct score_board *board)
{
	struct board **kept = &keeper_of(of)->boards[of->scope];
	struct parts parts;
	int rc = find_parts(of, now_us, &parts);
	if (rc)
		return rc;
	if (!still_holds(*kept, &parts, top)) {
		/* Those who want fewer do not take it away from those who want more. */
		uint32_t room = *kept && (*kept)->best.room > top ? (*kept)->best.room : top;
		struct board *made = make(&parts, room);
		if (made) {
			free(*kept);
			*kept = made;
		}
		rc = made ? 0 : -ENOMEM;
	}
	free(parts.part);
	if (rc)
		return rc;
	*board = (*kept)->best;
	board->count = board->count < top ? board->count : top;
	return 0;
}

int boards_standing(const struct board_of *of, uint32_t voter, uint64_t now_us,
		    struct board_standing *standing)
{
	struct parts parts;
	int rc = find_parts(of, now_us, &parts);
	if (rc)
		return rc;
	struct score_quiz *quizzes = quizzes_of(&parts);
	*standing = (struct board_standing){0};
	if (quizzes)
		standing->points = score_of_voter(quizzes, parts.count, voter);
	if (standing->points)
		standing->place = score_place(quizzes, parts.count, voter, standing->points);
	rc = quizzes ? 0 : -ENOMEM;
	free(quizzes);
	free(parts.part);
	return rc;
}

void boards_forget(struct armed_window *armed)
{
	for (int scope = 0; scope < BOARD_SCOPES; scope++)
		free(armed->boards[scope]);
}
