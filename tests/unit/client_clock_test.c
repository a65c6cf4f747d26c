// SPDX-License-Identifier: BSD-3-Clause
/* The library's estimate of the appliance's clock. */
#include <criterion/criterion.h>
#include "client/tw_parts.h"

#define SECOND INT64_C(1000000)
#define START  (UINT64_C(1000) * 1000000)

static struct tw_clock estimate;

/* An exchange: sent at `sent_us`, so long each way, over a clock that is `ahead_us` ahead of ours.
 */
static uint64_t exchange(uint64_t sent_us, uint64_t there_us, uint64_t back_us, int64_t ahead_us)
{
	uint64_t received_us = sent_us + there_us + back_us;
	tw_clock_take(&estimate, sent_us + there_us + (uint64_t)ahead_us, sent_us, received_us);
	return received_us;
}

/* The estimate's error bound holds for a clock that is `ahead_us` ahead, and is at most so wide. */
static void expect(uint64_t now_us, int64_t ahead_us, uint64_t widest_us)
{
	struct tw_time time;
	cr_assert(tw_clock_read(&estimate, now_us, &time));
	int64_t off_us = (int64_t)(time.appliance_us - now_us) - ahead_us;
	cr_expect_leq((uint64_t)(off_us < 0 ? -off_us : off_us), time.error_us,
		      "off by %lld, said %llu", (long long)off_us,
		      (unsigned long long)time.error_us);
	cr_expect_leq(time.error_us, widest_us);
}

Test(client_clock, nothing_is_said_before_anything_is_known)
{
	struct tw_time time;
	cr_expect_not(tw_clock_read(&estimate, START, &time));
	tw_clock_take_one_way(&estimate, START, START);
	cr_expect_not(tw_clock_read(&estimate, START, &time));
}

Test(client_clock, the_bound_holds_however_lopsided_the_ways_are)
{
	static const struct {
		uint64_t there_us, back_us;
		int64_t ahead_us;
	} rows[] = {
		{0, 0, 0},
		{20000, 20000, 5 * SECOND},
		{200000, 0, -3 * SECOND},
		{0, 200000, -3 * SECOND},
		{1, 3000000, 1795392000 * SECOND},
		{3000000, 1, 1795392000 * SECOND},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&estimate, 0, sizeof(estimate));
		uint64_t now_us =
			exchange(START, rows[i].there_us, rows[i].back_us, rows[i].ahead_us);
		expect(now_us, rows[i].ahead_us, (rows[i].there_us + rows[i].back_us) / 2 + 1);
	}
}

/* The best of each direction, also where no single exchange was good both ways. */
Test(client_clock, the_best_of_both_ways_makes_the_bound)
{
	uint64_t now_us = exchange(START, 1000, 400000, SECOND);
	now_us = exchange(now_us, 400000, 1000, SECOND);
	expect(now_us, SECOND, 1100);
	for (int i = 0; i < 50; i++) {
		now_us = exchange(now_us, 90000, 90000, SECOND); /* worse ones change nothing */
		expect(now_us, SECOND, 3000);
	}
}

Test(client_clock, a_notice_sharpens_one_side)
{
	struct tw_time before, after;
	uint64_t now_us = exchange(START, 1000, 200000, SECOND);
	cr_assert(tw_clock_read(&estimate, now_us, &before));
	tw_clock_take_one_way(&estimate, now_us + SECOND - 2000, now_us); /* 2 ms on its way */
	cr_assert(tw_clock_read(&estimate, now_us, &after));
	cr_expect_lt(after.error_us, before.error_us / 10);
	expect(now_us, SECOND, 2000);
}

Test(client_clock, a_bound_softens_and_holds_for_clocks_that_drift)
{
	uint64_t now_us = exchange(START, 1000, 1000, 0);
	/* An hour later the appliance is 90 ppm ahead: still within the bound. */
	expect(now_us + 3600 * (uint64_t)SECOND, 3600 * 90, 3600 * 100 + 1100);
	/* And a fresh exchange makes it sharp again. */
	now_us = exchange(now_us + 3600 * (uint64_t)SECOND, 1000, 1000, 3600 * 90);
	expect(now_us, 3600 * 90, 1000);
}

Test(client_clock, a_clock_that_was_set_or_slept_is_believed_anew)
{
	static const int64_t steps_us[] = {60 * SECOND, -60 * SECOND, 5000, -5000};
	for (size_t i = 0; i < sizeof(steps_us) / sizeof(steps_us[0]); i++) {
		memset(&estimate, 0, sizeof(estimate));
		uint64_t now_us = exchange(START, 1000, 1000, 0);
		now_us = exchange(now_us, 1500, 1500, steps_us[i]);
		expect(now_us, steps_us[i], 1500);
	}
}

Test(client_clock, after_a_step_forward_a_notice_alone_says_nothing_certain)
{
	struct tw_time time;
	uint64_t now_us = exchange(START, 1000, 1000, 0);
	tw_clock_take_one_way(&estimate, now_us + 60 * (uint64_t)SECOND, now_us);
	cr_expect_not(tw_clock_read(&estimate, now_us, &time));
	now_us = exchange(now_us, 1000, 1000, 60 * SECOND);
	expect(now_us, 60 * SECOND, 1000);
}

Test(client_clock, impossible_times_are_not_taken)
{
	static const uint64_t times_us[] = {UINT64_MAX, UINT64_C(1) << 61, UINT64_C(1) << 63};
	struct tw_time time;
	for (size_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++) {
		tw_clock_take(&estimate, times_us[i], 0, START);
		tw_clock_take(&estimate, START, 0, times_us[i]);
		tw_clock_take_one_way(&estimate, times_us[i], START);
	}
	cr_expect_not(tw_clock_read(&estimate, START, &time));
	/* The extremes that are taken overflow nothing. */
	tw_clock_take(&estimate, (UINT64_C(1) << 61) - 1, 0, START);
	cr_expect(tw_clock_read(&estimate, (UINT64_C(1) << 61) - 1, &time));
	cr_expect_not(tw_clock_read(&estimate, UINT64_C(1) << 61, &time));
	tw_clock_take(&estimate, 0, (UINT64_C(1) << 61) - 1, (UINT64_C(1) << 61) - 1);
	cr_assert(tw_clock_read(&estimate, (UINT64_C(1) << 61) - 1, &time));
	cr_expect_eq(time.appliance_us, 0);
}
