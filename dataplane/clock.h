/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance's clock: UTC in µs that never steps while a window is open or draining.
 *
 * It advances with CLOCK_MONOTONIC, which the kernel slews but never sets, at a fixed distance from
 * it. The distance is taken from the system's UTC at start, and again by clock_follow(), which is
 * called while no window is running (windows_follow_clock() decides). So a step of the system clock
 * moves no running window, and a clock that was wrong at start does not stay wrong.
 */
#ifndef TALLYWIRE_CLOCK_H
#define TALLYWIRE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/timex.h>
#include "dataplane/show/clock_quality.h"

/* Nearer than this to the system's UTC, the clock is left as it is: below it is no step. */
#define CLOCK_STEP_US 1000

/* Where time comes from. The kernel, unless a test hands in another. */
struct clock_source {
	uint64_t (*monotonic_us)(void *context);             /* any thread */
	uint64_t (*utc_us)(void *context);                   /* control thread */
	int (*adjtimex)(void *context, struct timex *timex); /* control thread; as adjtimex(2) */
	void *context;
};

/* Before clock_start(). `source` stays the caller's and must live on. */
void clock_use(const struct clock_source *source);

/* Takes UTC from the source; before any other thread reads. */
void clock_start(void);

/* UTC, µs since 1970. Any thread; no system call (vDSO), no lock. */
uint64_t clock_now_us(void);

/* The source's monotonic time, µs: for what lasts, not for what time it is. As clock_now_us(). */
uint64_t clock_monotonic_us(void);

/* True where the source's UTC is CLOCK_STEP_US or more away. Control thread; no system call. */
bool clock_is_off(void);

/* Adopts the source's UTC. Control thread. Returns by how much the clock moved, µs. */
int64_t clock_follow(void);

/*
 * How good the clock is now: what the kernel says of its UTC, and how far that is away. Where the
 * kernel does not answer or says that it is not synchronised, the bound is unknown. Control thread.
 */
void clock_read_quality(struct clock_quality *quality);

#endif
