// SPDX-License-Identifier: BSD-3-Clause
/* Boards beside boards. */
#include "tests/lib/model_boards.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/model_results.h"

enum { TOP = 10, PLACES = 16 };

static char line[160];

void model_boards_quiz(struct score_quiz *quiz, const struct model_window *window,
		       const struct ballot *ballot)
{
	const struct model_plan *plan = &window->plan;
	uint64_t correct[KIND_MAX_OPTIONS / 64] = {0};
	bool lasts = window->closes_at_us > window->opens_at_us;
	for (uint32_t i = 0; i < plan->correct_count; i++)
		correct[plan->correct[i] / 64] |= 1ull << plan->correct[i] % 64;
	score_quiz_init(quiz, ballot, correct, plan->points,
			lasts ? window->closes_at_us - window->opens_at_us : 0);
}

/* The first `room` of the wanted board, and how many there are. */
static const char *same_entries(const struct model_board *wanted, const struct score_quiz *quizzes,
				uint32_t count, uint32_t room)
{
	struct score_board board = {.entries = calloc(room + 1, sizeof(*board.entries)),
				    .room = room};
	const char *wrong = NULL;
	if (!board.entries)
		abort();
	score_rank(quizzes, count, &board);
	size_t entries = wanted->count < room ? wanted->count : room;
	if (board.count != entries || board.players != wanted->count) {
		snprintf(line, sizeof(line), "%u of %" PRIu64 " players, not %zu of %zu",
			 board.count, board.players, entries, wanted->count);
		wrong = line;
	}
	for (size_t i = 0; i < entries && !wrong; i++) {
		const struct score_entry *entry = &board.entries[i];
		const struct model_entry *want = &wanted->entries[i];
		if (entry->voter == want->voter && entry->points == want->points)
			continue;
		snprintf(line, sizeof(line),
			 "place %zu of %u: voter %u with %" PRIu64 ", not %u with %" PRIu64, i + 1,
			 room, entry->voter, entry->points, want->voter, want->points);
		wrong = line;
	}
	free(board.entries);
	return wrong;
}

/* Points and, now and then, place of all who scored. */
static const char *same_voters(const struct model_board *wanted, const struct score_quiz *quizzes,
			       uint32_t count)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct model_entry *want = &wanted->entries[i];
		uint64_t points = score_of_voter(quizzes, count, want->voter);
		uint64_t place = i + 1;
		if (i % (wanted->count / PLACES + 1) == 0)
			place = score_place(quizzes, count, want->voter, want->points);
		if (points == want->points && place == i + 1)
			continue;
		snprintf(line, sizeof(line),
			 "voter %u: %" PRIu64 " points, place %" PRIu64 ", not %" PRIu64 " and %zu",
			 want->voter, points, place, want->points, i + 1);
		return line;
	}
	return NULL;
}

static const char *same_board(struct model_board *wanted, const struct score_quiz *quizzes,
			      uint32_t count)
{
	const char *wrong = same_entries(wanted, quizzes, count, (uint32_t)wanted->count + 1);
	if (!wrong)
		wrong = same_entries(wanted, quizzes, count, TOP);
	if (!wrong)
		wrong = same_voters(wanted, quizzes, count);
	model_board_close(wanted);
	return wrong;
}

const char *model_boards_same_quiz(const struct model_window *window, const struct score_quiz *quiz)
{
	struct model_board wanted;
	/* Who did not score has nothing. */
	for (size_t i = 0; i < window->answers.slots; i++) {
		uint32_t voter = window->answers.slot[i].voter;
		if (score_of_voter(quiz, 1, voter) == model_points(window, voter))
			continue;
		snprintf(line, sizeof(line), "voter %u: %" PRIu64 " points, not %" PRIu64, voter,
			 score_of_voter(quiz, 1, voter), model_points(window, voter));
		return line;
	}
	model_board_of_quiz(&wanted, window);
	return same_board(&wanted, quiz, 1);
}

const char *model_boards_same_show(const struct model *model, uint32_t tenant,
				   const struct score_quiz *quizzes, uint32_t count)
{
	struct model_board wanted;
	model_board_of_show(&wanted, model, tenant);
	return same_board(&wanted, quizzes, count);
}
