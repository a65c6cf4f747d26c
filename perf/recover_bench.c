// SPDX-License-Identifier: BSD-3-Clause
/*
 * How many votes a second are read back from the journal into windows, on one core, as a start does
 * it and as an audit does; and how long sealing them takes. Called by people and `./run bench`;
 * perf/README.md says what the rows mean.
 *
 * All in a new directory under JOURNAL_BENCH_DIR, /var/tmp unless that is set, which is removed
 * again.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/audit.h"
#include "dataplane/clock.h"
#include "dataplane/core/cast.h"
#include "dataplane/disk_uring.h"
#include "dataplane/sealer.h"
#include "perf/bench.h"

#define RUNS     9
#define VOTES    4000000u
#define VOTERS   10000000u
#define OPENS_US 1700000000000000ull

static struct tenant acme = {.id = 7, .name = "acme"};
static const struct keyring tenants = {.tenants = &acme, .tenant_count = 1};
static char journal[PATH_MAX], results[PATH_MAX], key[PATH_MAX], folder[PATH_MAX];
static uint64_t cast_votes; /* that were counted */

static void must(int rc, const struct err *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "recover_bench: %s\n", err->text);
	exit(1);
}

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static struct windows *make_windows(void)
{
	struct windows *windows;
	struct err err;
	const struct windows_options options = {
		.voters = VOTERS,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
	};
	must(windows_create(&options, &windows, &err), &err);
	return windows;
}

static void arm(struct windows *windows)
{
	struct interaction interaction = {
		.tenant = &acme,
		.id = 101,
		.rules = {.kind = KIND_POLL, .options = 4},
		.question = strdup("Which colour?"),
		.labels = calloc(4, sizeof(char *)),
		.opens_at_us = OPENS_US,
		.duration_us = 20000000,
	};
	struct err err;
	for (int i = 0; i < 4; i++)
		interaction.labels[i] = strdup("colour");
	must(windows_arm(windows, &interaction, 1, &err), &err);
}

/* One burst, cast and put as a worker does it. */
static void cast_some(struct windows *windows, struct journal_ring *ring, uint64_t *state)
{
	static struct burst burst;
	const struct armed_window *armed = windows_find(windows, acme.id, 101);
	burst.count = burst.room = BURST_MAX;
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		burst.verdict[i] = VERDICT_NONE;
		burst.window[i] = &armed->window;
		burst.vote[i] = (struct vote){
			.program_time_us = OPENS_US + bench_random(state) % 5000000,
			.interaction = 101,
			.voter = (uint32_t)(bench_random(state) % VOTERS),
			.tenant = acme.id,
			.choice = (uint16_t)(bench_random(state) % 4),
		};
	}
	cast_burst(&burst);
	cast_count(&burst, 0);
	while (journal_room(ring) < BURST_MAX)
		journal_report(ring);
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		const struct record_vote record = {
			.program_time_us = burst.vote[i].program_time_us,
			.voter = burst.vote[i].voter,
			.interaction = 101,
			.tenant = acme.id,
			.choice = burst.vote[i].choice,
		};
		if (burst.verdict[i] == VERDICT_COUNTED) {
			journal_put(ring, &record);
			cast_votes++;
		}
	}
	journal_report(ring);
}

/* Seals the window; the last of it is measured by seal_once(). */
static void seal(struct windows *windows, struct durable *durable, struct journal_ring *ring)
{
	struct sealer *sealer;
	struct err err;
	const struct sealer_options options = {results, key, {0, 0}, NULL, {0, 0}};
	must(sealer_open(&options, windows, durable, &sealer, &err), &err);
	windows_settle(windows, OPENS_US + 30000000);
	while (windows_at(windows, 0)->seal != SEAL_DONE) {
		journal_report(ring);
		sealer_step(sealer, OPENS_US + 30000000, 0);
	}
	sealed_folder(windows_at(windows, 0), folder);
	sealer_close(sealer);
}

static void write_journal(struct windows *windows)
{
	struct durable *durable;
	struct err err;
	uint64_t state = 1;
	const struct durable_options options = {
		.directory = journal, .workers = 1, .segment_bytes = 64 << 20};
	must(durable_open(&options, &tenants, windows, &durable, &err), &err);
	struct journal_ring *ring = journal_ring(durable_journal(durable), 0);
	arm(windows); /* waits for the journal, which would wait for a worker that is online */
	journal_online(ring);
	for (uint32_t votes = 0; votes < VOTES; votes += BURST_MAX)
		cast_some(windows, ring, &state);
	seal(windows, durable, ring);
	journal_offline(ring);
	must(durable_stop(durable, &err), &err);
	durable_close(durable);
}

static double recover_once(void)
{
	struct windows *windows = make_windows();
	struct disk *disk;
	struct recovery recovery;
	struct err err;
	must(disk_uring_open(journal, &disk, &err), &err);
	uint64_t begin = bench_cpu_ns();
	must(recover_run(disk, &tenants, windows, &recovery, &err), &err);
	double rate = (double)recovery.counted * 1e9 / (double)(bench_cpu_ns() - begin);
	if (recovery.counted != cast_votes) {
		fprintf(stderr, "recover_bench: not all votes were read back\n");
		exit(1);
	}
	disk_uring_close(disk);
	windows_destroy(windows);
	return rate;
}

static double audit_once(void)
{
	char path[2 * PATH_MAX];
	struct audit_report report;
	struct err err;
	snprintf(path, sizeof(path), "%s/%s", results, folder);
	const struct audit_options options = {path, journal, NULL};
	uint64_t begin = bench_cpu_ns();
	must(audit_run(&options, &report, &err), &err);
	double rate = (double)report.votes * 1e9 / (double)(bench_cpu_ns() - begin);
	if (json_array_size(report.differences) || report.votes != cast_votes) {
		fprintf(stderr, "recover_bench: the audit differs\n");
		exit(1);
	}
	audit_free(&report);
	return rate;
}

/* All sets of the window, in ms. */
static double seal_once(const struct windows *windows)
{
	struct sealed_files files;
	struct err err = {"no memory"};
	uint64_t begin = bench_cpu_ns();
	must(sealed_sets(windows_at(windows, 0), &files), &err);
	double ms = (double)(bench_cpu_ns() - begin) / 1e6;
	sealed_free(&files);
	return ms;
}

static void remove_all(const char *directory)
{
	char command[PATH_MAX + 16];
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	if (system(command) != 0)
		fprintf(stderr, "recover_bench: %s is left\n", directory);
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct bench_series recover = {0}, audit = {0}, sets = {0};
	const char *parent = getenv("JOURNAL_BENCH_DIR");
	char directory[PATH_MAX / 2];
	if (bench_options(argc, argv, RUNS, &options))
		return 2;
	snprintf(directory, sizeof(directory), "%.1000s/tallywire-bench-XXXXXX",
		 parent ? parent : "/var/tmp");
	if (!mkdtemp(directory)) {
		fprintf(stderr, "recover_bench: %s: %s\n", directory, strerror(errno));
		return 1;
	}
	snprintf(journal, sizeof(journal), "%s/journal", directory);
	snprintf(results, sizeof(results), "%s/results", directory);
	snprintf(key, sizeof(key), "%s/key", directory);
	clock_start();
	struct windows *windows = make_windows();
	write_journal(windows);
	for (uint32_t run = 0; run < options.runs; run++) {
		bench_add(&recover, recover_once());
		bench_add(&audit, audit_once());
		bench_add(&sets, seal_once(windows));
	}
	const struct bench_row rows[] = {
		bench_row("recover.votes", "votes/s", &recover, "read back, on one core"),
		bench_row("audit.votes", "votes/s", &audit, "a sealed result counted again"),
		bench_row("seal.poll", "ms", &sets, "3.3 million voters of ten, four options"),
	};
	bench_print(rows, sizeof(rows) / sizeof(rows[0]), options.json);
	windows_destroy(windows);
	remove_all(directory);
	return 0;
}
