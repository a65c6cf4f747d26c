// SPDX-License-Identifier: BSD-3-Clause
/*
 * One answer per voter, at every cell width, at the edges, in every stage of a container, when many
 * threads want the same cell, and when the pool is dry.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/ballot.h"
#include "wire/vote_packet.h"

/* Exactly these bytes, so that a sanitizer sees one too many. */
static struct ballot ballot_in(size_t bytes, uint64_t voters, uint32_t options,
			       enum ballot_form form)
{
	struct ballot ballot;
	void *memory = aligned_alloc(BALLOT_ALIGNMENT, bytes);
	cr_assert_not_null(memory);
	memset(memory, 0, bytes);
	ballot_init(&ballot, memory, bytes, voters, options, form);
	return ballot;
}

static void ballot_free(struct ballot *ballot)
{
	free(ballot->directory);
}

static size_t bytes_of(uint64_t voters, uint32_t options, enum ballot_form form)
{
	return form == BALLOT_DENSE ? ballot_bytes_dense(voters, options)
				    : ballot_bytes(voters, options);
}

static struct ballot formed_ballot(uint64_t voters, uint32_t options, enum ballot_form form)
{
	return ballot_in(bytes_of(voters, options, form), voters, options, form);
}

static struct ballot ballot_of(uint64_t voters, uint32_t options)
{
	return formed_ballot(voters, options, BALLOT_GROWING);
}

Test(ballot, first_vote_is_recorded)
{
	for (enum ballot_form form = BALLOT_GROWING; form <= BALLOT_DENSE; form++) {
		struct ballot ballot = formed_ballot(100, 4, form);
		uint16_t standing = 77;
		cr_expect_eq(ballot_standing(&ballot, 42), CHOICE_NONE);
		cr_expect_eq(ballot_cast(&ballot, 42, 3, &standing), BALLOT_RECORDED);
		cr_expect_eq(standing, 3);
		cr_expect_eq(ballot_standing(&ballot, 42), 3);
		ballot_free(&ballot);
	}
}

Test(ballot, second_vote_of_a_voter_is_refused)
{
	for (enum ballot_form form = BALLOT_GROWING; form <= BALLOT_DENSE; form++) {
		struct ballot ballot = formed_ballot(100, 4, form);
		uint16_t standing = 77;
		ballot_cast(&ballot, 42, 3, &standing);
		for (uint16_t choice = 0; choice < 4; choice++) {
			cr_expect_eq(ballot_cast(&ballot, 42, choice, &standing), BALLOT_STANDS);
			cr_expect_eq(standing, 3);
		}
		cr_expect_eq(ballot_standing(&ballot, 42), 3);
		ballot_free(&ballot);
	}
}

Test(ballot, a_vote_touches_no_other_voter)
{
	for (enum ballot_form form = BALLOT_GROWING; form <= BALLOT_DENSE; form++) {
		struct ballot ballot = formed_ballot(1 << 17, 15, form);
		uint16_t standing;
		ballot_cast(&ballot, 33, 14, &standing);
		for (uint32_t voter = 0; voter < 1 << 17; voter++)
			if (voter != 33)
				cr_assert_eq(ballot_standing(&ballot, voter), CHOICE_NONE,
					     "voter %u", voter);
		ballot_free(&ballot);
	}
}

/* The widest choice of each width, the edges of 4, 8 and 16 bits, and voters that fill no word. */
static const struct {
	uint32_t options;
	uint64_t voters;
	uint32_t cell_bits; /* the narrowest that holds every choice and "none" */
} shapes[] = {
	{1, 1, 4},       {2, 17, 4},    {4, 1000, 4},    {14, 31, 4},     {15, 33, 4},
	{16, 9, 8},      {17, 1000, 8}, {254, 7, 8},     {255, 1001, 8},  {256, 5, 16},
	{257, 1000, 16}, {1023, 3, 16}, {1024, 999, 16}, {65534, 70, 16},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void fill_with_widest(size_t shape, enum ballot_form form)
{
	uint32_t options = shapes[shape].options;
	struct ballot ballot = formed_ballot(shapes[shape].voters, options, form);
	uint16_t widest = (uint16_t)(options - 1), standing;
	cr_expect_eq(ballot.cell_bits, shapes[shape].cell_bits, "%u options", options);
	for (uint32_t voter = 0; voter < shapes[shape].voters; voter++) {
		uint16_t choice = voter % 2 ? 0 : widest;
		cr_expect_eq(ballot_cast(&ballot, voter, choice, &standing), BALLOT_RECORDED,
			     "%u options, voter %u", options, voter);
	}
	for (uint32_t voter = 0; voter < shapes[shape].voters; voter++)
		cr_expect_eq(ballot_standing(&ballot, voter), voter % 2 ? 0 : widest,
			     "%u options, voter %u", options, voter);
	ballot_free(&ballot);
}

Test(ballot, every_cell_holds_the_widest_choice)
{
	for (enum ballot_form form = BALLOT_GROWING; form <= BALLOT_DENSE; form++)
		for (size_t i = 0; i < SHAPES; i++)
			fill_with_widest(i, form);
}

Test(ballot, every_choice_comes_back)
{
	static const uint32_t options[] = {15, 16, 255, 256, 1024, BALLOT_MAX_OPTIONS};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct ballot ballot = ballot_of(options[i], options[i]);
		for (uint32_t voter = 0; voter < options[i]; voter++) {
			uint16_t standing = CHOICE_NONE;
			ballot_cast(&ballot, voter, (uint16_t)voter, &standing);
			cr_assert_eq(standing, voter, "%u options", options[i]);
		}
		for (uint32_t voter = 0; voter < options[i]; voter++)
			cr_assert_eq(ballot_standing(&ballot, voter), voter, "%u options",
				     options[i]);
		ballot_free(&ballot);
	}
}

static void go_beyond(uint64_t voters, uint32_t options, enum ballot_form form)
{
	const uint32_t beyond[] = {(uint32_t)voters, (uint32_t)voters + 1, 1u << 31, UINT32_MAX};
	size_t bytes = bytes_of(voters, options, form);
	struct ballot ballot = formed_ballot(voters, options, form);
	uint8_t *before = malloc(bytes);
	uint16_t standing;
	ballot_cast(&ballot, (uint32_t)voters - 1, 0, &standing);
	memcpy(before, ballot.directory, bytes);
	for (size_t j = 0; j < sizeof(beyond) / sizeof(beyond[0]); j++) {
		standing = 77;
		ballot_prefetch(&ballot, beyond[j]);
		cr_expect_eq(ballot_cast(&ballot, beyond[j], 0, &standing), BALLOT_FULL);
		cr_expect_eq(standing, CHOICE_NONE);
		cr_expect_eq(ballot_standing(&ballot, beyond[j]), CHOICE_NONE);
	}
	cr_expect_arr_eq((uint8_t *)ballot.directory, before, bytes);
	free(before);
	ballot_free(&ballot);
}

Test(ballot, voters_beyond_the_last_find_it_full)
{
	for (enum ballot_form form = BALLOT_GROWING; form <= BALLOT_DENSE; form++)
		for (size_t i = 0; i < SHAPES; i++)
			go_beyond(shapes[i].voters, shapes[i].options, form);
}

Test(ballot, without_voters_everybody_finds_it_full)
{
	struct ballot ballot = ballot_of(0, 4);
	uint16_t standing;
	cr_expect_eq(ballot_cast(&ballot, 0, 0, &standing), BALLOT_FULL);
	cr_expect_eq(ballot_standing(&ballot, 0), CHOICE_NONE);
	ballot_free(&ballot);
}

/* Directory, the pool's own line, 1 KiB of arrays and the dense cells of each container. */
Test(ballot, memory_is_what_the_containers_need)
{
	static const struct {
		uint64_t voters;
		uint32_t options;
		size_t dense, growing;
	} rows[] = {
		{0, 4, 64, 64},
		{1, 4, 64 + 64 + 32768, 64 + 64 + 1024 + 32768},
		{65536, 15, 64 + 64 + 32768, 64 + 64 + 1024 + 32768},
		{65537, 15, 64 + 64 + 2 * 32768, 64 + 64 + 2 * (1024 + 32768)},
		{65536, 16, 64 + 64 + 65536, 64 + 64 + 1024 + 65536},
		{65536, 256, 64 + 64 + 131072, 64 + 64 + 1024 + 131072},
		{1ull << 32, 4, 262144 + 64 + (1ull << 31),
		 262144 + 64 + (1ull << 26) + (1ull << 31)},
		{1ull << 32, 1024, 262144 + 64 + (1ull << 33),
		 262144 + 64 + (1ull << 26) + (1ull << 33)},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(ballot_bytes_dense(rows[i].voters, rows[i].options), rows[i].dense,
			     "row %zu", i);
		cr_expect_eq(ballot_bytes(rows[i].voters, rows[i].options), rows[i].growing,
			     "row %zu", i);
	}
	cr_expect_leq(ballot_bytes(100000000, 4), 80000000);
}

static void count_shape(size_t shape, enum ballot_form form)
{
	uint32_t options = shapes[shape].options;
	struct ballot ballot = formed_ballot(shapes[shape].voters, options, form);
	uint64_t *votes = malloc(options * sizeof(*votes));
	uint64_t *want = calloc(options, sizeof(*want));
	uint64_t voters = 0;
	memset(votes, 0xEE, options * sizeof(*votes));
	for (uint32_t voter = 0; voter < shapes[shape].voters; voter++) {
		uint16_t choice = (uint16_t)(voter * 7 % options), standing;
		if (voter % 3 == 1)
			continue;
		ballot_cast(&ballot, voter, choice, &standing);
		/* A twin changes nothing. */
		ballot_cast(&ballot, voter, (uint16_t)((choice + 1u) % options), &standing);
		want[choice]++;
		voters++;
	}
	cr_expect_eq(ballot_count(&ballot, votes, options), voters, "%u options", options);
	cr_expect_arr_eq((uint8_t *)votes, (uint8_t *)want, options * sizeof(*votes));
	free(votes);
	free(want);
	ballot_free(&ballot);
}

Test(ballot, count_adds_up_what_stands)
{
	for (enum ballot_form form = BALLOT_GROWING; form <= BALLOT_DENSE; form++)
		for (size_t i = 0; i < SHAPES; i++)
			count_shape(i, form);
}

/* A container of each stage is asked for all it has and all it has not, after every vote. */
Test(ballot, nothing_is_lost_from_stage_to_stage)
{
	struct ballot ballot = ballot_of(3 << 16, 4);
	uint16_t standing;
	/* Up and down from the middle of the middle container; values 0 and 65535 come last. */
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t voter = 65536 + (i == 299 ? 0 : i == 298 ? 65535 : 30000 + i * 7 % 300);
		cr_assert_eq(ballot_standing(&ballot, voter), CHOICE_NONE, "%u-th", i);
		cr_assert_eq(ballot_cast(&ballot, voter, i % 4, &standing), BALLOT_RECORDED);
		for (uint32_t j = 0; j <= i; j++) {
			uint32_t other = 65536 + (j == 299   ? 0
						  : j == 298 ? 65535
							     : 30000 + j * 7 % 300);
			cr_assert_eq(ballot_standing(&ballot, other), j % 4, "%u after %u", j, i);
			cr_assert_eq(ballot_cast(&ballot, other, 3, &standing), BALLOT_STANDS);
			cr_assert_eq(standing, j % 4);
		}
		cr_assert_eq(ballot_standing(&ballot, voter - 65536), CHOICE_NONE);
		cr_assert_eq(ballot_standing(&ballot, voter + 65536), CHOICE_NONE);
	}
	cr_expect_eq(ballot_pool_dry(&ballot), 0);
	ballot_free(&ballot);
}

/* Where no dense container fits, a container stops at the slots of its arrays, and says so. */
Test(ballot, a_dry_pool_refuses_and_keeps_what_it_has)
{
	size_t bytes = ballot_bytes(1, 4) - 32768;
	struct ballot ballot = ballot_in(bytes, 1 << 16, 4, BALLOT_GROWING);
	uint8_t *before = malloc(bytes);
	uint64_t votes[4];
	uint16_t standing;
	for (uint32_t i = 0; i < BALLOT_SPARSE_MAX; i++)
		cr_assert_eq(ballot_cast(&ballot, i * 200, i % 4, &standing), BALLOT_RECORDED);
	cr_expect_eq(ballot_pool_dry(&ballot), 0);
	memcpy(before, ballot.directory, bytes);
	for (uint32_t i = 1; i <= 10; i++) {
		cr_expect_eq(ballot_cast(&ballot, i, 1, &standing), BALLOT_FULL);
		cr_expect_eq(standing, CHOICE_NONE);
		cr_expect_eq(ballot_standing(&ballot, i), CHOICE_NONE);
		cr_expect_eq(ballot_cast(&ballot, i * 200, 0, &standing), BALLOT_STANDS);
		cr_expect_eq(standing, i % 4);
		cr_expect_eq(ballot_pool_dry(&ballot), i);
	}
	/* All that changed is the count itself: the pool's second word. */
	before[64 + 8] = 10;
	cr_expect_arr_eq((uint8_t *)ballot.directory, before, bytes);
	cr_expect_eq(ballot_count(&ballot, votes, 4), BALLOT_SPARSE_MAX);
	ballot_free(&ballot);
	free(before);
}

/* With no memory for containers at all. */
Test(ballot, an_empty_pool_refuses_everybody)
{
	struct ballot ballot = ballot_in(128, 1 << 20, 4, BALLOT_GROWING);
	uint16_t standing;
	cr_expect_eq(ballot_cast(&ballot, 5, 1, &standing), BALLOT_FULL);
	cr_expect_eq(ballot_cast(&ballot, (1 << 20) - 1, 1, &standing), BALLOT_FULL);
	cr_expect_eq(ballot_pool_dry(&ballot), 2);
	ballot_free(&ballot);
}

/* Each container to its last voter, so that the pool is used to its last byte. */
Test(ballot, full_turnout_fits_exactly)
{
	static const uint32_t options[] = {15, 255, 300};
	for (size_t i = 0; i < 3; i++) {
		struct ballot ballot = ballot_of(2 << 16, options[i]);
		uint64_t *votes = malloc(options[i] * sizeof(*votes));
		uint16_t standing;
		for (uint32_t voter = 0; voter < 2 << 16; voter++)
			cr_assert_eq(ballot_cast(&ballot, voter, (uint16_t)(voter % options[i]),
						 &standing),
				     BALLOT_RECORDED);
		for (uint32_t voter = 0; voter < 2 << 16; voter++)
			cr_assert_eq(ballot_standing(&ballot, voter), voter % options[i]);
		cr_expect_eq(ballot_count(&ballot, votes, options[i]), 2 << 16);
		cr_expect_eq(ballot_pool_dry(&ballot), 0);
		free(votes);
		ballot_free(&ballot);
	}
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

/* A thousand items with a hundred voters each out of a million: at most 1,000 bytes for each. */
Test(ballot, sparse_ballots_are_small_and_large_enough)
{
	static const struct {
		uint32_t voters, expected, items;
		size_t most;
	} rows[] = {
		{1000000, 100, 1000, 1000},   {1000000, 10, 100, 600},     {65536, 100, 100, 1100},
		{10000000, 1000, 100, 12000}, {1000000, 1000, 100, 12000},
	};
	uint64_t state = 1;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		size_t bytes = ballot_bytes_sparse(rows[row].voters, rows[row].expected, 4);
		cr_expect_leq(bytes + sizeof(struct ballot), rows[row].most, "row %zu: %zu", row,
			      bytes);
		for (uint32_t item = 0; item < rows[row].items; item++) {
			struct ballot ballot =
				ballot_in(bytes, rows[row].voters, 4, BALLOT_GROWING);
			uint16_t standing;
			for (uint32_t i = 0; i < rows[row].expected; i++)
				cr_assert(ballot_cast(&ballot,
						      next_random(&state) % rows[row].voters, 1,
						      &standing) != BALLOT_FULL,
					  "row %zu, item %u", row, item);
			ballot_free(&ballot);
		}
	}
	cr_expect_eq(ballot_bytes_sparse(1000000, 1000000, 4), ballot_bytes(1000000, 4));
}

enum { THREADS = 4, CONTENDED_VOTERS = 5003 };

struct race {
	struct ballot *ballot;
	pthread_barrier_t *start;
	uint32_t options;
	uint32_t number;
	uint8_t outcome[CONTENDED_VOTERS];
	uint16_t standing[CONTENDED_VOTERS];
};

/* Half the threads run backwards, so that they meet in words at different cells too. */
static void *cast_for_all(void *argument)
{
	struct race *race = argument;
	pthread_barrier_wait(race->start);
	for (uint32_t i = 0; i < CONTENDED_VOTERS; i++) {
		uint32_t voter = race->number % 2 ? CONTENDED_VOTERS - 1 - i : i;
		uint16_t choice = (uint16_t)((voter + race->number) % race->options);
		race->outcome[voter] =
			(uint8_t)ballot_cast(race->ballot, voter, choice, &race->standing[voter]);
	}
	return NULL;
}

static void expect_one_winner(const struct race races[THREADS], uint32_t voter)
{
	uint32_t winners = 0;
	uint16_t stands = ballot_standing(races[0].ballot, voter);
	for (uint32_t t = 0; t < THREADS; t++) {
		cr_assert_eq(races[t].standing[voter], stands, "voter %u, thread %u", voter, t);
		if (races[t].outcome[voter] != BALLOT_RECORDED) {
			cr_assert_eq(races[t].outcome[voter], BALLOT_STANDS);
			continue;
		}
		winners++;
		cr_assert_eq(stands, (voter + t) % races[t].options, "the winner's own choice");
	}
	cr_assert_eq(winners, 1, "voter %u of %u options has %u winners", voter, races[0].options,
		     winners);
}

static void race_for(uint32_t options)
{
	static struct race races[THREADS];
	struct ballot ballot = ballot_of(CONTENDED_VOTERS, options);
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	pthread_barrier_init(&start, NULL, THREADS);
	for (uint32_t t = 0; t < THREADS; t++) {
		races[t].ballot = &ballot;
		races[t].start = &start;
		races[t].options = options;
		races[t].number = t;
		cr_assert_eq(pthread_create(&threads[t], NULL, cast_for_all, &races[t]), 0);
	}
	for (uint32_t t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (uint32_t voter = 0; voter < CONTENDED_VOTERS; voter++)
		expect_one_winner(races, voter);
	pthread_barrier_destroy(&start);
	ballot_free(&ballot);
}

Test(ballot, of_many_threads_one_records_each_voter)
{
	static const uint32_t options[] = {4, 15, 16, 255, 256, 1024};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		for (int round = 0; round < 5; round++)
			race_for(options[i]);
}
