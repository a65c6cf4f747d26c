/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal on disk: segments, blocks in them, records in those. Only the shapes: big-endian,
 * packed, no padding. docs/journal.md explains every field, and what a crash can leave behind.
 *
 * A segment is a file of a fixed size, written once from its beginning. A block is what one write
 * puts there: a header, records, zeros up to the next 4 KiB.
 */
#ifndef TALLYWIRE_WIRE_JOURNAL_FORMAT_H
#define TALLYWIRE_WIRE_JOURNAL_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include "wire/verdict.h"

#define JOURNAL_MAGIC           0x544C4A01u /* "TLJ" 1 */
#define JOURNAL_PAGE_BYTES      4096u       /* blocks begin and end on multiples of it */
#define JOURNAL_BLOCK_MAX_BYTES (256u << 10)
#define JOURNAL_EVENT_MAX_BYTES (16u << 20)
#define JOURNAL_FIRST_SEQUENCE  1                 /* of the first block that a journal ever has */
#define JOURNAL_NAME_FORMAT     "%016llx.journal" /* a segment's file, by its id */
#define JOURNAL_NAME_BYTES      25                /* with the end of the string */

struct journal_block_header {
	uint32_t magic_be;
	uint32_t bytes_be;    /* the whole block, a multiple of JOURNAL_PAGE_BYTES */
	uint64_t checksum_be; /* XXH3-64 of all that follows it in the block, the zeros included */
	uint64_t segment_be;  /* the id that the file's name says, too */
	uint64_t first_be;    /* the sequence that the segment begins with */
	uint64_t previous_be; /* the segment of the block before that; 0: there is none */
	uint64_t sequence_be; /* one more than the block before, also across segments */
	uint64_t durable_be;  /* up to this sequence all was durable when the block was written */
	uint32_t used_be;     /* of `bytes`: header and records */
	uint32_t votes_be;    /* how many there are in it */
} __attribute__((packed));

/* The first byte of a record. */
enum journal_record {
	JOURNAL_CONTEXT = 1,
	JOURNAL_VOTES = 2,
	JOURNAL_EVENT = 3,
};

#define JOURNAL_CONTEXTS 64 /* slots in a block */

/* From here to the next record for this slot, or the block's end, the slot means this window. */
struct journal_context_record {
	uint8_t type; /* JOURNAL_CONTEXT */
	uint8_t slot; /* below JOURNAL_CONTEXTS */
	uint16_t tenant_be;
	uint32_t interaction_be;
	uint64_t base_time_us_be; /* program time that votes are written relative to */
} __attribute__((packed));

/*
 * Votes of one worker for one window, in the order in which they were cast. Each is
 *   voter, 4 bytes
 *   varint: choice << 1 | more
 *   varint: program time - base time, zigzag
 *   varint: revision << 1 | changed; only with `more`, else revision 0 and counted
 * A varint has seven bits a byte, low ones first; the top bit says that another byte follows.
 */
struct journal_votes_record {
	uint8_t type; /* JOURNAL_VOTES */
	uint8_t slot;
	uint8_t worker;
	uint16_t count_be; /* at least 1 */
} __attribute__((packed));

#define JOURNAL_VOTE_MAX_BYTES (4 + 3 + 10 + 4)

/* A piece of an event; long ones go on in the next block. The pieces of two events never mix. */
struct journal_event_record {
	uint8_t type; /* JOURNAL_EVENT */
	uint8_t kind; /* enum journal_event_kind, the same in all pieces */
	uint8_t flags;
	uint32_t bytes_be; /* of the piece that follows */
} __attribute__((packed));

#define JOURNAL_EVENT_FIRST 1
#define JOURNAL_EVENT_LAST  2

/* X(symbol, name, shape of its body, what happened) */
#define JOURNAL_EVENTS(X)                                                                          \
	X(STARTED, started, mark, "tallyd began to write")                                         \
	X(IMMEDIATE, immediate, mark,                                                              \
	  "until it starts again, receipts do not wait for the journal")                           \
	X(STOPPED, stopped, mark, "tallyd ended as it was told")                                   \
	X(CLOCK, clock, clock, "the clock adopted another offset")                                 \
	X(ARMED, armed, plan, "windows were armed and others taken out; JSON text says which")     \
	X(OPENED, opened, window, "a window opens earlier")                                        \
	X(CLOSED, closed, window, "a window closes earlier")                                       \
	X(EXTENDED, extended, window, "a window closes later")                                     \
	X(CANCELLED, cancelled, window, "a question was withdrawn")                                \
	X(REVEALED, revealed, window, "a result may be shown")                                     \
	X(UNDONE, undone, mark, "the event before could not be kept: it did not take effect")      \
	X(KEY_ADDED, key_added, key, "a tenant's key epoch counts from now on")                    \
	X(KEY_RETIRED, key_retired, key, "a tenant's key epoch counts no more")                    \
	X(FINAL, final, final, "a window's last counts")

enum journal_event_kind {
	JOURNAL_EVENT_NONE = 0,
#define X(symbol, name, shape, text) JOURNAL_EVENT_##symbol,
	JOURNAL_EVENTS(X)
#undef X
		JOURNAL_EVENT_KINDS
};

/* The bodies, by shape. `at_us_be`: the appliance's clock, UTC. */
struct journal_mark_body {
	uint64_t at_us_be;
} __attribute__((packed));

struct journal_clock_body {
	uint64_t at_us_be;
	uint64_t offset_us_be; /* two's complement: added to what the clock said before */
} __attribute__((packed));

/*
 * JSON text follows, to the event's end: {"armed":[…],"out":[…]}. What is armed is as in a rundown,
 * with its `show` and `tenant_id`; what went out has `tenant` (a name), `tenant_id` and `id`. Out
 * first; all of it or, where the event is cut, nothing.
 */
struct journal_plan_body {
	uint64_t at_us_be;
} __attribute__((packed));

struct journal_window_body {
	uint64_t at_us_be;
	uint16_t tenant_be;
	uint32_t interaction_be;
	uint64_t opens_at_us_be; /* all of it as it is from now on */
	uint64_t closes_at_us_be;
	uint8_t flags;
} __attribute__((packed));

#define JOURNAL_WINDOW_CANCELLED 1
#define JOURNAL_WINDOW_REVEALED  2

/* Never a key, only which one. */
struct journal_key_body {
	uint64_t at_us_be;
	uint16_t tenant_be;
	uint8_t key_epoch;
} __attribute__((packed));

struct journal_final_body {
	uint64_t at_us_be;
	uint16_t tenant_be;
	uint32_t interaction_be;
	uint64_t receipts_be[RECEIPT_STATUSES];
	uint64_t missed_be; /* packets lost before they were judged, since the window was armed */
} __attribute__((packed));

#define JOURNAL_AT(type, field, at)                                                                \
	_Static_assert(offsetof(struct type, field) == (at), #type "." #field " moved")
#define JOURNAL_SIZE(type, bytes)                                                                  \
	_Static_assert(sizeof(struct type) == (bytes), #type " has another size")

JOURNAL_SIZE(journal_block_header, 64);
JOURNAL_AT(journal_block_header, magic_be, 0);
JOURNAL_AT(journal_block_header, bytes_be, 4);
JOURNAL_AT(journal_block_header, checksum_be, 8);
JOURNAL_AT(journal_block_header, segment_be, 16);
JOURNAL_AT(journal_block_header, first_be, 24);
JOURNAL_AT(journal_block_header, previous_be, 32);
JOURNAL_AT(journal_block_header, sequence_be, 40);
JOURNAL_AT(journal_block_header, durable_be, 48);
JOURNAL_AT(journal_block_header, used_be, 56);
JOURNAL_AT(journal_block_header, votes_be, 60);

JOURNAL_SIZE(journal_context_record, 16);
JOURNAL_AT(journal_context_record, type, 0);
JOURNAL_AT(journal_context_record, slot, 1);
JOURNAL_AT(journal_context_record, tenant_be, 2);
JOURNAL_AT(journal_context_record, interaction_be, 4);
JOURNAL_AT(journal_context_record, base_time_us_be, 8);

JOURNAL_SIZE(journal_votes_record, 5);
JOURNAL_AT(journal_votes_record, type, 0);
JOURNAL_AT(journal_votes_record, slot, 1);
JOURNAL_AT(journal_votes_record, worker, 2);
JOURNAL_AT(journal_votes_record, count_be, 3);

JOURNAL_SIZE(journal_event_record, 7);
JOURNAL_AT(journal_event_record, type, 0);
JOURNAL_AT(journal_event_record, kind, 1);
JOURNAL_AT(journal_event_record, flags, 2);
JOURNAL_AT(journal_event_record, bytes_be, 3);

JOURNAL_SIZE(journal_mark_body, 8);
JOURNAL_AT(journal_mark_body, at_us_be, 0);

JOURNAL_SIZE(journal_clock_body, 16);
JOURNAL_AT(journal_clock_body, at_us_be, 0);
JOURNAL_AT(journal_clock_body, offset_us_be, 8);

JOURNAL_SIZE(journal_plan_body, 8);
JOURNAL_AT(journal_plan_body, at_us_be, 0);

JOURNAL_SIZE(journal_window_body, 31);
JOURNAL_AT(journal_window_body, at_us_be, 0);
JOURNAL_AT(journal_window_body, tenant_be, 8);
JOURNAL_AT(journal_window_body, interaction_be, 10);
JOURNAL_AT(journal_window_body, opens_at_us_be, 14);
JOURNAL_AT(journal_window_body, closes_at_us_be, 22);
JOURNAL_AT(journal_window_body, flags, 30);

JOURNAL_SIZE(journal_key_body, 11);
JOURNAL_AT(journal_key_body, at_us_be, 0);
JOURNAL_AT(journal_key_body, tenant_be, 8);
JOURNAL_AT(journal_key_body, key_epoch, 10);

JOURNAL_SIZE(journal_final_body, 94);
JOURNAL_AT(journal_final_body, at_us_be, 0);
JOURNAL_AT(journal_final_body, tenant_be, 8);
JOURNAL_AT(journal_final_body, interaction_be, 10);
JOURNAL_AT(journal_final_body, receipts_be, 14);
JOURNAL_AT(journal_final_body, missed_be, 86);

#endif
