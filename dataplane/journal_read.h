/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal's reader: all that is in it, in order, up to the first block that cannot be believed.
 * For recovery at start and for people who count again; never while the journal is written.
 *
 * What counts as the journal is a chain: every segment says which one holds the block before its
 * first, and the newest segment is where the chain ends. What lies in other segments, or behind the
 * place where the next one of the chain begins, was left by a writer that failed or died.
 * docs/journal.md tells every case.
 */
#ifndef TALLYWIRE_JOURNAL_READ_H
#define TALLYWIRE_JOURNAL_READ_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/record.h"
#include "dataplane/disk.h"

struct journal_place {
	uint64_t segment;
	uint64_t offset;
	uint64_t sequence;
};

/* What is done with what is read. 0, or anything else to end reading with it. */
struct journal_visitor {
	void *context;

	/* Votes of one worker and one window, in the order they were cast; `place`: their block. */
	int (*votes)(void *context, const struct journal_place *place, uint32_t worker,
		     const struct record_vote *votes, uint32_t count);

	/* An event, with its text until the call returns; `place`: the block it ends in. */
	int (*event)(void *context, const struct journal_place *place,
		     const struct record_event *event);
};

struct journal_report {
	uint64_t segments; /* files that are there */
	uint64_t blocks;   /* read, as are those below */
	uint64_t bytes;
	uint64_t votes;
	uint64_t events;

	/* For the writer that goes on. */
	struct record_tail next;

	/* Where reading ended, and why there: BLANK and ENDS are how a journal ends. */
	struct journal_place end;
	enum record_fault fault;

	/* What lies behind that place and looks like the journal's: what was under way when power
	 * went, or what a damaged block has cut off. */
	uint64_t valid_behind;

	/* A block behind it was written when the missing one was durable: acknowledged votes are
	 * lost. Else nothing behind it, nor itself, is known to have been acknowledged. */
	bool acknowledged_lost;
};

/*
 * Reads everything. 0 when it came to an end, whichever; `report` says which, and with
 * `acknowledged_lost` or a fault READ or CONTENT `err` has a line about it, else it is empty.
 * -ENOMEM, what listing the directory says, or what a visitor returned; but for -EBADMSG, which is
 * a fault CONTENT, whoever says it.
 */
int journal_read(struct disk *disk, const struct journal_visitor *visitor,
		 struct journal_report *report, struct err *err);

#endif
