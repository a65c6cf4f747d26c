/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The windows of all shows: armed, changed, read, taken out. Owned by one thread, the control
 * thread (or --replay); workers see only the published table and never wait.
 *
 * A change builds a new table, publishes it with one pointer store, waits until every worker has
 * let go of the old one, and frees that. What a window keeps (its store) stays where it is for the
 * life of the window.
 */
#ifndef TALLYWIRE_WINDOWS_H
#define TALLYWIRE_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/window.h"
#include "dataplane/show/rundown.h"
#include "wire/journal_format.h"
#include "wire/watch_packet.h"

/* A reaction can be extended to this many times its seconds, and by this many seconds beyond. */
#define WINDOWS_EXTENSION_TIMES   2
#define WINDOWS_EXTENSION_SECONDS 60

struct windows;
struct board;

struct windows_change;

/* Where something lies in the journal: in this block of this segment, or behind it. */
struct windows_place {
	uint64_t segment;
	uint64_t sequence;
};

/* What is about to take effect. */
struct windows_event {
	enum journal_event_kind kind;
	const struct windows_change *plan; /* ARMED */
	struct windows_place *place;       /* ARMED: filled in by who keeps it */
	/* Any other kind: this window becomes, or is, as `changed` says. */
	const struct armed_window *armed;
	const struct window *changed;
};

struct windows_options {
	uint64_t voters; /* voter numbers per window, from 0, unless the tenant has fewer */
	uint64_t upvotes_per_voter; /* on average, for which an upvote finds room */
	uint64_t upvotes;           /* but no more than this per window */
	uint64_t memory_bytes;      /* most that all windows may take */
	uint32_t workers;           /* lanes of every tally */
	bool prefault; /* take all memory when a window is armed, not at its first vote */
	bool fixed;    /* nobody will extend: no address space is kept for it */
	/*
	 * Makes a change durable before it takes effect. -errno with `err`: it is not made. NULL:
	 * changes are not kept.
	 */
	int (*keep)(void *context, const struct windows_event *event, struct err *err);
	void *keep_context;
	/* So many packets were lost until now, before they could be judged. NULL: nobody counts. */
	uint64_t (*missed)(void *context);
	/* Returns when no worker uses a table that was published before the call. */
	void (*quiesce)(void *context);
	void *quiesce_context; /* of both */
	bool seals;            /* final windows stay until they are sealed, or that has failed */
};

/* One window as its owner sees it. Valid until it is taken out. */
struct armed_window {
	struct interaction interaction;
	struct window window;
	struct store store;
	struct store_plan plan;
	void *memory;        /* the store's */
	size_t mapped_bytes; /* address space */
	size_t memory_bytes; /* what counts against the limit */
	uint32_t seconds;    /* of the store that have memory */
	uint64_t *votes;     /* for windows_sum(): as many as the store has counters */
	bool leaving;        /* while windows_replace() takes it out */
	bool planned;        /* while a show is loaded: its file has this one too */
	bool settled;        /* final, and no worker has a vote in hand that came before */
	bool immediate;      /* some of its receipts did not wait for the journal */
	/* Packets lost from its opening until it was final; before, how many were lost until then.
	 */
	uint64_t missed;
	uint64_t missed_before;
	uint64_t final_receipts[RECEIPT_STATUSES]; /* when it was settled */
	struct windows_place armed_at;             /* where its journal begins */
	bool final_kept;                           /* FINAL is in the journal, or on its way */
	bool maybe_sealed; /* was settled in an earlier life of the appliance */
	/* By who seals (dataplane/sealer.h); such a window goes out only when it is no longer due.
	 */
	enum { SEAL_DUE, SEAL_FAILED, SEAL_DONE } seal;
	bool being_sealed;  /* another thread reads its store */
	uint64_t seal_mark; /* in the journal, behind all of it; 0: not made yet */
	struct {
		bool known;
		enum window_state state;
		uint64_t closes_at_us;
	} told; /* as subscribers heard of it last; transitions.c's */
	struct {
		bool known;
		uint64_t changed;            /* a number that goes up with each change of any */
		struct notice_record record; /* as viewers were told last */
	} shown;                             /* viewers.c's */
	struct board *boards[3];             /* what is kept of leaderboards; boards.c's */
};

int windows_create(const struct windows_options *options, struct windows **windows,
		   struct err *err);
void windows_destroy(struct windows *windows);

/* Where workers find the table: an address that stays, loaded with acquire before each burst. */
const struct window_table *const *windows_published(const struct windows *windows);

/* Windows that go out and others that are armed, in one step. */
struct windows_change {
	struct armed_window *const *out;
	uint32_t out_count;
	struct interaction *interactions; /* no id twice; one that goes out may come back */
	uint32_t count;
	/*
	 * What time it is once all memory is taken, which may have lasted: they open then, for as
	 * long as planned, and that is their plan. NULL: they open at their own time.
	 */
	uint64_t (*opens_now)(void);
	/*
	 * Asked when all memory is taken, which may have lasted, and before anybody sees anything:
	 * other than 0, with `err` filled in, calls all of it off. NULL: nobody is asked.
	 */
	int (*last_check)(void *context, struct err *err);
	void *context;
};

/*
 * Does it, all or nothing; workers see the one table or the other. The contents of `interactions`
 * are taken over (they are left zeroed). The order in which windows were armed is kept. -EEXIST: an
 * id is in use. -ENOMEM: no memory, or over a limit of the appliance or the tenant.
 */
int windows_replace(struct windows *windows, const struct windows_change *wanted, struct err *err);

/* Whether windows_replace() would, as far as ids and limits go. Changes nothing. */
int windows_check(const struct windows *windows, const struct windows_change *wanted,
		  struct err *err);

/*
 * From now on changes are kept by `keep`: for an owner that has read the kept ones back first.
 */
void windows_keep(struct windows *windows,
		  int (*keep)(void *context, const struct windows_event *event, struct err *err),
		  void *context);

/* The same, but nothing goes out. */
int windows_arm(struct windows *windows, struct interaction *interactions, uint32_t count,
		struct err *err);

/* The window of an interaction, or NULL. */
struct armed_window *windows_find(const struct windows *windows, uint16_t tenant,
				  uint32_t interaction);
struct armed_window *windows_at(const struct windows *windows, uint32_t index);
uint32_t windows_count(const struct windows *windows);

/* What all windows take, and what is left of the limit. */
uint64_t windows_memory(const struct windows *windows);
uint64_t windows_memory_free(const struct windows *windows);

/* What a window of this interaction would take. */
uint64_t windows_memory_of(const struct windows *windows, const struct interaction *interaction);

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
/* Opens a scheduled window now, for as long as it was to be open. */
int windows_open_now(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		     struct err *err);

/*
 * False once votes may have been counted: from 300 ms before opens_at on, as program time may run
 * ahead, and as a change takes a moment to reach the workers. Until then a window may be changed in
 * any way.
 */
bool windows_untouched(const struct armed_window *armed, uint64_t now_us);

/*
 * Lets the clock (dataplane/clock.h) follow the system's UTC where that is a step away, unless a
 * window is open or draining, or opens within WINDOWS_CALM_US: then, and where memory is short, it
 * is left for the next call. Windows that are final stay final; scheduled ones open at the new UTC,
 * and are over at once where it lies beyond them. Returns by how much the clock moved, µs, or 0.
 * Cheap; to be called about once a second, and before windows are armed.
 */
#define WINDOWS_CALM_US 1000000
int64_t windows_follow_clock(struct windows *windows);

/*
 * Packets that are lost from here on count for windows that may have votes by then. To be called
 * about once a second.
 */
void windows_note_missed(struct windows *windows, uint64_t now_us);

/* Appends FINAL of a settled window once more where that has failed. 0 once it is kept. */
int windows_keep_final(struct windows *windows, struct armed_window *armed, struct err *err);

/*
 * Adds up a window's lanes into `sum`; the votes are kept in the window until the next call. From
 * the moment a window is final, its votes do not change any more; only refused latecomers are still
 * added.
 */
void windows_sum(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		 struct tally_sum *sum);

/*
 * For recovery: the window as it was once, with memory for the seconds it has then. Nothing is
 * kept.
 */
int windows_restore(struct windows *windows, struct armed_window *armed,
		    const struct window *changed, struct err *err);

/* What is final at `now_us` stays it, whatever the clock does. -ENOMEM: as long as it does not. */
int windows_end_for_good(struct windows *windows, uint64_t now_us);

/*
 * How many receipts an earlier life of the appliance gave: what recovery has counted when it calls
 * windows_recovered(). They are among the windows' own and the past ones.
 */
void windows_recovered(struct windows *windows);
uint64_t windows_earlier_receipts(const struct windows *windows);

/* The receipts of windows that were taken out, by status: they were given all the same. */
const uint64_t *windows_past_receipts(const struct windows *windows);

/* Settles all windows that are final at `now_us` with one wait for the workers, or none. */
void windows_settle(struct windows *windows, uint64_t now_us);

/* When the clock next changes the state of any window, after `now_us`; UINT64_MAX: never. */
uint64_t windows_next_change_us(const struct windows *windows, uint64_t now_us);

/* Goes up with every arming and every change that a producer makes. */
uint64_t windows_changes(const struct windows *windows);

#endif
