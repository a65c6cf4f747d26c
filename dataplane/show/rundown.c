// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads rundowns. Called for --replay and the control method `load`. Never arms anything: what it
 * returns is a plan.
 */
#include "dataplane/show/rundown.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/json_fields.h"

static int order_by_identity(const void *left, const void *right)
{
	const struct interaction *a = *(const struct interaction *const *)left;
	const struct interaction *b = *(const struct interaction *const *)right;
	if (a->tenant->id != b->tenant->id)
		return a->tenant->id < b->tenant->id ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Neighbours in `sorted` that are one interaction planned twice are refused. */
static int refuse_twins(const struct json_fields *fields, const struct rundown *rundown,
			const struct interaction *const *sorted)
{
	for (uint32_t i = 1; i < rundown->count; i++) {
		const struct interaction *first = sorted[i - 1];
		const struct interaction *second = sorted[i];
		char name[48];
		if (first->tenant != second->tenant || first->id != second->id)
			continue;
		snprintf(name, sizeof(name), "interactions[%td].id",
			 second - rundown->interactions);
		return json_fields_refuse(fields, name,
					  "%s/%" PRIu32 " is planned at interactions[%td] too; "
					  "give it another id",
					  second->tenant->name, second->id,
					  first - rundown->interactions);
	}
	return 0;
}

static int check_unique(const struct json_fields *fields, const struct rundown *rundown)
{
	const struct interaction **sorted = calloc((size_t)rundown->count + 1, sizeof(*sorted));
	if (!sorted)
		return json_fields_no_memory(fields, "interactions");
	for (uint32_t i = 0; i < rundown->count; i++)
		sorted[i] = &rundown->interactions[i];
	qsort(sorted, rundown->count, sizeof(*sorted), order_by_identity);
	int rc = refuse_twins(fields, rundown, sorted);
	free(sorted);
	return rc;
}

static int read_interactions(const struct json_fields *fields, const struct keyring *keyring,
			     struct rundown *rundown)
{
	char place[JSON_PLACE_BYTES];
	const json_t *items;
	int rc = json_fields_array(fields, "interactions", 0, RUNDOWN_MAX_INTERACTIONS, &items);
	if (rc)
		return rc;
	rundown->interactions = calloc(json_array_size(items) + 1, sizeof(*rundown->interactions));
	if (!rundown->interactions)
		return json_fields_no_memory(fields, "interactions");
	for (size_t i = 0; !rc && i < json_array_size(items); i++) {
		json_place_item(place, fields->place, "interactions", i);
		rc = interaction_parse(json_array_get(items, i), place, keyring, 0,
				       &rundown->interactions[i], fields->err);
		rundown->count += rc == 0;
	}
	return rc ? rc : check_unique(fields, rundown);
}

static int read_rundown(const struct json_fields *fields, const struct keyring *keyring,
			struct rundown *rundown)
{
	const char *show;
	int rc = json_fields_text(fields, "show", RUNDOWN_MAX_SHOW_BYTES, &show);
	if (!rc)
		rc = (rundown->show = strdup(show)) ? 0 : json_fields_no_memory(fields, "show");
	if (!rc)
		rc = read_interactions(fields, keyring, rundown);
	return rc;
}

int rundown_parse(const json_t *root, const char *source, const struct keyring *keyring,
		  struct rundown *rundown, struct err *err)
{
	static const char *const known[] = {"show", "interactions", NULL};
	struct json_fields fields;
	char place[JSON_PLACE_BYTES];
	*rundown = (struct rundown){0};
	json_place_root(place, source);
	int rc = json_fields_begin(&fields, root, place, known, err);
	if (rc)
		return rc;
	rc = read_rundown(&fields, keyring, rundown);
	if (rc)
		rundown_free(rundown);
	return rc;
}

int rundown_load(const char *path, const struct keyring *keyring, struct rundown *rundown,
		 struct err *err)
{
	json_t *root;
	*rundown = (struct rundown){0};
	int rc = json_fields_load(path, RUNDOWN_MAX_FILE_BYTES, false, &root, err);
	if (rc)
		return rc;
	rc = rundown_parse(root, path, keyring, rundown, err);
	json_fields_unload(root, false);
	return rc;
}

void rundown_free(struct rundown *rundown)
{
	for (uint32_t i = 0; i < rundown->count; i++)
		interaction_free(&rundown->interactions[i]);
	free(rundown->interactions);
	free(rundown->show);
	*rundown = (struct rundown){0};
}
