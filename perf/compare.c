/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rows of `tallyreplay check`. Called by that verb and the tests; it never prints and never
 * looks at a packet. `durability` says how a result was kept, not what it is, so it is left out.
 */
#include "perf/compare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the rows have in common. */
struct comparison {
	bool exact;
	compare_row_fn each;
	void *context;
	int differing;
	json_int_t missed; /* packets that the appliance says it never saw */
};

static void print_value(const json_t *value, char text[COMPARE_VALUE_BYTES])
{
	if (json_is_integer(value))
		snprintf(text, COMPARE_VALUE_BYTES, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
	else if (json_is_string(value))
		snprintf(text, COMPARE_VALUE_BYTES, "%s", json_string_value(value));
	else
		snprintf(text, COMPARE_VALUE_BYTES, "%s", value ? "(another type)" : "(missing)");
}

/* `slack`: how far an at-least row may fall short. */
static void compare_value(struct comparison *comparison, const char *where, const char *name,
			  const json_t *result, const json_t *answer, enum compare_rule rule,
			  json_int_t slack)
{
	struct compare_row row = {.rule = rule};
	snprintf(row.place, sizeof(row.place), "%s%s%s", where, *where ? " " : "", name);
	print_value(result, row.result);
	print_value(answer, row.answer);
	row.agrees = result && json_equal(result, answer);
	if (rule == COMPARE_AT_LEAST && json_is_integer(result))
		row.agrees = json_integer_value(result) + slack >= json_integer_value(answer);
	comparison->differing += !row.agrees;
	comparison->each(comparison->context, &row);
}

/* What the answer does not say is not compared. */
static void compare_text(struct comparison *comparison, const char *where, const char *name,
			 const json_t *result, const json_t *answer)
{
	if (answer)
		compare_value(comparison, where, name, result, answer, COMPARE_EXACT, 0);
}

static const json_t *find_interaction(const json_t *document, const json_t *wanted)
{
	size_t i;
	json_t *interaction;
	json_array_foreach (json_object_get(document, "interactions"), i, interaction)
		if (json_equal(json_object_get(interaction, "tenant"),
			       json_object_get(wanted, "tenant")) &&
		    json_equal(json_object_get(interaction, "id"), json_object_get(wanted, "id")))
			return interaction;
	return NULL;
}

static void compare_options(struct comparison *comparison, const char *where, const json_t *result,
			    const json_t *answer)
{
	const json_t *results = json_object_get(result, "options");
	const json_t *answers = json_object_get(answer, "options");
	char name[32];
	for (size_t i = 0; i < json_array_size(answers); i++) {
		const json_t *theirs = json_array_get(results, i);
		const json_t *ours = json_array_get(answers, i);
		snprintf(name, sizeof(name), "votes[%zu]", i);
		compare_value(comparison, where, name, json_object_get(theirs, "votes"),
			      json_object_get(ours, "votes"), COMPARE_EXACT, 0);
		snprintf(name, sizeof(name), "label[%zu]", i);
		if (comparison->exact)
			compare_text(comparison, where, name, json_object_get(theirs, "label"),
				     json_object_get(ours, "label"));
	}
	if (json_array_size(results) > json_array_size(answers))
		compare_value(comparison, where, "options beyond the answer's", results, NULL,
			      COMPARE_EXACT, 0);
}

static void compare_receipts(struct comparison *comparison, const char *where, const json_t *result,
			     const json_t *answer)
{
	const json_t *theirs = json_object_get(result, "receipts");
	const char *status;
	json_t *value;
	json_object_foreach ((json_t *)json_object_get(answer, "receipts"), status, value) {
		bool is_counted = !strcmp(status, "counted") || !strcmp(status, "changed");
		/* A copy that never came in leaves one duplicate less and nothing else. */
		json_int_t slack = strcmp(status, "duplicate") ? 0 : comparison->missed;
		compare_value(comparison, where, status, json_object_get(theirs, status), value,
			      comparison->exact || is_counted ? COMPARE_EXACT : COMPARE_AT_LEAST,
			      slack);
	}
}

static void compare_interaction(struct comparison *comparison, const json_t *result,
				const json_t *answer)
{
	static const char *const texts[] = {"kind", "state", "question", "opens_at", "closes_at"};
	const json_t *tenant = json_object_get(answer, "tenant");
	char where[COMPARE_PLACE_BYTES / 2];
	snprintf(where, sizeof(where), "%s/%" JSON_INTEGER_FORMAT,
		 tenant ? json_string_value(tenant) : "?",
		 json_integer_value(json_object_get(answer, "id")));
	for (size_t i = 0; comparison->exact && i < sizeof(texts) / sizeof(texts[0]); i++)
		compare_text(comparison, where, texts[i], json_object_get(result, texts[i]),
			     json_object_get(answer, texts[i]));
	compare_value(comparison, where, "voters", json_object_get(result, "voters"),
		      json_object_get(answer, "voters"), COMPARE_EXACT, 0);
	compare_options(comparison, where, result, answer);
	compare_receipts(comparison, where, result, answer);
}

static void compare_datagrams(struct comparison *comparison, const json_t *results,
			      const json_t *answer)
{
	const json_t *theirs = json_object_get(results, "datagrams");
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)json_object_get(answer, "datagrams"), name, value) {
		/* What else reaches a live port (ARP, say) and what it missed is not the burst's.
		 */
		bool is_burst = !strcmp(name, "bad_tag") || !strcmp(name, "unknown_key");
		if (comparison->exact || is_burst)
			compare_value(comparison, "datagrams", name, json_object_get(theirs, name),
				      value, comparison->exact ? COMPARE_EXACT : COMPARE_AT_LEAST,
				      comparison->missed);
	}
}

bool compare_is_results(const json_t *document)
{
	return json_is_array(json_object_get(document, "interactions")) &&
	       json_is_object(json_object_get(document, "datagrams"));
}

int compare_results(const json_t *results, const json_t *answer, bool exact, compare_row_fn each,
		    void *context, struct err *err)
{
	const json_t *answers = json_object_get(answer, "interactions");
	struct comparison comparison = {.exact = exact, .each = each, .context = context};
	size_t i;
	json_t *interaction;
	if (!compare_is_results(answer) || json_array_size(answers) == 0)
		return err_set(
			err, -EINVAL,
			"the answer holds no \"interactions\"; give the file that `tallyreplay "
			"make --answer` wrote");
	if (!compare_is_results(results))
		return err_set(
			err, -EINVAL,
			"the results are no results document; give what `tallyd --replay` or "
			"`tallyctl results --json` wrote");
	comparison.missed = json_integer_value(
		json_object_get(json_object_get(results, "datagrams"), "missed"));
	json_array_foreach (answers, i, interaction)
		compare_interaction(&comparison, find_interaction(results, interaction),
				    interaction);
	compare_datagrams(&comparison, results, answer);
	json_array_foreach (json_object_get(results, "interactions"), i, interaction)
		if (exact && !find_interaction(answer, interaction))
			compare_value(&comparison, "interactions beyond the answer:", "id",
				      json_object_get(interaction, "id"), NULL, COMPARE_EXACT, 0);
	return comparison.differing;
}
