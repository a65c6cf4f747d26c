// SPDX-License-Identifier: BSD-3-Clause
/*
 * The registry behind the published table. One thread calls all of this.
 *
 * What can fail: memory for a new window or a new table. It is taken before anything changes, so a
 * refused command leaves windows and table as they were.
 */
#include "dataplane/windows_registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/windows_room.h"

int windows_create(const struct windows_options *options, struct windows **windows, struct err *err)
{
	struct windows *w = calloc(1, sizeof(*w));
	void *memory = aligned_alloc(64, window_table_bytes(0));
	if (!w || !memory) {
		free(w);
		free(memory);
		return err_set(err, -ENOMEM, "windows: out of memory");
	}
	w->options = *options;
	w->published = window_table_build(memory, NULL, 0);
	*windows = w;
	return 0;
}

static void armed_free(struct armed_window *armed)
{
	interaction_free(&armed->interaction);
	windows_room_give_back(armed);
}

void windows_destroy(struct windows *windows)
{
	if (!windows)
		return;
	for (uint32_t i = 0; i < windows->count; i++)
		armed_free(windows->armed[i]);
	free(windows->armed);
	free((void *)windows->published);
	free(windows);
}

const struct window_table *const *windows_published(const struct windows *windows)
{
	return &windows->published;
}

/* A table of these windows; NULL when out of memory. */
static struct window_table *build_table(struct armed_window *const *armed, uint32_t count)
{
	struct window *copies = aligned_alloc(64, (count + 1) * sizeof(*copies));
	void *memory = aligned_alloc(64, (window_table_bytes(count) + 63) / 64 * 64);
	struct window_table *table = NULL;
	if (copies && memory) {
		for (uint32_t i = 0; i < count; i++)
			copies[i] = armed[i]->window;
		table = window_table_build(memory, copies, count);
	} else {
		free(memory);
	}
	free(copies);
	return table;
}

/* From here on workers see `table`; returns when none of them sees the old one. */
static void publish(struct windows *windows, const struct window_table *table)
{
	const struct window_table *old = windows->published;
	__atomic_store_n(&windows->published, table, __ATOMIC_RELEASE);
	windows->changes++;
	windows->options.quiesce(windows->options.quiesce_context);
	free((void *)old);
}

int windows_publish(struct windows *windows)
{
	struct window_table *table = build_table(windows->armed, windows->count);
	if (!table)
		return -ENOMEM;
	publish(windows, table);
	return 0;
}

void windows_keep(struct windows *windows,
		  int (*keep)(void *context, const struct windows_event *event, struct err *err),
		  void *context)
{
	windows->options.keep = keep;
	windows->options.keep_context = context;
}

static int keep(const struct windows *windows, const struct windows_event *event, struct err *err)
{
	const struct windows_options *options = &windows->options;
	return options->keep ? options->keep(options->keep_context, event, err) : 0;
}

static uint64_t missed_now(const struct windows *windows)
{
	const struct windows_options *options = &windows->options;
	return options->missed ? options->missed(options->quiesce_context) : 0;
}

void windows_note_missed(struct windows *windows, uint64_t now_us)
{
	uint64_t missed = missed_now(windows);
	for (uint32_t i = 0; i < windows->count; i++)
		if (windows_untouched(windows->armed[i], now_us))
			windows->armed[i]->missed_before = missed;
}

int windows_keep_final(struct windows *windows, struct armed_window *armed, struct err *err)
{
	const struct windows_event event = {
		.kind = JOURNAL_EVENT_FINAL, .armed = armed, .changed = &armed->window};
	int rc = armed->final_kept ? 0 : keep(windows, &event, err);
	armed->final_kept = rc == 0;
	return rc;
}

/* Counters of an interface that came anew begin with 0. */
static uint64_t missed_since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

void windows_note_settled(struct windows *windows, struct armed_window *armed)
{
	struct tally_sum sum;
	struct err err;
	armed->settled = true;
	armed->missed = missed_since(missed_now(windows), armed->missed_before);
	tally_read(&armed->store.tally, 0, &sum);
	memcpy(armed->final_receipts, sum.receipts, sizeof(armed->final_receipts));
	if (windows_keep_final(windows, armed, &err))
		fprintf(stderr, "tallyd: %s\n", err.text);
}

/* With answers, and not sealed yet: what is in memory must not go. */
static bool waits_for_seal(const struct windows *windows, const struct armed_window *armed)
{
	struct tally_sum sum;
	if (armed->being_sealed)
		return true;
	/* What is read back has gone out already. */
	if (!windows->options.seals || !windows->options.keep || armed->seal != SEAL_DUE)
		return false;
	tally_read(&armed->store.tally, 0, &sum);
	return armed->settled || sum.receipts[RECEIPT_COUNTED] > 0;
}

static int check_sealed(const struct windows *windows, const struct windows_change *wanted,
			struct err *err)
{
	for (uint32_t i = 0; i < wanted->out_count; i++) {
		const struct interaction *interaction = &wanted->out[i]->interaction;
		if (waits_for_seal(windows, wanted->out[i]))
			return err_set(err, -EPERM,
				       "%s/%u: its result is being sealed; try again in a moment",
				       interaction->tenant->name, interaction->id);
	}
	return 0;
}

int windows_republish(struct windows *windows, struct armed_window *armed,
		      enum journal_event_kind kind, const struct window *changed, struct err *err)
{
	const struct windows_event event = {.kind = kind, .armed = armed, .changed = changed};
	struct window before = armed->window;
	armed->window = *changed;
	struct window_table *table = build_table(windows->armed, windows->count);
	int rc = table ? keep(windows, &event, err)
		       : err_set(err, -ENOMEM, "out of memory; nothing has changed");
	if (rc) {
		armed->window = before;
		free(table);
		return rc;
	}
	publish(windows, table);
	return 0;
}

/* What makes a window of this kind smaller. */
static const char *smaller_by(const struct interaction *interaction)
{
	switch (interaction_identity(interaction)) {
	case ONE_PER_VOTER_SECOND: return "[windows] voters, or ask for a shorter time";
	case ONE_PER_VOTER_ITEM: return "[windows] upvotes or voters";
	default: return "[windows] voters";
	}
}

int windows_check_memory(const struct windows *windows, uint64_t taken, uint64_t bytes,
			 const struct interaction *interaction, struct err *err)
{
	uint64_t limit = windows->options.memory_bytes;
	if (bytes <= limit && taken <= limit - bytes)
		return 0;
	return err_set(err, -ENOMEM,
		       "%s/%u: needs %llu KiB of ballot memory, %llu KiB of %llu KiB are in use; "
		       "raise [windows] memory_mb or lower %s",
		       interaction->tenant->name, interaction->id, (unsigned long long)bytes >> 10,
		       (unsigned long long)taken >> 10, (unsigned long long)limit >> 10,
		       smaller_by(interaction));
}

/* A change under way: what stays, and then what is new. */
struct change {
	struct armed_window **armed; /* the registry as it will be */
	uint32_t kept;
	uint32_t count;
	uint64_t memory_bytes;
};

int windows_check_share(const struct interaction *interaction, uint64_t count, uint64_t bytes,
			struct err *err)
{
	const struct tenant *tenant = interaction->tenant;
	const struct tenant_limits *limits = &tenant->limits;
	if (limits->windows && count > limits->windows)
		return err_set(err, -ENOMEM, "%s/%u: %s may have %llu windows and has them",
			       tenant->name, interaction->id, tenant->name,
			       (unsigned long long)limits->windows);
	if (limits->memory_mb && bytes > limits->memory_mb << 20)
		return err_set(err, -ENOMEM,
			       "%s/%u: with it %s would take %llu KiB, more than its %llu MiB",
			       tenant->name, interaction->id, tenant->name,
			       (unsigned long long)bytes >> 10,
			       (unsigned long long)limits->memory_mb);
	return 0;
}

/* One tenant's limits, with what it keeps and all that is new. */
static int check_tenant(const struct windows *windows, const struct change *change,
			const struct interaction *interactions, uint32_t count,
			const struct tenant *tenant, struct err *err)
{
	uint64_t armed = 0, bytes = 0;
	int rc = 0;
	for (uint32_t i = 0; i < change->kept; i++) {
		if (change->armed[i]->window.tenant != tenant->id)
			continue;
		armed++;
		bytes += change->armed[i]->memory_bytes;
	}
	for (uint32_t i = 0; i < count && rc == 0; i++) {
		if (interactions[i].tenant->id != tenant->id)
			continue;
		bytes += windows_memory_of(windows, &interactions[i]);
		rc = windows_check_share(&interactions[i], ++armed, bytes, err);
	}
	return rc;
}

/* Each tenant once: a show has far more windows than tenants. */
static int check_tenants(const struct windows *windows, const struct change *change,
			 const struct interaction *interactions, uint32_t count, struct err *err)
{
	uint64_t seen[(UINT16_MAX + 1) / 64] = {0};
	for (uint32_t i = 0; i < count; i++) {
		const struct tenant *tenant = interactions[i].tenant;
		uint64_t bit = 1ull << tenant->id % 64;
		if (seen[tenant->id / 64] & bit)
			continue;
		seen[tenant->id / 64] |= bit;
		if (!tenant->limits.windows && !tenant->limits.memory_mb)
			continue;
		int rc = check_tenant(windows, change, interactions, count, tenant, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Ids and memory of all of them, before any is taken: what is refused costs next to nothing. */
static int check_all(const struct windows *windows, const struct change *change,
		     const struct interaction *interactions, uint32_t count, struct err *err)
{
	uint64_t taken = change->memory_bytes;
	for (uint32_t i = 0; i < count; i++) {
		const struct interaction *interaction = &interactions[i];
		const struct armed_window *twin =
			windows_find(windows, interaction->tenant->id, interaction->id);
		uint64_t bytes = windows_memory_of(windows, interaction);
		if (twin && !twin->leaving)
			return err_set(err, -EEXIST, "%s/%u: the id is in use; choose another",
				       interaction->tenant->name, interaction->id);
		int rc = windows_check_memory(windows, taken, bytes, interaction, err);
		if (rc)
			return rc;
		taken += bytes;
	}
	return check_tenants(windows, change, interactions, count, err);
}

static int change_begin(const struct windows *windows, const struct windows_change *wanted,
			struct change *change, struct err *err)
{
	size_t slots = windows->count + (size_t)wanted->count + 1;
	int rc = check_sealed(windows, wanted, err);
	if (rc)
		return rc;
	*change = (struct change){.armed = calloc(slots, sizeof(struct armed_window *))};
	if (!change->armed)
		return err_set(err, -ENOMEM, "windows: out of memory");
	for (uint32_t i = 0; i < wanted->out_count; i++)
		wanted->out[i]->leaving = true;
	for (uint32_t i = 0; i < windows->count; i++) {
		struct armed_window *armed = windows->armed[i];
		if (armed->leaving)
			continue;
		change->armed[change->kept++] = armed;
		change->memory_bytes += armed->memory_bytes;
	}
	change->count = change->kept;
	return 0;
}

static int change_arm(const struct windows *windows, struct change *change,
		      const struct interaction *interactions, uint32_t count, struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct armed_window **slot = &change->armed[change->count];
		int rc = windows_room_take(&windows->options, &interactions[i], slot, err);
		if (rc)
			return rc;
		change->memory_bytes += (*slot)->memory_bytes;
		change->count++;
	}
	return 0;
}

/* A window that opens now loses nothing of its time to what arming it took. */
static void open_from_now(struct change *change, const struct windows_change *wanted)
{
	uint64_t now_us = wanted->opens_now();
	for (uint32_t i = 0; i < wanted->count; i++) {
		struct armed_window *armed = change->armed[change->kept + i];
		wanted->interactions[i].opens_at_us = armed->interaction.opens_at_us = now_us;
		armed->window.opens_at_us = now_us;
		armed->window.closes_at_us = now_us + armed->interaction.duration_us;
	}
}

/* The new windows are given back; their interactions are still the caller's. */
static void change_abandon(struct change *change, const struct windows_change *wanted)
{
	for (uint32_t i = 0; i < wanted->out_count; i++)
		wanted->out[i]->leaving = false;
	for (uint32_t i = change->kept; i < change->count; i++)
		windows_room_give_back(change->armed[i]);
	free(change->armed);
}

/* Nobody uses this window any more: its receipts are kept, its memory is not. */
static void take_out(struct windows *windows, struct armed_window *armed)
{
	struct tally_sum sum = {.votes = armed->votes};
	tally_read(&armed->store.tally, 0, &sum);
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		windows->past_receipts[status] += sum.receipts[status];
	armed_free(armed);
}

int windows_check(const struct windows *windows, const struct windows_change *wanted,
		  struct err *err)
{
	struct change change;
	int rc = change_begin(windows, wanted, &change, err);
	if (rc)
		return rc;
	rc = check_all(windows, &change, wanted->interactions, wanted->count, err);
	change_abandon(&change, wanted);
	return rc;
}

/* From here on nothing can fail. */
static void change_commit(struct windows *windows, const struct change *change,
			  const struct windows_change *wanted, const struct windows_place *place,
			  const struct window_table *table)
{
	uint64_t missed = missed_now(windows);
	for (uint32_t i = change->kept; i < change->count; i++) {
		change->armed[i]->missed_before = missed;
		change->armed[i]->armed_at = *place;
	}
	free(windows->armed);
	windows->armed = change->armed;
	windows->count = change->count;
	windows->memory_bytes = change->memory_bytes;
	for (uint32_t i = 0; i < wanted->count; i++)
		wanted->interactions[i] = (struct interaction){0};
	publish(windows, table);
	for (uint32_t i = 0; i < wanted->out_count; i++)
		take_out(windows, wanted->out[i]);
}

int windows_replace(struct windows *windows, const struct windows_change *wanted, struct err *err)
{
	struct change change;
	struct window_table *table = NULL;
	int rc = change_begin(windows, wanted, &change, err);
	if (rc)
		return rc;
	rc = check_all(windows, &change, wanted->interactions, wanted->count, err);
	if (rc == 0)
		rc = change_arm(windows, &change, wanted->interactions, wanted->count, err);
	if (rc == 0 && wanted->opens_now)
		open_from_now(&change, wanted);
	if (rc == 0 && !(table = build_table(change.armed, change.count)))
		rc = err_set(err, -ENOMEM, "windows: out of memory");
	if (rc == 0 && wanted->last_check)
		rc = wanted->last_check(wanted->context, err);
	struct windows_place place = {0};
	const struct windows_event event = {
		.kind = JOURNAL_EVENT_ARMED, .plan = wanted, .place = &place};
	if (rc == 0)
		rc = keep(windows, &event, err);
	if (rc) {
		free(table);
		change_abandon(&change, wanted);
		return rc;
	}
	change_commit(windows, &change, wanted, &place, table);
	return 0;
}

int windows_arm(struct windows *windows, struct interaction *interactions, uint32_t count,
		struct err *err)
{
	const struct windows_change wanted = {.interactions = interactions, .count = count};
	return windows_replace(windows, &wanted, err);
}

struct armed_window *windows_find(const struct windows *windows, uint16_t tenant,
				  uint32_t interaction)
{
	const struct window *window = window_table_find(windows->published, tenant, interaction);
	if (!window)
		return NULL;
	/* Every window's store lies in its armed_window. */
	return (void *)((char *)window->store - offsetof(struct armed_window, store));
}

struct armed_window *windows_at(const struct windows *windows, uint32_t index)
{
	return windows->armed[index];
}

uint32_t windows_count(const struct windows *windows)
{
	return windows->count;
}

uint64_t windows_memory(const struct windows *windows)
{
	return windows->memory_bytes;
}

uint64_t windows_memory_free(const struct windows *windows)
{
	uint64_t limit = windows->options.memory_bytes;
	return limit > windows->memory_bytes ? limit - windows->memory_bytes : 0;
}

uint64_t windows_memory_of(const struct windows *windows, const struct interaction *interaction)
{
	return windows_room_memory(&windows->options, interaction);
}

const uint64_t *windows_past_receipts(const struct windows *windows)
{
	return windows->past_receipts;
}

void windows_recovered(struct windows *windows)
{
	windows->earlier_receipts = 0;
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		windows->earlier_receipts += windows->past_receipts[status];
	for (uint32_t i = 0; i < windows->count; i++) {
		struct tally_sum sum;
		tally_read(&windows->armed[i]->store.tally, 0, &sum);
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			windows->earlier_receipts += sum.receipts[status];
	}
}

uint64_t windows_earlier_receipts(const struct windows *windows)
{
	return windows->earlier_receipts;
}

void windows_sum(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		 struct tally_sum *sum)
{
	bool ended = window_state(&armed->window, now_us) >= WINDOW_FINAL;
	/* A worker may still hold a burst that arrived in time: the first look waits for it. */
	if (ended && !armed->settled) {
		windows->options.quiesce(windows->options.quiesce_context);
		windows_note_settled(windows, armed);
	}
	sum->votes = armed->votes;
	tally_read(&armed->store.tally, store_counters(&armed->plan, armed->seconds), sum);
	/* Where a voter has one answer, each that was counted is another voter's. */
	if (!armed->store.seen.words)
		sum->voters = sum->receipts[RECEIPT_COUNTED];
}

uint64_t windows_changes(const struct windows *windows)
{
	return windows->changes;
}
