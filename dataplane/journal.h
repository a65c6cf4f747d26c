/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal's writer: takes accepted votes out of the workers' rings (journal_ring.h) and events
 * from the control thread, and says when they are durable. Votes and events are in blocks, blocks
 * in segments of a disk (disk.h); docs/journal.md has the format and what a crash leaves.
 *
 * All is written by one thread, which journal_start() makes, or by whoever calls journal_step()
 * (tests, benchmarks), never both. A commit is as large as what is there: a write begins when none
 * is under way, or when so much waits that it is worth a second one beside it. There is no timer.
 *
 * When it fails. A write, a sync or the preparation of a segment that is needed has failed: from
 * then on nothing becomes durable, journal_failed() says why, rings fill up and workers answer
 * `busy`. What the segment's later syncs say is not believed. Everything that was accepted and is
 * not durable stays in memory. journal_resume() opens a fresh segment, writes that once more, under
 * the same sequences, and goes on; readers leave out what the failed segment has of them.
 */
#ifndef TALLYWIRE_JOURNAL_H
#define TALLYWIRE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/disk.h"
#include "dataplane/core/journal_ring.h"

#define JOURNAL_DEFAULT_SEGMENT_BYTES (64u << 20)
#define JOURNAL_DEFAULT_RING_ENTRIES  65536
#define JOURNAL_DEFAULT_POLL_US       20
#define JOURNAL_IDLE_POLL_US          200 /* what it comes to when nothing happens for long */
#define JOURNAL_IN_FLIGHT_BYTES       (8u * JOURNAL_BLOCK_MAX_BYTES) /* at most, not durable */
#define JOURNAL_MAX_WORKERS           RECORD_MAX_WORKERS

struct journal;

struct journal_options {
	struct disk *disk; /* outlives the journal */
	struct record_tail
		next; /* journal_report.next; {1, JOURNAL_FIRST_SEQUENCE, 0} is a new one */
	uint64_t started_at_us; /* UTC */
	uint64_t segment_bytes; /* a multiple of JOURNAL_PAGE_BYTES, a block at least */
	uint32_t block_bytes;   /* the same, up to JOURNAL_BLOCK_MAX_BYTES */
	uint32_t workers;       /* 0 to JOURNAL_MAX_WORKERS */
	uint32_t ring_entries;  /* votes per worker, a power of two */
	uint32_t poll_us;       /* how long the thread sleeps at first where there is nothing to
				   do, up to JOURNAL_IDLE_POLL_US; 0: not */
};

/* What was written so far, and is durable. */
struct journal_status {
	uint64_t segment;  /* that is being written */
	uint64_t sequence; /* of the last durable block */
	uint64_t round;    /* the last durable one */
	uint64_t blocks;
	uint64_t bytes;
	uint64_t votes;
	uint64_t events;
	uint64_t failures; /* how often writing ended until it was resumed */
};

/*
 * Takes memory and the disk's buffers, brings to disk what was read back, prepares the first
 * segment and waits until its first block, with the event STARTED, is durable. Only then what was
 * read back stands for good: a write of a predecessor that was killed may have arrived meanwhile,
 * and that block says where the journal ended. 0, -EINVAL, -ENOMEM or what the disk says. All
 * workers are offline at first. Control thread, as are start, stop and close.
 */
int journal_open(const struct journal_options *options, struct journal **journal, struct err *err);

/* Starts the thread, on the CPUs that the caller may use. */
int journal_start(struct journal *journal, struct err *err);

/*
 * Ends the thread when all that was put and appended is durable. Workers are offline. Returns the
 * failure where there is one: what it kept from becoming durable is lost with journal_close().
 */
int journal_stop(struct journal *journal, struct err *err);

/* Cuts the last segment to what was written, and gives everything back. NULL is nothing. */
void journal_close(struct journal *journal);

/* The ring of one worker; lives as long as the journal. */
struct journal_ring *journal_ring(struct journal *journal, uint32_t worker);

/*
 * Puts an event into the queue and returns its ticket, without waiting: 0, -ENOMEM, -EMSGSIZE or
 * -EINVAL.
 * Events are written in the order of their tickets, behind what workers have reported by then: when
 * all that are online have reported once more. Any thread but a worker's.
 */
int journal_append(struct journal *journal, const struct record_event *event, uint64_t *ticket,
		   struct err *err);

/*
 * Waits until all events up to this ticket are durable: 0, or the failure, or -ETIMEDOUT after
 * most_ms (0: it waits as long as it takes). After a failure the event is neither written for
 * certain nor withdrawn: it is the first thing that journal_resume() brings to disk, so ask again
 * then; and what was not waited for comes to disk later. Any thread but a worker's and the
 * writer's.
 */
int journal_wait(struct journal *journal, uint64_t ticket, uint32_t most_ms, struct err *err);

/* The same without waiting: 0, -EAGAIN (err is not touched), or the failure. */
int journal_check(struct journal *journal, uint64_t ticket, struct err *err);

/* 0 while all is well, else the -errno and the reason of the failure. As journal_append. */
int journal_failed(struct journal *journal, struct err *err);

/* Lets a failed writer go on with a fresh segment; it does so when what was under way has come
 * back. Nothing where it has not failed. As journal_append. */
void journal_resume(struct journal *journal);

/* As journal_append. */
void journal_status(struct journal *journal, struct journal_status *status);

/*
 * One pass of the writer: what is done is taken note of, what waits is gathered, what is gathered
 * goes to disk. Where there was nothing to do, waits up to wait_us for the disk. Returns whether
 * there was.
 */
bool journal_step(struct journal *journal, uint32_t wait_us);

/* True when nothing is left to do: nothing in rings, queue or blocks. The writer's thread. */
bool journal_is_idle(const struct journal *journal);

#endif
