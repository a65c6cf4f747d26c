/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers, a control thread, the journal and a simulated disk in one thread, and the books on what
 * was promised to whom. Every vote and every event has a number, from which all its fields follow;
 * what is read back is held against the books:
 *
 * - what was acknowledged is there, once;
 * - what is there was put, is as it was put, and is in its worker's order;
 * - what was there after a crash, and what was not, stays so, once the next writer has started
 *   (before that, a write of the one that was killed may still arrive).
 */
#ifndef TALLYWIRE_TESTS_JOURNAL_WORLD_H
#define TALLYWIRE_TESTS_JOURNAL_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/journal.h"
#include "dataplane/journal_read.h"
#include "tests/lib/disk_sim.h"

#define WORLD_WORKERS  3
#define WORLD_VOTES    4096
#define WORLD_EVENTS   256
#define WORLD_RECEIPTS 1024

enum world_fate {
	WORLD_PUT,
	WORLD_ACKNOWLEDGED,
	WORLD_FOUND, /* by the last reading, and not acknowledged before */
	WORLD_MISSING,
	WORLD_LOST, /* for good */
};

struct world_item {
	enum world_fate fate;
	uint8_t worker;
	uint64_t ticket; /* of an event */
	uint32_t times_read;
};

/* A receipt that waits: it says of this vote that it stands. */
struct world_receipt {
	uint32_t vote;
	uint64_t release_at;
};

struct world_worker {
	bool online;
	bool in_burst;
	uint32_t first; /* of the receipts of this burst */
	uint32_t receipt_count;
	struct world_receipt receipts[WORLD_RECEIPTS];
};

struct world {
	uint64_t random;
	struct disk_sim sim;
	struct journal *journal;
	struct world_worker workers[WORLD_WORKERS];
	uint32_t vote_count;
	uint32_t event_count;
	struct world_item votes[WORLD_VOTES];
	struct world_item events[WORLD_EVENTS];
	/* While reading. */
	uint32_t last_vote[WORLD_WORKERS];
	uint32_t last_event;
	uint64_t votes_read;
	struct journal_report report;
	char wrong[256]; /* the first thing that was not so; empty: none */
};

/* Disk and books, without a journal. */
void world_open(struct world *world, uint64_t seed);
void world_close(struct world *world);

/* A journal that goes on where reading has ended. */
void world_start(struct world *world, uint64_t segment_bytes, uint32_t block_bytes);

/* What the actors can do. Each does nothing where it cannot be done now. */
void world_put(struct world *world, uint32_t worker, uint32_t votes);
void world_see(struct world *world, uint32_t worker); /* a duplicate of a vote cast by anybody */
void world_report(struct world *world, uint32_t worker);
void world_turn(struct world *world, uint32_t worker); /* on- or offline */
void world_append(struct world *world);
void world_step(struct world *world, uint32_t wait_us);

/* One of these, by chance. */
void world_act(struct world *world);

/* All workers report and go offline, the journal writes what is there. False: it has failed. */
bool world_drain(struct world *world);

/* Power goes, the process is killed, or the journal is closed; then the directory is read and held
 * against the books. */
void world_crash(struct world *world);
void world_kill(struct world *world);
void world_end(struct world *world);
void world_read(struct world *world);

/* The vote and the event of these numbers; text of events is `memory`, WORLD_TEXT_BYTES. */
#define WORLD_TEXT_BYTES 32768
struct record_vote world_vote(uint32_t number);
struct record_event world_event(uint32_t number, char *memory);
bool world_is_event(const struct record_event *event, uint32_t number);
uint32_t world_event_number(const struct record_event *event);

#endif
