// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: any JSON as a rundown. It is refused with one line and nothing allocated, or every
 * interaction of it is within the limits that the rest of the program relies on, and written as
 * JSON and read again it is the same.
 */
#include <string.h>

#include "dataplane/show/rundown.h"
#include "tests/fuzz/must.h"

static struct tenant tenants[] = {{.id = 7, .name = "acme", .max_delay_ms = 5000}};
static const struct keyring keyring = {.tenants = tenants, .tenant_count = 1};

static void check_question(const struct interaction *interaction)
{
	const struct question *rules = &interaction->rules;
	MUST(rules->kind >= 1 && rules->kind < KIND_COUNT);
	const struct kind_row *row = kind_row((enum kind)rules->kind);
	MUST(rules->options >= 1 && rules->options <= row->most_options);
	MUST((interaction->labels != NULL) == ((row->fields & FIELD_OPTIONS) != 0));
	for (uint32_t i = 0; interaction->labels && i < rules->options; i++)
		MUST(strlen(interaction->labels[i]) <= INTERACTION_MAX_LABEL_BYTES);
	MUST(!interaction->revote || row->fields & FIELD_REVOTE);
	if (rules->kind == KIND_MULTI)
		MUST(rules->max_choices >= 1 && rules->max_choices <= rules->options);
	else
		MUST(rules->first == 0 || rules->kind == KIND_SCALE);
	MUST(rules->first + rules->options - 1u <= KIND_MAX_VALUE);
	MUST(interaction->points <= INTERACTION_MAX_POINTS);
}

static void check_interaction(const struct interaction *interaction)
{
	MUST(interaction->tenant == &tenants[0]);
	MUST(strlen(interaction->question) <= INTERACTION_MAX_QUESTION_BYTES);
	MUST(interaction->duration_us > 0);
	MUST(interaction->duration_us <= INTERACTION_MAX_DURATION_MS * 1000ull);
	MUST(interaction->max_delay_us <= KEYRING_MAX_DELAY_MS * 1000ull);
	MUST(interaction->opens_at_us + interaction->duration_us + interaction->max_delay_us >
	     interaction->opens_at_us);
	check_question(interaction);
}

/* Written and read again it is what it was: also what the journal relies on. */
static void check_written(const struct interaction *interaction)
{
	struct interaction again;
	struct err err = {""};
	json_t *json = interaction_json(interaction);
	json_object_del(json, "show");
	MUST(json && interaction_parse(json, "again", &keyring, 0, &again, &err) == 0);
	json_t *twice = interaction_json(&again);
	MUST(json_equal(json, twice));
	MUST(memcmp(&again.rules, &interaction->rules, sizeof(again.rules)) == 0);
	MUST(again.opens_at_us == interaction->opens_at_us && again.id == interaction->id);
	json_decref(json);
	json_decref(twice);
	interaction_free(&again);
}

static void check_ids(const struct rundown *rundown)
{
	MUST(rundown->count <= RUNDOWN_MAX_INTERACTIONS);
	for (uint32_t i = 0; i < rundown->count; i++)
		for (uint32_t j = 0; j < i; j++)
			MUST(rundown->interactions[i].id != rundown->interactions[j].id);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct rundown rundown;
	struct err err = {""};
	json_t *json = json_loadb((const char *)bytes, count, JSON_DECODE_ANY, NULL);
	if (!json)
		return 0;
	int rc = rundown_parse(json, "fuzz", &keyring, &rundown, &err);
	json_decref(json);
	if (rc == 0) {
		check_ids(&rundown);
		for (uint32_t i = 0; i < rundown.count; i++) {
			check_interaction(&rundown.interactions[i]);
			check_written(&rundown.interactions[i]);
		}
		rundown_free(&rundown);
		return 0;
	}
	MUST(rc < 0 && err.text[0] && !strchr(err.text, '\n'));
	return 0;
}
