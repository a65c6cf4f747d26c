// SPDX-License-Identifier: BSD-3-Clause
/*
 * libFuzzer: any JSON as a rundown. It is refused with one line and nothing allocated, or every
 * interaction of it is within the limits that the rest of the program relies on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/rundown.h"
#include "tests/fuzz/must.h"

static struct tenant tenants[] = {{.id = 7, .name = "acme", .max_delay_ms = 5000}};
static const struct keyring keyring = {.tenants = tenants, .tenant_count = 1};

static void check_interaction(const struct interaction *interaction)
{
	MUST(interaction->tenant == &tenants[0]);
	MUST(interaction->kind == WINDOW_POLL);
	MUST(strlen(interaction->question) <= RUNDOWN_MAX_QUESTION_BYTES);
	MUST(interaction->options >= 1 && interaction->options <= RUNDOWN_MAX_OPTIONS);
	for (uint32_t i = 0; i < interaction->options; i++)
		MUST(strlen(interaction->labels[i]) <= RUNDOWN_MAX_LABEL_BYTES);
	MUST(interaction->duration_us > 0);
	MUST(interaction->duration_us <= RUNDOWN_MAX_DURATION_MS * 1000ull);
	MUST(interaction->max_delay_us <= KEYRING_MAX_DELAY_MS * 1000ull);
	MUST(interaction->opens_at_us + interaction->duration_us + interaction->max_delay_us >
	     interaction->opens_at_us);
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
		for (uint32_t i = 0; i < rundown.count; i++)
			check_interaction(&rundown.interactions[i]);
		rundown_free(&rundown);
		return 0;
	}
	MUST(rc < 0 && err.text[0] && !strchr(err.text, '\n'));
	return 0;
}
