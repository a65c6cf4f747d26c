/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The windows of all shows: armed, changed, read. Owned by one thread, the control thread (or
 * --replay); workers see only the published table and never wait.
 *
 * A change builds a new table, publishes it with one pointer store, waits until every worker has
 * let go of the old one, and frees that. Ballots and tallies stay where they are for the life of a
 * window.
 */
#ifndef TALLYWIRE_WINDOWS_H
#define TALLYWIRE_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/window.h"
#include "dataplane/show/results.h"
#include "dataplane/show/rundown.h"

struct windows;

struct windows_options {
	uint64_t voters;       /* voter numbers per window, from 0 */
	uint64_t memory_bytes; /* most that all ballots and tallies may take */
	uint32_t workers;      /* lanes of every tally */
	bool prefault;         /* take all memory when a window is armed, not at its first vote */
	/* Returns when no worker uses a table that was published before the call. */
	void (*quiesce)(void *context);
	void *quiesce_context;
};

/* One window as its owner sees it. Valid until the next call that changes windows. */
struct armed_window {
	struct interaction interaction;
	struct window window;
	struct ballot ballot;
	struct tally tally;
	void *memory; /* ballot cells, then tally lanes */
	size_t memory_bytes;
	bool settled; /* final, and no worker has a vote in hand that came before */
};

int windows_create(const struct windows_options *options, struct windows **windows,
		   struct err *err);
void windows_destroy(struct windows *windows);

/* Where workers find the table: an address that stays, loaded with acquire before each burst. */
const struct window_table *const *windows_published(const struct windows *windows);

/*
 * Arms windows for `count` interactions, all or none, and takes their contents over (`interactions`
 * is left zeroed). No id may occur twice among them. -EEXIST: an id is in use. -ENOMEM: no memory,
 * or over the limit.
 */
int windows_arm(struct windows *windows, struct interaction *interactions, uint32_t count,
		struct err *err);

/* The window of an interaction, or NULL. */
struct armed_window *windows_find(struct windows *windows, uint16_t tenant, uint32_t interaction);
struct armed_window *windows_at(struct windows *windows, uint32_t index);
uint32_t windows_count(const struct windows *windows);

/*
 * What a producer does. -EPERM, with `err` filled in, where the window's state at `now_us` forbids
 * it; -ENOMEM. Nothing has changed then.
 */
int windows_close(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		  struct err *err);
int windows_extend(struct windows *windows, struct armed_window *armed, uint64_t by_us,
		   uint64_t now_us, struct err *err);
int windows_cancel(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		   struct err *err);
int windows_reveal(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		   struct err *err);

/*
 * Adds up a window's lanes; `sum->votes` is the caller's, RUNDOWN_MAX_OPTIONS long. From the moment
 * a window is final, its votes do not change any more; only refused latecomers are still added.
 */
void windows_sum(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		 struct tally_sum *sum);

#endif
