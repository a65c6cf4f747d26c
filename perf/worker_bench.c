// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a worker core does in a second, between port and port, with one poll.
 *
 * `worker.full` is everything from classify to the signed receipt, on one core. `scale.N` runs N
 * such workers at once over one window. Called by `./run bench`; perf/bench_worker.h says how.
 */
#include <stdio.h>
#include <unistd.h>

#include "perf/bench.h"
#include "perf/bench_worker.h"

#define VOTES       1000000u
#define OPTIONS     4
#define WORKERS_MAX 64

static void answer(struct vote *vote, uint32_t at)
{
	vote->program_time_us = BENCH_OPENS_AT_US + at;
	vote->choice = (uint16_t)(vote->voter % OPTIONS);
}

static const struct bench_question poll = {
	.rules = {.kind = KIND_POLL, .options = OPTIONS},
	.identity = ONE_PER_VOTER,
	.seconds = 1,
	.answer = answer,
};

static void print_steps(const struct bench_series *steps)
{
	printf("cycles per vote by step:");
	for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
		printf(" %s %.1f", pipeline_step_name((enum pipeline_step)step),
		       bench_median(&steps[step]));
	printf("\n");
}

/* The series of one number of workers. */
struct scale {
	struct bench_series own;    /* each worker has its own stretch of voters */
	struct bench_series shared; /* all workers meet in all stretches */
	char own_name[24];
	char shared_name[24];
};

static void make_frames(struct bench_frames *frames, uint32_t parts)
{
	uint32_t *voters = bench_voters_make(VOTES, parts);
	bench_frames_open(frames, VOTES);
	bench_frames_make(frames, &poll, voters);
	bench_voters_free(voters, VOTES);
}

static void measure(struct scale *scale, uint32_t workers, uint32_t runs, double ghz,
		    struct bench_series *steps)
{
	struct bench_frames own, shared;
	make_frames(&own, workers);
	make_frames(&shared, 1);
	for (uint32_t run = 0; run < runs; run++) {
		double step_cycles[PIPELINE_STEP_COUNT];
		bench_add(&scale->own,
			  bench_workers_run(&poll, &own, workers, NULL, ghz, step_cycles));
		for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
			bench_add(&steps[step], step_cycles[step]);
		bench_add(&scale->shared,
			  bench_workers_run(&poll, &shared, workers, NULL, ghz, step_cycles));
	}
	bench_frames_close(&own);
	bench_frames_close(&shared);
	snprintf(scale->own_name, sizeof(scale->own_name), "scale.%u", workers);
	snprintf(scale->shared_name, sizeof(scale->shared_name), "scale.%u.shared", workers);
}

int main(int argc, char **argv)
{
	static struct scale scales[WORKERS_MAX];
	static struct bench_series steps[WORKERS_MAX][PIPELINE_STEP_COUNT];
	struct bench_row rows[2 * WORKERS_MAX + 1];
	struct bench_options options;
	size_t row_count = 0;
	if (bench_options(argc, argv, 5, &options))
		return 2;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t workers_max = cpus < WORKERS_MAX ? (uint32_t)cpus : WORKERS_MAX;
	double ghz = bench_cycles_per_ns();
	workers_max = WORKER_SCALES ? workers_max : 1;
	for (uint32_t i = 0; i < workers_max; i++)
		measure(&scales[i], i + 1, options.runs, ghz, steps[i]);
	rows[row_count++] = bench_row(WORKER_ROW, "M votes/s", &scales[0].own,
				      "one core, bursts of 64 in memory, classify to receipt");
	for (uint32_t i = 0; WORKER_SCALES && i < workers_max; i++) {
		rows[row_count++] = bench_row(scales[i].own_name, "M votes/s", &scales[i].own,
					      "that many cores, one window, voters of their own");
		rows[row_count++] = bench_row(scales[i].shared_name, "M votes/s", &scales[i].shared,
					      "the same, voters all over on every core");
	}
	if (!options.json)
		print_steps(steps[0]);
	bench_print(rows, row_count, options.json);
	return 0;
}
