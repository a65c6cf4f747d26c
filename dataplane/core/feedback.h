/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker tells the front of the sources whose votes it judged: that a vote failed
 * authentication, which is charged to the source's budget, and that one counted, so that its source
 * is known to have voted. It writes into the front's own maps, which are mapped: no system call, no
 * lock, and no line is written for a source that is known already.
 *
 * Who may forge a source's address must not be able to shut it out: a failed vote costs a source
 * nothing extra that has voted before, as thousands of viewers may share its address. What is a
 * duplicate makes no source known: anybody can send a copy of a vote from anywhere.
 */
#ifndef TALLYWIRE_CORE_FEEDBACK_H
#define TALLYWIRE_CORE_FEEDBACK_H

#include "dataplane/core/burst.h"
#include "wire/front_sources.h"

/* The maps of the worker's front; `police` NULL: it has none. Shared with the front and others. */
struct front_feedback {
	const struct front_police *police;
	uint64_t *buckets; /* FRONT_BUCKETS */
	uint64_t *voted;   /* 2 * FRONT_VOTED_WORDS */
};

/* For a burst that is judged; its frames still have their own addresses. Any worker. */
void feedback_burst(const struct front_feedback *feedback, const struct burst *burst);

#endif
