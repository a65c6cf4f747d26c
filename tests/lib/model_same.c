// SPDX-License-Identifier: BSD-3-Clause
/* Every number of a window, looked up on both sides. */
#include "tests/lib/model_same.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/ballot_wide.h"
#include "dataplane/core/outcome.h"
#include "dataplane/core/receipt.h"
#include "tests/lib/model_results.h"

#define SECOND 1000000ull

__attribute__((format(printf, 2, 3))) static const char *differ(const struct model_window *window,
								const char *format, ...)
{
	static char line[256];
	va_list arguments;
	int at = snprintf(line, sizeof(line), "window %u/%u, kind %d: ", window->plan.tenant,
			  window->plan.interaction, (int)window->plan.kind);
	va_start(arguments, format);
	vsnprintf(line + at, sizeof(line) - (size_t)at, format, arguments);
	va_end(arguments);
	return line;
}

struct question model_same_question(const struct model_plan *plan)
{
	return (struct question){
		.kind = (uint8_t)plan->kind,
		.max_choices = (uint8_t)plan->max_choices,
		.first = (uint16_t)(plan->kind == MODEL_SCALE ? plan->min : 0),
		.options = (uint16_t)(plan->kind == MODEL_SCALE ? plan->max - plan->min + 1
								: plan->options),
	};
}

static const char *same_receipts(const struct model_window *window, const struct tally_sum *sum)
{
	for (enum verdict verdict = VERDICT_NONE; verdict < VERDICT_COUNT; verdict++) {
		enum receipt_status status = receipt_status_of(verdict);
		if (status != RECEIPT_NONE && sum->receipts[status] != window->verdicts[verdict])
			return differ(window, "%" PRIu64 " %s, not %" PRIu64, sum->receipts[status],
				      verdict_name(verdict), window->verdicts[verdict]);
	}
	return NULL;
}

static const char *same_series(const struct model_window *window, const struct tally_sum *sum,
			       uint32_t seconds)
{
	for (uint32_t second = 0; second < seconds; second++) {
		for (uint32_t i = 0; i < window->counts; i++) {
			uint64_t votes = sum->votes[second * window->counts + i];
			uint64_t wanted = model_series(window, second, i);
			if (votes != wanted)
				return differ(window,
					      "second %u, option %u: %" PRIu64 ", not %" PRIu64,
					      second, i, votes, wanted);
		}
	}
	return NULL;
}

const char *model_same_sum(const struct model_window *window, const struct tally_sum *sum,
			   uint32_t seconds)
{
	const char *wrong = same_receipts(window, sum);
	if (!wrong && sum->voters != model_voters(window))
		wrong = differ(window, "%" PRIu64 " voters, not %" PRIu64, sum->voters,
			       model_voters(window));
	for (uint32_t i = 0; !wrong && i < window->counts; i++) {
		uint64_t votes = 0;
		for (uint32_t second = 0; second < seconds; second++)
			votes += sum->votes[second * window->counts + i];
		if (votes != window->votes[i])
			wrong = differ(window, "option %u: %" PRIu64 ", not %" PRIu64, i, votes,
				       window->votes[i]);
	}
	if (!wrong && window->plan.kind == MODEL_REACTION)
		wrong = same_series(window, sum, seconds);
	return wrong;
}

/* As many rows as the model's; with fewer seconds than the window is long, no more than those. */
static const char *same_rows(const struct model_window *window, const struct outcome *outcome,
			     uint32_t seconds)
{
	uint64_t rows = model_series_rows(window);
	if (outcome->rows != (rows < seconds ? rows : seconds))
		return differ(window, "%" PRIu64 " rows, not %" PRIu64, outcome->rows, rows);
	for (uint64_t row = 0; row < outcome->rows; row++)
		for (uint32_t i = 0; i < outcome->options; i++)
			if (outcome->series[row * outcome->options + i] !=
			    model_series(window, row, i))
				return differ(window, "row %" PRIu64 ", option %u", row, i);
	return NULL;
}

const char *model_same_outcome(const struct model_window *window, const struct window *armed,
			       const struct tally_sum *sum, uint32_t seconds)
{
	static struct outcome outcome;
	double mean;
	outcome_make(&outcome, armed, sum, seconds);
	if (outcome.options != window->counts)
		return differ(window, "%u options, not %u", outcome.options, window->counts);
	for (uint32_t i = 0; i < outcome.options; i++)
		if (outcome.votes[i] != window->votes[i])
			return differ(window, "option %u comes to %" PRIu64 ", not %" PRIu64, i,
				      outcome.votes[i], window->votes[i]);
	if (window->plan.kind == MODEL_SCALE) {
		bool has_mean = model_mean(window, &mean);
		if (outcome.has_mean != has_mean ||
		    (has_mean && memcmp(&outcome.mean, &mean, sizeof(mean)) != 0))
			return differ(window, "mean %.17g", outcome.mean);
	}
	return window->plan.kind == MODEL_REACTION ? same_rows(window, &outcome, seconds) : NULL;
}

/* The choice that is kept for an answer, and the mark beside it; CHOICE_NONE where none is. */
static uint16_t kept(const struct window *armed, const struct model_answer *answer, uint64_t *mark)
{
	const struct store *store = armed->store;
	uint16_t index = CHOICE_NONE;
	uint64_t cell = 0;
	*mark = 0;
	switch ((enum kind_identity)armed->identity) {
	case ONE_PER_VOTER: index = ballot_standing(store->ballots, answer->voter); break;
	case ONE_PER_VOTER_SECOND:
		index = ballot_standing(&store->ballots[answer->detail], answer->voter);
		break;
	case ONE_PER_VOTER_TIMED:
	case ONE_PER_VOTER_CHANGING:
		cell = ballot_wide_standing(store->ballots, answer->voter);
		*mark = ballot_wide_mark(cell);
		index = ballot_wide_choice(cell);
		break;
	case ONE_PER_VOTER_ITEM:
		if (upvotes_has(&store->upvotes, answer->voter, answer->choice))
			index = answer->choice;
		break;
	}
	return index == CHOICE_NONE ? index : kind_choice(&armed->question, index);
}

static const char *same_answer(const struct model_window *window, const struct window *armed,
			       const struct model_answer *answer)
{
	uint64_t mark, wanted = 0;
	uint16_t choice = kept(armed, answer, &mark);
	if (armed->identity == ONE_PER_VOTER_TIMED)
		wanted = answer->program_time_us - window->opens_at_us;
	if (armed->identity == ONE_PER_VOTER_CHANGING)
		wanted = answer->revision;
	if (choice != answer->choice || mark != wanted)
		return differ(window,
			      "voter %u, detail %" PRIu64 ": %u with %" PRIu64
			      ", not %u with %" PRIu64,
			      answer->voter, answer->detail, choice, mark, answer->choice, wanted);
	return NULL;
}

/* All answers that the store holds. */
static uint64_t answers_kept(const struct window *armed)
{
	static uint64_t votes[BALLOT_MAX_OPTIONS];
	const struct store *store = armed->store;
	uint64_t answers = 0;
	for (uint64_t i = 0; i < store->upvotes.count; i++)
		answers += store->upvotes.cells[i] != 0;
	for (uint32_t second = 0; store->ballots && second < store->seconds; second++)
		answers += ballot_count(&store->ballots[second], votes,
					kind_answers(&armed->question));
	return answers;
}

/* Bits of the voter set where there is one. */
static uint64_t voters_kept(const struct store *store)
{
	uint64_t voters = 0;
	for (uint64_t i = 0; i < voter_set_bytes(store->voters) / sizeof(uint64_t); i++)
		voters += (uint64_t)__builtin_popcountll(store->seen.words[i]);
	return voters;
}

const char *model_same_answers(const struct model_window *window, const struct window *armed)
{
	uint64_t answers = answers_kept(armed);
	const char *wrong = NULL;
	if (answers != window->answers.count)
		return differ(window, "%" PRIu64 " answers are kept, not %zu", answers,
			      window->answers.count);
	if (armed->store->seen.words && voters_kept(armed->store) != window->seen.count)
		return differ(window, "%" PRIu64 " voters are kept, not %zu",
			      voters_kept(armed->store), window->seen.count);
	for (size_t i = 0; !wrong && i < window->answers.slots; i++)
		if (window->answers.slot[i].used)
			wrong = same_answer(window, armed, &window->answers.slot[i]);
	return wrong;
}
