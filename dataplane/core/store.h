/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that one window keeps: who has answered, what, and how often each answer was given. It lies
 * in one piece of address space, handed in, of which only parts need memory: those of the seconds
 * that a reaction can have, if it is extended, come last and are touched when that is known.
 *
 *   memory:  ballots[] │ voters seen │ pairs │ ballot of second 0 │ 1 │ … │ tally lanes
 *
 * store_init() once, by the thread that owns windows; casters then write through
 * dataplane/core/cast.c.
 */
#ifndef TALLYWIRE_CORE_STORE_H
#define TALLYWIRE_CORE_STORE_H

#include "dataplane/core/ballot.h"
#include "dataplane/core/kind.h"
#include "dataplane/core/tally.h"
#include "dataplane/core/upvotes.h"
#include "dataplane/core/voter_set.h"

#define STORE_ALIGNMENT 4096

/* What decides how large a store is. */
struct store_plan {
	struct question question;
	enum kind_identity identity;
	enum ballot_form form;
	uint32_t seconds; /* a reaction's most, with every extension there is room for; else 1 */
	uint64_t voters;  /* voter numbers from 0 */
	uint64_t pairs;   /* of an upvote: so many answers find room for certain; else 0 */
	uint32_t lanes;   /* one per worker */
};

/* Read-only once made, but for what its members write themselves. */
struct store {
	struct ballot *ballots; /* one per second; NULL in an upvote, which has pairs instead */
	uint32_t seconds;       /* how many */
	uint64_t voters;
	struct upvotes upvotes;
	struct voter_set seen; /* where a voter has several answers; else without words */
	struct tally tally;    /* votes by index; of a reaction by second × options + index */
};

/* Address space, a multiple of STORE_ALIGNMENT. */
size_t store_bytes(const struct store_plan *plan);

/* `memory`: store_bytes() of zeroes, STORE_ALIGNMENT aligned, that outlives the store. */
void store_init(struct store *store, void *memory, const struct store_plan *plan);

/*
 * The parts of the memory that are used when a window has `to` seconds and were not with `from`: 0
 * for a new window. Calls `use` for each, as offset and bytes; ends at the first that returns
 * another value than 0, and returns it. Windows without seconds have 1.
 */
int store_parts(const struct store_plan *plan, uint32_t from, uint32_t to,
		int (*use)(void *context, size_t at, size_t bytes), void *context);

/* What they take, in whole pages, with the little that is written for seconds to come. */
size_t store_memory(const struct store_plan *plan, uint32_t from, uint32_t to);

/* How many times a cast found a ballot's pool dry. */
uint64_t store_pool_dry(const struct store *store);

/* How many counters of a lane are in use with so many seconds. */
uint32_t store_counters(const struct store_plan *plan, uint32_t seconds);

#endif
