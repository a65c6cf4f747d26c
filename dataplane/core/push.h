/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds pushed: each change of a window to every subscriber of its tenant, three times 50 ms
 * apart, a batch at a time. The caller has the buffers and sends; here it is decided what is due,
 * and the frames are written and tagged side by side.
 *
 *   round 7   first ▓▓▓▓▓▓▓▓ second ▓▓▓▓▓░░░ third ░░░░░░░░      each time from entry 0 to the end
 *   round 8   first ▓▓▓░░░░░ …
 *
 * First times go before second ones, whichever round they are of. One thread, the worker's that
 * owns the table; allocates nothing.
 */
#ifndef TALLYWIRE_CORE_PUSH_H
#define TALLYWIRE_CORE_PUSH_H

#include "dataplane/core/auth_batch.h"
#include "dataplane/core/watch.h"

#define PUSH_TIMES    3
#define PUSH_APART_US 50000
#define PUSH_BATCH    32
#define PUSH_LOOKS    256 /* at so many entries at most for one batch */
/* What a buffer must have room for. */
#define PUSH_FRAME_BYTES (SUBSCRIBER_HEAD_BYTES + NOTICE_MAX_BYTES)

/* How far each of the three times has come. All zero at first. */
struct push {
	struct {
		uint64_t round; /* its number */
		uint32_t at;    /* the entry that is next */
	} times[PUSH_TIMES];
};

/* One batch: `frames` are the caller's. */
struct push_batch {
	uint32_t room;                /* frames there are buffers for, PUSH_BATCH at most */
	uint8_t *frames[PUSH_BATCH];  /* PUSH_FRAME_BYTES each */
	uint64_t clock_us;            /* UTC */
	const struct auth_keys *keys; /* the table as it is now */
	/* Filled in. */
	uint32_t count;
	uint32_t bytes[PUSH_BATCH];
	uint32_t entry[PUSH_BATCH]; /* whose frame it is */
	uint32_t time;              /* which of the three */
	uint32_t next;              /* the entry that comes after the batch */
};

/* Whether anything is to be sent now. Cheap where nothing is. */
bool push_is_due(struct push *push, const struct watch *watch);

/*
 * Builds the next frames; push_is_due() has just been true. It may find none, where none of the
 * next entries is a subscriber of the round's tenant. Those whose key is gone or revoked lose their
 * entry.
 */
void push_build(struct push *push, struct watch *watch, struct push_batch *batch);

/* So many of the batch, from the first on, have been sent; the others come again. */
void push_done(struct push *push, struct watch *watch, const struct push_batch *batch,
	       uint32_t sent);

#endif
