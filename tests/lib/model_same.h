/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the appliance's numbers for a window are not the model's: a line that says where and what,
 * good until the next call, or NULL. One thread.
 */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_SAME_H
#define TALLYWIRE_TESTS_LIB_MODEL_SAME_H

#include "dataplane/core/window.h"
#include "tests/lib/model.h"

/* Receipts, voters, votes of each option, and of each second of a reaction, of `seconds`. */
const char *model_same_sum(const struct model_window *window, const struct tally_sum *sum,
			   uint32_t seconds);

/* The same, in the terms of its kind: options, mean, the rows of a series. */
const char *model_same_outcome(const struct model_window *window, const struct window *armed,
			       const struct tally_sum *sum, uint32_t seconds);

/* Each voter's answer, and that there are no others. */
const char *model_same_answers(const struct model_window *window, const struct window *armed);

/* What the rules make of a plan, for those who arm it. */
struct question model_same_question(const struct model_plan *plan);

#endif
