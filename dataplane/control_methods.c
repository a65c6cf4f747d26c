// SPDX-License-Identifier: BSD-3-Clause
/* Finds the method of a request, in the order of docs/control.md. Called by control_client.c. */
#include "dataplane/control_methods.h"

#include <errno.h>
#include <string.h>

#include "dataplane/show/json_fields.h"

/*
 * By file: a file of methods has its rows together. What a `public` function answers holds windows
 * as public_view() makes them, and no count of anything else.
 */
static const struct method_row method_rows[] = {
	/* methods_windows.c */
	{.name = "open", .studio = method_open},
	{.name = "close", .studio = method_close},
	{.name = "extend", .studio = method_extend},
	{.name = "cancel", .studio = method_cancel},
	{.name = "reveal", .studio = method_reveal},
	{.name = "list", .studio = method_list, .public = method_list_public},
	{.name = "results", .studio = method_results, .public = method_results_public},
	/* methods_show.c */
	{.name = "load", .studio = method_load},
	{.name = "rundown", .studio = method_rundown, .public = method_rundown_public},
	{.name = "next", .studio = method_next},
	{.name = "unload", .studio = method_unload},
	/* methods_boards.c */
	{.name = "leaderboard", .studio = method_leaderboard, .public = method_leaderboard_public},
	/* methods_tenants.c */
	{.name = "tenants", .studio = method_tenants},
	{.name = "tenant_add", .studio = method_tenant_add},
	{.name = "tenant_rotate", .studio = method_tenant_rotate},
	{.name = "tenant_retire", .studio = method_tenant_retire},
	/* methods_voters.c */
	{.name = "voters", .studio = method_voters},
	{.name = "voter_revoke", .studio = method_voter_revoke},
	{.name = "voter_restore", .studio = method_voter_restore},
	/* methods_front.c */
	{.name = "front_list", .studio = method_front_list},
	{.name = "front_allow", .studio = method_front_allow},
	{.name = "front_deny", .studio = method_front_deny},
	{.name = "front_remove", .studio = method_front_remove},
	{.name = "front_panic", .studio = method_front_panic},
	/* methods_appliance.c */
	{.name = "stats", .studio = method_stats},
	{.name = "journal_resume", .studio = method_journal_resume},
	{.name = "identity", .studio = method_identity},
};

#define METHOD_COUNT (sizeof(method_rows) / sizeof(method_rows[0]))

const struct method_row *method_table(size_t *count)
{
	*count = METHOD_COUNT;
	return method_rows;
}

static const struct method_row *find_method(const char *name)
{
	for (size_t i = 0; i < METHOD_COUNT; i++)
		if (strcmp(method_rows[i].name, name) == 0)
			return &method_rows[i];
	return NULL;
}

json_t *method_call(struct appliance *appliance, enum control_role role, const char *method,
		    const json_t *params, struct method_error *error)
{
	char shown[JSON_PRINTABLE_BYTES];
	struct err err;
	const struct method_row *row = find_method(method);
	if (!row) {
		err_set(&err, -EINVAL, "%s: no such method", json_printable(method, shown));
		return answer_fail(error, CONTROL_METHOD_NOT_FOUND, &err);
	}
	method_function *function = role == CONTROL_STUDIO ? row->studio : row->public;
	if (!function) {
		err_set(&err, -EACCES, "%s: not on the public socket; the control socket takes it",
			method);
		return answer_fail(error, CONTROL_FORBIDDEN, &err);
	}
	uint64_t before = json_fields_shortages();
	json_t *result = function(appliance, params, error);
	if (error->code || (result && json_fields_shortages() == before))
		return result;
	json_fields_unload(result, true);
	err_set(&err, -ENOMEM,
		"out of memory for the answer; what %s does may have been done: list the windows",
		method);
	return answer_fail(error, CONTROL_INTERNAL_ERROR, &err);
}
