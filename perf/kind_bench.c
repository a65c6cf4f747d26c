// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a worker core does in a second with each kind of question: everything from classify to the
 * signed receipt, ten million voters in random order.
 *
 * The kinds take turns, and each run of a kind is compared with the poll of the same turn. Called
 * by `./run bench`; perf/bench_worker.h says how, perf/README.md what the rows mean.
 */
#include <stdio.h>
#include <string.h>

#include "perf/bench.h"
#include "perf/bench_worker.h"

#define VOTES    11111111u /* of 10,000,000 voters */
#define OPTIONS  4
#define MASKS    8 /* options of the multi */
#define FIRST    1 /* to 10: the scale */
#define VALUES   10
#define ITEMS    1000
#define SECONDS  (BENCH_DURATION_US / 1000000)
#define NAME_MAX 32

/* The same for both votes of a voter. */
static void answer_among(struct vote *vote, uint32_t first, uint32_t choices)
{
	uint64_t state = vote->voter;
	vote->choice = (uint16_t)(first + bench_random(&state) % choices);
	vote->program_time_us = BENCH_OPENS_AT_US + bench_random(&state) % BENCH_DURATION_US;
}

static void answer_option(struct vote *vote, uint32_t at)
{
	(void)at;
	answer_among(vote, 0, OPTIONS);
}

/* One or two of them. */
static void answer_mask(struct vote *vote, uint32_t at)
{
	(void)at;
	answer_among(vote, 0, MASKS * MASKS);
	vote->choice = (uint16_t)(1u << vote->choice % MASKS | 1u << vote->choice / MASKS);
}

static void answer_value(struct vote *vote, uint32_t at)
{
	(void)at;
	answer_among(vote, FIRST, VALUES);
}

static void answer_item(struct vote *vote, uint32_t at)
{
	(void)at;
	answer_among(vote, 0, ITEMS);
}

/* The vote that comes later has the higher revision, and another choice most of the time. */
static void answer_again(struct vote *vote, uint32_t at)
{
	answer_among(vote, 0, OPTIONS);
	vote->choice = (uint16_t)((vote->choice + at) % OPTIONS);
	vote->revision = at;
}

static const struct row {
	const char *name;
	const char *note;
	struct bench_question question;
} rows[] = {
	{"poll",
	 "4 options",
	 {{.kind = KIND_POLL, .options = OPTIONS}, ONE_PER_VOTER, 1, answer_option}},
	{"multi",
	 "1 or 2 of 8 options",
	 {{.kind = KIND_MULTI, .options = MASKS, .max_choices = 2}, ONE_PER_VOTER, 1, answer_mask}},
	{"quiz",
	 "4 options; how long each answer took is kept",
	 {{.kind = KIND_QUIZ, .options = OPTIONS}, ONE_PER_VOTER_TIMED, 1, answer_option}},
	{"scale",
	 "1 to 10",
	 {{.kind = KIND_SCALE, .first = FIRST, .options = VALUES}, ONE_PER_VOTER, 1, answer_value}},
	{"upvote",
	 "1,000 items, one of them for each voter",
	 {{.kind = KIND_UPVOTE, .options = ITEMS}, ONE_PER_VOTER_ITEM, 1, answer_item}},
	{"reaction",
	 "4 options, one in one of 20 seconds for each voter",
	 {{.kind = KIND_REACTION, .options = OPTIONS},
	  ONE_PER_VOTER_SECOND,
	  SECONDS,
	  answer_option}},
	{"poll_revote",
	 "4 options; second votes replace the first",
	 {{.kind = KIND_POLL, .options = OPTIONS}, ONE_PER_VOTER_CHANGING, 1, answer_again}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The figures of one kind. */
struct measured {
	struct bench_series rate;
	struct bench_series ratio; /* to the poll of the same turn */
	struct bench_series steps[PIPELINE_STEP_COUNT];
	char name[NAME_MAX];
	char ratio_name[NAME_MAX];
};

static void take_turn(struct measured *measured, struct bench_frames *frames,
		      const uint32_t *voters, double ghz)
{
	double poll = 0;
	for (size_t i = 0; i < ROWS; i++) {
		double steps[PIPELINE_STEP_COUNT];
		bench_frames_make(frames, &rows[i].question, voters);
		double rate = bench_workers_run(&rows[i].question, frames, 1, NULL, ghz, steps);
		poll = i == 0 ? rate : poll;
		bench_add(&measured[i].rate, rate);
		bench_add(&measured[i].ratio, rate / poll);
		for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
			bench_add(&measured[i].steps[step], steps[step]);
	}
}

static void print_steps(const struct measured *measured)
{
	printf("%s: cycles per vote by step:", measured->name);
	for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
		printf(" %s %.1f", pipeline_step_name((enum pipeline_step)step),
		       bench_median(&measured->steps[step]));
	printf("\n");
}

static void print_measured(struct measured *measured, bool json)
{
	struct bench_row lines[2 * ROWS];
	size_t count = 0;
	for (size_t i = 0; i < ROWS; i++) {
		struct measured *of = &measured[i];
		snprintf(of->name, sizeof(of->name), "kind.%s", rows[i].name);
		snprintf(of->ratio_name, sizeof(of->ratio_name), "kind.%s.ratio", rows[i].name);
		if (!json)
			print_steps(of);
		lines[count++] = bench_row(of->name, "M votes/s", &of->rate, rows[i].note);
		if (i > 0)
			lines[count++] =
				bench_row(of->ratio_name, "of kind.poll", &of->ratio, "run by run");
	}
	bench_print(lines, count, json);
}

int main(int argc, char **argv)
{
	static struct measured measured[ROWS];
	struct bench_options options;
	struct bench_frames frames;
	if (bench_options(argc, argv, 5, &options))
		return 2;
	double ghz = bench_cycles_per_ns();
	uint32_t *voters = bench_voters_make(VOTES, 1);
	bench_frames_open(&frames, VOTES);
	for (uint32_t run = 0; run < options.runs; run++)
		take_turn(measured, &frames, voters, ghz);
	print_measured(measured, options.json);
	bench_frames_close(&frames);
	bench_voters_free(voters, VOTES);
	return 0;
}
