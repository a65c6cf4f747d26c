// SPDX-License-Identifier: BSD-3-Clause
/*
 * What each record of the journal does to the windows. Called once, at start, or by an audit.
 *
 * The journal is read twice: first for the events that are said, behind them, not to have taken
 * effect; then for all the others.
 */
#include "dataplane/recover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/cast.h"
#include "dataplane/show/json_fields.h"

struct recovering {
	const struct keyring *keyring;
	struct windows *windows;
	struct recovery *recovery;
	struct err *err;
	const struct recover_scope *scope; /* NULL: all of it */
	bool immediate;                    /* this run of tallyd did not let receipts wait */
	uint64_t events;                   /* read so far */
	struct journal_place before; /* where what was read last ended; segment 0: nothing yet */
	uint64_t latest_us;          /* of them */
	uint64_t *undone;            /* which of them did not take effect, ascending */
	uint32_t undone_count;
	uint32_t undone_passed;
	json_t *orphans; /* windows of tenants that the keyring lacks, by "tenant_id/id" */
	struct burst burst;
};

static int no_memory(const struct recovering *recovering)
{
	return err_set(recovering->err, -ENOMEM, "journal: out of memory");
}

/* ---- The first reading ---- */

static int skip_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	(void)context, (void)place, (void)worker, (void)votes, (void)count;
	return 0;
}

static int note_undone(void *context, const struct journal_place *place,
		       const struct record_event *event)
{
	struct recovering *recovering = context;
	uint64_t number = recovering->events++;
	(void)place;
	if (event->kind != JOURNAL_EVENT_UNDONE || number == 0)
		return 0;
	uint64_t *undone =
		realloc(recovering->undone, (recovering->undone_count + 1) * sizeof(*undone));
	if (!undone)
		return no_memory(recovering);
	undone[recovering->undone_count++] = number - 1;
	recovering->undone = undone;
	return 0;
}

/* ---- Votes ---- */

static int refuse_vote(const struct recovering *recovering, const struct journal_place *place,
		       const struct armed_window *armed, const char *why)
{
	return err_set(recovering->err, -EPROTO,
		       "journal: segment %016" PRIx64 " at %" PRIu64 ": a vote of %s/%u %s",
		       place->segment, place->offset, armed->interaction.tenant->name,
		       armed->interaction.id, why);
}

static void fill_burst(struct recovering *recovering, const struct armed_window *armed,
		       const struct record_vote *votes, uint32_t count)
{
	struct burst *burst = &recovering->burst;
	burst->count = burst->room = count;
	for (uint32_t i = 0; i < count; i++) {
		burst->verdict[i] = VERDICT_NONE;
		burst->window[i] = &armed->window;
		burst->vote[i] = (struct vote){
			.program_time_us = votes[i].program_time_us,
			.interaction = votes[i].interaction,
			.voter = votes[i].voter,
			.revision = votes[i].revision,
			.tenant = votes[i].tenant,
			.choice = votes[i].choice,
		};
		cast_prefetch(&armed->window, &burst->vote[i]);
	}
}

/* Returns false where a vote found no room. */
static bool cast_batch(struct recovering *recovering, struct armed_window *armed,
		       const struct record_vote *votes, uint32_t count)
{
	struct burst *burst = &recovering->burst;
	struct recovery *recovery = recovering->recovery;
	struct tally_lane *lane = tally_lane(&armed->store.tally, 0);
	bool room = true;
	fill_burst(recovering, armed, votes, count);
	cast_burst(burst);
	for (uint32_t i = 0; i < count; i++) {
		room &= burst->verdict[i] != VERDICT_BUSY;
		if (!cast_count_again(burst, i, lane))
			recovery->repeated += burst->verdict[i] != VERDICT_BUSY;
		else if (burst->verdict[i] == VERDICT_COUNTED)
			recovery->counted++;
		else
			recovery->changed++;
	}
	return room;
}

/* What is in the ballot's memory may be anything but what no worker could have cast. */
static bool is_castable(const struct armed_window *armed, const struct record_vote *vote)
{
	return kind_choice_is_valid(&armed->window.question, vote->choice) &&
	       vote->program_time_us >= armed->window.opens_at_us;
}

static int take_votes(void *context, const struct journal_place *place, uint32_t worker,
		      const struct record_vote *votes, uint32_t count)
{
	struct recovering *recovering = context;
	struct armed_window *armed =
		windows_find(recovering->windows, votes->tenant, votes->interaction);
	enum recover_side side = recover_scope_side(recovering->scope, place);
	(void)worker;
	if (side != SCOPE_INSIDE)
		return side == SCOPE_BEHIND ? SCOPE_BEHIND : 0;
	if (!armed) {
		recovering->recovery->homeless += count;
		return 0;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!is_castable(armed, &votes[i]))
			return refuse_vote(recovering, place, armed,
					   "that its window cannot have taken");
	for (uint32_t from = 0; from < count; from += BURST_MAX)
		if (!cast_batch(recovering, armed, votes + from,
				count - from < BURST_MAX ? count - from : BURST_MAX))
			return refuse_vote(recovering, place, armed,
					   "finds no room; raise [windows] voters or upvotes, or "
					   "the tenant's limits, to what they were");
	armed->immediate |= recovering->immediate;
	return 0;
}

/* ---- Plans ---- */

/* A window of the plan, in either list. */
struct planned {
	const char *tenant; /* its name then */
	uint16_t tenant_id;
	uint32_t id;
	char key[32]; /* among orphans */
};

static int read_planned(const struct recovering *recovering, const json_t *item,
			struct planned *planned)
{
	struct json_fields fields = {.object = item, .place = "journal", .err = recovering->err};
	uint64_t tenant_id, id;
	int rc = json_is_object(item) ? 0 : -EINVAL;
	if (rc)
		return err_set(recovering->err, -EPROTO, "journal: a plan is not as it should be");
	rc = json_fields_string(&fields, "tenant", &planned->tenant);
	if (rc == 0)
		rc = json_fields_integer(&fields, "tenant_id", 0, UINT16_MAX, &tenant_id);
	if (rc == 0)
		rc = json_fields_integer(&fields, "id", 0, UINT32_MAX, &id);
	if (rc)
		return rc;
	planned->tenant_id = (uint16_t)tenant_id;
	planned->id = (uint32_t)id;
	snprintf(planned->key, sizeof(planned->key), "%u/%u", planned->tenant_id, planned->id);
	return 0;
}

/* Its name may be another's by now. */
static bool is_known(const struct recovering *recovering, const struct planned *planned)
{
	const struct tenant *tenant = keyring_tenant_by_name(recovering->keyring, planned->tenant);
	return tenant && tenant->id == planned->tenant_id;
}

/* Until it is taken out, or the journal ends. */
static int note_orphan(struct recovering *recovering, const struct planned *planned)
{
	return json_object_set_new(recovering->orphans, planned->key, json_string(planned->tenant))
		       ? no_memory(recovering)
		       : 0;
}

/* What interaction_parse() takes, and the members more that the journal has. */
static int parse(const struct recovering *recovering, const json_t *item,
		 struct interaction *interaction)
{
	const char *name = json_string_value(json_object_get(item, "show"));
	char *show = name ? strdup(name) : NULL;
	json_t *rest = json_fields_copy(item);
	if ((name && !show) || !rest) {
		free(show);
		json_decref(rest);
		return no_memory(recovering);
	}
	bool by_hand = json_is_true(json_object_get(item, "by_hand"));
	json_object_del(rest, "show");
	json_object_del(rest, "by_hand");
	json_object_del(rest, "tenant_id");
	int rc = interaction_parse(rest, "journal", recovering->keyring, 0, interaction,
				   recovering->err);
	json_decref(rest);
	if (rc)
		free(show);
	interaction->show = rc ? NULL : show;
	interaction->by_hand = by_hand;
	return rc;
}

/* Those of "armed" whose tenant is there. */
static int read_armed(struct recovering *recovering, const json_t *list,
		      struct windows_change *change)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		struct planned planned;
		int rc = read_planned(recovering, item, &planned);
		if (rc == 0 && !recover_scope_wants(recovering->scope, item))
			continue;
		if (rc == 0 && !is_known(recovering, &planned))
			rc = note_orphan(recovering, &planned);
		else if (rc == 0 &&
			 (rc = parse(recovering, item, &change->interactions[change->count])) == 0)
			change->count++;
		if (rc)
			return rc;
	}
	return 0;
}

/* Those of "out" that are there. */
static int read_out(struct recovering *recovering, const json_t *list, struct armed_window **out,
		    uint32_t *count)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct planned planned;
		int rc = read_planned(recovering, json_array_get(list, i), &planned);
		if (rc)
			return rc;
		json_object_del(recovering->orphans, planned.key);
		struct armed_window *armed =
			windows_find(recovering->windows, planned.tenant_id, planned.id);
		if (armed)
			out[(*count)++] = armed;
	}
	return 0;
}

static int replace_windows(struct recovering *recovering, const json_t *plan)
{
	const json_t *in_list = json_object_get(plan, "armed");
	const json_t *out_list = json_object_get(plan, "out");
	struct windows_change change = {
		.interactions = calloc(json_array_size(in_list) + 1, sizeof(struct interaction))};
	struct armed_window **out = calloc(json_array_size(out_list) + 1, sizeof(*out));
	change.out = out;
	int rc = change.interactions && out ? 0 : no_memory(recovering);
	if (rc == 0)
		rc = read_out(recovering, out_list, out, &change.out_count);
	if (rc == 0)
		rc = read_armed(recovering, in_list, &change);
	if (rc == 0)
		rc = windows_replace(recovering->windows, &change, recovering->err);
	for (uint32_t i = 0; i < change.count; i++)
		interaction_free(&change.interactions[i]);
	free(change.interactions);
	free(out);
	return rc;
}

/* Where each of them begins in the journal: its plan may fill blocks, from the last one read on. */
static void note_places(const struct recovering *recovering, const json_t *plan,
			const struct journal_place *place)
{
	const json_t *list = json_object_get(plan, "armed");
	const struct journal_place *from = recovering->before.segment ? &recovering->before : place;
	for (size_t i = 0; i < json_array_size(list); i++)
		recover_scope_note(recovering->windows, json_array_get(list, i), from);
}

static int take_plan(struct recovering *recovering, const struct journal_place *place,
		     const struct record_event *event)
{
	json_error_t flaw;
	bool no_memory;
	json_t *plan = json_fields_parse(event->text, event->text_bytes, JSON_REJECT_DUPLICATES,
					 &flaw, &no_memory);
	if (no_memory)
		return err_set(recovering->err, -ENOMEM, "journal: no memory to parse a plan");
	if (!plan)
		return err_set(recovering->err, -EPROTO, "journal: a plan is not JSON: %s",
			       flaw.text);
	int rc = replace_windows(recovering, plan);
	if (rc == 0)
		note_places(recovering, plan, place);
	json_decref(plan);
	return rc;
}

/* ---- Other events ---- */

static int take_change(struct recovering *recovering, const struct record_event *event)
{
	struct armed_window *armed =
		windows_find(recovering->windows, event->tenant, event->interaction);
	if (!armed)
		return 0;
	if (event->closes_at_us < event->opens_at_us)
		return err_set(recovering->err, -EPROTO,
			       "journal: %s/%u is said to close before it opens",
			       armed->interaction.tenant->name, armed->interaction.id);
	struct window changed = armed->window;
	changed.opens_at_us = event->opens_at_us;
	changed.closes_at_us = event->closes_at_us;
	changed.cancelled = event->flags & JOURNAL_WINDOW_CANCELLED;
	changed.revealed = event->flags & JOURNAL_WINDOW_REVEALED;
	return windows_restore(recovering->windows, armed, &changed, recovering->err);
}

/* The counts that no vote's record tells of: refusals, as they were when the window was final. */
static int take_final(struct recovering *recovering, const struct record_event *event)
{
	struct armed_window *armed =
		windows_find(recovering->windows, event->tenant, event->interaction);
	if (!armed)
		return 0;
	struct tally_lane *lane = tally_lane(&armed->store.tally, 0);
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		if (status != RECEIPT_COUNTED && status != RECEIPT_CHANGED)
			lane->receipts[status] = event->receipts[status];
	memcpy(armed->final_receipts, event->receipts, sizeof(armed->final_receipts));
	armed->missed = event->missed;
	armed->settled = armed->final_kept = armed->maybe_sealed = true;
	struct window changed = armed->window;
	changed.ended = true;
	return windows_restore(recovering->windows, armed, &changed, recovering->err);
}

/* What was final stays it: the clock may have been set back since, with the machine off or on. */
static int note_time(struct recovering *recovering, uint64_t at_us)
{
	int rc = 0;
	if (at_us < recovering->latest_us)
		rc = windows_end_for_good(recovering->windows, recovering->latest_us);
	recovering->latest_us = at_us;
	return rc ? no_memory(recovering) : 0;
}

static bool is_undone(struct recovering *recovering, uint64_t number)
{
	if (recovering->undone_passed == recovering->undone_count ||
	    recovering->undone[recovering->undone_passed] != number)
		return false;
	recovering->undone_passed++;
	return true;
}

static int take_event(void *context, const struct journal_place *place,
		      const struct record_event *event)
{
	struct recovering *recovering = context;
	enum recover_side side = recover_scope_side(recovering->scope, place);
	/* How receipts went, the last start says, wherever it lies. */
	bool mark = event->kind == JOURNAL_EVENT_STARTED || event->kind == JOURNAL_EVENT_IMMEDIATE;
	if (side == SCOPE_BEHIND)
		return SCOPE_BEHIND;
	int rc = note_time(recovering, event->at_us);
	if (rc || is_undone(recovering, recovering->events++))
		return rc;
	if (side == SCOPE_BEFORE && !mark)
		return 0;
	switch (event->kind) {
	case JOURNAL_EVENT_STARTED: recovering->immediate = false; return 0;
	case JOURNAL_EVENT_IMMEDIATE: recovering->immediate = true; return 0;
	case JOURNAL_EVENT_ARMED: return take_plan(recovering, place, event);
	case JOURNAL_EVENT_OPENED:
	case JOURNAL_EVENT_CLOSED:
	case JOURNAL_EVENT_EXTENDED:
	case JOURNAL_EVENT_CANCELLED:
	case JOURNAL_EVENT_REVEALED: return take_change(recovering, event);
	case JOURNAL_EVENT_FINAL: return take_final(recovering, event);
	default: return 0;
	}
}

/* ---- All of it ---- */

static int second_votes(void *context, const struct journal_place *place, uint32_t worker,
			const struct record_vote *votes, uint32_t count)
{
	struct recovering *recovering = context;
	int rc = take_votes(context, place, worker, votes, count);
	recovering->before = *place;
	return rc;
}

static int second_event(void *context, const struct journal_place *place,
			const struct record_event *event)
{
	struct recovering *recovering = context;
	int rc = take_event(context, place, event);
	recovering->before = *place;
	return rc;
}

static int check_orphans(const struct recovering *recovering)
{
	void *first = json_object_iter(recovering->orphans);
	if (!first)
		return 0;
	return err_set(recovering->err, -ENOENT,
		       "journal: %zu windows are of tenants that the keyring lacks, the first is "
		       "%s of %s; put the tenant back into the keyring",
		       json_object_size(recovering->orphans), json_object_iter_key(first),
		       json_string_value(json_object_iter_value(first)));
}

static int read_twice(struct recovering *recovering, struct disk *disk)
{
	struct recovery *recovery = recovering->recovery;
	const struct journal_visitor first = {recovering, skip_votes, note_undone};
	const struct journal_visitor second = {recovering, second_votes, second_event};
	int rc = journal_read(disk, &first, &recovery->journal, recovering->err);
	if (rc)
		return rc;
	recovering->events = 0;
	rc = journal_read(disk, &second, &recovery->journal, recovering->err);
	rc = recover_scope_end(recovering->scope, rc, &recovery->journal, recovering->err);
	struct err where = *recovering->err;
	if (rc == 0)
		rc = note_time(recovering, 0);
	if (rc == 0)
		rc = check_orphans(recovering);
	if (rc == 0)
		*recovering->err = where;
	return rc;
}

static int run(struct disk *disk, const struct keyring *keyring, const struct recover_scope *scope,
	       struct windows *windows, struct recovery *recovery, struct err *err)
{
	struct recovering *recovering = aligned_alloc(64, (sizeof(*recovering) + 63) / 64 * 64);
	if (!recovering)
		return err_set(err, -ENOMEM, "journal: out of memory");
	memset(recovery, 0, sizeof(*recovery));
	memset(recovering, 0, sizeof(*recovering));
	recovering->keyring = keyring;
	recovering->scope = scope;
	recovering->windows = windows;
	recovering->recovery = recovery;
	recovering->err = err;
	recovering->orphans = json_object();
	int rc = recovering->orphans ? read_twice(recovering, disk) : no_memory(recovering);
	recovery->windows = windows_count(windows);
	for (uint32_t i = 0; rc == 0 && i < recovery->windows; i++)
		recovery->immediate += windows_at(windows, i)->immediate;
	if (rc == 0)
		windows_recovered(windows);
	json_decref(recovering->orphans);
	free(recovering->undone);
	free(recovering);
	return rc;
}

int recover_run(struct disk *disk, const struct keyring *keyring, struct windows *windows,
		struct recovery *recovery, struct err *err)
{
	return run(disk, keyring, NULL, windows, recovery, err);
}

int recover_part(struct disk *disk, const struct recover_scope *scope, struct windows *windows,
		 struct recovery *recovery, struct err *err)
{
	return run(disk, scope->tenants, scope, windows, recovery, err);
}
