/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts of one window: one lane per worker, so that no cache line, nor its neighbour, has two
 * writers. Readers add the lanes up at any time without stopping anybody. The memory is handed in
 * and not freed here.
 */
#ifndef TALLYWIRE_CORE_TALLY_H
#define TALLYWIRE_CORE_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include "wire/verdict.h"

/* Two cache lines: a CPU that fetches one often fetches its neighbour too. */
#define TALLY_LANE_ALIGN 128

/* Written by its worker only, read by any thread. */
struct tally_lane {
	uint64_t receipts[RECEIPT_STATUSES]; /* answers given, by status */
	uint64_t voters;  /* who were counted for the first time; of kinds with a voter_set only */
	uint64_t votes[]; /* that stand, by counter; what moved to another lane's may be below 0 */
};

struct tally {
	uint32_t counters;
	uint32_t lanes;
	size_t lane_bytes; /* from one lane to the next */
	uint8_t *memory;
};

/* What the lanes come to. votes[] is the caller's. */
struct tally_sum {
	uint64_t receipts[RECEIPT_STATUSES];
	uint64_t voters; /* with a counted answer */
	uint64_t *votes;
};

/* Bytes of zeroed memory for one window's counters and `lanes` workers. */
size_t tally_bytes(uint32_t counters, uint32_t lanes);

/* `memory`: tally_bytes() of zeroed memory, TALLY_LANE_ALIGN aligned, that outlives the tally. */
void tally_init(struct tally *tally, void *memory, uint32_t counters, uint32_t lanes);

static inline struct tally_lane *tally_lane(const struct tally *tally, uint32_t worker)
{
	return (struct tally_lane *)(void *)(tally->memory + worker * tally->lane_bytes);
}

/*
 * The worker's own counter goes up; readers see the old value or the new. Release, so that whoever
 * sees this count (with tally_get) also sees every count that this worker raised before it.
 */
static inline void tally_add(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, *counter + by, __ATOMIC_RELEASE);
}

/* Of a counter that is a level, which goes down, too. */
static inline void tally_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

static inline uint64_t tally_get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/*
 * Adds all lanes up, of the counters the first ones; of kinds without a voter_set, the voters are
 * the caller's to set. `sum->votes` must be set, so long; a vote counted before the call is in the
 * sum. While answers move, an option whose loss was seen and whose gain was not reads 0, never
 * less.
 */
void tally_read(const struct tally *tally, uint32_t counters, struct tally_sum *sum);

#endif
