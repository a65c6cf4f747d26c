// SPDX-License-Identifier: BSD-3-Clause
/* A window a line. */
#include "tests/lib/show_plans.h"

#define SECOND 1000000ull
#define OPENS  SHOW_PLANS_OPENS_US

const struct show_plans_key show_plans_keys[SHOW_PLANS_KEYS] = {
	{1, 1}, {1, 2}, {2, 0}, {3, 255}, {3, 1},
};

/* Opens `after` µs later for `lasts` µs; answers may be `delay` µs behind. */
#define WHEN(after, lasts, delay)                                                                  \
	.opens_at_us = OPENS + (after), .closes_at_us = OPENS + (after) + (lasts),                 \
	.max_delay_us = (delay)
#define USUAL WHEN(0, 20 * SECOND, 5 * SECOND)
#define PLAN(number, of, id, room, rest...)                                                        \
	{                                                                                          \
		.kind = number, .tenant = of, .interaction = id, .voters = room, rest              \
	}

static const uint32_t first_and_third[] = {0, 2};
static const uint32_t the_last[] = {1023};
static const uint32_t the_only[] = {0};
static const uint32_t none_but_one[] = {0, 1, 2, 3, 5, 6, 7};

const struct model_plan show_plans[] = {
	PLAN(MODEL_POLL, 1, 1, 9000, USUAL, .options = 2),
	PLAN(MODEL_POLL, 1, 2, 9000, WHEN(10 * SECOND, 15 * SECOND, 5 * SECOND), .options = 4),
	PLAN(MODEL_POLL, 1, 3, 65536, WHEN(0, 20 * SECOND, 0), .options = 15),
	PLAN(MODEL_POLL, 2, 1, 65537, WHEN(SECOND, SECOND, 1000), .options = 16),
	PLAN(MODEL_POLL, 2, 2, 200000, WHEN(0, 20 * SECOND, 600 * SECOND), .options = 255),
	PLAN(MODEL_POLL, 3, 1, 9000, WHEN(1, 20 * SECOND, 5 * SECOND), .options = 256),
	PLAN(MODEL_POLL, 3, UINT32_MAX, 100, USUAL, .options = 1024),
	PLAN(MODEL_POLL, 3, 0, 1, USUAL, .options = 1),
	PLAN(MODEL_POLL, 2, 4, 9000, USUAL, .options = 4, .revote = true),
	PLAN(MODEL_POLL, 3, 5, 140000, USUAL, .options = 1024, .revote = true),
	PLAN(MODEL_MULTI, 1, 10, 9000, USUAL, .options = 5, .max_choices = 3),
	PLAN(MODEL_MULTI, 1, 11, 9000, USUAL, .options = 1, .max_choices = 1),
	PLAN(MODEL_MULTI, 2, 12, 70000, USUAL, .options = 16, .max_choices = 16),
	PLAN(MODEL_MULTI, 2, 13, 9000, USUAL, .options = 16, .max_choices = 3, .revote = true),
	PLAN(MODEL_MULTI, 3, 14, 40, WHEN(3 * SECOND, 7 * SECOND, 5 * SECOND), .options = 3,
	     .max_choices = 2, .revote = true),
	PLAN(MODEL_QUIZ, 1, 20, 9000, USUAL, .options = 4, .points = 1000,
	     .correct = first_and_third, .correct_count = 2),
	PLAN(MODEL_QUIZ, 1, 21, 9000, WHEN(5 * SECOND, 20001000, 5 * SECOND), .options = 1024,
	     .points = 1000000, .correct = the_last, .correct_count = 1),
	PLAN(MODEL_QUIZ, 1, 22, 9000, WHEN(SECOND, 1500000, 2 * SECOND), .options = 1, .points = 7,
	     .correct = the_only, .correct_count = 1),
	PLAN(MODEL_QUIZ, 3, 23, 140000, USUAL, .options = 8, .points = 999, .correct = none_but_one,
	     .correct_count = 7),
	PLAN(MODEL_QUIZ, 3, 24, 200, WHEN(7 * SECOND, 10 * SECOND, 5 * SECOND), .options = 8,
	     .points = 1, .correct = none_but_one, .correct_count = 7),
	PLAN(MODEL_SCALE, 1, 30, 9000, USUAL, .min = 3, .max = 10),
	PLAN(MODEL_SCALE, 2, 31, 9000, USUAL, .min = 64511, .max = 65534, .revote = true),
	PLAN(MODEL_SCALE, 2, 32, 9000, USUAL, .min = 0, .max = 1023),
	PLAN(MODEL_SCALE, 3, 33, 66000, USUAL, .min = 65534, .max = 65534),
	PLAN(MODEL_SCALE, 3, 34, 60, USUAL, .min = 0, .max = 1, .revote = true),
	PLAN(MODEL_UPVOTE, 1, 40, 20000, USUAL, .options = 65535, .pairs = 400000),
	PLAN(MODEL_UPVOTE, 2, 41, 500, USUAL, .options = 3, .pairs = 300),
	PLAN(MODEL_UPVOTE, 3, 42, 9000, USUAL, .options = 1000, .pairs = 400000),
	PLAN(MODEL_UPVOTE, 3, 43, 9000, USUAL, .options = 1, .pairs = 1),
	PLAN(MODEL_REACTION, 1, 50, 2000, USUAL, .options = 6),
	PLAN(MODEL_REACTION, 2, 51, 70000, WHEN(2 * SECOND, 2500000, 5 * SECOND), .options = 1),
	PLAN(MODEL_REACTION, 2, 52, 50, WHEN(1, 7000000, 5 * SECOND), .options = 300),
	PLAN(MODEL_REACTION, 3, 53, 2000, WHEN(500000, 10001000, SECOND), .options = 16),
	PLAN(MODEL_REACTION, 3, 54, 300, USUAL, .options = 4),
};
const uint32_t show_plans_count = sizeof(show_plans) / sizeof(show_plans[0]);
