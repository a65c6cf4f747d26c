// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal's reader. Called by recovery and by who counts again; writes nothing.
 *
 * First the first block of every segment, which says from which sequence on the segment is the
 * journal; then the segments, each up to where a later one begins; then, behind the place where
 * that ended, what else looks like blocks.
 */
#include "dataplane/journal_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Read at once; more than a block, so that most blocks lie in it whole. */
#define CHUNK_BYTES (2u << 20)

struct reading {
	struct disk *disk;
	const struct journal_visitor *visitor;
	struct journal_report *report;
	struct record_reader records;
	uint64_t *segments;
	uint64_t *firsts; /* by segment: the sequence it begins with, UINT64_MAX where none */
	uint64_t *limits; /* by segment: where a later one has taken over */
	uint32_t count;

	/* Bytes [chunk_at, chunk_at + chunk_bytes) of segment chunk_of. */
	uint8_t *chunk;
	uint64_t chunk_of;
	uint64_t chunk_at;
	uint64_t chunk_bytes;
	bool chunk_is_last; /* the file ends behind it */

	/* An event that goes on in later pieces. */
	uint8_t *event;
	uint32_t event_bytes;
	uint32_t event_room;
	enum journal_event_kind event_kind; /* NONE: no event has begun */
	bool any_event;
};

/*
 * The bytes of a segment from `offset` on: at least a block's, or all up to the file's end. Where
 * they are not in hand, `most` are read. Returns how many there are, or -errno.
 */
static int64_t look(struct reading *reading, uint64_t segment, uint64_t offset, uint32_t most,
		    const uint8_t **bytes)
{
	uint64_t end = reading->chunk_at + reading->chunk_bytes;
	bool here = reading->chunk_of == segment && offset >= reading->chunk_at && offset <= end &&
		    (reading->chunk_is_last || end - offset >= JOURNAL_BLOCK_MAX_BYTES);
	if (!here) {
		int64_t got = reading->disk->ops->read(reading->disk, segment, offset,
						       reading->chunk, most);
		reading->chunk_of = 0;
		if (got < 0)
			return got;
		reading->chunk_of = segment;
		reading->chunk_at = offset;
		reading->chunk_bytes = (uint64_t)got;
		reading->chunk_is_last = got < most;
	}
	*bytes = reading->chunk + (offset - reading->chunk_at);
	return (int64_t)(reading->chunk_at + reading->chunk_bytes - offset);
}

static enum record_fault look_at_block(struct reading *reading, uint64_t segment, uint64_t offset,
				       uint32_t most, struct record_block *block)
{
	const uint8_t *bytes;
	int64_t available = look(reading, segment, offset, most, &bytes);
	if (available < 0)
		return RECORD_FAULT_READ;
	return record_check(bytes, (uint64_t)available, segment, block);
}

static void find_limits(struct reading *reading)
{
	struct record_block block;
	uint64_t limit = UINT64_MAX;
	for (uint32_t i = reading->count; i-- > 0;) {
		enum record_fault fault = look_at_block(reading, reading->segments[i], 0, JOURNAL_BLOCK_MAX_BYTES, &block);
		reading->firsts[i] = fault ? UINT64_MAX : block.sequence;
		reading->limits[i] = limit;
		if (reading->firsts[i] < limit)
			limit = reading->firsts[i];
	}
}

static int visit_event(struct reading *reading, const struct journal_place *place,
		       const uint8_t *body, uint32_t bytes)
{
	struct record_event event;
	if (record_event_read(reading->records.kind, body, bytes, &event))
		return -EBADMSG;
	reading->report->events++;
	return reading->visitor->event(reading->visitor->context, place, &event);
}

static int keep_piece(struct reading *reading)
{
	const struct record_reader *records = &reading->records;
	uint64_t bytes = (uint64_t)reading->event_bytes + records->piece_bytes;
	if (bytes > JOURNAL_EVENT_MAX_BYTES)
		return -EBADMSG;
	if (bytes > reading->event_room) {
		uint32_t room = bytes < 4096 ? 4096 : (uint32_t)bytes * 2;
		uint8_t *event = realloc(reading->event, room);
		if (!event)
			return -ENOMEM;
		reading->event = event;
		reading->event_room = room;
	}
	memcpy(reading->event + reading->event_bytes, records->piece, records->piece_bytes);
	reading->event_bytes = (uint32_t)bytes;
	return 0;
}

/*
 * An event whose end a crash has taken is dropped when the next one begins; one whose beginning is
 * not there, because the segment before was removed, is left out.
 */
static int take_piece(struct reading *reading, const struct journal_place *place)
{
	const struct record_reader *records = &reading->records;
	if (records->first) {
		reading->any_event = true;
		reading->event_bytes = 0;
		reading->event_kind = records->last ? JOURNAL_EVENT_NONE : records->kind;
		if (records->last)
			return visit_event(reading, place, records->piece, records->piece_bytes);
		return keep_piece(reading);
	}
	if (!reading->any_event)
		return 0;
	if (reading->event_kind != records->kind)
		return -EBADMSG;
	int rc = keep_piece(reading);
	if (rc || !records->last)
		return rc;
	reading->event_kind = JOURNAL_EVENT_NONE;
	return visit_event(reading, place, reading->event, reading->event_bytes);
}

/* -EBADMSG: the records make no sense, which no crash can do to a block whose checksum is right. */
static int visit_block(struct reading *reading, const struct journal_place *place,
		       const struct record_block *block)
{
	struct record_reader *records = &reading->records;
	const struct journal_visitor *visitor = reading->visitor;
	int rc = 0;
	record_open(records, block);
	while (!rc) {
		switch (record_next(records)) {
		case RECORD_END: return 0;
		case RECORD_BAD: return -EBADMSG;
		case RECORD_PIECE: rc = take_piece(reading, place); break;
		case RECORD_VOTES:
			reading->report->votes += records->count;
			rc = visitor->votes(visitor->context, place, records->worker,
					    records->votes, records->count);
			break;
		}
	}
	return rc;
}

/* Reads one segment up to its limit. `report->fault` is set where the journal ends in it. */
static int read_segment(struct reading *reading, uint32_t i)
{
	struct journal_report *report = reading->report;
	struct journal_place *place = &report->end;
	struct record_block block;
	*place = (struct journal_place){reading->segments[i], 0, report->next_sequence};
	while (place->sequence < reading->limits[i]) {
		report->fault = look_at_block(reading, place->segment, place->offset, CHUNK_BYTES, &block);
		if (!report->fault && block.sequence != place->sequence)
			report->fault = RECORD_FAULT_SEQUENCE;
		if (report->fault)
			return 0;
		int rc = visit_block(reading, place, &block);
		if (rc == -EBADMSG)
			report->fault = RECORD_FAULT_CONTENT;
		if (rc)
			return rc == -EBADMSG ? 0 : rc;
		report->blocks++;
		report->bytes += block.bytes;
		place->offset += block.bytes;
		report->next_sequence = ++place->sequence;
	}
	return 0;
}

/* Blocks of the segment that nothing has taken the place of, from `offset` on. */
static void count_behind(struct reading *reading, uint64_t segment, uint64_t offset)
{
	struct journal_report *report = reading->report;
	struct record_block block;
	for (;;) {
		enum record_fault fault = look_at_block(reading, segment, offset, CHUNK_BYTES, &block);
		if (fault == RECORD_FAULT_ENDS || fault == RECORD_FAULT_READ)
			return;
		bool valid = !fault && block.sequence >= report->next_sequence;
		report->valid_behind += valid;
		report->acknowledged_lost |= valid && block.durable >= report->next_sequence;
		offset += fault ? JOURNAL_PAGE_BYTES : block.bytes;
	}
}

static void look_behind(struct reading *reading, uint32_t i)
{
	const struct journal_place end = reading->report->end;
	count_behind(reading, end.segment, end.offset);
	while (++i < reading->count)
		count_behind(reading, reading->segments[i], 0);
}

static void tell(const struct reading *reading, struct err *err)
{
	const struct journal_report *report = reading->report;
	const struct journal_place *end = &report->end;
	char name[256];
	err->text[0] = 0;
	if (!report->acknowledged_lost && report->fault != RECORD_FAULT_CONTENT &&
	    report->fault != RECORD_FAULT_READ)
		return;
	reading->disk->ops->name(reading->disk, end->segment, name, sizeof(name));
	err_set(err, 0,
		"%s: block %" PRIu64 " at %" PRIu64 ": %s; %" PRIu64
		" valid blocks lie behind it%s; keep a copy of the directory before anything else",
		name, end->sequence, end->offset, record_fault_text(report->fault),
		report->valid_behind,
		report->acknowledged_lost ? ", and acknowledged votes were in it" : "");
}

static int read_segments(struct reading *reading, struct err *err)
{
	struct journal_report *report = reading->report;
	find_limits(reading);
	if (reading->count && reading->firsts[0] != UINT64_MAX)
		report->next_sequence = reading->firsts[0];
	for (uint32_t i = 0; i < reading->count; i++) {
		int rc = read_segment(reading, i);
		if (rc)
			return rc;
		if (!report->fault)
			continue;
		look_behind(reading, i);
		break;
	}
	tell(reading, err);
	return 0;
}

int journal_read(struct disk *disk, const struct journal_visitor *visitor,
		 struct journal_report *report, struct err *err)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	*report = (struct journal_report){
		.next_segment = 1,
		.next_sequence = JOURNAL_FIRST_SEQUENCE,
		.end.sequence = JOURNAL_FIRST_SEQUENCE,
		.fault = RECORD_FAULT_NONE,
	};
	if (!reading)
		return err_set(err, -ENOMEM, "journal: no memory to read it");
	*reading = (struct reading){.disk = disk, .visitor = visitor, .report = report};
	int rc = disk->ops->list(disk, &reading->segments, &reading->count, err);
	if (rc)
		goto err_free_reading;
	reading->firsts = calloc(2 * (size_t)reading->count + 1, sizeof(uint64_t));
	reading->limits = reading->firsts + reading->count;
	reading->chunk = aligned_alloc(DISK_ALIGN, CHUNK_BYTES);
	report->segments = reading->count;
	if (reading->count)
		report->next_segment = reading->segments[reading->count - 1] + 1;
	rc = reading->firsts && reading->chunk
		     ? read_segments(reading, err)
		     : err_set(err, -ENOMEM, "journal: no memory to read it");
	free(reading->event);
	free(reading->chunk);
	free(reading->firsts);
	free(reading->segments);
err_free_reading:
	free(reading);
	return rc;
}
