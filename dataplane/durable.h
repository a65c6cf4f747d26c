/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lets the appliance's state outlive it: at start the journal is read back, from then on
 * everything that matters goes into it. Votes come from the workers' rings; what happens to windows
 * is made durable here before it takes effect. Control thread.
 */
#ifndef TALLYWIRE_DURABLE_H
#define TALLYWIRE_DURABLE_H

#include <jansson.h>
#include "dataplane/journal.h"
#include "dataplane/recover.h"

struct durable;

/* What results say of votes that were acknowledged at once, or when they were on disk. */
#define DURABLE_IMMEDIATE "immediate"
#define DURABLE_YES       "durable"
#define DURABLE_FAILED    "failed" /* the journal is behind: not all of it is on disk */

struct durable_options {
	const char *directory; /* of the journal's segments; made where its parent is there */
	struct disk *disk; /* NULL: that directory; else one of the caller's, which outlives it */
	bool immediate;    /* receipts do not wait: said in the journal and on results */
	uint32_t workers;
	uint64_t segment_bytes;
	uint32_t wait_ms; /* for what happens to windows, at most; 0: DURABLE_WAIT_MS */
};

/* A producer is told no sooner than a disk that has hiccups, and before tallyctl gives up. */
#define DURABLE_WAIT_MS 2000

/*
 * Reads the journal into `windows`, which has none yet, and starts its writer; from then on changes
 * of windows are kept. What was read back is said on stderr. `windows` outlives it.
 */
int durable_open(const struct durable_options *options, const struct keyring *keyring,
		 struct windows *windows, struct durable **durable, struct err *err);

/* Writes what is left: no worker uses its ring any more. */
int durable_stop(struct durable *durable, struct err *err);
void durable_close(struct durable *durable);

struct journal *durable_journal(struct durable *durable);

/* A key that counts from now on, or no more. Waits until that is durable. */
int durable_note_key(struct durable *durable, uint16_t tenant, uint8_t epoch, bool added,
		     struct err *err);

/* Receipts do not wait for the journal. */
bool durable_is_immediate(const struct durable *durable);

/* One of the words above, as things stand; NULL where there is no journal. */
const char *durable_word(const struct durable *durable);

/*
 * A mark in the journal behind all that was put and appended so far. Workers have let go of what it
 * is to be behind.
 */
uint64_t durable_mark(struct durable *durable);

/* 0 once it is reached: `place` is the last durable block then. -EAGAIN before, or why the journal
 * has failed. Does not wait. */
int durable_reached(struct durable *durable, uint64_t mark, struct windows_place *place,
		    struct err *err);

/*
 * Below it no segment is written any more, and none is needed but for windows that began there. 0
 * where none may go: the journal has failed.
 */
uint64_t durable_floor(struct durable *durable);

/* The member "journal" of `stats`. NULL when out of memory. */
json_t *durable_stats(struct durable *durable);

#endif
