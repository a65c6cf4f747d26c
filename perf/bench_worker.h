/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker between port and port, for benchmarks: the pipeline over bursts of 64 in memory, from
 * classify to the signed receipt. Called by worker_bench.c, kind_bench.c and durable_bench.c; opens
 * no port, sends nothing.
 *
 * Frames are copied into a ring of buffers before they are judged, as a NIC would put them there;
 * the copy is not timed. What cannot be had (memory, threads) ends the program with a line.
 */
#ifndef TALLYWIRE_PERF_BENCH_WORKER_H
#define TALLYWIRE_PERF_BENCH_WORKER_H

#include <stdint.h>

#include "dataplane/core/pipeline.h"
#include "dataplane/core/store.h"

#define BENCH_OPENS_AT_US   1795392000000000ull
#define BENCH_DURATION_US   20000000u
#define BENCH_REPEAT_ONE_IN 10 /* so many votes are a voter's second one */

/* One question, and what its voters answer. */
struct bench_question {
	struct question rules;
	enum kind_identity identity;
	uint32_t seconds; /* a reaction has several; else 1 */
	/*
	 * Fills in choice, program time and revision of the vote that arrives as the `at`-th; its
	 * voter is there. A voter's second vote must be a duplicate or a change, whichever of the
	 * two comes first.
	 */
	void (*answer)(struct vote *vote, uint32_t at);
};

/* All frames of a run. Read-only once made. */
struct bench_frames {
	uint8_t *slots;
	uint32_t bytes; /* of each frame */
	uint32_t count;
};

/*
 * Voters in `parts` equal stretches, each in random order: worker i of that many has its voters to
 * itself. With one part every worker meets every stretch of voters.
 */
uint32_t *bench_voters_make(uint32_t count, uint32_t parts);
void bench_voters_free(uint32_t *voters, uint32_t count);

void bench_frames_open(struct bench_frames *frames, uint32_t count);
/* Made over what they held before, a vote for each of `count` voters. */
void bench_frames_make(struct bench_frames *frames, const struct bench_question *question,
		       const uint32_t *voters);
void bench_frames_close(struct bench_frames *frames);

/* How many cycles a nanosecond has, measured against the clock. */
double bench_cycles_per_ns(void);

/*
 * All frames once, shared out among `workers` threads, each on a core of its own, over a window
 * made anew. Returns the M votes/s of the pipeline alone on each core, added up. `steps`, of
 * PIPELINE_STEP_COUNT, gets the cycles per vote of each step, of worker 0. With `journal`, a ring
 * that somebody empties, what is counted goes there; for one worker. It waits, untimed, where there
 * is no room.
 */
double bench_workers_run(const struct bench_question *question, const struct bench_frames *frames,
			 uint32_t workers, struct journal_ring *journal, double cycles_per_ns,
			 double *steps);

#endif
