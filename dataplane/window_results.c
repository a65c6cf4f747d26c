// SPDX-License-Identifier: BSD-3-Clause
/* Brings together what results.c prints. Called by methods_windows.c and replay.c. */
#include "dataplane/window_results.h"

#include <errno.h>

#include "dataplane/durable.h"
#include "dataplane/show/results.h"

json_t *window_results_one(struct windows *windows, struct armed_window *armed,
			   const struct results_wish *wish, const struct tally_sum *sum)
{
	const struct board_of of = {windows, armed, BOARD_QUIZ};
	bool hidden = wish->revealed_only && !armed->window.revealed;
	struct outcome outcome;
	struct result result = {
		.interaction = &armed->interaction,
		.window = &armed->window,
		.sum = sum,
		.outcome = &outcome,
		.now_us = wish->now_us,
		.durability =
			wish->durability && armed->immediate ? DURABLE_IMMEDIATE : wish->durability,
	};
	if (wish->brief)
		result.extent = hidden ? RESULTS_BRIEF_BLIND : RESULTS_BRIEF;
	outcome_make(&outcome, &armed->window, sum, armed->seconds);
	if (boards_is_quiz(armed) && !hidden &&
	    boards_best(&of, wish->top, wish->now_us, &result.leaders))
		return NULL;
	return results_interaction(&result);
}

bool window_results_add_leaderboard(struct windows *windows, struct armed_window *quiz,
				    const struct results_wish *wish, json_t *leaderboards)
{
	const struct board_of of = {windows, quiz,
				    wish->revealed_only ? BOARD_SHOW_REVEALED : BOARD_SHOW};
	struct score_board board;
	int rc = boards_best(&of, wish->top, wish->now_us, &board);
	if (rc)
		return rc == -ENOENT;
	return json_array_append_new(leaderboards, results_leaderboard(&quiz->interaction,
								       wish->with_show, &board)) ==
	       0;
}
