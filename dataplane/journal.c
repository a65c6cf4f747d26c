// SPDX-License-Identifier: BSD-3-Clause
/* The journal's life, its thread, and the control thread's side: events, failures, status. */
#include "dataplane/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/journal_state.h"

/* An idle thread sleeps twice as long after so many steps, some milliseconds. */
#define STEPS_TO_DOUBLE 64
#define MOST_IDLE_STEPS (8 * STEPS_TO_DOUBLE)

static int check_options(const struct journal_options *options, struct err *err)
{
	if (options->block_bytes < JOURNAL_PAGE_BYTES ||
	    options->block_bytes > JOURNAL_BLOCK_MAX_BYTES ||
	    options->block_bytes % JOURNAL_PAGE_BYTES)
		return err_set(err, -EINVAL, "journal: blocks of %u bytes: a multiple of %u to %u",
			       options->block_bytes, JOURNAL_PAGE_BYTES, JOURNAL_BLOCK_MAX_BYTES);
	if (options->segment_bytes < options->block_bytes ||
	    options->segment_bytes % JOURNAL_PAGE_BYTES)
		return err_set(err, -EINVAL,
			       "journal: segments of %llu bytes: a multiple of %u, %u at least",
			       (unsigned long long)options->segment_bytes, JOURNAL_PAGE_BYTES,
			       options->block_bytes);
	if (options->workers > JOURNAL_MAX_WORKERS)
		return err_set(err, -EINVAL, "journal: %u workers: it takes %u", options->workers,
			       JOURNAL_MAX_WORKERS);
	if (!options->ring_entries || options->ring_entries & (options->ring_entries - 1))
		return err_set(err, -EINVAL, "journal: rings of %u votes: a power of two",
			       options->ring_entries);
	if (options->next.sequence < JOURNAL_FIRST_SEQUENCE || !options->next.segment)
		return err_set(err, -EINVAL, "journal: segments and blocks are numbered from 1");
	return 0;
}

static void *take_zeroed(size_t align, size_t bytes)
{
	size_t whole = (bytes + align - 1) / align * align;
	void *memory = aligned_alloc(align, whole ? whole : align);
	if (memory)
		memset(memory, 0, whole);
	return memory;
}

static void free_journal(struct journal *journal)
{
	for (uint32_t i = 0; journal->rings && i < journal->options.workers; i++)
		free(journal->rings[i].entries);
	free(journal->rings);
	free(journal->targets);
	free(journal->memory);
	pthread_cond_destroy(&journal->changed);
	pthread_mutex_destroy(&journal->lock);
	free(journal);
}

/* Everything is zeroed, and thereby mapped, before the first vote. */
static int take_rings(struct journal *journal)
{
	const struct journal_options *options = &journal->options;
	journal->memory = take_zeroed(DISK_ALIGN, (size_t)JOURNAL_BLOCKS * options->block_bytes);
	journal->targets = calloc(options->workers + 1, sizeof(*journal->targets));
	journal->rings =
		take_zeroed(JOURNAL_RING_ALIGN, options->workers * sizeof(*journal->rings));
	if (!journal->memory || !journal->targets || !journal->rings)
		return -ENOMEM;
	for (uint32_t i = 0; i < options->workers; i++) {
		struct journal_ring *ring = &journal->rings[i];
		ring->rounds = &journal->rounds;
		ring->mask = options->ring_entries - 1;
		ring->worker = i;
		ring->seen = JOURNAL_OFFLINE;
		ring->entries = take_zeroed(JOURNAL_RING_ALIGN,
					    options->ring_entries * sizeof(*ring->entries));
		if (!ring->entries)
			return -ENOMEM;
	}
	return 0;
}

static struct journal *make(const struct journal_options *options)
{
	struct journal *journal = take_zeroed(JOURNAL_RING_ALIGN, sizeof(*journal));
	if (!journal)
		return NULL;
	journal->options = *options;
	journal->disk = options->disk;
	journal->rounds.round = 1;
	journal->last_segment = options->next.segment - 1;
	journal->durable_segment = options->next.previous;
	journal->durable = journal->submitted = journal->ended = options->next.sequence - 1;
	journal->status.sequence = journal->durable;
	journal->queue_end = &journal->queue;
	pthread_mutex_init(&journal->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&journal->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (take_rings(journal)) {
		free_journal(journal);
		return NULL;
	}
	return journal;
}

/* Nothing is written to it before the first block is there. */
static int prepare_first(struct journal *journal, struct err *err)
{
	journal_prepare(journal, true);
	while (journal->next.state == SEGMENT_PREPARING)
		journal_complete(journal, 1000);
	if (journal->failed) {
		*err = journal->failure;
		return journal->failed;
	}
	journal_advance_segment(journal);
	journal->status.segment = journal->current.id;
	return 0;
}

/* The first block. */
static int write_started(struct journal *journal, struct err *err)
{
	const struct record_event event = {
		.kind = JOURNAL_EVENT_STARTED,
		.at_us = journal->options.started_at_us,
	};
	uint64_t ticket;
	int rc = journal_append(journal, &event, &ticket, err);
	if (rc)
		return rc;
	while ((rc = journal_check(journal, ticket, err)) == -EAGAIN)
		journal_step(journal, 1000);
	return rc;
}

int journal_open(const struct journal_options *options, struct journal **out, struct err *err)
{
	int rc = check_options(options, err);
	if (rc)
		return rc;
	struct journal *journal = make(options);
	if (!journal)
		return err_set(err, -ENOMEM, "journal: no memory for %u rings of %u votes",
			       options->workers, options->ring_entries);
	rc = journal->disk->ops->buffers(journal->disk, journal->memory, JOURNAL_BLOCKS,
					 options->block_bytes, err);
	if (rc)
		goto err_free;
	/* Blocks say that those before them are durable; what was read back may be in caches only.
	 */
	rc = journal->disk->ops->settle(journal->disk, err);
	if (rc)
		goto err_free;
	rc = prepare_first(journal, err);
	if (rc)
		goto err_free;
	rc = write_started(journal, err);
	if (rc)
		goto err_close;
	*out = journal;
	return 0;
err_close:
	journal_close(journal);
	return rc;
err_free:
	free_journal(journal);
	return rc;
}

bool journal_step(struct journal *journal, uint32_t wait_us)
{
	bool done = journal_begin_again(journal);
	if (!journal->failed)
		done |= journal_gather(journal);
	done |= journal_submit(journal);
	return journal_complete(journal, done ? 0 : wait_us) || done;
}

bool journal_is_idle(const struct journal *journal)
{
	for (uint32_t i = 0; i < journal->options.workers; i++)
		if (__atomic_load_n(&journal->rings[i].head, __ATOMIC_ACQUIRE) !=
		    journal->rings[i].tail)
			return false;
	struct journal *changing = (struct journal *)journal;
	pthread_mutex_lock(&changing->lock);
	bool queued = journal->queue;
	pthread_mutex_unlock(&changing->lock);
	return !queued && !journal->events && !journal->gathering &&
	       journal->ended == journal->durable;
}

static bool is_over(const struct journal *journal)
{
	if (!__atomic_load_n(&journal->stopping, __ATOMIC_ACQUIRE))
		return false;
	if (journal->failed)
		return !__atomic_load_n(&journal->resuming, __ATOMIC_ACQUIRE);
	return journal_is_idle(journal);
}

/* How long the thread sleeps next: longer and longer while there is nothing to do. */
static uint32_t idle_wait(const struct journal *journal, uint32_t idle_steps)
{
	uint64_t wait = (uint64_t)journal->options.poll_us << idle_steps / STEPS_TO_DOUBLE;
	return wait < JOURNAL_IDLE_POLL_US ? (uint32_t)wait : JOURNAL_IDLE_POLL_US;
}

static void *run(void *arg)
{
	struct journal *journal = arg;
	uint32_t idle_steps = 0;
	/* By itself: nobody else may write its name once tallyd has given up root. */
	pthread_setname_np(pthread_self(), "journal");
	while (!is_over(journal)) {
		bool done = journal_step(journal, idle_wait(journal, idle_steps));
		idle_steps = done ? 0 : idle_steps + (idle_steps < MOST_IDLE_STEPS);
	}
	return NULL;
}

int journal_start(struct journal *journal, struct err *err)
{
	int rc = pthread_create(&journal->thread, NULL, run, journal);
	if (rc)
		return err_set(err, -rc, "journal: no thread: %s", strerror(rc));
	journal->started = true;
	return 0;
}

int journal_stop(struct journal *journal, struct err *err)
{
	__atomic_store_n(&journal->stopping, true, __ATOMIC_RELEASE);
	if (journal->started)
		pthread_join(journal->thread, NULL);
	journal->started = false;
	journal->stopping = false;
	return journal_failed(journal, err);
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	journal_finish(journal);
	for (struct event *event; (event = journal->events);) {
		journal->events = event->next;
		free(event);
	}
	for (struct event *event; (event = journal->queue);) {
		journal->queue = event->next;
		free(event);
	}
	free_journal(journal);
}

struct journal_ring *journal_ring(struct journal *journal, uint32_t worker)
{
	return &journal->rings[worker];
}

int journal_append(struct journal *journal, const struct record_event *event, uint64_t *ticket,
		   struct err *err)
{
	uint32_t bytes = record_event_bytes(event);
	if (!bytes)
		return err_set(err, -EINVAL, "journal: no kind of event has number %d",
			       (int)event->kind);
	if (event->text_bytes > JOURNAL_EVENT_MAX_BYTES || bytes > JOURNAL_EVENT_MAX_BYTES)
		return err_set(err, -EMSGSIZE, "journal: %s of %u bytes: an event has %u at most",
			       record_event_name(event->kind), event->text_bytes,
			       JOURNAL_EVENT_MAX_BYTES);
	struct event *queued = malloc(sizeof(*queued) + bytes);
	if (!queued)
		return err_set(err, -ENOMEM, "journal: no memory for an event of %u bytes", bytes);
	*queued = (struct event){.kind = event->kind, .bytes = bytes};
	record_event_write(event, queued->body);
	pthread_mutex_lock(&journal->lock);
	*ticket = queued->ticket = ++journal->last_ticket;
	*journal->queue_end = queued;
	journal->queue_end = &queued->next;
	pthread_mutex_unlock(&journal->lock);
	return 0;
}

/* Under the lock. What is about to be resumed is not failed any more. */
static int failure_of(const struct journal *journal, struct err *err)
{
	if (!journal->failed || journal->resuming)
		return 0;
	*err = journal->failure;
	return journal->failed;
}

/* Under the lock. */
static int look(const struct journal *journal, uint64_t ticket, struct err *err)
{
	if (journal->durable_ticket >= ticket)
		return 0;
	return failure_of(journal, err) ? journal->failed : -EAGAIN;
}

/* Under the lock. ETIMEDOUT once the time is over, else 0. */
static int wait_for_change(struct journal *journal, const struct timespec *until)
{
	if (until)
		return pthread_cond_timedwait(&journal->changed, &journal->lock, until);
	return pthread_cond_wait(&journal->changed, &journal->lock);
}

static struct timespec time_in(uint32_t ms)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	uint64_t ns = (uint64_t)time.tv_nsec + ms * 1000000ull;
	time.tv_sec += (time_t)(ns / 1000000000);
	time.tv_nsec = (long)(ns % 1000000000);
	return time;
}

int journal_wait(struct journal *journal, uint64_t ticket, uint32_t most_ms, struct err *err)
{
	const struct timespec until = time_in(most_ms);
	int rc, over = 0;
	pthread_mutex_lock(&journal->lock);
	while ((rc = look(journal, ticket, err)) == -EAGAIN && over != ETIMEDOUT)
		over = wait_for_change(journal, most_ms ? &until : NULL);
	pthread_mutex_unlock(&journal->lock);
	if (rc != -EAGAIN)
		return rc;
	return err_set(err, -ETIMEDOUT,
		       "journal: the disk has not taken an event for %u ms: look for what keeps it "
		       "busy",
		       most_ms);
}

int journal_check(struct journal *journal, uint64_t ticket, struct err *err)
{
	pthread_mutex_lock(&journal->lock);
	int rc = look(journal, ticket, err);
	pthread_mutex_unlock(&journal->lock);
	return rc;
}

int journal_failed(struct journal *journal, struct err *err)
{
	pthread_mutex_lock(&journal->lock);
	int rc = failure_of(journal, err);
	pthread_mutex_unlock(&journal->lock);
	return rc;
}

void journal_resume(struct journal *journal)
{
	pthread_mutex_lock(&journal->lock);
	if (journal->failed)
		__atomic_store_n(&journal->resuming, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&journal->lock);
}

void journal_status(struct journal *journal, struct journal_status *status)
{
	pthread_mutex_lock(&journal->lock);
	*status = journal->status;
	pthread_mutex_unlock(&journal->lock);
	status->round = __atomic_load_n(&journal->rounds.durable, __ATOMIC_ACQUIRE);
}
