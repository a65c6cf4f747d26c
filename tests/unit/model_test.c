// SPDX-License-Identifier: BSD-3-Clause
/*
 * The pipeline against a slow and obvious model of rules 4 to 13: random votes of three tenants
 * around every edge, resent, forged and misdirected, while windows are cancelled, closed and
 * extended. Every verdict, every byte of every receipt and all tallies must be the same.
 *
 * The seed is printed on failure; TALLYWIRE_TEST_SEED=… repeats that run.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/model.h"
#include "tests/lib/stage.h"

#define SECOND STAGE_SECOND
#define OPENS  STAGE_OPENS_US

enum { VOTES = 200000, PAST = 512, WINDOWS = 8, KEYS = 5, COMMAND_EVERY = 150 };

static const struct stage_window windows[WINDOWS] = {
	{1, 1, 2, 9000, OPENS, OPENS + 20 * SECOND, 5 * SECOND, false},
	{1, 2, 4, 9000, OPENS + 10 * SECOND, OPENS + 25 * SECOND, 5 * SECOND, false},
	{1, 3, 15, 9000, OPENS, OPENS + 20 * SECOND, 0, false},
	{2, 1, 16, 9000, OPENS + SECOND, OPENS + 2 * SECOND, 1, false},
	{2, 2, 255, 9000, OPENS, OPENS + 20 * SECOND, 600 * SECOND, false},
	{3, 1, 256, 9000, OPENS + 1, OPENS + 20 * SECOND + 1, 5 * SECOND, false},
	{3, UINT32_MAX, 1024, 100, OPENS, OPENS + 20 * SECOND, 5 * SECOND, false},
	{3, 0, 1, 9000, OPENS, OPENS + 20 * SECOND, 5 * SECOND, true},
};
static const struct {
	uint16_t tenant;
	uint8_t epoch;
} live[KEYS] = {{1, 1}, {1, 2}, {2, 0}, {3, 255}, {3, 1}};

static struct stage stage;
static struct stage_burst burst;
static struct model model;
static uint64_t seed, state;
/* What was sent lately, to be sent again. */
static uint8_t past[PAST][VOTE_BYTES];

/* SplitMix64. */
static uint64_t random_number(void)
{
	uint64_t z = state += 0x9E3779B97F4A7C15;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t limit)
{
	return random_number() % limit;
}

static bool one_in(uint32_t times)
{
	return below(times) == 0;
}

/* An edge or the microsecond before or behind it; wraps where the edge is 0. */
static uint64_t around(uint64_t edge)
{
	return edge + below(3) - 1;
}

static uint64_t random_program_time(const struct model_window *window)
{
	switch (below(10)) {
	case 0: return around(window->opens_at_us);
	case 1: return around(window->closes_at_us);
	case 2: return one_in(2) ? around(0) : random_number();
	default: break;
	}
	uint64_t from = window->opens_at_us - SECOND, to = window->closes_at_us + SECOND;
	return to > from ? from + below(to - from) : from;
}

static uint64_t random_arrival(uint64_t program_time_us, const struct model_window *window)
{
	switch (below(10)) {
	case 0: return around(program_time_us - 250000);
	case 1: return around(program_time_us + window->max_delay_us);
	case 2: return around(program_time_us);
	case 3: return one_in(4) ? around(0) : OPENS + below(30 * SECOND);
	default: return program_time_us + below(window->max_delay_us + 1);
	}
}

static uint16_t random_choice(const struct model_window *window)
{
	if (one_in(20))
		return (uint16_t)around(window->options);
	return one_in(50) ? (uint16_t)random_number() : (uint16_t)below(window->options);
}

static uint32_t random_voter(const struct model_window *window)
{
	if (one_in(50))
		return (uint32_t)around(window->voters);
	return one_in(100) ? (uint32_t)random_number() : (uint32_t)below(window->voters);
}

static void random_vote(uint8_t bytes[VOTE_BYTES], uint64_t *arrival_us)
{
	const struct model_window *window = &model.windows[below(WINDOWS)];
	struct vote vote = {
		.tenant = (uint16_t)window->tenant,
		.server = (uint16_t)random_number(),
		.interaction = one_in(50) ? (uint32_t)below(5) : window->interaction,
		.voter = random_voter(window),
		.choice = random_choice(window),
		.revision = one_in(4) ? (uint32_t)below(1 << 24) : 0,
		.program_time_us = random_program_time(window),
	};
	do
		vote.key_epoch = live[below(KEYS)].epoch;
	while (!auth_keys_find(stage.keys, vote.tenant, vote.key_epoch));
	if (one_in(100))
		vote.tenant = (uint16_t)below(5);
	if (one_in(100))
		vote.key_epoch = (uint8_t)below(4);
	stage_sign(&vote, (void *)bytes);
	if (one_in(50))
		bytes[below(VOTE_BYTES)] ^= (uint8_t)(1 << below(8));
	*arrival_us = random_arrival(vote.program_time_us, window);
}

static void next_vote(uint8_t bytes[VOTE_BYTES], uint64_t *arrival_us)
{
	uint32_t place = (uint32_t)below(PAST);
	if (!one_in(4)) {
		random_vote(bytes, arrival_us);
		memcpy(past[place], bytes, VOTE_BYTES);
		return;
	}
	memcpy(bytes, past[place], VOTE_BYTES);
	*arrival_us = OPENS + below(30 * SECOND);
}

/* What a producer may do, to the model and to the stage alike. */
static void random_command(void)
{
	uint32_t i = (uint32_t)below(WINDOWS);
	struct model_window *window = &model.windows[i];
	switch (below(3)) {
	case 0: window->cancelled = one_in(4); break;
	case 1: window->closes_at_us = around(OPENS + below(30) * SECOND); break;
	case 2: window->max_delay_us = below(7) * SECOND; break;
	}
	stage.set[i].cancelled = window->cancelled;
	stage.set[i].closes_at_us = window->closes_at_us;
	stage.set[i].max_delay_us = window->max_delay_us;
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
	uint8_t votes[BURST_MAX][VOTE_BYTES];
	uint32_t count = 1 + (uint32_t)below(BURST_MAX);
	stage_burst_start(&burst);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t arrival_us;
		next_vote(votes[i], &arrival_us);
		stage_burst_add(&burst, &plain, votes[i], VOTE_BYTES, arrival_us);
	}
	const char *wrong = stage_play(&stage, worker, &burst);
	cr_assert_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
	for (uint32_t i = 0; i < count; i++)
		compare(i, votes[i], burst.burst.arrival_us[i]);
}

static void set_up(void)
{
	struct auth_key keys[KEYS];
	const char *given = getenv("TALLYWIRE_TEST_SEED");
	state = seed =
		given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uint64_t)clock();
	model_open(&model);
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = stage_default_key(live[i].tenant, live[i].epoch);
		model_add_key(&model, live[i].tenant, live[i].epoch, keys[i].key);
	}
	stage_open(&stage, keys, KEYS, windows, WINDOWS);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		struct model_window *window =
			model_add_window(&model, windows[i].tenant, windows[i].interaction,
					 windows[i].options, windows[i].voters);
		window->opens_at_us = windows[i].opens_at_us;
		window->closes_at_us = windows[i].closes_at_us;
		window->max_delay_us = windows[i].max_delay_us;
		window->cancelled = windows[i].cancelled;
	}
}

static void tear_down(void)
{
	stage_close(&stage);
	model_close(&model);
}

static void expect_same_totals(void)
{
	static uint64_t votes[MODEL_MAX_OPTIONS], audit[MODEL_MAX_OPTIONS];
	struct tally_sum sum = {.votes = votes};
	for (uint32_t i = 0; i < WINDOWS; i++) {
		const struct model_window *window = &model.windows[i];
		tally_read(&stage.tallies[i], &sum);
		for (uint32_t v = VERDICT_NONE + 1; v < VERDICT_COUNT; v++) {
			enum receipt_status status = receipt_status_of((enum verdict)v);
			if (status != RECEIPT_NONE)
				cr_expect_eq(sum.receipts[status], window->verdicts[v],
					     "seed %lu: window %u, %s", seed, i,
					     verdict_name((enum verdict)v));
		}
		ballot_count(&stage.ballots[i], audit, window->options);
		for (uint32_t option = 0; option < window->options; option++) {
			cr_expect_eq(votes[option], window->votes[option],
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
