// SPDX-License-Identifier: BSD-3-Clause
/*
 * Leaderboards through the control socket: `leaderboard`, and what `results` and `live` have of
 * them. Answers are put into the ballots by hand.
 */
#include "dataplane/core/ballot_wide.h"
#define ROOM_BYTES (64u << 20)
#include "tests/lib/control_peer.h"

TestSuite(control_boards, .init = set_up, .fini = tear_down);

#define QUIZ(id)                                                                                   \
	"{'tenant':'acme','id':" #id ",'kind':'quiz','question':'?','options':['a','b'],"          \
	"'correct':[1],'opens_at':'2040-01-01T00:00:00Z','duration_ms':20000}"

/* Windows of this show; they are far from open, so that no time passes for them. */
static void load(const char *show, const char *interactions)
{
	char *params;
	uint32_t first = windows_count(appliance.windows);
	cr_assert(asprintf(&params, "{'show':'%s','interactions':[%s]}", show, interactions) > 0);
	expect_done("load", params);
	free(params);
	for (uint32_t i = first; i < windows_count(appliance.windows); i++) {
		struct interaction *interaction = &windows_at(appliance.windows, i)->interaction;
		if (!interaction->show)
			interaction->show = strdup(show);
	}
}

/* Right, so long after opening. Moves the window's times so that it is final. */
static void answer(uint16_t tenant, uint32_t id, uint32_t voter, uint64_t took_us)
{
	struct armed_window *armed = windows_find(appliance.windows, tenant, id);
	uint64_t standing;
	armed->window.opens_at_us = 1000;
	armed->window.closes_at_us = 1000 + 20000000;
	cr_assert_eq(ballot_wide_cast(armed->window.ballots, voter, 1, took_us, &standing),
		     BALLOT_FIRST);
}

static void expect_answer(const char *method, const char *params, const char *wanted)
{
	json_t *result = expect_result(method, params);
	char *text = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS);
	for (char *at = text; (at = strchr(at, '"'));)
		*at = '\'';
	cr_expect_str_eq(text, wanted, "%s", params);
	free(text);
	json_decref(result);
}

static void load_saturday(void)
{
	load("saturday", QUIZ(1) "," QUIZ(2));
	answer(7, 1, 5, 0);
	answer(7, 1, 6, 10000000);
	answer(7, 2, 6, 0);
	answer(7, 2, 8, 20000000);
}

Test(control_boards, of_a_quiz_and_of_a_show)
{
	load_saturday();
	expect_answer("leaderboard", "{'tenant':'acme','id':1}",
		      "{'entries':[{'points':1000,'voter':5},{'points':750,'voter':6}],'id':1,"
		      "'players':2,'tenant':'acme'}");
	static const char show[] =
		"{'entries':[{'points':1750,'voter':6},{'points':1000,'voter':5},"
		"{'points':500,'voter':8}],'players':3,'show':'saturday','tenant':'acme'}";
	expect_answer("leaderboard", "{'tenant':'acme'}", show);
	expect_answer("leaderboard", "{'tenant':'acme','show':'saturday'}", show);
	expect_answer("leaderboard", "{'tenant':'acme','top':1}",
		      "{'entries':[{'points':1750,'voter':6}],'players':3,'show':'saturday',"
		      "'tenant':'acme'}");
}

Test(control_boards, a_voter_has_points_and_a_rank_or_none)
{
	static const struct {
		const char *params, *wanted;
	} rows[] = {
		{"{'tenant':'acme','top':1,'voter':8}",
		 "{'entries':[{'points':1750,'voter':6}],'players':3,'show':'saturday',"
		 "'tenant':'acme','voter':{'points':500,'rank':3,'voter':8}}"},
		{"{'tenant':'acme','top':1,'voter':4294967295}",
		 "{'entries':[{'points':1750,'voter':6}],'players':3,'show':'saturday',"
		 "'tenant':'acme','voter':{'points':0,'rank':null,'voter':4294967295}}"},
		{"{'tenant':'acme','id':2,'top':1,'voter':8}",
		 "{'entries':[{'points':1000,'voter':6}],'id':2,'players':2,'tenant':'acme',"
		 "'voter':{'points':500,'rank':2,'voter':8}}"},
		{"{'tenant':'acme','id':1,'top':1,'voter':8}",
		 "{'entries':[{'points':1000,'voter':5}],'id':1,'players':2,'tenant':'acme',"
		 "'voter':{'points':0,'rank':null,'voter':8}}"},
	};
	load_saturday();
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_answer("leaderboard", rows[i].params, rows[i].wanted);
}

Test(control_boards, shows_are_told_apart)
{
	load_saturday();
	expect_done("open", QUIZ(3));
	answer(7, 3, 9, 0);
	expect_answer("leaderboard", "{'tenant':'acme','show':null}",
		      "{'entries':[{'points':1000,'voter':9}],'players':1,'show':null,"
		      "'tenant':'acme'}");
	expect_refused("leaderboard", "{'tenant':'acme'}", CONTROL_INVALID_PARAMS,
		       "acme has quizzes of several shows; give show or id");
}

Test(control_boards, what_is_wrong_is_said)
{
	static const struct {
		const char *params;
		int code;
		const char *reason;
	} rows[] = {
		{"", CONTROL_INVALID_PARAMS, "params.tenant: wants a tenant's name"},
		{"{'tenant':'none'}", CONTROL_NOT_FOUND, "none: no such tenant"},
		{"{'tenant':'zoo'}", CONTROL_NOT_FOUND, "zoo: no quiz is there"},
		{"{'tenant':'acme','show':'x'}", CONTROL_NOT_FOUND, "acme: no quiz of that show"},
		{"{'tenant':'acme','show':null}", CONTROL_NOT_FOUND, "acme: no quiz of that show"},
		{"{'tenant':'acme','show':1}", CONTROL_INVALID_PARAMS, "params.show: wants"},
		{"{'tenant':'acme','id':1,'show':'saturday'}", CONTROL_INVALID_PARAMS,
		 "id is one quiz and show are several"},
		{"{'tenant':'acme','id':99}", CONTROL_NOT_FOUND, "acme/99: no such interaction"},
		{"{'tenant':'acme','id':7}", CONTROL_INVALID_PARAMS, "acme/7 is no quiz"},
		{"{'tenant':'acme','id':-1}", CONTROL_INVALID_PARAMS, "params.id: wants"},
		{"{'tenant':'acme','top':0}", CONTROL_INVALID_PARAMS,
		 "params.top: wants a whole number from 1 to 10000"},
		{"{'tenant':'acme','top':10001}", CONTROL_INVALID_PARAMS, "params.top: wants"},
		{"{'tenant':'acme','top':null}", CONTROL_INVALID_PARAMS, "params.top: wants"},
		{"{'tenant':'acme','voter':4294967296}", CONTROL_INVALID_PARAMS,
		 "params.voter: wants"},
		{"{'tenant':'acme','voters':1}", CONTROL_INVALID_PARAMS,
		 "params.voters: no such parameter"},
	};
	load_saturday();
	expect_done("open", "{'tenant':'acme','id':7,'kind':'poll','question':'?',"
			    "'options':['a','b']}");
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused("leaderboard", rows[i].params, rows[i].code, rows[i].reason);
	expect_refused("results", "{'top':0}", CONTROL_INVALID_PARAMS, "params.top: wants");
	expect_refused("list", "{'top':5}", CONTROL_INVALID_PARAMS, "params.top: no such");
	expect_refused("close", "{'tenant':'acme','id':7,'top':5}", CONTROL_INVALID_PARAMS,
		       "params.top: no such");
}

/* Compact, the members sorted. */
static void expect_boards(const json_t *document, const char *wanted)
{
	json_t *boards = json_object_get(document, "leaderboards");
	char *text = boards ? json_dumps(boards, JSON_COMPACT | JSON_SORT_KEYS) : strdup("none");
	for (char *at = text; (at = strchr(at, '"'));)
		*at = '\'';
	cr_expect_str_eq(text, wanted);
	free(text);
}

#define SATURDAY "{'entries':[{'points':1750,'voter':6}],'show':'saturday','tenant':'acme'}"

Test(control_boards, results_have_one_for_each_tenant_and_show)
{
	load("sunday", "{'tenant':'acme','id':7,'kind':'poll','question':'?','options':['a','b'],"
		       "'opens_at':'2040-01-01T00:00:00Z'}");
	json_t *document = expect_result("results", "");
	expect_boards(document, "none");
	json_decref(document);
	load_saturday();
	expect_done("open", QUIZ(3));
	document = expect_result("results", "{'top':1}");
	expect_boards(document, "[" SATURDAY ",{'entries':[],'show':null,'tenant':'acme'}]");
	cr_expect(json_is_object(json_object_get(document, "clock")));
	json_decref(document);
	document = expect_result("results", "{'tenant':'acme','id':2,'top':1}");
	expect_boards(document, "[" SATURDAY "]");
	const json_t *quiz = json_array_get(json_object_get(document, "interactions"), 0);
	cr_expect_eq(json_array_size(json_object_get(quiz, "leaderboard")), 1);
	json_decref(document);
	document = expect_result("results", "{'tenant':'acme','id':7}");
	expect_boards(document, "none");
	json_decref(document);
	document = expect_result("results", "{'tenant':'zoo'}");
	expect_boards(document, "none");
	json_decref(document);
}

Test(control_boards, subscribers_have_as_many_as_they_want)
{
	load_saturday();
	expect_done("subscribe", "{'top':1}");
	json_t *live = hear_live();
	expect_boards(json_object_get(live, "params"), "[" SATURDAY "]");
	json_decref(live);
	expect_done("subscribe", "{'top':2,'rate_hz':100}");
	live = hear_live();
	expect_boards(json_object_get(live, "params"),
		      "[{'entries':[{'points':1750,'voter':6},{'points':1000,'voter':5}],"
		      "'show':'saturday','tenant':'acme'}]");
	json_decref(live);
}
