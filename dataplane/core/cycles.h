/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU's own time stamp, for what a step costs. Never for what time it is. */
#ifndef TALLYWIRE_CORE_CYCLES_H
#define TALLYWIRE_CORE_CYCLES_H

#include <stdint.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <time.h>
#endif

static inline uint64_t cycles_now(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

#endif
