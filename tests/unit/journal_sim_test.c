// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal on a disk that fails, in one thread: tests/lib/journal_world.h says what is held
 * against what. A failure prints its seed; JOURNAL_SIM_SEED=N runs that one alone, and
 * JOURNAL_SIM_SEEDS=N so many instead of 10,000.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/lib/journal_world.h"
#include "wire/byte_order.h"

#define SEEDS       10000
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
	if (one) {
		run_seed(strtoull(one, NULL, 0));
		return;
	}
	for (uint64_t seed = 1; seed <= seeds; seed++)
		run_seed(seed);
}
