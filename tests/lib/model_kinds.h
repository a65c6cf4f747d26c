/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kinds of windows differ in: valid choices, which answers are one, how they count. */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_KINDS_H
#define TALLYWIRE_TESTS_LIB_MODEL_KINDS_H

#include "tests/lib/model.h"

/* The fields of a vote that has been authenticated. */
struct model_vote {
	uint64_t program_time_us;
	uint32_t interaction;
	uint32_t voter;
	uint32_t revision;
	uint16_t tenant;
	uint16_t choice;
};

/* How many choices are counted apart. */
uint32_t model_counts_of(const struct model_plan *plan);

/* Seconds, rounded up, that lie between the two times; 0 where the second is not later. */
uint64_t model_seconds_between(uint64_t from_us, uint64_t to_us);

/* Rule 8. */
bool model_choice_is_valid(const struct model_window *window, uint16_t choice);

/* Rules 11 to 13, for a vote that the others let pass. */
enum verdict model_cast(struct model_window *window, const struct model_vote *vote);

/* The choice that now stands where this vote would stand; MODEL_NO_CHOICE where none does. */
uint16_t model_standing(const struct model_window *window, const struct model_vote *vote);

#endif
