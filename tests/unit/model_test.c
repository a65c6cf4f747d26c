// SPDX-License-Identifier: BSD-3-Clause
/*
 * The pipeline against a slow and obvious model of rules 4 to 13: random votes for windows of all
 * kinds around every edge, resent, answered anew, forged and misdirected, while windows are
 * cancelled, closed and extended and two workers take turns. Every verdict, every byte of every
 * receipt, all counts and every single answer that is kept must be the same.
 *
 * TALLYWIRE_TEST_VOTES=… says how many votes; each ROUND of them meets new windows. The seed is
 * printed on failure; TALLYWIRE_TEST_SEED=… repeats that run.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/model_boards.h"
#include "tests/lib/model_same.h"
#include "tests/lib/show_plans.h"
#include "tests/lib/show_votes.h"
#include "tests/lib/stage.h"

#define SECOND STAGE_SECOND

enum { VOTES = 500000, ROUND = 250000, COMMAND_EVERY = 60, EXTENSION_SECONDS = 4 };

static struct stage stage;
static struct stage_burst burst;
static struct model model;
static struct show_votes votes;
static uint64_t seed, met[VERDICT_COUNT];

/* What a producer may do, to the model and to the stage alike. */
static void random_command(void)
{
	uint32_t i = show_votes_command(&votes, &model);
	stage.set[i].cancelled = model.windows[i].cancelled;
	stage.set[i].closes_at_us = model.windows[i].closes_at_us;
	stage.set[i].max_delay_us = model.windows[i].max_delay_us;
	stage_publish(&stage);
}

/* Criterion reports each assertion, passed or not: ten million of them would take hours. */
static void compare(uint32_t i, const uint8_t vote[VOTE_BYTES], uint64_t arrival_us)
{
	static const struct envelope plain = {.ip_version = 4};
	uint8_t receipt[VOTE_BYTES];
	enum verdict want = model_judge(&model, vote, arrival_us, receipt);
	enum verdict got = burst.burst.verdict[i];
	met[want]++;
	if (got != want)
		cr_assert_fail("seed %lu: %s instead of %s", seed, verdict_name(got),
			       verdict_name(want));
	if (burst.burst.reply_bytes[i] == 0)
		return;
	if (memcmp(burst.frames[i] + envelope_payload(&plain), receipt, VOTE_BYTES) != 0)
		cr_assert_fail("seed %lu: another receipt for %s", seed, verdict_name(want));
}

static void play_one_burst(uint32_t worker)
{
	static const struct envelope plain = {.ip_version = 4};
	uint8_t bytes[BURST_MAX][VOTE_BYTES];
	uint32_t count = 1 + (uint32_t)show_votes_below(&votes, BURST_MAX);
	stage_burst_start(&burst);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t arrival_us;
		show_votes_next(&votes, bytes[i], &arrival_us);
		stage_burst_add(&burst, &plain, bytes[i], VOTE_BYTES, arrival_us);
	}
	const char *wrong = stage_play(&stage, worker, &burst);
	if (wrong)
		cr_assert_fail("seed %lu: %s", seed, wrong);
	for (uint32_t i = 0; i < count; i++)
		compare(i, bytes[i], burst.burst.arrival_us[i]);
}

static struct stage_window stage_window_of(const struct model_plan *plan, bool dense)
{
	struct question question = model_same_question(plan);
	uint64_t length_us = plan->closes_at_us - plan->opens_at_us;
	uint64_t seconds = (length_us + SECOND - 1) / SECOND;
	return (struct stage_window){
		.tenant = (uint16_t)plan->tenant,
		.interaction = plan->interaction,
		.options = question.options,
		.voters = (uint32_t)plan->voters,
		.opens_at_us = plan->opens_at_us,
		.closes_at_us = plan->closes_at_us,
		.max_delay_us = plan->max_delay_us,
		.rules = {.kind = (enum kind)plan->kind,
			  .revote = plan->revote,
			  .dense = dense,
			  .max_choices = question.max_choices,
			  .first = question.first,
			  .seconds = plan->kind == MODEL_REACTION
					     ? (uint32_t)seconds + EXTENSION_SECONDS
					     : 1,
			  .pairs = plan->pairs},
	};
}

static void open_round(bool dense)
{
	struct stage_window windows[MODEL_MAX_WINDOWS];
	struct auth_key keys[SHOW_PLANS_KEYS];
	model_open(&model);
	for (uint32_t i = 0; i < SHOW_PLANS_KEYS; i++) {
		keys[i] = stage_default_key(show_plans_keys[i].tenant, show_plans_keys[i].epoch);
		model_add_key(&model, keys[i].tenant, keys[i].epoch, keys[i].key);
	}
	for (uint32_t i = 0; i < show_plans_count; i++)
		windows[i] = stage_window_of(&show_plans[i], dense);
	stage_open(&stage, keys, SHOW_PLANS_KEYS, windows, show_plans_count);
	for (uint32_t i = 0; i < show_plans_count; i++) {
		struct model_plan plan = show_plans[i];
		plan.seconds = windows[i].rules.seconds;
		/* The room that was asked for, or more. */
		plan.pairs = stage.stores[i].upvotes.count;
		cr_assert(plan.kind != MODEL_UPVOTE || plan.pairs >= windows[i].rules.pairs);
		model_add_window(&model, &plan);
	}
	show_votes_open(&votes, &model, seed);
}

static void close_round(void)
{
	stage_close(&stage);
	model_close(&model);
}

static void expect_same_window(uint32_t i)
{
	static uint64_t tallied[BALLOT_MAX_OPTIONS];
	const struct store *store = &stage.stores[i];
	struct tally_sum sum = {.votes = tallied};
	tally_read(&store->tally, store->tally.counters, &sum);
	if (!store->seen.words)
		sum.voters = sum.receipts[RECEIPT_COUNTED];
	const char *wrong = model_same_sum(&model.windows[i], &sum, store->seconds);
	if (!wrong)
		wrong = model_same_outcome(&model.windows[i], &stage.set[i], &sum, store->seconds);
	if (!wrong)
		wrong = model_same_answers(&model.windows[i], &stage.set[i]);
	cr_expect_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
}

/* Each quiz, and all of a tenant that are not cancelled. */
static void expect_same_boards(uint32_t tenant)
{
	struct score_quiz quizzes[MODEL_MAX_WINDOWS];
	uint32_t count = 0;
	for (uint32_t i = 0; i < model.window_count; i++) {
		const struct model_window *window = &model.windows[i];
		if (window->plan.kind != MODEL_QUIZ || window->plan.tenant != tenant)
			continue;
		model_boards_quiz(&quizzes[count], window, stage.stores[i].ballots);
		const char *wrong = model_boards_same_quiz(window, &quizzes[count]);
		cr_expect_null(wrong, "seed %lu: window %u: %s", seed, i, wrong ? wrong : "");
		count += !window->cancelled;
	}
	const char *wrong = model_boards_same_show(&model, tenant, quizzes, count);
	cr_expect_null(wrong, "seed %lu: tenant %u: %s", seed, tenant, wrong ? wrong : "");
}

static void expect_same_totals(void)
{
	uint64_t verdicts[VERDICT_COUNT];
	for (uint32_t i = 0; i < model.window_count; i++)
		expect_same_window(i);
	for (uint32_t tenant = 1; tenant <= 3; tenant++)
		expect_same_boards(tenant);
	cr_expect_eq(stage_verdicts(&stage, verdicts), stage_received(&stage), "seed %lu", seed);
	for (enum verdict v = VERDICT_PASSED; v <= VERDICT_UNKNOWN; v++)
		cr_expect_eq(verdicts[v], model.verdicts[v], "seed %lu: %s", seed, verdict_name(v));
}

static void play_round(bool dense)
{
	open_round(dense);
	for (uint32_t bursts = 0; stage_received(&stage) < ROUND; bursts++) {
		play_one_burst(bursts % STAGE_WORKERS);
		if (bursts % COMMAND_EVERY == COMMAND_EVERY - 1)
			random_command();
	}
	expect_same_totals();
	close_round();
}

/* A comparison in which a verdict never comes up has not compared it. */
static void expect_all_met(void)
{
	static const enum verdict all[] = {
		VERDICT_MALFORMED, VERDICT_UNKNOWN_KEY, VERDICT_BAD_TAG, VERDICT_UNKNOWN,
		VERDICT_CANCELLED, VERDICT_BAD_CHOICE,  VERDICT_EARLY,   VERDICT_LATE,
		VERDICT_DUPLICATE, VERDICT_CHANGED,     VERDICT_BUSY,    VERDICT_COUNTED};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cr_expect_gt(met[all[i]], 100, "seed %lu: %lu %s", seed, met[all[i]],
			     verdict_name(all[i]));
}

static void play(bool dense)
{
	const char *asked = getenv("TALLYWIRE_TEST_VOTES");
	uint64_t wanted = (asked ? strtoull(asked, NULL, 0) : VOTES) / 2;
	seed = show_votes_seed() + dense;
	for (uint64_t played = 0; played < wanted; played += ROUND, seed++)
		play_round(dense);
	expect_all_met();
}

/* Half of the votes each. */
Test(model, pipeline_agrees_over_growing_ballots, .timeout = 600)
{
	play(false);
}

Test(model, pipeline_agrees_over_dense_ballots, .timeout = 600)
{
	play(true);
}
