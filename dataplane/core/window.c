// SPDX-License-Identifier: BSD-3-Clause
/* The window table and what the clock says of a window. Pure; tables are built by the control
 * thread. */
#include "dataplane/core/window.h"

#include <string.h>

#include "dataplane/core/slots.h"

static uint32_t window_slot(uint16_t tenant, uint32_t interaction)
{
	return slots_hash((uint64_t)tenant << 32 | interaction);
}

size_t window_table_bytes(uint32_t count)
{
	return sizeof(struct window_table) + slots_for(count) * sizeof(struct window);
}

struct window_table *window_table_build(void *memory, const struct window *windows, uint32_t count)
{
	struct window_table *table = memory;
	memset(memory, 0, window_table_bytes(count));
	table->mask = slots_for(count) - 1;
	table->count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = window_slot(windows[i].tenant, windows[i].interaction) & table->mask;
		while (table->slots[at].question.kind)
			at = (at + 1) & table->mask;
		table->slots[at] = windows[i];
	}
	return table;
}

const struct window *window_table_find(const struct window_table *table, uint16_t tenant,
				       uint32_t interaction)
{
	uint32_t at = window_slot(tenant, interaction) & table->mask;
	while (table->slots[at].question.kind) {
		const struct window *window = &table->slots[at];
		if (window->tenant == tenant && window->interaction == interaction)
			return window;
		at = (at + 1) & table->mask;
	}
	return NULL;
}

uint64_t window_final_at_us(const struct window *window)
{
	return window->closes_at_us + window->max_delay_us;
}

enum window_state window_state(const struct window *window, uint64_t now_us)
{
	if (window->cancelled)
		return WINDOW_CANCELLED;
	if (window->revealed)
		return WINDOW_REVEALED;
	if (window->ended)
		return WINDOW_FINAL;
	if (now_us < window->opens_at_us)
		return WINDOW_SCHEDULED;
	if (now_us < window->closes_at_us)
		return WINDOW_OPEN;
	return now_us < window_final_at_us(window) ? WINDOW_DRAINING : WINDOW_FINAL;
}

const char *window_state_name(enum window_state state)
{
	static const char *const names[] = {
#define X(symbol, name) [WINDOW_##symbol] = #name,
		WINDOW_STATES(X)
#undef X
	};
	return names[state];
}

uint64_t window_seconds(const struct window *window)
{
	if (window->identity != ONE_PER_VOTER_SECOND)
		return 1;
	uint64_t seconds = (window->closes_at_us - window->opens_at_us + WINDOW_SECOND_US - 1) /
			   WINDOW_SECOND_US;
	/* Closed as it opened: what came ahead of its time is in the first. */
	return seconds ? seconds : 1;
}
