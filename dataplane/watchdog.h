/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether tallyd is alive: the control thread goes round, and so has every worker since the last
 * look. Only then is the service manager told so; where a worker hangs it hears nothing, and starts
 * tallyd anew when its time is up. Pure: time and the workers' counters are handed in.
 */
#ifndef TALLYWIRE_WATCHDOG_H
#define TALLYWIRE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/config.h"

struct watchdog {
	uint64_t period_us; /* from look to look; 0: nobody waits for it */
	uint64_t due_us;    /* monotonic */
	uint64_t seen[CONFIG_MAX_QUEUES];
};

/* Four looks in the time that silence is taken for life; 0: none at all. */
void watchdog_start(struct watchdog *watchdog, uint64_t timeout_us);

static inline bool watchdog_is_due(const struct watchdog *watchdog, uint64_t now_us)
{
	return watchdog->period_us && now_us >= watchdog->due_us;
}

/*
 * The look, when it is due. `turns`: what each worker has counted its turns to. True: all have
 * moved on, and that can be told.
 */
bool watchdog_look(struct watchdog *watchdog, const uint64_t *turns, uint32_t workers,
		   uint64_t now_us);

/* `wait_ms`, or less where a look comes sooner. */
int watchdog_wait_ms(const struct watchdog *watchdog, int wait_ms);

#endif
