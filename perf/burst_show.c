// SPDX-License-Identifier: BSD-3-Clause
/* From a rundown to questions, and from the account of a burst to results. */
#include "perf/burst_show.h"

#include <errno.h>
#include <stdlib.h>
#include "dataplane/show/clock_quality.h"
#include "dataplane/show/results.h"

static uint32_t lower(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void fill_question(struct burst_question *question, const struct interaction *interaction,
			  const struct burst_habits *habits)
{
	*question = (struct burst_question){
		.id = interaction->id,
		.rules = interaction->rules,
		.revote = interaction->revote,
		.opens_at_us = interaction->opens_at_us,
		.duration_us = interaction->duration_us,
		.max_delay_us = interaction->max_delay_us,
		.per_voter = 1,
		.points = interaction->points,
		.correct = interaction->correct,
	};
	if (question->rules.kind == KIND_UPVOTE)
		question->per_voter = lower(habits->upvotes_per_voter, question->rules.options);
	if (question->rules.kind == KIND_REACTION)
		question->per_voter = lower(habits->reactions_per_voter, burst_seconds(question));
}

int burst_show_questions(const struct rundown *rundown, const struct tenant *tenant,
			 const struct burst_habits *habits, struct burst_question **questions,
			 uint32_t *count, struct err *err)
{
	*count = 0;
	*questions = calloc((size_t)rundown->count + 1, sizeof(**questions));
	if (!*questions)
		return err_set(err, -ENOMEM, "no memory for a show of %u interactions",
			       rundown->count);
	for (uint32_t i = 0; i < rundown->count; i++)
		if (rundown->interactions[i].tenant == tenant)
			fill_question(&(*questions)[(*count)++], &rundown->interactions[i], habits);
	return 0;
}

/* `entries`, of BURST_BOARD_ENTRIES, backs the board as results want it. */
static struct score_board board_of(const struct burst_board *board, struct score_entry *entries)
{
	for (uint32_t i = 0; i < board->count; i++)
		entries[i] = (struct score_entry){.points = board->entries[i].points,
						  .voter = board->entries[i].voter};
	return (struct score_board){
		.entries = entries, .room = BURST_BOARD_ENTRIES, .count = board->count};
}

/* All seconds together. */
static void add_seconds(struct outcome *outcome)
{
	for (uint64_t i = 0; i < outcome->rows * outcome->options; i++)
		outcome->totals[i % outcome->options] += outcome->series[i];
	outcome->votes = outcome->totals;
}

static void set_mean(struct outcome *outcome, uint32_t least)
{
	uint64_t sum = 0, count = 0;
	for (uint32_t i = 0; i < outcome->options; i++) {
		sum += outcome->votes[i] * (least + i);
		count += outcome->votes[i];
	}
	outcome->has_mean = count > 0;
	outcome->mean = count ? (double)sum / (double)count : 0;
}

/* By hand, not as an appliance does it. */
static void outcome_of(struct outcome *outcome, const struct interaction *interaction,
		       const struct burst_sum *sum)
{
	const struct question *rules = &interaction->rules;
	*outcome = (struct outcome){.options = rules->options, .votes = sum->tally.votes};
	if (rules->kind == KIND_SCALE)
		set_mean(outcome, rules->first);
	if (rules->kind == KIND_REACTION) {
		outcome->series = sum->tally.votes;
		outcome->rows = (interaction->duration_us + 999999) / 1000000;
		add_seconds(outcome);
	}
}

/* `now_us`: when the whole show is final. */
static json_t *result_of(const struct interaction *interaction, const struct burst_sum *sum,
			 uint64_t now_us)
{
	const struct window window = {
		.interaction = interaction->id,
		.tenant = interaction->tenant->id,
		.question = interaction->rules,
		.identity = (uint8_t)interaction_identity(interaction),
		.opens_at_us = interaction->opens_at_us,
		.closes_at_us = interaction->opens_at_us + interaction->duration_us,
		.max_delay_us = interaction->max_delay_us,
	};
	struct score_entry entries[BURST_BOARD_ENTRIES];
	struct outcome outcome;
	outcome_of(&outcome, interaction, sum);
	const struct result result = {
		.interaction = interaction,
		.window = &window,
		.sum = &sum->tally,
		.outcome = &outcome,
		.leaders = board_of(&sum->board, entries),
		.now_us = now_us,
	};
	return results_interaction(&result);
}

/* Of an interaction that nobody answers. */
static json_t *result_without_votes(const struct interaction *interaction, uint64_t now_us)
{
	struct burst_question question;
	struct burst_sum sum = {.board = {.count = 0}};
	const struct burst_habits habits = {1, 1};
	fill_question(&question, interaction, &habits);
	sum.tally.votes = calloc((size_t)question.rules.options * burst_seconds(&question),
				 sizeof(*sum.tally.votes));
	json_t *result = sum.tally.votes ? result_of(interaction, &sum, now_us) : NULL;
	free(sum.tally.votes);
	return result;
}

/* Whether no interaction before it is a quiz of the same tenant. */
static bool is_first_quiz(const struct rundown *rundown, uint32_t number)
{
	const struct interaction *all = rundown->interactions;
	if (all[number].rules.kind != KIND_QUIZ)
		return false;
	for (uint32_t i = 0; i < number; i++)
		if (all[i].rules.kind == KIND_QUIZ && all[i].tenant == all[number].tenant)
			return false;
	return true;
}

/* That of each tenant with a quiz, in the order of their first ones. */
static json_t *leaderboards(const struct rundown *rundown, const struct burst_shape *shape,
			    const struct burst_account *account)
{
	json_t *boards = json_array();
	for (uint32_t i = 0; i < rundown->count; i++) {
		const struct interaction *interaction = &rundown->interactions[i];
		struct score_entry entries[BURST_BOARD_ENTRIES];
		struct score_board board = {.entries = entries};
		if (!is_first_quiz(rundown, i))
			continue;
		if (interaction->tenant->id == shape->tenant)
			board = board_of(&account->board, entries);
		json_array_append_new(boards, results_leaderboard(interaction, false, &board));
	}
	return boards;
}

/* When the last window is final. */
static uint64_t end_us(const struct rundown *rundown)
{
	uint64_t end = 0;
	for (uint32_t i = 0; i < rundown->count; i++) {
		const struct interaction *interaction = &rundown->interactions[i];
		uint64_t final_us = interaction->opens_at_us + interaction->duration_us +
				    interaction->max_delay_us;
		end = final_us > end ? final_us : end;
	}
	return end;
}

json_t *burst_show_answer(const struct rundown *rundown, const struct burst_shape *shape,
			  const struct burst_account *account)
{
	struct datagram_counts counts = {.received = account->total};
	struct results_parts parts = {.interactions = json_array()};
	const struct burst_sum *sum = account->sums;
	uint64_t now_us = end_us(rundown);
	counts.verdicts[VERDICT_BAD_TAG] = account->bad_tag;
	for (uint32_t i = 0; i < rundown->count; i++) {
		const struct interaction *interaction = &rundown->interactions[i];
		bool is_ours = interaction->tenant->id == shape->tenant;
		json_array_append_new(parts.interactions,
				      is_ours ? result_of(interaction, sum++, now_us)
					      : result_without_votes(interaction, now_us));
	}
	parts.leaderboards = leaderboards(rundown, shape, account);
	parts.has_quizzes = json_array_size(parts.leaderboards) > 0;
	parts.datagrams = results_datagrams(&counts, false);
	parts.clock = clock_quality_json(&clock_quality_of_capture);
	return results_document(&parts);
}
