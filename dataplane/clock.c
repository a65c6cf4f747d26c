// SPDX-License-Identifier: BSD-3-Clause
/* UTC = CLOCK_MONOTONIC + what the two were apart at start. */
#include "dataplane/clock.h"

#include <time.h>

static uint64_t utc_ahead_us; /* written by clock_start() only */

static uint64_t read_us(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void clock_start(void)
{
	utc_ahead_us = read_us(CLOCK_REALTIME) - read_us(CLOCK_MONOTONIC);
}

uint64_t clock_now_us(void)
{
	return read_us(CLOCK_MONOTONIC) + utc_ahead_us;
}
