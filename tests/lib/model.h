/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules 4 to 13 for polls, slow and obvious: written from the specification's words and not from
 * the code under test, with lists that are searched from the front and 128-bit sums that cannot
 * overflow. For tests that compare.
 */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_H
#define TALLYWIRE_TESTS_LIB_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/verdict.h"

#define MODEL_MAX_KEYS    16
#define MODEL_MAX_WINDOWS 16
#define MODEL_MAX_OPTIONS 1024

struct model_key {
	uint32_t tenant;
	uint32_t epoch;
	uint8_t key[16];
};

struct model_window {
	uint32_t tenant;
	uint32_t interaction;
	uint32_t options;
	uint32_t voters; /* how many the ballot has room for */
	uint64_t opens_at_us;
	uint64_t closes_at_us;
	uint64_t max_delay_us;
	bool cancelled;
	int32_t *answers; /* by voter; -1 where none stands */
	uint64_t votes[MODEL_MAX_OPTIONS];
	uint64_t verdicts[VERDICT_COUNT];
};

struct model {
	uint32_t key_count;
	struct model_key keys[MODEL_MAX_KEYS];
	uint32_t window_count;
	struct model_window windows[MODEL_MAX_WINDOWS];
	uint64_t verdicts[VERDICT_COUNT]; /* those of no window */
};

void model_open(struct model *model);
void model_close(struct model *model);
void model_add_key(struct model *model, uint32_t tenant, uint32_t epoch, const uint8_t key[16]);
struct model_window *model_add_window(struct model *model, uint32_t tenant, uint32_t interaction,
				      uint32_t options, uint32_t voters);

/*
 * Judges the UDP payload of a vote that arrived at `now_us` and keeps count. `receipt` gets the 40
 * bytes of the answer where the verdict has one.
 */
enum verdict model_judge(struct model *model, const uint8_t vote[40], uint64_t now_us,
			 uint8_t receipt[40]);

#endif
