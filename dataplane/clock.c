// SPDX-License-Identifier: BSD-3-Clause
/* UTC = CLOCK_MONOTONIC + what the two were apart when UTC was adopted. */
#include "dataplane/clock.h"

#include <time.h>

#define READ_TRIES   5
#define READ_FAST_US 20 /* two readings so near to each other: nothing came between them */

static uint64_t read_us(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t system_monotonic_us(void *context)
{
	(void)context;
	return read_us(CLOCK_MONOTONIC);
}

static uint64_t system_utc_us(void *context)
{
	(void)context;
	return read_us(CLOCK_REALTIME);
}

static int system_adjtimex(void *context, struct timex *timex)
{
	(void)context;
	return adjtimex(timex);
}

static const struct clock_source system_source = {
	.monotonic_us = system_monotonic_us,
	.utc_us = system_utc_us,
	.adjtimex = system_adjtimex,
};

static const struct clock_source *source = &system_source; /* written by clock_use() only */
/* What UTC is ahead of CLOCK_MONOTONIC, modulo 2^64. Stored by the control thread, read by all. */
static uint64_t utc_ahead_us;

void clock_use(const struct clock_source *other)
{
	source = other;
}

/*
 * What the source's UTC is ahead of its monotonic clock, now. The two cannot be read at once: UTC
 * is read between two readings of the other, and the nearest two of a few tries are believed.
 * `doubt_us` is how far off that may be.
 */
static uint64_t read_ahead_us(uint64_t *doubt_us)
{
	uint64_t ahead_us = 0, nearest_us = UINT64_MAX;
	for (int i = 0; i < READ_TRIES && nearest_us > READ_FAST_US; i++) {
		uint64_t before_us = source->monotonic_us(source->context);
		uint64_t utc_us = source->utc_us(source->context);
		uint64_t took_us = source->monotonic_us(source->context) - before_us;
		if (took_us >= nearest_us)
			continue;
		nearest_us = took_us;
		ahead_us = utc_us - (before_us + took_us / 2);
	}
	*doubt_us = (nearest_us + 1) / 2;
	return ahead_us;
}

static int64_t read_behind_us(uint64_t *doubt_us)
{
	return (int64_t)(read_ahead_us(doubt_us) - utc_ahead_us);
}

static uint64_t magnitude(int64_t us)
{
	return us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
}

void clock_start(void)
{
	clock_follow();
}

uint64_t clock_monotonic_us(void)
{
	return source->monotonic_us(source->context);
}

uint64_t clock_now_us(void)
{
	/* The word says all there is to say, so it needs no order with any other. */
	return source->monotonic_us(source->context) +
	       __atomic_load_n(&utc_ahead_us, __ATOMIC_RELAXED);
}

bool clock_is_off(void)
{
	uint64_t doubt_us;
	int64_t behind_us = read_behind_us(&doubt_us);
	return magnitude(behind_us) >= CLOCK_STEP_US + doubt_us;
}

int64_t clock_follow(void)
{
	uint64_t doubt_us;
	int64_t behind_us = read_behind_us(&doubt_us);
	__atomic_store_n(&utc_ahead_us, utc_ahead_us + (uint64_t)behind_us, __ATOMIC_RELAXED);
	return behind_us;
}

void clock_read_quality(struct clock_quality *quality)
{
	struct timex timex = {.modes = 0}; /* reads, sets nothing */
	uint64_t doubt_us;
	int state = source->adjtimex(source->context, &timex);
	*quality = (struct clock_quality){
		.source = "system",
		.error_us = CLOCK_ERROR_UNKNOWN,
		.behind_us = read_behind_us(&doubt_us),
	};
	if (state < 0 || state == TIME_ERROR || timex.status & STA_UNSYNC || timex.maxerror < 0)
		return;
	quality->synchronised = true;
	quality->error_us = (uint64_t)timex.maxerror + magnitude(quality->behind_us) + doubt_us;
}
