/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a window's counters and cells to its JSON: sums, the terms of its kind, the leaderboard. The
 * same for a running appliance and for --replay. Thread: the owner of the windows.
 */
#ifndef TALLYWIRE_WINDOW_RESULTS_H
#define TALLYWIRE_WINDOW_RESULTS_H

#include <jansson.h>
#include "dataplane/boards.h"

/* How results are wanted. */
struct results_wish {
	uint64_t now_us;
	uint32_t top;           /* entries of a leaderboard */
	bool with_show;         /* leaderboards say of which show they are */
	bool revealed_only;     /* nothing that is not revealed makes a difference */
	bool brief;             /* much is told in part: RESULTS_BRIEF */
	const char *durability; /* of what is counted now; NULL: none */
};

/*
 * One window's result, a new reference; NULL when out of memory. `sum` is filled in before, in any
 * case (windows_sum()).
 */
json_t *window_results_one(struct windows *windows, struct armed_window *armed,
			   const struct results_wish *wish, const struct tally_sum *sum);

/*
 * Appends to `leaderboards` that of this quiz's show, unless it tells of revealed ones only and
 * there are none. False when out of memory.
 */
bool window_results_add_leaderboard(struct windows *windows, struct armed_window *quiz,
				    const struct results_wish *wish, json_t *leaderboards);

#endif
