/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which choices the answers of a burst hold, by the kind of question: each is a valid one. What is
 * random is handed in, as 64 random bits. Pure; any thread.
 */
#ifndef TALLYWIRE_PERF_BURST_CHOICE_H
#define TALLYWIRE_PERF_BURST_CHOICE_H

#include <stdint.h>
#include "dataplane/core/kind.h"

/*
 * A first answer. The leader of four options gets 44 %, the last one 6 %; `turn` says which is the
 * leader. `nth` of `per_voter`: a voter's answers to several items, of the same bits, differ.
 */
uint16_t burst_choice_first(const struct question *rules, uint64_t bits, uint64_t turn,
			    uint32_t nth, uint32_t per_voter);

/*
 * What the same voter may answer later: another choice, if there is one; of an upvote the same
 * item, as another item is another answer.
 */
uint16_t burst_choice_other(const struct question *rules, uint64_t bits, uint16_t first);

/* Any choice. */
uint16_t burst_choice_any(const struct question *rules, uint64_t bits);

#endif
