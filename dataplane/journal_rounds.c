// SPDX-License-Identifier: BSD-3-Clause
/*
 * From rings and queue into blocks, by rounds. Called by journal_step(); never touches the disk.
 *
 * The round stands at R. When all workers that are online have reported R, targets are set to where
 * their rings end, and the round is raised to R + 1, so that the workers are on their way there
 * while R is written. What lies before the targets goes into one or more blocks; the last of them
 * is the end of round R. A round with nothing in it ends with the block before it, and costs
 * nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/journal_state.h"

/* While a write is under way, less than this waits for it to come back. */
#define WORTH_A_WRITE_VOTES 2048

static bool events_wait(struct journal *journal)
{
	if (journal->events)
		return true;
	pthread_mutex_lock(&journal->lock);
	journal->events = journal->queue;
	journal->queue = NULL;
	journal->queue_end = &journal->queue;
	pthread_mutex_unlock(&journal->lock);
	return journal->events;
}

static bool round_is_reported(const struct journal *journal)
{
	for (uint32_t i = 0; i < journal->options.workers; i++)
		if (__atomic_load_n(&journal->rings[i].seen, __ATOMIC_ACQUIRE) <
		    journal->rounds.round)
			return false;
	return true;
}

static uint64_t votes_waiting(const struct journal *journal)
{
	uint64_t votes = 0;
	for (uint32_t i = 0; i < journal->options.workers; i++)
		votes += __atomic_load_n(&journal->rings[i].head, __ATOMIC_RELAXED) -
			 journal->rings[i].tail;
	return votes;
}

/* After the reports, so that what was published before them is within the targets. */
static void set_targets(struct journal *journal)
{
	for (uint32_t i = 0; i < journal->options.workers; i++)
		journal->targets[i] = __atomic_load_n(&journal->rings[i].head, __ATOMIC_ACQUIRE);
	__atomic_store_n(&journal->rounds.round, journal->rounds.round + 1, __ATOMIC_RELAXED);
	/* Before the next look at the reports; journal_ring.h says what for. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool has_free_block(const struct journal *journal)
{
	return journal->ended - journal->durable < JOURNAL_BLOCKS;
}

/*
 * A commit is begun when the disk is idle or enough waits. Events are taken over before the targets
 * are set: what was put before an event was appended comes before it.
 */
static bool begin(struct journal *journal)
{
	bool idle = journal->ended == journal->durable;
	bool events = events_wait(journal);
	if (!has_free_block(journal) || !round_is_reported(journal) ||
	    (!idle && !events && votes_waiting(journal) < WORTH_A_WRITE_VOTES))
		return false;
	set_targets(journal);
	journal->gather_at = 0;
	journal->gathering = true;
	record_begin(&journal->filling, journal_buffer(journal, journal->ended + 1),
		     journal->options.block_bytes);
	return true;
}

static void take_events(struct journal *journal)
{
	struct event *event;
	while ((event = journal->events)) {
		journal->event_done = record_put_event(&journal->filling, event->kind, event->body,
						       event->bytes, journal->event_done);
		if (journal->event_done < event->bytes)
			return;
		journal->events_filled = event->ticket;
		journal->event_done = 0;
		journal->events = event->next;
		free(event);
	}
}

/* Returns false when the block is full. */
static bool take_votes(struct journal *journal, uint32_t worker)
{
	struct journal_ring *ring = &journal->rings[worker];
	uint64_t target = journal->targets[worker], tail = ring->tail;
	while (tail < target) {
		uint64_t at = tail & ring->mask, to_end = ring->mask + 1 - at;
		uint64_t count = target - tail < to_end ? target - tail : to_end;
		uint32_t taken = record_put_votes(&journal->filling, worker, ring->entries + at,
						  (uint32_t)count);
		tail += taken;
		if (taken < count)
			break;
	}
	/* Release: the entries have been read. */
	__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
	return tail == target;
}

static void end_block(struct journal *journal)
{
	if (record_is_empty(&journal->filling))
		return;
	struct block *block = journal_block(journal, ++journal->ended);
	*block = (struct block){
		.bytes = record_end(&journal->filling),
		.events = journal->events_filled,
		.votes = journal->filling.votes,
	};
}

/* What ends with a block that another round ends with already is durable with it. */
static void end_round(struct journal *journal)
{
	const struct round_end end = {journal->rounds.round - 1, journal->ended};
	uint32_t last = journal->end_count;
	if (last && journal->ends[last - 1].sequence == end.sequence)
		journal->ends[last - 1] = end;
	else
		journal->ends[journal->end_count++] = end;
}

/* Takes over as much as fits; true when all of it is in blocks. */
static bool fill(struct journal *journal)
{
	for (;;) {
		while (journal->gather_at < journal->options.workers &&
		       take_votes(journal, journal->gather_at))
			journal->gather_at++;
		if (journal->gather_at == journal->options.workers)
			take_events(journal);
		end_block(journal);
		if (!journal->events && journal->gather_at == journal->options.workers)
			return true;
		if (!has_free_block(journal))
			return false;
		record_begin(&journal->filling, journal_buffer(journal, journal->ended + 1),
			     journal->options.block_bytes);
	}
}

bool journal_gather(struct journal *journal)
{
	uint64_t ended = journal->ended;
	if (!journal->gathering) {
		if (!begin(journal))
			return false;
	} else {
		if (!has_free_block(journal))
			return false;
		record_begin(&journal->filling, journal_buffer(journal, ended + 1),
			     journal->options.block_bytes);
	}
	if (fill(journal)) {
		journal->gathering = false;
		end_round(journal);
		if (journal->ended == journal->durable)
			journal_publish(journal, journal->durable);
	}
	return journal->ended != ended;
}

static void publish_rounds(struct journal *journal)
{
	uint32_t past = 0;
	while (past < journal->end_count && journal->ends[past].sequence <= journal->durable)
		past++;
	if (!past)
		return;
	/* Release: whoever sees the round may say that the votes are on disk. */
	__atomic_store_n(&journal->rounds.durable, journal->ends[past - 1].round, __ATOMIC_RELEASE);
	journal->end_count -= past;
	memmove(journal->ends, journal->ends + past, journal->end_count * sizeof(journal->ends[0]));
}

static void publish_status(struct journal *journal, uint64_t from)
{
	pthread_mutex_lock(&journal->lock);
	struct journal_status *status = &journal->status;
	while (from < journal->durable) {
		const struct block *block = journal_block(journal, ++from);
		status->blocks++;
		status->bytes += block->bytes;
		status->votes += block->votes;
		status->events += block->events - journal->durable_ticket;
		journal->durable_ticket = block->events;
	}
	status->sequence = journal->durable;
	status->segment = journal->current.id;
	pthread_cond_broadcast(&journal->changed);
	pthread_mutex_unlock(&journal->lock);
}

/*
 * Rounds end in order, and blocks become durable in order. The blocks first: who sees a round
 * durable finds its last block in the status.
 */
void journal_publish(struct journal *journal, uint64_t from)
{
	if (from != journal->durable)
		publish_status(journal, from);
	publish_rounds(journal);
}
