// SPDX-License-Identifier: BSD-3-Clause
/* Lanes that share no cache line, and their sum while somebody counts. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/tally.h"

static struct tally tally_of(uint32_t options, uint32_t lanes)
{
	struct tally tally;
	size_t bytes = tally_bytes(options, lanes);
	void *memory = aligned_alloc(TALLY_LANE_ALIGN, bytes);
	cr_assert_not_null(memory);
	memset(memory, 0, bytes);
	tally_init(&tally, memory, options, lanes);
	return tally;
}

Test(tally, lanes_begin_on_pairs_of_cache_lines_and_do_not_overlap)
{
	static const uint32_t options[] = {1, 2, 7, 8, 15, 16, 17, 255, 256, 1024, 65534};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct tally tally = tally_of(options[i], 5);
		for (uint32_t worker = 0; worker < 5; worker++) {
			uint8_t *lane = (uint8_t *)tally_lane(&tally, worker);
			uint8_t *votes_end =
				(uint8_t *)&tally_lane(&tally, worker)->votes[options[i]];
			uint8_t *next = worker < 4 ? (uint8_t *)tally_lane(&tally, worker + 1)
						   : tally.memory + tally_bytes(options[i], 5);
			cr_expect_eq((uintptr_t)lane % TALLY_LANE_ALIGN, 0, "%u options",
				     options[i]);
			cr_expect(votes_end <= next, "%u options: lane %u overlaps", options[i],
				  worker);
		}
		free(tally.memory);
	}
}

Test(tally, sum_is_that_of_all_lanes)
{
	enum { OPTIONS = 21, LANES = 7 };
	struct tally tally = tally_of(OPTIONS, LANES);
	uint64_t votes[OPTIONS];
	struct tally_sum sum = {.votes = votes};
	for (uint32_t worker = 0; worker < LANES; worker++) {
		struct tally_lane *lane = tally_lane(&tally, worker);
		for (uint32_t i = 0; i < RECEIPT_STATUSES; i++)
			tally_add(&lane->receipts[i], (worker + 1) * (i + 1));
		for (uint32_t i = 0; i < OPTIONS; i++)
			tally_add(&lane->votes[i], (worker + 1) * 1000 + i);
	}
	/* Twice, so that what is left in `sum` does not count. */
	for (int round = 0; round < 2; round++) {
		tally_read(&tally, tally.counters, &sum);
		for (uint32_t i = 0; i < RECEIPT_STATUSES; i++)
			cr_expect_eq(sum.receipts[i], 28 * (i + 1), "status %u", i);
		for (uint32_t i = 0; i < OPTIONS; i++)
			cr_expect_eq(sum.votes[i], 28000 + LANES * i, "option %u", i);
	}
	free(tally.memory);
}

Test(tally, fresh_tally_is_zero)
{
	struct tally tally = tally_of(4, 2);
	uint64_t votes[4] = {9, 9, 9, 9};
	struct tally_sum sum = {.receipts = {9, 9, 9}, .votes = votes};
	tally_read(&tally, tally.counters, &sum);
	for (uint32_t i = 0; i < RECEIPT_STATUSES; i++)
		cr_expect_eq(sum.receipts[i], 0);
	for (uint32_t i = 0; i < 4; i++)
		cr_expect_eq(votes[i], 0);
	free(tally.memory);
}

Test(tally, add_goes_beyond_32_bits)
{
	uint64_t counter = UINT32_MAX;
	tally_add(&counter, 1);
	tally_add(&counter, 1ull << 40);
	cr_expect_eq(tally_get(&counter), (1ull << 32) + (1ull << 40));
}

struct counting {
	struct tally *tally;
	bool stop; /* written by the reader, atomically */
	uint64_t rounds;
};

/* First a vote, then its receipt: whoever sees the receipt must see the vote. */
static void *count_votes(void *argument)
{
	struct counting *counting = argument;
	struct tally_lane *lane = tally_lane(counting->tally, 1);
	while (!__atomic_load_n(&counting->stop, __ATOMIC_RELAXED)) {
		tally_add(&lane->receipts[RECEIPT_COUNTED], 1); /* first, as the pipeline does */
		tally_add(&lane->votes[2], 1);
		counting->rounds++;
	}
	return NULL;
}

Test(tally, reader_sees_counts_grow_and_nothing_it_should_not)
{
	struct tally tally = tally_of(4, 2);
	struct counting counting = {.tally = &tally};
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, count_votes, &counting), 0);
	uint64_t votes[4], last = 0;
	struct tally_sum sum = {.votes = votes};
	/* Until the writer has been seen at work a thousand times. */
	for (uint32_t seen = 0; seen < 1000;) {
		tally_read(&tally, tally.counters, &sum);
		cr_assert(sum.votes[2] <= sum.receipts[RECEIPT_COUNTED]);
		cr_assert(sum.votes[2] >= last);
		seen += sum.votes[2] > last;
		last = sum.votes[2];
	}
	__atomic_store_n(&counting.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	tally_read(&tally, tally.counters, &sum);
	cr_expect_eq(sum.votes[2], counting.rounds);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], counting.rounds);
	cr_expect_eq(sum.votes[0] + sum.votes[1] + sum.votes[3], 0);
	free(tally.memory);
}
