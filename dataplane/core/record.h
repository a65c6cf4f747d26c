/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks and records of the journal, written and read: wire/journal_format.h in the host's own
 * integers. Pure: bytes in memory, no I/O. Reading believes nothing and ends on any bytes.
 *
 * Writing: record_begin, then votes and pieces of events while there is room, record_end, and
 * record_stamp once it is known where the block goes. Reading: record_check, record_open, and
 * record_next until it says RECORD_END.
 */
#ifndef TALLYWIRE_CORE_RECORD_H
#define TALLYWIRE_CORE_RECORD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include "wire/journal_format.h"

#define RECORD_MAX_WORKERS 256
#define RECORD_BATCH       256 /* votes that record_next hands out at most at a time */

/* An accepted vote: all that ballots, tallies and scores are rebuilt from. */
struct record_vote {
	uint64_t program_time_us;
	uint32_t voter;
	uint32_t interaction;
	uint16_t tenant;
	uint16_t choice;
	uint32_t revision : 24;
	uint32_t changed : 1; /* an earlier answer was replaced; else it is the first */
};

static_assert(sizeof(struct record_vote) == 24, "a ring's entries have grown");

/* What happened beside votes. Only what its kind's shape holds is written; the rest is 0. */
struct record_event {
	enum journal_event_kind kind;
	uint16_t tenant;
	uint8_t key_epoch;
	uint32_t interaction;
	uint64_t at_us;
	uint64_t opens_at_us;
	uint64_t closes_at_us;
	uint8_t flags;
	int64_t offset_us;
	uint64_t missed;
	uint64_t receipts[RECEIPT_STATUSES];
	const char *text; /* ARMED: JSON, not ended by a zero */
	uint32_t text_bytes;
};

/* A slot's window while a block is written or read. */
struct record_context {
	uint64_t base_time_us;
	uint32_t interaction;
	uint16_t tenant;
	bool set;
};

struct record_writer {
	uint8_t *block;
	uint32_t used;
	uint32_t capacity;
	uint32_t votes;
	uint32_t run_at; /* the votes record that grows; 0: none */
	uint32_t run_count;
	uint32_t run_worker;
	uint32_t run_slot;
	struct record_context contexts[JOURNAL_CONTEXTS];
};

/* `capacity`: a multiple of JOURNAL_PAGE_BYTES, at most JOURNAL_BLOCK_MAX_BYTES. */
void record_begin(struct record_writer *writer, void *block, uint32_t capacity);

/* Adds votes of one worker; returns how many there was room for. */
uint32_t record_put_votes(struct record_writer *writer, uint32_t worker,
			  const struct record_vote *votes, uint32_t count);

/*
 * Adds a piece of the event whose body is `body`, of which `done` bytes are written already.
 * Returns how many are written then; as many as before where the block has no room.
 */
uint32_t record_put_event(struct record_writer *writer, enum journal_event_kind kind,
			  const void *body, uint32_t bytes, uint32_t done);

/* True while nothing was added. */
bool record_is_empty(const struct record_writer *writer);

/* Ends the block and returns its bytes. It can be stamped then, more than once. */
uint32_t record_end(struct record_writer *writer);

/* A block's place in the journal; the fields are the header's. */
struct record_stamp {
	uint64_t segment;
	uint64_t first;
	uint64_t previous;
	uint64_t sequence;
	uint64_t durable;
};

/* Says in an ended block where it goes, and brings its checksum up to date. */
void record_stamp(void *block, const struct record_stamp *stamp);

/* Where a journal that was read goes on: what its next segment begins with. */
struct record_tail {
	uint64_t segment;  /* higher than all that are there */
	uint64_t sequence; /* of its first block */
	uint64_t previous; /* the segment of the block before; 0: there is none */
};

/* X(symbol, what is wrong with bytes that should be the next block) */
#define RECORD_FAULTS(X)                                                                           \
	X(NONE, "nothing")                                                                         \
	X(BLANK, "never written")                                                                  \
	X(ENDS, "the file ends there")                                                             \
	X(MAGIC, "no block begins there")                                                          \
	X(LENGTH, "its length cannot be")                                                          \
	X(CHECKSUM, "torn or damaged: the checksum differs")                                       \
	X(SEGMENT, "stale: it belongs to another segment")                                         \
	X(SEQUENCE, "stale: it is not the next in order")                                          \
	X(CONTENT, "its records make no sense")                                                    \
	X(READ, "it cannot be read")

enum record_fault {
#define X(symbol, text) RECORD_FAULT_##symbol,
	RECORD_FAULTS(X)
#undef X
};

const char *record_fault_text(enum record_fault fault);

/* A block whose checksum is right. */
struct record_block {
	const uint8_t *records;
	uint32_t records_bytes;
	uint32_t bytes;
	uint32_t votes;
	struct record_stamp stamp;
};

/*
 * Looks at what may be a block of `segment`, with `available` bytes up to the file's end. Its
 * sequence is the caller's to judge.
 */
enum record_fault record_check(const void *bytes, uint64_t available, uint64_t segment,
			       struct record_block *block);

enum record_type { RECORD_END, RECORD_VOTES, RECORD_PIECE, RECORD_BAD };

struct record_reader {
	const uint8_t *at;
	const uint8_t *end;
	uint32_t run_left; /* votes of the run that is being read */
	uint32_t run_slot;
	uint32_t votes_left; /* what the header promised and was not read yet */
	struct record_context contexts[JOURNAL_CONTEXTS];
	/* RECORD_VOTES */
	uint32_t worker;
	uint32_t count;
	struct record_vote votes[RECORD_BATCH];
	/* RECORD_PIECE, in the block's own bytes */
	enum journal_event_kind kind;
	bool first;
	bool last;
	const uint8_t *piece;
	uint32_t piece_bytes;
};

void record_open(struct record_reader *reader, const struct record_block *block);

/* The next votes or piece. RECORD_BAD, and nothing more, where the records make no sense. */
enum record_type record_next(struct record_reader *reader);

/* Bytes of an event's body. */
uint32_t record_event_bytes(const struct record_event *event);

/* Writes the body, record_event_bytes() long. */
void record_event_write(const struct record_event *event, void *body);

/* The event of a whole body, into which `text` points. 0; -EBADMSG where it is none. */
int record_event_read(enum journal_event_kind kind, const void *body, uint32_t bytes,
		      struct record_event *event);

const char *record_event_name(enum journal_event_kind kind);

#endif
