/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between a burst and the files of its show: the questions that a rundown asks of one tenant's
 * voters, and the results that an appliance with this rundown and this burst must come to. Main
 * thread.
 */
#ifndef TALLYWIRE_PERF_BURST_SHOW_H
#define TALLYWIRE_PERF_BURST_SHOW_H

#include <jansson.h>
#include "dataplane/show/rundown.h"
#include "perf/burst_account.h"

/* How often a voter answers where there is more than one answer to give; at least 1. */
struct burst_habits {
	uint32_t upvotes_per_voter;   /* or as many as there are items */
	uint32_t reactions_per_voter; /* or as many as the window has seconds */
};

/*
 * The questions of this tenant, in the order of the rundown, which must outlive them. `questions`
 * is the caller's to free; there may be none. 0 or -ENOMEM.
 */
int burst_show_questions(const struct rundown *rundown, const struct tenant *tenant,
			 const struct burst_habits *habits, struct burst_question **questions,
			 uint32_t *count, struct err *err);

/*
 * The known answer, when all windows are final: of all interactions of the rundown, those of other
 * tenants without a vote. `account` is ranked. A new reference; NULL only when out of memory.
 */
json_t *burst_show_answer(const struct rundown *rundown, const struct burst_shape *shape,
			  const struct burst_account *account);

#endif
