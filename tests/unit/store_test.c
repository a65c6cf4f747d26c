// SPDX-License-Identifier: BSD-3-Clause
/*
 * How a window's memory is laid out: its parts never overlap, together they are all that is used,
 * and nothing else is written, neither when a store is made nor by any answer to it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/core/ballot_wide.h"
#include "dataplane/core/store.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define USED            1

static const struct store_plan plans[] = {
	{{KIND_POLL, 0, 0, 2}, ONE_PER_VOTER, BALLOT_DENSE, 1, 1, 0, 1},
	{{KIND_POLL, 0, 0, 15}, ONE_PER_VOTER, BALLOT_DENSE, 1, 70000, 0, 3},
	{{KIND_POLL, 0, 0, 16}, ONE_PER_VOTER, BALLOT_GROWING, 1, 3000, 0, 64},
	{{KIND_POLL, 0, 0, 1024}, ONE_PER_VOTER, BALLOT_DENSE, 1, 3000, 0, 2},
	{{KIND_POLL, 0, 0, 4}, ONE_PER_VOTER_CHANGING, BALLOT_DENSE, 1, 3000, 0, 2},
	{{KIND_POLL, 0, 0, 4}, ONE_PER_VOTER_CHANGING, BALLOT_GROWING, 1, 70000, 0, 2},
	{{KIND_MULTI, 16, 0, 16}, ONE_PER_VOTER, BALLOT_DENSE, 1, 3000, 0, 2},
	{{KIND_MULTI, 16, 0, 16}, ONE_PER_VOTER_CHANGING, BALLOT_DENSE, 1, 3000, 0, 2},
	{{KIND_QUIZ, 0, 0, 4}, ONE_PER_VOTER_TIMED, BALLOT_DENSE, 1, 3000, 0, 2},
	{{KIND_SCALE, 0, 64511, 1024}, ONE_PER_VOTER, BALLOT_DENSE, 1, 3000, 0, 2},
	{{KIND_UPVOTE, 0, 0, 65535}, ONE_PER_VOTER_ITEM, BALLOT_DENSE, 1, 3000, 5000, 2},
	{{KIND_UPVOTE, 0, 0, 1}, ONE_PER_VOTER_ITEM, BALLOT_DENSE, 1, 1, 1, 1},
	{{KIND_REACTION, 0, 0, 3}, ONE_PER_VOTER_SECOND, BALLOT_DENSE, 7, 3000, 0, 1},
	{{KIND_REACTION, 0, 0, 3}, ONE_PER_VOTER_SECOND, BALLOT_GROWING, 100, 3000, 0, 3},
	{{KIND_REACTION, 0, 0, 1024}, ONE_PER_VOTER_SECOND, BALLOT_DENSE, 5, 70000, 0, 2},
	{{KIND_REACTION, 0, 0, 1}, ONE_PER_VOTER_SECOND, BALLOT_DENSE, 200, 1, 0, 16},
};

static uint8_t *memory;
static uint8_t *marks; /* of each byte: USED, or 0 */
static size_t bytes;
static struct store store;

static void make(const struct store_plan *plan)
{
	bytes = store_bytes(plan);
	cr_assert_eq(bytes % STORE_ALIGNMENT, 0);
	memory = aligned_alloc(STORE_ALIGNMENT, bytes);
	marks = calloc(bytes, 1);
	memset(memory, 0, bytes);
	store_init(&store, memory, plan);
}

static void unmake(void)
{
	free(memory);
	free(marks);
}

/* A part is in the memory, and no byte of it was in a part before. */
static int mark(void *context, size_t at, size_t length)
{
	uint32_t *parts = context;
	cr_assert_leq(at + length, bytes);
	cr_assert_eq(memchr(marks + at, USED, length), NULL, "parts overlap");
	memset(marks + at, USED, length);
	(*parts)++;
	return 0;
}

static void expect_written_only_where_used(const char *about, size_t plan)
{
	for (size_t i = 0; i < bytes; i++)
		cr_assert(!memory[i] || marks[i] == USED, "plan %zu, %s: byte %zu of %zu", plan,
			  about, i, bytes);
}

/* The answer of a voter, in a second, with the last choice there is. */
static void answer(const struct store_plan *plan, uint32_t voter, uint32_t second)
{
	uint16_t last = (uint16_t)(kind_answers(&plan->question) - 1), standing;
	uint64_t cell;
	switch (plan->identity) {
	case ONE_PER_VOTER:
	case ONE_PER_VOTER_SECOND:
		cr_assert_neq(ballot_cast(&store.ballots[second], voter, last, &standing),
			      BALLOT_FULL);
		break;
	case ONE_PER_VOTER_CHANGING:
		cr_assert_eq(ballot_wide_raise(store.ballots, voter, last, 1, &cell), BALLOT_FIRST);
		break;
	case ONE_PER_VOTER_TIMED:
		cr_assert_eq(ballot_wide_cast(store.ballots, voter, last, 1, &cell), BALLOT_FIRST);
		break;
	case ONE_PER_VOTER_ITEM:
		if (voter < plan->pairs)
			cr_assert_eq(upvotes_add(&store.upvotes, voter, last), UPVOTES_ADDED);
	}
	if (store.seen.words)
		voter_set_add(&store.seen, voter);
}

/* All voters answer in these seconds, and every counter of every lane is raised. */
static void fill(const struct store_plan *plan, uint32_t from, uint32_t to)
{
	for (uint32_t second = from; second < to; second++)
		for (uint32_t voter = 0; voter < plan->voters; voter++)
			answer(plan, voter, second);
	for (uint32_t worker = 0; worker < plan->lanes; worker++) {
		struct tally_lane *lane = tally_lane(&store.tally, worker);
		for (uint32_t i = store_counters(plan, from); i < store_counters(plan, to); i++)
			tally_add(&lane->votes[i], worker + 1);
		for (uint32_t i = 0; i < RECEIPT_STATUSES; i++)
			tally_add(&lane->receipts[i], worker + 1);
		tally_add(&lane->voters, worker + 1);
	}
}

Test(store, the_parts_never_overlap_and_are_all_that_is_used)
{
	for (size_t i = 0; i < COUNT_OF(plans); i++) {
		const struct store_plan *plan = &plans[i];
		uint32_t parts = 0, step = plan->seconds > 10 ? 33 : 2, from = 0;
		make(plan);
		while (from < plan->seconds) {
			uint32_t to = from + step < plan->seconds ? from + step : plan->seconds;
			cr_assert_eq(store_parts(plan, from, to, mark, &parts), 0);
			fill(plan, from, to);
			from = to;
		}
		cr_expect_gt(parts, 0);
		expect_written_only_where_used("filled", i);
		unmake();
	}
}

/* Counting the pages that hold anything: no more than what is charged. */
Test(store, what_is_charged_is_no_less_than_what_is_written)
{
	for (size_t i = 0; i < COUNT_OF(plans); i++) {
		const struct store_plan *plan = &plans[i];
		uint32_t first = plan->seconds > 1 ? plan->seconds / 2 : 1;
		uint64_t charged = store_memory(plan, 0, first), written;
		make(plan);
		for (uint32_t to = first;; to = plan->seconds) {
			fill(plan, to == first ? 0 : first, to);
			written = 0;
			for (size_t at = 0; at < bytes; at += STORE_ALIGNMENT)
				for (size_t j = 0; j < STORE_ALIGNMENT; j++)
					if (memory[at + j]) {
						written += STORE_ALIGNMENT;
						break;
					}
			cr_expect_geq(charged, written, "plan %zu: %lu for %lu", i, charged,
				      written);
			cr_expect_eq(charged % STORE_ALIGNMENT, 0);
			if (to == plan->seconds)
				break;
			charged += store_memory(plan, first, plan->seconds);
		}
		unmake();
	}
}

static int add(void *context, size_t at, size_t length)
{
	size_t *sum = context;
	(void)at;
	*sum += length;
	return 0;
}

/* Without seconds to come all of the address space is used, but for the ends of parts. */
Test(store, what_has_all_its_seconds_is_used_whole)
{
	for (size_t i = 0; i < COUNT_OF(plans); i++) {
		size_t sum = 0;
		store_parts(&plans[i], 0, plans[i].seconds, add, &sum);
		cr_expect_leq(store_bytes(&plans[i]) - sum, STORE_ALIGNMENT, "plan %zu", i);
	}
}

static int stop(void *context, size_t at, size_t length)
{
	uint32_t *left = context;
	(void)at;
	(void)length;
	return --*left ? 0 : -12;
}

Test(store, who_is_handed_the_parts_can_end_it)
{
	uint32_t parts = 0, all;
	const struct store_plan *plan = &plans[13];
	make(plan);
	store_parts(plan, 0, 7, mark, &parts);
	unmake();
	cr_assert_geq(parts, 5);
	for (all = 1; all <= parts; all++) {
		uint32_t left = all;
		cr_expect_eq(store_parts(plan, 0, 7, stop, &left), -12, "at part %u", all);
	}
	uint32_t left = parts + 1;
	cr_expect_eq(store_parts(plan, 0, 7, stop, &left), 0);
}

/* Votes of one second do not reach into another, nor into the tally. */
Test(store, every_second_has_its_own_ballot)
{
	const struct store_plan *plan = &plans[12];
	uint64_t votes[3];
	make(plan);
	fill(plan, 2, 3);
	for (uint32_t second = 0; second < plan->seconds; second++)
		cr_expect_eq(ballot_count(&store.ballots[second], votes, 3),
			     second == 2 ? plan->voters : 0, "second %u", second);
	cr_expect_eq(store_pool_dry(&store), 0);
	unmake();
}
