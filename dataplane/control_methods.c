// SPDX-License-Identifier: BSD-3-Clause
/* Finds the method of a request, in the order of docs/control.md. Called by control_client.c. */
#include "dataplane/control_methods.h"

#include <errno.h>
#include <string.h>

#include "dataplane/methods.h"
#include "dataplane/show/json_fields.h"

struct method_row {
	const char *name;
	method_function *studio; /* for those who run the show */
};

/* By file: a file of methods has its rows together. */
static const struct method_row method_rows[] = {
	/* methods_windows.c */
	{.name = "open", .studio = method_open},
	{.name = "load", .studio = method_load},
	{.name = "close", .studio = method_close},
	{.name = "extend", .studio = method_extend},
	{.name = "cancel", .studio = method_cancel},
	{.name = "reveal", .studio = method_reveal},
	{.name = "list", .studio = method_list},
	{.name = "results", .studio = method_results},
	/* methods_appliance.c */
	{.name = "stats", .studio = method_stats},
};

json_t *method_call(struct appliance *appliance, const char *method, const json_t *params,
		    struct method_error *error)
{
	char shown[JSON_PRINTABLE_BYTES];
	struct err err;
	for (size_t i = 0; i < sizeof(method_rows) / sizeof(method_rows[0]); i++) {
		if (strcmp(method_rows[i].name, method) != 0)
			continue;
		json_t *result = method_rows[i].studio(appliance, params, error);
		if (!result && !error->code) {
			err_set(&err, -ENOMEM, "out of memory");
			answer_fail(error, CONTROL_INTERNAL_ERROR, &err);
		}
		return result;
	}
	err_set(&err, -EINVAL, "%s: no such method", json_printable(method, shown));
	return answer_fail(error, CONTROL_METHOD_NOT_FOUND, &err);
}
