// SPDX-License-Identifier: BSD-3-Clause
/* The methods that arm, change and show windows, in the order of docs/control.md. */
#include "dataplane/methods.h"

#include <errno.h>

#include "dataplane/clock.h"
#include "dataplane/public_view.h"
#include "dataplane/show/time_text.h"
#include "dataplane/stats.h"

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
	interaction_set_options(object, interaction);
	answer_set_time(object, "opens_at", armed->window.opens_at_us);
	answer_set_time(object, "closes_at", armed->window.closes_at_us);
	answer_set_time(object, "final_at", window_final_at_us(&armed->window));
	json_object_set_new(object, "voters", json_integer((json_int_t)sum.voters));
	json_object_set_new(object, "memory_bytes", json_integer((json_int_t)armed->memory_bytes));
	return object;
}

/* A window that nobody could answer any more is a slip of the hand. */
static int check_not_over(const struct interaction *interaction, struct err *err)
{
	char closes[TIME_TEXT_BYTES];
	uint64_t closes_at_us = interaction->opens_at_us + interaction->duration_us;
	if (closes_at_us > clock_now_us())
		return 0;
	return err_set(err, -EINVAL, "%s/%u: opens_at: its window is over already (it closed %s)",
		       interaction->tenant->name, interaction->id,
		       time_format(closes_at_us, closes));
}

json_t *method_open(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	struct interaction interaction;
	struct err err;
	uint64_t now_us = clock_now_us();
	int rc = interaction_parse(params, "params", &appliance->keyring, now_us, &interaction,
				   &err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	uint16_t tenant = interaction.tenant->id;
	uint32_t id = interaction.id;
	rc = check_not_over(&interaction, &err);
	if (rc == 0)
		rc = windows_arm(appliance->windows, &interaction, 1, &err);
	if (rc) {
		interaction_free(&interaction);
		return answer_fail(error, answer_code_of(rc), &err);
	}
	return window_json(appliance, windows_find(appliance->windows, tenant, id), clock_now_us());
}

json_t *method_load(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	struct rundown rundown;
	struct err err;
	int rc = rundown_parse(params, "params", &appliance->keyring, &rundown, &err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	uint32_t first = windows_count(appliance->windows);
	for (uint32_t i = 0; i < rundown.count && rc == 0; i++)
		rc = check_not_over(&rundown.interactions[i], &err);
	if (rc == 0)
		rc = windows_arm(appliance->windows, rundown.interactions, rundown.count, &err);
	json_t *result = NULL;
	if (rc) {
		answer_fail(error, answer_code_of(rc), &err);
	} else {
		json_t *list = json_array();
		for (uint32_t i = first; i < windows_count(appliance->windows); i++)
			json_array_append_new(list, window_json(appliance,
								windows_at(appliance->windows, i),
								clock_now_us()));
		result = json_pack("{s:s,s:o}", "show", rundown.show, "windows", list);
	}
	rundown_free(&rundown);
	return result;
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
			json_array_append_new(list,
					      show_to(role, window_json(appliance, armed, now_us)));
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

/*
 * The results of the selected windows. Every window is read once, shown or not: *receipts is how
 * many all of them have given.
 */
static json_t *results_list(struct appliance *appliance, enum control_role role,
			    const struct selection *selection, uint64_t now_us, uint64_t *receipts)
{
	json_t *list = json_array();
	*receipts = 0;
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		*receipts += windows_past_receipts(appliance->windows)[status];
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++) {
		struct armed_window *armed = windows_at(appliance->windows, i);
		struct tally_sum sum;
		windows_sum(appliance->windows, armed, now_us, &sum);
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			*receipts += sum.receipts[status];
		if (!selection_has(selection, &armed->window))
			continue;
		json_t *result =
			results_interaction(&armed->interaction, &armed->window, &sum, now_us);
		if (role == CONTROL_PUBLIC)
			answer_set_time(result, "final_at", window_final_at_us(&armed->window));
		json_array_append_new(list, show_to(role, result));
	}
	return list;
}

json_t *results_now(struct appliance *appliance, enum control_role role,
		    const struct selection *selection)
{
	uint64_t now_us = clock_now_us();
	uint64_t receipts;
	json_t *list = results_list(appliance, role, selection, now_us, &receipts);
	json_t *document;
	if (role == CONTROL_STUDIO) {
		/* Beside the windows' receipts, what is left over. */
		struct datagram_counts counts;
		stats_datagrams(appliance, receipts, &counts);
		document = results_document(list, results_datagrams(&counts, true));
	} else {
		document = json_pack("{s:o}", "interactions", list);
	}
	answer_set_time(document, "now", now_us);
	return document;
}

static json_t *results_for(struct appliance *appliance, enum control_role role,
			   const json_t *params, struct method_error *error)
{
	struct selection selection;
	if (selection_parse(appliance, params, NULL, &selection, error))
		return NULL;
	return results_now(appliance, role, &selection);
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
