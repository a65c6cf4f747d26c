// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a vote costs in the ballot, beside what it costs CRoaring to add the same number to a
 * bitmap and say whether it was new; how much memory ballots take; how long sealing takes. Called
 * by people and `./run bench`; perf/README.md says what the rows mean.
 *
 * One thread. Numbers 0 to N - 1 in random order with a tenth more that are there already, the same
 * for all. The ballot gets bursts of 64 with prefetch, as the pipeline does it; its memory is there
 * before, as in an armed window, while a bitmap takes its own as it grows.
 */
#include <roaring/roaring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/core/ballot.h"
#include "dataplane/seal.h"
#include "perf/bench.h"

#define RUNS         7
#define RUNS_LARGEST 3 /* at most, of 100 million */
#define BURST        64
#define OPTIONS      4
#define ITEMS        1000 /* sparse ballots: each of so many voters of so many */
#define ITEM_VOTERS  100
#define ITEM_NUMBERS 1000000

static void *take(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("ballot_bench: memory");
		exit(1);
	}
	return memory;
}

static void expect(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "ballot_bench: %s\n", what);
	exit(1);
}

struct votes {
	uint32_t *voters; /* in order of arrival */
	uint32_t count;
	uint32_t distinct;
};

static struct votes votes_make(uint32_t distinct)
{
	struct votes votes = {.count = distinct + distinct / 10, .distinct = distinct};
	uint64_t state = distinct;
	votes.voters = take(votes.count * sizeof(*votes.voters));
	for (uint32_t i = 0; i < votes.count; i++)
		votes.voters[i] = i < distinct ? i : (uint32_t)(bench_random(&state) % distinct);
	for (uint32_t i = votes.count - 1; i; i--) {
		uint32_t other = (uint32_t)(bench_random(&state) % (i + 1)), voter;
		voter = votes.voters[i];
		votes.voters[i] = votes.voters[other];
		votes.voters[other] = voter;
	}
	return votes;
}

static void votes_free(struct votes *votes)
{
	munmap(votes->voters, votes->count * sizeof(*votes->voters));
}

struct box {
	struct ballot ballot;
	void *memory;
	size_t bytes;
};

static void box_open(struct box *box, uint32_t voters, enum ballot_form form)
{
	box->bytes = form == BALLOT_DENSE ? ballot_bytes_dense(voters, OPTIONS)
					  : ballot_bytes(voters, OPTIONS);
	box->memory = take(box->bytes);
	ballot_init(&box->ballot, box->memory, box->bytes, voters, OPTIONS, form);
}

static uint32_t cast_burst(struct ballot *ballot, const uint32_t *voters, uint32_t count)
{
	uint32_t recorded = 0;
	for (uint32_t i = 0; i < count; i++)
		ballot_prefetch(ballot, voters[i]);
	for (uint32_t i = 0; i < count; i++) {
		uint16_t standing;
		recorded += ballot_cast(ballot, voters[i], voters[i] % OPTIONS, &standing) ==
			    BALLOT_RECORDED;
	}
	return recorded;
}

static uint32_t cast_all(struct ballot *ballot, const struct votes *votes)
{
	uint32_t recorded = 0;
	for (uint32_t i = 0; i < votes->count; i += BURST) {
		uint32_t left = votes->count - i;
		recorded += cast_burst(ballot, votes->voters + i, left < BURST ? left : BURST);
	}
	return recorded;
}

/* ns per vote */
static double run_ballot(const struct votes *votes, enum ballot_form form)
{
	struct box box;
	box_open(&box, votes->distinct, form);
	uint64_t from = bench_now_ns();
	uint32_t recorded = cast_all(&box.ballot, votes);
	uint64_t ns = bench_now_ns() - from;
	expect(recorded == votes->distinct, "the ballot has lost a voter");
	munmap(box.memory, box.bytes);
	return (double)ns / votes->count;
}

static double run_croaring(const struct votes *votes)
{
	roaring_bitmap_t *bitmap = roaring_bitmap_create();
	uint32_t recorded = 0;
	uint64_t from = bench_now_ns();
	for (uint32_t i = 0; i < votes->count; i++)
		recorded += roaring_bitmap_add_checked(bitmap, votes->voters[i]);
	uint64_t ns = bench_now_ns() - from;
	expect(recorded == votes->distinct, "the bitmap has lost a voter");
	roaring_bitmap_free(bitmap);
	return (double)ns / votes->count;
}

/* Milliseconds from the ballot to five bitmaps. */
static double run_seal(struct box *box, uint32_t voters)
{
	struct seal seal;
	uint64_t from = bench_now_ns();
	expect(seal_make(&box->ballot, OPTIONS, &seal) == 0, "out of memory");
	uint64_t ns = bench_now_ns() - from;
	expect(roaring_bitmap_get_cardinality(seal.voters) == voters, "sealing lost a voter");
	seal_free(&seal);
	return (double)ns / 1e6;
}

/* All bytes of ITEMS ballots, each with ITEM_VOTERS answers in it. */
static double sparse_bytes(void)
{
	size_t bytes = ballot_bytes_sparse(ITEM_NUMBERS, ITEM_VOTERS, OPTIONS);
	struct ballot *ballots = take(ITEMS * sizeof(*ballots));
	uint8_t *memory = take(ITEMS * bytes);
	uint64_t state = 1, dry = 0;
	for (uint32_t i = 0; i < ITEMS; i++) {
		ballot_init(&ballots[i], memory + i * bytes, bytes, ITEM_NUMBERS, OPTIONS,
			    BALLOT_GROWING);
		for (uint32_t recorded = 0; recorded < ITEM_VOTERS && !dry;) {
			uint32_t voter = (uint32_t)(bench_random(&state) % ITEM_NUMBERS);
			uint16_t standing;
			recorded +=
				ballot_cast(&ballots[i], voter, 0, &standing) == BALLOT_RECORDED;
			dry += ballot_pool_dry(&ballots[i]);
		}
	}
	expect(!dry, "a sparse ballot is dry");
	munmap(memory, ITEMS * bytes);
	munmap(ballots, ITEMS * sizeof(*ballots));
	return (double)(ITEMS * (bytes + sizeof(*ballots)));
}

static const struct size {
	uint32_t voters;
	const char *cast, *dense, *croaring, *times;
} sizes[] = {
	{100000, "ballot.cast.100k", "ballot.dense.100k", "ballot.croaring.100k",
	 "ballot.times.100k"},
	{1000000, "ballot.cast.1M", "ballot.dense.1M", "ballot.croaring.1M", "ballot.times.1M"},
	{10000000, "ballot.cast.10M", "ballot.dense.10M", "ballot.croaring.10M",
	 "ballot.times.10M"},
	{100000000, "ballot.cast.100M", "ballot.dense.100M", "ballot.croaring.100M",
	 "ballot.times.100M"},
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static size_t bench_size(const struct size *size, uint32_t runs, struct bench_row *rows)
{
	struct bench_series cast = {0}, dense = {0}, croaring = {0}, times = {0};
	struct votes votes = votes_make(size->voters);
	for (uint32_t i = 0; i < runs; i++) {
		double ours = run_ballot(&votes, BALLOT_GROWING);
		double theirs = run_croaring(&votes);
		bench_add(&cast, ours);
		bench_add(&croaring, theirs);
		bench_add(&times, theirs / ours);
		bench_add(&dense, run_ballot(&votes, BALLOT_DENSE));
	}
	votes_free(&votes);
	rows[0] = bench_row(size->cast, "ns/vote", &cast, "containers that grow");
	rows[1] = bench_row(size->dense, "ns/vote", &dense, "dense from the start");
	rows[2] = bench_row(size->croaring, "ns/vote", &croaring, "roaring_bitmap_add_checked");
	rows[3] = bench_row(size->times, "x", &times, "croaring over cast, run by run");
	return 4;
}

static struct bench_row bench_seal(uint32_t runs)
{
	const uint32_t voters = 10000000;
	struct bench_series series = {0};
	struct votes votes = votes_make(voters);
	struct box box;
	box_open(&box, voters, BALLOT_GROWING);
	cast_all(&box.ballot, &votes);
	for (uint32_t i = 0; i < runs; i++)
		bench_add(&series, run_seal(&box, voters));
	munmap(box.memory, box.bytes);
	votes_free(&votes);
	return bench_row("seal.10M", "ms", &series, "4 options: five bitmaps");
}

static struct bench_row figure(const char *name, const char *unit, double value, const char *note)
{
	return (struct bench_row){.name = name, .unit = unit, .value = value, .note = note};
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct bench_row rows[4 * SIZES + 3];
	size_t count = 0;
	if (bench_options(argc, argv, RUNS, &options))
		return 2;
	uint32_t fewer = options.runs < RUNS_LARGEST ? options.runs : RUNS_LARGEST;
	for (size_t i = 0; i < SIZES; i++)
		count += bench_size(&sizes[i], i + 1 < SIZES ? options.runs : fewer, rows + count);
	rows[count++] = bench_seal(options.runs);
	rows[count++] = figure("ballot.sparse_bytes", "bytes", sparse_bytes(),
			       "1,000 items, 100 voters each out of a million");
	rows[count++] = figure("ballot.bytes.100M", "bytes",
			       (double)(ballot_bytes(100000000, OPTIONS) + sizeof(struct ballot)),
			       "4 options, any turnout");
	bench_print(rows, count, options.json);
	return 0;
}
