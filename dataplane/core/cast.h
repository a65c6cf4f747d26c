/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules 11 to 13: is it the first answer, does it replace one, is there room? And what it does to
 * the window's counts. Called by the pipeline; the way of each kind is its kind_identity.
 */
#ifndef TALLYWIRE_CORE_CAST_H
#define TALLYWIRE_CORE_CAST_H

#include "dataplane/core/burst.h"

/* The same for kinds in which a voter has several answers. */
void cast_prefetch_several(const struct window *window, const struct vote *vote);

/* Brings near what casting this vote will look at. The window may be any of the vote's tenant. */
static inline void cast_prefetch(const struct window *window, const struct vote *vote)
{
	if (window->identity == ONE_PER_VOTER_SECOND || window->identity == ONE_PER_VOTER_ITEM)
		cast_prefetch_several(window, vote);
	else
		ballot_prefetch(window->ballots, vote->voter);
}

/*
 * Casts what is not decided yet, in the order of arrival: verdict, standing, replaced, new_voter. A
 * vote that was refused learns here what stands, so that an answer of its voter in the same burst
 * is seen by it, or not, as if they had come in two. With no room in the burst nothing is cast and
 * nothing said of what stands.
 */
void cast_burst(struct burst *burst);

/* Adds each vote that has a window to this worker's lane of it. */
void cast_count(const struct burst *burst, uint32_t worker);

/*
 * The same for a vote that was accepted before, is read back and was cast once more. The voter's
 * first is counted, whichever that is now; any other is a change, of which casting has kept the one
 * that stands. False, and nothing is counted, for a second answer where only one can be given, and
 * for one that found no room.
 */
bool cast_count_again(const struct burst *burst, uint32_t i, struct tally_lane *lane);

#endif
