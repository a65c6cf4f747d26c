/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log-linear buckets, as HdrHistogram has them (Tene, 2013). Called by the sender for every
 * receipt; never allocates.
 */
#include "perf/latency.h"

#define SUB_BITS 6
#define SUBS     (1u << SUB_BITS)

static uint32_t bucket_of(uint64_t us)
{
	if (us < SUBS)
		return (uint32_t)us;
	uint32_t shift = (uint32_t)(63 - __builtin_clzll(us)) - SUB_BITS;
	uint32_t bucket = (shift + 1) * SUBS + (uint32_t)((us >> shift) - SUBS);
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The largest latency that falls into the bucket. */
static uint64_t bucket_top_us(uint32_t bucket)
{
	if (bucket < SUBS)
		return bucket;
	uint32_t shift = bucket / SUBS - 1;
	return (((uint64_t)(bucket % SUBS + SUBS) + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t us)
{
	latency->buckets[bucket_of(us)]++;
	latency->count++;
	if (us > latency->max_us)
		latency->max_us = us;
}

uint64_t latency_quantile_us(const struct latency *latency, uint32_t permille)
{
	uint64_t wanted = (latency->count * permille + 999) / 1000;
	uint64_t seen = 0;
	/* The last bucket has no top: what falls into it is told as the maximum. */
	for (uint32_t i = 0; i + 1 < LATENCY_BUCKETS && wanted; i++) {
		seen += latency->buckets[i];
		if (seen >= wanted)
			return bucket_top_us(i) < latency->max_us ? bucket_top_us(i)
								  : latency->max_us;
	}
	return latency->max_us;
}
