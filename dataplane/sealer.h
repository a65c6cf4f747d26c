/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seals windows: once one is final and the journal has all of it, its result is written to a
 * directory and signed. The owner of the windows calls sealer_step() now and then; it never waits.
 * Sets are made and files written in a thread of its own, one window after another; such a window
 * is marked (being_sealed) and does not go out meanwhile.
 *
 * What fails is said on stderr, once as long as it is the same, and tried again later.
 */
#ifndef TALLYWIRE_SEALER_H
#define TALLYWIRE_SEALER_H

#include <jansson.h>
#include "dataplane/durable.h"
#include "dataplane/identity.h"
#include "dataplane/journal_prune.h"
#include "dataplane/sealed_dir.h"

#define SEALER_RETRY_FIRST_US 10000000ull
#define SEALER_RETRY_MOST_US  300000000ull
#define SEALER_PRUNE_US       3600000000ull
#define SEALER_BUSY_STEP_MS   20 /* how soon to call again while something is under way */

struct sealer;

struct sealer_options {
	const char *directory;
	const char *identity; /* path of the key */
	struct sealed_keep keep;
	const char *journal; /* its directory; NULL: nothing is removed there */
	struct journal_keep journal_keep;
};

/*
 * Reads or makes the key, and the directory of results. `windows` and `durable` outlive it. 0, or
 * -errno with `err`.
 */
int sealer_open(const struct sealer_options *options, struct windows *windows,
		struct durable *durable, struct sealer **sealer, struct err *err);

/* Waits until what is being written is done. NULL is nothing. */
void sealer_close(struct sealer *sealer);

/*
 * Looks after all windows at `now_us` (UTC); `monotonic_us` says when to try again. True while
 * something is under way: call again soon then, else about once a second.
 */
bool sealer_step(struct sealer *sealer, uint64_t now_us, uint64_t monotonic_us);

const struct identity *sealer_identity(const struct sealer *sealer);

/* The member "results" of `stats`. NULL when out of memory. */
json_t *sealer_stats(const struct sealer *sealer);

#endif
