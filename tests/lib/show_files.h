/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's windows as the appliance reads and writes them: items of a rundown, a keyring, and
 * whether a result is the model's. For tests that compare. One thread; out of memory aborts.
 */
#ifndef TALLYWIRE_TESTS_LIB_SHOW_FILES_H
#define TALLYWIRE_TESTS_LIB_SHOW_FILES_H

#include <jansson.h>

#include "tests/lib/model.h"

/* An item of a rundown, a new reference. Lengths are whole ms. */
json_t *show_files_interaction(const struct model_plan *plan);

/* A keyring of these keys, by stage_default_key(); tenants are called "t" and their number. */
json_t *show_files_keyring(const struct model *model);

/*
 * NULL, or where and how a result of a final window is not the model's, until the next call. The
 * same for the leaderboards of all tenants with quizzes; both tell the ten best.
 */
const char *show_files_same_result(const struct model_window *window, const json_t *result);
const char *show_files_same_leaderboards(const struct model *model, const json_t *leaderboards);

#endif
