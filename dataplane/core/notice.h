/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a NOTICE says. Its records are the same for all viewers of a tenant, so they are made once,
 * as a `struct notice`; around them goes what is each viewer's own: head and tag.
 *
 * Pure; any thread, on memory of its own.
 */
#ifndef TALLYWIRE_CORE_NOTICE_H
#define TALLYWIRE_CORE_NOTICE_H

#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/window.h"
#include "wire/watch_packet.h"

/* Who leads a revealed window. */
struct notice_leader {
	uint16_t index; /* from 0; NOTICE_NO_LEADER: no votes */
	uint16_t share; /* in hundredths of a percent */
};

/* Some of a tenant's windows. Made by the control thread; read only once workers can see it. */
struct notice {
	uint32_t count; /* NOTICE_MAX_RECORDS at most */
	struct notice_record records[NOTICE_MAX_RECORDS];
	uint8_t padding[4]; /* whole words can be read to the end */
} __attribute__((aligned(8)));

/* The state of a window as viewers know it: draining and final are both closed. */
enum notice_state notice_state_of(enum window_state state);

/* A window in its state at `now_us` (UTC). `leader` is looked at where it is revealed only. */
void notice_record_make(struct notice_record *record, const struct window *window, uint64_t now_us,
			const struct notice_leader *leader);

/*
 * Of the window with `votes` for each option. `whole` is what a share is of; a share is rounded
 * down, and of two options with as many votes the first leads.
 */
struct notice_leader notice_leader_of(const uint64_t *votes, uint32_t options, uint64_t whole);

/* A window that may be told of, and when it last changed: a number that only goes up. */
struct notice_choice {
	struct notice_record record;
	uint64_t changed;
};

/*
 * Less than 0: `a` is told of before `b`. Open ones come first, the one that closes soonest ahead;
 * then scheduled ones, the one that opens soonest ahead; then the others, the one that changed last
 * ahead.
 */
int notice_order(const struct notice_choice *a, const struct notice_choice *b);

static inline uint32_t notice_bytes(const struct notice *notice)
{
	return NOTICE_HEAD_BYTES + notice->count * NOTICE_RECORD_BYTES + NOTICE_TAG_BYTES;
}

/* Bytes that the tag covers. */
static inline uint32_t notice_covered(const struct notice *notice)
{
	return notice_bytes(notice) - NOTICE_TAG_BYTES;
}

/* The head for a viewer, and the records; the tag is not. `clock_us` is UTC. */
void notice_fill(const struct notice *notice, const struct connection_id *cid, uint8_t key_epoch,
		 uint32_t voter_be, uint64_t clock_us, uint8_t *payload);

#endif
