/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every micro-benchmark shares: options, medians, spreads, rows. Called by
 * perf/<name>_bench.c; measures nothing itself.
 *
 * What is compared takes turns: run 1 of each, then run 2 of each, … The median of the runs is the
 * figure, (largest - smallest) / median its spread.
 */
#ifndef TALLYWIRE_PERF_BENCH_H
#define TALLYWIRE_PERF_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_RUNS_MAX 101

/* One figure of each run. Zeroed at first. */
struct bench_series {
	double values[BENCH_RUNS_MAX];
	uint32_t count;
};

/* One line of the outcome. Strings are borrowed; name and unit need no escaping in JSON. */
struct bench_row {
	const char *name; /* "auth.simd" */
	const char *unit; /* "ns/vote" */
	double value;
	double spread;
	const char *note; /* for people, not in the JSON; or NULL */
};

struct bench_options {
	uint32_t runs;
	bool json;
};

/*
 * Reads [--json] [--runs N]; `runs` is what N is unless given. 0, or -EINVAL after a line on stderr
 * that says what is wrong.
 */
int bench_options(int argc, char **argv, uint32_t runs, struct bench_options *options);

/* Takes one run's figure; beyond BENCH_RUNS_MAX it is left out. */
void bench_add(struct bench_series *series, double value);

/* 0 of an empty series. */
double bench_median(const struct bench_series *series);
double bench_spread(const struct bench_series *series);

/* A row of the series' median and spread. */
struct bench_row bench_row(const char *name, const char *unit, const struct bench_series *series,
			   const char *note);

/* A table, or with `json` an array of {"name", "unit", "value", "spread"}. On stdout. */
void bench_print(const struct bench_row *rows, size_t count, bool json);

/* Monotonic. */
uint64_t bench_now_ns(void);

/* What the calling thread has had of a CPU: leaves out the time that others took. */
uint64_t bench_cpu_ns(void);

/* The next number of a fixed sequence (splitmix64), the same in every run. */
uint64_t bench_random(uint64_t *state);

/* The compiler must take what `memory` points to as read and written here. */
static inline void bench_keep(const void *memory)
{
	__asm__ volatile("" : : "g"(memory) : "memory");
}

#endif
