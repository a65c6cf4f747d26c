/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares an appliance's results with a burst's known answer, row by row. Pure; main thread.
 *
 * Live, an audience resends what got no receipt, so more duplicates, early and late receipts than
 * the answer names are as they should be; fewer are not. Votes and voters, means, series and
 * leaderboards are exact in both forms.
 */
#ifndef TALLYWIRE_PERF_COMPARE_H
#define TALLYWIRE_PERF_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include "dataplane/core/err.h"

#define COMPARE_PLACE_BYTES 160
#define COMPARE_VALUE_BYTES 64

enum compare_rule {
	COMPARE_EXACT,
	COMPARE_AT_LEAST, /* the result may be higher */
};

/* One thing compared. Valid only during the call. */
struct compare_row {
	char place[COMPARE_PLACE_BYTES]; /* "acme/101 votes[2]" */
	char result[COMPARE_VALUE_BYTES];
	char answer[COMPARE_VALUE_BYTES];
	enum compare_rule rule;
	bool agrees;
};

typedef void (*compare_row_fn)(void *context, const struct compare_row *row);

/* Whether it has the shape of a results document; a rundown, say, has not. */
bool compare_is_results(const json_t *document);

/*
 * Calls `each` for every row in the order of the answer. `exact`: all numbers, times and texts of
 * the answer, and no interaction beyond it. Returns the number of rows that differ, or -EINVAL with
 * `err` where one of the two is no results document, or the answer is empty.
 */
int compare_results(const json_t *results, const json_t *answer, bool exact, compare_row_fn each,
		    void *context, struct err *err);

#endif
