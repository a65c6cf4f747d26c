// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads rundowns and single interactions. Called for --replay, `tallyctl load` and the control
 * methods `open` and `load`. Never arms anything: what it returns is a plan.
 */
#include "dataplane/show/rundown.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/json_fields.h"
#include "dataplane/show/time_text.h"

#define MAX_SHOW_BYTES 200
#define MS_US          1000

/* Kinds of SHOW that this version does not know what to do with. */
static const char *const later_kinds[] = {"multi", "quiz", "scale", "upvote", "reaction"};

/* Fields that have a meaning, but not for a poll. */
static const char *const foreign_to_poll[] = {"max_choices", "correct", "points", "min", "max"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct kind_row {
	const char *name;
	enum window_kind kind;
} kinds[] = {
#define X(symbol, name) {#name, WINDOW_##symbol},
	WINDOW_KINDS(X)
#undef X
};

static int read_kind(const struct json_fields *fields, enum window_kind *kind)
{
	char shown[JSON_PRINTABLE_BYTES];
	const char *name;
	int rc = json_fields_string(fields, "kind", &name);
	if (rc)
		return rc;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		*kind = kinds[i].kind;
		if (strcmp(name, kinds[i].name) == 0)
			return 0;
	}
	for (size_t i = 0; i < COUNT_OF(later_kinds); i++)
		if (strcmp(name, later_kinds[i]) == 0)
			return json_fields_refuse(
				fields, "kind",
				"%s is not supported by this version of tallywire; use poll", name);
	return json_fields_refuse(fields, "kind", "\"%s\" is an unknown kind; use poll",
				  json_printable(name, shown));
}

static int check_revote(const struct json_fields *fields)
{
	const json_t *revote = json_object_get(fields->object, "revote");
	if (revote && !json_is_boolean(revote))
		return json_fields_refuse(fields, "revote",
					  "is no boolean; give false or leave it out");
	if (json_is_true(revote))
		return json_fields_refuse(fields, "revote",
					  "true is not supported by this version of tallywire; "
					  "give false or leave it out");
	return 0;
}

/* Only fields that the kind has. */
static int check_applicable(const struct json_fields *fields)
{
	for (size_t i = 0; i < COUNT_OF(foreign_to_poll); i++)
		if (json_object_get(fields->object, foreign_to_poll[i]))
			return json_fields_refuse(fields, foreign_to_poll[i],
						  "does not apply to a poll; remove it");
	return check_revote(fields);
}

static int read_identity(const struct json_fields *fields, const struct keyring *keyring,
			 struct interaction *interaction)
{
	const char *name;
	uint64_t id = 0;
	int rc = json_fields_string(fields, "tenant", &name);
	if (rc)
		return rc;
	interaction->tenant = keyring_tenant_by_name(keyring, name);
	if (!interaction->tenant) {
		char shown[JSON_PRINTABLE_BYTES];
		json_fields_refuse(fields, "tenant",
				   "\"%s\" is not in the keyring; use a name that is there",
				   json_printable(name, shown));
		return -ENOENT;
	}
	rc = json_fields_integer(fields, "id", 0, UINT32_MAX, &id);
	interaction->id = (uint32_t)id;
	return rc;
}

static int read_opens_at(const struct json_fields *fields, uint64_t default_us,
			 uint64_t *opens_at_us)
{
	const char *text;
	*opens_at_us = default_us;
	if (default_us && !json_object_get(fields->object, "opens_at"))
		return 0;
	int rc = json_fields_string(fields, "opens_at", &text);
	if (rc)
		return rc;
	if (time_parse(text, opens_at_us))
		return json_fields_refuse(
			fields, "opens_at",
			"is no time; give one like 2026-11-22T20:00:00Z, 1970 to 9999");
	return 0;
}

static int read_times(const struct json_fields *fields, uint64_t default_opens_at_us,
		      struct interaction *interaction)
{
	uint64_t duration_ms = RUNDOWN_DEFAULT_DURATION_MS;
	uint64_t max_delay_ms = interaction->tenant->max_delay_ms;
	int rc = read_opens_at(fields, default_opens_at_us, &interaction->opens_at_us);
	if (!rc)
		rc = json_fields_optional_integer(fields, "duration_ms", 1, RUNDOWN_MAX_DURATION_MS,
						  &duration_ms);
	if (!rc)
		rc = json_fields_optional_integer(fields, "max_delay_ms", 0, KEYRING_MAX_DELAY_MS,
						  &max_delay_ms);
	if (rc)
		return rc;
	interaction->duration_us = duration_ms * MS_US;
	interaction->max_delay_us = max_delay_ms * MS_US;
	uint64_t length_us = interaction->duration_us + interaction->max_delay_us;
	if (interaction->opens_at_us >= TIME_LIMIT_US - length_us)
		return json_fields_refuse(
			fields, "opens_at",
			"the window is not final before the year 10000; open it earlier");
	return 0;
}

/* A copy that the interaction owns. */
static int keep(const struct json_fields *fields, const char *name, const char *text, char **copy)
{
	*copy = strdup(text);
	return *copy ? 0 : json_fields_no_memory(fields, name);
}

static int read_options(const struct json_fields *fields, struct interaction *interaction)
{
	const json_t *options;
	const char *label;
	int rc = json_fields_array(fields, "options", 1, RUNDOWN_MAX_OPTIONS, &options);
	if (rc)
		return rc;
	interaction->labels = calloc(json_array_size(options), sizeof(*interaction->labels));
	if (!interaction->labels)
		return json_fields_no_memory(fields, "options");
	for (size_t i = 0; !rc && i < json_array_size(options); i++) {
		rc = json_fields_item_text(fields, "options", options, i, RUNDOWN_MAX_LABEL_BYTES,
					   &label);
		if (!rc)
			rc = keep(fields, "options", label,
				  &interaction->labels[interaction->options++]);
	}
	return rc;
}

static int read_question(const struct json_fields *fields, struct interaction *interaction)
{
	const char *question;
	int rc = json_fields_text(fields, "question", RUNDOWN_MAX_QUESTION_BYTES, &question);
	return rc ? rc : keep(fields, "question", question, &interaction->question);
}

static int read_interaction(const struct json_fields *fields, const struct keyring *keyring,
			    uint64_t default_opens_at_us, struct interaction *interaction)
{
	int rc = read_kind(fields, &interaction->kind);
	if (!rc)
		rc = check_applicable(fields);
	if (!rc)
		rc = read_identity(fields, keyring, interaction);
	if (!rc)
		rc = read_times(fields, default_opens_at_us, interaction);
	if (!rc)
		rc = read_question(fields, interaction);
	if (!rc)
		rc = read_options(fields, interaction);
	return rc;
}

int interaction_parse(const json_t *object, const char *place, const struct keyring *keyring,
		      uint64_t default_opens_at_us, struct interaction *interaction,
		      struct err *err)
{
	/* clang-format off */
	static const char *const known[] = {
		"tenant", "id", "kind", "question", "options", "opens_at", "duration_ms", "max_delay_ms",
		"revote", "max_choices", "correct", "points", "min", "max", NULL,
	};
	/* clang-format on */
	struct json_fields fields;
	*interaction = (struct interaction){0};
	int rc = json_fields_begin(&fields, object, place, known, err);
	if (rc)
		return rc;
	rc = read_interaction(&fields, keyring, default_opens_at_us, interaction);
	if (rc)
		interaction_free(interaction);
	return rc;
}

void interaction_free(struct interaction *interaction)
{
	for (uint32_t i = 0; i < interaction->options; i++)
		free(interaction->labels[i]);
	free(interaction->labels);
	free(interaction->question);
	*interaction = (struct interaction){0};
}

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
	int rc = json_fields_text(fields, "show", MAX_SHOW_BYTES, &show);
	if (!rc)
		rc = keep(fields, "show", show, &rundown->show);
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
