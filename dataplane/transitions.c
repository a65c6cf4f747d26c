// SPDX-License-Identifier: BSD-3-Clause
/* Finds what changed by comparing each window with what was last told of it. */
#include "dataplane/transitions.h"

#include <sys/timerfd.h>

#define LONGEST_WAIT_US 1000000u

/* Whether the window is other than was told; from now on it is told as it is. */
static bool take_change(struct armed_window *armed, uint64_t now_us)
{
	const struct window *window = &armed->window;
	enum window_state state = window_state(window, now_us);
	if (armed->told.known && armed->told.state == state &&
	    armed->told.closes_at_us == window->closes_at_us)
		return false;
	armed->told.known = true;
	armed->told.state = state;
	armed->told.closes_at_us = window->closes_at_us;
	return true;
}

uint32_t transitions_look(struct windows *windows, uint64_t now_us, struct client *const *clients,
			  uint32_t slots)
{
	uint32_t changed = 0;
	windows_settle(windows, now_us);
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		struct armed_window *armed = windows_at(windows, i);
		if (!take_change(armed, now_us))
			continue;
		changed++;
		for (uint32_t slot = 0; slot < slots; slot++)
			if (clients[slot])
				client_note_change(clients[slot], &armed->window);
	}
	if (changed)
		client_forget_live();
	return changed;
}

void transitions_arm(int timer_fd, const struct windows *windows, uint64_t now_us)
{
	struct itimerspec timer = {0};
	uint64_t next_us = windows_next_change_us(windows, now_us);
	if (next_us != UINT64_MAX) {
		uint64_t wait_us = next_us - now_us;
		if (wait_us > LONGEST_WAIT_US)
			wait_us = LONGEST_WAIT_US;
		timer.it_value.tv_sec = (time_t)(wait_us / 1000000u);
		timer.it_value.tv_nsec = (long)(wait_us % 1000000u * 1000u);
	}
	timerfd_settime(timer_fd, 0, &timer, NULL);
}
