/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random votes without end for the windows of a model: round every edge of time, choice, revision,
 * room and second, resent, answered anew, forged and misdirected. The same seed and the same
 * windows and commands make the same votes. One thread.
 */
#ifndef TALLYWIRE_TESTS_LIB_SHOW_VOTES_H
#define TALLYWIRE_TESTS_LIB_SHOW_VOTES_H

#include "dataplane/core/vote.h"
#include "tests/lib/model.h"

enum { SHOW_VOTES_PAST = 512 };

struct show_vote {
	uint32_t window;
	struct vote vote;
	uint8_t bytes[40];
};

struct show_votes {
	const struct model *model;
	uint64_t state;
	/* To be set after show_votes_open() where 0, which means none, is not what is wanted. */
	uint64_t now_us; /* a clock: votes arrive then, and their program times lie round it */
	uint64_t voters; /* most voters of a window are below, whatever room it has */
	/* What was made lately, to be sent again or answered anew. */
	uint32_t past_count;
	struct show_vote past[SHOW_VOTES_PAST];
};

/* TALLYWIRE_TEST_SEED, or a new one each time. */
uint64_t show_votes_seed(void);

/* For windows of a model, each of a tenant that has a key. The model stays the caller's. */
void show_votes_open(struct show_votes *votes, const struct model *model, uint64_t seed);

void show_votes_next(struct show_votes *votes, uint8_t bytes[40], uint64_t *arrival_us);

/*
 * What may happen to a window while it runs: does one such thing to a window of the model and says
 * to which, so that the other side can be told its `cancelled`, `closes_at_us`, `max_delay_us`.
 */
uint32_t show_votes_command(struct show_votes *votes, struct model *model);

/* A random number below the limit. */
uint64_t show_votes_below(struct show_votes *votes, uint64_t limit);

#endif
