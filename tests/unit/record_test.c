// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/record.h"
#include "wire/byte_order.h"

#define SEEN 1795392000000000u

static uint8_t block[JOURNAL_BLOCK_MAX_BYTES] __attribute__((aligned(8)));
static const struct record_stamp stamp = {.segment = 1, .first = 1, .sequence = 1};
static struct record_writer writer;
static struct record_reader reader;

static struct record_vote vote_of(uint32_t voter)
{
	return (struct record_vote){
		.program_time_us = SEEN + voter * 7919 % 5000000,
		.voter = voter * 2654435761u,
		.interaction = 101,
		.tenant = 7,
		.choice = (uint16_t)(voter % 4),
	};
}

static bool same(const struct record_vote *a, const struct record_vote *b)
{
	return a->program_time_us == b->program_time_us && a->voter == b->voter &&
	       a->interaction == b->interaction && a->tenant == b->tenant &&
	       a->choice == b->choice && a->revision == b->revision && a->changed == b->changed;
}

static uint32_t finish(void)
{
	uint32_t bytes = record_end(&writer);
	record_stamp(block, &stamp);
	return bytes;
}

static void open_block(void)
{
	struct record_block found;
	cr_assert_eq(record_check(block, sizeof(block), 1, &found), RECORD_FAULT_NONE);
	record_open(&reader, &found);
}

/* Reads all votes of a block that has nothing else; they must be these. */
static void expect_votes(const struct record_vote *votes, const uint8_t *workers, uint32_t count)
{
	uint32_t i = 0;
	open_block();
	for (enum record_type type; (type = record_next(&reader)) != RECORD_END;) {
		cr_assert_eq(type, RECORD_VOTES);
		for (uint32_t k = 0; k < reader.count; k++, i++) {
			cr_assert(i < count);
			cr_assert(same(&reader.votes[k], &votes[i]), "vote %u", i);
			cr_assert_eq(reader.worker, workers ? workers[i] : 0, "vote %u", i);
		}
	}
	cr_assert_eq(i, count);
}

/* Extremes of every field, in an order in which neighbours share little. */
Test(record, every_vote_comes_back_as_it_was)
{
	static const struct record_vote votes[] = {
		{SEEN, 0, 101, 7, 0, 0, 0},
		{SEEN - 1, UINT32_MAX, 101, 7, UINT16_MAX, 0, 0},
		{0, 1, 101, 7, 63, 0, 0},
		{UINT64_MAX, 2, 101, 7, 64, 0, 0},
		{(uint64_t)1 << 63, 3, 101, 7, 127, 0xFFFFFF, 1},
		{SEEN + 5000000, 4, 101, 7, 128, 1, 1},
		{SEEN, 5, 101, 8, 0, 0xFFFFFF, 0},
		{SEEN, 6, UINT32_MAX, UINT16_MAX, 1, 0, 1},
		{SEEN, 7, 0, 0, 1, 1, 1},
		{SEEN, 8, 101, 7, 2, 0, 0},
	};
	static const uint8_t workers[] = {0, 0, 1, 255, 255, 1, 1, 0, 0, 0};
	const uint32_t count = sizeof(votes) / sizeof(votes[0]);
	record_begin(&writer, block, sizeof(block));
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(record_put_votes(&writer, workers[i], &votes[i], 1), 1);
	cr_expect_eq(finish(), JOURNAL_PAGE_BYTES);
	expect_votes(votes, workers, count);
}

/* More windows than a block has slots, again and again. */
Test(record, windows_share_slots)
{
	static struct record_vote votes[4000];
	for (uint32_t i = 0; i < 4000; i++) {
		votes[i] = vote_of(i);
		votes[i].interaction = i * 37 % 1000;
		votes[i].tenant = (uint16_t)(i % 3);
	}
	record_begin(&writer, block, sizeof(block));
	cr_assert_eq(record_put_votes(&writer, 0, votes, 4000), 4000);
	finish();
	expect_votes(votes, NULL, 4000);
}

/* A run has a number of 16 bits for its votes. */
Test(record, a_run_may_be_longer_than_its_number)
{
	static uint8_t large[JOURNAL_BLOCK_MAX_BYTES];
	struct record_vote vote = {.program_time_us = SEEN};
	uint32_t put = 0;
	record_begin(&writer, large, sizeof(large));
	/* 6 bytes each: 43,000 in a block; two workers' runs would not show it, so count one up. */
	while (record_put_votes(&writer, 0, &vote, 1))
		put++;
	cr_expect_gt(put, 40000);
	cr_expect_eq(writer.votes, put);
}

/* 100,000 voters, 5 s of program time, 4 options: all that is on disk, over the votes. */
Test(record, a_vote_of_a_burst_costs_less_than_ten_bytes)
{
	static struct record_vote votes[100000];
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < 100000; i++)
		votes[i] = vote_of(i);
	for (uint32_t done = 0; done < 100000;) {
		record_begin(&writer, block, sizeof(block));
		uint32_t left = 100000 - done;
		/* As bursts of two workers come in. */
		for (uint32_t i = 0, taken = 64; i < left && taken == 64; i += 64) {
			taken = record_put_votes(&writer, i / 64 % 2, votes + done,
						 100000 - done < 64 ? 100000 - done : 64);
			done += taken;
		}
		bytes += finish();
	}
	cr_expect_leq(bytes, 1000000, "%lu bytes", bytes);
}

Test(record, what_has_no_room_is_left_to_the_next_block)
{
	static struct record_vote votes[1000];
	for (uint32_t i = 0; i < 1000; i++)
		votes[i] = vote_of(i);
	record_begin(&writer, block, JOURNAL_PAGE_BYTES);
	cr_expect(record_is_empty(&writer));
	uint32_t taken = record_put_votes(&writer, 0, votes, 1000);
	cr_expect(taken > 400 && taken < 500, "%u", taken);
	cr_expect_eq(record_put_votes(&writer, 0, votes + taken, 1), 0);
	cr_expect_eq(finish(), JOURNAL_PAGE_BYTES);
	expect_votes(votes, NULL, taken);
}

static const char text[] = "{\"armed\":[],\"out\":[{\"tenant\":7,\"id\":101}]}";

static const struct record_event events[] = {
	{.kind = JOURNAL_EVENT_STARTED, .at_us = SEEN},
	{.kind = JOURNAL_EVENT_STOPPED, .at_us = UINT64_MAX},
	{.kind = JOURNAL_EVENT_CLOCK, .at_us = SEEN, .offset_us = -1},
	{.kind = JOURNAL_EVENT_CLOCK, .at_us = SEEN, .offset_us = INT64_MAX},
	{.kind = JOURNAL_EVENT_IMMEDIATE, .at_us = SEEN},
	{.kind = JOURNAL_EVENT_ARMED, .at_us = SEEN, .text = text, .text_bytes = sizeof(text) - 1},
	{.kind = JOURNAL_EVENT_ARMED, .at_us = SEEN, .text = ""},
	{.kind = JOURNAL_EVENT_OPENED, .tenant = 7, .interaction = 1, .opens_at_us = 5},
	{.kind = JOURNAL_EVENT_CLOSED, .tenant = 7, .interaction = 1, .closes_at_us = 5},
	{.kind = JOURNAL_EVENT_EXTENDED,
	 .tenant = UINT16_MAX,
	 .interaction = UINT32_MAX,
	 .opens_at_us = 1,
	 .closes_at_us = UINT64_MAX},
	{.kind = JOURNAL_EVENT_CANCELLED, .tenant = 7, .flags = JOURNAL_WINDOW_CANCELLED},
	{.kind = JOURNAL_EVENT_REVEALED, .tenant = 7, .flags = 255},
	{.kind = JOURNAL_EVENT_UNDONE, .at_us = SEEN},
	{.kind = JOURNAL_EVENT_KEY_ADDED, .tenant = 7, .key_epoch = 255},
	{.kind = JOURNAL_EVENT_KEY_RETIRED, .tenant = 8, .key_epoch = 1},
	{.kind = JOURNAL_EVENT_FINAL,
	 .at_us = SEEN,
	 .tenant = 7,
	 .interaction = 101,
	 .receipts = {1, 2, 3, 4, 5, 6, 7, 8, UINT64_MAX},
	 .missed = 10},
};

static void expect_event(const struct record_event *a, const struct record_event *b)
{
	const char *name = record_event_name(a->kind);
	cr_expect_eq(a->kind, b->kind);
	cr_expect_eq(a->at_us, b->at_us, "%s", name);
	cr_expect_eq(a->tenant, b->tenant, "%s", name);
	cr_expect_eq(a->interaction, b->interaction, "%s", name);
	cr_expect_eq(a->key_epoch, b->key_epoch, "%s", name);
	cr_expect_eq(a->opens_at_us, b->opens_at_us, "%s", name);
	cr_expect_eq(a->closes_at_us, b->closes_at_us, "%s", name);
	cr_expect_eq(a->flags, b->flags, "%s", name);
	cr_expect_eq(a->offset_us, b->offset_us, "%s", name);
	cr_expect_eq(a->missed, b->missed, "%s", name);
	cr_expect_eq(a->text_bytes, b->text_bytes, "%s", name);
	cr_expect(!b->text_bytes || memcmp(a->text, b->text, b->text_bytes) == 0, "%s", name);
	cr_expect_arr_eq(a->receipts, b->receipts, sizeof(a->receipts), "%s", name);
}

Test(record, every_event_comes_back_as_it_was)
{
	uint8_t body[256];
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct record_event event;
		uint32_t bytes = record_event_bytes(&events[i]);
		record_event_write(&events[i], body);
		cr_assert_eq(record_event_read(events[i].kind, body, bytes, &event), 0);
		expect_event(&event, &events[i]);
		cr_expect(record_event_read(events[i].kind, body, bytes - 1, &event) < 0 ||
			  event.text_bytes == events[i].text_bytes - 1);
	}
}

Test(record, a_body_of_another_length_is_no_event)
{
	uint8_t body[256] = {0};
	struct record_event event;
	cr_expect(record_event_read(JOURNAL_EVENT_NONE, body, 8, &event) < 0);
	cr_expect(record_event_read(JOURNAL_EVENT_KINDS, body, 8, &event) < 0);
	cr_expect(record_event_read(JOURNAL_EVENT_STARTED, body, 9, &event) < 0);
	cr_expect(record_event_read(JOURNAL_EVENT_ARMED, body, 7, &event) < 0);
	cr_expect(record_event_read(JOURNAL_EVENT_EXTENDED, body, 30, &event) < 0);
	cr_expect(record_event_read(JOURNAL_EVENT_EXTENDED, body, 32, &event) < 0);
	cr_expect(record_event_read(JOURNAL_EVENT_FINAL, body, 93, &event) < 0);
}

/* Across three blocks, the votes before it and after it in the same ones. */
Test(record, a_long_event_goes_on_in_the_next_block)
{
	static uint8_t body[10000], back[10000];
	struct record_vote vote = vote_of(1);
	uint32_t done = 0, got = 0, blocks = 0;
	for (uint32_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 31);
	while (done < sizeof(body)) {
		record_begin(&writer, block, JOURNAL_PAGE_BYTES);
		record_put_votes(&writer, 0, &vote, 1);
		done = record_put_event(&writer, JOURNAL_EVENT_ARMED, body, sizeof(body), done);
		record_put_votes(&writer, 0, &vote, 1);
		finish();
		open_block();
		for (enum record_type type; (type = record_next(&reader)) != RECORD_END;) {
			cr_assert(type == RECORD_VOTES || type == RECORD_PIECE);
			if (type == RECORD_VOTES)
				continue;
			cr_expect_eq(reader.first, got == 0);
			memcpy(back + got, reader.piece, reader.piece_bytes);
			got += reader.piece_bytes;
			cr_expect_eq(reader.last, got == sizeof(body));
		}
		blocks++;
	}
	cr_expect_eq(blocks, 3);
	cr_assert_eq(got, sizeof(body));
	cr_expect_arr_eq(back, body, sizeof(body));
}

/* Records by hand behind a header that is right: what they are to be read as. */
Test(record, records_that_make_no_sense_are_refused)
{
#define CONTEXT      "\1\0\0\7\0\0\0\145\0\0\0\0\0\0\0\0"
#define BYTES(bytes) bytes, sizeof(bytes) - 1
	static const struct {
		const char *what, *records;
		uint32_t bytes, votes;
		enum record_type type;
	} cases[] = {
		{"nothing", BYTES(""), 0, RECORD_END},
		{"fewer votes than promised", BYTES(""), 1, RECORD_BAD},
		{"type 0", BYTES("\0"), 0, RECORD_BAD},
		{"type 4", BYTES("\4"), 0, RECORD_BAD},
		{"half a context", BYTES("\1\0\0\7"), 0, RECORD_BAD},
		{"slot 64", BYTES("\1\100\0\7\0\0\0\145\0\0\0\0\0\0\0\0"), 0, RECORD_BAD},
		{"a run without a context",
		 BYTES("\2\0\0\0\1"
		       "\0\0\0\1\0\0"),
		 1, RECORD_BAD},
		{"a run of none", BYTES(CONTEXT "\2\0\0\0\0"), 0, RECORD_BAD},
		{"a run of slot 64",
		 BYTES(CONTEXT "\2\100\0\0\1"
			       "\0\0\0\1\0\0"),
		 1, RECORD_BAD},
		{"a vote",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1\0\0"),
		 1, RECORD_VOTES},
		{"more votes than promised",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1\0\0"),
		 0, RECORD_BAD},
		{"half a voter",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0"),
		 1, RECORD_BAD},
		{"no choice",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1"),
		 1, RECORD_BAD},
		{"half a choice",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1\200"),
		 1, RECORD_BAD},
		{"choice 65536",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1\200\200\10\0"),
		 1, RECORD_BAD},
		{"a time of 71 bits",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1\0\377\377\377\377\377\377\377\377\377\377\1"),
		 1, RECORD_BAD},
		{"a revision of 25 bits",
		 BYTES(CONTEXT "\2\0\0\0\1"
			       "\0\0\0\1\1\0\200\200\200\20"),
		 1, RECORD_BAD},
		{"a piece",
		 BYTES("\3\1\3\0\0\0\1"
		       "a"),
		 0, RECORD_PIECE},
		{"a piece of nothing", BYTES("\3\1\3\0\0\0\0"), 0, RECORD_BAD},
		{"a piece beyond the end",
		 BYTES("\3\1\3\0\0\0\2"
		       "a"),
		 0, RECORD_BAD},
		{"a piece of 4 GiB",
		 BYTES("\3\1\3\377\377\377\377"
		       "a"),
		 0, RECORD_BAD},
		{"kind 0",
		 BYTES("\3\0\3\0\0\0\1"
		       "a"),
		 0, RECORD_BAD},
		{"kind 15",
		 BYTES("\3\17\3\0\0\0\1"
		       "a"),
		 0, RECORD_BAD},
		{"flags 4",
		 BYTES("\3\1\4\0\0\0\1"
		       "a"),
		 0, RECORD_BAD},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record_begin(&writer, block, JOURNAL_PAGE_BYTES);
		memcpy(block + writer.used, cases[i].records, cases[i].bytes);
		writer.used += cases[i].bytes;
		writer.votes = cases[i].votes;
		finish();
		open_block();
		cr_expect_eq(record_next(&reader), cases[i].type, "%s", cases[i].what);
	}
}

Test(record, a_block_is_told_from_what_is_none)
{
	struct record_block found;
	struct record_vote vote = vote_of(1);
	struct journal_block_header *header = (void *)block;
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found), RECORD_FAULT_BLANK);
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES - 1, 1, &found), RECORD_FAULT_ENDS);
	block[JOURNAL_PAGE_BYTES - 1] = 1;
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found), RECORD_FAULT_MAGIC);
	record_begin(&writer, block, JOURNAL_PAGE_BYTES);
	record_put_votes(&writer, 0, &vote, 1);
	finish();
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found), RECORD_FAULT_NONE);
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 2, &found), RECORD_FAULT_SEGMENT);
	block[JOURNAL_PAGE_BYTES - 1] ^= 1;
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found), RECORD_FAULT_CHECKSUM);
	block[JOURNAL_PAGE_BYTES - 1] ^= 1;
	static const uint32_t lengths[] = {0, 1, 4095, 8192, JOURNAL_BLOCK_MAX_BYTES + 4096};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		header->bytes_be = be32(lengths[i]);
		cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found),
			     RECORD_FAULT_LENGTH);
	}
	header->bytes_be = be32(JOURNAL_PAGE_BYTES);
	header->used_be = be32(JOURNAL_PAGE_BYTES + 1);
	record_stamp(block, &stamp);
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found), RECORD_FAULT_CONTENT);
	header->used_be = be32(63);
	record_stamp(block, &stamp);
	cr_expect_eq(record_check(block, JOURNAL_PAGE_BYTES, 1, &found), RECORD_FAULT_CONTENT);
}
