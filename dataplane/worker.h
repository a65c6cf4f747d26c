/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one pinned core, one queue, one loop. It receives a burst, takes it through the
 * pipeline and sends the replies in the packets' own buffers. Replies that tell of an answer wait,
 * in those buffers, until the journal has it (worker_waiting.h). Viewers are told of windows
 * between bursts (worker_push.h).
 *
 * On its way it allocates nothing, takes no lock, makes no system call of its own, logs nothing. It
 * reads the published tables of windows and keys and lets go of them after every burst (RCU).
 *
 * A worker on a core that is not isolated rests now and then, so that others who wait for the core
 * get it at once: kernel threads, which finish what the journal wrote, and where the machine has
 * too few cores the control thread and the journal's. A scheduler that shares the core out fairly
 * is not enough: Linux 6.18 let such threads wait for seconds.
 */
#ifndef TALLYWIRE_WORKER_H
#define TALLYWIRE_WORKER_H

#include <assert.h>
#include <rte_rcu_qsbr.h>
#include <stdalign.h>
#include <stddef.h>
#include "dataplane/core/pipeline.h"
#include "dataplane/core/push.h"
#include "dataplane/port.h"
#include "dataplane/worker_waiting.h"

/*
 * Two cache lines: what CPUs fetch at a time, since a line's neighbour often comes with it. What
 * two cores write lies this far apart at least.
 */
#define WORKER_ALIGN 128

#define WORKER_REST_US    20    /* as timers go: some 50 to 100 */
#define WORKER_WORK_US    50000 /* from one rest to the next */
#define WORKER_SHARE_US   500   /* the same, where control or another worker is on the core */
#define WORKER_IDLE_POLLS 64    /* there: so many in a row that bring nothing */

/* Written by its worker only, read by the control thread. */
struct worker_counters {
	uint64_t empty_polls;
	uint64_t receive_cycles; /* of polls that brought packets */
	uint64_t send_cycles;
	uint64_t replies_sent;
	uint64_t replies_unsent; /* the port would not take them: the viewer asks again */
	uint64_t waited;         /* replies that waited for the journal, until now */
	uint64_t rests;
	uint64_t push_cycles; /* of turns in which notices were due */
} __attribute__((aligned(64)));

/*
 * Every field is written by the worker alone, but for those that are set before it starts and
 * `stop`; so no line of it is written by two cores while votes come in (tests/unit/layout_test.c,
 * perf/sharing_bench.c). In memory of its lcore's NUMA node.
 */
struct worker {
	struct pipeline pipeline;
	struct pipeline_counters counters;
	struct worker_counters io;
	const struct ports *ports;
	const struct port_queue *queue;
	/* All stored by the control thread. */
	const struct window_table *const *published;
	const struct auth_keys *const *published_keys;
	const struct bulletin *const *published_bulletin; /* NULL: viewers are told nothing */
	struct rte_rcu_qsbr *rcu;
	unsigned int lcore;
	bool stop; /* set by the main thread */
	bool wait; /* replies wait for the journal; else they leave at once */
	bool shares_core;
	uint64_t work_cycles; /* from one rest to the next; 0: it never rests */
	struct waiting waiting;
	struct watch watch; /* the pipeline's, where viewers are told */
	struct push push;
	/* Scratch of the loop, the worker's own. */
	struct rte_mbuf *mbufs[BURST_MAX];
	struct burst burst;
	uint64_t rested_at; /* cycles */
	uint32_t idle_polls;
} __attribute__((aligned(WORKER_ALIGN)));

static_assert(alignof(struct worker) == WORKER_ALIGN && sizeof(struct worker) % WORKER_ALIGN == 0,
	      "two workers' lines are neighbours");
static_assert(offsetof(struct worker, counters) % 64 == 0 && offsetof(struct worker, io) % 64 == 0,
	      "counters begin on lines of their own");

/* Goes up with every turn of the loop. Any thread. */
static inline uint64_t worker_turns(const struct worker *worker)
{
	return tally_get(&worker->io.empty_polls) + tally_get(&worker->counters.bursts);
}

/* The loop; for rte_eal_remote_launch(). Returns 0 once `stop` is set. */
int worker_run(void *worker);

/* Sends what still waits and is durable by now; the loop has ended. Main thread. */
void worker_finish(struct worker *worker);

/* Tells the worker to end after its burst. Main thread. */
void worker_stop(struct worker *worker);

#endif
