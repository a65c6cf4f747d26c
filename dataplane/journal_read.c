// SPDX-License-Identifier: BSD-3-Clause
/*
 * The journal's reader. Called by recovery and by who counts again; writes nothing.
 *
 * First every segment is asked what it begins with and which one comes before it, and the chain is
 * followed back from the newest; then the chain is read, each segment up to where the next begins;
 * then, behind the place where that ended, what else looks like blocks.
 */
#include "dataplane/journal_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Read at once; more than a block, so that most blocks lie in it whole. */
#define CHUNK_BYTES (2u << 20)

/* What is known of a segment before it is read. */
struct link {
	uint64_t segment;
	bool known;        /* first and previous are; else no block of it is */
	uint64_t first;    /* the sequence it begins with */
	uint64_t previous; /* the segment of the block before that */
	bool chained;      /* it is of the journal */
	uint64_t limit;    /* then: the next of the chain begins with this sequence */
};

struct reading {
	struct disk *disk;
	const struct journal_visitor *visitor;
	struct journal_report *report;
	struct record_reader records;
	struct link *links; /* ascending */
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

/*
 * All blocks of a segment say the same, so one that has been damaged is passed over. One that was
 * never written is not: what lies behind it was never acknowledged.
 */
static void ask(struct reading *reading, struct link *link)
{
	struct record_block block;
	uint64_t offset = 0;
	uint32_t most = JOURNAL_BLOCK_MAX_BYTES;
	enum record_fault fault;
	while ((fault = look_at_block(reading, link->segment, offset, most, &block))) {
		if (fault == RECORD_FAULT_ENDS || fault == RECORD_FAULT_READ ||
		    (offset == 0 && (fault == RECORD_FAULT_BLANK || fault == RECORD_FAULT_SEGMENT)))
			return;
		offset += JOURNAL_PAGE_BYTES;
		most = CHUNK_BYTES;
	}
	link->known = true;
	link->first = block.stamp.first;
	link->previous = block.stamp.previous;
}

/*
 * Which one lies before link i in the chain; `count` where none does. A segment that is missing, or
 * of which nothing is known, is bridged by the next lower one: reading will end there, and say so.
 */
static uint32_t before(const struct reading *reading, uint32_t i)
{
	const uint64_t previous = reading->links[i].previous;
	if (!previous || previous < reading->links[0].segment)
		return reading->count; /* the journal begins here, or what was before was removed */
	while (i-- > 0) {
		const struct link *link = &reading->links[i];
		if (link->segment == previous || (link->segment < previous && link->known))
			return i;
	}
	return reading->count;
}

/* From the newest known segment backwards. */
static void find_chain(struct reading *reading)
{
	uint64_t limit = UINT64_MAX;
	uint32_t i = reading->count;
	for (uint32_t k = 0; k < reading->count; k++) {
		ask(reading, &reading->links[k]);
		i = reading->links[k].known ? k : i;
	}
	while (i < reading->count) {
		struct link *link = &reading->links[i];
		link->chained = true;
		link->limit = limit;
		if (link->known)
			limit = link->first;
		else
			link->previous = link->segment - 1;
		i = before(reading, i);
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
static int read_segment(struct reading *reading, const struct link *link)
{
	struct journal_report *report = reading->report;
	struct journal_place *place = &report->end;
	struct record_block block;
	*place = (struct journal_place){link->segment, 0, report->next.sequence};
	while (place->sequence < link->limit) {
		report->fault =
			look_at_block(reading, place->segment, place->offset, CHUNK_BYTES, &block);
		if (!report->fault && block.stamp.sequence != place->sequence)
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
		report->next.sequence = ++place->sequence;
		report->next.previous = place->segment;
	}
	return 0;
}

/* Blocks of the segment that were to come behind the end, from `offset` on. */
static void count_behind(struct reading *reading, uint64_t segment, uint64_t offset)
{
	struct journal_report *report = reading->report;
	struct record_block block;
	for (;;) {
		enum record_fault fault =
			look_at_block(reading, segment, offset, CHUNK_BYTES, &block);
		if (fault == RECORD_FAULT_ENDS || fault == RECORD_FAULT_READ)
			return;
		bool valid = !fault && block.stamp.sequence >= report->next.sequence;
		report->valid_behind += valid;
		report->acknowledged_lost |= valid && block.stamp.durable >= report->next.sequence;
		offset += fault ? JOURNAL_PAGE_BYTES : block.bytes;
	}
}

static void look_behind(struct reading *reading)
{
	const struct journal_place end = reading->report->end;
	count_behind(reading, end.segment, end.offset);
	for (uint32_t i = 0; i < reading->count; i++)
		if (reading->links[i].segment > end.segment)
			count_behind(reading, reading->links[i].segment, 0);
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

/* In a directory without a known segment the first is where the journal will be missed. */
static void begin_at(struct reading *reading, struct link *link)
{
	struct record_tail *next = &reading->report->next;
	if (link->known) {
		next->sequence = link->first;
		next->previous = link->previous;
	}
	link->limit = link->chained ? link->limit : UINT64_MAX;
	link->chained = true;
}

static int read_chain(struct reading *reading, struct err *err)
{
	struct journal_report *report = reading->report;
	uint32_t i = 0;
	find_chain(reading);
	while (i < reading->count && !reading->links[i].chained)
		i++;
	if (i == reading->count)
		i = 0;
	if (reading->count)
		begin_at(reading, &reading->links[i]);
	for (; i < reading->count && !report->fault; i++) {
		int rc = reading->links[i].chained ? read_segment(reading, &reading->links[i]) : 0;
		if (rc)
			return rc;
	}
	if (report->fault)
		look_behind(reading);
	tell(reading, err);
	return 0;
}

static int take_links(struct reading *reading, struct err *err)
{
	uint64_t *segments;
	int rc = reading->disk->ops->list(reading->disk, &segments, &reading->count, err);
	if (rc)
		return rc;
	reading->links = calloc(reading->count + 1, sizeof(*reading->links));
	for (uint32_t i = 0; reading->links && i < reading->count; i++)
		reading->links[i].segment = segments[i];
	free(segments);
	reading->report->segments = reading->count;
	if (reading->links && reading->count)
		reading->report->next.segment = reading->links[reading->count - 1].segment + 1;
	return reading->links ? 0 : err_set(err, -ENOMEM, "journal: no memory to read it");
}

int journal_read(struct disk *disk, const struct journal_visitor *visitor,
		 struct journal_report *report, struct err *err)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	*report = (struct journal_report){
		.next = {1, JOURNAL_FIRST_SEQUENCE, 0},
		.end.sequence = JOURNAL_FIRST_SEQUENCE,
		.fault = RECORD_FAULT_NONE,
	};
	if (!reading)
		return err_set(err, -ENOMEM, "journal: no memory to read it");
	*reading = (struct reading){
		.disk = disk,
		.visitor = visitor,
		.report = report,
		.chunk = aligned_alloc(DISK_ALIGN, CHUNK_BYTES),
	};
	int rc = reading->chunk ? take_links(reading, err)
				: err_set(err, -ENOMEM, "journal: no memory to read it");
	if (!rc)
		rc = read_chain(reading, err);
	free(reading->event);
	free(reading->chunk);
	free(reading->links);
	free(reading);
	return rc;
}
