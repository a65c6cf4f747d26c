/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows of all kinds, with and without revote, of three tenants, at the edges of options, values,
 * lengths and delays: what the model is compared over.
 */
#ifndef TALLYWIRE_TESTS_LIB_SHOW_PLANS_H
#define TALLYWIRE_TESTS_LIB_SHOW_PLANS_H

#include "tests/lib/model.h"

#define SHOW_PLANS_OPENS_US 1795392000000000ull

enum { SHOW_PLANS_KEYS = 5 };

/* The tenants' names are "t" and their number. */
extern const struct show_plans_key {
	uint16_t tenant;
	uint8_t epoch;
} show_plans_keys[SHOW_PLANS_KEYS];

extern const struct model_plan show_plans[];
extern const uint32_t show_plans_count;

#endif
