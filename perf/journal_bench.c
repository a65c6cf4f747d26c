// SPDX-License-Identifier: BSD-3-Clause
/*
 * How many votes a second the journal writes and syncs, beside what the disk does with the same
 * bytes in the same pieces without a journal; how long one commit takes; how fast it is read back.
 * Called by people and `./run bench`; perf/README.md says what the rows mean.
 *
 * A worker, which is this thread, puts votes as fast as its ring has room, in bursts; the journal's
 * thread does the rest. All in a new directory under JOURNAL_BENCH_DIR, /var/tmp unless that is
 * set, which is removed again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/disk_uring.h"
#include "dataplane/journal.h"
#include "dataplane/journal_read.h"
#include "perf/bench.h"
#include "wire/byte_order.h"

#define RUNS       9
#define VOTES      4000000u
#define TEMPLATES  1048576u /* a power of two */
#define BURST      64
#define COMMITS    200
#define BLOCKS_MAX 65536

static struct record_vote *templates;
static uint32_t block_bytes[BLOCKS_MAX]; /* as the last run wrote them */
static uint32_t block_count;
static uint8_t *raw_bytes;

static void expect(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "journal_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(int rc, const struct err *err)
{
	if (!rc)
		return;
	fprintf(stderr, "journal_bench: %s\n", err->text);
	exit(1);
}

/* One question, four options, five seconds of program time, voters in random order. */
static void make_templates(void)
{
	uint64_t state = 1;
	templates = malloc(TEMPLATES * sizeof(*templates));
	raw_bytes = aligned_alloc(DISK_ALIGN, JOURNAL_BLOCK_MAX_BYTES);
	expect(templates && raw_bytes, "memory");
	for (uint32_t i = 0; i < JOURNAL_BLOCK_MAX_BYTES; i++)
		raw_bytes[i] = (uint8_t)bench_random(&state);
	for (uint32_t i = 0; i < TEMPLATES; i++)
		templates[i] = (struct record_vote){
			.program_time_us = 1795392000000000u + bench_random(&state) % 5000000,
			.voter = (uint32_t)bench_random(&state) % 10000000,
			.interaction = 101,
			.tenant = 7,
			.choice = (uint16_t)(bench_random(&state) % 4),
		};
}

/* The template of a name in the directory that is to be measured. */
static void name_path(char path[PATH_MAX])
{
	const char *directory = getenv("JOURNAL_BENCH_DIR");
	snprintf(path, PATH_MAX, "%s/tallywire-bench-XXXXXX", directory ? directory : "/var/tmp");
}

struct box {
	char path[PATH_MAX];
	struct disk *disk;
	struct journal *journal;
};

static void box_open(struct box *box)
{
	struct err err;
	name_path(box->path);
	expect(mkdtemp(box->path), box->path);
	must(disk_uring_open(box->path, &box->disk, &err), &err);
	const struct journal_options options = {
		.disk = box->disk,
		.next = {1, JOURNAL_FIRST_SEQUENCE, 0},
		.segment_bytes = JOURNAL_DEFAULT_SEGMENT_BYTES,
		.block_bytes = JOURNAL_BLOCK_MAX_BYTES,
		.workers = 1,
		.ring_entries = JOURNAL_DEFAULT_RING_ENTRIES,
		.poll_us = JOURNAL_DEFAULT_POLL_US,
	};
	must(journal_open(&options, &box->journal, &err), &err);
	must(journal_start(box->journal, &err), &err);
}

static void box_stop(struct box *box)
{
	struct err err;
	must(journal_stop(box->journal, &err), &err);
	journal_close(box->journal);
}

static void box_remove(struct box *box)
{
	uint64_t *segments;
	uint32_t count;
	struct err err;
	must(box->disk->ops->list(box->disk, &segments, &count, &err), &err);
	for (uint32_t i = 0; i < count; i++)
		box->disk->ops->remove(box->disk, segments[i]);
	free(segments);
	disk_uring_close(box->disk);
	rmdir(box->path);
}

/* Seconds from the first vote put to the last one durable. */
static double write_votes(struct box *box)
{
	struct journal_ring *ring = journal_ring(box->journal, 0);
	struct err err;
	uint64_t from = bench_now_ns(), release_at = 0;
	journal_online(ring);
	for (uint32_t i = 0; i < VOTES;) {
		uint32_t room = journal_room(ring);
		for (uint32_t k = 0; k < BURST && k < room && i < VOTES; k++, i++)
			journal_put(ring, &templates[i & (TEMPLATES - 1)]);
		release_at = journal_report(ring);
		if (room)
			continue;
		must(journal_failed(box->journal, &err), &err);
		sched_yield();
	}
	/* The last report's round has all votes; what is durable with it, is. */
	while (journal_durable(ring) < release_at - 1) {
		journal_report(ring);
		must(journal_failed(box->journal, &err), &err);
		sched_yield();
	}
	journal_offline(ring);
	return (double)(bench_now_ns() - from) / 1e9;
}

static void note_blocks(struct box *box)
{
	struct journal_block_header header;
	uint64_t *segments;
	uint32_t count;
	struct err err;
	must(box->disk->ops->list(box->disk, &segments, &count, &err), &err);
	block_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		for (uint64_t at = 0; block_count < BLOCKS_MAX;) {
			int64_t got = box->disk->ops->read(box->disk, segments[i], at, &header,
							   sizeof(header));
			if (got < (int64_t)sizeof(header) || be32(header.magic_be) != JOURNAL_MAGIC)
				break;
			block_bytes[block_count++] = be32(header.bytes_be);
			at += be32(header.bytes_be);
		}
	}
	free(segments);
}

/* Space is there before, as the journal has its segments. Returns the file. */
static int raw_open(uint64_t bytes)
{
	char path[PATH_MAX];
	name_path(path);
	int fd = mkostemp(path, O_DIRECT | O_CLOEXEC);
	expect(fd >= 0, path);
	unlink(path);
	expect(fallocate(fd, 0, 0, (off_t)bytes) == 0 && fsync(fd) == 0, "fallocate");
	return fd;
}

/* Seconds for the bytes of the run before, in its pieces: write, sync, write, sync. */
static double write_raw(void)
{
	uint64_t bytes = 0, at = 0;
	for (uint32_t i = 0; i < block_count; i++)
		bytes += block_bytes[i];
	int fd = raw_open(bytes);
	uint64_t from = bench_now_ns();
	for (uint32_t i = 0; i < block_count; i++) {
		expect(pwrite(fd, raw_bytes, block_bytes[i], (off_t)at) == block_bytes[i] &&
			       fdatasync(fd) == 0,
		       "pwrite");
		at += block_bytes[i];
	}
	uint64_t ns = bench_now_ns() - from;
	close(fd);
	return (double)ns / 1e9;
}

static int keep_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	uint64_t *sum = context;
	(void)place, (void)worker;
	for (uint32_t i = 0; i < count; i++)
		*sum += votes[i].choice;
	return 0;
}

static int keep_event(void *context, const struct journal_place *place,
		      const struct record_event *event)
{
	(void)context, (void)place, (void)event;
	return 0;
}

static double read_votes(struct box *box)
{
	uint64_t sum = 0;
	const struct journal_visitor visitor = {&sum, keep_votes, keep_event};
	struct journal_report report;
	struct err err;
	uint64_t from = bench_now_ns();
	must(journal_read(box->disk, &visitor, &report, &err), &err);
	uint64_t ns = bench_now_ns() - from;
	bench_keep(&sum);
	expect(report.votes == VOTES, "votes are missing in the journal");
	return (double)ns / 1e9;
}

/* Microseconds from an event to its being durable, with nothing else to do. */
static double commit_event(struct box *box)
{
	const struct record_event event = {.kind = JOURNAL_EVENT_REVEALED};
	struct err err;
	uint64_t ticket, from = bench_now_ns();
	must(journal_append(box->journal, &event, &ticket, &err), &err);
	must(journal_wait(box->journal, ticket, 0, &err), &err);
	return (double)(bench_now_ns() - from) / 1e3;
}

static double commit_raw(int fd, uint32_t number)
{
	uint64_t from = bench_now_ns();
	expect(pwrite(fd, raw_bytes, DISK_ALIGN, (off_t)number * DISK_ALIGN) == DISK_ALIGN &&
		       fdatasync(fd) == 0,
	       "pwrite");
	return (double)(bench_now_ns() - from) / 1e3;
}

/* The median of so many of each, which take turns. */
static void bench_commits(struct bench_series *ours, struct bench_series *theirs)
{
	struct bench_series journal = {0}, raw = {0};
	struct box box;
	int fd = raw_open((uint64_t)COMMITS * DISK_ALIGN);
	box_open(&box);
	for (uint32_t i = 0; i < COMMITS; i++) {
		bench_add(&journal, commit_event(&box));
		bench_add(&raw, commit_raw(fd, i));
	}
	close(fd);
	box_stop(&box);
	box_remove(&box);
	bench_add(ours, bench_median(&journal));
	bench_add(theirs, bench_median(&raw));
}

int main(int argc, char **argv)
{
	struct bench_series votes = {0}, raw = {0}, ratio = {0}, bytes = {0}, reads = {0},
			    commit = {0}, commit_alone = {0};
	struct bench_options options;
	if (bench_options(argc, argv, RUNS, &options))
		return 2;
	make_templates();
	for (uint32_t i = 0; i < options.runs; i++) {
		struct journal_status status;
		struct box box;
		box_open(&box);
		double ours = write_votes(&box);
		journal_status(box.journal, &status);
		box_stop(&box);
		note_blocks(&box);
		double theirs = write_raw();
		read_votes(&box); /* brings it into the page cache */
		bench_add(&reads, VOTES / read_votes(&box));
		box_remove(&box);
		bench_add(&votes, VOTES / ours);
		bench_add(&raw, VOTES / theirs);
		bench_add(&ratio, theirs / ours);
		bench_add(&bytes, (double)status.bytes / VOTES);
		bench_commits(&commit, &commit_alone);
	}
	const struct bench_row rows[] = {
		bench_row("journal.votes", "votes/s", &votes, "encoded, written and synced"),
		bench_row("journal.raw", "votes/s", &raw, "the same bytes: pwrite, fdatasync"),
		bench_row("journal.ratio", "times", &ratio, "votes over raw, run by run"),
		bench_row("journal.bytes", "bytes/vote", &bytes, "on disk, all included"),
		bench_row("journal.read", "votes/s", &reads, "from the page cache, one core"),
		bench_row("journal.commit", "us", &commit, "one event, from append to durable"),
		bench_row("journal.commit_raw", "us", &commit_alone, "4 KiB: pwrite, fdatasync"),
	};
	bench_print(rows, sizeof(rows) / sizeof(rows[0]), options.json);
	free(templates);
	free(raw_bytes);
	return 0;
}
