// SPDX-License-Identifier: BSD-3-Clause
/* What each record of the journal does to the windows. Called once, at start, or by an audit. */
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
	bool immediate; /* this run of tallyd did not let receipts wait */
	struct burst burst;
};

static void cast_batch(struct recovering *recovering, const struct armed_window *armed,
		       const struct record_vote *votes, uint32_t count)
{
	struct burst *burst = &recovering->burst;
	struct tally_lane *lane = tally_lane(&armed->store.tally, 0);
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
	cast_burst(burst);
	for (uint32_t i = 0; i < count; i++)
		cast_count_again(burst, i, votes[i].changed, lane);
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
	struct recovery *recovery = recovering->recovery;
	struct armed_window *armed =
		windows_find(recovering->windows, votes->tenant, votes->interaction);
	(void)worker;
	if (!armed) {
		recovery->homeless += count;
		return 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!is_castable(armed, &votes[i]))
			return err_set(recovering->err, -EBADMSG,
				       "journal: segment %016" PRIx64 " at %" PRIu64
				       ": a vote of %s/%u that its window cannot have taken",
				       place->segment, place->offset,
				       armed->interaction.tenant->name, armed->interaction.id);
		recovery->counted += !votes[i].changed;
		recovery->changed += votes[i].changed;
	}
	for (uint32_t from = 0; from < count; from += BURST_MAX)
		cast_batch(recovering, armed, votes + from,
			   count - from < BURST_MAX ? count - from : BURST_MAX);
	armed->immediate |= recovering->immediate;
	return 0;
}

/* One of "armed": an interaction and its show. */
static int read_interaction(struct recovering *recovering, json_t *object,
			    struct interaction *interaction)
{
	char *show = NULL;
	const char *name = json_string_value(json_object_get(object, "show"));
	if (name && !(show = strdup(name)))
		return err_set(recovering->err, -ENOMEM, "journal: out of memory");
	bool by_hand = json_is_true(json_object_get(object, "by_hand"));
	json_object_del(object, "show");
	json_object_del(object, "by_hand");
	int rc = interaction_parse(object, "journal", recovering->keyring, 0, interaction,
				   recovering->err);
	if (rc)
		free(show);
	interaction->show = rc ? NULL : show;
	interaction->by_hand = by_hand;
	return rc;
}

/* Those of "out" that are there. */
static uint32_t read_out(const struct recovering *recovering, const json_t *list,
			 struct armed_window **out)
{
	uint32_t count = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		json_int_t tenant = json_integer_value(json_object_get(item, "tenant"));
		json_int_t id = json_integer_value(json_object_get(item, "id"));
		struct armed_window *armed =
			windows_find(recovering->windows, (uint16_t)tenant, (uint32_t)id);
		if (armed)
			out[count++] = armed;
	}
	return count;
}

static int replace_windows(struct recovering *recovering, const json_t *plan)
{
	const json_t *in_list = json_object_get(plan, "armed");
	const json_t *out_list = json_object_get(plan, "out");
	size_t in_count = json_array_size(in_list);
	struct interaction *in = calloc(in_count + 1, sizeof(*in));
	struct armed_window **out = calloc(json_array_size(out_list) + 1, sizeof(*out));
	int rc = in && out ? 0 : err_set(recovering->err, -ENOMEM, "journal: out of memory");
	for (size_t i = 0; rc == 0 && i < in_count; i++)
		rc = read_interaction(recovering, json_array_get(in_list, i), &in[i]);
	if (rc == 0) {
		const struct windows_change change = {
			.out = out,
			.out_count = read_out(recovering, out_list, out),
			.interactions = in,
			.count = (uint32_t)in_count,
		};
		rc = windows_replace(recovering->windows, &change, recovering->err);
	}
	for (size_t i = 0; in && i < in_count; i++)
		interaction_free(&in[i]);
	free(in);
	free(out);
	return rc;
}

static int take_plan(struct recovering *recovering, const struct record_event *event)
{
	json_error_t flaw;
	json_t *plan = json_loadb(event->text, event->text_bytes, 0, &flaw);
	if (!plan)
		return err_set(recovering->err, -EBADMSG, "journal: a plan is not JSON: %s",
			       flaw.text);
	int rc = replace_windows(recovering, plan);
	json_decref(plan);
	return rc;
}

static int take_change(struct recovering *recovering, const struct record_event *event)
{
	struct armed_window *armed =
		windows_find(recovering->windows, event->tenant, event->interaction);
	if (!armed)
		return 0;
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
	armed->missed = event->missed;
	armed->settled = true;
	struct window changed = armed->window;
	changed.ended = true;
	return windows_restore(recovering->windows, armed, &changed, recovering->err);
}

static int take_event(void *context, const struct journal_place *place,
		      const struct record_event *event)
{
	struct recovering *recovering = context;
	(void)place;
	switch (event->kind) {
	case JOURNAL_EVENT_STARTED: recovering->immediate = false; return 0;
	case JOURNAL_EVENT_IMMEDIATE: recovering->immediate = true; return 0;
	case JOURNAL_EVENT_ARMED: return take_plan(recovering, event);
	case JOURNAL_EVENT_OPENED:
	case JOURNAL_EVENT_CLOSED:
	case JOURNAL_EVENT_EXTENDED:
	case JOURNAL_EVENT_CANCELLED:
	case JOURNAL_EVENT_REVEALED:
	case JOURNAL_EVENT_UNDONE: return take_change(recovering, event);
	case JOURNAL_EVENT_FINAL: return take_final(recovering, event);
	default: return 0;
	}
}

int recover_run(struct disk *disk, const struct keyring *keyring, struct windows *windows,
		struct recovery *recovery, struct err *err)
{
	struct recovering *recovering = aligned_alloc(64, (sizeof(*recovering) + 63) / 64 * 64);
	if (!recovering)
		return err_set(err, -ENOMEM, "journal: out of memory");
	memset(recovery, 0, sizeof(*recovery));
	memset(recovering, 0, sizeof(*recovering));
	recovering->keyring = keyring;
	recovering->windows = windows;
	recovering->recovery = recovery;
	recovering->err = err;
	const struct journal_visitor visitor = {
		.context = recovering, .votes = take_votes, .event = take_event};
	int rc = journal_read(disk, &visitor, &recovery->journal, err);
	for (uint32_t i = 0; rc == 0 && i < windows_count(windows); i++)
		recovery->immediate += windows_at(windows, i)->immediate;
	if (rc == 0)
		windows_recovered(windows);
	free(recovering);
	return rc;
}
