/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What viewers are told of windows (docs/watch.md). From windows that changed this makes the
 * bulletin (dataplane/core/bulletin.h) that workers answer from and push: what is current for each
 * tenant, the rounds that are not all round yet, and the secrets of cookies, which are drawn anew
 * once a minute. It sends nothing.
 *
 * A bulletin is published with one pointer; the old one is wiped and freed when every worker has
 * let go of it. Owned by the control thread.
 */
#ifndef TALLYWIRE_VIEWERS_H
#define TALLYWIRE_VIEWERS_H

#include "dataplane/core/bulletin.h"
#include "dataplane/windows.h"

/* So many rounds are kept; where workers fall behind further, the oldest ones are not pushed. */
#define VIEWERS_MAX_ROUNDS 1024
/* A round goes out so much later than it is made. By then every worker answers from its board: no
 * answer with what was before is dated later than the round. */
#define VIEWERS_SETTLE_US 1000

struct viewers;

struct viewers_options {
	struct windows *windows;
	/* Every worker has pushed all rounds below this number. */
	uint64_t (*rounds_done)(void *context);
	/* Returns when no worker uses what was published before the call. */
	void (*quiesce)(void *context);
	void *context; /* of both */
};

/* Publishes a bulletin that has secrets, and of each tenant nothing. */
int viewers_create(const struct viewers_options *options, uint64_t monotonic_us,
		   struct viewers **viewers, struct err *err);
/* Workers have ended. */
void viewers_destroy(struct viewers *viewers);

/* Where workers find the bulletin: an address that stays, loaded with acquire. */
const struct bulletin *const *viewers_published(const struct viewers *viewers);

/*
 * Publishes what changed since the last call that succeeded: to be called after each change of a
 * window by a command or by the clock. `utc_us` decides states, `monotonic_us` when rounds begin.
 * How many windows changed, or -ENOMEM: then they are told of by the next call.
 */
int viewers_look(struct viewers *viewers, uint64_t utc_us, uint64_t monotonic_us);

/*
 * Draws a new secret if it is time, and tells what an earlier viewers_look() could not. To be
 * called about once a second.
 */
void viewers_tick(struct viewers *viewers, uint64_t utc_us, uint64_t monotonic_us);

/* Rounds begun until now, and those of them that were given up since workers were too far behind.
 */
uint64_t viewers_rounds(const struct viewers *viewers);
uint64_t viewers_rounds_lost(const struct viewers *viewers);

#endif
