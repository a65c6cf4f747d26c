// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal on a disk that fails, in one thread: tests/lib/journal_world.h says what is held
 * against what. A failure prints its seed; JOURNAL_SIM_SEED=N runs that one alone, and
 * JOURNAL_SIM_SEEDS=N so many instead of 10,000.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/journal_world.h"

#ifdef __SANITIZE_ADDRESS__ /* ten times as slow */
#define SEEDS 1000
#else
#define SEEDS 10000
#endif
#define GENERATIONS 4
#define KIB         1024u

static struct world world;

/* What goes wrong with this seed's disk. */
static void choose_faults(uint64_t seed)
{
	uint64_t random = seed * 31;
	struct disk_sim *sim = &world.sim;
	sim->late_percent = disk_sim_random(&random, 100);
	sim->reuses = disk_sim_random(&random, 2);
	sim->short_percent = disk_sim_random(&random, 3) ? 0 : disk_sim_random(&random, 30);
	sim->fail_percent = disk_sim_random(&random, 3) ? 0 : disk_sim_random(&random, 20);
	sim->capacity = disk_sim_random(&random, 4) ? 0 : 128 * KIB;
}

/* From start to crash, or to an orderly end. */
static void live(uint64_t seed, uint32_t generation)
{
	uint64_t random = seed * 131 + generation;
	uint32_t blocks = 1 + disk_sim_random(&random, 4);
	uint32_t segment_blocks = 1 + disk_sim_random(&random, 6);
	uint32_t acts = disk_sim_random(&random, 200);
	world_start(&world, blocks * segment_blocks * 4 * KIB, blocks * 4 * KIB);
	if (!world.journal) {
		/* The disk is full, or did not take the first segment: the next one finds room. */
		world.sim.capacity = 0;
		return;
	}
	for (uint32_t i = 0; i < acts; i++)
		world_act(&world);
	if (generation + 1 == GENERATIONS && world_drain(&world))
		world_end(&world);
	else if (disk_sim_random(&random, 2))
		world_kill(&world);
	else
		world_crash(&world);
}

static void run_seed(uint64_t seed)
{
	world_open(&world, seed);
	choose_faults(seed);
	for (uint32_t generation = 0; generation < GENERATIONS; generation++)
		live(seed, generation);
	world_close(&world);
	cr_assert(world.wrong[0] == 0, "JOURNAL_SIM_SEED=%lu: %s", seed, world.wrong);
}

Test(journal_sim, no_seed_loses_what_was_acknowledged)
{
	const char *one = getenv("JOURNAL_SIM_SEED"), *many = getenv("JOURNAL_SIM_SEEDS");
	uint64_t seeds = many ? strtoull(many, NULL, 0) : SEEDS;
	/* The reader's memory is not given back and taken anew with each seed. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	if (one) {
		run_seed(strtoull(one, NULL, 0));
		return;
	}
	for (uint64_t seed = 1; seed <= seeds; seed++)
		run_seed(seed);
}

/* The same acts in every test below; the disk does nothing wrong that is not asked for. */
#define FIXED_SEED 20261122
#define FIXED_ACTS 1000

static void begin_fixed(void)
{
	world_open(&world, FIXED_SEED);
	world.sim.late_percent = 50;
	world_start(&world, 24 * KIB, 8 * KIB);
}

static void end_fixed(const char *what, uint64_t index)
{
	struct err err;
	while (!world_drain(&world)) {
		cr_assert(journal_failed(world.journal, &err) < 0 && err.text[0]);
		journal_resume(world.journal);
	}
	world_end(&world);
	cr_expect_eq(world.votes_read, world.vote_count, "%s %lu: %lu votes of %u", what, index,
		     world.votes_read, world.vote_count);
	cr_assert(world.wrong[0] == 0, "%s %lu: %s", what, index, world.wrong);
}

Test(journal_sim, a_crash_at_any_step_loses_nothing_acknowledged)
{
	for (uint32_t crash_at = 0; crash_at < FIXED_ACTS; crash_at++) {
		begin_fixed();
		for (uint32_t i = 0; i < crash_at; i++)
			world_act(&world);
		world_crash(&world);
		uint32_t lost = world.vote_count - (uint32_t)world.votes_read;
		world_start(&world, 24 * KIB, 8 * KIB);
		world_append(&world);
		world_turn(&world, 0);
		world_put(&world, 0, 20);
		cr_assert(world_drain(&world));
		world_end(&world);
		cr_expect_eq(world.votes_read, world.vote_count - lost);
		cr_assert(world.wrong[0] == 0, "crash at step %u: %s", crash_at, world.wrong);
		world_close(&world);
	}
}

/* What was accepted and could not be written is written after all, when the journal goes on. */
Test(journal_sim, an_error_of_any_operation_costs_no_vote)
{
	static const int errors[] = {-EIO, -ENOSPC};
	uint64_t operations = 0, failures = 0, before;
	struct journal_status status;
	/* The first time nothing fails, which says how many there are. */
	for (uint64_t index = 0; index <= operations; index++) {
		begin_fixed();
		before = world.sim.operations_done;
		world.sim.fail_at = index ? before + index : 0;
		world.sim.fail_with = errors[index % 2];
		for (uint32_t i = 0; i < FIXED_ACTS; i++)
			world_act(&world);
		journal_status(world.journal, &status);
		failures += status.failures;
		if (!index)
			operations = world.sim.operations_done - before;
		end_fixed("operation", index);
		world_close(&world);
	}
	cr_expect_gt(operations, 50);
	cr_expect_gt(failures, operations / 2, "of %lu operations %lu ended in a failure",
		     operations, failures);
}

/* The error of a segment that is prepared ahead does no harm; where it is needed, it is told. */
Test(journal_sim, a_full_disk_ends_writing_when_there_is_no_room_and_not_before)
{
	struct err err;
	begin_fixed();
	world.sim.capacity = 24 * KIB;
	world_turn(&world, 0);
	uint32_t written = 0;
	for (; world_put(&world, 0, 60), world_drain(&world); written++) {
		world_turn(&world, 0);
		cr_assert(written < 20);
	}
	cr_expect_gt(written, 2, "%u commits into a segment of six pages", written);
	cr_expect_eq(journal_failed(world.journal, &err), -ENOSPC);
	cr_expect(strstr(err.text, "No space left on device") && strstr(err.text, "simulated/"),
		  "%s", err.text);
	world.sim.capacity = 0;
	journal_resume(world.journal);
	end_fixed("full disk", written);
	world_close(&world);
}

Test(journal_sim, a_disk_that_takes_no_segment_is_refused_at_the_start)
{
	const struct journal_options options = {
		.disk = &world.sim.disk,
		.next = {1, JOURNAL_FIRST_SEQUENCE, 0},
		.segment_bytes = 64 * KIB,
		.block_bytes = 8 * KIB,
		.ring_entries = 64,
	};
	struct journal *journal;
	struct err err;
	world_open(&world, FIXED_SEED);
	world.sim.capacity = 8 * KIB;
	cr_expect_eq(journal_open(&options, &journal, &err), -ENOSPC);
	cr_expect(strstr(err.text, "simulated/1") && strstr(err.text, "65536 bytes"), "%s",
		  err.text);
	world_close(&world);
}

Test(journal_sim, options_that_cannot_be_are_refused)
{
	static const struct {
		const char *says;
		uint64_t segment_bytes;
		uint32_t block_bytes, workers, ring_entries;
		uint64_t sequence;
	} cases[] = {
		{"blocks of 0 bytes", 65536, 0, 1, 64, 1},
		{"blocks of 6000 bytes", 65536, 6000, 1, 64, 1},
		{"blocks of 524288 bytes", 1 << 20, 1 << 19, 1, 64, 1},
		{"segments of 4096 bytes", 4096, 8192, 1, 64, 1},
		{"segments of 65537 bytes", 65537, 8192, 1, 64, 1},
		{"257 workers", 65536, 8192, 257, 64, 1},
		{"rings of 0 votes", 65536, 8192, 1, 0, 1},
		{"rings of 63 votes", 65536, 8192, 1, 63, 1},
		{"numbered from 1", 65536, 8192, 1, 64, 0},
	};
	world_open(&world, FIXED_SEED);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct journal_options options = {
			.disk = &world.sim.disk,
			.next = {1, cases[i].sequence, 0},
			.segment_bytes = cases[i].segment_bytes,
			.block_bytes = cases[i].block_bytes,
			.workers = cases[i].workers,
			.ring_entries = cases[i].ring_entries,
		};
		struct journal *journal;
		struct err err;
		cr_expect_eq(journal_open(&options, &journal, &err), -EINVAL);
		cr_expect(strstr(err.text, cases[i].says), "%s", err.text);
	}
	world_close(&world);
}
