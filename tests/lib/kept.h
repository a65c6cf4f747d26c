/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows and pipelines over a journal (dataplane/durable.h), for tests in which one thread is
 * workers and control thread in turn: rounds of the journal wait for workers, so these are offline
 * while a command is waited for.
 */
#ifndef TALLYWIRE_TESTS_LIB_KEPT_H
#define TALLYWIRE_TESTS_LIB_KEPT_H

#include <sched.h>
#include "dataplane/clock.h"
#include "dataplane/durable.h"
#include "dataplane/core/pipeline.h"

struct kept {
	struct durable *durable; /* NULL: nothing is kept */
	struct pipeline *pipelines;
	uint32_t workers;
};

static inline uint64_t kept_read_clock(void *now_us)
{
	return *(const uint64_t *)now_us;
}

/* It says nothing of its quality. */
static inline int kept_no_adjtimex(void *context, struct timex *timex)
{
	(void)context, (void)timex;
	return -1;
}

/* The appliance's clock is the test's variable from now on. */
static inline void kept_use_clock(uint64_t *now_us)
{
	static struct clock_source source;
	source = (struct clock_source){
		.monotonic_us = kept_read_clock,
		.utc_us = kept_read_clock,
		.adjtimex = kept_no_adjtimex,
		.context = now_us,
	};
	clock_use(&source);
	clock_start();
}

/* Reads back and opens; the pipelines are offline. */
static inline int kept_start(struct kept *kept, const struct durable_options *options,
			     const struct keyring *keyring, struct windows *windows,
			     struct pipeline *pipelines, struct err *err)
{
	*kept = (struct kept){.pipelines = pipelines, .workers = options->workers};
	int rc = durable_open(options, keyring, windows, &kept->durable, err);
	for (uint32_t i = 0; rc == 0 && i < kept->workers; i++)
		pipelines[i].journal = journal_ring(durable_journal(kept->durable), i);
	return rc;
}

static inline void kept_online(struct kept *kept, bool online)
{
	for (uint32_t i = 0; kept->durable && i < kept->workers; i++)
		(online ? journal_online : journal_offline)(kept->pipelines[i].journal);
}

/* All that was put becomes durable. */
static inline int kept_stop(struct kept *kept, struct err *err)
{
	kept_online(kept, false);
	int rc = kept->durable ? durable_stop(kept->durable, err) : 0;
	durable_close(kept->durable);
	kept->durable = NULL;
	return rc;
}

/* Until there is room for bursts, however slow the disk is; the pipelines are online. */
static inline void kept_await_room(const struct kept *kept)
{
	for (uint32_t i = 0; kept->durable && i < kept->workers; i++)
		while (journal_room(kept->pipelines[i].journal) <
		       JOURNAL_DEFAULT_RING_ENTRIES / 2) {
			for (uint32_t each = 0; each < kept->workers; each++)
				journal_report(kept->pipelines[each].journal);
			sched_yield();
		}
}

#endif
