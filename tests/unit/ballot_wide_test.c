// SPDX-License-Identifier: BSD-3-Clause
/* Ballots with a number beside the choice: the first stands, or the highest; on all cores; and who
 * counts along by what each was told comes to what stands. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/ballot_wide.h"

#define THREADS   8
#define VOTERS    3000
#define MARK_MOST ((1ull << BALLOT_MARK_BITS) - 1)

static const enum ballot_form forms[] = {BALLOT_GROWING, BALLOT_DENSE};
static struct ballot ballot;
static void *memory;

static void make_with(uint64_t voters, enum ballot_form form, size_t less)
{
	size_t bytes = form == BALLOT_DENSE ? ballot_bytes_dense(voters, BALLOT_WIDE)
					    : ballot_bytes(voters, BALLOT_WIDE);
	memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
	cr_assert_not_null(memory);
	memset(memory, 0, bytes);
	ballot_init(&ballot, memory, bytes - less, voters, BALLOT_WIDE, form);
}

static void make(enum ballot_form form)
{
	make_with(VOTERS, form, 0);
}

Test(ballot_wide, the_first_answer_stands_with_its_mark)
{
	static const struct {
		uint32_t voter;
		uint16_t choice;
		uint64_t mark;
	} rows[] = {{0, 0, 0}, {1, 65534, MARK_MOST}, {2, 7, 1}, {VOTERS - 1, 3, 86400000000}};
	for (int form = 0; form < 2; form++) {
		make(forms[form]);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t cell;
			cr_expect_eq(ballot_wide_standing(&ballot, rows[i].voter), 0);
			cr_expect_eq(ballot_wide_cast(&ballot, rows[i].voter, rows[i].choice,
						      rows[i].mark, &cell),
				     BALLOT_FIRST);
			cr_expect_eq(ballot_wide_choice(cell), rows[i].choice);
			cr_expect_eq(ballot_wide_mark(cell), rows[i].mark);
			cr_expect_eq(ballot_wide_standing(&ballot, rows[i].voter), cell);
			uint64_t again;
			cr_expect_eq(ballot_wide_cast(&ballot, rows[i].voter, 9, 0, &again),
				     BALLOT_KEPT);
			cr_expect_eq(again, cell);
			cr_expect_eq(ballot_wide_standing(&ballot, rows[i].voter), cell);
		}
		free(memory);
	}
}

Test(ballot_wide, only_a_higher_mark_replaces)
{
	static const struct {
		uint64_t mark;
		enum ballot_change change;
		uint16_t choice_before;
		uint16_t choice_after;
	} rows[] = {
		{5, BALLOT_FIRST, CHOICE_NONE, 0},
		{5, BALLOT_KEPT, 0, 0},
		{4, BALLOT_KEPT, 0, 0},
		{0, BALLOT_KEPT, 0, 0},
		{6, BALLOT_RAISED, 0, 4},
		{6, BALLOT_KEPT, 4, 4},
		{0xFFFFFF, BALLOT_RAISED, 4, 6},
		{0xFFFFFF, BALLOT_KEPT, 6, 6},
		{MARK_MOST, BALLOT_RAISED, 6, 8},
		{MARK_MOST, BALLOT_KEPT, 8, 8},
	};
	for (int form = 0; form < 2; form++) {
		make(forms[form]);
		for (uint16_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t before;
			enum ballot_change change =
				ballot_wide_raise(&ballot, 42, i, rows[i].mark, &before);
			cr_expect_eq(change, rows[i].change, "row %u: %d", i, (int)change);
			cr_expect_eq(ballot_wide_choice(before), rows[i].choice_before, "row %u",
				     i);
			cr_expect_eq(ballot_wide_choice(ballot_wide_standing(&ballot, 42)),
				     rows[i].choice_after, "row %u", i);
		}
		free(memory);
	}
}

/* A first answer with the lowest mark there is, is an answer. */
Test(ballot_wide, revision_0_is_raised_by_1)
{
	uint64_t before;
	make(BALLOT_DENSE);
	cr_expect_eq(ballot_wide_raise(&ballot, 1, 0, 0, &before), BALLOT_FIRST);
	cr_expect_eq(ballot_wide_raise(&ballot, 1, 1, 0, &before), BALLOT_KEPT);
	cr_expect_eq(ballot_wide_choice(before), 0);
	cr_expect_eq(ballot_wide_raise(&ballot, 1, 1, 1, &before), BALLOT_RAISED);
	free(memory);
}

Test(ballot_wide, who_has_no_cell_is_told_so)
{
	static const uint32_t voters[] = {VOTERS, VOTERS + 1, 65535, 65536, UINT32_MAX};
	for (int form = 0; form < 2; form++) {
		make(forms[form]);
		for (size_t i = 0; i < sizeof(voters) / sizeof(voters[0]); i++) {
			uint64_t cell = 9;
			cr_expect_eq(ballot_wide_cast(&ballot, voters[i], 0, 0, &cell),
				     BALLOT_NO_PLACE);
			cr_expect_eq(cell, 0);
			cell = 9;
			cr_expect_eq(ballot_wide_raise(&ballot, voters[i], 0, 0, &cell),
				     BALLOT_NO_PLACE);
			cr_expect_eq(cell, 0);
			cr_expect_eq(ballot_wide_standing(&ballot, voters[i]), 0);
		}
		free(memory);
	}
}

/* Three containers, and room for two: the third voter is refused, and the others stay. */
Test(ballot_wide, a_dry_pool_refuses_and_counts_it)
{
	uint64_t cell;
	make_with(3 * 65536, BALLOT_GROWING, 128); /* less than all of it, and a line of bits */
	cr_expect_eq(ballot_wide_raise(&ballot, 1, 5, 0, &cell), BALLOT_FIRST);
	cr_expect_eq(ballot_wide_raise(&ballot, 65536, 6, 0, &cell), BALLOT_FIRST);
	cr_expect_eq(ballot_wide_raise(&ballot, 2 * 65536, 7, 0, &cell), BALLOT_NO_PLACE);
	cr_expect_eq(ballot_wide_cast(&ballot, 2 * 65536, 7, 0, &cell), BALLOT_NO_PLACE);
	cr_expect_eq(ballot_pool_dry(&ballot), 2);
	cr_expect_eq(ballot_wide_standing(&ballot, 2 * 65536), 0);
	cr_expect_eq(ballot_wide_raise(&ballot, 1, 8, 1, &cell), BALLOT_RAISED);
	cr_expect_eq(ballot_wide_choice(cell), 5);
	free(memory);
}

/* The readers of whole ballots see the choices. */
Test(ballot_wide, counting_sees_the_choices)
{
	uint64_t cell, votes[4];
	for (int form = 0; form < 2; form++) {
		make(forms[form]);
		for (uint32_t voter = 0; voter < 1000; voter++)
			ballot_wide_raise(&ballot, voter, (uint16_t)(voter % 4), MARK_MOST, &cell);
		cr_expect_eq(ballot_count(&ballot, votes, 4), 1000);
		for (int i = 0; i < 4; i++)
			cr_expect_eq(votes[i], 250);
		free(memory);
	}
}

/* ---- All cores at once ---- */

#define REVISIONS 40
#define CHOICES   5

static struct {
	pthread_barrier_t start;
	int64_t votes[THREADS][CHOICES]; /* what each worker counts: its lane */
	uint32_t firsts[VOTERS];         /* written by any thread, atomically */
} race;

/* Choice and revision go together, so that what stands can be known. */
static uint16_t choice_of(uint32_t voter, uint64_t revision)
{
	return (uint16_t)((voter + revision * 3) % CHOICES);
}

static void *raise_all(void *argument)
{
	uintptr_t thread = (uintptr_t)argument;
	uint64_t random = thread * 77 + 1;
	pthread_barrier_wait(&race.start);
	for (uint32_t n = 0; n < VOTERS * REVISIONS / 4; n++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint32_t voter = (uint32_t)(random >> 33) % (n % 2 ? VOTERS : 3);
		uint64_t revision = random >> 20 & 0xFF;
		revision = revision < REVISIONS ? revision : REVISIONS - 1;
		uint64_t before;
		switch (ballot_wide_raise(&ballot, voter, choice_of(voter, revision), revision,
					  &before)) {
		case BALLOT_RAISED:
			race.votes[thread][ballot_wide_choice(before)]--;
			race.votes[thread][choice_of(voter, revision)]++;
			break;
		case BALLOT_FIRST:
			__atomic_fetch_add(&race.firsts[voter], 1, __ATOMIC_RELAXED);
			race.votes[thread][choice_of(voter, revision)]++;
			break;
		case BALLOT_KEPT:
		case BALLOT_NO_PLACE: break;
		}
	}
	return NULL;
}

static void *cast_all(void *argument)
{
	uint16_t thread = (uint16_t)(uintptr_t)argument;
	uint64_t cell;
	pthread_barrier_wait(&race.start);
	for (uint32_t voter = 0; voter < VOTERS; voter++) {
		if (ballot_wide_cast(&ballot, voter, thread, voter * 100ull + thread, &cell) ==
		    BALLOT_FIRST) {
			__atomic_fetch_add(&race.firsts[voter], 1, __ATOMIC_RELAXED);
			race.votes[thread][thread % CHOICES]++;
		}
		/* Choice and mark are of one answer, never of two. */
		if (ballot_wide_mark(cell) != voter * 100ull + ballot_wide_choice(cell))
			__atomic_store_n(&race.firsts[voter], 99, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void race_all(void *(*run)(void *))
{
	pthread_t threads[THREADS];
	memset(race.votes, 0, sizeof(race.votes));
	memset(race.firsts, 0, sizeof(race.firsts));
	pthread_barrier_init(&race.start, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&race.start);
}

Test(ballot_wide, of_all_threads_one_is_first)
{
	for (int form = 0; form < 2; form++) {
		make(forms[form]);
		race_all(cast_all);
		for (uint32_t voter = 0; voter < VOTERS; voter++)
			cr_assert_eq(race.firsts[voter], 1, "voter %u: %u", voter,
				     race.firsts[voter]);
		free(memory);
	}
}

/* The lanes of all workers together are what stands, to the vote. */
Test(ballot_wide, what_moved_from_lane_to_lane_adds_up)
{
	for (int form = 0; form < 2; form++) {
		uint64_t votes[CHOICES];
		make(forms[form]);
		race_all(raise_all);
		uint64_t voters = ballot_count(&ballot, votes, CHOICES), first = 0;
		for (int choice = 0; choice < CHOICES; choice++) {
			int64_t sum = 0;
			for (int thread = 0; thread < THREADS; thread++)
				sum += race.votes[thread][choice];
			cr_expect_eq((uint64_t)sum, votes[choice], "choice %d", choice);
		}
		for (uint32_t voter = 0; voter < VOTERS; voter++) {
			uint64_t cell = ballot_wide_standing(&ballot, voter);
			cr_assert(race.firsts[voter] <= 1, "voter %u", voter);
			cr_assert_eq(race.firsts[voter], cell != 0, "voter %u", voter);
			cr_assert(!cell || ballot_wide_choice(cell) ==
						   choice_of(voter, ballot_wide_mark(cell)),
				  "voter %u: choice and mark of two answers", voter);
			first += race.firsts[voter];
		}
		cr_expect_eq(first, voters);
		/* Everybody raised the first three to the end. */
		cr_expect_eq(ballot_wide_mark(ballot_wide_standing(&ballot, 0)), REVISIONS - 1);
		free(memory);
	}
}
