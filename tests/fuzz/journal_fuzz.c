// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: bytes become a directory of journal segments. Some blocks are the fuzzer's own from
 * the first byte; others have its records behind a header whose checksum is right, or votes and
 * events that were written as they should be, so that all of the reader is reached.
 *
 * Whatever comes in: reading ends, in order, and the votes that were well written are read as they
 * were, or not at all.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/journal_read.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/must.h"

#define SEGMENTS      3
#define SEGMENT_PAGES 8
#define BLOCK_PAGES   2
#define BLOCK_BYTES   (BLOCK_PAGES * JOURNAL_PAGE_BYTES)
#define MARK          0xA5A5 /* the tenant of votes that were well written */

enum kind { RAW, RECORDS, VOTES, EVENT, KINDS };

static struct {
	uint8_t bytes[SEGMENT_PAGES * JOURNAL_PAGE_BYTES];
	uint32_t used;
} segments[SEGMENTS];

static uint64_t firsts[SEGMENTS]; /* the sequence that each begins with; 0: none yet */
static struct journal_place last;
static uint64_t votes_read, events_read;

/* As many bytes as the next one says, sixteen at a time, leaving one. */
static uint32_t take_some(struct input *input, void *memory, uint32_t most)
{
	uint32_t wanted = take8(input) * 16u, left = input_left(input);
	uint32_t count = wanted < left ? wanted : (left ? left - 1 : 0);
	return take_bytes(input, memory, count < most ? count : most);
}

/* All fields follow from the voter, so that who reads it knows whether it is right. */
static struct record_vote vote_of(uint32_t voter)
{
	return (struct record_vote){
		.program_time_us = (uint64_t)voter * 0x9E3779B97F4A7C15u,
		.voter = voter,
		.interaction = voter % 130,
		.tenant = MARK,
		.choice = (uint16_t)(voter >> 7),
		.revision = voter >> 3 & 0xFFFFFF,
		.changed = voter & 1,
	};
}

static void put_well(struct record_writer *writer, struct input *input, enum kind kind)
{
	uint8_t body[1024];
	for (uint32_t left = take8(input); kind == VOTES && left; left--) {
		const struct record_vote vote = vote_of(take32(input));
		record_put_votes(writer, take8(input), &vote, 1);
	}
	if (kind == EVENT) {
		uint32_t bytes = take_some(input, body, sizeof(body));
		record_put_event(writer, take8(input) % JOURNAL_EVENT_KINDS, body, bytes,
				 bytes ? take8(input) % bytes : 0);
	}
}

static void add_block(struct input *input, uint8_t control, uint32_t to, uint64_t *sequence)
{
	static uint8_t block[BLOCK_BYTES];
	struct record_writer writer;
	enum kind kind = control % KINDS;
	uint32_t room = sizeof(segments[to].bytes) - segments[to].used;
	memset(block, 0, sizeof(block));
	uint32_t bytes = JOURNAL_PAGE_BYTES;
	if (kind == RAW) {
		take_some(input, block, JOURNAL_PAGE_BYTES);
	} else {
		record_begin(&writer, block, BLOCK_BYTES);
		if (kind == RECORDS)
			writer.used +=
				take_some(input, block + writer.used, BLOCK_BYTES - writer.used);
		else
			put_well(&writer, input, kind);
		writer.votes += kind == RECORDS ? take8(input) : 0;
		bytes = record_end(&writer);
		*sequence += control & 0x40 ? take8(input) : 1;
		const struct record_stamp stamp = {
			.segment = control & 0x20 ? take8(input) % 4 : to + 1,
			.first = control & 0x10 ? take8(input)
				 : firsts[to]   ? firsts[to]
						: *sequence,
			.previous = control & 0x08 ? take8(input) % 4 : to,
			.sequence = *sequence,
			.durable = take8(input),
		};
		firsts[to] = stamp.first;
		record_stamp(block, &stamp);
	}
	if (bytes > room)
		return;
	memcpy(segments[to].bytes + segments[to].used, block, bytes);
	segments[to].used += bytes;
}

static int list(struct disk *disk, uint64_t **ids, uint32_t *count, struct err *err)
{
	(void)disk, (void)err;
	*ids = calloc(SEGMENTS, sizeof(**ids));
	MUST(*ids);
	for (*count = 0; *count < SEGMENTS; (*count)++)
		(*ids)[*count] = *count + 1;
	return 0;
}

static int64_t read_bytes(struct disk *disk, uint64_t segment, uint64_t offset, void *memory,
			  uint32_t bytes)
{
	(void)disk;
	MUST(segment >= 1 && segment <= SEGMENTS);
	uint32_t used = segments[segment - 1].used;
	uint32_t left = offset < used ? used - (uint32_t)offset : 0;
	uint32_t count = left < bytes ? left : bytes;
	memcpy(memory, segments[segment - 1].bytes + (left ? offset : 0), count);
	return count;
}

static void name(struct disk *disk, uint64_t segment, char *text, uint32_t bytes)
{
	(void)disk;
	snprintf(text, bytes, "fuzz/%llu", (unsigned long long)segment);
}

static void check_place(const struct journal_place *place)
{
	MUST(place->segment >= last.segment && place->sequence >= last.sequence);
	MUST(place->segment > last.segment || place->offset >= last.offset);
	last = *place;
}

static int check_votes(void *context, const struct journal_place *place, uint32_t worker,
		       const struct record_vote *votes, uint32_t count)
{
	const bool *only_well = context;
	check_place(place);
	MUST(worker < RECORD_MAX_WORKERS && count >= 1 && count <= RECORD_BATCH);
	for (uint32_t i = 0; *only_well && i < count; i++) {
		const struct record_vote vote = vote_of(votes[i].voter);
		MUST(vote.program_time_us == votes[i].program_time_us &&
		     vote.interaction == votes[i].interaction && vote.tenant == votes[i].tenant &&
		     vote.choice == votes[i].choice && vote.revision == votes[i].revision &&
		     vote.changed == votes[i].changed);
	}
	votes_read += count;
	return 0;
}

static int check_event(void *context, const struct journal_place *place,
		       const struct record_event *event)
{
	volatile uint8_t sum = 0;
	(void)context;
	check_place(place);
	MUST(event->kind > JOURNAL_EVENT_NONE && event->kind < JOURNAL_EVENT_KINDS);
	for (uint32_t i = 0; i < event->text_bytes; i++)
		sum = (uint8_t)(sum + (uint8_t)event->text[i]);
	events_read++;
	return 0;
}

static const struct disk_ops ops = {.list = list, .read = read_bytes, .name = name};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct input input = {.pos = bytes, .end = bytes + count};
	struct disk disk = {.ops = &ops};
	struct journal_report report;
	struct err err;
	bool only_well = take8(&input) & 1;
	const struct journal_visitor visitor = {&only_well, check_votes, check_event};
	uint64_t sequence = 0;
	memset(segments, 0, sizeof(segments));
	memset(firsts, 0, sizeof(firsts));
	last = (struct journal_place){0};
	votes_read = events_read = 0;
	for (uint32_t to = 0; input.pos < input.end;) {
		uint8_t control = take8(&input);
		if (control & 0x80)
			to = (to + 1) % SEGMENTS;
		if (!only_well || control % KINDS != RECORDS)
			add_block(&input, control, to, &sequence);
	}
	MUST(journal_read(&disk, &visitor, &report, &err) == 0);
	MUST(report.votes == votes_read && report.events == events_read);
	MUST(report.next.segment == SEGMENTS + 1 && report.fault != RECORD_FAULT_NONE);
	MUST(!report.acknowledged_lost || (report.valid_behind && err.text[0]));
	return 0;
}
