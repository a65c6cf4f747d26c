// SPDX-License-Identifier: BSD-3-Clause
/* The watchdog with a clock and counters of the test's. */
#include <criterion/criterion.h>

#include "dataplane/watchdog.h"

#define TIMEOUT_US 8000000u
#define PERIOD_US  2000000u

static struct watchdog watchdog;
static uint64_t turns[3] = {5, 7, 0};

static bool look(uint64_t now_us)
{
	return watchdog_look(&watchdog, turns, 3, now_us);
}

Test(watchdog, is_told_four_times_in_its_time_and_not_more_often)
{
	watchdog_start(&watchdog, TIMEOUT_US);
	cr_expect(watchdog_is_due(&watchdog, 0));
	look(100);
	cr_expect_not(watchdog_is_due(&watchdog, 100 + PERIOD_US - 1));
	cr_expect(watchdog_is_due(&watchdog, 100 + PERIOD_US));
}

Test(watchdog, without_a_manager_there_is_none)
{
	watchdog_start(&watchdog, 0);
	cr_expect_not(watchdog_is_due(&watchdog, UINT64_MAX));
	cr_expect_eq(watchdog_wait_ms(&watchdog, 1000), 1000);
}

Test(watchdog, hears_of_workers_that_all_go_round)
{
	watchdog_start(&watchdog, TIMEOUT_US);
	cr_expect(look(0));
	for (uint64_t now_us = PERIOD_US; now_us < 10 * PERIOD_US; now_us += PERIOD_US) {
		for (int i = 0; i < 3; i++)
			turns[i] += (uint64_t)i + 1;
		cr_expect(look(now_us));
	}
}

Test(watchdog, hears_nothing_while_one_worker_hangs)
{
	watchdog_start(&watchdog, TIMEOUT_US);
	look(0);
	for (uint64_t now_us = PERIOD_US; now_us <= TIMEOUT_US; now_us += PERIOD_US) {
		turns[0]++;
		turns[2]++;
		cr_expect_not(look(now_us), "at %lu", (unsigned long)now_us);
	}
	for (int i = 0; i < 3; i++)
		turns[i]++;
	cr_expect(look(TIMEOUT_US + PERIOD_US));
}

Test(watchdog, the_loop_comes_round_often_enough)
{
	watchdog_start(&watchdog, 400000);
	cr_expect_eq(watchdog_wait_ms(&watchdog, 1000), 100);
	cr_expect_eq(watchdog_wait_ms(&watchdog, 20), 20);
	watchdog_start(&watchdog, 400);
	cr_expect_eq(watchdog_wait_ms(&watchdog, 1000), 1);
	watchdog_start(&watchdog, TIMEOUT_US);
	cr_expect_eq(watchdog_wait_ms(&watchdog, 1000), 1000);
}
