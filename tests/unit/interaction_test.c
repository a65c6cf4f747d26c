// SPDX-License-Identifier: BSD-3-Clause
/* The fields of each kind of question: defaults, every limit from both sides, and what contradicts
 * itself. What all kinds share is in rundown_test.c. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/show/rundown.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct tenant tenants[] = {{.id = 7, .name = "acme", .max_delay_ms = 5000}};
static const struct keyring keyring = {.tenants = tenants, .tenant_count = COUNT_OF(tenants)};

static struct err err;

/* A single quote stands for a double one. */
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

/* Reads what is there of all interactions, and the fields of this one. Steals `own`. */
static int read_object(json_t *own, struct interaction *interaction)
{
	json_t *json = json_of("{'tenant':'acme','id':1,'question':'?'}");
	cr_assert_eq(json_object_update(json, own), 0);
	json_decref(own);
	err.text[0] = 0;
	int rc = interaction_parse(json, "params", &keyring, 1, interaction, &err);
	json_decref(json);
	return rc;
}

static int read_text(const char *text, struct interaction *interaction)
{
	return read_object(json_of(text), interaction);
}

static void expect_refused(const char *text, const char *place, const char *reason)
{
	struct interaction interaction;
	memset(&interaction, 0xA5, sizeof(interaction));
	cr_expect_eq(read_text(text, &interaction), -EINVAL, "%s was taken", text);
	cr_expect_eq(strncmp(err.text, place, strlen(place)), 0, "%s: %s", text, err.text);
	cr_expect_not_null(strstr(err.text, reason), "%s: no \"%s\": %s", text, reason, err.text);
	cr_expect_null(interaction.labels, "%s", text);
	cr_expect_null(interaction.question, "%s", text);
}

static const struct taken_row {
	const char *text;
	struct question rules;
	bool revote;
	uint32_t points;
	uint64_t correct;
	enum kind_identity identity;
} taken_rows[] = {
	{"{'kind':'poll','options':['a']}", {KIND_POLL, 0, 0, 1}, false, 0, 0, ONE_PER_VOTER},
	{"{'kind':'poll','options':['a','b'],'revote':true}",
	 {KIND_POLL, 0, 0, 2},
	 true,
	 0,
	 0,
	 ONE_PER_VOTER_CHANGING},
	{"{'kind':'multi','options':['a','b','c']}",
	 {KIND_MULTI, 3, 0, 3},
	 false,
	 0,
	 0,
	 ONE_PER_VOTER},
	{"{'kind':'multi','options':['a','b','c'],'max_choices':1,'revote':true}",
	 {KIND_MULTI, 1, 0, 3},
	 true,
	 0,
	 0,
	 ONE_PER_VOTER_CHANGING},
	{"{'kind':'quiz','options':['a','b','c'],'correct':[2,0]}",
	 {KIND_QUIZ, 0, 0, 3},
	 false,
	 1000,
	 5,
	 ONE_PER_VOTER_TIMED},
	{"{'kind':'quiz','options':['a'],'correct':[0],'points':1}",
	 {KIND_QUIZ, 0, 0, 1},
	 false,
	 1,
	 1,
	 ONE_PER_VOTER_TIMED},
	{"{'kind':'quiz','options':['a'],'correct':[0],'points':1000000}",
	 {KIND_QUIZ, 0, 0, 1},
	 false,
	 1000000,
	 1,
	 ONE_PER_VOTER_TIMED},
	{"{'kind':'scale','min':0,'max':0}", {KIND_SCALE, 0, 0, 1}, false, 0, 0, ONE_PER_VOTER},
	{"{'kind':'scale','min':1,'max':10,'revote':true}",
	 {KIND_SCALE, 0, 1, 10},
	 true,
	 0,
	 0,
	 ONE_PER_VOTER_CHANGING},
	{"{'kind':'scale','min':100,'max':1123}",
	 {KIND_SCALE, 0, 100, 1024},
	 false,
	 0,
	 0,
	 ONE_PER_VOTER},
	{"{'kind':'scale','min':64511,'max':65534}",
	 {KIND_SCALE, 0, 64511, 1024},
	 false,
	 0,
	 0,
	 ONE_PER_VOTER},
	{"{'kind':'upvote','options':['a','b']}",
	 {KIND_UPVOTE, 0, 0, 2},
	 false,
	 0,
	 0,
	 ONE_PER_VOTER_ITEM},
	{"{'kind':'reaction','options':['a','b']}",
	 {KIND_REACTION, 0, 0, 2},
	 false,
	 0,
	 0,
	 ONE_PER_VOTER_SECOND},
};

Test(interaction, each_kind_is_read_with_its_fields)
{
	for (size_t i = 0; i < COUNT_OF(taken_rows); i++) {
		const struct taken_row *row = &taken_rows[i];
		struct interaction interaction;
		cr_assert_eq(read_text(row->text, &interaction), 0, "%s: %s", row->text, err.text);
		cr_expect_eq(interaction.rules.kind, row->rules.kind, "%s", row->text);
		cr_expect_eq(interaction.rules.max_choices, row->rules.max_choices, "%s",
			     row->text);
		cr_expect_eq(interaction.rules.first, row->rules.first, "%s", row->text);
		cr_expect_eq(interaction.rules.options, row->rules.options, "%s", row->text);
		cr_expect_eq(interaction.revote, row->revote, "%s", row->text);
		cr_expect_eq(interaction.points, row->points, "%s", row->text);
		cr_expect_eq(interaction.correct[0], row->correct, "%s", row->text);
		cr_expect_eq(interaction_identity(&interaction), row->identity, "%s", row->text);
		cr_expect_eq(interaction.labels == NULL, row->rules.kind == KIND_SCALE);
		cr_expect_null(interaction.show);
		interaction_free(&interaction);
	}
}

static const struct refused_row {
	const char *text;
	const char *place;
	const char *reason;
} refused_rows[] = {
	{"{'kind':'multi','options':['a'],'max_choices':0}", "params.max_choices: ", "1 to 1"},
	{"{'kind':'multi','options':['a','b'],'max_choices':3}", "params.max_choices: ", "1 to 2"},
	{"{'kind':'multi','options':['a'],'max_choices':'1'}", "params.max_choices: ", "a string"},
	{"{'kind':'multi','options':['a'],'max_choices':null}", "params.max_choices: ", "null"},
	{"{'kind':'multi'}", "params.options: ", "is missing"},
	{"{'kind':'quiz','options':['a']}", "params.correct: ", "is missing"},
	{"{'kind':'quiz','options':['a'],'correct':[]}", "params.correct: ", "1 to 1 items"},
	{"{'kind':'quiz','options':['a'],'correct':0}", "params.correct: ", "give an array"},
	{"{'kind':'quiz','options':['a'],'correct':[1]}", "params.correct[0]: ", "0 to 0"},
	{"{'kind':'quiz','options':['a'],'correct':[-1]}", "params.correct[0]: ", "0 to 0"},
	{"{'kind':'quiz','options':['a'],'correct':['a']}", "params.correct[0]: ", "a string"},
	{"{'kind':'quiz','options':['a','b'],'correct':[1,2]}", "params.correct[1]: ", "0 to 1"},
	{"{'kind':'quiz','options':['a','b'],'correct':[1,1]}",
	 "params.correct: ", "names option 1 twice"},
	{"{'kind':'quiz','options':['a','b'],'correct':[1,0,1]}", "params.correct: ", "1 to 2"},
	{"{'kind':'quiz','options':['a'],'correct':[0.0]}", "params.correct[0]: ", "fraction"},
	{"{'kind':'quiz','options':['a'],'correct':[0],'points':0}", "params.points: ", "1 to "},
	{"{'kind':'quiz','options':['a'],'correct':[0],'points':1000001}",
	 "params.points: ", "1 to 1000000"},
	{"{'kind':'quiz','options':['a'],'correct':[0],'revote':true}",
	 "params.revote: ", "does not apply to a quiz"},
	{"{'kind':'scale','max':5}", "params.min: ", "is missing"},
	{"{'kind':'scale','min':1}", "params.max: ", "is missing"},
	{"{'kind':'scale','min':-1,'max':5}", "params.min: ", "0 to 65534"},
	{"{'kind':'scale','min':65535,'max':65535}", "params.min: ", "0 to 65534"},
	{"{'kind':'scale','min':5,'max':4}", "params.max: ", "5 to 1028"},
	{"{'kind':'scale','min':0,'max':1024}", "params.max: ", "0 to 1023"},
	{"{'kind':'scale','min':65000,'max':65535}", "params.max: ", "65000 to 65534"},
	{"{'kind':'scale','min':'1','max':5}", "params.min: ", "a string"},
	{"{'kind':'scale','min':1,'max':5,'options':['a']}", "params.options: ", "to a scale"},
	{"{'kind':'upvote'}", "params.options: ", "is missing"},
	{"{'kind':'upvote','options':[]}", "params.options: ", "1 to 65535 items"},
	{"{'kind':'upvote','options':['a'],'revote':false}", "params.revote: ", "not apply"},
	{"{'kind':'reaction','options':[]}", "params.options: ", "1 to 1024 items"},
	{"{'kind':'reaction','options':['']}", "params.options[0]: ", "1 to 200 bytes"},
	{"{'kind':'reaction','options':['a'],'duration_ms':0}", "params.duration_ms: ", "1 to"},
	{"{'kind':'reaction','options':['a'],'duration_ms':86400001}",
	 "params.duration_ms: ", "1 to 86400000"},
	{"{'kind':'poll','options':['a'],'show':'s'}", "params.show: ", "unknown field"},
};

Test(interaction, what_a_kind_does_not_take_is_refused_with_its_place)
{
	for (size_t i = 0; i < COUNT_OF(refused_rows); i++)
		expect_refused(refused_rows[i].text, refused_rows[i].place, refused_rows[i].reason);
}

static json_t *with_options(const char *kind, size_t options, size_t label_bytes)
{
	char label[256];
	memset(label, 'x', sizeof(label));
	json_t *json = json_pack("{s:s}", "kind", kind), *labels = json_array();
	for (size_t i = 0; i < options; i++)
		json_array_append_new(labels, json_stringn(label, label_bytes));
	json_object_set_new(json, "options", labels);
	if (strcmp(kind, "quiz") == 0)
		json_object_set_new(json, "correct", json_pack("[I]", (json_int_t)options - 1));
	return json;
}

Test(interaction, options_and_labels_reach_their_limits_and_not_beyond)
{
	static const struct {
		const char *kind;
		size_t most;
	} rows[] = {{"poll", 1024},
		    {"multi", 16},
		    {"quiz", 1024},
		    {"upvote", 65535},
		    {"reaction", 1024}};
	struct interaction interaction;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *kind = rows[i].kind;
		json_t *json = with_options(kind, rows[i].most, 1);
		cr_assert_eq(read_object(json, &interaction), 0, "%s: %s", kind, err.text);
		cr_expect_eq(interaction.rules.options, rows[i].most);
		cr_expect_str_eq(interaction.labels[rows[i].most - 1], "x");
		interaction_free(&interaction);
		json = with_options(kind, rows[i].most + 1, 1);
		cr_expect_eq(read_object(json, &interaction), -EINVAL, "%s", kind);
		json = with_options(kind, 2, INTERACTION_MAX_LABEL_BYTES);
		cr_expect_eq(read_object(json, &interaction), 0, "%s", kind);
		interaction_free(&interaction);
		json = with_options(kind, 2, INTERACTION_MAX_LABEL_BYTES + 1);
		cr_expect_eq(read_object(json, &interaction), -EINVAL, "%s", kind);
		cr_expect_not_null(strstr(err.text, "params.options[0]: "), "%s", err.text);
	}
}

/* The last option of a quiz with as many as there can be: the last bit of the set. */
Test(interaction, every_option_of_a_quiz_can_be_correct)
{
	struct interaction interaction;
	json_t *json = with_options("quiz", KIND_MAX_OPTIONS, 1), *correct = json_array();
	for (json_int_t i = 0; i < KIND_MAX_OPTIONS; i++)
		json_array_append_new(correct, json_integer(KIND_MAX_OPTIONS - 1 - i));
	json_object_set_new(json, "correct", correct);
	cr_assert_eq(read_object(json, &interaction), 0, "%s", err.text);
	for (size_t i = 0; i < KIND_MAX_OPTIONS / 64; i++)
		cr_expect_eq(interaction.correct[i], UINT64_MAX);
	interaction_free(&interaction);
}

/* What was read is written as it was. */
Test(interaction, options_are_written_as_they_were_read)
{
	static const char *const rows[][2] = {
		{"{'kind':'scale','min':64511,'max':65534}", "{\"min\":64511,\"max\":65534}"},
		{"{'kind':'scale','min':3,'max':3}", "{\"min\":3,\"max\":3}"},
		{"{'kind':'upvote','options':['a','b']}", "{\"options\":[\"a\",\"b\"]}"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct interaction interaction;
		json_t *json = json_object();
		cr_assert_eq(read_text(rows[i][0], &interaction), 0, "%s", err.text);
		interaction_set_options(json, &interaction);
		char *text = json_dumps(json, JSON_COMPACT);
		cr_expect_str_eq(text, rows[i][1]);
		free(text);
		json_decref(json);
		interaction_free(&interaction);
	}
}
