/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram of latencies: quantiles within 1.6 %, the maximum exact. */
#include <criterion/criterion.h>
#include "perf/latency.h"

static struct latency latency;

Test(latency, nothing_added_is_zero)
{
	cr_expect_eq(latency_quantile_us(&latency, 500), 0);
}

Test(latency, small_ones_are_exact)
{
	for (uint64_t us = 1; us <= 50; us++)
		latency_add(&latency, us);
	cr_expect_eq(latency_quantile_us(&latency, 500), 25);
	cr_expect_eq(latency_quantile_us(&latency, 1000), 50);
}

Test(latency, quantiles_are_at_most_a_64th_off)
{
	const uint32_t permille[] = {1, 10, 500, 990, 999, 1000};
	for (uint64_t us = 1; us <= 100000; us++)
		latency_add(&latency, us);
	for (size_t i = 0; i < sizeof(permille) / sizeof(permille[0]); i++) {
		uint64_t right = 100 * permille[i];
		uint64_t told = latency_quantile_us(&latency, permille[i]);
		cr_expect(told >= right && told <= right + right / 64, "%u: %lu", permille[i],
			  (unsigned long)told);
	}
}

Test(latency, the_largest_is_kept_as_it_is)
{
	latency_add(&latency, 3);
	latency_add(&latency, UINT64_MAX);
	cr_expect_eq(latency.max_us, UINT64_MAX);
	cr_expect_eq(latency_quantile_us(&latency, 1000), UINT64_MAX);
}
