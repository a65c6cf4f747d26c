/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rows of `tallyreplay check`. Called by that verb and the tests; it never prints and never
 * looks at a packet. `durability` and `clock` say how a result came to be, not what it is, so they
 * are left out.
 */
#include "perf/compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What the rows have in common. */
struct comparison {
	bool exact;
	compare_row_fn each;
	void *context;
	int differing;
	json_int_t missed; /* packets that the appliance says it never saw */
};

/* A string as it is, all else as JSON; what is too long is cut. */
static void print_value(const json_t *value, char text[COMPARE_VALUE_BYTES])
{
	char *dumped = value && !json_is_string(value)
			       ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)
			       : NULL;
	if (json_is_string(value))
		snprintf(text, COMPARE_VALUE_BYTES, "%s", json_string_value(value));
	else
		snprintf(text, COMPARE_VALUE_BYTES, "%s", dumped ? dumped : "(missing)");
	free(dumped);
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

/* More than the answer has. */
static void compare_beyond(struct comparison *comparison, const char *where, const char *name,
			   const json_t *results, const json_t *answers)
{
	char beyond[COMPARE_VALUE_BYTES];
	snprintf(beyond, sizeof(beyond), "%s beyond the answer's", name);
	if (json_array_size(results) > json_array_size(answers))
		compare_value(comparison, where, beyond,
			      json_array_get(results, json_array_size(answers)), NULL,
			      COMPARE_EXACT, 0);
}

static void compare_options(struct comparison *comparison, const char *where, const json_t *result,
			    const json_t *answer)
{
	static const char *const texts[] = {"index", "value", "label"};
	const json_t *results = json_object_get(result, "options");
	const json_t *answers = json_object_get(answer, "options");
	char name[32];
	for (size_t i = 0; i < json_array_size(answers); i++) {
		const json_t *theirs = json_array_get(results, i);
		const json_t *ours = json_array_get(answers, i);
		snprintf(name, sizeof(name), "votes[%zu]", i);
		compare_value(comparison, where, name, json_object_get(theirs, "votes"),
			      json_object_get(ours, "votes"), COMPARE_EXACT, 0);
		for (size_t t = 0; comparison->exact && t < COUNT_OF(texts); t++) {
			snprintf(name, sizeof(name), "%s[%zu]", texts[t], i);
			compare_text(comparison, where, name, json_object_get(theirs, texts[t]),
				     json_object_get(ours, texts[t]));
		}
	}
	compare_beyond(comparison, where, "options", results, answers);
}

/* A row for each item of a list that the answer has. */
static void compare_list(struct comparison *comparison, const char *where, const char *name,
			 const json_t *results, const json_t *answers)
{
	char item[48];
	for (size_t i = 0; i < json_array_size(answers); i++) {
		snprintf(item, sizeof(item), "%s[%zu]", name, i);
		compare_value(comparison, where, item, json_array_get(results, i),
			      json_array_get(answers, i), COMPARE_EXACT, 0);
	}
	if (answers)
		compare_beyond(comparison, where, name, results, answers);
}

static void compare_receipts(struct comparison *comparison, const char *where, const json_t *result,
			     const json_t *answer)
{
	const json_t *theirs = json_object_get(result, "receipts");
	const char *status;
	json_t *value;
	json_object_foreach ((json_t *)json_object_get(answer, "receipts"), status, value) {
		bool is_counted = !strcmp(status, "counted") || !strcmp(status, "changed");
		/*
		 * A copy that never came in leaves one duplicate less and nothing else; one that
		 * was answered busy, whose twin has its receipt by then, is a busy more.
		 */
		bool is_duplicate = !strcmp(status, "duplicate");
		json_int_t slack = is_duplicate ? comparison->missed : 0;
		if (is_duplicate && !comparison->exact)
			slack += json_integer_value(json_object_get(theirs, "busy"));
		compare_value(comparison, where, status, json_object_get(theirs, status), value,
			      comparison->exact || is_counted ? COMPARE_EXACT : COMPARE_AT_LEAST,
			      slack);
	}
}

static void compare_interaction(struct comparison *comparison, const json_t *result,
				const json_t *answer)
{
	static const char *const texts[] = {"kind",     "state",     "question",
					    "opens_at", "closes_at", "correct"};
	const json_t *tenant = json_object_get(answer, "tenant");
	char where[COMPARE_PLACE_BYTES / 2];
	snprintf(where, sizeof(where), "%s/%" JSON_INTEGER_FORMAT,
		 tenant ? json_string_value(tenant) : "?",
		 json_integer_value(json_object_get(answer, "id")));
	for (size_t i = 0; comparison->exact && i < COUNT_OF(texts); i++)
		compare_text(comparison, where, texts[i], json_object_get(result, texts[i]),
			     json_object_get(answer, texts[i]));
	compare_value(comparison, where, "voters", json_object_get(result, "voters"),
		      json_object_get(answer, "voters"), COMPARE_EXACT, 0);
	compare_options(comparison, where, result, answer);
	compare_text(comparison, where, "mean", json_object_get(result, "mean"),
		     json_object_get(answer, "mean"));
	compare_list(comparison, where, "series", json_object_get(result, "series"),
		     json_object_get(answer, "series"));
	compare_list(comparison, where, "leaderboard", json_object_get(result, "leaderboard"),
		     json_object_get(answer, "leaderboard"));
	compare_receipts(comparison, where, result, answer);
}

/* The sums of a tenant's quizzes, the show of its name if they say which. */
static const json_t *find_leaderboard(const json_t *document, const json_t *wanted)
{
	static const char *const names[] = {"tenant", "show"};
	size_t i;
	json_t *board;
	json_array_foreach (json_object_get(document, "leaderboards"), i, board) {
		size_t same = 0;
		for (size_t name = 0; name < COUNT_OF(names); name++) {
			const json_t *value = json_object_get(wanted, names[name]);
			same += !value || json_equal(value, json_object_get(board, names[name]));
		}
		if (same == COUNT_OF(names))
			return board;
	}
	return NULL;
}

static void compare_leaderboards(struct comparison *comparison, const json_t *results,
				 const json_t *answer)
{
	size_t i;
	json_t *board;
	json_array_foreach (json_object_get(answer, "leaderboards"), i, board) {
		const json_t *tenant = json_object_get(board, "tenant");
		const json_t *theirs = find_leaderboard(results, board);
		char where[COMPARE_PLACE_BYTES / 2];
		snprintf(where, sizeof(where), "%s", tenant ? json_string_value(tenant) : "?");
		compare_list(comparison, where, "leaderboards", json_object_get(theirs, "entries"),
			     json_object_get(board, "entries"));
	}
	if (comparison->exact)
		compare_beyond(comparison, "", "leaderboards",
			       json_object_get(results, "leaderboards"),
			       json_object_get(answer, "leaderboards"));
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
	compare_leaderboards(&comparison, results, answer);
	compare_datagrams(&comparison, results, answer);
	json_array_foreach (json_object_get(results, "interactions"), i, interaction)
		if (exact && !find_interaction(answer, interaction))
			compare_value(&comparison, "interactions beyond the answer:", "id",
				      json_object_get(interaction, "id"), NULL, COMPARE_EXACT, 0);
	return comparison.differing;
}
