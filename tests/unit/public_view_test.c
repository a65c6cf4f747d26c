// SPDX-License-Identifier: BSD-3-Clause
/* What anybody may know of a window, by its state: a list, and nothing beside it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/public_view.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A window with everything that any kind has in the studio, and more; %s is its state. */
static const char everything[] =
	"{\"tenant\":\"acme\",\"id\":1,\"kind\":\"quiz\",%s\"question\":\"Q?\","
	"\"opens_at\":\"o\",\"closes_at\":\"c\",\"final_at\":\"f\",\"voters\":5,"
	"\"options\":[{\"index\":0,\"label\":\"Red\",\"votes\":5,\"correct\":true,\"new\":5}],"
	"\"receipts\":{\"counted\":5},\"durability\":\"none\",\"correct\":[0],\"points\":1000,"
	"\"mean\":5.5,\"series\":[[5]],\"leaderboard\":[{\"voter\":5,\"points\":5}],"
	"\"votes\":5,\"datagrams\":{\"received\":5},\"new\":{\"deep\":[5]}}";

#define PLANNED_TEXT(state)                                                                        \
	"{\"closes_at\":\"c\",\"final_at\":\"f\",\"id\":1,\"kind\":\"quiz\",\"opens_at\":\"o\","   \
	"" state "\"tenant\":\"acme\"}"
#define ASKED_TEXT(state)                                                                          \
	"{\"closes_at\":\"c\",\"final_at\":\"f\",\"id\":1,\"kind\":\"quiz\",\"opens_at\":\"o\","   \
	"\"options\":[{\"index\":0,\"label\":\"Red\"}],\"question\":\"Q?\"," state                 \
	"\"tenant\":\"acme\"}"
#define REVEALED_TEXT                                                                              \
	"{\"closes_at\":\"c\",\"correct\":[0],\"final_at\":\"f\",\"id\":1,\"kind\":\"quiz\","      \
	"\"leaderboard\":[{\"points\":5,\"voter\":5}],\"mean\":5.5,\"opens_at\":\"o\","            \
	"\"options\":[{\"index\":0,\"label\":\"Red\",\"votes\":5}],\"question\":\"Q?\","           \
	"\"series\":[[5]],\"state\":\"revealed\",\"tenant\":\"acme\",\"voters\":5}"
#define STATE(name) "\"state\":\"" name "\","

static void expect_view(const char *studio, const char *wanted)
{
	json_t *window = json_loads(studio, 0, NULL);
	cr_assert_not_null(window, "%s", studio);
	json_t *before = json_deep_copy(window);
	json_t *view = public_view(window);
	cr_assert_not_null(view);
	char *text = json_dumps(view, JSON_COMPACT | JSON_SORT_KEYS);
	cr_expect_str_eq(text, wanted);
	cr_expect(json_equal(window, before), "the studio's own was changed");
	free(text);
	json_decref(view);
	json_decref(before);
	json_decref(window);
}

Test(public_view, the_state_decides_what_is_told)
{
	static const struct {
		const char *state;
		const char *wanted;
	} rows[] = {
		{STATE("scheduled"), PLANNED_TEXT(STATE("scheduled"))},
		{STATE("open"), ASKED_TEXT(STATE("open"))},
		{STATE("draining"), ASKED_TEXT(STATE("draining"))},
		{STATE("final"), ASKED_TEXT(STATE("final"))},
		{STATE("revealed"), REVEALED_TEXT},
		{STATE("cancelled"), PLANNED_TEXT(STATE("cancelled"))},
		{STATE("new"), PLANNED_TEXT(STATE("new"))},
		{STATE("Revealed"), PLANNED_TEXT(STATE("Revealed"))},
		{"", PLANNED_TEXT("")},
		{"\"state\":7,", PLANNED_TEXT("\"state\":7,")},
	};
	char studio[2048];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(studio, sizeof(studio), everything, rows[i].state);
		expect_view(studio, rows[i].wanted);
	}
}

Test(public_view, labels_of_a_list_come_with_the_question)
{
	static const char planned[] =
		"{\"state\":\"scheduled\",\"question\":\"Q?\",\"options\":[\"a\",\"b\"]}";
	static const char open[] =
		"{\"options\":[\"a\",\"b\"],\"question\":\"Q?\",\"state\":\"open\"}";
	expect_view(planned, "{\"state\":\"scheduled\"}");
	expect_view(open, open);
}

Test(public_view, options_of_another_form_are_not_told)
{
	expect_view("{\"state\":\"open\",\"options\":{\"votes\":5}}", "{\"state\":\"open\"}");
	expect_view("{\"state\":\"open\",\"options\":[5,[5],null,true]}",
		    "{\"options\":[{},{},{},{}],\"state\":\"open\"}");
}

/* By construction they sum revealed quizzes only; what else may come with them is not told. */
Test(public_view, leaderboards_have_voters_and_points)
{
	json_t *studio =
		json_loads("[{\"tenant\":\"acme\",\"show\":\"saturday\",\"new\":5,\"entries\":["
			   "{\"voter\":5,\"points\":7,\"new\":5},{\"voter\":6,\"points\":3}]},"
			   "{\"tenant\":\"zoo\",\"show\":null,\"entries\":[]},{\"players\":5}]",
			   0, NULL);
	cr_assert_not_null(studio);
	json_t *view = public_leaderboards(studio);
	char *text = json_dumps(view, JSON_COMPACT | JSON_SORT_KEYS);
	cr_expect_str_eq(text,
			 "[{\"entries\":[{\"points\":7,\"voter\":5},{\"points\":3,\"voter\":6}],"
			 "\"show\":\"saturday\",\"tenant\":\"acme\"},"
			 "{\"entries\":[],\"show\":null,\"tenant\":\"zoo\"},{\"entries\":[]}]");
	free(text);
	json_decref(view);
	json_decref(studio);
}
