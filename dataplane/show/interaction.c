// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads one interaction. Called for rundowns and for the control method `open`. Never arms
 * anything: what it returns is a plan.
 */
#include "dataplane/show/interaction.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/json_fields.h"
#include "dataplane/show/time_text.h"

#define MS_US 1000

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int read_kind(const struct json_fields *fields, struct question *rules)
{
	char shown[JSON_PRINTABLE_BYTES], kinds[128] = "";
	const char *name;
	int rc = json_fields_string(fields, "kind", &name);
	if (rc)
		return rc;
	rules->kind = (uint8_t)kind_by_name(name);
	if (rules->kind)
		return 0;
	for (int kind = 1; kind < KIND_COUNT; kind++) {
		strcat(kinds, kind > 1 ? ", " : "");
		strcat(kinds, kind_row((enum kind)kind)->name);
	}
	return json_fields_refuse(fields, "kind", "\"%s\" is an unknown kind; use one of %s",
				  json_printable(name, shown), kinds);
}

/* Only fields that the kind has. */
static int check_applicable(const struct json_fields *fields, enum kind kind)
{
	static const struct {
		const char *name;
		enum kind_field field;
	} some_have[] = {
		{"options", FIELD_OPTIONS}, {"min", FIELD_RANGE},
		{"max", FIELD_RANGE},       {"max_choices", FIELD_MAX_CHOICES},
		{"correct", FIELD_CORRECT}, {"points", FIELD_CORRECT},
		{"revote", FIELD_REVOTE},
	};
	const struct kind_row *row = kind_row(kind);
	for (size_t i = 0; i < COUNT_OF(some_have); i++)
		if (!(row->fields & some_have[i].field) &&
		    json_object_get(fields->object, some_have[i].name))
			return json_fields_refuse(fields, some_have[i].name,
						  "does not apply to a %s; remove it", row->name);
	return 0;
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
	uint64_t duration_ms = INTERACTION_DEFAULT_DURATION_MS;
	uint64_t max_delay_ms = interaction->tenant->max_delay_ms;
	int rc = read_opens_at(fields, default_opens_at_us, &interaction->opens_at_us);
	if (!rc)
		rc = json_fields_optional_integer(fields, "duration_ms", 1,
						  INTERACTION_MAX_DURATION_MS, &duration_ms);
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

/* Labels that the interaction owns; rules.options counts those it has. */
static int read_labels(const struct json_fields *fields, const json_t *options,
		       struct interaction *interaction)
{
	const char *label;
	interaction->labels = calloc(json_array_size(options), sizeof(*interaction->labels));
	if (!interaction->labels)
		return json_fields_no_memory(fields, "options");
	int rc = 0;
	for (size_t i = 0; !rc && i < json_array_size(options); i++) {
		rc = json_fields_item_text(fields, "options", options, i,
					   INTERACTION_MAX_LABEL_BYTES, &label);
		if (!rc)
			rc = keep(fields, "options", label,
				  &interaction->labels[interaction->rules.options++]);
	}
	return rc;
}

static int read_options(const struct json_fields *fields, const struct kind_row *row,
			struct interaction *interaction)
{
	const json_t *options;
	int rc = json_fields_array(fields, "options", 1, row->most_options, &options);
	return rc ? rc : read_labels(fields, options, interaction);
}

/* From min on; the number of values is their limit. */
static int read_range(const struct json_fields *fields, const struct kind_row *row,
		      struct interaction *interaction)
{
	uint64_t min = 0, max = 0;
	int rc = json_fields_integer(fields, "min", 0, KIND_MAX_VALUE, &min);
	if (rc)
		return rc;
	uint64_t most = min + row->most_options - 1;
	rc = json_fields_integer(fields, "max", min, most < KIND_MAX_VALUE ? most : KIND_MAX_VALUE,
				 &max);
	if (rc)
		return rc;
	interaction->rules.first = (uint16_t)min;
	interaction->rules.options = (uint16_t)(max - min + 1);
	return 0;
}

static int read_max_choices(const struct json_fields *fields, struct interaction *interaction)
{
	uint64_t most = interaction->rules.options;
	int rc = json_fields_optional_integer(fields, "max_choices", 1, most, &most);
	interaction->rules.max_choices = (uint8_t)most;
	return rc;
}

static int read_correct(const struct json_fields *fields, struct interaction *interaction)
{
	const json_t *correct;
	uint64_t options = interaction->rules.options, option = 0;
	int rc = json_fields_array(fields, "correct", 1, options, &correct);
	for (size_t i = 0; !rc && i < json_array_size(correct); i++) {
		rc = json_fields_item_integer(fields, "correct", correct, i, 0, options - 1,
					      &option);
		if (rc)
			break;
		uint64_t bit = 1ull << option % 64;
		if (interaction->correct[option / 64] & bit)
			rc = json_fields_refuse(fields, "correct",
						"names option %" PRIu64 " twice; leave one out",
						option);
		interaction->correct[option / 64] |= bit;
	}
	return rc;
}

static int read_points(const struct json_fields *fields, struct interaction *interaction)
{
	uint64_t points = INTERACTION_DEFAULT_POINTS;
	int rc = json_fields_optional_integer(fields, "points", 1, INTERACTION_MAX_POINTS, &points);
	interaction->points = (uint32_t)points;
	return rc;
}

static int read_revote(const struct json_fields *fields, struct interaction *interaction)
{
	const json_t *revote = json_object_get(fields->object, "revote");
	if (revote && !json_is_boolean(revote))
		return json_fields_refuse(fields, "revote",
					  "is no boolean; give true, false or leave it out");
	interaction->revote = json_is_true(revote);
	return 0;
}

/* What only some kinds have. */
static int read_rules(const struct json_fields *fields, struct interaction *interaction)
{
	const struct kind_row *row = kind_row((enum kind)interaction->rules.kind);
	int rc = 0;
	if (row->fields & FIELD_OPTIONS)
		rc = read_options(fields, row, interaction);
	if (!rc && row->fields & FIELD_RANGE)
		rc = read_range(fields, row, interaction);
	if (!rc && row->fields & FIELD_MAX_CHOICES)
		rc = read_max_choices(fields, interaction);
	if (!rc && row->fields & FIELD_CORRECT)
		rc = read_correct(fields, interaction);
	if (!rc && row->fields & FIELD_CORRECT)
		rc = read_points(fields, interaction);
	return rc ? rc : read_revote(fields, interaction);
}

static int read_question(const struct json_fields *fields, struct interaction *interaction)
{
	const char *question;
	int rc = json_fields_text(fields, "question", INTERACTION_MAX_QUESTION_BYTES, &question);
	return rc ? rc : keep(fields, "question", question, &interaction->question);
}

static int read_interaction(const struct json_fields *fields, const struct keyring *keyring,
			    uint64_t default_opens_at_us, struct interaction *interaction)
{
	int rc = read_kind(fields, &interaction->rules);
	if (!rc)
		rc = check_applicable(fields, (enum kind)interaction->rules.kind);
	if (!rc)
		rc = read_identity(fields, keyring, interaction);
	if (!rc)
		rc = read_times(fields, default_opens_at_us, interaction);
	if (!rc)
		rc = read_question(fields, interaction);
	if (!rc)
		rc = read_rules(fields, interaction);
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
	for (uint32_t i = 0; interaction->labels && i < interaction->rules.options; i++)
		free(interaction->labels[i]);
	free(interaction->labels);
	free(interaction->question);
	free(interaction->show);
	*interaction = (struct interaction){0};
}

void interaction_set_options(json_t *object, const struct interaction *interaction)
{
	const struct question *rules = &interaction->rules;
	if (!interaction->labels) {
		uint16_t last = (uint16_t)(rules->options - 1);
		json_object_set_new(object, "min", json_integer(rules->first));
		json_object_set_new(object, "max", json_integer(kind_choice(rules, last)));
		return;
	}
	json_t *labels = json_array();
	for (uint32_t i = 0; i < rules->options; i++)
		json_array_append_new(labels, json_string(interaction->labels[i]));
	json_object_set_new(object, "options", labels);
}

static json_t *correct_json(const struct interaction *interaction)
{
	json_t *correct = json_array();
	for (uint32_t i = 0; i < interaction->rules.options; i++)
		if (interaction->correct[i / 64] >> i % 64 & 1)
			json_array_append_new(correct, json_integer(i));
	return correct;
}

/* What only some kinds have. */
static void set_rules(json_t *object, const struct interaction *interaction)
{
	unsigned int fields = kind_row((enum kind)interaction->rules.kind)->fields;
	if (fields & FIELD_MAX_CHOICES)
		json_object_set_new(object, "max_choices",
				    json_integer(interaction->rules.max_choices));
	if (fields & FIELD_CORRECT) {
		json_object_set_new(object, "correct", correct_json(interaction));
		json_object_set_new(object, "points", json_integer(interaction->points));
	}
	if (fields & FIELD_REVOTE)
		json_object_set_new(object, "revote", json_boolean(interaction->revote));
}

json_t *interaction_json(const struct interaction *interaction)
{
	char opens_at[TIME_TEXT_BYTES];
	uint64_t before = json_fields_shortages();
	json_t *object = json_pack("{s:s,s:I,s:s,s:s,s:s,s:I,s:I}", "tenant",
				   interaction->tenant->name, "id", (json_int_t)interaction->id,
				   "kind", kind_row((enum kind)interaction->rules.kind)->name,
				   "question", interaction->question, "opens_at",
				   time_format(interaction->opens_at_us, opens_at), "duration_ms",
				   (json_int_t)(interaction->duration_us / MS_US), "max_delay_ms",
				   (json_int_t)(interaction->max_delay_us / MS_US));
	if (!object)
		return NULL;
	interaction_set_options(object, interaction);
	set_rules(object, interaction);
	if (interaction->show)
		json_object_set_new(object, "show", json_string(interaction->show));
	if (json_fields_shortages() == before)
		return object;
	json_decref(object);
	return NULL;
}

enum kind_identity interaction_identity(const struct interaction *interaction)
{
	if (interaction->revote)
		return ONE_PER_VOTER_CHANGING;
	return kind_row((enum kind)interaction->rules.kind)->identity;
}
