// SPDX-License-Identifier: BSD-3-Clause
/*
 * How far the appliance's clock is from ours, and how sure that is. A stamp that was made between
 * our sending and our receiving bounds the distance from both sides; a notice, which nobody asked
 * for, from below. The best bound of each side is kept (a minimum filter for each direction), so
 * slow and lopsided ways, and not knowing which copy was answered, never make it wrong, only less
 * sharp. Bounds soften by 100 ppm as clocks drift apart. Where they contradict each other one of
 * the clocks was set or slept, and the newest is believed.
 */
#include "tw_parts.h"

#define DRIFT_DIVISOR 10000        /* 100 ppm */
#define TIME_LIMIT    (1ull << 61) /* sums of three times do not overflow */

static int64_t least_now(const struct tw_clock *clock, uint64_t now_us)
{
	return clock->least_us - (int64_t)((now_us - clock->least_at_us) / DRIFT_DIVISOR);
}

static int64_t most_now(const struct tw_clock *clock, uint64_t now_us)
{
	return clock->most_us + (int64_t)((now_us - clock->most_at_us) / DRIFT_DIVISOR);
}

void tw_clock_take_one_way(struct tw_clock *clock, uint64_t stamp_us, uint64_t now_us)
{
	if (stamp_us >= TIME_LIMIT || now_us >= TIME_LIMIT)
		return;
	int64_t distance_us = (int64_t)stamp_us - (int64_t)now_us;
	if (clock->most_known && distance_us > most_now(clock, now_us))
		clock->most_known = clock->least_known = false;
	if (clock->least_known && distance_us < least_now(clock, now_us))
		return;
	clock->least_us = distance_us;
	clock->least_at_us = now_us;
	clock->least_known = true;
}

void tw_clock_take(struct tw_clock *clock, uint64_t stamp_us, uint64_t sent_us, uint64_t now_us)
{
	if (stamp_us >= TIME_LIMIT || now_us >= TIME_LIMIT)
		return;
	int64_t distance_us = (int64_t)stamp_us - (int64_t)sent_us;
	if (clock->least_known && distance_us < least_now(clock, now_us))
		clock->most_known = clock->least_known = false;
	tw_clock_take_one_way(clock, stamp_us, now_us);
	if (clock->most_known && distance_us > most_now(clock, now_us))
		return;
	clock->most_us = distance_us;
	clock->most_at_us = now_us;
	clock->most_known = true;
}

bool tw_clock_read(const struct tw_clock *clock, uint64_t now_us, struct tw_time *time)
{
	if (!clock->least_known || !clock->most_known || now_us >= TIME_LIMIT)
		return false;
	int64_t least_us = least_now(clock, now_us), most_us = most_now(clock, now_us);
	int64_t half_us = (most_us - least_us) / 2;
	int64_t appliance_us = (int64_t)now_us + least_us + half_us;
	time->appliance_us = appliance_us > 0 ? (uint64_t)appliance_us : 0;
	time->error_us = (uint64_t)(most_us - least_us - half_us);
	return true;
}
