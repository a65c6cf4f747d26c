// SPDX-License-Identifier: BSD-3-Clause
/* The table of kinds, one switch for each of its columns. */
#include "tests/lib/model_kinds.h"

#include <stdlib.h>

#define SECOND 1000000

uint32_t model_counts_of(const struct model_plan *plan)
{
	return plan->kind == MODEL_SCALE ? plan->max - plan->min + 1 : plan->options;
}

uint64_t model_seconds_between(uint64_t from_us, uint64_t to_us)
{
	if (to_us <= from_us)
		return 0;
	uint64_t duration_us = to_us - from_us;
	return duration_us / SECOND + (duration_us % SECOND > 0 ? 1 : 0);
}

static uint32_t options_in(uint16_t mask)
{
	uint32_t count = 0;
	for (uint32_t option = 0; option < 16; option++)
		if (mask >> option & 1)
			count++;
	return count;
}

static bool mask_is_valid(const struct model_plan *plan, uint16_t mask)
{
	for (uint32_t option = plan->options; option < 16; option++)
		if (mask >> option & 1)
			return false;
	return options_in(mask) >= 1 && options_in(mask) <= plan->max_choices;
}

bool model_choice_is_valid(const struct model_window *window, uint16_t choice)
{
	const struct model_plan *plan = &window->plan;
	switch (plan->kind) {
	case MODEL_MULTI: return mask_is_valid(plan, choice);
	case MODEL_SCALE: return choice >= plan->min && choice <= plan->max;
	case MODEL_POLL:
	case MODEL_QUIZ:
	case MODEL_UPVOTE:
	case MODEL_REACTION: return choice < plan->options;
	}
	abort();
}

/* "One answer per …": what beside the voter tells answers apart. False where there can be none. */
static bool detail_of(const struct model_window *window, const struct model_vote *vote,
		      uint64_t *detail)
{
	switch (window->plan.kind) {
	case MODEL_POLL:
	case MODEL_MULTI:
	case MODEL_QUIZ:
	case MODEL_SCALE: *detail = 0; return true;
	case MODEL_UPVOTE: *detail = vote->choice; return vote->choice < window->plan.options;
	case MODEL_REACTION:
		if (vote->program_time_us < window->opens_at_us)
			return false;
		/* Also behind the close: what was counted before it was moved there stands. */
		*detail = (vote->program_time_us - window->opens_at_us) / SECOND;
		return true;
	}
	abort();
}

static bool may_change(const struct model_window *window)
{
	switch (window->plan.kind) {
	case MODEL_POLL:
	case MODEL_MULTI:
	case MODEL_SCALE: return window->plan.revote;
	case MODEL_QUIZ:
	case MODEL_UPVOTE:
	case MODEL_REACTION: return false;
	}
	abort();
}

/* Is there room for one more answer? */
static bool has_room(const struct model_window *window, uint32_t voter, uint64_t detail)
{
	if (voter >= window->plan.voters)
		return false;
	if (window->plan.kind == MODEL_UPVOTE)
		return window->answers.count < window->plan.pairs;
	if (window->plan.kind == MODEL_REACTION)
		return detail < window->plan.seconds;
	return true;
}

/* Adds 1 or -1 to what the answer counts for. */
static void count(struct model_window *window, const struct model_answer *answer, int by)
{
	switch (window->plan.kind) {
	case MODEL_MULTI:
		for (uint32_t option = 0; option < window->counts; option++)
			if (answer->choice >> option & 1)
				window->votes[option] += (uint64_t)by;
		return;
	case MODEL_SCALE: window->votes[answer->choice - window->plan.min] += (uint64_t)by; return;
	case MODEL_REACTION:
		window->series[answer->detail * window->counts + answer->choice] += (uint64_t)by;
		window->votes[answer->choice] += (uint64_t)by;
		return;
	case MODEL_POLL:
	case MODEL_QUIZ:
	case MODEL_UPVOTE: window->votes[answer->choice] += (uint64_t)by; return;
	}
	abort();
}

static void record(struct model_window *window, struct model_answer *answer,
		   const struct model_vote *vote)
{
	answer->choice = vote->choice;
	answer->revision = vote->revision;
	answer->program_time_us = vote->program_time_us;
	count(window, answer, 1);
}

enum verdict model_cast(struct model_window *window, const struct model_vote *vote)
{
	uint64_t detail;
	if (!detail_of(window, vote, &detail))
		abort();
	struct model_answer *before = model_answers_find(&window->answers, vote->voter, detail);
	if (before) {
		if (!may_change(window) || vote->revision <= before->revision)
			return VERDICT_DUPLICATE;
		count(window, before, -1);
		record(window, before, vote);
		return VERDICT_CHANGED;
	}
	if (!has_room(window, vote->voter, detail))
		return VERDICT_BUSY;
	record(window, model_answers_add(&window->answers, vote->voter, detail), vote);
	if (!model_answers_find(&window->seen, vote->voter, 0))
		model_answers_add(&window->seen, vote->voter, 0);
	return VERDICT_COUNTED;
}

uint16_t model_standing(const struct model_window *window, const struct model_vote *vote)
{
	uint64_t detail;
	if (!detail_of(window, vote, &detail))
		return MODEL_NO_CHOICE;
	const struct model_answer *answer =
		model_answers_find(&window->answers, vote->voter, detail);
	return answer ? answer->choice : MODEL_NO_CHOICE;
}
