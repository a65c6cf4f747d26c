// SPDX-License-Identifier: BSD-3-Clause
/*
 * The votes that readings of the rules are compared with: the same from the same seed, every
 * verdict in every kind of window, and a model whose sums can be counted again from its answers.
 *
 * The seed is printed on failure; TALLYWIRE_TEST_SEED=… repeats that run.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/lib/model_results.h"
#include "tests/lib/show_votes.h"

#define SECOND 1000000ull
#define OPENS  1795392000000000ull

enum { VOTES = 400000, COMMAND_EVERY = 150, WINDOWS = 9, KEYS = 3 };

#define KIND(number, rest...)                                                                      \
	{                                                                                          \
		.kind = number, .interaction = number, .opens_at_us = OPENS,                       \
		.closes_at_us = OPENS + 20 * SECOND, .max_delay_us = 5 * SECOND, .pairs = 30000,   \
		.seconds = 24, rest                                                                \
	}

static const uint32_t correct[] = {0, 2};
static const struct model_plan plans[WINDOWS] = {
	KIND(MODEL_POLL, .tenant = 1, .options = 4, .voters = 20000),
	KIND(MODEL_MULTI, .tenant = 1, .options = 5, .voters = 20000, .max_choices = 3),
	KIND(MODEL_QUIZ, .tenant = 1, .options = 4, .voters = 20000, .correct = correct,
	     .correct_count = 2, .points = 1000),
	KIND(MODEL_SCALE, .tenant = 1, .min = 3, .max = 10, .voters = 20000),
	KIND(MODEL_UPVOTE, .tenant = 1, .options = 65535, .voters = 20000),
	KIND(MODEL_REACTION, .tenant = 1, .options = 6, .voters = 2000),
	KIND(MODEL_POLL, .tenant = 2, .options = 300, .voters = 20000, .revote = true),
	KIND(MODEL_MULTI, .tenant = 2, .options = 16, .voters = 20000, .max_choices = 16,
	     .revote = true),
	KIND(MODEL_SCALE, .tenant = 2, .min = 64511, .max = 65534, .voters = 20000, .revote = true),
};

static struct model model;
static struct show_votes votes;
static uint64_t seed;

static void set_up(void)
{
	static const uint32_t epochs[KEYS][2] = {{1, 1}, {1, 2}, {2, 255}};
	seed = show_votes_seed();
	model_open(&model);
	for (uint8_t i = 0; i < KEYS; i++) {
		const uint8_t key[16] = {i, 1, 2, 3};
		model_add_key(&model, epochs[i][0], epochs[i][1], key);
	}
	for (uint32_t i = 0; i < WINDOWS; i++)
		model_add_window(&model, &plans[i]);
	show_votes_open(&votes, &model, seed);
}

static void tear_down(void)
{
	model_close(&model);
}

TestSuite(show_votes, .init = set_up, .fini = tear_down);

Test(show_votes, same_seed_same_votes)
{
	static struct show_votes again;
	show_votes_open(&again, &model, seed);
	for (uint32_t i = 0; i < 10000; i++) {
		uint8_t bytes[2][40];
		uint64_t arrival_us[2];
		show_votes_next(&votes, bytes[0], &arrival_us[0]);
		show_votes_next(&again, bytes[1], &arrival_us[1]);
		cr_assert_arr_eq(bytes[0], bytes[1], 40, "seed %lu: vote %u", seed, i);
		cr_assert_eq(arrival_us[0], arrival_us[1], "seed %lu: vote %u", seed, i);
	}
}

static void play(void)
{
	for (uint32_t i = 0; i < VOTES; i++) {
		uint8_t bytes[40], receipt[40];
		uint64_t arrival_us;
		if (i % COMMAND_EVERY == 0)
			show_votes_command(&votes, &model);
		show_votes_next(&votes, bytes, &arrival_us);
		model_judge(&model, bytes, arrival_us, receipt);
	}
}

/* A comparison in which a verdict never comes up has not compared it. */
static void expect_all_verdicts(uint32_t place)
{
	static const enum verdict some[] = {
		VERDICT_CANCELLED, VERDICT_BAD_CHOICE, VERDICT_EARLY,   VERDICT_LATE,
		VERDICT_DUPLICATE, VERDICT_BUSY,       VERDICT_COUNTED,
	};
	const struct model_window *window = &model.windows[place];
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		cr_expect_gt(window->verdicts[some[i]], 50, "seed %lu: window %u, verdict %d", seed,
			     place, some[i]);
	cr_expect_eq(window->verdicts[VERDICT_CHANGED] > 50, window->plan.revote,
		     "seed %lu: window %u", seed, place);
}

/* Counts the answers that stand once more. */
static void expect_same_sums(uint32_t place)
{
	static uint64_t again[65536];
	const struct model_window *window = &model.windows[place];
	memset(again, 0, sizeof(again));
	for (size_t i = 0; i < window->answers.slots; i++) {
		const struct model_answer *answer = &window->answers.slot[i];
		if (!answer->used)
			continue;
		if (window->plan.kind != MODEL_MULTI)
			again[answer->choice]++;
		for (uint32_t bit = 0; bit < 16 && window->plan.kind == MODEL_MULTI; bit++)
			again[bit] += answer->choice >> bit & 1;
	}
	uint32_t first = window->plan.kind == MODEL_SCALE ? window->plan.min : 0;
	for (uint32_t i = 0; i < window->counts; i++)
		cr_expect_eq(window->votes[i], again[first + i], "seed %lu: window %u, option %u",
			     seed, place, i);
	cr_expect_eq(window->answers.count, window->verdicts[VERDICT_COUNTED]);
}

static void expect_series_adds_up(const struct model_window *window)
{
	for (uint32_t option = 0; option < window->counts; option++) {
		uint64_t sum = 0;
		for (uint64_t second = 0; second < model_series_rows(window); second++)
			sum += model_series(window, second, option);
		cr_expect_eq(sum, window->votes[option], "seed %lu: option %u", seed, option);
	}
}

Test(show_votes, every_verdict_in_every_kind)
{
	uint64_t judged = 0;
	play();
	for (uint32_t i = 0; i < WINDOWS; i++) {
		expect_all_verdicts(i);
		expect_same_sums(i);
		for (uint32_t v = 0; v < VERDICT_COUNT; v++)
			judged += model.windows[i].verdicts[v];
		if (model.windows[i].plan.kind == MODEL_REACTION)
			expect_series_adds_up(&model.windows[i]);
	}
	static const enum verdict windowless[] = {VERDICT_MALFORMED, VERDICT_UNKNOWN_KEY,
						  VERDICT_BAD_TAG, VERDICT_UNKNOWN};
	for (size_t i = 0; i < sizeof(windowless) / sizeof(windowless[0]); i++) {
		cr_expect_gt(model.verdicts[windowless[i]], 50, "seed %lu: verdict %d", seed,
			     windowless[i]);
		judged += model.verdicts[windowless[i]];
	}
	cr_expect_eq(judged, VOTES, "seed %lu", seed);
}
