/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules 3 to 13 for windows of all kinds, slow and obvious: written from the specification's words
 * and not from the code under test, with plain tables and 128-bit sums that cannot overflow. For
 * tests that compare. model_results.h reads what a result contains.
 *
 * Times are µs since 1970. Running out of memory aborts. One thread.
 */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_H
#define TALLYWIRE_TESTS_LIB_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/lib/model_answers.h"
#include "wire/verdict.h"

#define MODEL_MAX_KEYS    16
#define MODEL_MAX_WINDOWS 64
#define MODEL_NO_CHOICE   0xFFFF /* in a receipt, where no answer stands */

/* By the wire's numbers. */
enum model_kind {
	MODEL_POLL = 1,
	MODEL_MULTI,
	MODEL_QUIZ,
	MODEL_SCALE,
	MODEL_UPVOTE,
	MODEL_REACTION,
};

enum model_state {
	MODEL_SCHEDULED,
	MODEL_OPEN,
	MODEL_DRAINING,
	MODEL_FINAL,
	MODEL_REVEALED,
	MODEL_CANCELLED,
};

struct model_key {
	uint32_t tenant;
	uint32_t epoch;
	uint8_t key[16];
};

/* A window as it is planned. Fields that do not belong to the kind are not looked at. */
struct model_plan {
	enum model_kind kind;
	uint32_t tenant;
	uint32_t interaction;
	uint32_t options;     /* labels or items; a scale has none */
	uint32_t min, max;    /* scale: the values */
	uint32_t max_choices; /* multi */
	bool revote;          /* poll, multi, scale */
	uint32_t points;      /* quiz: of a correct answer that takes no time */
	uint32_t correct_count;
	const uint32_t *correct; /* quiz: indices; the caller's, for as long as the model lives */
	uint64_t opens_at_us;
	uint64_t closes_at_us;
	uint64_t max_delay_us;
	/* The room that the other side has; what goes beyond is busy. */
	uint64_t voters;  /* voter numbers from 0 upwards */
	uint64_t pairs;   /* upvote: (voter, item) */
	uint32_t seconds; /* reaction: of the window */
};

/* The times and `cancelled` may be set at any moment, as a producer's commands do. */
struct model_window {
	struct model_plan plan;
	uint64_t opens_at_us;
	uint64_t closes_at_us;
	uint64_t max_delay_us;
	bool cancelled;
	bool revealed;
	uint32_t counts;              /* entries of votes[]: options, or the values of a scale */
	uint64_t *votes;              /* per option; a scale's from `min` on */
	uint64_t *series;             /* reaction: plan.seconds rows of `counts` */
	struct model_answers answers; /* what stands */
	struct model_answers seen;    /* voters with a counted answer: its count is `voters` */
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
struct model_window *model_add_window(struct model *model, const struct model_plan *plan);

/* A new window in the place of one that is taken out, whose answers and counts are gone then. */
void model_replace_window(struct model *model, uint32_t place, const struct model_plan *plan);

/*
 * Judges the UDP payload of a vote that arrived at `now_us` and keeps count. `receipt` gets the 40
 * bytes of the answer where the verdict has one.
 */
enum verdict model_judge(struct model *model, const uint8_t vote[40], uint64_t now_us,
			 uint8_t receipt[40]);

/* A producer's view of a window and commands; false where its state does not allow one. */
enum model_state model_state(const struct model_window *window, uint64_t now_us);
bool model_end(struct model_window *window, uint64_t now_us);
bool model_extend(struct model_window *window, uint64_t now_us, uint64_t by_us);
bool model_cancel(struct model_window *window, uint64_t now_us);
bool model_reveal(struct model_window *window, uint64_t now_us);

#endif
