// SPDX-License-Identifier: BSD-3-Clause
/*
 * A journal that was written well and then cut off or damaged: what is read is what was written up
 * to the damage, to the block, and nothing else.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/journal_world.h"
#include "wire/byte_order.h"

#define KIB        1024u
#define VOTES_MAX  8192
#define EVENTS_MAX 512
#define BLOCKS_MAX 64
#define STARTED    UINT64_MAX /* in place of an event's number */
#ifdef __SANITIZE_ADDRESS__   /* fifty times as slow */
#define FLIPS  2000
#define STRIDE 61
#else
#define FLIPS  100000
#define STRIDE 1
#endif

static struct world world;
static struct disk_sim_file *file;
static uint8_t *image; /* as it was written */
static uint64_t image_bytes;

/* What the whole image holds. */
static struct {
	uint32_t votes, events, blocks;
	struct record_vote vote[VOTES_MAX];
	uint64_t event[EVENTS_MAX]; /* by its number */
	uint64_t block_at[BLOCKS_MAX + 1];
	uint32_t block_votes[BLOCKS_MAX + 1]; /* how many come before it */
} whole;

/* The reading of now. */
static uint32_t votes_read, events_read;
static bool invented;

static int note_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	(void)context, (void)place, (void)worker;
	cr_assert(whole.votes + count <= VOTES_MAX);
	memcpy(&whole.vote[whole.votes], votes, count * sizeof(*votes));
	whole.votes += count;
	return 0;
}

static int note_event(void *context, const struct journal_place *place,
		      const struct record_event *event)
{
	(void)context, (void)place;
	cr_assert(whole.events < EVENTS_MAX);
	whole.event[whole.events++] =
		event->kind == JOURNAL_EVENT_STARTED ? STARTED : world_event_number(event);
	return 0;
}

static int compare_votes(void *context, const struct journal_place *place, uint32_t worker,
			 const struct record_vote *votes, uint32_t count)
{
	(void)context, (void)place, (void)worker;
	invented |= votes_read + count > whole.votes ||
		    memcmp(&whole.vote[votes_read], votes, count * sizeof(*votes)) != 0;
	votes_read += count;
	return 0;
}

static int compare_event(void *context, const struct journal_place *place,
			 const struct record_event *event)
{
	(void)context, (void)place;
	bool started = event->kind == JOURNAL_EVENT_STARTED;
	uint64_t number = started ? STARTED : world_event_number(event);
	invented |= events_read >= whole.events || whole.event[events_read] != number ||
		    (!started && !world_is_event(event, world_event_number(event)));
	events_read++;
	return 0;
}

static void find_blocks(void)
{
	uint64_t at = 0;
	uint32_t votes = 0;
	while (at < image_bytes) {
		const struct journal_block_header *header = (const void *)(image + at);
		cr_assert(whole.blocks < BLOCKS_MAX);
		whole.block_votes[whole.blocks] = votes;
		whole.block_at[whole.blocks++] = at;
		votes += be32(header->votes_be);
		at += be32(header->bytes_be);
	}
	whole.block_at[whole.blocks] = at;
	whole.block_votes[whole.blocks] = votes;
}

/* One segment, a little more than 64 KiB of it written, in blocks of one page to four. */
static void write_image(void)
{
	const struct journal_visitor visitor = {NULL, note_votes, note_event};
	struct journal_report report;
	struct err err;
	/* The reader's memory is not given back and taken anew 100,000 times. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	world_open(&world, 7);
	world_start(&world, 256 * KIB, 16 * KIB);
	for (uint32_t i = 0; world.sim.files[0].segment && i < 14; i++) {
		world_turn(&world, i % WORLD_WORKERS);
		world_put(&world, i % WORLD_WORKERS, 50);
		for (uint32_t events = 0; events < 2 + i; events++)
			world_append(&world);
		cr_assert(world_drain(&world));
	}
	world_end(&world);
	cr_assert(world.wrong[0] == 0, "%s", world.wrong);
	file = disk_sim_file(&world.sim, 1);
	image_bytes = file->bytes;
	image = malloc(image_bytes);
	memcpy(image, file->now, image_bytes);
	cr_assert(image_bytes > 64 * KIB && image_bytes < 256 * KIB, "%lu bytes", image_bytes);
	cr_assert_eq(journal_read(&world.sim.disk, &visitor, &report, &err), 0);
	find_blocks();
	cr_assert_eq(report.blocks, whole.blocks);
	cr_assert_eq(whole.votes, world.vote_count);
	cr_assert_eq(whole.events, world.event_count + 1);
}

static void forget_image(void)
{
	free(image);
	world_close(&world);
}

TestSuite(journal_damage, .init = write_image, .fini = forget_image);

static struct journal_report read_back(void)
{
	const struct journal_visitor visitor = {NULL, compare_votes, compare_event};
	struct journal_report report;
	struct err err;
	votes_read = events_read = 0;
	cr_assert_eq(journal_read(&world.sim.disk, &visitor, &report, &err), 0);
	cr_assert(!invented, "something was read that was never written");
	cr_assert_eq(report.votes, votes_read);
	cr_assert_eq(report.events, events_read);
	cr_assert((err.text[0] != 0) == report.acknowledged_lost, "%s", err.text);
	return report;
}

static uint32_t block_of(uint64_t at)
{
	uint32_t block = 0;
	while (whole.block_at[block + 1] <= at)
		block++;
	return block;
}

Test(journal_damage, any_truncation_leaves_the_blocks_before_it)
{
	for (uint64_t bytes = image_bytes - 64 * KIB; bytes < image_bytes; bytes += STRIDE) {
		file->bytes = bytes;
		struct journal_report report = read_back();
		uint32_t block = block_of(bytes);
		cr_assert_eq(report.blocks, block, "%lu bytes: %lu blocks of %u", bytes,
			     report.blocks, block);
		cr_assert_eq(votes_read, whole.block_votes[block]);
		cr_assert_eq(report.next.sequence, block + 1);
	}
}

Test(journal_damage, any_flipped_bit_ends_reading_before_its_block)
{
	uint64_t random = 1;
	for (uint32_t i = 0; i < FLIPS; i++) {
		uint64_t at = disk_sim_random(&random, (uint32_t)image_bytes);
		uint8_t bit = (uint8_t)(1 << disk_sim_random(&random, 8));
		uint32_t block = block_of(at);
		file->now[at] ^= bit;
		struct journal_report report = read_back();
		file->now[at] ^= bit;
		cr_assert_eq(report.blocks, block, "bit %u of byte %lu: %lu blocks of %u", bit, at,
			     report.blocks, block);
		cr_assert_eq(votes_read, whole.block_votes[block]);
		cr_assert_eq(report.end.offset, whole.block_at[block]);
		cr_assert(report.fault != RECORD_FAULT_NONE && report.fault != RECORD_FAULT_BLANK);
		cr_assert_eq(report.valid_behind, whole.blocks - block - 1);
		/* Each was durable before the next was written, so the last alone is in doubt. */
		cr_assert_eq(report.acknowledged_lost, block + 1 < whole.blocks);
	}
}

/* A reader that cannot tell these from the journal would go on into another life of the file. */
Test(journal_damage, what_stands_in_the_wrong_place_is_stale)
{
	static const struct {
		uint64_t segment, sequence;
		enum record_fault fault;
	} cases[] = {
		{2, 3, RECORD_FAULT_SEGMENT},
		{1, 2, RECORD_FAULT_SEQUENCE},
		{1, 4, RECORD_FAULT_SEQUENCE},
		{1, UINT64_MAX, RECORD_FAULT_SEQUENCE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(file->now, image, image_bytes);
		const struct record_stamp stamp = {
			.segment = cases[i].segment,
			.first = 1,
			.sequence = cases[i].sequence,
		};
		record_stamp(file->now + whole.block_at[2], &stamp);
		struct journal_report report = read_back();
		cr_expect_eq(report.fault, cases[i].fault, "%zu: %s", i,
			     record_fault_text(report.fault));
		cr_expect_eq(report.blocks, 2);
	}
}

Test(journal_damage, pages_of_zeros_are_a_block_never_written)
{
	memset(file->now + whole.block_at[2], 0, image_bytes - whole.block_at[2]);
	struct journal_report report = read_back();
	cr_expect_eq(report.fault, RECORD_FAULT_BLANK);
	cr_expect_eq(report.valid_behind, 0);
	cr_expect_not(report.acknowledged_lost);
	file->bytes = whole.block_at[2];
	report = read_back();
	cr_expect_eq(report.fault, RECORD_FAULT_ENDS);
}

/* The checksum is right, so a writer has gone mad: nothing of what it says is believed. */
Test(journal_damage, records_that_make_no_sense_end_reading)
{
	struct journal_block_header *header = (void *)(file->now + whole.block_at[3]);
	header->votes_be = be32(be32(header->votes_be) + 1);
	const struct record_stamp stamp = {.segment = 1, .first = 1, .sequence = 4, .durable = 3};
	record_stamp(header, &stamp);
	const struct journal_visitor visitor = {NULL, compare_votes, compare_event};
	struct journal_report report;
	struct err err;
	cr_assert_eq(journal_read(&world.sim.disk, &visitor, &report, &err), 0);
	cr_expect_eq(report.fault, RECORD_FAULT_CONTENT);
	cr_expect_eq(report.blocks, 3);
	cr_expect(strstr(err.text, "simulated/1: block 4 at"), "%s", err.text);
	cr_expect_not(invented);
}

static int stop_at_votes(void *context, const struct journal_place *place, uint32_t worker,
			 const struct record_vote *votes, uint32_t count)
{
	(void)context, (void)place, (void)worker, (void)votes, (void)count;
	return 5;
}

Test(journal_damage, a_visitor_may_end_reading)
{
	const struct journal_visitor visitor = {NULL, stop_at_votes, compare_event};
	struct journal_report report;
	struct err err;
	cr_expect_eq(journal_read(&world.sim.disk, &visitor, &report, &err), 5);
}

Test(journal_damage, an_empty_directory_is_a_journal_that_begins)
{
	const struct journal_visitor visitor = {NULL, compare_votes, compare_event};
	struct disk_sim empty;
	struct journal_report report;
	struct err err;
	disk_sim_open(&empty, 1);
	cr_expect_eq(journal_read(&empty.disk, &visitor, &report, &err), 0);
	cr_expect_eq(report.next.segment, 1);
	cr_expect_eq(report.next.sequence, JOURNAL_FIRST_SEQUENCE);
	cr_expect_eq(report.fault, RECORD_FAULT_NONE);
	disk_sim_close(&empty);
}

/* Ten segments of one block each; segment n has block n, the first says that it was started. */
#define CHAIN 10

static void write_chain(void)
{
	struct journal_report report = {.next = {1, JOURNAL_FIRST_SEQUENCE, 0}};
	world_open(&world, 7);
	world_start(&world, 4 * KIB, 4 * KIB);
	for (uint32_t i = 1; i < CHAIN; i++) {
		world_turn(&world, 0);
		world_put(&world, 0, 10);
		cr_assert(world_drain(&world));
	}
	world_end(&world);
	report = world.report;
	cr_assert(world.wrong[0] == 0, "%s", world.wrong);
	cr_assert_eq(report.segments, CHAIN);
	cr_assert_eq(report.blocks, CHAIN);
	cr_assert_eq(report.next.previous, CHAIN);
}

static void forget_chain(void)
{
	world_close(&world);
}

TestSuite(journal_chain, .init = write_chain, .fini = forget_chain);

static int skip_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	(void)context, (void)place, (void)worker, (void)votes, (void)count;
	return 0;
}

static struct journal_report read_chain(struct err *err)
{
	const struct journal_visitor visitor = {NULL, skip_votes, compare_event};
	struct journal_report report;
	cr_assert_eq(journal_read(&world.sim.disk, &visitor, &report, err), 0);
	return report;
}

static void take_away(uint64_t segment)
{
	cr_assert_eq(world.sim.disk.ops->remove(&world.sim.disk, segment), 0);
}

static void flip(uint64_t segment)
{
	disk_sim_file(&world.sim, segment)->now[100] ^= 1;
}

static void wipe(uint64_t segment)
{
	memset(disk_sim_file(&world.sim, segment)->now, 0, JOURNAL_PAGE_BYTES);
}

static void cut(uint64_t segment)
{
	disk_sim_file(&world.sim, segment)->bytes = 0;
}

/* Another segment's bytes under this name. */
static void copy_over(uint64_t segment)
{
	memcpy(disk_sim_file(&world.sim, segment)->now, disk_sim_file(&world.sim, 3)->now,
	       JOURNAL_PAGE_BYTES);
}

Test(journal_chain, a_segment_that_is_missed_is_told)
{
	static const struct {
		const char *what;
		void (*harm)(uint64_t segment);
		uint64_t segment, blocks, next_sequence;
		bool lost;
	} cases[] = {
		{"oldest removed", take_away, 1, CHAIN - 1, CHAIN + 1, false},
		{"second removed", take_away, 2, 1, 2, true},
		{"fifth removed", take_away, 5, 4, 5, true},
		/* Nobody can know that there was more. */
		{"newest removed", take_away, CHAIN, CHAIN - 1, CHAIN, false},
		{"oldest damaged", flip, 1, 0, 1, true},
		{"fifth damaged", flip, 5, 4, 5, true},
		{"newest damaged", flip, CHAIN, CHAIN - 1, CHAIN, false},
		{"oldest wiped", wipe, 1, 0, 1, true},
		{"fifth wiped", wipe, 5, 4, 5, true},
		{"fifth cut to nothing", cut, 5, 4, 5, true},
		{"newest cut to nothing", cut, CHAIN, CHAIN - 1, CHAIN, false},
		{"fifth overwritten by the third", copy_over, 5, 4, 5, true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		if (i) {
			forget_chain();
			write_chain();
		}
		cases[i].harm(cases[i].segment);
		struct journal_report report = read_chain(&err);
		cr_expect_eq(report.blocks, cases[i].blocks, "%s: %lu blocks", cases[i].what,
			     report.blocks);
		cr_expect_eq(report.next.sequence, cases[i].next_sequence, "%s", cases[i].what);
		cr_expect_eq(report.acknowledged_lost, cases[i].lost, "%s", cases[i].what);
		cr_expect_eq(err.text[0] != 0, cases[i].lost, "%s: %s", cases[i].what, err.text);
	}
}

/* Segments that were prepared, and left behind by a writer that failed, are in nobody's way. */
Test(journal_chain, what_is_not_of_the_chain_is_left_out)
{
	struct err err;
	world.report.next.segment = CHAIN + 5;
	world_start(&world, 4 * KIB, 4 * KIB);
	world_crash(&world);
	struct journal_report report = read_chain(&err);
	cr_expect_eq(report.blocks, CHAIN + 1);
	cr_expect_gt(report.next.segment, CHAIN + 5);
	cr_expect_eq(report.next.previous, CHAIN + 5);

	/* As if a start had found the journal to end at its seventh block. */
	world.report.next = (struct record_tail){CHAIN + 20, 8, 7};
	world_start(&world, 4 * KIB, 4 * KIB);
	journal_close(world.journal);
	report = read_chain(&err);
	cr_expect_eq(report.blocks, 8);
	cr_expect_eq(report.next.previous, CHAIN + 20);
	cr_expect(err.text[0] == 0, "%s", err.text);
}
