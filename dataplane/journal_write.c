// SPDX-License-Identifier: BSD-3-Clause
/*
 * From blocks to segments, and failures. Called by journal_step(); the only file of the writer that
 * speaks to the disk while it runs.
 *
 * The happy path: a block that is full goes to the end of the current segment, as one write with
 * its sync; several may be under way. A block is durable when it and all before it are synced. The
 * next segment is prepared while the current one is written; when a block does not fit any more,
 * the two change places.
 *
 * The failure: journal->failed is set, nothing is submitted or becomes durable any more, and what
 * is under way comes back and is not believed: an error that a sync has reported once is not
 * reported again, so a later sync that succeeds proves nothing. journal_begin_again() leaves the
 * segment as it is, for readers to see that it was left: the next one begins with the sequence
 * behind the last durable block.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/journal_state.h"

#define TAG_PREPARED 0 /* no block has sequence 0 */
#define REAP_MAX     16

__attribute__((format(printf, 4, 5))) static void fail(struct journal *journal, int code,
						       uint64_t segment, const char *format, ...)
{
	char name[256], what[128];
	va_list args;
	if (journal->failed)
		return;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	journal->disk->ops->name(journal->disk, segment, name, sizeof(name));
	pthread_mutex_lock(&journal->lock);
	journal->failed = code;
	journal->status.failures++;
	err_set(&journal->failure, code,
		"%s: %s: %s; no vote is acknowledged until this is mended and the journal resumed",
		name, what, strerror(-code));
	pthread_cond_broadcast(&journal->changed);
	pthread_mutex_unlock(&journal->lock);
}

void journal_prepare(struct journal *journal, bool needed)
{
	journal->next = (struct segment){
		.state = SEGMENT_PREPARING,
		.id = ++journal->last_segment,
	};
	journal->next_is_needed = needed;
	journal->under_way++;
	int rc = journal->disk->ops->prepare(journal->disk, journal->next.id,
					     journal->options.segment_bytes, TAG_PREPARED);
	if (rc) {
		journal->under_way--;
		journal->next.state = SEGMENT_REFUSED;
		if (needed)
			fail(journal, rc, journal->next.id, "cannot be prepared");
	}
}

/* Too early a refusal is no failure: there is room yet, and it may be granted when it is not. */
static void prepared(struct journal *journal, int64_t result)
{
	journal->next.state = result ? SEGMENT_REFUSED : SEGMENT_READY;
	if (result && journal->next_is_needed)
		fail(journal, (int)result, journal->next.id, "cannot be prepared with %llu bytes",
		     (unsigned long long)journal->options.segment_bytes);
}

static void finish_previous(struct journal *journal)
{
	if (journal->previous.state == SEGMENT_NONE || journal->previous.writing)
		return;
	journal->disk->ops->finish(journal->disk, journal->previous.id, 0);
	journal->previous.state = SEGMENT_NONE;
}

/* What follows goes there: behind the current segment, or behind what is durable where there is
 * none.
 */
void journal_advance_segment(struct journal *journal)
{
	struct segment *current = &journal->current;
	uint64_t previous =
		current->state == SEGMENT_READY ? current->id : journal->durable_segment;
	journal->previous = *current;
	*current = journal->next;
	current->first = journal->submitted + 1;
	current->previous = previous;
	journal->next.state = SEGMENT_NONE;
}

/* Sees to it that the current segment has room. False: not yet. */
static bool find_room(struct journal *journal, uint32_t bytes)
{
	struct segment *current = &journal->current, *next = &journal->next;
	if (current->state == SEGMENT_READY &&
	    journal->options.segment_bytes - current->used >= bytes)
		return true;
	if (next->state == SEGMENT_NONE || next->state == SEGMENT_REFUSED)
		journal_prepare(journal, true);
	if (next->state != SEGMENT_READY || journal->previous.state != SEGMENT_NONE)
		return false;
	journal_advance_segment(journal);
	finish_previous(journal);
	return true;
}

static struct segment *segment_of(struct journal *journal, const struct block *block)
{
	return journal->current.id == block->segment ? &journal->current : &journal->previous;
}

/* What of the block is not written yet. */
static void write_block(struct journal *journal, uint64_t sequence)
{
	struct block *block = journal_block(journal, sequence);
	const struct disk_write write = {
		.segment = block->segment,
		.offset = block->offset + block->written,
		.buffer = (uint32_t)(sequence % JOURNAL_BLOCKS),
		.from = block->written,
		.bytes = block->bytes - block->written,
		.tag = sequence,
	};
	int rc = journal->disk->ops->write(journal->disk, &write);
	if (rc) {
		fail(journal, rc, block->segment, "cannot be written at %llu",
		     (unsigned long long)write.offset);
		return;
	}
	journal->under_way++;
	segment_of(journal, block)->writing++;
}

static void submit_block(struct journal *journal)
{
	uint64_t sequence = ++journal->submitted;
	struct block *block = journal_block(journal, sequence);
	block->segment = journal->current.id;
	block->offset = journal->current.used;
	block->written = 0;
	block->synced = false;
	journal->current.used += block->bytes;
	const struct record_stamp stamp = {
		.segment = block->segment,
		.first = journal->current.first,
		.previous = journal->current.previous,
		.sequence = sequence,
		.durable = journal->durable,
	};
	record_stamp(journal_buffer(journal, sequence), &stamp);
	write_block(journal, sequence);
}

bool journal_submit(struct journal *journal)
{
	uint64_t submitted = journal->submitted;
	while (!journal->failed && journal->submitted < journal->ended &&
	       find_room(journal, journal_block(journal, journal->submitted + 1)->bytes))
		submit_block(journal);
	if (!journal->failed && journal->current.state == SEGMENT_READY &&
	    journal->next.state == SEGMENT_NONE)
		journal_prepare(journal, false);
	return journal->submitted != submitted;
}

/* A write that was cut short goes on from the last whole page. */
static void wrote(struct journal *journal, uint64_t sequence, int64_t result)
{
	struct block *block = journal_block(journal, sequence);
	uint32_t left = block->bytes - block->written;
	segment_of(journal, block)->writing--;
	if (journal->failed)
		return;
	if (result == left) {
		block->synced = true;
	} else if (result >= JOURNAL_PAGE_BYTES && result < left) {
		block->written += (uint32_t)result & ~(JOURNAL_PAGE_BYTES - 1);
		write_block(journal, sequence);
	} else {
		fail(journal, result < 0 ? (int)result : -EIO, block->segment,
		     "cannot be written and synced at %llu",
		     (unsigned long long)block->offset + block->written);
	}
}

static void advance(struct journal *journal)
{
	uint64_t from = journal->durable;
	while (!journal->failed && journal->durable < journal->submitted &&
	       journal_block(journal, journal->durable + 1)->synced)
		journal->durable_segment = journal_block(journal, ++journal->durable)->segment;
	if (from != journal->durable)
		journal_publish(journal, from);
}

bool journal_complete(struct journal *journal, uint32_t wait_us)
{
	struct disk_done done[REAP_MAX];
	uint32_t count = journal->disk->ops->reap(journal->disk, done, REAP_MAX, wait_us);
	for (uint32_t i = 0; i < count; i++) {
		journal->under_way--;
		if (done[i].tag == TAG_PREPARED)
			prepared(journal, done[i].result);
		else
			wrote(journal, done[i].tag, done[i].result);
	}
	finish_previous(journal);
	advance(journal);
	return count;
}

bool journal_begin_again(struct journal *journal)
{
	bool wanted = __atomic_load_n(&journal->resuming, __ATOMIC_ACQUIRE);
	if (!wanted || journal->under_way)
		return false;
	finish_previous(journal);
	if (journal->current.state == SEGMENT_READY)
		journal->disk->ops->finish(journal->disk, journal->current.id, 0);
	journal->current.state = SEGMENT_NONE;
	if (journal->next.state == SEGMENT_REFUSED)
		journal->next.state = SEGMENT_NONE;
	journal->submitted = journal->durable;
	pthread_mutex_lock(&journal->lock);
	journal->failed = 0;
	__atomic_store_n(&journal->resuming, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&journal->lock);
	return true;
}

void journal_finish(struct journal *journal)
{
	struct disk *disk = journal->disk;
	while (journal->under_way)
		journal_complete(journal, 1000);
	if (journal->previous.state == SEGMENT_READY)
		disk->ops->finish(disk, journal->previous.id, 0);
	if (journal->current.state == SEGMENT_READY && journal->current.used)
		disk->ops->finish(disk, journal->current.id,
				  journal->failed ? 0 : journal->current.used);
	else if (journal->current.state == SEGMENT_READY)
		disk->ops->remove(disk, journal->current.id);
	if (journal->next.state == SEGMENT_READY)
		disk->ops->remove(disk, journal->next.id);
}
