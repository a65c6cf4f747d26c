// SPDX-License-Identifier: BSD-3-Clause
/* Rundowns and single interactions: defaults, limits, and that everything else is refused with its
 * place. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include "dataplane/show/rundown.h"
#include "tests/lib/scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define OPENS_AT_US     1795377600000000 /* 2026-11-22T20:00:00Z */

static struct tenant tenants[] = {
	{.id = 7, .name = "acme", .max_delay_ms = 5000},
	{.id = 8, .name = "zoo", .max_delay_ms = 0},
};
static const struct keyring keyring = {.tenants = tenants, .tenant_count = COUNT_OF(tenants)};

#define WHO         "\"tenant\":\"acme\",\"id\":101,"
#define KIND        "\"kind\":\"poll\","
#define ASKS        "\"question\":\"Which colour?\",\"options\":[\"Red\",\"Blue\"],"
#define WHEN        "\"opens_at\":\"2026-11-22T20:00:00Z\""
#define POLL        "{" WHO KIND ASKS WHEN "}"
#define SHOW(items) "{\"show\":\"saturday\",\"interactions\":[" items "]}"

TestSuite(rundown, .init = scratch_make, .fini = scratch_remove);

/* A single quote stands for a double one, so that rows stay readable. */
static json_t *json_of(const char *text)
{
	char *quoted = strdup(text);
	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	json_t *json = json_loads(quoted, JSON_DECODE_ANY, NULL);
	cr_assert_not_null(json, "%s", text);
	free(quoted);
	return json;
}

static struct interaction parse(const char *text, uint64_t default_opens_at_us)
{
	struct interaction interaction;
	struct err err = {""};
	json_t *json = json_of(text);
	int rc = interaction_parse(json, "params", &keyring, default_opens_at_us, &interaction,
				   &err);
	cr_assert_eq(rc, 0, "%s: %s", text, err.text);
	json_decref(json);
	return interaction;
}

static void expect_message(const struct err *err, const char *begin, const char *reason)
{
	cr_expect_eq(strncmp(err->text, begin, strlen(begin)), 0, "%s: %s", begin, err->text);
	cr_expect_not_null(strstr(err->text, reason), "no \"%s\" in: %s", reason, err->text);
	cr_expect_null(strchr(err->text, '\n'), "%s", err->text);
}

static void expect_interaction_refused(const char *text, const char *begin, const char *reason)
{
	struct interaction interaction;
	struct err err = {""};
	json_t *json = json_of(text);
	memset(&interaction, 0xA5, sizeof(interaction));
	/* A tenant that is not there is told apart from a field that is wrong. */
	int wanted = strstr(reason, "not in the keyring") ? -ENOENT : -EINVAL;
	cr_expect_eq(interaction_parse(json, "params", &keyring, 0, &interaction, &err), wanted,
		     "%s", text);
	expect_message(&err, begin, reason);
	cr_expect_null(interaction.question);
	cr_expect_null(interaction.labels);
	json_decref(json);
}

static void expect_file_refused(const char *path, const char *place, const char *reason)
{
	char begin[PATH_MAX];
	struct rundown rundown;
	struct err err = {""};
	memset(&rundown, 0xA5, sizeof(rundown));
	cr_expect_lt(rundown_load(path, &keyring, &rundown, &err), 0, "%s was taken", reason);
	snprintf(begin, sizeof(begin), "%s: %s", path, place);
	expect_message(&err, begin, reason);
	cr_expect_null(rundown.show);
	cr_expect_null(rundown.interactions);
	cr_expect_eq(rundown.count, 0);
}

Test(rundown, a_file_is_read_whole)
{
	struct rundown rundown;
	struct err err = {""};
	const char *path = scratch_text(
		"show.json",
		SHOW(POLL ",{\"tenant\":\"zoo\",\"id\":101," KIND ASKS WHEN ",\"duration_ms\":1}"),
		0644);
	cr_assert_eq(rundown_load(path, &keyring, &rundown, &err), 0, "%s", err.text);
	cr_expect_str_eq(rundown.show, "saturday");
	cr_assert_eq(rundown.count, 2);
	cr_expect_eq(rundown.interactions[0].tenant, &tenants[0]);
	cr_expect_eq(rundown.interactions[1].tenant, &tenants[1]);
	cr_expect_eq(rundown.interactions[1].duration_us, 1000);
	cr_expect_eq(rundown.interactions[1].max_delay_us, 0);
	rundown_free(&rundown);
	cr_expect_null(rundown.interactions);
	rundown_free(&rundown);
}

Test(rundown, a_show_may_have_no_interactions)
{
	struct rundown rundown;
	struct err err = {""};
	json_t *json = json_of(SHOW(""));
	cr_expect_eq(rundown_parse(json, "show.json", &keyring, &rundown, &err), 0, "%s", err.text);
	cr_expect_eq(rundown.count, 0);
	rundown_free(&rundown);
	json_decref(json);
}

Test(rundown, an_interaction_gets_its_defaults)
{
	struct interaction interaction = parse(POLL, 0);
	cr_expect_eq(interaction.tenant, &tenants[0]);
	cr_expect_eq(interaction.id, 101);
	cr_expect_eq(interaction.rules.kind, KIND_POLL);
	cr_expect_str_eq(interaction.question, "Which colour?");
	cr_assert_eq(interaction.rules.options, 2);
	cr_expect_str_eq(interaction.labels[0], "Red");
	cr_expect_str_eq(interaction.labels[1], "Blue");
	cr_expect_eq(interaction.opens_at_us, OPENS_AT_US);
	cr_expect_eq(interaction.duration_us, 20000000);
	cr_expect_eq(interaction.max_delay_us, 5000000);
	interaction_free(&interaction);
	interaction_free(&interaction);
}

Test(rundown, what_is_given_goes_before_the_defaults)
{
	struct interaction interaction = parse("{'tenant':'acme','id':4294967295,'kind':'poll','"
					       "question':'Où? \U0001F3B5','options':['x'],"
					       "'opens_at':'2026-11-22T21:00:00.25+01:00','"
					       "duration_ms':86400000,'max_delay_ms':600000,"
					       "'revote':false}",
					       1);
	cr_expect_eq(interaction.id, UINT32_MAX);
	cr_expect_str_eq(interaction.question, "Où? \U0001F3B5");
	cr_expect_eq(interaction.opens_at_us, OPENS_AT_US + 250000);
	cr_expect_eq(interaction.duration_us, 86400000000);
	cr_expect_eq(interaction.max_delay_us, 600000000);
	interaction_free(&interaction);
}

Test(rundown, a_default_opening_serves_only_where_none_is_given)
{
	struct interaction interaction = parse(
		"{'tenant':'acme','id':1,'kind':'poll','question':'?','options':['x']}", 123456);
	cr_expect_eq(interaction.opens_at_us, 123456);
	interaction_free(&interaction);
	expect_interaction_refused(
		"{'tenant':'acme','id':1,'kind':'poll','question':'?','options':['x']}",
		"params.opens_at: ", "is missing");
}

Test(rundown, without_a_place_messages_begin_with_the_field)
{
	struct interaction interaction;
	struct err err = {""};
	json_t *json = json_object();
	cr_expect_eq(interaction_parse(json, "", &keyring, 0, &interaction, &err), -EINVAL);
	expect_message(&err, "kind: is missing", "");
	json_decref(json);
	json = json_array();
	cr_expect_eq(interaction_parse(json, "", &keyring, 0, &interaction, &err), -EINVAL);
	expect_message(&err, "is an array; give an object", "");
	json_decref(json);
}

#define ONE(fields) "{" WHO ASKS WHEN "," fields "}"

Test(rundown, kinds_that_there_are_not_are_refused)
{
	expect_interaction_refused(
		"{'kind':'vote'}", "params.kind: ",
		"\"vote\" is an unknown kind; use one of poll, multi, quiz, scale, "
		"upvote, reaction");
	expect_interaction_refused("{'kind':'Poll'}", "params.kind: ", "unknown kind");
	expect_interaction_refused("{'kind':''}", "params.kind: ", "unknown kind");
	expect_interaction_refused("{'kind':'a\\nb\\u001b[2J'}", "params.kind: ", "\"a?b?[2J\"");
	expect_interaction_refused("{'kind':1}", "params.kind: ", "is an integer");
}

Test(rundown, fields_that_a_kind_does_not_have_are_refused)
{
	static const struct {
		const char *kind;
		const char *foreign[8];
	} rows[] = {
		{"poll", {"max_choices", "correct", "points", "min", "max"}},
		{"multi", {"correct", "points", "min", "max"}},
		{"quiz", {"max_choices", "min", "max", "revote"}},
		{"scale", {"options", "max_choices", "correct", "points"}},
		{"upvote", {"max_choices", "correct", "points", "min", "max", "revote"}},
		{"reaction", {"max_choices", "correct", "points", "min", "max", "revote"}},
	};
	char text[512], begin[64], reason[64];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(reason, sizeof(reason), "does not apply to a %s", rows[i].kind);
		for (const char *const *field = rows[i].foreign; *field; field++) {
			snprintf(text, sizeof(text), "{'kind':'%s','%s':1}", rows[i].kind, *field);
			snprintf(begin, sizeof(begin), "params.%s: ", *field);
			expect_interaction_refused(text, begin, reason);
		}
	}
	expect_interaction_refused(ONE("'kind':'poll','revote':1"),
				   "params.revote: ", "no boolean");
	expect_interaction_refused(ONE("'kind':'poll','revote':null"),
				   "params.revote: ", "no boolean");
	expect_interaction_refused(ONE("'kind':'poll','colour':1"),
				   "params.colour: ", "unknown field");
}

#define BUT(fields) "{'kind':'poll'," fields "}"
#define FOR_ACME    "'tenant':'acme','id':1,"
#define AT          "'opens_at':'2026-11-22T20:00:00Z',"
#define Q           "'question':'?',"

Test(rundown, a_field_that_is_wrong_is_refused_with_its_place)
{
	static const struct {
		const char *text;
		const char *begin;
		const char *reason;
	} rows[] = {
		{"7", "params: ", "is an integer; give an object"},
		{BUT("'id':1"), "params.tenant: ", "is missing"},
		{BUT("'tenant':7"), "params.tenant: ", "is an integer"},
		{BUT("'tenant':'nobody','id':1"),
		 "params.tenant: ", "\"nobody\" is not in the keyring"},
		{BUT("'tenant':'acme'"), "params.id: ", "is missing"},
		{BUT("'tenant':'acme','id':-1"), "params.id: ", "out of range"},
		{BUT("'tenant':'acme','id':4294967296"), "params.id: ", "0 to 4294967295"},
		{BUT("'tenant':'acme','id':'101'"), "params.id: ", "is a string"},
		{BUT(FOR_ACME "'opens_at':0"), "params.opens_at: ", "is an integer"},
		{BUT(FOR_ACME "'opens_at':'20:00'"), "params.opens_at: ", "is no time"},
		{BUT(FOR_ACME "'opens_at':'2026-11-22T20:00:00'"),
		 "params.opens_at: ", "is no time"},
		{BUT(FOR_ACME "'opens_at':'9999-12-31T23:59:50Z'"),
		 "params.opens_at: ", "year 10000"},
		{BUT(FOR_ACME AT "'duration_ms':0"), "params.duration_ms: ", "1 to 86400000"},
		{BUT(FOR_ACME AT "'duration_ms':86400001"),
		 "params.duration_ms: ", "1 to 86400000"},
		{BUT(FOR_ACME AT "'duration_ms':1.5"), "params.duration_ms: ", "fraction"},
		{BUT(FOR_ACME AT "'max_delay_ms':600001"), "params.max_delay_ms: ", "0 to 600000"},
		{BUT(FOR_ACME AT "'options':['x']"), "params.question: ", "is missing"},
		{BUT(FOR_ACME AT "'question':'','options':['x']"),
		 "params.question: ", "1 to 1000"},
		{BUT(FOR_ACME AT "'question':'a\\u0007','options':['x']"),
		 "params.question: ", "control"},
		{BUT(FOR_ACME AT "'question':'a\\u009b2J','options':['x']"),
		 "params.question: ", "control"},
		{BUT(FOR_ACME AT "'question':'a\\u007f','options':['x']"),
		 "params.question: ", "control"},
		{BUT(FOR_ACME AT "'question':'?'"), "params.options: ", "is missing"},
		{BUT(FOR_ACME AT Q "'options':'Red'"),
		 "params.options: ", "is a string; give an array"},
		{BUT(FOR_ACME AT Q "'options':[]"), "params.options: ", "1 to 1024 items"},
		{BUT(FOR_ACME AT Q "'options':['x',2]"), "params.options[1]: ", "is an integer"},
		{BUT(FOR_ACME AT Q "'options':['']"), "params.options[0]: ", "1 to 200 bytes"},
		{BUT(FOR_ACME AT Q "'options':['x','y','a\\tb']"),
		 "params.options[2]: ", "control"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_interaction_refused(rows[i].text, rows[i].begin, rows[i].reason);
}

/* An interaction with a question of so many bytes, and so many options of so many bytes. */
static int parse_sized(size_t question, size_t options, size_t label)
{
	struct interaction interaction;
	struct err err = {""};
	char text[INTERACTION_MAX_QUESTION_BYTES + 2];
	json_t *json = json_of("{'tenant':'acme','id':1,'kind':'poll'}");
	memset(text, 'x', sizeof(text));
	json_object_set_new(json, "question", json_stringn(text, question));
	json_t *labels = json_array();
	for (size_t i = 0; i < options; i++)
		json_array_append_new(labels, json_stringn(text, label));
	json_object_set_new(json, "options", labels);
	int rc = interaction_parse(json, "params", &keyring, 1, &interaction, &err);
	json_decref(json);
	if (rc == 0)
		interaction_free(&interaction);
	return rc;
}

Test(rundown, texts_and_options_reach_their_limits_and_not_beyond)
{
	cr_expect_eq(parse_sized(INTERACTION_MAX_QUESTION_BYTES, 1, 1), 0);
	cr_expect_eq(parse_sized(INTERACTION_MAX_QUESTION_BYTES + 1, 1, 1), -EINVAL);
	cr_expect_eq(parse_sized(1, KIND_MAX_OPTIONS, 1), 0);
	cr_expect_eq(parse_sized(1, KIND_MAX_OPTIONS + 1, 1), -EINVAL);
	cr_expect_eq(parse_sized(1, 1, INTERACTION_MAX_LABEL_BYTES), 0);
	cr_expect_eq(parse_sized(1, 1, INTERACTION_MAX_LABEL_BYTES + 1), -EINVAL);
}

#define LONG_SHOW "0123456789012345678901234567890123456789012345678901234567890123456789"

Test(rundown, a_file_with_one_fault_is_refused_whole)
{
	static const struct {
		const char *text;
		const char *place;
		const char *reason;
	} rows[] = {
		{"", "", "is empty"},
		{"[]", "", "is an array; give an object"},
		{"{\"show\":", "line 1, ", "ends too early"},
		{"{\"show\":\"\xc3\x28\"}", "line 1, ", "not UTF-8"},
		{SHOW(POLL) SHOW(POLL), "line 1, ", "more follows the end"},
		{"{\"show\":\"a\",\"show\":\"b\",\"interactions\":[]}", "line 1, ", "occurs twice"},
		{"{\"interactions\":[]}", "show: ", "is missing"},
		{"{\"show\":\"\",\"interactions\":[]}", "show: ", "1 to 200 bytes"},
		{"{\"show\":\"" LONG_SHOW LONG_SHOW LONG_SHOW "\",\"interactions\":[]}",
		 "show: ", "has 210 bytes"},
		{"{\"show\":\"a\"}", "interactions: ", "is missing"},
		{"{\"show\":\"a\",\"interactions\":{}}", "interactions: ", "is an object"},
		{"{\"show\":\"a\",\"interactions\":[],\"date\":1}", "date: ", "unknown field"},
		{SHOW(POLL ",1"), "interactions[1]: ", "is an integer; give an object"},
		{SHOW(POLL ",{\"kind\":\"poll\"}"), "interactions[1].tenant: ", "is missing"},
		{SHOW(POLL ",{" KIND "\"tenant\":\"zoo\",\"id\":1," WHEN
			   ",\"question\":\"?\",\"options\":[\"a\",\"\"]}"),
		 "interactions[1].options[1]: ", "1 to 200 bytes"},
		{SHOW(POLL ",{\"tenant\":\"zoo\",\"id\":101," KIND ASKS WHEN "}," POLL),
		 "interactions[2].id: ", "acme/101 is planned at interactions[0] too"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_file_refused(scratch_text("show.json", rows[i].text, 0644), rows[i].place,
				    rows[i].reason);
}

Test(rundown, what_is_no_regular_file_is_refused_at_once)
{
	expect_file_refused(scratch_path("missing.json"), "cannot be opened: ", "No such file");
	const char *path = scratch_path("fifo");
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_file_refused(path, "is not a regular file", "");
	path = scratch_text("large.json", "{", 0644);
	cr_assert_eq(truncate(path, RUNDOWN_MAX_FILE_BYTES + 1), 0);
	expect_file_refused(path, "has 67108865 bytes", "at most 67108864");
}

Test(rundown, every_cut_of_a_good_file_is_refused)
{
	static const char whole[] = SHOW(POLL);
	for (size_t length = 0; length < sizeof(whole) - 1; length++)
		expect_file_refused(scratch_bytes("cut.json", whole, length, 0644), "", "");
}

Test(rundown, nesting_without_end_is_refused)
{
	char brackets[100000];
	memset(brackets, '[', sizeof(brackets));
	expect_file_refused(scratch_bytes("deep.json", brackets, sizeof(brackets), 0644),
			    "line 1, ", "nested too deeply");
}

/* A rundown of `count` interactions, the last of which has the id `last_id`. */
static json_t *long_show(uint32_t count, uint32_t last_id)
{
	json_t *items = json_array();
	for (uint32_t i = 0; i < count; i++) {
		json_t *item = json_of("{" WHO KIND ASKS WHEN "}");
		json_object_set_new(item, "id", json_integer(i + 1 < count ? i : last_id));
		json_array_append_new(items, item);
	}
	return json_pack("{s:s,s:o}", "show", "long", "interactions", items);
}

Test(rundown, a_long_show_is_read_and_a_twin_in_it_found)
{
	static const struct {
		uint32_t count;
		uint32_t last_id;
		const char *message; /* empty: taken */
	} rows[] = {
		{RUNDOWN_MAX_INTERACTIONS, 65535, ""},
		{RUNDOWN_MAX_INTERACTIONS + 1, 65536, "show.json: interactions: has 65537 items"},
		{RUNDOWN_MAX_INTERACTIONS, 3,
		 "show.json: interactions[65535].id: acme/3 is planned at interactions[3] too"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct rundown rundown;
		struct err err = {""};
		json_t *json = long_show(rows[i].count, rows[i].last_id);
		int rc = rundown_parse(json, "show.json", &keyring, &rundown, &err);
		cr_expect_eq(rc, rows[i].message[0] ? -EINVAL : 0, "%s", err.text);
		expect_message(&err, rows[i].message, "");
		rundown_free(&rundown);
		json_decref(json);
	}
}
