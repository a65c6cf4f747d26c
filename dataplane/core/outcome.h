/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a window's counters come to, in the terms of its kind: votes by option, a mean, a row of
 * counts for each second. Pure; any thread.
 */
#ifndef TALLYWIRE_CORE_OUTCOME_H
#define TALLYWIRE_CORE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/tally.h"
#include "dataplane/core/window.h"

struct outcome {
	uint32_t options;
	const uint64_t *votes; /* by option, in all seconds together */
	/* Of a kind that tells seconds apart: rows of `options` counts, in the order of seconds. */
	const uint64_t *series;
	uint64_t rows;
	/* Of a scale: of the values, by their votes. */
	bool has_mean; /* there are votes */
	double mean;
	uint64_t totals[KIND_MAX_OPTIONS]; /* where `votes` are, if they are not the sum's own */
};

/*
 * `seconds`: how many rows of counters `sum->votes` has; 1 unless the kind tells seconds apart. The
 * rows of a series are as many as the window has seconds now (but no more than there are), and
 * where it was closed early at least as many as have a count. `outcome` points into `sum->votes`
 * and itself, so neither may be moved.
 */
void outcome_make(struct outcome *outcome, const struct window *window, const struct tally_sum *sum,
		  uint32_t seconds);

/* The options with most votes, the lower index first among equals: at most `room`. Their number. */
uint32_t outcome_leading(const struct outcome *outcome, uint32_t *leading, uint32_t room);

#endif
