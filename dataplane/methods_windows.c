// SPDX-License-Identifier: BSD-3-Clause
/* The methods that arm, change and show windows, in the order of docs/control.md. */
#include "dataplane/methods.h"

#include <errno.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/durable.h"
#include "dataplane/public_view.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/results.h"
#include "dataplane/shows.h"
#include "dataplane/stats.h"
#include "dataplane/window_results.h"

/* Of very many labels the first ones, so that a list of windows stays short. */
static void set_options(json_t *object, const struct interaction *interaction)
{
	uint32_t count = interaction->rules.options;
	if (!interaction->labels || count <= RESULTS_MANY_OPTIONS) {
		interaction_set_options(object, interaction);
		return;
	}
	json_t *labels = json_array();
	for (uint32_t i = 0; i < RESULTS_BRIEF_OPTIONS; i++)
		json_array_append_new(labels, json_string(interaction->labels[i]));
	json_object_set_new(object, "options", labels);
	json_object_set_new(object, "options_total", json_integer(count));
}

static json_t *window_json(struct appliance *appliance, struct armed_window *armed, uint64_t now_us)
{
	struct tally_sum sum;
	const struct interaction *interaction = &armed->interaction;
	windows_sum(appliance->windows, armed, now_us, &sum);
	json_t *object = json_pack("{s:s,s:I,s:s,s:s,s:s}", "tenant", interaction->tenant->name,
				   "id", (json_int_t)interaction->id, "kind",
				   kind_row((enum kind)interaction->rules.kind)->name, "state",
				   window_state_name(window_state(&armed->window, now_us)),
				   "question", interaction->question);
	set_options(object, interaction);
	answer_set_time(object, "opens_at", armed->window.opens_at_us);
	answer_set_time(object, "closes_at", armed->window.closes_at_us);
	answer_set_time(object, "final_at", window_final_at_us(&armed->window));
	json_object_set_new(object, "voters", json_integer((json_int_t)sum.voters));
	json_object_set_new(object, "memory_bytes", json_integer((json_int_t)armed->memory_bytes));
	if (interaction->show)
		json_object_set_new(object, "show", json_string(interaction->show));
	return object;
}

/* An interaction, and the show that it belongs to, where one is named. */
static int parse_open(struct appliance *appliance, const json_t *params, uint64_t now_us,
		      struct interaction *interaction, struct err *err)
{
	const char *show = NULL;
	json_t *rest = params ? json_fields_copy(params) : NULL;
	int rc = params && !rest ? err_set(err, -ENOMEM, "out of memory")
				 : params_show(params, &show, err);
	if (rc == 0) {
		json_object_del(rest, "show");
		rc = interaction_parse(rest, "params", &appliance->keyring, now_us, interaction,
				       err);
	}
	json_decref(rest);
	if (rc)
		return rc;
	interaction->by_hand = true;
	if (show && !(interaction->show = strdup(show)))
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = shows_check_not_over(interaction, now_us, err);
	if (rc)
		interaction_free(interaction);
	return rc;
}

json_t *method_open(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	struct interaction interaction;
	struct err err;
	int rc = parse_open(appliance, params, clock_now_us(), &interaction, &err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	uint16_t tenant = interaction.tenant->id;
	uint32_t id = interaction.id;
	const struct windows_change change = {
		.interactions = &interaction,
		.count = 1,
		.opens_now = json_object_get(params, "opens_at") ? NULL : clock_now_us,
	};
	rc = windows_replace(appliance->windows, &change, &err);
	if (rc) {
		interaction_free(&interaction);
		return answer_fail(error, answer_code_of(rc), &err);
	}
	return window_json(appliance, windows_find(appliance->windows, tenant, id), clock_now_us());
}

/* close, cancel, reveal and extend: find the window, do it, show it. */
typedef int change_window(struct windows *windows, struct armed_window *armed, uint64_t by_us,
			  uint64_t now_us, struct err *err);

static json_t *change(struct appliance *appliance, const json_t *params, const char *by_name,
		      change_window *do_change, struct method_error *error)
{
	struct selection selection;
	struct err err;
	uint64_t by_ms = 0;
	if (selection_parse(appliance, params, by_name, &selection, error))
		return NULL;
	if (selection.all_tenants || selection.all_ids) {
		err_set(&err, -EINVAL, "params: wants tenant and id");
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	}
	if (by_name &&
	    params_integer(params, by_name, 1, INTERACTION_MAX_DURATION_MS, &by_ms, &err))
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	struct armed_window *armed =
		windows_find(appliance->windows, selection.tenant, selection.id);
	int rc = do_change(appliance->windows, armed, by_ms * 1000, clock_now_us(), &err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	return window_json(appliance, armed, clock_now_us());
}

static int do_close(struct windows *windows, struct armed_window *armed, uint64_t by_us,
		    uint64_t now_us, struct err *err)
{
	(void)by_us;
	return windows_close(windows, armed, now_us, err);
}

static int do_cancel(struct windows *windows, struct armed_window *armed, uint64_t by_us,
		     uint64_t now_us, struct err *err)
{
	(void)by_us;
	return windows_cancel(windows, armed, now_us, err);
}

static int do_reveal(struct windows *windows, struct armed_window *armed, uint64_t by_us,
		     uint64_t now_us, struct err *err)
{
	(void)by_us;
	return windows_reveal(windows, armed, now_us, err);
}

json_t *method_close(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	return change(appliance, params, NULL, do_close, error);
}

json_t *method_extend(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	return change(appliance, params, "by_ms", windows_extend, error);
}

json_t *method_cancel(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	return change(appliance, params, NULL, do_cancel, error);
}

json_t *method_reveal(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	return change(appliance, params, NULL, do_reveal, error);
}

/* For this role: the window's JSON as it is, or the public's view of it. Takes the reference. */
static json_t *show_to(enum control_role role, json_t *window)
{
	if (role == CONTROL_STUDIO)
		return window;
	json_t *view = public_view(window);
	json_decref(window);
	return view;
}

json_t *window_for(struct appliance *appliance, enum control_role role, struct armed_window *armed,
		   uint64_t now_us)
{
	return show_to(role, window_json(appliance, armed, now_us));
}

static json_t *list_for(struct appliance *appliance, enum control_role role, const json_t *params,
			struct method_error *error)
{
	static const char *const known[] = {"tenant", NULL};
	struct selection selection;
	struct err err = {""};
	if (params_only(params, known, &err))
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	if (selection_parse(appliance, params, NULL, &selection, error))
		return NULL;
	uint64_t now_us = clock_now_us();
	json_t *list = json_array();
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++) {
		struct armed_window *armed = windows_at(appliance->windows, i);
		if (selection_has(&selection, &armed->window))
			json_array_append_new(list, window_for(appliance, role, armed, now_us));
	}
	json_t *result = json_object();
	answer_set_time(result, "now", now_us);
	json_object_set_new(result, "windows", list);
	return result;
}

json_t *method_list(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	return list_for(appliance, CONTROL_STUDIO, params, error);
}

json_t *method_list_public(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	return list_for(appliance, CONTROL_PUBLIC, params, error);
}

/* A document under way. */
struct results_list {
	json_t *interactions;
	json_t *leaderboards;
	bool has_quizzes;
	uint64_t receipts; /* how many all windows have given, shown or not */
};

/*
 * Of a show's quizzes, the first one stands for it, or the only one that is selected. False when
 * out of memory.
 */
static bool add_leaderboard(struct appliance *appliance, const struct selection *selection,
			    const struct results_wish *wish, struct armed_window *armed,
			    struct results_list *list)
{
	if (!boards_is_quiz(armed))
		return true;
	list->has_quizzes = true;
	bool only = !selection->all_tenants && !selection->all_ids;
	if (!only && boards_first_of_show(appliance->windows, armed) != armed)
		return true;
	return window_results_add_leaderboard(appliance->windows, armed, wish, list->leaderboards);
}

static bool add_results(struct appliance *appliance, enum control_role role,
			const struct selection *selection, const struct results_wish *wish,
			struct results_list *list)
{
	bool whole = true;
	for (uint32_t i = 0; i < windows_count(appliance->windows) && whole; i++) {
		struct armed_window *armed = windows_at(appliance->windows, i);
		struct tally_sum sum;
		windows_sum(appliance->windows, armed, wish->now_us, &sum);
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			list->receipts += sum.receipts[status];
		if (!selection_has(selection, &armed->window))
			continue;
		json_t *result = window_results_one(appliance->windows, armed, wish, &sum);
		if (role == CONTROL_PUBLIC && result)
			answer_set_time(result, "final_at", window_final_at_us(&armed->window));
		whole = result &&
			json_array_append_new(list->interactions, show_to(role, result)) == 0 &&
			add_leaderboard(appliance, selection, wish, armed, list);
	}
	return whole;
}

/* The studio's: beside the windows' receipts, what is left over. Takes the references over. */
static json_t *studio_document(struct appliance *appliance, const struct results_list *list)
{
	struct datagram_counts counts;
	struct clock_quality quality;
	stats_datagrams(appliance, list->receipts, &counts);
	clock_read_quality(&quality);
	const struct results_parts parts = {
		.interactions = list->interactions,
		.has_quizzes = list->has_quizzes,
		.leaderboards = list->leaderboards,
		.datagrams = results_datagrams(&counts, true),
		.clock = clock_quality_json(&quality),
		.durability = durable_word(appliance->durable),
	};
	return results_document(&parts);
}

/* Anybody's: the windows, and the leaderboards. Takes the references over. */
static json_t *public_document(const struct results_list *list)
{
	json_t *document = json_pack("{s:o}", "interactions", list->interactions);
	if (list->has_quizzes && json_object_set_new(document, "leaderboards",
						     public_leaderboards(list->leaderboards))) {
		json_decref(document);
		document = NULL;
	}
	json_decref(list->leaderboards);
	return document;
}

json_t *results_now(struct appliance *appliance, enum control_role role,
		    const struct selection *selection, bool brief)
{
	uint64_t now_us = clock_now_us();
	const struct results_wish wish = {.now_us = now_us,
					  .top = selection->top,
					  .with_show = true,
					  .revealed_only = role == CONTROL_PUBLIC,
					  .brief = brief,
					  .durability = durable_word(appliance->durable)};
	struct results_list list = {.interactions = json_array(), .leaderboards = json_array()};
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		list.receipts += windows_past_receipts(appliance->windows)[status];
	/* A board of all windows is kept only once they are settled. */
	windows_settle(appliance->windows, now_us);
	if (!add_results(appliance, role, selection, &wish, &list)) {
		json_decref(list.interactions);
		json_decref(list.leaderboards);
		return NULL;
	}
	json_t *document =
		role == CONTROL_STUDIO ? studio_document(appliance, &list) : public_document(&list);
	if (document)
		answer_set_time(document, "now", now_us);
	return document;
}

static json_t *results_for(struct appliance *appliance, enum control_role role,
			   const json_t *params, struct method_error *error)
{
	struct selection selection;
	if (selection_parse_top(appliance, params, NULL, &selection, error))
		return NULL;
	return results_now(appliance, role, &selection, role == CONTROL_PUBLIC);
}

json_t *method_results(struct appliance *appliance, const json_t *params,
		       struct method_error *error)
{
	return results_for(appliance, CONTROL_STUDIO, params, error);
}

json_t *method_results_public(struct appliance *appliance, const json_t *params,
			      struct method_error *error)
{
	return results_for(appliance, CONTROL_PUBLIC, params, error);
}
