// SPDX-License-Identifier: BSD-3-Clause
/*
 * Every interleaving of two and three threads that cast and read: at each atomic of the ballot
 * (dataplane/core/atomics.h) each thread in turn gets the processor. The ballot is compiled for
 * this test with containers of 16 voters: an array of two slots, one of a slot more, then one word
 * of cells.
 *
 * What a thread does next follows from what its atomics have told it so far. So two interleavings
 * that lead to the same memory and have told each thread the same need not be continued twice; the
 * number that is printed counts all of them nevertheless. Sequentially consistent interleavings,
 * that is: what weaker orders allow is for the comments in ballot_grow.c, and for
 * ballot_stress_test.c under ThreadSanitizer.
 */
#include "tests/lib/scheduler.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/ballot_stage.h"
#include "dataplane/core/ballot_wide.h"
#include "tests/lib/interleavings.h"
#include "wire/vote_packet.h"

static_assert(BALLOT_VALUE_BITS == 4 && BALLOT_UNIT_SLOTS == 2 && BALLOT_ARRAYS == 2,
	      "compiled with the sizes of tests/unit/meson.build");

#define THREADS_MAX  SCHEDULER_THREADS
#define OPS_MAX      3
#define VOTERS       32                              /* two containers */
#define WIDE_VOTERS  16                              /* one of wide cells */
#define ARRAYS_BYTES (2 * ARRAYS_UNITS * UNIT_BYTES) /* of both containers */
#define MEMORY_BYTES 320

enum op_kind { END, CAST, READ, RAISE };

/* Choices are what tells the casts of a voter apart; of a RAISE it is the mark too. */
struct op {
	enum op_kind kind;
	uint32_t voter;
	uint16_t choice;
};

struct scenario {
	const char *name;
	uint32_t less;       /* bytes that the pool has less than it may need */
	struct op before[5]; /* cast one after another, first */
	struct op threads[THREADS_MAX][OPS_MAX];
};

struct result {
	enum ballot_change change; /* of a RAISE; standing is then what stood before */
	enum ballot_outcome outcome;
	uint16_t standing;
	uint32_t completed; /* ops that were over when this one began: bits of op_bit() */
};

/* Of wide cells, in one container: all ops are RAISE or READ, and the first is a RAISE. */
static bool is_wide(const struct scenario *scenario)
{
	return scenario->threads[0][0].kind == RAISE;
}

static struct {
	const struct scenario *scenario;
	uint32_t threads;
	struct ballot ballot;
	uint8_t memory[MEMORY_BYTES] __attribute__((aligned(64)));
	uint8_t at_first[MEMORY_BYTES];
	struct result results[THREADS_MAX][OPS_MAX];
	uint32_t completed;
} world;

/* Of the pool, so far. */
static size_t arrays_bytes(void)
{
	return (pool_head(&world.ballot)->taken & 0xFFFFFF) * UNIT_BYTES;
}

/* Slots and links of arrays are written once: check_written_once() sees to that. */
static bool is_final(const void *at)
{
	const uint8_t *arrays = world.ballot.pool + sizeof(struct ballot_pool);
	return (const uint8_t *)at >= arrays && (const uint8_t *)at < arrays + arrays_bytes() &&
	       *(const uint32_t *)at;
}

static uint32_t op_bit(uint32_t thread, uint32_t op)
{
	return 1u << (thread * OPS_MAX + op);
}

static void op_run(const struct op *op, struct result *result)
{
	uint64_t cell;
	if (is_wide(world.scenario)) {
		if (op->kind == RAISE)
			result->change = ballot_wide_raise(&world.ballot, op->voter, op->choice,
							   op->choice, &cell);
		else
			cell = ballot_wide_standing(&world.ballot, op->voter);
		result->standing = ballot_wide_choice(cell);
		return;
	}
	if (op->kind == READ)
		result->standing = ballot_standing(&world.ballot, op->voter);
	else
		result->outcome =
			ballot_cast(&world.ballot, op->voter, op->choice, &result->standing);
}

static void ops_run(uint32_t thread)
{
	for (uint32_t i = 0; i < OPS_MAX && world.scenario->threads[thread][i].kind; i++) {
		struct result *result = &world.results[thread][i];
		if (i) {
			scheduler_point(&world.completed, true);
			result->completed = (uint32_t)scheduler_saw(world.completed);
		}
		op_run(&world.scenario->threads[thread][i], result);
		world.completed |= op_bit(thread, i);
	}
}

static void check_written_once(const uint32_t *before, size_t bytes)
{
	const uint32_t *now = (const void *)(world.ballot.pool + sizeof(struct ballot_pool));
	for (uint32_t i = 0; i < bytes / sizeof(uint32_t); i++)
		cr_assert(!before[i] || before[i] == now[i],
			  "%s: word %u of the arrays was changed", world.scenario->name, i);
}

static void step(uint32_t thread)
{
	uint32_t before[ARRAYS_BYTES / sizeof(uint32_t)];
	size_t bytes = arrays_bytes();
	memcpy(before, world.ballot.pool + sizeof(struct ballot_pool), bytes);
	scheduler_step(thread);
	check_written_once(before, bytes);
}

static void world_reset(void)
{
	memcpy(world.memory, world.at_first, sizeof(world.memory));
	memset(world.results, 0, sizeof(world.results));
	world.completed = 0;
	for (uint32_t i = 0; i < world.threads; i++)
		scheduler_begin(i);
}

/* To the byte what may be needed, or less. */
static void ballot_make(const struct scenario *scenario)
{
	uint32_t voters = is_wide(scenario) ? WIDE_VOTERS : VOTERS;
	uint32_t options = is_wide(scenario) ? BALLOT_WIDE : 4;
	size_t cells = is_wide(scenario) ? WIDE_VOTERS * sizeof(uint64_t)
					 : ARRAYS_BYTES + 2 * sizeof(uint64_t);
	cr_assert(ballot_bytes(voters, options) <= MEMORY_BYTES);
	ballot_init(&world.ballot, world.memory, MEMORY_BYTES, voters, options, BALLOT_GROWING);
	world.ballot.pool_bytes = sizeof(struct ballot_pool) + cells - scenario->less;
}

static void world_make(const struct scenario *scenario)
{
	memset(&world, 0, sizeof(world));
	world.scenario = scenario;
	ballot_make(scenario);
	for (uint32_t i = 0; i < 5 && scenario->before[i].kind; i++) {
		struct result result;
		op_run(&scenario->before[i], &result);
		cr_assert_eq(is_wide(scenario) ? (int)result.change : (int)result.outcome,
			     is_wide(scenario) ? (int)BALLOT_FIRST : (int)BALLOT_RECORDED);
	}
	memcpy(world.at_first, world.memory, sizeof(world.memory));
	while (world.threads < THREADS_MAX && scenario->threads[world.threads][0].kind)
		world.threads++;
}

/* ---- What must hold at the end of every interleaving ---- */

/* The cast that was recorded for a voter, its choice: CHOICE_NONE where there is none. */
static uint16_t winner_of(uint32_t voter)
{
	uint16_t winner = CHOICE_NONE;
	uint32_t winners = 0;
	for (uint32_t i = 0; i < 5; i++)
		if (world.scenario->before[i].kind && world.scenario->before[i].voter == voter) {
			winner = world.scenario->before[i].choice;
			winners++;
		}
	for (uint32_t t = 0; t < world.threads; t++)
		for (uint32_t i = 0; i < OPS_MAX; i++) {
			const struct op *op = &world.scenario->threads[t][i];
			if (op->kind != CAST || op->voter != voter ||
			    world.results[t][i].outcome != BALLOT_RECORDED)
				continue;
			winner = op->choice;
			winners++;
		}
	cr_assert(winners <= 1, "%s: voter %u was recorded %u times", world.scenario->name, voter,
		  winners);
	return winner;
}

/* Was an answer of this voter known before that op began? */
static bool known_before(uint32_t voter, uint32_t completed)
{
	for (uint32_t i = 0; i < 5; i++)
		if (world.scenario->before[i].kind && world.scenario->before[i].voter == voter)
			return true;
	for (uint32_t t = 0; t < world.threads; t++)
		for (uint32_t i = 0; i < OPS_MAX; i++) {
			const struct op *op = &world.scenario->threads[t][i];
			if (op->kind != END && op->voter == voter && completed & op_bit(t, i) &&
			    world.results[t][i].standing != CHOICE_NONE)
				return true;
		}
	return false;
}

/* Counts what it refused; a refused cast recorded nothing. */
static uint32_t check_op(uint32_t thread, uint32_t i)
{
	const struct op *op = &world.scenario->threads[thread][i];
	const struct result *result = &world.results[thread][i];
	const char *name = world.scenario->name;
	if (op->kind == END)
		return 0;
	uint16_t winner = winner_of(op->voter);
	bool known = known_before(op->voter, result->completed);
	if (op->kind == CAST && result->outcome == BALLOT_FULL) {
		cr_assert(world.scenario->less, "%s: dry, though there is memory for all", name);
		cr_assert_eq(result->standing, CHOICE_NONE);
		cr_assert(!known, "%s: voter %u refused though one stands", name, op->voter);
		return 1;
	}
	if (op->kind == CAST || known)
		cr_assert_eq(result->standing, winner, "%s: thread %u was told %u of voter %u, %u",
			     name, thread, result->standing, op->voter, winner);
	else
		cr_assert(result->standing == winner || result->standing == CHOICE_NONE);
	if (op->kind == CAST && known)
		cr_assert(result->outcome == BALLOT_STANDS);
	return 0;
}

/* No value twice in the arrays of a container; the pool has given what is in use, and no more. */
static void check_containers(void)
{
	uint32_t units = 0, dense = 0;
	for (uint32_t c = 0; c < ballot_containers(&world.ballot); c++) {
		struct ballot_container read;
		ballot_container_read(&world.ballot, c, &read);
		for (uint32_t i = 0; i < read.answers; i++)
			for (uint32_t j = 0; j < i; j++)
				cr_assert((read.answer[i] & 0xFFFF) != (read.answer[j] & 0xFFFF),
					  "%s: two slots of one voter", world.scenario->name);
		uint32_t stage = ballot_stage_of(world.ballot.directory[c]);
		for (uint32_t s = 1; s <= stage && s < STAGE_DENSE; s++)
			units += array_units(s);
		dense += stage == STAGE_DENSE;
	}
	uint64_t taken = pool_head(&world.ballot)->taken;
	cr_assert_eq(taken & 0xFFFFFF, units, "%s: units are lost", world.scenario->name);
	cr_assert_eq(taken >> 24 & 0x1FFFF, dense, "%s: dense ones are lost", world.scenario->name);
}

/* ---- The same for wide cells ---- */

/* The highest of all RAISEs of a voter, CHOICE_NONE where there is none. */
static uint16_t highest_of(uint32_t voter)
{
	uint16_t highest = 0;
	for (uint32_t i = 0; i < 5; i++)
		if (world.scenario->before[i].kind && world.scenario->before[i].voter == voter)
			highest = (uint16_t)(world.scenario->before[i].choice + 1);
	for (uint32_t t = 0; t < world.threads; t++)
		for (uint32_t i = 0; i < OPS_MAX; i++) {
			const struct op *op = &world.scenario->threads[t][i];
			if (op->kind == RAISE && op->voter == voter && op->choice >= highest)
				highest = (uint16_t)(op->choice + 1);
		}
	return (uint16_t)(highest - 1);
}

/* What one RAISE was told fits it; votes[] goes as workers count. */
static void check_raise(const struct op *op, const struct result *result, int votes[WIDE_VOTERS])
{
	const char *name = world.scenario->name;
	switch (result->change) {
	case BALLOT_FIRST: cr_assert_eq(result->standing, CHOICE_NONE, "%s", name); break;
	case BALLOT_RAISED:
		cr_assert(result->standing < op->choice, "%s: %u was raised to %u", name,
			  result->standing, op->choice);
		votes[result->standing]--;
		break;
	case BALLOT_KEPT:
		cr_assert(result->standing != CHOICE_NONE && result->standing >= op->choice,
			  "%s: %u was kept before %u", name, result->standing, op->choice);
		return;
	case BALLOT_NO_PLACE: cr_assert(false, "%s: no place", name);
	}
	votes[op->choice]++;
}

/* One voter at a time: the highest stands, one was first, and what moved adds up to one vote. */
static void check_wide(void)
{
	for (uint32_t voter = 0; voter < WIDE_VOTERS; voter++) {
		int votes[WIDE_VOTERS] = {0}, firsts = 0;
		uint16_t highest = highest_of(voter);
		for (uint32_t i = 0; i < 5; i++)
			if (world.scenario->before[i].kind &&
			    world.scenario->before[i].voter == voter) {
				votes[world.scenario->before[i].choice]++;
				firsts++;
			}
		for (uint32_t t = 0; t < world.threads; t++)
			for (uint32_t i = 0; i < OPS_MAX; i++) {
				const struct op *op = &world.scenario->threads[t][i];
				const struct result *result = &world.results[t][i];
				if (op->kind != RAISE || op->voter != voter)
					continue;
				check_raise(op, result, votes);
				firsts += result->change == BALLOT_FIRST;
			}
		uint64_t cell = ballot_wide_standing(&world.ballot, voter);
		cr_assert_eq(ballot_wide_choice(cell), highest, "%s: voter %u",
			     world.scenario->name, voter);
		cr_assert_eq(firsts, highest != CHOICE_NONE, "%s: %d were first",
			     world.scenario->name, firsts);
		for (int choice = 0; choice < WIDE_VOTERS; choice++)
			cr_assert_eq(votes[choice], choice == highest, "%s: option %d has %d",
				     world.scenario->name, choice, votes[choice]);
	}
	cr_assert_eq(ballot_pool_dry(&world.ballot), 0);
}

static void check_end(void)
{
	if (is_wide(world.scenario)) {
		check_wide();
		return;
	}
	uint64_t votes[4] = {0}, want[4] = {0};
	uint32_t refused = 0;
	for (uint32_t t = 0; t < world.threads; t++)
		for (uint32_t i = 0; i < OPS_MAX; i++)
			refused += check_op(t, i);
	for (uint32_t voter = 0; voter < VOTERS; voter++) {
		uint16_t winner = winner_of(voter);
		cr_assert_eq(ballot_standing(&world.ballot, voter), winner, "%s: voter %u",
			     world.scenario->name, voter);
		if (winner != CHOICE_NONE)
			want[winner]++;
	}
	ballot_count(&world.ballot, votes, 4);
	cr_assert_arr_eq(votes, want, sizeof(votes));
	cr_assert_eq(ballot_pool_dry(&world.ballot), refused);
	check_containers();
}

static uint64_t state_key(void)
{
	uint64_t key = 1, word;
	for (size_t i = 0; i < MEMORY_BYTES; i += sizeof(word)) {
		memcpy(&word, world.memory + i, sizeof(word));
		key = scheduler_mix(key, word);
	}
	for (uint32_t i = 0; i < world.threads; i++)
		key = scheduler_mix(key, scheduler_threads[i].told);
	return scheduler_mix(key, world.completed) | 1;
}

static double explore(const struct scenario *scenario, bool skip_final)
{
	uint32_t longest;
	world_make(scenario);
	scheduler_body = ops_run;
	scheduler_final = skip_final ? is_final : NULL;
	interleavings.name = scenario->name;
	interleavings.threads = world.threads;
	interleavings.reset = world_reset;
	interleavings.step = step;
	interleavings.key = state_key;
	interleavings.end = check_end;
	double all = interleavings_all(&longest);
	printf("# %-60s %12.6g interleavings, %7u states, at most %3u steps\n", scenario->name, all,
	       state_count, longest);
	return all;
}

static void explore_all(const struct scenario *scenarios, size_t count, bool skip_final)
{
	double all = 0;
	for (size_t i = 0; i < count; i++)
		all += explore(&scenarios[i], skip_final);
	printf("# all: %.6g interleavings\n", all);
	fflush(stdout);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* What a container may have come to before. */
#define HALF     V(1, 3)
#define FULL     V(1, 3), V(2, 2)
#define ALL_FULL V(1, 3), V(2, 2), V(3, 1)
#define DENSE    V(1, 3), V(2, 2), V(3, 1), V(4, 0)
#define V(voter, choice)                                                                           \
	{                                                                                          \
		CAST, voter, choice                                                                \
	}
#define R(voter)                                                                                   \
	{                                                                                          \
		READ, voter, 0                                                                     \
	}

Test(ballot_schedule, two_threads)
{
	static const struct scenario scenarios[] = {
		{"the first two of a container, one voter", 0, {}, {{V(5, 0)}, {V(5, 1)}}},
		{"the first two of a container, two voters", 0, {}, {{V(5, 0)}, {V(6, 1)}}},
		{"one voter, slots are there", 0, {HALF}, {{V(5, 0)}, {V(5, 1)}}},
		{"two voters, one slot", 0, {HALF}, {{V(5, 0)}, {V(6, 1)}}},
		{"one voter, the array is full", 0, {FULL}, {{V(5, 0), R(5)}, {V(5, 1), R(5)}}},
		{"two voters, the array is full", 0, {FULL}, {{V(5, 0)}, {V(6, 1)}}},
		{"one thread is two stages ahead of the other",
		 0,
		 {FULL},
		 {{V(5, 0)}, {V(6, 1), V(7, 1), R(7)}}},
		{"one voter, all arrays are full",
		 0,
		 {ALL_FULL},
		 {{V(5, 0), R(5)}, {V(5, 1), R(5)}}},
		{"two voters, all arrays are full",
		 0,
		 {ALL_FULL},
		 {{V(5, 0), V(6, 0)}, {V(6, 1), V(5, 1)}}},
		{"old voters while a container becomes dense",
		 0,
		 {ALL_FULL},
		 {{V(5, 0)}, {V(1, 0), V(2, 0), V(3, 0)}}},
		{"reading while a container becomes dense",
		 0,
		 {ALL_FULL},
		 {{V(5, 0)}, {R(1), R(5), R(5)}}},
		{"neighbours in a dense word",
		 0,
		 {DENSE},
		 {{V(5, 0), V(6, 0)}, {V(6, 1), V(5, 1)}}},
		{"two containers grow", 0, {FULL}, {{V(5, 0)}, {V(21, 1), V(22, 1)}}},
		{"a reader from nothing to dense",
		 0,
		 {},
		 {{V(1, 0), V(2, 0), V(3, 0)}, {R(1), R(2), R(1)}}},
	};
	explore_all(scenarios, COUNT_OF(scenarios), false);
}

Test(ballot_schedule, three_threads)
{
	static const struct scenario scenarios[] = {
		{"the first three of a container, one voter",
		 0,
		 {},
		 {{V(5, 0)}, {V(5, 1)}, {V(5, 2)}}},
		{"three voters, one slot", 0, {HALF}, {{V(5, 0)}, {V(6, 1)}, {V(7, 2)}}},
		{"one voter, the array is full", 0, {FULL}, {{V(5, 0)}, {V(5, 1)}, {V(5, 2)}}},
		{"a voter, an old one and a reader, the array is full",
		 0,
		 {FULL},
		 {{V(5, 0)}, {V(1, 1)}, {R(1), R(5)}}},
		{"a voter, a neighbour and a reader, all arrays are full",
		 0,
		 {ALL_FULL},
		 {{V(5, 0)}, {V(6, 1)}, {R(5)}}},
		{"one voter, all arrays are full",
		 0,
		 {ALL_FULL},
		 {{V(5, 0)}, {V(5, 1)}, {V(5, 2)}}},
		{"a twin, a neighbour and an old voter, all arrays are full",
		 0,
		 {ALL_FULL},
		 {{V(5, 0)}, {V(5, 1)}, {V(6, 2), V(1, 0)}}},
		{"two casts and a reader, all arrays are full",
		 0,
		 {ALL_FULL},
		 {{V(5, 0)}, {V(6, 1)}, {R(1), R(5)}}},
		{"two containers grow, one for two voters",
		 0,
		 {FULL},
		 {{V(5, 0)}, {V(21, 1)}, {V(5, 2)}}},
		{"neighbours in a dense word",
		 0,
		 {DENSE},
		 {{V(5, 0), V(6, 0)}, {V(6, 1), V(7, 1)}, {V(7, 2), V(5, 2)}}},
		{"a reader while two grow",
		 0,
		 {HALF},
		 {{V(5, 0), V(6, 0)}, {V(6, 1)}, {R(5), R(6)}}},
	};
	explore_all(scenarios, COUNT_OF(scenarios), true);
}

/* A pool that holds 48 bytes: per container an array of 8 bytes, one of 8 more, cells of 8. */
Test(ballot_schedule, the_pool_is_dry)
{
	static const struct scenario scenarios[] = {
		{"nothing is left, one voter", 40, {FULL}, {{V(5, 0)}, {V(5, 1)}}},
		{"nothing is left for cells",
		 32,
		 {ALL_FULL},
		 {{V(5, 0), V(1, 0)}, {V(5, 1), R(5)}}},
		{"one piece is left, two containers want it",
		 32,
		 {FULL},
		 {{V(5, 0), R(21)}, {V(21, 1), R(5)}}},
		{"one piece is left, two containers and a twin want it",
		 32,
		 {FULL},
		 {{V(5, 0)}, {V(21, 1)}, {V(5, 2)}}},
		{"one piece is left, cells and an array want it",
		 24,
		 {ALL_FULL},
		 {{V(5, 0)}, {V(21, 1)}, {V(21, 2)}}},
		{"the last slot, then nothing", 40, {HALF}, {{V(5, 0)}, {V(6, 1)}, {V(5, 2)}}},
	};
	explore_all(scenarios, COUNT_OF(scenarios), true);
}

#define UP(voter, choice)                                                                          \
	{                                                                                          \
		RAISE, voter, choice                                                               \
	}

Test(ballot_schedule, answers_that_change)
{
	static const struct scenario scenarios[] = {
		{"two raise one answer", 0, {UP(5, 0)}, {{UP(5, 1)}, {UP(5, 2)}}},
		{"the same revision twice", 0, {UP(5, 0)}, {{UP(5, 1)}, {UP(5, 1)}}},
		{"a first answer and its change, no container yet",
		 0,
		 {},
		 {{UP(5, 0)}, {UP(5, 1)}}},
		{"two voters, no container yet",
		 0,
		 {},
		 {{UP(5, 0), UP(6, 1)}, {UP(6, 0), UP(5, 1)}}},
		{"a first answer, its change and a reader, no container yet",
		 0,
		 {},
		 {{UP(5, 0)}, {UP(5, 1)}, {R(5), R(5)}}},
		{"three raise one answer", 0, {}, {{UP(5, 1)}, {UP(5, 2)}, {UP(5, 3)}}},
		{"one goes up step by step, one comes with the highest, one too late",
		 0,
		 {UP(5, 1)},
		 {{UP(5, 2), UP(5, 3), UP(5, 5)}, {UP(5, 4)}, {UP(5, 0), UP(5, 6)}}},
	};
	explore_all(scenarios, COUNT_OF(scenarios), false);
}

/* A minute's work, for who has changed the ballot: TALLYWIRE_SCHEDULES=all. */
Test(ballot_schedule, the_long_ones)
{
	static const struct scenario scenarios[] = {
		{"two voters and a twin, the array is full",
		 0,
		 {FULL},
		 {{V(5, 0)}, {V(5, 1)}, {V(6, 2)}}},
		{"from nothing to dense, two threads",
		 0,
		 {},
		 {{V(1, 0), V(2, 0), V(3, 0)}, {V(4, 1)}}},
	};
	const char *schedules = getenv("TALLYWIRE_SCHEDULES");
	if (schedules && !strcmp(schedules, "all"))
		explore_all(scenarios, COUNT_OF(scenarios), true);
	else
		printf("# not run: set TALLYWIRE_SCHEDULES=all\n");
}
