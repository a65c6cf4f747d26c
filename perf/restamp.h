/* SPDX-License-Identifier: BSD-3-Clause */
/* Moves votes in time and signs them again. Pure; any thread. */
#ifndef TALLYWIRE_PERF_RESTAMP_H
#define TALLYWIRE_PERF_RESTAMP_H

#include "dataplane/core/auth.h"
#include "perf/vote_view.h"

/*
 * Shifts the program time of the vote in `data` and signs it with its tenant's key, UDP checksum
 * included. A tag that was wrong stays wrong by the same bits. A vote whose tenant or epoch `keys`
 * does not hold is left as it is. Returns whether the vote was changed.
 */
bool restamp_vote(uint8_t *data, const struct vote_view *view, const struct auth_keys *keys,
		  int64_t shift_us);

#endif
