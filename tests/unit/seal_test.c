// SPDX-License-Identifier: BSD-3-Clause
/*
 * Sealed bitmaps against CRoaring's own, built number by number: the same sets, no larger, and the
 * portable bytes come back as the same again.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/core/ballot_wide.h"
#include "dataplane/seal.h"

#define ALL_NUMBERS (1ull << 32)
#define OPTIONS_MAX 300

/* A ballot and, beside it, what its bitmaps have to be. */
static struct {
	struct ballot ballot;
	void *memory;
	size_t bytes;
	uint32_t options;
	roaring_bitmap_t *choices[OPTIONS_MAX];
	roaring_bitmap_t *voters;
	uint64_t state;
} world;

/* Of wide cells there are four options. */
static void world_open(uint32_t options, enum ballot_form form, uint64_t voters)
{
	memset(&world, 0, sizeof(world));
	world.options = options == BALLOT_WIDE ? 4 : options;
	world.bytes = form == BALLOT_DENSE ? ballot_bytes_dense(voters, options)
					   : ballot_bytes(voters, options);
	world.memory = mmap(NULL, world.bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert(world.memory != MAP_FAILED);
	ballot_init(&world.ballot, world.memory, world.bytes, voters, options, form);
	for (uint32_t i = 0; i < world.options; i++)
		world.choices[i] = roaring_bitmap_create();
	world.voters = roaring_bitmap_create();
}

static void world_close(void)
{
	for (uint32_t i = 0; i < world.options; i++)
		roaring_bitmap_free(world.choices[i]);
	roaring_bitmap_free(world.voters);
	munmap(world.memory, world.bytes);
}

static uint32_t next_random(void)
{
	world.state = world.state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world.state >> 32);
}

static void vote(uint32_t voter, uint32_t choice)
{
	uint16_t standing;
	enum ballot_outcome outcome =
		ballot_cast(&world.ballot, voter, (uint16_t)choice, &standing);
	cr_assert(outcome != BALLOT_FULL);
	if (outcome == BALLOT_RECORDED) {
		roaring_bitmap_add(world.choices[choice], voter);
		roaring_bitmap_add(world.voters, voter);
	}
}

static void expect_same(const roaring_bitmap_t *sealed, roaring_bitmap_t *plain, const char *name,
			uint32_t set)
{
	size_t bytes;
	char *file = seal_portable(sealed, &bytes);
	cr_assert_not_null(file);
	cr_expect(roaring_bitmap_equals(sealed, plain), "%s, set %u of %u", name, set,
		  world.options);
	roaring_bitmap_run_optimize(plain);
	cr_expect_leq(bytes, roaring_bitmap_portable_size_in_bytes(plain), "%s, set %u", name, set);
	cr_expect_eq(roaring_bitmap_portable_deserialize_size(file, bytes), bytes);
	roaring_bitmap_t *again = roaring_bitmap_portable_deserialize_safe(file, bytes);
	cr_assert_not_null(again);
	cr_expect(roaring_bitmap_equals(again, plain), "%s, set %u, read again", name, set);
	roaring_bitmap_free(again);
	free(file);
}

static void expect_sealed(const char *name)
{
	struct seal seal;
	cr_assert_eq(seal_make(&world.ballot, world.options, &seal), 0);
	for (uint32_t i = 0; i < world.options; i++)
		expect_same(seal.choices[i], world.choices[i], name, i);
	expect_same(seal.voters, world.voters, name, world.options);
	seal_free(&seal);
}

/* ---- Sets of voters ---- */

static void nobody(void)
{
}

static void random_numbers(void)
{
	for (uint32_t i = 0; i < 200000; i++)
		vote(next_random() % 1000000, next_random() % world.options);
}

static void nearly_everybody(void)
{
	for (uint32_t voter = 0; voter < 300000; voter++)
		if (next_random() % 100)
			vote(voter, next_random() % world.options);
}

static void few_and_far_between(void)
{
	for (uint32_t i = 0; i < 1000; i++)
		vote(next_random(), next_random() % world.options);
}

/* Families: neighbours who choose alike. */
static void clusters(void)
{
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t first = next_random() % 2000000, count = next_random() % 2000;
		uint32_t choice = next_random() % world.options;
		for (uint32_t j = 0; j < count; j++)
			vote(first + j, choice);
	}
}

static void container_boundaries(void)
{
	for (uint64_t edge = 0; edge <= ALL_NUMBERS; edge += edge < 1 << 20 ? 1 << 16 : 1 << 27)
		for (uint64_t voter = edge ? edge - 2 : 0; voter < edge + 2 && voter < ALL_NUMBERS;
		     voter++)
			vote((uint32_t)voter, (uint32_t)(voter % world.options));
}

static void first_and_last(void)
{
	vote(0, 0);
	vote(UINT32_MAX, world.options - 1);
}

static void one_whole_container(void)
{
	for (uint32_t i = 0; i < 65536; i++)
		vote(7 * 65536 + i, 0);
}

static void all_but_one_of_a_container(void)
{
	for (uint32_t i = 0; i < 65536; i++)
		if (i != 30000)
			vote(3 * 65536 + i, 1 % world.options);
}

static void every_other(void)
{
	for (uint32_t i = 0; i < 3 * 65536; i += 2)
		vote(i, i / 2 % world.options);
}

/* Where an array is the largest it may be, and where it no longer is one. */
static void around_4096(void)
{
	for (uint32_t c = 0; c < 3; c++)
		for (uint32_t i = 0; i < 4095 + c; i++)
			vote(c * 65536 + i * 13, 0);
}

/* As many numbers in arrays of the ballot as there can be, and one more or less. */
static void around_251(void)
{
	for (uint32_t c = 0; c < 3; c++)
		for (uint32_t i = 0; i < BALLOT_SPARSE_MAX - 1 + c; i++)
			vote((c << 16) + (BALLOT_SPARSE_MAX - i) * 200, i % world.options);
}

/* Runs across containers, and runs of one, two and three. */
static void runs(void)
{
	for (uint32_t i = 65000; i < 3 * 65536 + 100; i++)
		vote(i, 0);
	for (uint32_t i = 0; i < 9000; i++)
		if (i % 4 != 3 && i % 7 != 6)
			vote(5 * 65536 + i, 0);
}

static const struct {
	const char *name;
	void (*cast)(void);
} sets[] = {
	{"nobody", nobody},
	{"random", random_numbers},
	{"nearly everybody", nearly_everybody},
	{"few and far between", few_and_far_between},
	{"clusters", clusters},
	{"container boundaries", container_boundaries},
	{"first and last", first_and_last},
	{"one whole container", one_whole_container},
	{"all but one of a container", all_but_one_of_a_container},
	{"every other", every_other},
	{"around 4096", around_4096},
	{"around 251", around_251},
	{"runs", runs},
};
#define SETS (sizeof(sets) / sizeof(sets[0]))

static void expect_all_sealed(uint32_t options)
{
	for (size_t i = 0; i < SETS; i++) {
		world_open(options, BALLOT_GROWING, ALL_NUMBERS);
		sets[i].cast();
		expect_sealed(sets[i].name);
		world_close();
	}
}

Test(seal, equals_bitmaps_built_number_by_number)
{
	static const uint32_t options[] = {1, 4, 15};
	for (size_t i = 0; i < 3; i++)
		expect_all_sealed(options[i]);
}

Test(seal, with_hundreds_of_options_too)
{
	expect_all_sealed(16);
	expect_all_sealed(255);
	expect_all_sealed(300);
}

Test(seal, dense_ballots_are_sealed_alike)
{
	static const uint32_t options[] = {4, 200, 300};
	for (size_t i = 0; i < 3; i++) {
		world_open(options[i], BALLOT_DENSE, 1000000);
		random_numbers();
		expect_sealed("dense");
		world_close();
	}
}

Test(seal, sets_can_be_combined)
{
	struct seal first, second;
	struct ballot ballots[2];
	world_open(4, BALLOT_GROWING, 1000000);
	random_numbers();
	cr_assert_eq(seal_make(&world.ballot, 4, &first), 0);
	ballots[0] = world.ballot;
	/* Each voter has one answer: the sets have nothing in common and everybody in all. */
	uint64_t sum = 0;
	for (uint32_t i = 0; i < 4; i++) {
		sum += roaring_bitmap_get_cardinality(first.choices[i]);
		for (uint32_t j = 0; j < i; j++)
			cr_expect_not(roaring_bitmap_intersect(first.choices[i], first.choices[j]));
	}
	cr_expect_eq(sum, roaring_bitmap_get_cardinality(first.voters));
	cr_assert_eq(seal_make(&ballots[0], 4, &second), 0);
	cr_expect(roaring_bitmap_equals(first.voters, second.voters), "sealing changes nothing");
	seal_free(&first);
	seal_free(&second);
	world_close();
}

/* An answer that changed is in the set that it moved to, and in no other. */
static void change_vote(uint32_t voter, uint16_t choice, uint32_t revision)
{
	uint64_t before;
	enum ballot_change change =
		ballot_wide_raise(&world.ballot, voter, choice, revision, &before);
	cr_assert(change != BALLOT_NO_PLACE);
	if (change == BALLOT_KEPT)
		return;
	if (change == BALLOT_RAISED)
		roaring_bitmap_remove(world.choices[ballot_wide_choice(before)], voter);
	roaring_bitmap_add(world.choices[choice], voter);
	roaring_bitmap_add(world.voters, voter);
}

Test(seal, wide_cells_are_sealed_by_the_choice_that_stands)
{
	static const enum ballot_form forms[] = {BALLOT_GROWING, BALLOT_DENSE};
	for (int form = 0; form < 2; form++) {
		world_open(BALLOT_WIDE, forms[form], 300000);
		for (int i = 0; i < 400000; i++)
			change_vote(next_random() % 250000, (uint16_t)(next_random() % 4),
				    next_random() % 8);
		expect_sealed("wide");
		world_close();
	}
}
