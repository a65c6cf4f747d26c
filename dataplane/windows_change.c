// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a producer does to a window: each a changed copy of it, published as a whole, or a line that
 * says why not. Control thread.
 */
#include <errno.h>

#include "dataplane/show/time_text.h"
#include "dataplane/windows_registry.h"
#include "dataplane/windows_room.h"
#include "wire/vote_packet.h"

/* Refuses what the window's state does not allow; `allowed` is a set of 1 << state. */
static int check_state(const struct armed_window *armed, uint64_t now_us, unsigned int allowed,
		       const char *what, const char *when, struct err *err)
{
	enum window_state state = window_state(&armed->window, now_us);
	if (1u << state & allowed)
		return 0;
	return err_set(err, -EPERM, "%s/%u is %s: only %s window can be %s",
		       armed->interaction.tenant->name, armed->interaction.id,
		       window_state_name(state), when, what);
}

#define BEFORE_FINAL      (1u << WINDOW_SCHEDULED | 1u << WINDOW_OPEN | 1u << WINDOW_DRAINING)
#define BEFORE_FINAL_TEXT "a scheduled, open or draining"

/* What passes at most from a caller's look at the clock until workers see what it did. */
#define PUBLISH_US 50000

bool windows_untouched(const struct armed_window *armed, uint64_t now_us)
{
	return window_state(&armed->window, now_us + PROGRAM_TIME_AHEAD_US + PUBLISH_US) ==
	       WINDOW_SCHEDULED;
}

int windows_close(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		  struct err *err)
{
	int rc = check_state(armed, now_us, 1u << WINDOW_OPEN, "closed", "an open", err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	changed.closes_at_us = now_us;
	return windows_republish(windows, armed, JOURNAL_EVENT_CLOSED, &changed, err);
}

/* The lengths that a window may come to. */
static int check_longer(const struct armed_window *armed, const struct window *changed,
			uint64_t by_us, struct err *err)
{
	const struct interaction *interaction = &armed->interaction;
	uint64_t longest_us = INTERACTION_MAX_DURATION_MS * 1000ull;
	if (by_us > longest_us - (changed->closes_at_us - changed->opens_at_us))
		return err_set(err, -EPERM, "%s/%u would be open for more than a day",
			       interaction->tenant->name, interaction->id);
	if (window_final_at_us(changed) + by_us >= TIME_LIMIT_US)
		return err_set(err, -EPERM, "%s/%u would not be final before the year 10000",
			       interaction->tenant->name, interaction->id);
	return 0;
}

/* The tenant's share, with so much more for one of its windows. */
static int check_share(const struct windows *windows, const struct armed_window *armed,
		       uint64_t bytes, struct err *err)
{
	for (uint32_t i = 0; i < windows->count; i++)
		if (windows->armed[i]->window.tenant == armed->window.tenant)
			bytes += windows->armed[i]->memory_bytes;
	return windows_check_share(&armed->interaction, 0, bytes, err);
}

/* Memory for further seconds stays with the window also when nothing comes of the rest. */
static int take_longer(struct windows *windows, struct armed_window *armed, uint64_t closes_at_us,
		       struct err *err)
{
	uint64_t before = armed->memory_bytes, needed = windows_room_needed(armed, closes_at_us);
	if (needed == 0)
		return 0;
	int rc = windows_check_memory(windows, windows->memory_bytes, needed, &armed->interaction,
				      err);
	if (rc == 0)
		rc = check_share(windows, armed, needed, err);
	if (rc == 0)
		rc = windows_room_extend(&windows->options, armed, closes_at_us, err);
	windows->memory_bytes += armed->memory_bytes - before;
	return rc;
}

int windows_extend(struct windows *windows, struct armed_window *armed, uint64_t by_us,
		   uint64_t now_us, struct err *err)
{
	struct window changed = armed->window;
	int rc = check_state(armed, now_us, BEFORE_FINAL, "extended", BEFORE_FINAL_TEXT, err);
	if (rc == 0)
		rc = check_longer(armed, &changed, by_us, err);
	if (rc == 0)
		rc = take_longer(windows, armed, changed.closes_at_us + by_us, err);
	if (rc)
		return rc;
	changed.closes_at_us += by_us;
	return windows_republish(windows, armed, JOURNAL_EVENT_EXTENDED, &changed, err);
}

int windows_cancel(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		   struct err *err)
{
	int rc = check_state(armed, now_us, BEFORE_FINAL, "cancelled", BEFORE_FINAL_TEXT, err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	changed.cancelled = true;
	return windows_republish(windows, armed, JOURNAL_EVENT_CANCELLED, &changed, err);
}

int windows_reveal(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		   struct err *err)
{
	int rc = check_state(armed, now_us, 1u << WINDOW_FINAL, "revealed", "a final", err);
	if (rc)
		return rc;
	struct window changed = armed->window;
	changed.revealed = true;
	return windows_republish(windows, armed, JOURNAL_EVENT_REVEALED, &changed, err);
}

int windows_open_now(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		     struct err *err)
{
	int rc = check_state(armed, now_us, 1u << WINDOW_SCHEDULED, "opened", "a scheduled", err);
	if (rc)
		return rc;
	/* Its votes are on their way: what took them how long counts from opens_at. */
	if (!windows_untouched(armed, now_us))
		return 0;
	struct window changed = armed->window;
	changed.closes_at_us = now_us + (changed.closes_at_us - changed.opens_at_us);
	changed.opens_at_us = now_us;
	return windows_republish(windows, armed, JOURNAL_EVENT_OPENED, &changed, err);
}

int windows_restore(struct windows *windows, struct armed_window *armed,
		    const struct window *changed, struct err *err)
{
	uint64_t lasts_us = changed->closes_at_us - changed->opens_at_us;
	int rc = take_longer(windows, armed, armed->window.opens_at_us + lasts_us, err);
	if (rc)
		return rc;
	armed->window = *changed;
	return windows_publish(windows)
		       ? err_set(err, -ENOMEM, "out of memory; the journal is as it was")
		       : 0;
}
