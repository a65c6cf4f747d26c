/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A window: the span of program time in which one interaction can be answered.
 *
 * A `struct window` never changes once a table is published; closing, extending or cancelling makes
 * a new table with a changed copy, over the same ballot and tally. State is a pure function of
 * the window and the time, so no command has to arrive at the right moment. The clock may be set
 * while no window is open; those that are final by then are marked, and stay it.
 */
#ifndef TALLYWIRE_CORE_WINDOW_H
#define TALLYWIRE_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/core/kind.h"
#include "dataplane/core/store.h"

#define WINDOW_SECOND_US 1000000u

/* X(symbol, name in files and on screens) */
#define WINDOW_STATES(X)                                                                           \
	X(SCHEDULED, scheduled)                                                                    \
	X(OPEN, open)                                                                              \
	X(DRAINING, draining) /* closed; the answers of slower viewers still come in */            \
	X(FINAL, final)                                                                            \
	X(REVEALED, revealed)                                                                      \
	X(CANCELLED, cancelled)

enum window_state {
#define X(symbol, name) WINDOW_##symbol,
	WINDOW_STATES(X)
#undef X
};

/* One cache line. Read by workers, written by the control thread before it is published. */
struct window {
	uint32_t interaction;
	uint16_t tenant;
	bool cancelled;
	bool revealed;
	struct question question; /* its kind is 0 in an empty slot of the table */
	uint8_t identity;         /* enum kind_identity */
	bool ended;           /* was final before the clock was set: no step back opens it again */
	uint64_t opens_at_us; /* program time, UTC */
	uint64_t closes_at_us;
	uint64_t max_delay_us;
	const struct store *store;
	/* The store's, on this line for the votes of most kinds. */
	struct ballot *ballots;
	const struct tally *tally;
} __attribute__((aligned(64)));

/* Open addressing over (tenant, interaction); at most half full. Read-only once built. */
struct window_table {
	uint32_t mask;
	uint32_t count;
	struct window slots[];
};

/* Bytes of memory, aligned to 64, that a table of `count` windows needs. */
size_t window_table_bytes(uint32_t count);

/* Builds the table in `memory`. No (tenant, interaction) may occur twice. */
struct window_table *window_table_build(void *memory, const struct window *windows, uint32_t count);

/* The window of this interaction, or NULL. */
const struct window *window_table_find(const struct window_table *table, uint16_t tenant,
				       uint32_t interaction);

/* When the last admissible answer can arrive: closes_at + max_delay, UTC µs. */
uint64_t window_final_at_us(const struct window *window);

enum window_state window_state(const struct window *window, uint64_t now_us);
const char *window_state_name(enum window_state state);

/*
 * The second of the window that a program time lies in: 0 unless the kind tells seconds apart. The
 * program time is not before opens_at.
 */
static inline uint64_t window_second(const struct window *window, uint64_t program_time_us)
{
	if (window->identity != ONE_PER_VOTER_SECOND)
		return 0;
	return (program_time_us - window->opens_at_us) / WINDOW_SECOND_US;
}

/* How many seconds the window has, the last one begun counts too: 1 unless the kind tells them
 * apart. */
uint64_t window_seconds(const struct window *window);

#endif
