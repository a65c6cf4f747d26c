// SPDX-License-Identifier: BSD-3-Clause
/*
 * The pipeline against a slow and obvious model of rules 4 to 13: random votes of three tenants
 * around every edge, resent, forged and misdirected, while windows are cancelled, closed and
 * extended. Every verdict, every byte of every receipt and all tallies must be the same.
 *
 * The seed is printed on failure; TALLYWIRE_TEST_SEED=… repeats that run.
 */
#include <criterion/criterion.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/model.h"
#include "tests/lib/show_votes.h"
#include "tests/lib/stage.h"

#define SECOND STAGE_SECOND
#define OPENS  STAGE_OPENS_US

enum { VOTES = 200000, WINDOWS = 8, KEYS = 5, COMMAND_EVERY = 150, MAX_OPTIONS = 1024 };

static const struct stage_window windows[WINDOWS] = {
	{1, 1, 2, 9000, OPENS, OPENS + 20 * SECOND, 5 * SECOND, false, {0}},
	{1, 2, 4, 9000, OPENS + 10 * SECOND, OPENS + 25 * SECOND, 5 * SECOND, false, {0}},
	{1, 3, 15, 9000, OPENS, OPENS + 20 * SECOND, 0, false, {0}},
	{2, 1, 16, 9000, OPENS + SECOND, OPENS + 2 * SECOND, 1, false, {0}},
	{2, 2, 255, 9000, OPENS, OPENS + 20 * SECOND, 600 * SECOND, false, {0}},
	{3, 1, 256, 9000, OPENS + 1, OPENS + 20 * SECOND + 1, 5 * SECOND, false, {0}},
	{3, UINT32_MAX, 1024, 100, OPENS, OPENS + 20 * SECOND, 5 * SECOND, false, {0}},
	{3, 0, 1, 9000, OPENS, OPENS + 20 * SECOND, 5 * SECOND, true, {0}},
};
static const struct {
	uint16_t tenant;
	uint8_t epoch;
} live[KEYS] = {{1, 1}, {1, 2}, {2, 0}, {3, 255}, {3, 1}};

static struct stage stage;
static struct stage_burst burst;
static struct model model;
static struct show_votes votes;
static uint64_t seed;

/* What a producer may do, to the model and to the stage alike. */
static void random_command(void)
{
	uint32_t i = show_votes_command(&votes, &model);
	stage.set[i].cancelled = model.windows[i].cancelled;
	stage.set[i].closes_at_us = model.windows[i].closes_at_us;
	stage.set[i].max_delay_us = model.windows[i].max_delay_us;
	stage_publish(&stage);
}

static void compare(uint32_t i, const uint8_t vote[VOTE_BYTES], uint64_t arrival_us)
{
	static const struct envelope plain = {.ip_version = 4};
	uint8_t receipt[VOTE_BYTES];
	enum verdict want = model_judge(&model, vote, arrival_us, receipt);
	enum verdict got = burst.burst.verdict[i];
	cr_assert_eq(got, want, "seed %lu: %s instead of %s", seed, verdict_name(got),
		     verdict_name(want));
	if (burst.burst.reply_bytes[i] == 0)
		return;
	cr_assert_arr_eq(burst.frames[i] + envelope_payload(&plain), receipt, VOTE_BYTES,
			 "seed %lu: another receipt for %s", seed, verdict_name(want));
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
	cr_assert_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
	for (uint32_t i = 0; i < count; i++)
		compare(i, bytes[i], burst.burst.arrival_us[i]);
}

static void set_up(void)
{
	struct auth_key keys[KEYS];
	seed = show_votes_seed();
	model_open(&model);
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = stage_default_key(live[i].tenant, live[i].epoch);
		model_add_key(&model, live[i].tenant, live[i].epoch, keys[i].key);
	}
	stage_open(&stage, keys, KEYS, windows, WINDOWS);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		const struct model_plan plan = {
			.kind = MODEL_POLL,
			.tenant = windows[i].tenant,
			.interaction = windows[i].interaction,
			.options = windows[i].options,
			.voters = windows[i].voters,
			.opens_at_us = windows[i].opens_at_us,
			.closes_at_us = windows[i].closes_at_us,
			.max_delay_us = windows[i].max_delay_us,
		};
		model_add_window(&model, &plan)->cancelled = windows[i].cancelled;
	}
	show_votes_open(&votes, &model, seed);
}

static void tear_down(void)
{
	stage_close(&stage);
	model_close(&model);
}

static void expect_same_totals(void)
{
	static uint64_t tallied[MAX_OPTIONS], audit[MAX_OPTIONS];
	struct tally_sum sum = {.votes = tallied};
	for (uint32_t i = 0; i < WINDOWS; i++) {
		const struct model_window *window = &model.windows[i];
		tally_read(&stage.stores[i].tally, window->counts, &sum);
		for (uint32_t v = VERDICT_NONE + 1; v < VERDICT_COUNT; v++) {
			enum receipt_status status = receipt_status_of((enum verdict)v);
			if (status != RECEIPT_NONE)
				cr_expect_eq(sum.receipts[status], window->verdicts[v],
					     "seed %lu: window %u, %s", seed, i,
					     verdict_name((enum verdict)v));
		}
		ballot_count(stage.stores[i].ballots, audit, window->counts);
		for (uint32_t option = 0; option < window->counts; option++) {
			cr_expect_eq(tallied[option], window->votes[option],
				     "seed %lu: window %u, option %u", seed, i, option);
			cr_expect_eq(audit[option], window->votes[option],
				     "seed %lu: ballot %u, option %u", seed, i, option);
		}
	}
}

Test(model, pipeline_agrees_on_200000_votes, .init = set_up, .fini = tear_down)
{
	uint64_t verdicts[VERDICT_COUNT];
	for (uint32_t bursts = 0; stage_received(&stage) < VOTES; bursts++) {
		play_one_burst(bursts % STAGE_WORKERS);
		if (bursts % COMMAND_EVERY == COMMAND_EVERY - 1)
			random_command();
	}
	expect_same_totals();
	cr_expect_eq(stage_verdicts(&stage, verdicts), stage_received(&stage), "seed %lu", seed);
	/* A comparison in which a verdict never comes up has not compared it. */
	static const enum verdict met[] = {
		VERDICT_MALFORMED, VERDICT_UNKNOWN_KEY, VERDICT_BAD_TAG, VERDICT_UNKNOWN,
		VERDICT_CANCELLED, VERDICT_BAD_CHOICE,  VERDICT_EARLY,   VERDICT_LATE,
		VERDICT_DUPLICATE, VERDICT_BUSY,        VERDICT_COUNTED};
	for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++)
		cr_expect_gt(verdicts[met[i]], 100, "seed %lu: %lu %s", seed, verdicts[met[i]],
			     verdict_name(met[i]));
}
