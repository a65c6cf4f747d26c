// SPDX-License-Identifier: BSD-3-Clause
/* Results and leaderboards of the model. */
#include "tests/lib/model_results.h"

#include <stdlib.h>
#include "tests/lib/model_kinds.h"

uint64_t model_voters(const struct model_window *window)
{
	return window->seen.count;
}

bool model_mean(const struct model_window *window, double *mean)
{
	unsigned __int128 sum = 0;
	uint64_t votes = 0;
	for (uint32_t i = 0; i < window->counts; i++) {
		sum += (unsigned __int128)(window->plan.min + i) * window->votes[i];
		votes += window->votes[i];
	}
	if (votes == 0)
		return false;
	*mean = (double)sum / (double)votes;
	return true;
}

uint64_t model_series_rows(const struct model_window *window)
{
	uint64_t rows = model_seconds_between(window->opens_at_us, window->closes_at_us);
	for (uint64_t second = rows; second < window->plan.seconds; second++)
		for (uint32_t option = 0; option < window->counts; option++)
			if (model_series(window, second, option) > 0)
				rows = second + 1;
	return rows;
}

uint64_t model_series(const struct model_window *window, uint64_t second, uint32_t option)
{
	if (second >= window->plan.seconds)
		return 0;
	return window->series[second * window->counts + option];
}

static bool is_correct(const struct model_plan *plan, uint16_t choice)
{
	for (uint32_t i = 0; i < plan->correct_count; i++)
		if (plan->correct[i] == choice)
			return true;
	return false;
}

/* points − floor(points × (program_time − opens_at) / (2 × (closes_at − opens_at))), from 0 on */
static uint64_t points_of(const struct model_window *window, const struct model_answer *answer)
{
	if (!is_correct(&window->plan, answer->choice))
		return 0;
	__int128 points = window->plan.points;
	__int128 taken = (__int128)answer->program_time_us - window->opens_at_us;
	__int128 duration = (__int128)window->closes_at_us - window->opens_at_us;
	if (duration <= 0)
		return (uint64_t)points;
	__int128 scored = points - points * taken / (2 * duration);
	if (scored < 0)
		return 0;
	return (uint64_t)(scored > points ? points : scored);
}

uint64_t model_points(const struct model_window *window, uint32_t voter)
{
	const struct model_answer *answer = model_answers_find(&window->answers, voter, 0);
	return answer ? points_of(window, answer) : 0;
}

static void append(struct model_board *board, const struct model_window *window)
{
	size_t most = board->count + window->answers.count;
	board->entries = realloc(board->entries, (most + 1) * sizeof(*board->entries));
	if (!board->entries)
		abort();
	for (size_t i = 0; i < window->answers.slots; i++) {
		const struct model_answer *answer = &window->answers.slot[i];
		uint64_t points = answer->used ? points_of(window, answer) : 0;
		if (points > 0)
			board->entries[board->count++] =
				(struct model_entry){.points = points, .voter = answer->voter};
	}
}

static int by_voter(const void *left, const void *right)
{
	const struct model_entry *l = left, *r = right;
	return (l->voter > r->voter) - (l->voter < r->voter);
}

static int by_points(const void *left, const void *right)
{
	const struct model_entry *l = left, *r = right;
	if (l->points != r->points)
		return l->points > r->points ? -1 : 1;
	return by_voter(left, right);
}

/* Makes one entry of all that a voter has, then ranks them. */
static void rank(struct model_board *board)
{
	size_t kept = 0;
	if (board->count == 0)
		return;
	qsort(board->entries, board->count, sizeof(*board->entries), by_voter);
	for (size_t i = 1; i < board->count; i++) {
		if (board->entries[i].voter == board->entries[kept].voter)
			board->entries[kept].points += board->entries[i].points;
		else
			board->entries[++kept] = board->entries[i];
	}
	board->count = kept + 1;
	qsort(board->entries, board->count, sizeof(*board->entries), by_points);
}

void model_board_of_quiz(struct model_board *board, const struct model_window *window)
{
	*board = (struct model_board){0};
	append(board, window);
	rank(board);
}

void model_board_of_show(struct model_board *board, const struct model *model, uint32_t tenant)
{
	*board = (struct model_board){0};
	for (uint32_t i = 0; i < model->window_count; i++) {
		const struct model_window *window = &model->windows[i];
		if (window->plan.kind == MODEL_QUIZ && window->plan.tenant == tenant &&
		    !window->cancelled)
			append(board, window);
	}
	rank(board);
}

void model_board_close(struct model_board *board)
{
	free(board->entries);
}

size_t model_board_rank(const struct model_board *board, uint32_t voter)
{
	for (size_t i = 0; i < board->count; i++)
		if (board->entries[i].voter == voter)
			return i + 1;
	return 0;
}
