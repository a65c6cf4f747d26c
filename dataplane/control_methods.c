// SPDX-License-Identifier: BSD-3-Clause
/*
 * One function per method, in the order of docs/control.md. Parameters are checked whole before
 * anything changes. Called by control.c only.
 */
#include "dataplane/control_methods.h"

#include <errno.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/time_text.h"
#include "dataplane/stats.h"

static json_t *fail(struct method_error *error, int code, const struct err *err)
{
	error->code = code;
	error->text = *err;
	return NULL;
}

/* -errno of the rooms below as a JSON-RPC code. */
static int code_of(int rc)
{
	switch (rc) {
	case -EINVAL: return CONTROL_INVALID_PARAMS;
	case -EEXIST:
	case -EPERM: return CONTROL_CONFLICT;
	case -ENOMEM: return CONTROL_NO_ROOM;
	case -ENOENT: return CONTROL_NOT_FOUND;
	}
	return CONTROL_INTERNAL_ERROR;
}

/* Refuses members whose names are not in the NULL-ended list. */
static int only_members(const json_t *params, const char *const *names, struct err *err)
{
	char shown[JSON_PRINTABLE_BYTES];
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)params, key, value) {
		const char *const *name = names;
		while (*name && strcmp(*name, key) != 0)
			name++;
		if (!*name)
			return err_set(err, -EINVAL, "params.%s: no such parameter",
				       json_printable(key, shown));
	}
	return 0;
}

static int integer_member(const json_t *params, const char *name, uint64_t least, uint64_t most,
			  uint64_t *value, struct err *err)
{
	const json_t *member = json_object_get(params, name);
	json_int_t number = json_integer_value(member);
	if (!json_is_integer(member) || number < 0 || (uint64_t)number < least ||
	    (uint64_t)number > most)
		return err_set(err, -EINVAL, "params.%s: wants a whole number from %llu to %llu",
			       name, (unsigned long long)least, (unsigned long long)most);
	*value = (uint64_t)number;
	return 0;
}

static int tenant_member(struct appliance *appliance, const json_t *params, uint16_t *tenant,
			 struct err *err)
{
	char shown[JSON_PRINTABLE_BYTES];
	const char *name = json_string_value(json_object_get(params, "tenant"));
	if (!name)
		return err_set(err, -EINVAL, "params.tenant: wants a tenant's name");
	const struct tenant *found = keyring_tenant_by_name(&appliance->keyring, name);
	if (!found)
		return err_set(err, -ENOENT, "%s: no such tenant in the keyring",
			       json_printable(name, shown));
	*tenant = found->id;
	return 0;
}

static int parse_selection(struct appliance *appliance, const json_t *params, const char *also,
			   struct selection *selection, struct err *err)
{
	const char *const names[] = {"tenant", "id", also, NULL};
	uint64_t id = 0;
	*selection = (struct selection){.all_tenants = true, .all_ids = true};
	int rc = only_members(params, names, err);
	if (rc || (!json_object_get(params, "tenant") && !json_object_get(params, "id")))
		return rc;
	selection->all_tenants = false;
	rc = tenant_member(appliance, params, &selection->tenant, err);
	if (rc || !json_object_get(params, "id"))
		return rc;
	selection->all_ids = false;
	rc = integer_member(params, "id", 0, UINT32_MAX, &id, err);
	selection->id = (uint32_t)id;
	if (rc == 0 && !windows_find(appliance->windows, selection->tenant, selection->id))
		rc = err_set(err, -ENOENT, "%s/%u: no such interaction; `tallyctl list` shows all",
			     json_string_value(json_object_get(params, "tenant")), selection->id);
	return rc;
}

int selection_parse(struct appliance *appliance, const json_t *params, const char *also,
		    struct selection *selection, struct method_error *error)
{
	struct err err;
	int rc = parse_selection(appliance, params, also, selection, &err);
	if (rc)
		fail(error, code_of(rc), &err);
	return rc;
}

static bool is_selected(const struct selection *selection, const struct window *window)
{
	if (selection->all_tenants)
		return true;
	return window->tenant == selection->tenant &&
	       (selection->all_ids || window->interaction == selection->id);
}

static void set_time(json_t *object, const char *name, uint64_t time_us)
{
	char text[TIME_TEXT_BYTES];
	json_object_set_new(object, name, json_string(time_format(time_us, text)));
}

static json_t *window_json(struct appliance *appliance, struct armed_window *armed, uint64_t now_us)
{
	static uint64_t votes[RUNDOWN_MAX_OPTIONS]; /* control thread only */
	struct tally_sum sum = {.votes = votes};
	const struct interaction *interaction = &armed->interaction;
	windows_sum(appliance->windows, armed, now_us, &sum);
	json_t *labels = json_array();
	for (uint16_t i = 0; i < interaction->options; i++)
		json_array_append_new(labels, json_string(interaction->labels[i]));
	json_t *object =
		json_pack("{s:s,s:I,s:s,s:s,s:s,s:o}", "tenant", interaction->tenant->name, "id",
			  (json_int_t)interaction->id, "kind", window_kind_name(interaction->kind),
			  "state", window_state_name(window_state(&armed->window, now_us)),
			  "question", interaction->question, "options", labels);
	set_time(object, "opens_at", armed->window.opens_at_us);
	set_time(object, "closes_at", armed->window.closes_at_us);
	set_time(object, "final_at", window_final_at_us(&armed->window));
	json_object_set_new(object, "voters",
			    json_integer((json_int_t)sum.receipts[RECEIPT_COUNTED]));
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

static json_t *open_method(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	struct interaction interaction;
	struct err err;
	uint64_t now_us = clock_now_us();
	int rc = interaction_parse(params, "params", &appliance->keyring, now_us, &interaction,
				   &err);
	if (rc)
		return fail(error, code_of(rc), &err);
	uint16_t tenant = interaction.tenant->id;
	uint32_t id = interaction.id;
	rc = check_not_over(&interaction, &err);
	if (rc == 0)
		rc = windows_arm(appliance->windows, &interaction, 1, &err);
	if (rc) {
		interaction_free(&interaction);
		return fail(error, code_of(rc), &err);
	}
	return window_json(appliance, windows_find(appliance->windows, tenant, id), clock_now_us());
}

static json_t *load_method(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	struct rundown rundown;
	struct err err;
	int rc = rundown_parse(params, "params", &appliance->keyring, &rundown, &err);
	if (rc)
		return fail(error, code_of(rc), &err);
	uint32_t first = windows_count(appliance->windows);
	for (uint32_t i = 0; i < rundown.count && rc == 0; i++)
		rc = check_not_over(&rundown.interactions[i], &err);
	if (rc == 0)
		rc = windows_arm(appliance->windows, rundown.interactions, rundown.count, &err);
	json_t *result = NULL;
	if (rc) {
		fail(error, code_of(rc), &err);
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
		return fail(error, CONTROL_INVALID_PARAMS, &err);
	}
	if (by_name && integer_member(params, by_name, 1, RUNDOWN_MAX_DURATION_MS, &by_ms, &err))
		return fail(error, CONTROL_INVALID_PARAMS, &err);
	struct armed_window *armed =
		windows_find(appliance->windows, selection.tenant, selection.id);
	int rc = do_change(appliance->windows, armed, by_ms * 1000, clock_now_us(), &err);
	if (rc)
		return fail(error, code_of(rc), &err);
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

static json_t *close_method(struct appliance *appliance, const json_t *params,
			    struct method_error *error)
{
	return change(appliance, params, NULL, do_close, error);
}

static json_t *extend_method(struct appliance *appliance, const json_t *params,
			     struct method_error *error)
{
	return change(appliance, params, "by_ms", windows_extend, error);
}

static json_t *cancel_method(struct appliance *appliance, const json_t *params,
			     struct method_error *error)
{
	return change(appliance, params, NULL, do_cancel, error);
}

static json_t *reveal_method(struct appliance *appliance, const json_t *params,
			     struct method_error *error)
{
	return change(appliance, params, NULL, do_reveal, error);
}

static json_t *list_method(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	static const char *const known[] = {"tenant", NULL};
	struct selection selection;
	struct err err = {""};
	if (only_members(params, known, &err))
		return fail(error, CONTROL_INVALID_PARAMS, &err);
	if (selection_parse(appliance, params, NULL, &selection, error))
		return NULL;
	uint64_t now_us = clock_now_us();
	json_t *list = json_array();
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++) {
		struct armed_window *armed = windows_at(appliance->windows, i);
		if (is_selected(&selection, &armed->window))
			json_array_append_new(list, window_json(appliance, armed, now_us));
	}
	json_t *result = json_object();
	set_time(result, "now", now_us);
	json_object_set_new(result, "windows", list);
	return result;
}

json_t *results_now(struct appliance *appliance, const struct selection *selection)
{
	static uint64_t votes[RUNDOWN_MAX_OPTIONS]; /* control thread only */
	uint64_t now_us = clock_now_us();
	uint64_t window_receipts = 0;
	json_t *list = json_array();
	/* Every window is read once, shown or not: the datagrams below are what is left over. */
	for (uint32_t i = 0; i < windows_count(appliance->windows); i++) {
		struct armed_window *armed = windows_at(appliance->windows, i);
		struct tally_sum sum = {.votes = votes};
		windows_sum(appliance->windows, armed, now_us, &sum);
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			window_receipts += sum.receipts[status];
		if (is_selected(selection, &armed->window))
			json_array_append_new(list,
					      results_interaction(&armed->interaction,
								  &armed->window, &sum, now_us));
	}
	struct datagram_counts counts;
	stats_datagrams(appliance, window_receipts, &counts);
	json_t *document = results_document(list, results_datagrams(&counts, true));
	set_time(document, "now", now_us);
	return document;
}

static json_t *results_method(struct appliance *appliance, const json_t *params,
			      struct method_error *error)
{
	struct selection selection;
	if (selection_parse(appliance, params, NULL, &selection, error))
		return NULL;
	return results_now(appliance, &selection);
}

static json_t *stats_method(struct appliance *appliance, const json_t *params,
			    struct method_error *error)
{
	static const char *const none[] = {NULL};
	struct err err = {""};
	if (only_members(params, none, &err))
		return fail(error, CONTROL_INVALID_PARAMS, &err);
	return stats_json(appliance, clock_now_us());
}

struct method_row {
	const char *name;
	json_t *(*call)(struct appliance *appliance, const json_t *params,
			struct method_error *error);
};

static const struct method_row method_rows[] = {
	{"open", open_method},     {"load", load_method},       {"close", close_method},
	{"extend", extend_method}, {"cancel", cancel_method},   {"reveal", reveal_method},
	{"list", list_method},     {"results", results_method}, {"stats", stats_method},
};

json_t *method_call(struct appliance *appliance, const char *method, const json_t *params,
		    struct method_error *error)
{
	char shown[JSON_PRINTABLE_BYTES];
	struct err err;
	for (size_t i = 0; i < sizeof(method_rows) / sizeof(method_rows[0]); i++) {
		if (strcmp(method_rows[i].name, method) != 0)
			continue;
		json_t *result = method_rows[i].call(appliance, params, error);
		if (!result && !error->code) {
			err_set(&err, -ENOMEM, "out of memory");
			fail(error, CONTROL_INTERNAL_ERROR, &err);
		}
		return result;
	}
	err_set(&err, -EINVAL, "%s: no such method", json_printable(method, shown));
	return fail(error, CONTROL_METHOD_NOT_FOUND, &err);
}
