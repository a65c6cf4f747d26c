// SPDX-License-Identifier: BSD-3-Clause
/* Blocks of the journal, written and read. Called by the journal's writer and reader; no I/O. */
#include "dataplane/core/record.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "wire/byte_order.h"

#define CHECKSUM_FROM offsetof(struct journal_block_header, segment_be)
/* What a vote can need: a context, the head of a run, itself. */
#define VOTE_ROOM                                                                                  \
	(sizeof(struct journal_context_record) + sizeof(struct journal_votes_record) +             \
	 JOURNAL_VOTE_MAX_BYTES)

static uint64_t checksum_of(const void *block, uint32_t bytes)
{
	return XXH3_64bits((const uint8_t *)block + CHECKSUM_FROM, bytes - CHECKSUM_FROM);
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

void record_begin(struct record_writer *writer, void *block, uint32_t capacity)
{
	memset(writer, 0, sizeof(*writer));
	writer->block = block;
	writer->capacity = capacity;
	writer->used = sizeof(struct journal_block_header);
}

/* The number of votes stands before them, so it is written when the run is over. */
static void end_run(struct record_writer *writer)
{
	if (!writer->run_at)
		return;
	const struct journal_votes_record record = {
		.type = JOURNAL_VOTES,
		.slot = (uint8_t)writer->run_slot,
		.worker = (uint8_t)writer->run_worker,
		.count_be = be16(writer->run_count),
	};
	memcpy(writer->block + writer->run_at, &record, sizeof(record));
	writer->run_at = 0;
}

static uint32_t slot_of(const struct record_vote *vote)
{
	uint64_t window = (uint64_t)vote->tenant << 32 | vote->interaction;
	return (uint32_t)(window * 0x9E3779B97F4A7C15u >> 58);
}
static_assert(JOURNAL_CONTEXTS == 64, "slot_of takes six bits");

static void put_context(struct record_writer *writer, uint32_t slot, const struct record_vote *vote)
{
	const struct journal_context_record record = {
		.type = JOURNAL_CONTEXT,
		.slot = (uint8_t)slot,
		.tenant_be = be16(vote->tenant),
		.interaction_be = be32(vote->interaction),
		.base_time_us_be = be64(vote->program_time_us),
	};
	memcpy(writer->block + writer->used, &record, sizeof(record));
	writer->used += sizeof(record);
	writer->contexts[slot] = (struct record_context){
		.base_time_us = vote->program_time_us,
		.interaction = vote->interaction,
		.tenant = vote->tenant,
		.set = true,
	};
}

/* Sees to it that the run which grows is of this worker and this window. */
static void find_run(struct record_writer *writer, uint32_t worker, const struct record_vote *vote)
{
	uint32_t slot = slot_of(vote);
	const struct record_context *context = &writer->contexts[slot];
	bool known = context->set && context->interaction == vote->interaction &&
		     context->tenant == vote->tenant;
	if (known && writer->run_at && writer->run_slot == slot && writer->run_worker == worker &&
	    writer->run_count < UINT16_MAX)
		return;
	end_run(writer);
	if (!known)
		put_context(writer, slot, vote);
	writer->run_at = writer->used;
	writer->run_count = 0;
	writer->run_slot = slot;
	writer->run_worker = worker;
	writer->used += sizeof(struct journal_votes_record);
}

static void put_vote(struct record_writer *writer, const struct record_vote *vote)
{
	uint8_t *at = writer->block + writer->used;
	uint64_t base = writer->contexts[writer->run_slot].base_time_us;
	/* Differences wrap, so any two times are exact. */
	uint64_t ahead = vote->program_time_us - base;
	bool more = vote->revision || vote->changed;
	uint32_t voter_be = be32(vote->voter);
	memcpy(at, &voter_be, sizeof(voter_be));
	at = put_varint(at + sizeof(voter_be), (uint32_t)vote->choice << 1 | more);
	at = put_varint(at, ahead << 1 ^ (0 - (ahead >> 63)));
	if (more)
		at = put_varint(at, (uint32_t)vote->revision << 1 | vote->changed);
	writer->used = (uint32_t)(at - writer->block);
	writer->run_count++;
	writer->votes++;
}

uint32_t record_put_votes(struct record_writer *writer, uint32_t worker,
			  const struct record_vote *votes, uint32_t count)
{
	uint32_t i;
	for (i = 0; i < count && writer->capacity - writer->used >= VOTE_ROOM; i++) {
		find_run(writer, worker, &votes[i]);
		put_vote(writer, &votes[i]);
	}
	return i;
}

uint32_t record_put_event(struct record_writer *writer, enum journal_event_kind kind,
			  const void *body, uint32_t bytes, uint32_t done)
{
	const uint32_t head = sizeof(struct journal_event_record);
	uint32_t room = writer->capacity - writer->used, left = bytes - done;
	if (room <= head || !left)
		return done;
	uint32_t piece = left < room - head ? left : room - head;
	const struct journal_event_record record = {
		.type = JOURNAL_EVENT,
		.kind = (uint8_t)kind,
		.flags = (uint8_t)((done == 0 ? JOURNAL_EVENT_FIRST : 0) |
				   (piece == left ? JOURNAL_EVENT_LAST : 0)),
		.bytes_be = be32(piece),
	};
	end_run(writer);
	memcpy(writer->block + writer->used, &record, head);
	memcpy(writer->block + writer->used + head, (const uint8_t *)body + done, piece);
	writer->used += head + piece;
	return done + piece;
}

bool record_is_empty(const struct record_writer *writer)
{
	return writer->used == sizeof(struct journal_block_header);
}

uint32_t record_end(struct record_writer *writer)
{
	end_run(writer);
	uint32_t bytes = (writer->used + JOURNAL_PAGE_BYTES - 1) & ~(JOURNAL_PAGE_BYTES - 1);
	const struct journal_block_header header = {
		.magic_be = be32(JOURNAL_MAGIC),
		.bytes_be = be32(bytes),
		.used_be = be32(writer->used),
		.votes_be = be32(writer->votes),
	};
	memcpy(writer->block, &header, sizeof(header));
	memset(writer->block + writer->used, 0, bytes - writer->used);
	return bytes;
}

void record_stamp(void *block, const struct record_stamp *stamp)
{
	struct journal_block_header *header = block;
	header->segment_be = be64(stamp->segment);
	header->first_be = be64(stamp->first);
	header->previous_be = be64(stamp->previous);
	header->sequence_be = be64(stamp->sequence);
	header->durable_be = be64(stamp->durable);
	header->checksum_be = be64(checksum_of(block, be32(header->bytes_be)));
}

const char *record_fault_text(enum record_fault fault)
{
	static const char *const texts[] = {
#define X(symbol, text) [RECORD_FAULT_##symbol] = text,
		RECORD_FAULTS(X)
#undef X
	};
	return texts[fault];
}

static bool is_blank(const uint8_t *page)
{
	static const uint8_t zeros[JOURNAL_PAGE_BYTES];
	return memcmp(page, zeros, sizeof(zeros)) == 0;
}

enum record_fault record_check(const void *bytes, uint64_t available, uint64_t segment,
			       struct record_block *block)
{
	struct journal_block_header header;
	if (available < JOURNAL_PAGE_BYTES)
		return RECORD_FAULT_ENDS;
	memcpy(&header, bytes, sizeof(header));
	if (header.magic_be != be32(JOURNAL_MAGIC))
		return is_blank(bytes) ? RECORD_FAULT_BLANK : RECORD_FAULT_MAGIC;
	block->bytes = be32(header.bytes_be);
	if (!block->bytes || block->bytes % JOURNAL_PAGE_BYTES ||
	    block->bytes > JOURNAL_BLOCK_MAX_BYTES || block->bytes > available)
		return RECORD_FAULT_LENGTH;
	if (be64(header.checksum_be) != checksum_of(bytes, block->bytes))
		return RECORD_FAULT_CHECKSUM;
	uint32_t used = be32(header.used_be);
	block->votes = be32(header.votes_be);
	block->stamp = (struct record_stamp){
		.segment = be64(header.segment_be),
		.first = be64(header.first_be),
		.previous = be64(header.previous_be),
		.sequence = be64(header.sequence_be),
		.durable = be64(header.durable_be),
	};
	if (block->stamp.segment != segment)
		return RECORD_FAULT_SEGMENT;
	if (used < sizeof(header) || used > block->bytes)
		return RECORD_FAULT_CONTENT;
	block->records = (const uint8_t *)bytes + sizeof(header);
	block->records_bytes = used - (uint32_t)sizeof(header);
	return RECORD_FAULT_NONE;
}

void record_open(struct record_reader *reader, const struct record_block *block)
{
	reader->at = block->records;
	reader->end = block->records + block->records_bytes;
	reader->run_left = 0;
	reader->votes_left = block->votes;
	memset(reader->contexts, 0, sizeof(reader->contexts));
}

static bool take(struct record_reader *reader, void *memory, size_t bytes)
{
	if ((size_t)(reader->end - reader->at) < bytes)
		return false;
	memcpy(memory, reader->at, bytes);
	reader->at += bytes;
	return true;
}

static bool take_varint(struct record_reader *reader, uint64_t most, uint64_t *value)
{
	uint64_t sum = 0;
	for (uint32_t shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
		uint8_t byte = *reader->at++;
		uint64_t bits = byte & 0x7F;
		if (bits << shift >> shift != bits)
			return false;
		sum |= bits << shift;
		if (!(byte & 0x80)) {
			*value = sum;
			return sum <= most;
		}
	}
	return false;
}

static bool take_vote(struct record_reader *reader, const struct record_context *context,
		      struct record_vote *vote)
{
	uint32_t voter_be;
	uint64_t choice, ahead, revision = 0;
	if (!take(reader, &voter_be, sizeof(voter_be)) ||
	    !take_varint(reader, UINT16_MAX << 1 | 1, &choice) ||
	    !take_varint(reader, UINT64_MAX, &ahead))
		return false;
	if (choice & 1 && !take_varint(reader, 0x1FFFFFF, &revision))
		return false;
	*vote = (struct record_vote){
		.program_time_us = context->base_time_us + (ahead >> 1 ^ (0 - (ahead & 1))),
		.voter = be32(voter_be),
		.interaction = context->interaction,
		.tenant = context->tenant,
		.choice = (uint16_t)(choice >> 1),
		.revision = (uint32_t)(revision >> 1),
		.changed = revision & 1,
	};
	return true;
}

static bool take_context(struct record_reader *reader)
{
	struct journal_context_record record;
	if (!take(reader, &record, sizeof(record)) || record.slot >= JOURNAL_CONTEXTS)
		return false;
	reader->contexts[record.slot] = (struct record_context){
		.base_time_us = be64(record.base_time_us_be),
		.interaction = be32(record.interaction_be),
		.tenant = be16(record.tenant_be),
		.set = true,
	};
	return true;
}

static bool take_run(struct record_reader *reader)
{
	struct journal_votes_record record;
	if (!take(reader, &record, sizeof(record)) || record.slot >= JOURNAL_CONTEXTS ||
	    !reader->contexts[record.slot].set || !record.count_be)
		return false;
	reader->run_left = be16(record.count_be);
	reader->run_slot = record.slot;
	reader->worker = record.worker;
	return true;
}

static enum record_type take_votes(struct record_reader *reader)
{
	const struct record_context *context = &reader->contexts[reader->run_slot];
	uint32_t count = reader->run_left < RECORD_BATCH ? reader->run_left : RECORD_BATCH;
	if (count > reader->votes_left)
		return RECORD_BAD;
	for (reader->count = 0; reader->count < count; reader->count++)
		if (!take_vote(reader, context, &reader->votes[reader->count]))
			return RECORD_BAD;
	reader->run_left -= count;
	reader->votes_left -= count;
	return RECORD_VOTES;
}

static enum record_type take_piece(struct record_reader *reader)
{
	struct journal_event_record record;
	if (!take(reader, &record, sizeof(record)) || record.kind == JOURNAL_EVENT_NONE ||
	    record.kind >= JOURNAL_EVENT_KINDS ||
	    record.flags > (JOURNAL_EVENT_FIRST | JOURNAL_EVENT_LAST))
		return RECORD_BAD;
	reader->kind = record.kind;
	reader->first = record.flags & JOURNAL_EVENT_FIRST;
	reader->last = record.flags & JOURNAL_EVENT_LAST;
	reader->piece = reader->at;
	reader->piece_bytes = be32(record.bytes_be);
	if (!reader->piece_bytes || reader->piece_bytes > (size_t)(reader->end - reader->at))
		return RECORD_BAD;
	reader->at += reader->piece_bytes;
	return RECORD_PIECE;
}

enum record_type record_next(struct record_reader *reader)
{
	while (!reader->run_left) {
		if (reader->at == reader->end)
			return reader->votes_left ? RECORD_BAD : RECORD_END;
		switch (*reader->at) {
		case JOURNAL_CONTEXT:
			if (!take_context(reader))
				return RECORD_BAD;
			break;
		case JOURNAL_VOTES:
			if (!take_run(reader))
				return RECORD_BAD;
			break;
		case JOURNAL_EVENT: return take_piece(reader);
		default: return RECORD_BAD;
		}
	}
	return take_votes(reader);
}
