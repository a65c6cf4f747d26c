// SPDX-License-Identifier: BSD-3-Clause
/* The set of pairs: whoever adds a pair first wins and nobody else does, on all cores; what is in
 * is found; what is full says so, and loses nothing. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/upvotes.h"

#define THREADS 8
#define MOST    200000 /* pairs of a test */

static struct upvotes upvotes;

/* Cells for exactly so many. */
static void make_cells(uint64_t cells)
{
	size_t bytes = cells * sizeof(uint64_t);
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	cr_assert_not_null(memory);
	memset(memory, 0, (bytes + 63) / 64 * 64);
	upvotes_init(&upvotes, memory, bytes);
}

static void make_for(uint64_t answers)
{
	make_cells(upvotes_bytes(answers) / sizeof(uint64_t));
}

static void unmake(void)
{
	free(upvotes.cells);
}

static uint64_t filled(void)
{
	uint64_t count = 0;
	for (uint64_t i = 0; i < upvotes.count; i++)
		count += upvotes.cells[i] != 0;
	return count;
}

Test(upvotes, a_pair_is_added_once)
{
	static const struct {
		uint32_t voter;
		uint16_t item;
	} pairs[] = {{0, 0}, {0, 1}, {1, 0}, {0, 65534}, {UINT32_MAX, 0}, {UINT32_MAX, 65534}};
	make_for(100);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uint32_t voter = pairs[i].voter;
		uint16_t item = pairs[i].item;
		cr_expect(!upvotes_has(&upvotes, voter, item), "%u/%u", voter, item);
		cr_expect_eq(upvotes_add(&upvotes, voter, item), UPVOTES_ADDED, "%u/%u", voter,
			     item);
		cr_expect(upvotes_has(&upvotes, voter, item), "%u/%u", voter, item);
		for (int again = 0; again < 3; again++)
			cr_expect_eq(upvotes_add(&upvotes, voter, item), UPVOTES_THERE, "%u/%u",
				     voter, item);
		cr_expect_eq(filled(), i + 1);
	}
	unmake();
}

/* For every size from nothing on: the stated room is there, whatever the pairs. */
Test(upvotes, there_is_room_for_as_many_as_were_asked_for)
{
	for (uint64_t answers = 0; answers <= 600; answers++) {
		make_for(answers);
		for (uint32_t i = 0; i < answers; i++)
			cr_assert_eq(upvotes_add(&upvotes, i / 3, (uint16_t)(i % 3)), UPVOTES_ADDED,
				     "%u of %u", i, (uint32_t)answers);
		cr_assert_eq(filled(), answers);
		unmake();
	}
}

Test(upvotes, much_room_is_there_too)
{
	make_for(MOST);
	for (uint32_t i = 0; i < MOST; i++)
		cr_assert_eq(upvotes_add(&upvotes, i, 7), UPVOTES_ADDED, "%u", i);
	for (uint32_t i = 0; i < MOST; i++)
		cr_assert(upvotes_has(&upvotes, i, 7) && !upvotes_has(&upvotes, i, 8), "%u", i);
	unmake();
}

/* Up to the last cell; then it is full for what is new, and for nothing that is in. */
static void overfill(uint64_t cells, uint32_t pairs)
{
	static uint8_t in[MOST];
	uint64_t added = 0;
	memset(in, 0, sizeof(in));
	make_cells(cells);
	for (uint32_t i = 0; i < pairs; i++) {
		enum upvotes_outcome outcome = upvotes_add(&upvotes, i, 3);
		cr_assert(outcome == UPVOTES_ADDED || outcome == UPVOTES_FULL, "%u", i);
		in[i] = outcome == UPVOTES_ADDED;
		added += in[i];
	}
	cr_expect_eq(filled(), added);
	for (uint32_t i = 0; i < pairs; i++) {
		cr_assert_eq(upvotes_has(&upvotes, i, 3), in[i], "%u", i);
		cr_assert_eq(upvotes_add(&upvotes, i, 3), in[i] ? UPVOTES_THERE : UPVOTES_FULL,
			     "%u", i);
	}
	cr_expect_eq(filled(), added, "something was added after all");
	unmake();
}

Test(upvotes, a_full_table_says_so_and_loses_nothing)
{
	static const uint64_t sizes[] = {8, 16, 64, 1000, 1024};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		overfill(sizes[i], (uint32_t)sizes[i] + 500);
	/* Larger than a walk: it is full for some before the last cell is taken. */
	overfill(20000, 40000);
}

Test(upvotes, a_small_table_is_filled_to_the_last_cell)
{
	make_cells(64);
	for (uint32_t i = 0; i < 64; i++)
		cr_expect_eq(upvotes_add(&upvotes, i, 3), UPVOTES_ADDED);
	cr_expect_eq(upvotes_add(&upvotes, 64, 3), UPVOTES_FULL);
	cr_expect_eq(filled(), 64);
	unmake();
}

/* ---- All cores at once ---- */

static struct {
	uint32_t pairs;
	pthread_barrier_t start;
	uint8_t *winners; /* of each pair: written by any thread, atomically */
	uint64_t full;
} race;

/* Every thread adds every pair, some from the other end: twins meet at the same cells. */
static void *add_all(void *argument)
{
	uintptr_t thread = (uintptr_t)argument;
	pthread_barrier_wait(&race.start);
	for (uint32_t n = 0; n < race.pairs; n++) {
		uint32_t i = thread % 2 ? race.pairs - 1 - n : n;
		uint32_t voter = i / 5;
		uint16_t item = (uint16_t)(i % 5);
		switch (upvotes_add(&upvotes, voter, item)) {
		case UPVOTES_ADDED:
			__atomic_fetch_add(&race.winners[i], 1, __ATOMIC_RELAXED);
			break;
		case UPVOTES_THERE:
			if (!upvotes_has(&upvotes, voter, item))
				__atomic_store_n(&race.winners[i], 99, __ATOMIC_RELAXED);
			break;
		case UPVOTES_FULL: __atomic_fetch_add(&race.full, 1, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

static void race_all(uint32_t pairs)
{
	pthread_t threads[THREADS];
	race.pairs = pairs;
	race.full = 0;
	race.winners = calloc(pairs, 1);
	pthread_barrier_init(&race.start, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, add_all, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&race.start);
}

Test(upvotes, of_all_threads_exactly_one_wins_each_pair)
{
	for (int round = 0; round < 20; round++) {
		make_for(5000);
		race_all(5000);
		for (uint32_t i = 0; i < race.pairs; i++)
			cr_assert_eq(race.winners[i], 1, "pair %u won %u times", i,
				     race.winners[i]);
		cr_expect_eq(race.full, 0);
		cr_expect_eq(filled(), race.pairs);
		free(race.winners);
		unmake();
	}
}

/* Nobody wins what did not fit, and each that did has one winner. */
Test(upvotes, threads_that_fill_it_up_lose_nothing)
{
	for (int round = 0; round < 20; round++) {
		uint64_t won = 0;
		make_cells(4000);
		race_all(5000);
		for (uint32_t i = 0; i < race.pairs; i++) {
			cr_assert(race.winners[i] <= 1, "pair %u", i);
			cr_assert_eq(upvotes_has(&upvotes, i / 5, (uint16_t)(i % 5)),
				     race.winners[i] == 1, "pair %u", i);
			won += race.winners[i];
		}
		cr_expect_eq(filled(), won);
		cr_expect_gt(race.full, 0);
		free(race.winners);
		unmake();
	}
}
