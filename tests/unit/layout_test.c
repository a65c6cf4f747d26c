// SPDX-License-Identifier: BSD-3-Clause
/*
 * No cache line, nor the neighbour that comes with it, is written by two workers: what each of them
 * writes per vote, as laid out in memory. The ballot's words are the one exception, by design.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/tally.h"
#include "dataplane/core/window.h"
#include "dataplane/worker.h"

#define PAIR 128

/* Which pair of lines an address lies in. */
static uintptr_t pair_of(const void *address)
{
	return (uintptr_t)address / PAIR;
}

Test(layout, workers_that_lie_side_by_side_share_nothing)
{
	struct worker *workers = aligned_alloc(WORKER_ALIGN, 2 * sizeof(*workers));
	cr_assert_not_null(workers);
	cr_expect_eq((uintptr_t)&workers[1] % PAIR, 0);
	cr_expect_neq(pair_of((const uint8_t *)&workers[1] - 1), pair_of(&workers[1]));
	free(workers);
}

Test(layout, counters_of_a_worker_lie_inside_it)
{
	/* Pointers into the worker: nothing of its own is kept where others keep theirs. */
	cr_expect_lt(offsetof(struct worker, counters) + sizeof(struct pipeline_counters),
		     sizeof(struct worker));
	cr_expect_lt(offsetof(struct worker, io) + sizeof(struct worker_counters),
		     sizeof(struct worker));
	cr_expect_leq(offsetof(struct worker, burst) + sizeof(struct burst), sizeof(struct worker));
}

Test(layout, lanes_of_a_tally_share_nothing)
{
	enum { LANES = 8 };
	static const uint32_t options[] = {1, 2, 4, 7, 8, 23, 24, 255, 65534};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct tally tally;
		size_t bytes = tally_bytes(options[i], LANES);
		void *memory = aligned_alloc(TALLY_LANE_ALIGN, bytes);
		cr_assert_not_null(memory);
		tally_init(&tally, memory, options[i], LANES);
		for (uint32_t worker = 1; worker < LANES; worker++) {
			const struct tally_lane *before = tally_lane(&tally, worker - 1);
			const void *last = &before->votes[options[i] - 1];
			cr_expect_lt(pair_of(last), pair_of(tally_lane(&tally, worker)),
				     "%u options, lanes %u and %u", options[i], worker - 1, worker);
		}
		free(memory);
	}
}

Test(layout, rcu_counters_of_workers_have_lines_of_their_own)
{
	enum { WORKERS = 4 };
	size_t bytes = rte_rcu_qsbr_get_memsize(WORKERS);
	cr_expect_eq(bytes % RTE_CACHE_LINE_SIZE, 0);
	cr_expect_eq(sizeof(struct rte_rcu_qsbr_cnt) % RTE_CACHE_LINE_SIZE, 0);
	cr_expect_geq(offsetof(struct rte_rcu_qsbr, qsbr_cnt),
		      offsetof(struct rte_rcu_qsbr, max_threads) + sizeof(uint32_t));
	cr_expect_eq(offsetof(struct rte_rcu_qsbr, qsbr_cnt) % RTE_CACHE_LINE_SIZE, 0);
}

Test(layout, what_workers_only_read_is_no_part_of_what_they_write)
{
	cr_expect_eq(sizeof(struct window) % RTE_CACHE_LINE_SIZE, 0);
	cr_expect_eq(_Alignof(struct window), RTE_CACHE_LINE_SIZE);
}
