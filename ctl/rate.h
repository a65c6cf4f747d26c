/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast a counter moves, over the last second of the appliance's clock. Pure; one thread. */
#ifndef TALLYWIRE_CTL_RATE_H
#define TALLYWIRE_CTL_RATE_H

#include <stdint.h>

#define RATE_SAMPLES     11
#define RATE_INTERVAL_US 100000 /* samples closer than this replace the newest one */

struct rate {
	uint64_t time_us[RATE_SAMPLES]; /* oldest first */
	uint64_t total[RATE_SAMPLES];
	uint32_t count;
};

/* A reading of the counter. One that goes back in time or value begins anew. */
void rate_add(struct rate *rate, uint64_t time_us, uint64_t total);

/* Per second; 0 until two readings are known. */
uint64_t rate_per_second(const struct rate *rate);

#endif
