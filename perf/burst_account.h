/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The known answer of a burst: what every question's counts must come to, and who scored. It is
 * booked by the kinds of datagrams alone, as the burst is made, and asks neither the judge nor a
 * ballot. One thread.
 */
#ifndef TALLYWIRE_PERF_BURST_ACCOUNT_H
#define TALLYWIRE_PERF_BURST_ACCOUNT_H

#include "dataplane/core/tally.h"
#include "perf/burst.h"

#define BURST_BOARD_ENTRIES 10

struct burst_score {
	uint64_t points;
	uint32_t voter;
};

/* The best of those who scored: by points, then by lower voter number. */
struct burst_board {
	struct burst_score entries[BURST_BOARD_ENTRIES];
	uint32_t count;
};

/* Of one question. */
struct burst_sum {
	struct tally_sum tally;   /* votes by index; of a reaction by second × options + index */
	struct burst_board board; /* of a quiz */
};

struct burst_account {
	struct burst_sum *sums;   /* by question */
	uint64_t *votes;          /* backs the sums */
	uint64_t *points;         /* by voter, of all quizzes; NULL without a quiz */
	struct burst_board board; /* of these */
	uint64_t bad_tag;
	uint64_t total;
};

/* For a checked shape. 0 or -ENOMEM; undone by burst_account_free(). */
int burst_account_make(const struct burst_shape *shape, struct burst_account *account,
		       struct err *err);
void burst_account_free(struct burst_account *account);

/* Books one datagram. A changed answer is booked after the first that it changes. */
void burst_account_add(const struct burst_shape *shape, struct burst_account *account,
		       const struct burst_datagram *datagram, const struct burst_content *content);

/* Ranks who scored in all quizzes together, when all is booked. */
void burst_account_rank(const struct burst_shape *shape, struct burst_account *account);

#endif
