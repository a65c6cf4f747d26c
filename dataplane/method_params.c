// SPDX-License-Identifier: BSD-3-Clause
/* What all methods need to read their parameters and to answer. Changes nothing. */
#include "dataplane/method_params.h"

#include <errno.h>
#include <string.h>

#include "dataplane/boards.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/time_text.h"

json_t *answer_fail(struct method_error *error, int code, const struct err *err)
{
	error->code = code;
	error->text = *err;
	return NULL;
}

int answer_code_of(int rc)
{
	switch (rc) {
	case -EINVAL: return CONTROL_INVALID_PARAMS;
	case -EEXIST:
	case -EPERM:
	case -EBUSY:
	case -ESTALE: return CONTROL_CONFLICT;
	case -ENOSPC:
	case -ENOMEM: return CONTROL_NO_ROOM;
	case -ENOENT: return CONTROL_NOT_FOUND;
	}
	return CONTROL_INTERNAL_ERROR;
}

int params_only(const json_t *params, const char *const *names, struct err *err)
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

int params_integer(const json_t *params, const char *name, uint64_t least, uint64_t most,
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

int params_tenant(struct appliance *appliance, const json_t *params, uint16_t *tenant,
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

int params_top(const json_t *params, uint32_t *top, struct err *err)
{
	uint64_t value = BOARDS_DEFAULT_TOP;
	int rc = json_object_get(params, "top")
			 ? params_integer(params, "top", 1, BOARDS_MAX_TOP, &value, err)
			 : 0;
	*top = (uint32_t)value;
	return rc;
}

int params_show(const json_t *params, const char **show, struct err *err)
{
	const struct json_fields fields = {.object = params, .place = "params", .err = err};
	if (!json_object_get(params, "show"))
		return 0;
	return json_fields_text(&fields, "show", RUNDOWN_MAX_SHOW_BYTES, show);
}

int params_boolean(const json_t *params, const char *name, bool *value, struct err *err)
{
	const json_t *member = json_object_get(params, name);
	if (!member)
		return 0;
	if (!json_is_boolean(member))
		return err_set(err, -EINVAL, "params.%s: wants true or false", name);
	*value = json_is_true(member);
	return 0;
}

static int parse_selection(struct appliance *appliance, const json_t *params,
			   const char *const *names, struct selection *selection, struct err *err)
{
	uint64_t id = 0;
	*selection = (struct selection){.all_tenants = true, .all_ids = true};
	int rc = params_only(params, names, err);
	if (rc == 0)
		rc = params_top(params, &selection->top, err);
	if (rc || (!json_object_get(params, "tenant") && !json_object_get(params, "id")))
		return rc;
	selection->all_tenants = false;
	rc = params_tenant(appliance, params, &selection->tenant, err);
	if (rc || !json_object_get(params, "id"))
		return rc;
	selection->all_ids = false;
	rc = params_integer(params, "id", 0, UINT32_MAX, &id, err);
	selection->id = (uint32_t)id;
	if (rc == 0 && !windows_find(appliance->windows, selection->tenant, selection->id))
		rc = err_set(err, -ENOENT, "%s/%u: no such interaction; `tallyctl list` shows all",
			     json_string_value(json_object_get(params, "tenant")), selection->id);
	return rc;
}

int selection_parse(struct appliance *appliance, const json_t *params, const char *also,
		    struct selection *selection, struct method_error *error)
{
	const char *const names[] = {"tenant", "id", also, NULL};
	struct err err;
	int rc = parse_selection(appliance, params, names, selection, &err);
	if (rc)
		answer_fail(error, answer_code_of(rc), &err);
	return rc;
}

int selection_parse_top(struct appliance *appliance, const json_t *params, const char *also,
			struct selection *selection, struct method_error *error)
{
	const char *const names[] = {"tenant", "id", "top", also, NULL};
	struct err err;
	int rc = parse_selection(appliance, params, names, selection, &err);
	if (rc)
		answer_fail(error, answer_code_of(rc), &err);
	return rc;
}

bool selection_has(const struct selection *selection, const struct window *window)
{
	if (selection->all_tenants)
		return true;
	return window->tenant == selection->tenant &&
	       (selection->all_ids || window->interaction == selection->id);
}

void answer_set_time(json_t *object, const char *name, uint64_t time_us)
{
	char text[TIME_TEXT_BYTES];
	json_object_set_new(object, name, json_string(time_format(time_us, text)));
}
