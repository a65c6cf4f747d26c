// SPDX-License-Identifier: BSD-3-Clause
/* Lanes of counters, one per worker, and their sum. Never written by a reader. */
#include "dataplane/core/tally.h"

static size_t lane_bytes_for(uint32_t counters)
{
	size_t bytes = sizeof(struct tally_lane) + counters * sizeof(uint64_t);
	return (bytes + TALLY_LANE_ALIGN - 1) / TALLY_LANE_ALIGN * TALLY_LANE_ALIGN;
}

size_t tally_bytes(uint32_t counters, uint32_t lanes)
{
	return lane_bytes_for(counters) * lanes;
}

void tally_init(struct tally *tally, void *memory, uint32_t counters, uint32_t lanes)
{
	tally->counters = counters;
	tally->lanes = lanes;
	tally->lane_bytes = lane_bytes_for(counters);
	tally->memory = memory;
}

void tally_read(const struct tally *tally, uint32_t counters, struct tally_sum *sum)
{
	for (uint32_t i = 0; i < RECEIPT_STATUSES; i++)
		sum->receipts[i] = 0;
	for (uint32_t i = 0; i < counters; i++)
		sum->votes[i] = 0;
	sum->voters = 0;
	for (uint32_t worker = 0; worker < tally->lanes; worker++) {
		const struct tally_lane *lane = tally_lane(tally, worker);
		/* Raised after its receipt, read before it: no option has more than was counted. */
		for (uint32_t i = 0; i < counters; i++)
			sum->votes[i] += tally_get(&lane->votes[i]);
		sum->voters += tally_get(&lane->voters);
		for (uint32_t i = 0; i < RECEIPT_STATUSES; i++)
			sum->receipts[i] += tally_get(&lane->receipts[i]);
	}
	for (uint32_t i = 0; i < counters; i++)
		if ((int64_t)sum->votes[i] < 0)
			sum->votes[i] = 0;
}
