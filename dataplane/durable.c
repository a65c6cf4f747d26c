// SPDX-License-Identifier: BSD-3-Clause
/*
 * Between windows and the journal: makes events of what happens to windows, and waits until they
 * are on disk. A command that cannot be kept is refused, so nothing takes effect that a restart
 * would not know of.
 */
#include "dataplane/durable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/disk_uring.h"
#include "dataplane/show/json_fields.h"

struct durable {
	struct durable_options options;
	struct windows *windows;
	struct disk *disk;
	struct journal *journal;
	struct recovery recovery;
};

static uint32_t wait_ms(const struct durable *durable)
{
	return durable->options.wait_ms ? durable->options.wait_ms : DURABLE_WAIT_MS;
}

static int append_and_wait(struct durable *durable, const struct record_event *event,
			   struct err *err)
{
	uint64_t ticket;
	int rc = journal_append(durable->journal, event, &ticket, err);
	return rc ? rc : journal_wait(durable->journal, ticket, wait_ms(durable), err);
}

/* Interactions that are armed, by the window or as planned; and windows that go. */
struct plan {
	json_t *armed;
	json_t *out;
	bool failed;
};

/* A tenant's id outlives its name, which another may get. */
static void plan_add(struct plan *plan, const struct interaction *interaction)
{
	json_t *item = interaction_json(interaction);
	if (interaction->by_hand)
		plan->failed |= json_object_set_new(item, "by_hand", json_true()) != 0;
	json_t *tenant_id = json_integer(interaction->tenant->id);
	plan->failed |= json_object_set_new(item, "tenant_id", tenant_id) != 0;
	plan->failed |= json_array_append_new(plan->armed, item) != 0;
}

static void plan_take_out(struct plan *plan, const struct interaction *interaction)
{
	const struct tenant *tenant = interaction->tenant;
	json_t *item = json_pack("{s:s,s:i,s:I}", "tenant", tenant->name, "tenant_id", tenant->id,
				 "id", (json_int_t)interaction->id);
	plan->failed |= json_array_append_new(plan->out, item) != 0;
}

static json_t *plan_json(const struct windows_change *change)
{
	struct plan plan = {json_array(), json_array(), false};
	for (uint32_t i = 0; i < change->count; i++)
		plan_add(&plan, &change->interactions[i]);
	for (uint32_t i = 0; i < change->out_count; i++)
		plan_take_out(&plan, &change->out[i]->interaction);
	if (!plan.failed)
		return json_pack("{s:o,s:o}", "armed", plan.armed, "out", plan.out);
	json_decref(plan.armed);
	json_decref(plan.out);
	return NULL;
}

static int append_plan(struct durable *durable, const struct windows_change *change,
		       uint64_t *ticket, struct err *err)
{
	json_t *plan = plan_json(change);
	char *text = plan ? json_fields_dump(plan, JSON_COMPACT) : NULL;
	json_decref(plan);
	if (!text)
		return err_set(err, -ENOMEM, "journal: out of memory; nothing has changed");
	const struct record_event event = {
		.kind = JOURNAL_EVENT_ARMED,
		.at_us = clock_now_us(),
		.text = text,
		.text_bytes = (uint32_t)strlen(text),
	};
	int rc = journal_append(durable->journal, &event, ticket, err);
	free(text);
	return rc;
}

static int append_state(struct durable *durable, enum journal_event_kind kind,
			const struct window *window, uint64_t *ticket, struct err *err)
{
	const struct record_event event = {
		.kind = kind,
		.tenant = window->tenant,
		.interaction = window->interaction,
		.at_us = clock_now_us(),
		.opens_at_us = window->opens_at_us,
		.closes_at_us = window->closes_at_us,
		.flags = (uint8_t)((window->cancelled ? JOURNAL_WINDOW_CANCELLED : 0) |
				   (window->revealed ? JOURNAL_WINDOW_REVEALED : 0)),
	};
	return journal_append(durable->journal, &event, ticket, err);
}

/*
 * What fails while it is written may come to disk when writing is resumed. It did not take effect,
 * so what takes it back is put behind it.
 */
static int append_undo(struct durable *durable, struct err *err)
{
	const struct record_event event = {.kind = JOURNAL_EVENT_UNDONE, .at_us = clock_now_us()};
	uint64_t ticket;
	return journal_append(durable->journal, &event, &ticket, err);
}

static int append_immediate(struct durable *durable, uint64_t *ticket, struct err *err)
{
	const struct record_event event = {.kind = JOURNAL_EVENT_IMMEDIATE,
					   .at_us = clock_now_us()};
	return journal_append(durable->journal, &event, ticket, err);
}

/* The last counts of a window. Nobody waits for them: its votes are in the journal already. */
static int keep_final(struct durable *durable, const struct armed_window *armed, struct err *err)
{
	uint64_t ticket;
	struct record_event event = {
		.kind = JOURNAL_EVENT_FINAL,
		.tenant = armed->window.tenant,
		.interaction = armed->window.interaction,
		.at_us = clock_now_us(),
		.missed = armed->missed,
	};
	memcpy(event.receipts, armed->final_receipts, sizeof(event.receipts));
	return journal_append(durable->journal, &event, &ticket, err);
}

/* What is appended from now on lies behind what is durable. */
static void take_place(struct durable *durable, struct windows_place *place)
{
	struct journal_status status;
	journal_status(durable->journal, &status);
	*place = (struct windows_place){status.segment, status.sequence + 1};
}

static int keep(void *context, const struct windows_event *event, struct err *err)
{
	struct durable *durable = context;
	uint64_t ticket;
	if (event->kind == JOURNAL_EVENT_FINAL)
		return keep_final(durable, event->armed, err);
	int rc = journal_failed(durable->journal, err);
	if (event->place)
		take_place(durable, event->place);
	/* Once more: older segments go, and what began here must be read rightly without them. */
	if (rc == 0 && event->kind == JOURNAL_EVENT_ARMED && durable->options.immediate)
		rc = append_immediate(durable, &ticket, err);
	if (rc == 0 && event->kind == JOURNAL_EVENT_ARMED)
		rc = append_plan(durable, event->plan, &ticket, err);
	else if (rc == 0)
		rc = append_state(durable, event->kind, event->changed, &ticket, err);
	if (rc)
		return rc;
	rc = journal_wait(durable->journal, ticket, wait_ms(durable), err);
	if (rc == 0)
		return 0;
	struct err why = *err, again;
	bool undone = append_undo(durable, &again) == 0;
	if (undone && rc == -ETIMEDOUT)
		return err_set(err, rc, "%.400s; nothing has changed: try again", why.text);
	if (!undone)
		return err_set(err, rc, "%.350s; and it may take effect with the next start: %.80s",
			       why.text, again.text);
	return rc;
}

int durable_note_key(struct durable *durable, uint16_t tenant, uint8_t epoch, bool added,
		     struct err *err)
{
	const struct record_event event = {
		.kind = added ? JOURNAL_EVENT_KEY_ADDED : JOURNAL_EVENT_KEY_RETIRED,
		.tenant = tenant,
		.key_epoch = epoch,
		.at_us = clock_now_us(),
	};
	return append_and_wait(durable, &event, err);
}

/*
 * A journal that ends where it should not is left as it is: to go on would cut off for good what
 * lies behind.
 */
static bool is_whole(const struct journal_report *report)
{
	return !report->acknowledged_lost && report->fault != RECORD_FAULT_CONTENT &&
	       report->fault != RECORD_FAULT_READ;
}

static int recover(struct durable *durable, const struct keyring *keyring, struct err *err)
{
	struct recovery *recovery = &durable->recovery;
	int rc = recover_run(durable->disk, keyring, durable->windows, recovery, err);
	if (rc == 0 && !is_whole(&recovery->journal))
		rc = -EPROTO;
	if (rc != -EPROTO)
		return rc;
	struct err where = *err;
	return err_set(err, rc, "%.350s; to start without it, move the directory %.80s away",
		       where.text, durable->options.directory);
}

/* What the operator should know of the journal that was found. */
static void tell_recovery(const struct durable *durable)
{
	const struct recovery *recovery = &durable->recovery;
	if (recovery->journal.blocks)
		fprintf(stderr,
			"tallyd: journal %s: %u windows and %" PRIu64 " votes read back, %" PRIu64
			" bytes\n",
			durable->options.directory, recovery->windows,
			recovery->counted + recovery->changed, recovery->journal.bytes);
}

/* Said before the first receipt that does not wait. */
static int note_immediate(struct durable *durable, struct err *err)
{
	uint64_t ticket;
	if (!durable->options.immediate)
		return 0;
	int rc = append_immediate(durable, &ticket, err);
	return rc ? rc : journal_wait(durable->journal, ticket, wait_ms(durable), err);
}

static int start_journal(struct durable *durable, struct err *err)
{
	const struct journal_options options = {
		.disk = durable->disk,
		.next = durable->recovery.journal.next,
		.started_at_us = clock_now_us(),
		.segment_bytes = durable->options.segment_bytes,
		.block_bytes = JOURNAL_BLOCK_MAX_BYTES,
		.workers = durable->options.workers,
		.ring_entries = JOURNAL_DEFAULT_RING_ENTRIES,
		.poll_us = JOURNAL_DEFAULT_POLL_US,
	};
	int rc = journal_open(&options, &durable->journal, err);
	if (rc == 0)
		rc = journal_start(durable->journal, err);
	if (rc)
		return rc;
	rc = note_immediate(durable, err);
	struct err again;
	if (rc)
		journal_stop(durable->journal, &again);
	return rc;
}

int durable_open(const struct durable_options *options, const struct keyring *keyring,
		 struct windows *windows, struct durable **result, struct err *err)
{
	struct durable *durable = calloc(1, sizeof(*durable));
	if (!durable)
		return err_set(err, -ENOMEM, "journal: out of memory");
	durable->options = *options;
	durable->windows = windows;
	durable->disk = options->disk;
	int rc = options->disk ? 0 : disk_uring_open(options->directory, &durable->disk, err);
	if (rc == 0)
		rc = recover(durable, keyring, err);
	if (rc == 0) {
		tell_recovery(durable);
		rc = start_journal(durable, err);
	}
	if (rc) {
		durable_close(durable);
		return rc;
	}
	windows_keep(windows, keep, durable);
	*result = durable;
	return 0;
}

int durable_stop(struct durable *durable, struct err *err)
{
	const struct record_event event = {.kind = JOURNAL_EVENT_STOPPED, .at_us = clock_now_us()};
	uint64_t ticket;
	int rc = journal_append(durable->journal, &event, &ticket, err);
	windows_keep(durable->windows, NULL, NULL);
	return rc ? rc : journal_stop(durable->journal, err);
}

void durable_close(struct durable *durable)
{
	if (!durable)
		return;
	journal_close(durable->journal);
	if (!durable->options.disk)
		disk_uring_close(durable->disk);
	free(durable);
}

struct journal *durable_journal(struct durable *durable)
{
	return durable->journal;
}

bool durable_is_immediate(const struct durable *durable)
{
	return durable->options.immediate;
}

const char *durable_word(const struct durable *durable)
{
	struct err err;
	if (!durable)
		return NULL;
	if (durable->options.immediate)
		return DURABLE_IMMEDIATE;
	return journal_failed(durable->journal, &err) ? DURABLE_FAILED : DURABLE_YES;
}

/* What the start has read back. */
static json_t *recovered_json(const struct durable *durable)
{
	const struct recovery *recovery = &durable->recovery;
	return json_pack("{s:I,s:I,s:I,s:I}", "windows", (json_int_t)recovery->windows, "counted",
			 (json_int_t)recovery->counted, "changed", (json_int_t)recovery->changed,
			 "bytes", (json_int_t)recovery->journal.bytes);
}

/*
 * The round after the present one takes all that is in rings and queue now (journal_ring.h): FINAL
 * alone would not say that a window's votes are there, as events go before the votes they are taken
 * with.
 */
uint64_t durable_mark(struct durable *durable)
{
	const struct journal_ring *ring = journal_ring(durable->journal, 0);
	return __atomic_load_n(&ring->rounds->round, __ATOMIC_ACQUIRE) + 1;
}

int durable_reached(struct durable *durable, uint64_t mark, struct windows_place *place,
		    struct err *err)
{
	struct journal_status status;
	int rc = journal_failed(durable->journal, err);
	if (rc)
		return rc;
	if (journal_durable(journal_ring(durable->journal, 0)) < mark)
		return -EAGAIN;
	journal_status(durable->journal, &status);
	*place = (struct windows_place){status.segment, status.sequence};
	return 0;
}

/* What is under way when a segment ends may reach back as far as all blocks at once. */
uint64_t durable_floor(struct durable *durable)
{
	struct journal_status status;
	struct err err;
	uint64_t bytes = durable->options.segment_bytes;
	uint64_t back = 1 + (JOURNAL_IN_FLIGHT_BYTES + bytes - 1) / bytes;
	if (journal_failed(durable->journal, &err))
		return 0;
	journal_status(durable->journal, &status);
	return status.segment > back ? status.segment - back : 0;
}

json_t *durable_stats(struct durable *durable)
{
	struct journal_status status;
	struct err err = {""};
	journal_status(durable->journal, &status);
	int failed = journal_failed(durable->journal, &err);
	return json_pack("{s:s,s:s,s:s?,s:I,s:I,s:I,s:I,s:I,s:o?}", "directory",
			 durable->options.directory, "ack",
			 durable->options.immediate ? DURABLE_IMMEDIATE : DURABLE_YES, "failed",
			 failed ? err.text : NULL, "segment", (json_int_t)status.segment, "blocks",
			 (json_int_t)status.blocks, "bytes", (json_int_t)status.bytes, "votes",
			 (json_int_t)status.votes, "failures", (json_int_t)status.failures,
			 "recovered", recovered_json(durable));
}
