// SPDX-License-Identifier: BSD-3-Clause
/* The methods about whole shows, in the order of docs/control.md. */
#include "dataplane/methods.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/clock.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/shows.h"

static json_t *fail(struct method_error *error, int rc, const struct err *err)
{
	return answer_fail(error, answer_code_of(rc), err);
}

/* `needed`: by what the answer is about. */
static void set_memory(json_t *answer, const struct windows *windows, uint64_t needed)
{
	json_object_set_new(answer, "memory",
			    json_pack("{s:I,s:I,s:I}", "needed", (json_int_t)needed, "in_use",
				      (json_int_t)windows_memory(windows), "free",
				      (json_int_t)windows_memory_free(windows)));
}

/* The show and its windows as they are now; NULL when out of memory. */
static json_t *show_json(struct appliance *appliance, enum control_role role, const char *show)
{
	uint64_t now_us = clock_now_us();
	uint32_t count;
	struct armed_window **windows = shows_windows(appliance->windows, show, &count);
	if (!windows)
		return NULL;
	json_t *list = json_array(), *answer = json_object();
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, window_for(appliance, role, windows[i], now_us));
	free(windows);
	answer_set_time(answer, "now", now_us);
	json_object_set_new(answer, "show", json_string(show));
	json_object_set_new(answer, "windows", list);
	return answer;
}

/* The rundown among the parameters; the rest of them says how to load it. */
static int parse_load(struct appliance *appliance, const json_t *params, bool *dry_run,
		      struct rundown *rundown, struct err *err)
{
	int rc = params_boolean(params, "dry_run", dry_run, err);
	if (rc)
		return rc;
	json_t *rest = params ? json_fields_copy(params) : NULL;
	if (params && !rest)
		return err_set(err, -ENOMEM, "out of memory");
	json_object_del(rest, "dry_run");
	rc = rundown_parse(rest, "params", &appliance->keyring, rundown, err);
	json_decref(rest);
	return rc;
}

static json_t *loaded_json(struct appliance *appliance, const char *show,
			   const struct shows_changes *changes)
{
	json_t *answer = show_json(appliance, CONTROL_STUDIO, show);
	json_object_del(answer, "now");
	json_object_set_new(answer, "changes",
			    json_pack("{s:I,s:I,s:I,s:I}", "armed", (json_int_t)changes->armed,
				      "replaced", (json_int_t)changes->replaced, "kept",
				      (json_int_t)changes->kept, "removed",
				      (json_int_t)changes->removed));
	set_memory(answer, appliance->windows, changes->memory_bytes);
	return answer;
}

json_t *method_load(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	struct shows_loading loading = {.windows = appliance->windows, .now_us = clock_now_us};
	struct shows_changes changes;
	struct rundown rundown;
	struct err err;
	int rc = parse_load(appliance, params, &loading.dry_run, &rundown, &err);
	if (rc)
		return fail(error, rc, &err);
	rc = shows_load(&loading, &rundown, &changes, &err);
	json_t *answer =
		rc ? fail(error, rc, &err) : loaded_json(appliance, rundown.show, &changes);
	rundown_free(&rundown);
	return answer;
}

/* The show that the parameters, which have no other member, are about. */
static int parse_show(struct appliance *appliance, const json_t *params, const char **show,
		      struct err *err)
{
	static const char *const known[] = {"show", NULL};
	const char *named = NULL;
	int rc = params_only(params, known, err);
	if (rc == 0)
		rc = params_show(params, &named, err);
	return rc ? rc : shows_find(appliance->windows, named, show, err);
}

static json_t *rundown_for(struct appliance *appliance, enum control_role role,
			   const json_t *params, struct method_error *error)
{
	const char *show;
	struct err err;
	int rc = parse_show(appliance, params, &show, &err);
	if (rc)
		return fail(error, rc, &err);
	json_t *answer = show_json(appliance, role, show);
	if (role == CONTROL_STUDIO)
		set_memory(answer, appliance->windows, shows_memory(appliance->windows, show));
	return answer;
}

json_t *method_rundown(struct appliance *appliance, const json_t *params,
		       struct method_error *error)
{
	return rundown_for(appliance, CONTROL_STUDIO, params, error);
}

json_t *method_rundown_public(struct appliance *appliance, const json_t *params,
			      struct method_error *error)
{
	return rundown_for(appliance, CONTROL_PUBLIC, params, error);
}

json_t *method_next(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	const char *show;
	struct err err;
	uint64_t now_us = clock_now_us();
	int rc = parse_show(appliance, params, &show, &err);
	if (rc)
		return fail(error, rc, &err);
	struct armed_window *next = shows_next(appliance->windows, show, now_us);
	if (!next) {
		err_set(&err, -EPERM, "%s: no window is scheduled any more", show);
		return fail(error, -EPERM, &err);
	}
	rc = windows_open_now(appliance->windows, next, now_us, &err);
	if (rc)
		return fail(error, rc, &err);
	return window_for(appliance, CONTROL_STUDIO, next, clock_now_us());
}

json_t *method_unload(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	const char *show;
	struct err err;
	int rc = parse_show(appliance, params, &show, &err);
	if (rc == 0 && !json_object_get(params, "show"))
		rc = err_set(&err, -EINVAL, "params.show: is missing; name the show to unload");
	if (rc)
		return fail(error, rc, &err);
	uint64_t freed = shows_memory(appliance->windows, show);
	json_t *answer = json_pack("{s:s}", "show", show);
	rc = shows_unload(appliance->windows, show, clock_now_us(), &err);
	if (rc) {
		json_decref(answer);
		return fail(error, rc, &err);
	}
	json_object_set_new(answer, "freed_bytes", json_integer((json_int_t)freed));
	set_memory(answer, appliance->windows, 0);
	return answer;
}
