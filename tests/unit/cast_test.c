// SPDX-License-Identifier: BSD-3-Clause
/*
 * Rules 11 to 13 for each kind, through the whole pipeline: scripts of votes with what each is
 * told, and what is counted in the end. Every script is played in one burst, and again with each
 * vote in a burst of its own on the workers in turn: how packets fall into bursts must make no
 * difference. Then on two cores at once.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "dataplane/core/ballot_wide.h"
#include "tests/lib/stage.h"

#define SECOND   STAGE_SECOND
#define OPENS    STAGE_OPENS_US
#define CLOSES   (OPENS + 20 * SECOND)
#define VOTERS   100
#define NONE     CHOICE_NONE
#define COUNTERS 65535

enum { POLL, REVOTE, MULTI, MULTI_REVOTE, QUIZ, SCALE, UPVOTE, SMALL_UPVOTE, REACTION, WINDOWS };

#define WINDOW(id, options, ...)                                                                   \
	{                                                                                          \
		7, id, options, VOTERS, OPENS, CLOSES, 5 * SECOND, false, __VA_ARGS__              \
	}

static const struct stage_window windows[WINDOWS] = {
	[POLL] = WINDOW(POLL, 4, {.kind = KIND_POLL}),
	[REVOTE] = WINDOW(REVOTE, 4, {.kind = KIND_POLL, .revote = true}),
	[MULTI] = WINDOW(MULTI, 16, {.kind = KIND_MULTI, .max_choices = 16}),
	[MULTI_REVOTE] =
		WINDOW(MULTI_REVOTE, 4, {.kind = KIND_MULTI, .max_choices = 2, .revote = true}),
	[QUIZ] = WINDOW(QUIZ, 4, {.kind = KIND_QUIZ}),
	[SCALE] = WINDOW(SCALE, 10, {.kind = KIND_SCALE, .first = 64000, .revote = true}),
	[UPVOTE] = WINDOW(UPVOTE, 65535, {.kind = KIND_UPVOTE, .pairs = 1000}),
	[SMALL_UPVOTE] = WINDOW(SMALL_UPVOTE, 30, {.kind = KIND_UPVOTE, .pairs = 4}),
	[REACTION] = WINDOW(REACTION, 3, {.kind = KIND_REACTION, .seconds = 20}),
};

static const struct envelope plain = {.ip_version = 4};
static struct stage stage;
static struct stage_burst burst;

static void set_up(void)
{
	const struct auth_key keys[] = {stage_default_key(7, 1)};
	stage_open(&stage, keys, 1, windows, WINDOWS);
	stage_burst_start(&burst);
}

static void tear_down(void)
{
	stage_close(&stage);
}

TestSuite(cast, .init = set_up, .fini = tear_down);

struct step {
	uint32_t voter;
	uint16_t choice;
	uint32_t revision;
	int64_t at_ms; /* of the window: program time */
	enum receipt_status status;
	uint16_t standing;
};

struct count {
	uint32_t counter;
	uint64_t votes;
};

#define STEPS_MAX  24
#define COUNTS_MAX 20

/* A step without status is the end; so is a count without votes. */
struct script {
	const char *name;
	int window;
	uint32_t count;
	struct step steps[STEPS_MAX];
	struct count counts[COUNTS_MAX];
	uint64_t voters;
};

static uint32_t add_step(int window, const struct step *step)
{
	const struct vote vote = {
		.tenant = 7,
		.server = 1,
		.key_epoch = 1,
		.interaction = (uint32_t)window,
		.voter = step->voter,
		.choice = step->choice,
		.revision = step->revision,
		.program_time_us = OPENS + (uint64_t)(step->at_ms * 1000),
	};
	/* A late one comes in time, but after the close. */
	return stage_burst_vote(&burst, &plain, &vote, vote.program_time_us + 100000);
}

static void expect_told(const struct script *script, uint32_t i, uint32_t at)
{
	const struct receipt_packet *receipt =
		(const void *)(burst.frames[at] + envelope_payload(&plain));
	const struct step *step = &script->steps[i];
	cr_expect_eq(receipt->status, step->status, "%s, step %u: status %u", script->name, i,
		     receipt->status);
	cr_expect_eq(be16(receipt->choice_be), step->standing, "%s, step %u: %u stands",
		     script->name, i, be16(receipt->choice_be));
}

static void play(uint32_t worker, const char *about)
{
	const char *wrong = stage_play(&stage, worker, &burst);
	cr_assert_null(wrong, "%s: %s", about, wrong ? wrong : "");
}

static void expect_counts(const struct script *script)
{
	static uint64_t votes[COUNTERS * 2];
	const struct store *store = &stage.stores[script->window];
	struct tally_sum sum = {.votes = votes};
	uint64_t receipts[RECEIPT_STATUSES] = {0};
	tally_read(&store->tally, store->tally.counters, &sum);
	uint64_t voters = store->seen.words ? sum.voters : sum.receipts[RECEIPT_COUNTED];
	cr_expect_eq(voters, script->voters, "%s: %lu voters", script->name, voters);
	for (uint32_t i = 0; i < script->count; i++)
		receipts[script->steps[i].status]++;
	cr_expect_arr_eq(sum.receipts, receipts, sizeof(receipts), "%s", script->name);
	for (int i = 0; i < COUNTS_MAX && script->counts[i].votes; i++) {
		const struct count *count = &script->counts[i];
		cr_expect_eq(votes[count->counter], count->votes, "%s: counter %u has %lu",
			     script->name, count->counter, votes[count->counter]);
		votes[count->counter] = 0;
	}
	for (uint32_t i = 0; i < store->tally.counters; i++)
		cr_expect_eq(votes[i], 0, "%s: counter %u has %lu", script->name, i, votes[i]);
}

static void play_in_one_burst(const struct script *script)
{
	stage_burst_start(&burst);
	for (uint32_t i = 0; i < script->count; i++)
		add_step(script->window, &script->steps[i]);
	play(0, script->name);
	for (uint32_t i = 0; i < script->count; i++)
		expect_told(script, i, i);
	expect_counts(script);
}

static void play_one_by_one(const struct script *script)
{
	for (uint32_t i = 0; i < script->count; i++) {
		stage_burst_start(&burst);
		add_step(script->window, &script->steps[i]);
		play(i % STAGE_WORKERS, script->name);
		expect_told(script, i, 0);
	}
	expect_counts(script);
}

#define C RECEIPT_COUNTED
#define X RECEIPT_CHANGED
#define D RECEIPT_DUPLICATE
#define B RECEIPT_BUSY
#define W RECEIPT_BAD_CHOICE
#define E RECEIPT_EARLY
#define L RECEIPT_LATE

static const struct script scripts[] = {
	{"a poll: the first stands",
	 POLL,
	 9,
	 {{1, 2, 0, 0, C, 2},
	  {1, 2, 0, 0, D, 2},
	  {1, 3, 7, 1000, D, 2},
	  {VOTERS - 1, 3, 9, 19999, C, 3},
	  {VOTERS, 3, 0, 0, B, NONE},
	  {1, 4, 0, 0, W, 2},
	  {2, 4, 0, 0, W, NONE},
	  {1, 0, 0, -1, E, 2},
	  {1, 0, 0, 20000, L, 2}},
	 {{2, 1}, {3, 1}},
	 2},
	{"with revote: a higher revision replaces",
	 REVOTE,
	 16,
	 {{1, 2, 0, 0, C, 2},
	  {1, 3, 0, 0, D, 2},
	  {1, 3, 1, 0, X, 3},
	  {1, 3, 1, 0, D, 3},
	  {1, 0, 0, 0, D, 3},
	  {1, 3, 5, 0, X, 3}, /* to itself */
	  {1, 1, 4, 0, D, 3},
	  {1, 1, 0xFFFFFF, 0, X, 1},
	  {1, 0, 0xFFFFFF, 0, D, 1},
	  {2, 0, 9, 0, C, 0},
	  {2, 3, 8, 0, D, 0},
	  {1, 4, 9, 0, W, 1},
	  {2, 1, 99, -1, E, 0},
	  {2, 1, 99, 20000, L, 0},
	  {3, 1, 99, 20000, L, NONE},
	  {VOTERS, 0, 0, 0, B, NONE}},
	 {{0, 1}, {1, 1}},
	 2},
	{"a multi: each option that the mask names",
	 MULTI,
	 7,
	 {{1, 0xFFFF, 0, 0, C, 0xFFFF},
	  {1, 1, 1, 0, D, 0xFFFF},
	  {2, 0x8001, 0, 0, C, 0x8001},
	  {3, 1, 0, 0, C, 1},
	  {4, 0, 0, 0, W, NONE},
	  {2, 0, 0, 0, W, 0x8001},
	  {VOTERS, 1, 0, 0, B, NONE}},
	 {{0, 3},
	  {1, 1},
	  {2, 1},
	  {3, 1},
	  {4, 1},
	  {5, 1},
	  {6, 1},
	  {7, 1},
	  {8, 1},
	  {9, 1},
	  {10, 1},
	  {11, 1},
	  {12, 1},
	  {13, 1},
	  {14, 1},
	  {15, 2}},
	 3},
	{"a multi with revote: all bits move",
	 MULTI_REVOTE,
	 8,
	 {{1, 3, 0, 0, C, 3},
	  {1, 6, 1, 0, X, 6},
	  {1, 6, 1, 0, D, 6},
	  {1, 7, 2, 0, W, 6},
	  {1, 16, 2, 0, W, 6},
	  {1, 8, 2, 0, X, 8},
	  {2, 12, 3, 0, C, 12},
	  {2, 3, 2, 0, D, 12}},
	 {{2, 1}, {3, 2}},
	 2},
	{"a quiz: never changed",
	 QUIZ,
	 6,
	 {{1, 2, 0, 5000, C, 2},
	  {1, 3, 9, 1000, D, 2},
	  {2, 0, 0, 0, C, 0},
	  {2, 1, 1, 19999, D, 0},
	  {2, 4, 1, 0, W, 0},
	  {VOTERS, 0, 0, 0, B, NONE}},
	 {{0, 1}, {2, 1}},
	 2},
	{"a scale: choices are values",
	 SCALE,
	 8,
	 {{1, 64000, 0, 0, C, 64000},
	  {2, 64009, 0, 0, C, 64009},
	  {2, 64001, 1, 0, X, 64001},
	  {2, 64002, 1, 0, D, 64001},
	  {3, 63999, 0, 0, W, NONE},
	  {1, 64010, 0, 0, W, 64000},
	  {1, 0, 0, 0, W, 64000},
	  {2, 64000, 9, 20000, L, 64001}},
	 {{0, 1}, {1, 1}},
	 2},
	{"an upvote: one for each item",
	 UPVOTE,
	 11,
	 {{1, 0, 0, 0, C, 0},
	  {1, 65534, 0, 0, C, 65534},
	  {1, 0, 0, 0, D, 0},
	  {1, 0, 9, 0, D, 0},
	  {2, 0, 0, 0, C, 0},
	  {2, 7, 0, 20000, L, NONE},
	  {2, 0, 0, 20000, L, 0},
	  {2, 0, 0, -1, E, 0},
	  {1, 65535, 0, 0, W, NONE},
	  {VOTERS, 0, 0, 0, B, NONE},
	  {UINT32_MAX, 65534, 0, 0, B, NONE}},
	 {{0, 2}, {65534, 1}},
	 2},
	{"a reaction: one in each second",
	 REACTION,
	 13,
	 {{1, 0, 0, 0, C, 0},
	  {1, 1, 0, 999, D, 0},
	  {1, 1, 0, 1000, C, 1},
	  {1, 1, 0, 1999, D, 1},
	  {1, 2, 0, 19999, C, 2},
	  {2, 2, 0, 19000, C, 2},
	  {1, 0, 0, 500, D, 0},
	  {1, 3, 0, 1000, W, 1}, /* what stands in its second */
	  {1, 3, 0, 2000, W, NONE},
	  {1, 0, 0, -1, E, NONE},
	  {1, 0, 0, 20000, L, NONE},
	  {1, 0, 0, 99000, L, NONE},
	  {VOTERS, 0, 0, 0, B, NONE}},
	 {{0, 1}, {3 + 1, 1}, {19 * 3 + 2, 2}},
	 2},
};

Test(cast, each_kind_in_one_burst)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play_in_one_burst(&scripts[i]);
}

Test(cast, each_kind_one_by_one_on_both_workers)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		play_one_by_one(&scripts[i]);
}

/* What finds no room is not counted, not its voter either, and comes in never later. */
Test(cast, a_full_upvote_is_busy_for_what_is_new)
{
	uint64_t votes[30], room = stage.stores[SMALL_UPVOTE].upvotes.count;
	struct tally_sum sum = {.votes = votes};
	cr_assert(room > 4 && room < 30);
	for (int round = 0; round < 2; round++) {
		stage_burst_start(&burst);
		for (uint32_t i = 0; i < 30; i++) {
			const struct step step = {.voter = i / 10, .choice = (uint16_t)i};
			add_step(SMALL_UPVOTE, &step);
		}
		play(0, "full");
		for (uint32_t i = 0; i < 30; i++) {
			enum verdict there = round ? VERDICT_DUPLICATE : VERDICT_COUNTED;
			cr_expect_eq(burst.burst.verdict[i], i < room ? there : VERDICT_BUSY);
			cr_expect_eq(burst.burst.standing[i], i < room ? i : NONE);
		}
	}
	tally_read(&stage.stores[SMALL_UPVOTE].tally, 30, &sum);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], room);
	cr_expect_eq(sum.receipts[RECEIPT_BUSY], 2 * (30 - room));
	cr_expect_eq(sum.voters, (room + 9) / 10);
	for (uint32_t i = 0; i < 30; i++)
		cr_expect_eq(votes[i], i < room);
}

Test(cast, a_cancelled_window_of_each_kind_says_what_stood)
{
	static const struct {
		int window;
		uint16_t choice;
	} rows[] = {{POLL, 1},      {REVOTE, 1},     {MULTI, 0x8000}, {QUIZ, 1},
		    {SCALE, 64005}, {UPVOTE, 65534}, {REACTION, 1}};
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct step step = {
				.voter = 5, .choice = rows[i].choice, .revision = (uint32_t)round};
			stage_burst_start(&burst);
			add_step(rows[i].window, &step);
			step.voter = 6;
			if (round)
				add_step(rows[i].window, &step);
			play(0, "cancelled");
			cr_expect_eq(burst.burst.verdict[0],
				     round ? VERDICT_CANCELLED : VERDICT_COUNTED);
			cr_expect_eq(burst.burst.standing[0], rows[i].choice, "row %zu", i);
			if (round)
				cr_expect_eq(burst.burst.standing[1], NONE, "row %zu", i);
		}
		for (int i = 0; i < WINDOWS; i++)
			stage.set[i].cancelled = true;
		stage_publish(&stage);
	}
}

/* An extended window moves no second; a quiz's mark counts from the opening. */
Test(cast, a_quiz_keeps_how_long_the_answer_took)
{
	static const int64_t took_ms[] = {0, 1, 12345, 19999};
	for (uint32_t i = 0; i < 4; i++) {
		const struct step step = {.voter = i, .choice = 3, .at_ms = took_ms[i]};
		stage_burst_start(&burst);
		add_step(QUIZ, &step);
		play(0, "timed");
		cr_expect_eq(ballot_wide_mark(ballot_wide_standing(stage.stores[QUIZ].ballots, i)),
			     (uint64_t)took_ms[i] * 1000);
	}
}

/* ---- Two cores ---- */

static struct twin {
	uint32_t worker;
	pthread_barrier_t *start;
	const char *wrong; /* read after the join */
	struct stage_burst burst;
} twins[STAGE_WORKERS];

static const uint16_t first_choice[WINDOWS] = {[MULTI] = 1, [MULTI_REVOTE] = 1, [SCALE] = 64000};

/* The same voters in the same windows, with other choices and revisions, in another order. */
static void *vote_everywhere(void *argument)
{
	struct twin *twin = argument;
	uint64_t random = twin->worker + 1;
	pthread_barrier_wait(twin->start);
	for (int bursts = 0; bursts < 200 && !twin->wrong; bursts++) {
		stage_burst_start(&twin->burst);
		for (int i = 0; i < 60; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			uint32_t window = (uint32_t)(random >> 60) % WINDOWS;
			struct vote vote = {
				.tenant = 7,
				.key_epoch = 1,
				.interaction = window,
				.voter = random >> 40 & 31,
				.choice = (uint16_t)(first_choice[window] + (random >> 34 & 1)),
				.revision = random >> 50 & 7,
				.program_time_us = OPENS + (random >> 55 & 3) * SECOND,
			};
			stage_burst_vote(&twin->burst, &plain, &vote, OPENS + 4 * SECOND);
		}
		twin->wrong = stage_play(&stage, twin->worker, &twin->burst);
	}
	return NULL;
}

/* What stands in the window, by counter, from the ballots themselves. */
static uint64_t audit(int window, uint64_t *votes)
{
	const struct store *store = &stage.stores[window];
	const struct question *question = &stage.set[window].question;
	static uint64_t answers[COUNTERS];
	uint64_t all = 0;
	memset(votes, 0, store->tally.counters * sizeof(*votes));
	for (uint64_t i = 0; !store->ballots && i < store->upvotes.count; i++)
		if (store->upvotes.cells[i]) {
			votes[(store->upvotes.cells[i] - 1) & 0xFFFF]++;
			all++;
		}
	for (uint32_t second = 0; store->ballots && second < store->seconds; second++) {
		uint32_t count = kind_answers(question);
		all += ballot_count(&store->ballots[second], answers, count);
		for (uint32_t i = 0; i < count; i++) {
			uint16_t mask = kind_choice(question, (uint16_t)i);
			for (uint32_t bit = 0; question->kind == KIND_MULTI && bit < 16; bit++)
				if (mask >> bit & 1)
					votes[bit] += answers[i];
			if (question->kind != KIND_MULTI)
				votes[second * question->options + i] += answers[i];
		}
	}
	return all;
}

Test(cast, on_two_workers_the_counts_are_what_stands)
{
	static uint64_t stands[COUNTERS], counted[COUNTERS];
	pthread_t threads[STAGE_WORKERS];
	pthread_barrier_t start;
	pthread_barrier_init(&start, NULL, STAGE_WORKERS);
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++) {
		twins[worker].worker = worker;
		twins[worker].start = &start;
		cr_assert_eq(
			pthread_create(&threads[worker], NULL, vote_everywhere, &twins[worker]), 0);
	}
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++) {
		pthread_join(threads[worker], NULL);
		cr_expect_null(twins[worker].wrong, "%s", twins[worker].wrong);
	}
	pthread_barrier_destroy(&start);
	for (int window = 0; window < WINDOWS; window++) {
		struct tally_sum sum = {.votes = counted};
		const struct tally *tally = &stage.stores[window].tally;
		uint64_t all = audit(window, stands);
		tally_read(tally, tally->counters, &sum);
		cr_expect_gt(all, 10, "window %d", window);
		cr_expect_eq(sum.receipts[RECEIPT_COUNTED], all, "window %d", window);
		cr_expect_arr_eq(counted, stands, tally->counters * sizeof(*stands), "window %d",
				 window);
	}
}
