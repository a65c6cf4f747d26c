// SPDX-License-Identifier: BSD-3-Clause
/* Medians, spreads and rows for the micro-benchmarks. Writes only to stdout and stderr. */
#include "perf/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int runs_of(const char *text, uint32_t *runs)
{
	char *end;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;
	if (value < 1 || value > BENCH_RUNS_MAX || *end) {
		fprintf(stderr, "bench: --runs takes 1 to %d, not '%s'\n", BENCH_RUNS_MAX,
			text ? text : "");
		return -EINVAL;
	}
	*runs = (uint32_t)value;
	return 0;
}

int bench_options(int argc, char **argv, uint32_t runs, struct bench_options *options)
{
	*options = (struct bench_options){.runs = runs};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			options->json = true;
		} else if (!strcmp(argv[i], "--runs")) {
			/* argv ends in NULL. */
			if (runs_of(argv[++i], &options->runs))
				return -EINVAL;
		} else {
			fprintf(stderr, "bench: '%s' is not --json or --runs N\n", argv[i]);
			return -EINVAL;
		}
	}
	return 0;
}

void bench_add(struct bench_series *series, double value)
{
	if (series->count < BENCH_RUNS_MAX)
		series->values[series->count++] = value;
}

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static struct bench_series sorted(const struct bench_series *series)
{
	struct bench_series copy = *series;
	qsort(copy.values, copy.count, sizeof(copy.values[0]), compare_doubles);
	return copy;
}

double bench_median(const struct bench_series *series)
{
	if (!series->count)
		return 0;
	struct bench_series copy = sorted(series);
	uint32_t middle = copy.count / 2;
	if (copy.count % 2)
		return copy.values[middle];
	return (copy.values[middle - 1] + copy.values[middle]) / 2;
}

double bench_spread(const struct bench_series *series)
{
	double median = bench_median(series);
	if (median <= 0)
		return 0;
	struct bench_series copy = sorted(series);
	return (copy.values[copy.count - 1] - copy.values[0]) / median;
}

struct bench_row bench_row(const char *name, const char *unit, const struct bench_series *series,
			   const char *note)
{
	return (struct bench_row){
		.name = name,
		.unit = unit,
		.value = bench_median(series),
		.spread = bench_spread(series),
		.note = note,
	};
}

static void print_json(const struct bench_row *rows, size_t count)
{
	puts("[");
	for (size_t i = 0; i < count; i++)
		printf("  {\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.6g, \"spread\": "
		       "%.4f}%s\n",
		       rows[i].name, rows[i].unit, rows[i].value, rows[i].spread,
		       i + 1 < count ? "," : "");
	puts("]");
}

void bench_print(const struct bench_row *rows, size_t count, bool json)
{
	if (json) {
		print_json(rows, count);
		return;
	}
	/* The columns of perf/scenarios/bench.sh. */
	for (size_t i = 0; i < count; i++)
		printf("%-22s %12.2f %-14s %6.2f  %s\n", rows[i].name, rows[i].value, rows[i].unit,
		       rows[i].spread, rows[i].note ? rows[i].note : "");
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_random(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}
