/* SPDX-License-Identifier: BSD-3-Clause */
/* What a result contains beside votes[] and verdicts[], computed anew from the answers each time.
 */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_RESULTS_H
#define TALLYWIRE_TESTS_LIB_MODEL_RESULTS_H

#include "tests/lib/model.h"

/* Distinct voters with at least one counted answer. */
uint64_t model_voters(const struct model_window *window);

/* The mean of a scale's values; false where nobody has answered. */
bool model_mean(const struct model_window *window, double *mean);

/* Rows of a reaction's series, as long as the window is now and at least to the last count. */
uint64_t model_series_rows(const struct model_window *window);
/* The count of an option in a second; 0 beyond what there is. */
uint64_t model_series(const struct model_window *window, uint64_t second, uint32_t option);

/* A voter's points in a quiz, by the window's times as they are now. */
uint64_t model_points(const struct model_window *window, uint32_t voter);

struct model_entry {
	uint64_t points;
	uint32_t voter;
};

/* All who scored, the best first. */
struct model_board {
	size_t count;
	struct model_entry *entries;
};

/* A quiz, and all quizzes of a tenant but the cancelled. Freed with model_board_close(). */
void model_board_of_quiz(struct model_board *board, const struct model_window *window);
void model_board_of_show(struct model_board *board, const struct model *model, uint32_t tenant);
void model_board_close(struct model_board *board);

/* From 1 on; 0 where the voter has not scored. */
size_t model_board_rank(const struct model_board *board, uint32_t voter);

#endif
