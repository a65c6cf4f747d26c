// SPDX-License-Identifier: BSD-3-Clause
/* Votes per second, for watch. It never reads a clock: time comes with each reading. */
#include "ctl/rate.h"

#include <string.h>

static void drop_oldest(struct rate *rate)
{
	rate->count--;
	memmove(rate->time_us, rate->time_us + 1, rate->count * sizeof(rate->time_us[0]));
	memmove(rate->total, rate->total + 1, rate->count * sizeof(rate->total[0]));
}

void rate_add(struct rate *rate, uint64_t time_us, uint64_t total)
{
	uint32_t last = rate->count - 1;
	if (rate->count > 0 && (time_us < rate->time_us[last] || total < rate->total[last]))
		rate->count = 0;
	/* The newest reading moves along until it is an interval away from the one before it. */
	if (rate->count > 1 && rate->time_us[last] - rate->time_us[last - 1] < RATE_INTERVAL_US)
		rate->count--;
	/* One reading from before the last second stays, so that a second is always covered. */
	while (rate->count > 1 && time_us - rate->time_us[1] >= 1000000)
		drop_oldest(rate);
	if (rate->count == RATE_SAMPLES)
		drop_oldest(rate);
	rate->time_us[rate->count] = time_us;
	rate->total[rate->count++] = total;
}

uint64_t rate_per_second(const struct rate *rate)
{
	if (rate->count < 2)
		return 0;
	uint64_t span_us = rate->time_us[rate->count - 1] - rate->time_us[0];
	uint64_t votes = rate->total[rate->count - 1] - rate->total[0];
	return span_us ? (uint64_t)((double)votes * 1e6 / (double)span_us + 0.5) : 0;
}
