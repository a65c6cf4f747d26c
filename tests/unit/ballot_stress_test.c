// SPDX-License-Identifier: BSD-3-Clause
/*
 * All cores cast into one ballot and one thread reads, against a plain model: an array of who was
 * recorded with what, and one of what the others were told. Many ballots, of every kind: tiny ones
 * in which all threads want the same slots and stages, full ones, sparse ones, dry ones.
 *
 * Some two million casts; TALLYWIRE_STRESS=N makes it N. Made for ThreadSanitizer, too.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/core/atomics.h"
#include "dataplane/core/ballot.h"
#include "wire/vote_packet.h"

#define THREADS_MAX 64
#define CASTS       2000000
#define TIMES_MAX   100 /* that a kind is played in a row */

enum order { RANDOM, SAME, OPPOSITE };

/* One kind of ballot, and how the threads go about it. */
static const struct kind {
	const char *name;
	uint32_t voters; /* that cast */
	uint32_t stride; /* between their numbers */
	uint32_t options;
	uint32_t casts; /* of each thread, on average per voter, in hundredths */
	enum order order;
	enum ballot_form form;
	uint32_t bytes; /* of the pool: percent of what it may need */
} kinds[] = {
	{"the first slots", 9, 1, 4, 100, SAME, BALLOT_GROWING, 100},
	{"one container, same way", 300, 7, 4, 100, SAME, BALLOT_GROWING, 100},
	{"one container, opposite ways", 300, 7, 200, 100, OPPOSITE, BALLOT_GROWING, 100},
	{"one container, anyhow", 400, 3, 1000, 200, RANDOM, BALLOT_GROWING, 100},
	{"ten containers, all grow at once", 3000, 211, 15, 150, RANDOM, BALLOT_GROWING, 100},
	{"ten containers, same way", 3000, 211, 4, 100, SAME, BALLOT_GROWING, 100},
	{"full turnout", 200000, 1, 4, 100, RANDOM, BALLOT_GROWING, 100},
	{"full turnout, dense", 200000, 1, 4, 100, RANDOM, BALLOT_DENSE, 100},
	{"neighbours, dense", 5000, 1, 15, 100, SAME, BALLOT_DENSE, 100},
	{"sparse", 20000, 5003, 4, 100, RANDOM, BALLOT_GROWING, 100},
	{"a dry pool", 20000, 211, 4, 100, RANDOM, BALLOT_GROWING, 20},
	{"a dry pool, same way", 2000, 211, 4, 100, SAME, BALLOT_GROWING, 3},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct {
	const struct kind *kind;
	struct ballot ballot;
	uint8_t *memory;
	size_t bytes;
	/* By voter, written by any thread, atomically; answer + 1, 0: none. */
	uint32_t *recorded; /* by who was recorded: once */
	uint32_t *told;     /* by everybody else */
	uint8_t *refused;
	uint32_t threads;
	uint64_t round;
	uint32_t done;     /* threads that have cast all they had */
	uint64_t dry;      /* BALLOT_FULL, by all */
	const char *wrong; /* what was seen first that may not be */
	pthread_barrier_t start;
} world;

static void wrong(const char *what)
{
	__atomic_store_n(&world.wrong, what, __ATOMIC_RELAXED);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

/* What was told once is told always. */
static void note_told(uint32_t i, uint16_t standing)
{
	uint32_t before = 0, now = standing + 1u;
	if (!__atomic_compare_exchange_n(&world.told[i], &before, now, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED) &&
	    before != now)
		wrong("two were told different answers of one voter");
}

static bool cast_one(uint32_t i, uint16_t choice)
{
	uint16_t standing = 77;
	switch (ballot_cast(&world.ballot, i * world.kind->stride, choice, &standing)) {
	case BALLOT_RECORDED:
		if (standing != choice)
			wrong("recorded, but another answer stands");
		if (__atomic_exchange_n(&world.recorded[i], choice + 1u, __ATOMIC_RELAXED))
			wrong("a voter was recorded twice");
		return false;
	case BALLOT_STANDS:
		if (standing >= world.kind->options)
			wrong("an answer stands that nobody can have given");
		note_told(i, standing);
		return false;
	case BALLOT_FULL: break;
	}
	if (standing != CHOICE_NONE)
		wrong("refused, but an answer stands");
	__atomic_store_n(&world.refused[i], 1, __ATOMIC_RELAXED);
	return true;
}

static void *cast_many(void *argument)
{
	const struct kind *kind = world.kind;
	uint32_t number = (uint32_t)(uintptr_t)argument;
	uint64_t state = world.round * THREADS_MAX + number, full = 0;
	uint32_t casts = (uint32_t)((uint64_t)kind->voters * kind->casts / 100);
	pthread_barrier_wait(&world.start);
	for (uint32_t n = 0; n < casts; n++) {
		uint32_t i = n % kind->voters;
		if (kind->order == RANDOM)
			i = next_random(&state) % kind->voters;
		else if (kind->order == OPPOSITE && number % 2)
			i = kind->voters - 1 - i;
		full += cast_one(i, (uint16_t)((i + number) % kind->options));
	}
	__atomic_fetch_add(&world.dry, full, __ATOMIC_RELAXED);
	__atomic_fetch_add(&world.done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Looks at everybody, again and again: an answer that was seen once must stay. */
static void *read_many(void *argument)
{
	uint64_t *votes = calloc(world.kind->options, sizeof(*votes)), before = 0;
	(void)argument;
	pthread_barrier_wait(&world.start);
	do {
		for (uint32_t i = 0; i < world.kind->voters; i++) {
			uint32_t voter = i * world.kind->stride;
			ballot_prefetch(&world.ballot, voter);
			uint16_t standing = ballot_standing(&world.ballot, voter);
			if (standing != CHOICE_NONE)
				note_told(i, standing);
			else if (__atomic_load_n(&world.told[i], __ATOMIC_ACQUIRE) &&
				 ballot_standing(&world.ballot, voter) == CHOICE_NONE)
				wrong("an answer is gone");
		}
		uint64_t counted = ballot_count(&world.ballot, votes, world.kind->options);
		if (counted < before)
			wrong("fewer votes than before");
		before = counted;
	} while (__atomic_load_n(&world.done, __ATOMIC_ACQUIRE) < world.threads);
	free(votes);
	return NULL;
}

static void world_open(const struct kind *kind)
{
	uint64_t numbers = (uint64_t)(kind->voters - 1) * kind->stride + 1;
	size_t most = ballot_bytes(numbers, kind->options),
	       least = ballot_bytes_sparse(numbers, 0, 4);
	world.kind = kind;
	world.bytes = least + (most - least) / 100 * kind->bytes / 64 * 64;
	if (kind->bytes == 100)
		world.bytes = kind->form == BALLOT_DENSE
				      ? ballot_bytes_dense(numbers, kind->options)
				      : most;
	world.memory = aligned_alloc(BALLOT_ALIGNMENT, world.bytes);
	world.recorded = calloc(kind->voters, sizeof(*world.recorded));
	world.told = calloc(kind->voters, sizeof(*world.told));
	world.refused = calloc(kind->voters, 1);
	cr_assert(world.memory && world.recorded && world.told && world.refused);
	memset(world.memory, 0, world.bytes);
	ballot_init(&world.ballot, world.memory, world.bytes, numbers, kind->options, kind->form);
	world.done = 0;
	world.dry = 0;
	world.round++;
}

static void world_close(void)
{
	free(world.memory);
	free(world.recorded);
	free(world.told);
	free(world.refused);
}

static void check(void)
{
	const struct kind *kind = world.kind;
	uint64_t *votes = calloc(kind->options, sizeof(*votes)), voters = 0, refused = 0;
	for (uint32_t i = 0; i < kind->voters; i++) {
		uint32_t stands = (uint16_t)(ballot_standing(&world.ballot, i * kind->stride) + 1);
		cr_assert_eq(stands, world.recorded[i], "%s: voter %u: %u stands, %u was recorded",
			     kind->name, i, stands, world.recorded[i]);
		cr_assert(!world.told[i] || world.told[i] == stands, "%s: voter %u", kind->name, i);
		cr_assert(!world.refused[i] || !stands, "%s: %u refused and recorded", kind->name,
			  i);
		voters += stands != 0;
		refused += world.refused[i];
	}
	cr_assert_eq(ballot_count(&world.ballot, votes, kind->options), voters, "%s", kind->name);
	cr_assert_eq(ballot_pool_dry(&world.ballot), world.dry, "%s", kind->name);
	cr_assert_eq(refused != 0, kind->bytes < 100, "%s: %u refused", kind->name,
		     (unsigned int)refused);
	free(votes);
}

static uint64_t play(const struct kind *kind)
{
	pthread_t threads[THREADS_MAX + 1];
	world_open(kind);
	pthread_barrier_init(&world.start, NULL, world.threads + 1);
	for (uintptr_t t = 0; t < world.threads; t++)
		cr_assert_eq(pthread_create(&threads[t], NULL, cast_many, (void *)t), 0);
	cr_assert_eq(pthread_create(&threads[world.threads], NULL, read_many, NULL), 0);
	for (uint32_t t = 0; t <= world.threads; t++)
		pthread_join(threads[t], NULL);
	pthread_barrier_destroy(&world.start);
	cr_assert_null(world.wrong, "%s: %s", kind->name, world.wrong);
	check();
	world_close();
	return (uint64_t)kind->voters * kind->casts / 100 * world.threads;
}

Test(ballot_stress, all_cores_and_a_reader_against_a_plain_model)
{
	const char *wanted = getenv("TALLYWIRE_STRESS");
	uint64_t casts = 0, most = wanted ? strtoull(wanted, NULL, 10) : CASTS;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	/* On one core too, threads are interrupted anywhere. */
	world.threads = cores < 3 ? 3 : cores > THREADS_MAX ? THREADS_MAX : (uint32_t)cores;
	while (casts < most)
		for (size_t i = 0; i < KINDS; i++)
			/* Small ones more often: there is much to happen in little time. */
			for (uint32_t n = 0; n < 1 + 60000 / kinds[i].voters && n < TIMES_MAX; n++)
				casts += play(&kinds[i]);
	printf("# %llu casts by %u threads into %llu ballots\n", (unsigned long long)casts,
	       world.threads, (unsigned long long)world.round);
	fflush(stdout);
}
