/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The embargo: what anybody may know of a window. All that leaves through the public socket about a
 * window is made here, by a list of what may be told and from when on. What is not on the list,
 * such as a member that a new kind of window brings, stays in the studio.
 */
#ifndef TALLYWIRE_PUBLIC_VIEW_H
#define TALLYWIRE_PUBLIC_VIEW_H

#include <jansson.h>

/*
 * A new object with what may be told of `window`, which is as `list` or `results` have it for the
 * studio (docs/control.md, docs/files.md) and is left alone. Its `state` decides; a state that is
 * not known tells the least. NULL when out of memory.
 */
json_t *public_view(const json_t *window);

/*
 * A new array with what may be told of leaderboards that were summed over revealed quizzes alone.
 * NULL when out of memory.
 */
json_t *public_leaderboards(const json_t *leaderboards);

#endif
