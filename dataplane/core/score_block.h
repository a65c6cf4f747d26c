/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a block of cells is worth, four at a time: for score.c alone. Compiled for CPUs with AVX2,
 * so score.c asks first, and only for quizzes that are marked for it.
 *
 * In doubles and without a division or a correction: with d = 2 * duration,
 *
 *   points off = floor(took * (points / d) + 1 / (2d))
 *
 * The exact quotient lies 1/d or more below the next whole number, or is one; so half of 1/d keeps
 * it away from every edge by 1/(2d). Each of the three roundings is by 2^-53 of at most a million
 * and one, together less than 3.4e-10, and with d up to 20 minutes 1/(2d) is more than 4.1e-10.
 */
#ifndef TALLYWIRE_CORE_SCORE_BLOCK_H
#define TALLYWIRE_CORE_SCORE_BLOCK_H

#include "dataplane/core/score.h"

#define SCORE_BLOCK            2048u      /* voters whose sums stay in the nearest cache */
#define SCORE_BLOCK_LONGEST_US 600000000u /* of a window: 10 minutes */

/* Sets or adds to `sums` what SCORE_BLOCK cells are worth. Both are 32-byte aligned. */
void score_block_set_avx2(const struct score_quiz *quiz, const uint64_t *cells, uint64_t *sums);
void score_block_add_avx2(const struct score_quiz *quiz, const uint64_t *cells, uint64_t *sums);

#endif
