// SPDX-License-Identifier: BSD-3-Clause
/* Rules 6 to 10, in the order of docs/quic-lite.md: the first that matches decides. */
#include "dataplane/core/judge.h"

static bool is_early(const struct vote *vote, const struct window *window, uint64_t now_us)
{
	if (vote->program_time_us < window->opens_at_us)
		return true;
	/* Subtracted, not added to now: a capture's clock may stand near the end of its range. */
	return vote->program_time_us > now_us &&
	       vote->program_time_us - now_us > PROGRAM_TIME_AHEAD_US;
}

static bool is_late(const struct vote *vote, const struct window *window, uint64_t now_us)
{
	if (window->ended || vote->program_time_us >= window->closes_at_us)
		return true;
	return now_us > vote->program_time_us &&
	       now_us - vote->program_time_us > window->max_delay_us;
}

enum verdict judge(const struct vote *vote, const struct window *window, uint64_t now_us)
{
	if (!window)
		return VERDICT_UNKNOWN;
	if (window->cancelled)
		return VERDICT_CANCELLED;
	if (!kind_choice_is_valid(&window->question, vote->choice))
		return VERDICT_BAD_CHOICE;
	if (is_early(vote, window, now_us))
		return VERDICT_EARLY;
	if (is_late(vote, window, now_us))
		return VERDICT_LATE;
	return VERDICT_NONE;
}
