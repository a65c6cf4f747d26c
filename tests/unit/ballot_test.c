// SPDX-License-Identifier: BSD-3-Clause
/* One answer per voter, at every cell width, at the edges, and when many threads want the same
 * cell. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/ballot.h"
#include "wire/vote_packet.h"

/* Exactly the bytes that ballot_bytes() asks for, so that a sanitizer sees one too many. */
static struct ballot ballot_of(uint64_t voters, uint32_t options)
{
	struct ballot ballot;
	size_t bytes = ballot_bytes(voters, options);
	void *words = malloc(bytes ? bytes : 1);
	cr_assert_not_null(words);
	memset(words, 0, bytes);
	ballot_init(&ballot, words, voters, options);
	return ballot;
}

Test(ballot, first_vote_is_recorded)
{
	struct ballot ballot = ballot_of(100, 4);
	uint16_t standing = 77;
	cr_expect_eq(ballot_standing(&ballot, 42), CHOICE_NONE);
	cr_expect_eq(ballot_cast(&ballot, 42, 3, &standing), BALLOT_RECORDED);
	cr_expect_eq(standing, 3);
	cr_expect_eq(ballot_standing(&ballot, 42), 3);
	free(ballot.words);
}

Test(ballot, second_vote_of_a_voter_is_refused)
{
	struct ballot ballot = ballot_of(100, 4);
	uint16_t standing = 77;
	ballot_cast(&ballot, 42, 3, &standing);
	for (uint16_t choice = 0; choice < 4; choice++) {
		cr_expect_eq(ballot_cast(&ballot, 42, choice, &standing), BALLOT_STANDS);
		cr_expect_eq(standing, 3);
	}
	cr_expect_eq(ballot_standing(&ballot, 42), 3);
	free(ballot.words);
}

Test(ballot, a_vote_touches_no_other_voter)
{
	struct ballot ballot = ballot_of(64, 15);
	uint16_t standing;
	ballot_cast(&ballot, 33, 14, &standing);
	for (uint32_t voter = 0; voter < 64; voter++)
		if (voter != 33)
			cr_expect_eq(ballot_standing(&ballot, voter), CHOICE_NONE, "voter %u",
				     voter);
	free(ballot.words);
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

Test(ballot, every_cell_holds_the_widest_choice)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct ballot ballot = ballot_of(shapes[i].voters, shapes[i].options);
		uint16_t widest = (uint16_t)(shapes[i].options - 1), standing;
		cr_expect_eq(ballot.cell_bits, shapes[i].cell_bits, "%u options",
			     shapes[i].options);
		for (uint32_t voter = 0; voter < shapes[i].voters; voter++) {
			uint16_t choice = voter % 2 ? 0 : widest;
			cr_expect_eq(ballot_cast(&ballot, voter, choice, &standing),
				     BALLOT_RECORDED, "%u options, voter %u", shapes[i].options,
				     voter);
		}
		for (uint32_t voter = 0; voter < shapes[i].voters; voter++)
			cr_expect_eq(ballot_standing(&ballot, voter), voter % 2 ? 0 : widest,
				     "%u options, voter %u", shapes[i].options, voter);
		free(ballot.words);
	}
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
		free(ballot.words);
	}
}

Test(ballot, voters_beyond_the_last_find_it_full)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct ballot ballot = ballot_of(shapes[i].voters, shapes[i].options);
		const uint32_t beyond[] = {(uint32_t)shapes[i].voters,
					   (uint32_t)shapes[i].voters + 1, 1u << 31, UINT32_MAX};
		uint64_t *before = malloc(ballot_bytes(shapes[i].voters, shapes[i].options));
		uint16_t standing;
		ballot_cast(&ballot, (uint32_t)shapes[i].voters - 1, 0, &standing);
		memcpy(before, ballot.words, ballot_bytes(shapes[i].voters, shapes[i].options));
		for (size_t j = 0; j < sizeof(beyond) / sizeof(beyond[0]); j++) {
			standing = 77;
			ballot_prefetch(&ballot, beyond[j]);
			cr_expect_eq(ballot_cast(&ballot, beyond[j], 0, &standing), BALLOT_FULL);
			cr_expect_eq(standing, CHOICE_NONE);
			cr_expect_eq(ballot_standing(&ballot, beyond[j]), CHOICE_NONE);
		}
		cr_expect_arr_eq((uint8_t *)ballot.words, (uint8_t *)before,
				 ballot_bytes(shapes[i].voters, shapes[i].options));
		free(before);
		free(ballot.words);
	}
}

Test(ballot, without_voters_everybody_finds_it_full)
{
	struct ballot ballot = ballot_of(0, 4);
	uint16_t standing;
	cr_expect_eq(ballot_cast(&ballot, 0, 0, &standing), BALLOT_FULL);
	cr_expect_eq(ballot_standing(&ballot, 0), CHOICE_NONE);
	free(ballot.words);
}

Test(ballot, memory_is_what_the_cells_need)
{
	static const struct {
		uint64_t voters;
		uint32_t options;
		size_t bytes;
	} rows[] = {
		{0, 4, 0},
		{1, 4, 8},
		{16, 4, 8},
		{17, 4, 16},
		{8, 16, 8},
		{9, 16, 16},
		{4, 256, 8},
		{5, 256, 16},
		{1000000, 4, 500000},
		{1ull << 32, 4, 1ull << 31},
		{1ull << 32, 1024, 1ull << 33},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(ballot_bytes(rows[i].voters, rows[i].options), rows[i].bytes,
			     "row %zu", i);
}

Test(ballot, count_adds_up_what_stands)
{
	for (size_t i = 0; i < SHAPES; i++) {
		uint32_t options = shapes[i].options;
		struct ballot ballot = ballot_of(shapes[i].voters, options);
		uint64_t *votes = malloc(options * sizeof(*votes));
		uint64_t *want = calloc(options, sizeof(*want));
		uint64_t voters = 0;
		memset(votes, 0xEE, options * sizeof(*votes));
		for (uint32_t voter = 0; voter < shapes[i].voters; voter++) {
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
		free(ballot.words);
	}
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
	free(ballot.words);
}

Test(ballot, of_many_threads_one_records_each_voter)
{
	static const uint32_t options[] = {4, 15, 16, 255, 256, 1024};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		for (int round = 0; round < 5; round++)
			race_for(options[i]);
}
