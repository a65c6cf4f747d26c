// SPDX-License-Identifier: BSD-3-Clause
/*
 * What time does to windows by itself: the next edge, the end, and when the clock may be set.
 * Control thread.
 */
#include "dataplane/clock.h"
#include "dataplane/windows_registry.h"

void windows_settle(struct windows *windows, uint64_t now_us)
{
	bool waited = false;
	for (uint32_t i = 0; i < windows->count; i++) {
		struct armed_window *armed = windows->armed[i];
		if (armed->settled || window_state(&armed->window, now_us) < WINDOW_FINAL)
			continue;
		if (!waited)
			windows->options.quiesce(windows->options.quiesce_context);
		waited = true;
		windows_note_settled(windows, armed);
	}
}

/* The first edge of a window after `now_us`; UINT64_MAX where only a command changes it. */
static uint64_t next_edge_us(const struct window *window, uint64_t now_us)
{
	const uint64_t edges[] = {window->opens_at_us, window->closes_at_us,
				  window_final_at_us(window)};
	if (window->cancelled || window->revealed)
		return UINT64_MAX;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (edges[i] > now_us)
			return edges[i];
	return UINT64_MAX;
}

uint64_t windows_next_change_us(const struct windows *windows, uint64_t now_us)
{
	uint64_t next_us = UINT64_MAX;
	for (uint32_t i = 0; i < windows->count; i++) {
		uint64_t edge_us = next_edge_us(&windows->armed[i]->window, now_us);
		next_us = edge_us < next_us ? edge_us : next_us;
	}
	return next_us;
}

/* A step of the clock now would move its edges under its voters. */
static bool is_running(const struct window *window, uint64_t now_us)
{
	if (window->cancelled || window->ended)
		return false;
	return window->opens_at_us <= now_us + WINDOWS_CALM_US &&
	       now_us < window_final_at_us(window);
}

static bool any_is_running(const struct windows *windows, uint64_t now_us)
{
	for (uint32_t i = 0; i < windows->count; i++)
		if (is_running(&windows->armed[i]->window, now_us))
			return true;
	return false;
}

/* For workers too. Goes by the time: a revealed window's votes are judged by it as well. */
int windows_end_for_good(struct windows *windows, uint64_t now_us)
{
	for (uint32_t i = 0; i < windows->count; i++) {
		struct window *window = &windows->armed[i]->window;
		window->ended = window->ended || now_us >= window_final_at_us(window);
	}
	return windows_publish(windows);
}

int64_t windows_follow_clock(struct windows *windows)
{
	if (!clock_is_off())
		return 0;
	uint64_t now_us = clock_now_us();
	if (any_is_running(windows, now_us))
		return 0;
	/* A burst that arrived before the last window was final is judged by that window still. */
	windows->options.quiesce(windows->options.quiesce_context);
	return windows_end_for_good(windows, now_us) ? 0 : clock_follow();
}
