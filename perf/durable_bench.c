// SPDX-License-Identifier: BSD-3-Clause
/*
 * What keeping every accepted vote costs a worker: the pipeline with a journal's ring beside the
 * pipeline without, one poll of ten million voters, taking turns. The journal writes and syncs on
 * another core meanwhile. Called by `./run bench`; perf/README.md says what the rows mean.
 */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/disk_uring.h"
#include "dataplane/journal.h"
#include "perf/bench.h"
#include "perf/bench_worker.h"

#define VOTES   11111111u /* of 10,000,000 voters */
#define OPTIONS 4

struct box {
	char path[PATH_MAX];
	struct disk *disk;
	struct journal *journal;
};

static void must(int rc, const struct err *err)
{
	if (!rc)
		return;
	fprintf(stderr, "durable_bench: %s\n", err->text);
	exit(1);
}

static void answer(struct vote *vote, uint32_t at)
{
	uint64_t state = vote->voter;
	(void)at;
	vote->choice = (uint16_t)(bench_random(&state) % OPTIONS);
	vote->program_time_us = BENCH_OPENS_AT_US + bench_random(&state) % BENCH_DURATION_US;
}

static const struct bench_question poll = {
	{.kind = KIND_POLL, .options = OPTIONS}, ONE_PER_VOTER, 1, answer};

/* The worker has the first core to itself. */
static void leave_first_cpu(void)
{
	cpu_set_t cpus;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) || CPU_COUNT(&cpus) < 2)
		return;
	CPU_CLR(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void box_open(struct box *box)
{
	const char *directory = getenv("JOURNAL_BENCH_DIR");
	struct err err;
	snprintf(box->path, sizeof(box->path), "%s/tallywire-bench-XXXXXX",
		 directory ? directory : "/var/tmp");
	if (!mkdtemp(box->path)) {
		perror(box->path);
		exit(1);
	}
	must(disk_uring_open(box->path, &box->disk, &err), &err);
	const struct journal_options options = {
		.disk = box->disk,
		.next = {1, JOURNAL_FIRST_SEQUENCE, 0},
		.segment_bytes = JOURNAL_DEFAULT_SEGMENT_BYTES,
		.block_bytes = JOURNAL_BLOCK_MAX_BYTES,
		.workers = 1,
		.ring_entries = JOURNAL_DEFAULT_RING_ENTRIES,
		.poll_us = JOURNAL_DEFAULT_POLL_US,
	};
	must(journal_open(&options, &box->journal, &err), &err);
	must(journal_start(box->journal, &err), &err);
}

static void box_close(struct box *box)
{
	uint64_t *segments;
	uint32_t count;
	struct err err;
	must(journal_stop(box->journal, &err), &err);
	journal_close(box->journal);
	must(box->disk->ops->list(box->disk, &segments, &count, &err), &err);
	for (uint32_t i = 0; i < count; i++)
		box->disk->ops->remove(box->disk, segments[i]);
	free(segments);
	disk_uring_close(box->disk);
	rmdir(box->path);
}

static double run_durable(const struct bench_frames *frames, double ghz)
{
	double steps[PIPELINE_STEP_COUNT];
	struct box box;
	box_open(&box);
	double rate = bench_workers_run(&poll, frames, 1, journal_ring(box.journal, 0), ghz, steps);
	box_close(&box);
	return rate;
}

int main(int argc, char **argv)
{
	struct bench_series durable = {0}, ratio = {0};
	struct bench_options options;
	struct bench_frames frames;
	double steps[PIPELINE_STEP_COUNT];
	if (bench_options(argc, argv, 5, &options))
		return 2;
	leave_first_cpu();
	double ghz = bench_cycles_per_ns();
	uint32_t *voters = bench_voters_make(VOTES, 1);
	bench_frames_open(&frames, VOTES);
	bench_frames_make(&frames, &poll, voters);
	for (uint32_t run = 0; run < options.runs; run++) {
		double full = bench_workers_run(&poll, &frames, 1, NULL, ghz, steps);
		double rate = run_durable(&frames, ghz);
		bench_add(&durable, rate);
		bench_add(&ratio, rate / full);
	}
	const struct bench_row rows[] = {
		bench_row("worker.durable", "M votes/s", &durable,
			  "with what is counted put into the journal's ring"),
		bench_row("worker.durable.ratio", "of worker.full", &ratio, "run by run"),
	};
	bench_print(rows, 2, options.json);
	bench_frames_close(&frames);
	bench_voters_free(voters, VOTES);
	return 0;
}
