/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where leaderboards that core makes are not the model's: a line that says how, good until the next
 * call, or NULL. One thread.
 */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_BOARDS_H
#define TALLYWIRE_TESTS_LIB_MODEL_BOARDS_H

#include "dataplane/core/score.h"
#include "tests/lib/model.h"

/* A quiz of the model over the ballot that has its answers. */
void model_boards_quiz(struct score_quiz *quiz, const struct model_window *window,
		       const struct ballot *ballot);

/*
 * The quiz by itself, or with all others of its tenant's show; `quizzes` are the same ones. All
 * entries, the first ten, the points of each voter there is, and the places of some.
 */
const char *model_boards_same_quiz(const struct model_window *window,
				   const struct score_quiz *quiz);
const char *model_boards_same_show(const struct model *model, uint32_t tenant,
				   const struct score_quiz *quizzes, uint32_t count);

#endif
