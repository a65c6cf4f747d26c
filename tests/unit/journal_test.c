// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal with its thread, real workers and a real disk. Two workers cast the same voters into
 * shared cells, as they do into a ballot, so that each answers for votes of the other; a disk
 * between the journal and the real one notes which votes are synced, and no receipt may leave
 * before its vote is. Runs under TSan.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/disk_uring.h"
#include "dataplane/journal.h"
#include "dataplane/journal_read.h"
#include "tests/lib/scratch.h"

#define WORKERS 2
#define VOTERS  65536u
#define BURST   64
#define SECONDS 1000000u
#define TEXT    "{\"id\":101}"

/* Passes everything on; knows what is synced, and fails one write if told to. */
static struct watched {
	struct disk disk;
	struct disk *real;
	const uint8_t *memory;
	uint32_t block_bytes;
	struct disk_write writes[16]; /* by sequence */
	uint64_t write_count;
	uint64_t fail_at; /* this write's result is EIO; 0: none */
} watched;

static uint8_t cells[VOTERS];  /* the ballot: set by the worker that was first */
static uint8_t synced[VOTERS]; /* set by the journal's thread */
static uint32_t times_read[VOTERS];
static uint32_t events_read;
static uint32_t long_bytes; /* of an event's text, in place of TEXT; 0: none */
static struct journal *journal;

static struct role {
	pthread_t thread;
	uint32_t worker;
	uint32_t waiting; /* receipts [left, waiting) have not left yet */
	uint32_t left;
	struct {
		uint32_t voter;
		uint64_t release_at;
	} receipts[VOTERS];
	const char *wrong; /* read when the thread has ended */
} roles[WORKERS];

static int watch_buffers(struct disk *disk, void *memory, uint32_t count, uint32_t bytes,
			 struct err *err)
{
	(void)disk;
	watched.memory = memory;
	watched.block_bytes = bytes;
	return watched.real->ops->buffers(watched.real, memory, count, bytes, err);
}

static int watch_settle(struct disk *disk, struct err *err)
{
	(void)disk;
	return watched.real->ops->settle(watched.real, err);
}

static int watch_prepare(struct disk *disk, uint64_t segment, uint64_t bytes, uint64_t tag)
{
	(void)disk;
	return watched.real->ops->prepare(watched.real, segment, bytes, tag);
}

static int watch_write(struct disk *disk, const struct disk_write *write)
{
	(void)disk;
	watched.writes[write->tag % 16] = *write;
	return watched.real->ops->write(watched.real, write);
}

static void note_synced(const struct disk_write *write)
{
	static struct record_reader records;
	struct record_block block;
	const uint8_t *bytes = watched.memory + (size_t)write->buffer * watched.block_bytes;
	if (record_check(bytes, watched.block_bytes, write->segment, &block))
		return;
	record_open(&records, &block);
	for (enum record_type type; (type = record_next(&records)) != RECORD_END;) {
		if (type == RECORD_BAD)
			return;
		for (uint32_t i = 0; type == RECORD_VOTES && i < records.count; i++)
			__atomic_store_n(&synced[records.votes[i].voter], 1, __ATOMIC_RELAXED);
	}
}

static uint32_t watch_reap(struct disk *disk, struct disk_done *done, uint32_t most,
			   uint32_t wait_us)
{
	(void)disk;
	uint32_t count = watched.real->ops->reap(watched.real, done, most, wait_us);
	for (uint32_t i = 0; i < count; i++) {
		const struct disk_write *write = &watched.writes[done[i].tag % 16];
		if (!done[i].tag)
			continue;
		if (++watched.write_count == watched.fail_at)
			done[i].result = -EIO;
		else if (done[i].result == write->bytes)
			note_synced(write);
	}
	return count;
}

static void watch_finish(struct disk *disk, uint64_t segment, uint64_t used_bytes)
{
	(void)disk;
	watched.real->ops->finish(watched.real, segment, used_bytes);
}

static int watch_remove(struct disk *disk, uint64_t segment)
{
	(void)disk;
	return watched.real->ops->remove(watched.real, segment);
}

static void watch_name(struct disk *disk, uint64_t segment, char *text, uint32_t bytes)
{
	(void)disk;
	watched.real->ops->name(watched.real, segment, text, bytes);
}

static const struct disk_ops watch_ops = {
	.buffers = watch_buffers,
	.settle = watch_settle,
	.prepare = watch_prepare,
	.write = watch_write,
	.reap = watch_reap,
	.finish = watch_finish,
	.remove = watch_remove,
	.name = watch_name,
};

static struct journal_options options_of(struct disk *disk)
{
	return (struct journal_options){
		.disk = disk,
		.next = {1, JOURNAL_FIRST_SEQUENCE, 0},
		.segment_bytes = 128 << 10,
		.block_bytes = 32 << 10,
		.workers = WORKERS,
		.ring_entries = 4096,
		.poll_us = JOURNAL_DEFAULT_POLL_US,
	};
}

static void end(void)
{
	disk_uring_close(watched.real);
	scratch_remove();
}

static void start(void)
{
	struct err err;
	scratch_make();
	cr_assert_eq(disk_uring_open(scratch_directory, &watched.real, &err), 0, "%s", err.text);
	watched.disk.ops = &watch_ops;
	const struct journal_options options = options_of(&watched.disk);
	int rc = journal_open(&options, &journal, &err);
	if (rc == -EPERM || rc == -ENOSYS) {
		end();
		cr_skip_test("%s", err.text);
	}
	cr_assert_eq(rc, 0, "%s", err.text);
	cr_assert_eq(journal_start(journal, &err), 0, "%s", err.text);
}

TestSuite(journal, .init = start, .fini = end);

/* One voter: who sets the cell has counted the vote, the other one answers `duplicate`. */
static void cast(struct role *role, struct journal_ring *ring, uint32_t voter)
{
	const struct record_vote vote = {
		.program_time_us = 1795392000 * (uint64_t)SECONDS + voter,
		.voter = voter,
		.interaction = 101,
		.tenant = 7,
		.choice = (uint16_t)(voter % 4),
	};
	if (!__atomic_fetch_or(&cells[voter], 1, __ATOMIC_RELAXED))
		journal_put(ring, &vote);
	role->receipts[role->waiting++].voter = voter;
}

static void end_burst(struct role *role, struct journal_ring *ring, uint32_t first)
{
	uint64_t release_at = journal_report(ring);
	for (uint32_t i = first; i < role->waiting; i++)
		role->receipts[i].release_at = release_at;
	uint64_t durable = journal_durable(ring);
	for (; role->left < role->waiting; role->left++) {
		if (role->receipts[role->left].release_at > durable)
			return;
		if (!__atomic_load_n(&synced[role->receipts[role->left].voter], __ATOMIC_RELAXED))
			role->wrong = "a receipt would have left before its vote was on disk";
	}
}

/* Both go through all voters, one of them backwards in each burst, so they meet all the time. */
static void *work(void *arg)
{
	struct role *role = arg;
	struct journal_ring *ring = journal_ring(journal, role->worker);
	journal_online(ring);
	for (uint32_t i = 0; role->left < VOTERS;) {
		uint32_t first = role->waiting, room = journal_room(ring);
		for (uint32_t k = 0; k < BURST && k < room && i < VOTERS; k++, i++)
			cast(role, ring, role->worker ? i ^ (BURST - 1) : i);
		end_burst(role, ring, first);
		if (first == role->waiting)
			sched_yield();
	}
	journal_offline(ring);
	return NULL;
}

static void start_workers(void)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		roles[i].worker = i;
		cr_assert_eq(pthread_create(&roles[i].thread, NULL, work, &roles[i]), 0);
	}
}

static void join_workers(void)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		pthread_join(roles[i].thread, NULL);
		cr_expect_null(roles[i].wrong, "%s", roles[i].wrong ? roles[i].wrong : "");
	}
}

static int read_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	(void)context, (void)place;
	cr_assert(worker < WORKERS);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert(votes[i].voter < VOTERS && votes[i].choice == votes[i].voter % 4 &&
			  votes[i].interaction == 101 && votes[i].tenant == 7);
		times_read[votes[i].voter]++;
	}
	return 0;
}

static int read_event(void *context, const struct journal_place *place,
		      const struct record_event *event)
{
	(void)context, (void)place;
	if (event->kind == JOURNAL_EVENT_STARTED)
		return 0;
	cr_assert_eq(event->at_us, events_read);
	if (long_bytes)
		cr_assert(event->text_bytes == long_bytes && event->text[long_bytes - 1] == ' ');
	else
		cr_assert(event->text_bytes == strlen(TEXT) &&
			  memcmp(event->text, TEXT, strlen(TEXT)) == 0);
	events_read++;
	return 0;
}

static struct journal_report read_back(void)
{
	const struct journal_visitor visitor = {NULL, read_votes, read_event};
	struct journal_report report;
	struct err err;
	cr_assert_eq(journal_read(watched.real, &visitor, &report, &err), 0);
	cr_assert(err.text[0] == 0, "%s", err.text);
	return report;
}

static void expect_each_vote_once(void)
{
	uint32_t right = 0;
	for (uint32_t i = 0; i < VOTERS; i++)
		right += times_read[i] == cells[i];
	cr_expect_eq(right, VOTERS, "%u of %u", right, VOTERS);
}

static int append(uint32_t number, uint64_t *ticket)
{
	const struct record_event event = {
		.kind = JOURNAL_EVENT_ARMED,
		.at_us = number,
		.text = TEXT,
		.text_bytes = (uint32_t)strlen(TEXT),
	};
	struct err err;
	return journal_append(journal, &event, ticket, &err);
}

static void stop(void)
{
	struct err err;
	cr_expect_eq(journal_stop(journal, &err), 0);
	journal_close(journal);
}

Test(journal, no_receipt_leaves_before_its_vote_is_on_disk)
{
	struct journal_status status;
	struct err err;
	uint64_t ticket;
	start_workers();
	for (uint32_t i = 0; i < 50; i++) {
		cr_assert_eq(append(i, &ticket), 0);
		cr_assert_eq(journal_wait(journal, ticket, 0, &err), 0);
	}
	join_workers();
	journal_status(journal, &status);
	stop();
	struct journal_report report = read_back();
	expect_each_vote_once();
	cr_expect_eq(events_read, 50);
	cr_expect_eq(report.votes, VOTERS);
	cr_expect_eq(status.votes, VOTERS);
	cr_expect_eq(status.events, 51);
	cr_expect_eq(report.blocks, status.blocks);
	cr_expect_gt(report.segments, 1);
}

/* Workers know nothing of it: their receipts wait, and leave when the journal has gone on. */
Test(journal, after_a_failure_it_goes_on_in_another_segment_and_nothing_is_missing)
{
	struct err err;
	uint64_t ticket;
	watched.fail_at = 3;
	cr_assert_eq(append(0, &ticket), 0);
	cr_assert_eq(journal_wait(journal, ticket, 0, &err), 0);
	start_workers();
	while (!journal_failed(journal, &err))
		sched_yield();
	cr_expect(strstr(err.text, scratch_directory) && strstr(err.text, "Input/output error"),
		  "%s", err.text);
	cr_assert_eq(append(1, &ticket), 0);
	cr_expect_eq(journal_wait(journal, ticket, 0, &err), -EIO);
	journal_resume(journal);
	cr_expect_eq(journal_wait(journal, ticket, 0, &err), 0);
	join_workers();
	stop();
	struct journal_report report = read_back();
	expect_each_vote_once();
	cr_expect_eq(report.votes, VOTERS);
	cr_expect_eq(events_read, 2);
}

Test(journal, a_failure_is_returned_by_stop)
{
	struct err err;
	uint64_t ticket;
	watched.fail_at = 2; /* the first has said that it was started */
	cr_assert_eq(append(0, &ticket), 0);
	cr_expect_eq(journal_wait(journal, ticket, 0, &err), -EIO);
	cr_expect_eq(journal_stop(journal, &err), -EIO);
	journal_close(journal);
}

/* An orderly end leaves one file, as long as what is in it. */
Test(journal, what_was_not_used_is_given_back_at_the_end)
{
	struct err err;
	struct stat file;
	uint64_t ticket;
	cr_assert_eq(append(0, &ticket), 0);
	cr_assert_eq(journal_wait(journal, ticket, 0, &err), 0);
	stop();
	cr_expect_eq(scratch_count(), 1);
	cr_assert_eq(stat(scratch_path("0000000000000001.journal"), &file), 0);
	cr_expect_eq(file.st_size, 2 * JOURNAL_PAGE_BYTES);
	cr_expect_eq(file.st_mode & 0777, 0600);
	cr_expect_eq(read_back().next.sequence, 3);
}

Test(journal, a_second_writer_is_refused)
{
	struct disk *second;
	struct journal *other;
	struct err err;
	cr_assert_eq(disk_uring_open(scratch_directory, &second, &err), 0);
	struct journal_options options = options_of(second);
	options.next.segment = 100;
	cr_expect_eq(journal_open(&options, &other, &err), -EBUSY);
	cr_expect(strstr(err.text, scratch_directory) && strstr(err.text, "another tallyd"), "%s",
		  err.text);
	disk_uring_close(second);
	stop();
}

Test(journal, a_segment_that_is_there_is_not_written_over)
{
	struct disk *disk;
	struct journal *other;
	struct err err;
	stop();
	disk_uring_close(watched.real);
	scratch_text("0000000000000001.journal", "somebody's", 0600);
	scratch_text("notes.txt", "of the engineer's", 0600);
	cr_assert_eq(disk_uring_open(scratch_directory, &disk, &err), 0);
	const struct journal_options options = options_of(disk);
	cr_expect_eq(journal_open(&options, &other, &err), -EEXIST);
	cr_expect(strstr(err.text, "0000000000000001.journal"), "%s", err.text);
	cr_expect_eq(scratch_count(), 2);
	watched.real = disk;
}

Test(journal, a_directory_that_cannot_be_had_is_told)
{
	static const struct {
		const char *name, *says;
		int rc;
	} cases[] = {
		{"none/journal", "cannot be made: No such file", -ENOENT},
		{"file", "as a directory: Not a directory", -ENOTDIR},
	};
	struct disk *disk;
	struct err err;
	scratch_text("file", "", 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = scratch_path(cases[i].name);
		cr_expect_eq(disk_uring_open(path, &disk, &err), cases[i].rc);
		cr_expect(strstr(err.text, path) && strstr(err.text, cases[i].says), "%s",
			  err.text);
	}
	stop();
}

Test(journal, an_event_that_cannot_be_is_refused)
{
	static const struct {
		struct record_event event;
		int rc;
		const char *says;
	} cases[] = {
		{{.kind = JOURNAL_EVENT_NONE}, -EINVAL, "number 0"},
		{{.kind = JOURNAL_EVENT_KINDS}, -EINVAL, "number 15"},
		{{.kind = JOURNAL_EVENT_ARMED, .text_bytes = JOURNAL_EVENT_MAX_BYTES},
		 -EMSGSIZE,
		 "armed of 16777216 bytes"},
		{{.kind = JOURNAL_EVENT_ARMED, .text_bytes = UINT32_MAX}, -EMSGSIZE, "armed of"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ticket;
		struct err err;
		cr_expect_eq(journal_append(journal, &cases[i].event, &ticket, &err), cases[i].rc);
		cr_expect(strstr(err.text, cases[i].says), "%s", err.text);
	}
	stop();
}

/* 2 MiB take more blocks than there are in memory. */
Test(journal, a_long_event_is_written_whole)
{
	const uint32_t bytes = 2 << 20;
	char *long_text = malloc(bytes);
	struct record_event event = {.kind = JOURNAL_EVENT_ARMED, .text_bytes = bytes};
	struct journal_status status;
	struct err err;
	uint64_t ticket;
	cr_assert_not_null(long_text);
	memset(long_text, ' ', bytes);
	event.text = long_text;
	cr_assert_eq(journal_append(journal, &event, &ticket, &err), 0);
	free(long_text); /* it is the journal's own copy that is written */
	cr_assert_eq(journal_wait(journal, ticket, 0, &err), 0, "%s", err.text);
	journal_status(journal, &status);
	cr_expect_gt(status.blocks, 60);
	stop();
	long_bytes = bytes;
	read_back();
	cr_expect_eq(events_read, 1);
}
