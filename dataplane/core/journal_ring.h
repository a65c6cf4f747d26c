/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's way into the journal: a ring with one producer and one consumer, and the rounds by
 * which the worker learns what is durable. Wait-free: no lock, no system call, no loop.
 *
 * A worker's burst goes like this:
 *
 *	room = journal_room(ring)           before the first cast: at most so many votes are taken,
 *	                                    what is beyond is answered `busy` and not cast
 *	journal_put(ring, &vote)            for each that was counted or changed
 *	release_at = journal_report(ring)   when the burst is over, and when there was nothing to do
 *
 * and its receipts may leave once journal_durable(ring) >= release_at.
 *
 * Why a receipt never runs ahead of what it says. The writer (journal_rounds.c) raises the round to
 * R; when every worker has reported R or more, it takes all that is in the rings, and round R is
 * durable when that and all before it is synced. Say worker A's burst ended with A reading round r,
 * so that its receipts wait for round r + 1.
 *
 * - A's own votes: put, then published, before A reports r + 1, which it can do only in a later
 *   report. The writer sees that report, therefore the votes, before it gathers for r + 1.
 * - A vote V of worker B, because of which A answered `duplicate` (or took the standing from it).
 *   B puts V in the burst in which it casts it. B has not reported r + 1 before it cast V: had B
 *   read r + 1 before, then B's fence behind that reading, V's cast, A's look at V's cell and A's
 *   fence before its own reading order the two readings (a release fence and an acquire fence that
 *   meet in the cell, whatever order the cell's atomics have), and A would have read r + 1 as well.
 *   So B's report of r + 1 comes after V's cast, and since reports are made at the end of bursts,
 *   after V was put and published. The writer sees V before it gathers for r + 1.
 * - A worker that goes online says so, with a full fence, before its first cast; the writer has a
 *   full fence between raising the round and looking at the reports. If the writer finds B offline
 *   in round r + 1 then all that B casts later is cast after the round was raised, and who sees it
 *   reads at least r + 1. A worker that goes offline has published all before it says so.
 *
 * With r instead of r + 1 the second point fails: B may have reported r, then cast V.
 */
#ifndef TALLYWIRE_CORE_JOURNAL_RING_H
#define TALLYWIRE_CORE_JOURNAL_RING_H

#include <stddef.h>
#include <stdint.h>
#include "dataplane/core/record.h"

#define JOURNAL_RING_ALIGN 128 /* two cache lines: neighbours are fetched together */
#define JOURNAL_OFFLINE    UINT64_MAX

/* Written by the writer, read by all workers. On lines of its own. */
struct journal_rounds {
	uint64_t round;   /* that workers are to report */
	uint64_t durable; /* all rounds up to it */
} __attribute__((aligned(JOURNAL_RING_ALIGN)));

struct journal_ring {
	/* Set before the worker starts. */
	const struct journal_rounds *rounds;
	struct record_vote *entries;
	uint32_t mask; /* entries - 1, a power of two less one */
	uint32_t worker;

	/* Written by the worker; the writer reads head and seen. They count up for ever. */
	uint64_t head __attribute__((aligned(JOURNAL_RING_ALIGN))); /* published up to here */
	uint64_t seen; /* the round of the last report; JOURNAL_OFFLINE */
	uint64_t put;  /* the worker's alone: put up to here */

	/* Written by the writer, read by the worker. */
	uint64_t tail __attribute__((aligned(JOURNAL_RING_ALIGN))); /* taken up to here */
} __attribute__((aligned(JOURNAL_RING_ALIGN)));

/* How many votes can be put now. Worker. */
static inline uint32_t journal_room(const struct journal_ring *ring)
{
	/* Acquire: the writer has read the entries before it gives them back. */
	uint64_t end = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) + ring->mask + 1;
	return (uint32_t)(end - ring->put);
}

/* Takes a vote that journal_room() had room for; the writer sees it after the next report. */
static inline void journal_put(struct journal_ring *ring, const struct record_vote *vote)
{
	ring->entries[ring->put++ & ring->mask] = *vote;
}

/* The end of a burst. Returns the round whose durability releases its receipts. Worker. */
static inline uint64_t journal_report(struct journal_ring *ring)
{
	if (ring->head != ring->put)
		__atomic_store_n(&ring->head, ring->put, __ATOMIC_RELEASE);
	/* Behind every look at a ballot's cell in this burst; see the second point above. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	uint64_t round = __atomic_load_n(&ring->rounds->round, __ATOMIC_RELAXED);
	if (ring->seen != round)
		__atomic_store_n(&ring->seen, round, __ATOMIC_RELEASE);
	/* Before every cast of the next burst. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return round + 1;
}

/* The last durable round. Any thread. */
static inline uint64_t journal_durable(const struct journal_ring *ring)
{
	return __atomic_load_n(&ring->rounds->durable, __ATOMIC_ACQUIRE);
}

/* From here on rounds wait for this worker. Before its first burst; worker. */
static inline void journal_online(struct journal_ring *ring)
{
	uint64_t round = __atomic_load_n(&ring->rounds->round, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->seen, round, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Rounds no longer wait for this worker. After its last report; worker. */
static inline void journal_offline(struct journal_ring *ring)
{
	__atomic_store_n(&ring->seen, JOURNAL_OFFLINE, __ATOMIC_RELEASE);
}

#endif
