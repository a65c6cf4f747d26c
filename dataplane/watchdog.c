// SPDX-License-Identifier: BSD-3-Clause
/* Counters that move, and counters that do not. Called by the control loop; tells nobody itself. */
#include "dataplane/watchdog.h"

#define LOOKS_IN_TIMEOUT 4

void watchdog_start(struct watchdog *watchdog, uint64_t timeout_us)
{
	*watchdog = (struct watchdog){.period_us = timeout_us / LOOKS_IN_TIMEOUT};
	for (int i = 0; i < CONFIG_MAX_QUEUES; i++)
		watchdog->seen[i] = UINT64_MAX; /* that a worker has counted anything is enough */
}

bool watchdog_look(struct watchdog *watchdog, const uint64_t *turns, uint32_t workers,
		   uint64_t now_us)
{
	bool all_moved = true;
	watchdog->due_us = now_us + watchdog->period_us;
	for (uint32_t i = 0; i < workers; i++) {
		all_moved = all_moved && turns[i] != watchdog->seen[i];
		watchdog->seen[i] = turns[i];
	}
	return all_moved;
}

int watchdog_wait_ms(const struct watchdog *watchdog, int wait_ms)
{
	uint64_t period_ms = watchdog->period_us / 1000;
	if (watchdog->period_us == 0 || period_ms >= (uint64_t)wait_ms)
		return wait_ms;
	return period_ms ? (int)period_ms : 1;
}
