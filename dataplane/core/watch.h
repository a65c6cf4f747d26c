/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer to an authentic WATCH, written over it: a CHALLENGE, or with a valid cookie a
 * subscription and a NOTICE of the tenant's current windows. Both are smaller than the WATCH.
 *
 * Called by the pipeline, for the worker that owns the table. Allocates nothing; time and memory
 * are handed in.
 */
#ifndef TALLYWIRE_CORE_WATCH_H
#define TALLYWIRE_CORE_WATCH_H

#include "dataplane/core/bulletin.h"
#include "dataplane/core/subscribers.h"
#include "dataplane/core/tally.h"

/* X(field, what it counts); each one's row in docs/control.md */
#define WATCH_COUNTERS(X)                                                                          \
	X(challenges, "WATCHes without a valid cookie, answered with a CHALLENGE")                 \
	X(subscribed, "viewers who were not subscribed and are now")                               \
	X(renewed, "WATCHes of those who were")                                                    \
	X(no_room, "WATCHes with a valid cookie for which the table had no room")                  \
	X(answered, "WATCHes with a valid cookie, answered with a NOTICE")                         \
	X(pushed, "NOTICEs of a change that were sent")                                            \
	X(dropped, "NOTICEs that were not: the viewer had its share, or the key is gone")

/* Written by its worker only, read by any thread. */
struct watch_counters {
#define X(field, text) uint64_t field;
	WATCH_COUNTERS(X)
#undef X
	uint64_t subscribers; /* now */
	uint64_t rounds_done; /* all rounds below this number */
} __attribute__((aligned(64)));

/* One worker's. */
struct watch {
	struct subscribers subscribers;
	struct watch_counters counters;
	/* Both set anew before each burst. */
	const struct bulletin *bulletin;
	uint64_t now_us; /* of a clock that does not go back */
};

/*
 * `data` is the frame, [data, end), where classify() found `frame`: a WATCH whose tag is right
 * under `voter_key`. `arrival_us` is UTC. Returns how many bytes from `data` on are the answer.
 */
uint32_t watch_answer(struct watch *watch, uint8_t *data, uint8_t *end, const struct frame *frame,
		      const uint8_t voter_key[AUTH_KEY_BYTES], uint64_t arrival_us);

#endif
