/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules 6 to 10 as one pure function: the same vote, window and time give the same verdict, always.
 */
#ifndef TALLYWIRE_CORE_JUDGE_H
#define TALLYWIRE_CORE_JUDGE_H

#include "dataplane/core/vote.h"
#include "dataplane/core/window.h"
#include "wire/verdict.h"

/*
 * `window` is the vote's interaction or NULL; `now_us` the arrival time of its packet, UTC.
 * Returns the verdict, or VERDICT_NONE where the vote may be cast.
 */
enum verdict judge(const struct vote *vote, const struct window *window, uint64_t now_us);

#endif
