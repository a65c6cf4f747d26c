/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a vote, over a whole burst: classify → authenticate → find window → judge → cast →
 * journal → receipt.
 *
 * Workers call it with frames from a port, --replay with frames from a capture, tests and fuzzers
 * with frames of their own. Each step runs over all packets of the burst before the next begins. It
 * allocates nothing, takes no lock, makes no system call; memory and time are handed in.
 */
#ifndef TALLYWIRE_CORE_PIPELINE_H
#define TALLYWIRE_CORE_PIPELINE_H

#include "dataplane/core/burst.h"
#include "dataplane/core/feedback.h"
#include "dataplane/core/journal_ring.h"
#include "dataplane/core/watch.h"

/* X(symbol, name): the steps whose cycles are counted */
#define PIPELINE_STEPS(X)                                                                          \
	X(CLASSIFY, classify)                                                                      \
	X(AUTHENTICATE, authenticate)                                                              \
	X(FIND, find_window)                                                                       \
	X(JUDGE, judge)                                                                            \
	X(CAST, cast)                                                                              \
	X(JOURNAL, journal)                                                                        \
	X(RECEIPT, receipt)

enum pipeline_step {
#define X(symbol, name) STEP_##symbol,
	PIPELINE_STEPS(X)
#undef X
		PIPELINE_STEP_COUNT
};

/*
 * What one worker has seen. Written by that worker only, read by any thread. `received` goes up
 * before a packet is judged, so received - judged is what is in flight. Verdicts that belong to a
 * window are counted in the window's tally and not here.
 */
struct pipeline_counters {
	uint64_t received;
	uint64_t bursts;
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t step_cycles[PIPELINE_STEP_COUNT];
} __attribute__((aligned(64)));

/* What one worker needs. `keys` and `windows` are read; the counters are the worker's own. */
struct pipeline {
	/* Both set anew before each burst. */
	const struct auth_keys *keys;
	const struct window_table *windows;
	struct pipeline_counters *counters;
	uint32_t worker; /* its lane in every tally */
	uint16_t vote_port_be;
	struct journal_ring *journal;   /* the worker's; NULL: answers are not kept */
	struct front_feedback feedback; /* to the front of its queue, where it has one */
	bool full;                      /* no reply can wait: nothing is recorded in this burst */
	struct watch *watch;            /* the worker's; NULL: a WATCH is counted, not answered */
};

/*
 * Takes the burst through all steps. Without a journal, burst->release_at is 0: replies may leave
 * at once.
 */
void pipeline_run(const struct pipeline *pipeline, struct burst *burst);

/*
 * True for a reply that tells of an answer, which must be durable first: what was counted, changed,
 * a duplicate, or what stands for a voter whose vote was refused.
 */
bool pipeline_reply_waits(const struct burst *burst, uint32_t i);

const char *pipeline_step_name(enum pipeline_step step);

#endif
