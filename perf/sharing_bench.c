// SPDX-License-Identifier: BSD-3-Clause
/*
 * False sharing: two threads on two CPUs raise counters of their own, as a worker does for each
 * vote, on memory as tallyd lays it out and, to compare, packed into one cache line. Where the
 * first costs what one thread alone costs, no line goes to and fro between the cores.
 *
 * Run by the benchmarks; opens nothing, needs no root. Exit code 77 on one CPU.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/tally.h"
#include "dataplane/worker.h"
#include "perf/bench.h"

#define VOTES   2000000
#define THREADS 2
#define OPTIONS 4
#define RUNS    11

/* The two counters that a vote raises. Both are one thread's own. */
struct raised {
	uint64_t *receipt;
	uint64_t *vote;
};

struct bumper {
	struct raised raised;
	int cpu;
	uint64_t ns;               /* written by the thread, read after it has ended */
	pthread_barrier_t *begins; /* NULL: alone */
} __attribute__((aligned(WORKER_ALIGN)));

static void *bump(void *argument)
{
	struct bumper *bumper = argument;
	struct raised raised = bumper->raised;
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(bumper->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (bumper->begins)
		pthread_barrier_wait(bumper->begins);
	uint64_t begin_ns = bench_now_ns();
	for (uint32_t i = 0; i < VOTES; i++) {
		tally_add(raised.receipt, 1);
		tally_add(raised.vote, 1);
	}
	bumper->ns = bench_now_ns() - begin_ns;
	return NULL;
}

/* ns a vote, of the slower thread. */
static double measure(const struct raised raised[], uint32_t threads, const int cpus[THREADS])
{
	static struct bumper bumpers[THREADS];
	pthread_barrier_t begins;
	pthread_t ids[THREADS];
	uint64_t slowest = 0;
	pthread_barrier_init(&begins, NULL, threads);
	for (uint32_t i = 0; i < threads; i++) {
		bumpers[i] = (struct bumper){raised[i], cpus[i], 0, threads > 1 ? &begins : NULL};
		if (pthread_create(&ids[i], NULL, bump, &bumpers[i]))
			abort();
	}
	for (uint32_t i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		slowest = bumpers[i].ns > slowest ? bumpers[i].ns : slowest;
	}
	pthread_barrier_destroy(&begins);
	return (double)slowest / VOTES;
}

static int two_cpus(int cpus[THREADS])
{
	cpu_set_t usable;
	int found = 0;
	if (sched_getaffinity(0, sizeof(usable), &usable))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < THREADS; cpu++)
		if (CPU_ISSET(cpu, &usable))
			cpus[found++] = cpu;
	return found;
}

static void *zeroed(size_t bytes)
{
	void *memory = aligned_alloc(WORKER_ALIGN, bytes);
	if (!memory)
		abort();
	return memset(memory, 0, bytes);
}

/* Where the counters lie, in each of the ways that are compared. */
struct layouts {
	struct raised lanes[THREADS];   /* a tally's, as pipeline.c raises them */
	struct raised workers[THREADS]; /* the last and the first bytes of neighbours */
	struct raised packed[THREADS];  /* one line, as an array of counters by worker would be */
};

static void lay_out(struct layouts *layouts)
{
	struct tally tally;
	tally_init(&tally, zeroed(tally_bytes(OPTIONS, THREADS)), OPTIONS, THREADS);
	struct worker *workers = zeroed(THREADS * sizeof(*workers));
	uint64_t *end = (uint64_t *)(void *)&workers[1];
	uint64_t *line = zeroed(WORKER_ALIGN);
	for (uint32_t i = 0; i < THREADS; i++) {
		struct tally_lane *lane = tally_lane(&tally, i);
		layouts->lanes[i] = (struct raised){&lane->receipts[0], &lane->votes[OPTIONS - 1]};
		layouts->packed[i] = (struct raised){&line[2 * i], &line[2 * i + 1]};
	}
	layouts->workers[0] = (struct raised){end - 2, end - 1};
	layouts->workers[1] = (struct raised){end, end + 1};
}

int main(int argc, char **argv)
{
	static struct bench_series alone, lanes, workers, packed, ratio;
	struct bench_options options;
	struct layouts layouts;
	int cpus[THREADS];
	if (bench_options(argc, argv, RUNS, &options))
		return EXIT_FAILURE;
	if (two_cpus(cpus) < THREADS) {
		fputs("SKIP: one CPU has nobody to share a line with\n", stderr);
		return 77;
	}
	lay_out(&layouts);
	for (uint32_t run = 0; run < options.runs; run++) {
		bench_add(&alone, measure(layouts.lanes, 1, cpus));
		bench_add(&lanes, measure(layouts.lanes, THREADS, cpus));
		bench_add(&workers, measure(layouts.workers, THREADS, cpus));
		bench_add(&packed, measure(layouts.packed, THREADS, cpus));
		bench_add(&ratio, packed.values[run] / lanes.values[run]);
	}
	const struct bench_row rows[] = {
		bench_row("sharing.alone", "ns/vote", &alone, "one thread, two counters a vote"),
		bench_row("sharing.lanes", "ns/vote", &lanes, "two threads, each its tally lane"),
		bench_row("sharing.workers", "ns/vote", &workers,
			  "two threads, where one struct worker ends and the next begins"),
		bench_row("sharing.packed", "ns/vote", &packed,
			  "the control: both threads' counters in one cache line"),
		bench_row("sharing.ratio", "times", &ratio, "sharing.packed / sharing.lanes"),
	};
	bench_print(rows, sizeof(rows) / sizeof(rows[0]), options.json);
	return EXIT_SUCCESS;
}
