// SPDX-License-Identifier: BSD-3-Clause
/*
 * How long a leaderboard takes: the ten best of ten million players, by one quiz and by the sums of
 * a show. Called by people and `./run bench`; perf/README.md says what the rows mean.
 *
 * One thread. Every voter number has answered every quiz, a quarter of them right, each after
 * another time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dataplane/core/ballot_wide.h"
#include "dataplane/core/score.h"
#include "perf/bench.h"

#define RUNS        7
#define PLAYERS     10000000u
#define QUIZZES     10
#define OPTIONS     4
#define DURATION_US 20000000u
#define BEST        10

struct show {
	struct ballot ballots[QUIZZES];
	struct score_quiz quizzes[QUIZZES];
};

static void expect(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "score_bench: %s\n", what);
	exit(1);
}

static void fill(struct show *show, uint32_t i, uint64_t *state)
{
	static const uint64_t correct[KIND_MAX_OPTIONS / 64] = {1};
	size_t bytes = ballot_bytes_dense(PLAYERS, BALLOT_WIDE);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	expect(memory != MAP_FAILED, "out of memory");
	ballot_init(&show->ballots[i], memory, bytes, PLAYERS, BALLOT_WIDE, BALLOT_DENSE);
	for (uint32_t voter = 0; voter < PLAYERS; voter++) {
		uint64_t chance = bench_random(state), standing;
		ballot_wide_cast(&show->ballots[i], voter, (uint16_t)(chance % OPTIONS),
				 (chance >> 8) % DURATION_US, &standing);
	}
	score_quiz_init(&show->quizzes[i], &show->ballots[i], correct, 1000, DURATION_US);
}

/* ms of CPU time for the leaderboard of the first so many quizzes. */
static double run(const struct show *show, uint32_t quizzes)
{
	struct score_entry entries[BEST];
	struct score_board board = {.entries = entries, .room = BEST};
	uint64_t from = bench_cpu_ns();
	score_rank(show->quizzes, quizzes, &board);
	uint64_t ns = bench_cpu_ns() - from;
	expect(board.count == BEST && board.players > PLAYERS / OPTIONS / 2, "players are missing");
	return (double)ns / 1e6;
}

static double run_place(const struct show *show)
{
	uint64_t from = bench_cpu_ns();
	uint64_t place = score_place(show->quizzes, 1, PLAYERS / 2, 500);
	uint64_t ns = bench_cpu_ns() - from;
	expect(place > 1 && place <= PLAYERS, "no place");
	return (double)ns / 1e6;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct bench_series quiz = {0}, sums = {0}, place = {0};
	static struct show show;
	uint64_t state = 1;
	if (bench_options(argc, argv, RUNS, &options))
		return 2;
	for (uint32_t i = 0; i < QUIZZES; i++)
		fill(&show, i, &state);
	for (uint32_t i = 0; i < options.runs; i++) {
		bench_add(&quiz, run(&show, 1));
		bench_add(&sums, run(&show, QUIZZES));
		bench_add(&place, run_place(&show));
	}
	const struct bench_row rows[] = {
		bench_row("score.quiz", "ms", &quiz, "ten best of 10,000,000 players"),
		bench_row("score.show", "ms", &sums, "the same by the sums of 10 quizzes"),
		bench_row("score.place", "ms", &place, "one player's place in a quiz"),
	};
	bench_print(rows, sizeof(rows) / sizeof(rows[0]), options.json);
	return 0;
}
