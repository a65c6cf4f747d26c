/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the journal's writer share: journal.c (its life, and the control thread's
 * side), journal_rounds.c (from rings and queue into blocks), journal_write.c (from blocks to
 * segments, and failures). Nobody else includes this.
 *
 * Unless it says otherwise a field is the writer's alone.
 */
#ifndef TALLYWIRE_JOURNAL_STATE_H
#define TALLYWIRE_JOURNAL_STATE_H

#include <pthread.h>
#include "dataplane/journal.h"

/*
 * Blocks in memory. Block number s lies in buffer s % JOURNAL_BLOCKS, so what is kept are always
 * the blocks behind the last durable one:
 *
 *	durable   <=   submitted   <=   ended   <=   durable + JOURNAL_BLOCKS
 *	  on disk       at the disk      full, not yet      (ended + 1: being filled)
 */
#define JOURNAL_BLOCKS 8
_Static_assert(JOURNAL_BLOCKS *JOURNAL_BLOCK_MAX_BYTES == JOURNAL_IN_FLIGHT_BYTES,
	       "journal.h says how much may be under way");

struct block {
	uint32_t bytes;
	uint32_t written; /* of them, after writes that were cut short */
	uint64_t segment;
	uint64_t offset;
	uint64_t events; /* all up to this ticket are complete with this block */
	uint32_t votes;
	bool synced; /* on disk; durable when all before it are */
};

enum segment_state { SEGMENT_NONE, SEGMENT_PREPARING, SEGMENT_READY, SEGMENT_REFUSED };

struct segment {
	enum segment_state state;
	uint64_t id;
	uint64_t first;    /* the sequence it begins with */
	uint64_t previous; /* the segment of the block before that */
	uint64_t used;     /* bytes given to blocks */
	uint32_t writing;  /* writes under way */
};

struct event {
	struct event *next;
	uint64_t ticket;
	enum journal_event_kind kind;
	uint32_t bytes;
	uint8_t body[];
};

/* A round is durable when this block is. */
struct round_end {
	uint64_t round;
	uint64_t sequence;
};

struct journal {
	struct journal_rounds rounds;
	struct journal_options options;
	struct disk *disk;
	struct journal_ring *rings;
	uint8_t *memory; /* of the blocks */

	/* journal_rounds.c */
	struct record_writer filling;
	bool gathering;         /* something is being taken over; it may need more than one block */
	uint32_t gather_at;     /* this worker's ring is next */
	uint64_t *targets;      /* by worker: take up to here */
	struct event *events;   /* taken from the queue, not yet written whole */
	uint32_t event_done;    /* bytes of the first */
	uint64_t events_filled; /* the last ticket that is written whole into a block */
	struct round_end ends[JOURNAL_BLOCKS + 2]; /* rounds that wait, oldest first */
	uint32_t end_count;

	/* journal_write.c */
	struct block blocks[JOURNAL_BLOCKS];
	uint64_t durable;
	uint64_t durable_segment; /* of that block */
	uint64_t submitted;
	uint64_t ended;
	struct segment previous; /* left, with writes under way */
	struct segment current;
	struct segment next;
	bool next_is_needed;   /* its preparation decides whether writing goes on */
	uint64_t last_segment; /* the highest id that was ever prepared */
	uint32_t under_way;    /* writes and preparations at the disk */

	pthread_t thread;
	bool started;  /* control thread */
	bool stopping; /* set by the control thread */
	bool resuming; /* only while failed: set by any thread, cleared by the writer; under the
			  lock */
	int failed;    /* -errno; set by the writer, read by any thread under the lock */

	/* Between the control thread and the writer; no worker ever takes it. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct event *queue; /* appended, not yet taken by the writer */
	struct event **queue_end;
	uint64_t last_ticket;
	uint64_t durable_ticket;
	struct err failure;
	struct journal_status status;
};

/* journal_rounds.c: fills blocks; true when something was taken. */
bool journal_gather(struct journal *journal);

/* journal_rounds.c: makes known what became durable with the blocks behind `from`. */
void journal_publish(struct journal *journal, uint64_t from);

/* journal_write.c: brings ended blocks to the disk; true when something was begun. */
bool journal_submit(struct journal *journal);

/* journal_write.c: takes note of what is done; true when something was. */
bool journal_complete(struct journal *journal, uint32_t wait_us);

/* journal_write.c: a fresh segment for what is not durable, if that was asked for and can be. */
bool journal_begin_again(struct journal *journal);

/* journal_write.c: begins to prepare another segment. */
void journal_prepare(struct journal *journal, bool needed);

/* journal_write.c: the prepared segment becomes the current one. */
void journal_advance_segment(struct journal *journal);

/* journal_write.c: gives the segments back at the end. */
void journal_finish(struct journal *journal);

static inline struct block *journal_block(struct journal *journal, uint64_t sequence)
{
	return &journal->blocks[sequence % JOURNAL_BLOCKS];
}

static inline uint8_t *journal_buffer(struct journal *journal, uint64_t sequence)
{
	return journal->memory + sequence % JOURNAL_BLOCKS * journal->options.block_bytes;
}

#endif
