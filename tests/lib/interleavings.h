/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All interleavings of the threads of tests/lib/scheduler.h, depth first. A state that is known is
 * not continued twice, and its interleavings are counted nevertheless. Included by one file per
 * program, behind Criterion.
 */
#ifndef TALLYWIRE_TESTS_LIB_INTERLEAVINGS_H
#define TALLYWIRE_TESTS_LIB_INTERLEAVINGS_H

#include <stdlib.h>

#include "tests/lib/scheduler.h"

#define INTERLEAVINGS_STEPS  400
#define INTERLEAVINGS_STATES (1u << 23)

/* What is gone through: the test's. */
static struct {
	const char *name; /* in messages */
	uint32_t threads;
	void (*reset)(void);           /* to the begin, all threads before their first atomic */
	void (*step)(uint32_t thread); /* one atomic further */
	uint64_t (*key)(void);         /* of the state: the same key, the same future; never 0 */
	void (*end)(void);             /* what must hold when all threads are done */
} interleavings;

struct state {
	uint64_t key;         /* 0: free */
	double interleavings; /* from here to the end */
};

struct frame {
	uint64_t key;
	uint32_t next;  /* the thread that goes on from here */
	uint32_t ready; /* threads that are not done: bits */
	double interleavings;
};

static struct state *states; /* open addressing */
static uint32_t state_count;
static struct frame path[INTERLEAVINGS_STEPS];

static struct state *state_find(uint64_t key)
{
	uint32_t at = (uint32_t)key & (INTERLEAVINGS_STATES - 1);
	while (states[at].key && states[at].key != key)
		at = (at + 1) & (INTERLEAVINGS_STATES - 1);
	return &states[at];
}

/* The first thread from `from` that is ready, or interleavings.threads. */
static uint32_t next_thread(uint32_t ready, uint32_t from)
{
	while (from < interleavings.threads && !(ready >> from & 1))
		from++;
	return from;
}

static uint32_t ready_threads(void)
{
	uint32_t ready = 0;
	for (uint32_t i = 0; i < interleavings.threads; i++)
		ready |= (uint32_t)!scheduler_threads[i].done << i;
	return ready;
}

/* Goes on until the end or a state that is known; how many interleavings lie behind it. */
static double descend(uint32_t *depth)
{
	for (;;) {
		uint64_t key = interleavings.key();
		const struct state *known = state_find(key);
		if (known->key)
			return known->interleavings;
		uint32_t ready = ready_threads(), next = next_thread(ready, 0);
		if (!ready) {
			interleavings.end();
			return 1;
		}
		cr_assert(*depth < INTERLEAVINGS_STEPS, "%s: goes on and on", interleavings.name);
		path[(*depth)++] = (struct frame){.key = key, .next = next, .ready = ready};
		interleavings.step(next);
	}
}

static void replay(uint32_t depth)
{
	interleavings.reset();
	for (uint32_t i = 0; i < depth; i++)
		interleavings.step(path[i].next);
}

/* Steps back to the last state with a thread that has not gone first yet; false: there is none. */
static bool ascend(uint32_t *depth, double behind, double *all)
{
	for (; *depth; (*depth)--) {
		struct frame *frame = &path[*depth - 1];
		frame->interleavings += behind;
		frame->next = next_thread(frame->ready, frame->next + 1);
		if (frame->next < interleavings.threads) {
			replay(*depth);
			return true;
		}
		cr_assert(++state_count < INTERLEAVINGS_STATES / 2, "%s: too many states",
			  interleavings.name);
		*state_find(frame->key) = (struct state){frame->key, frame->interleavings};
		behind = frame->interleavings;
	}
	*all = behind;
	return false;
}

/* Goes through all of them; `longest` is how many steps one has at most. */
static double interleavings_all(uint32_t *longest)
{
	uint32_t depth = 0;
	double all = 0, behind;
	*longest = 0;
	state_count = 0;
	states = calloc(INTERLEAVINGS_STATES, sizeof(*states));
	cr_assert_not_null(states);
	interleavings.reset();
	do {
		behind = descend(&depth);
		*longest = depth > *longest ? depth : *longest;
	} while (ascend(&depth, behind, &all));
	free(states);
	return all;
}

#endif
