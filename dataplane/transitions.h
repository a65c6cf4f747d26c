/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a window changes, by a command or by the clock, its subscribers are to hear of it at once
 * and not at their next tick. A change is another state, or another time of its close. control.c
 * calls this after each command that changed something, and when the timer fires. Control thread.
 */
#ifndef TALLYWIRE_TRANSITIONS_H
#define TALLYWIRE_TRANSITIONS_H

#include "dataplane/control_client.h"

/*
 * Settles the windows that have become final, so that results need not wait for workers any more;
 * then notes in each client (NULL: none in that slot) which is subscribed to a window that changed
 * since the last call that client_work() has something to send. Returns how many changed.
 */
uint32_t transitions_look(struct windows *windows, uint64_t now_us, struct client *const *clients,
			  uint32_t slots);

/*
 * Sets the timer (CLOCK_MONOTONIC) to the next change by the clock; without one it stops. While one
 * is to come it fires at least once a second, so it follows wherever the appliance's clock goes.
 */
void transitions_arm(int timer_fd, const struct windows *windows, uint64_t now_us);

#endif
