/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the kernel front and tallyd share through BPF maps.
 *
 * The maps are pinned, so they outlive tallyd; a changed layout needs a new FRONT_LAYOUT, and
 * tallyd then replaces the pinned front instead of joining it.
 *
 * tallyd has most of them mapped into its memory and writes each field with one store while packets
 * flow, so a field is read whole, old or new. What the front knows of sources is in
 * front_sources.h.
 */
#ifndef TALLYWIRE_WIRE_FRONT_MAPS_H
#define TALLYWIRE_WIRE_FRONT_MAPS_H

#include <stddef.h>
#include <stdint.h>
#include "verdict.h"

#define FRONT_LAYOUT      3
#define FRONT_MAX_QUEUES  64
#define FRONT_MAX_KEYS    4096
#define FRONT_TENANT_IDS  65536
#define FRONT_KEY_EPOCHS  256
#define FRONT_EPOCH_WORDS (FRONT_KEY_EPOCHS / 64)
/* Row 0 is nobody's; then the tenants of two full keyrings, so that one can replace the other. */
#define FRONT_TENANT_ROWS (2 * FRONT_MAX_KEYS + 1)

/* In front_config.owners: the queue is the tenant's whose number (big-endian) is beside this bit.
 */
#define FRONT_OWNED 0x10000u

/* In front_tenant.limit: the tenant has a budget. */
#define FRONT_LIMITED 0x80000000u

/* Map "front_config", array of one. Written by tallyd; layout and port before it attaches. */
struct front_config {
	uint32_t layout;                   /* FRONT_LAYOUT */
	uint16_t vote_port_be;             /* UDP destination port of votes */
	uint16_t reserved;                 /* 0 */
	uint32_t owners[FRONT_MAX_QUEUES]; /* by queue: 0, or FRONT_OWNED | tenant_be */
};

/* Map "front_rows", array of one: where a tenant's row in "front_tenants" is. Written by tallyd. */
struct front_rows {
	uint16_t row[FRONT_TENANT_IDS]; /* by tenant_be as it lies in memory; 0: no row */
};

/*
 * Map "front_tenants", array of FRONT_TENANT_ROWS. Only `spent_ns` is written by the front, on any
 * CPU, and it lies on a cache line of its own; the rest is tallyd's.
 *
 * A CPU takes its tokens in batches: `batch_ns` of the tenant's time for `batch_votes` votes. What
 * is not spent adds up to `allowance_ns`, no further. tallyd writes `limit` last and the front
 * reads it first: a batch taken under another limit is worth nothing.
 */
struct front_tenant {
	uint64_t epochs[FRONT_EPOCH_WORDS]; /* a bit for each key epoch whose votes may pass */
	uint64_t batch_ns;
	uint64_t allowance_ns; /* at least batch_ns, below FRONT_CLOCK_START_NS */
	uint32_t batch_votes;  /* 0: nothing passes */
	uint32_t limit;        /* FRONT_LIMITED or 0, and a number that each change raises */
	uint16_t tenant_be;    /* whose row it is, if front_rows says so too */
	uint16_t reserved[3];  /* 0 */
	uint64_t
		spent_ns; /* up to this time the budget is spent; FRONT_CLOCK_START_NS runs ahead */
	uint64_t more_reserved[7]; /* 0 */
};

/* `spent_ns` is the kernel's monotonic clock plus this, so that no allowance reaches below 0. */
#define FRONT_CLOCK_START_NS (1ull << 62)

/*
 * Map "front_shares", per-CPU array of FRONT_TENANT_ROWS: what one CPU holds of a tenant's budget
 * and what it dropped. Written by the front on its own CPU; set to 0 by tallyd when a row gets
 * another tenant.
 */
struct front_share {
	uint32_t votes;   /* that may still pass on this CPU ... */
	uint32_t limit;   /* ... as long as front_tenant.limit is this one */
	uint64_t policed; /* dropped: over the budget, or on another tenant's queue */
};

/*
 * Map "front_counters", per-CPU array of uint64_t, FRONT_COUNTER_ENTRIES entries. Written by the
 * front on its own CPU only, read by tallyd. The first VERDICT_COUNT entries are indexed by enum
 * verdict. From FRONT_COUNTERS on there is one by rule: together they are VERDICT_POLICED.
 */
enum front_counter {
	FRONT_STEERED = VERDICT_COUNT, /* handed to the AF_XDP socket of its queue */
	FRONT_MISSED, /* a good vote, but no socket was there to take it: dropped */
	FRONT_COUNTERS
};

/* Why a packet was policed, in the order of looking. X(symbol, name, what it means) */
#define FRONT_RULES(X)                                                                             \
	X(DENIED, denied, "its source is on the deny list")                                        \
	X(PANIC, panic, "panic is on, and nobody has voted from its source before")                \
	X(SOURCE, source, "its source is over its budget")                                         \
	X(QUEUE, queue, "it came in on a queue that another tenant owns")                          \
	X(TENANT, tenant, "its tenant is over its budget")

enum front_rule {
#define X(symbol, name, text) FRONT_RULE_##symbol,
	FRONT_RULES(X)
#undef X
		FRONT_RULE_COUNT
};

#define FRONT_COUNTER_ENTRIES (FRONT_COUNTERS + FRONT_RULE_COUNT)

/* Map "front_steered", per-CPU array of uint64_t, FRONT_MAX_QUEUES entries: steered, by queue. */

_Static_assert(sizeof(struct front_config) == 264, "front_config has another size");
_Static_assert(offsetof(struct front_config, layout) == 0, "front_config.layout moved");
_Static_assert(offsetof(struct front_config, vote_port_be) == 4, "front_config.vote_port_be moved");
_Static_assert(offsetof(struct front_config, reserved) == 6, "front_config.reserved moved");
_Static_assert(offsetof(struct front_config, owners) == 8, "front_config.owners moved");
_Static_assert(sizeof(struct front_rows) == 131072, "front_rows has another size");
_Static_assert(offsetof(struct front_rows, row) == 0, "front_rows.row moved");
_Static_assert(FRONT_TENANT_ROWS <= 65536, "front_rows.row cannot name every row");
_Static_assert(sizeof(struct front_tenant) == 128, "front_tenant has another size");
_Static_assert(offsetof(struct front_tenant, epochs) == 0, "front_tenant.epochs moved");
_Static_assert(offsetof(struct front_tenant, batch_ns) == 32, "front_tenant.batch_ns moved");
_Static_assert(offsetof(struct front_tenant, allowance_ns) == 40,
	       "front_tenant.allowance_ns moved");
_Static_assert(offsetof(struct front_tenant, batch_votes) == 48, "front_tenant.batch_votes moved");
_Static_assert(offsetof(struct front_tenant, limit) == 52, "front_tenant.limit moved");
_Static_assert(offsetof(struct front_tenant, tenant_be) == 56, "front_tenant.tenant_be moved");
_Static_assert(offsetof(struct front_tenant, reserved) == 58, "front_tenant.reserved moved");
_Static_assert(offsetof(struct front_tenant, spent_ns) == 64, "front_tenant.spent_ns moved");
_Static_assert(offsetof(struct front_tenant, more_reserved) == 72,
	       "front_tenant.more_reserved moved");
_Static_assert(sizeof(struct front_share) == 16, "front_share has another size");
_Static_assert(offsetof(struct front_share, votes) == 0, "front_share.votes moved");
_Static_assert(offsetof(struct front_share, limit) == 4, "front_share.limit moved");
_Static_assert(offsetof(struct front_share, policed) == 8, "front_share.policed moved");

#endif
