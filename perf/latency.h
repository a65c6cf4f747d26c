/* SPDX-License-Identifier: BSD-3-Clause */
/* A histogram of latencies in µs, at most 1.6 % off, in fixed memory. Pure; one thread writes. */
#ifndef TALLYWIRE_PERF_LATENCY_H
#define TALLYWIRE_PERF_LATENCY_H

#include <stdint.h>

/* 64 buckets per power of two; 0 to 63 µs are exact, all past an hour is one. */
#define LATENCY_BUCKETS (64 * 28)

struct latency {
	uint64_t buckets[LATENCY_BUCKETS];
	uint64_t count;
	uint64_t max_us;
};

void latency_add(struct latency *latency, uint64_t us);

/* The least latency that `permille` of 1000 do not exceed; 0 where nothing was added. */
uint64_t latency_quantile_us(const struct latency *latency, uint32_t permille);

#endif
