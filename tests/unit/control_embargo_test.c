// SPDX-License-Identifier: BSD-3-Clause
/*
 * Nothing leaves through the public socket that is not to be known yet: every method of the table
 * that the public may call, and the live stream, with a window in each state. Counts are planted
 * that cannot be anything else, questions and labels that say whose they are.
 */
#include <ctype.h>
#include "dataplane/core/ballot_wide.h"
#include "dataplane/show/time_text.h"
#define ROOM_BYTES (64u << 20)
#include "tests/lib/control_peer.h"

#define HOUR_US     3600000000ull
#define STATES      6
#define LEAST_COUNT 900000000 /* no other number in an answer is as large */
#define FIRST_QUIZ  10        /* quizzes follow the polls: one in each state, numbered from here */
#define SCORER      500       /* and this number of voter, plus the state, has answered it */

TestSuite(embargo, .init = set_up, .fini = tear_down);

/* The planted count of one of a window's counters; each is unlike any other and any sum of them. */
static uint64_t planted(int state, int counter)
{
	return LEAST_COUNT + (uint64_t)state * 10000 + (uint64_t)counter * 100 + 7;
}

static void plant_counts(int state)
{
	struct armed_window *armed = windows_find(appliance.windows, 7, (uint32_t)state);
	struct tally_lane *lane = tally_lane(&armed->store.tally, 0);
	for (int i = 0; i < 2; i++)
		tally_add(&lane->votes[i], planted(state, i));
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		tally_add(&lane->receipts[status], planted(state, 2 + status));
}

/* In the poll and in the quiz. */
static void change_window(const char *method, int state)
{
	char params[64];
	snprintf(params, sizeof(params), "{'tenant':'acme','id':%d}", state);
	expect_done(method, params);
	snprintf(params, sizeof(params), "{'tenant':'acme','id':%d}", FIRST_QUIZ + state);
	expect_done(method, params);
}

/* Arms a quiz that one voter has answered right at once. */
static void arm_quiz(int state, uint64_t opens_us, unsigned max_delay_ms)
{
	char params[512], at[TIME_TEXT_BYTES];
	uint64_t standing;
	snprintf(params, sizeof(params),
		 "{'tenant':'acme','id':%d,'kind':'quiz','question':'question-%d','options':"
		 "['label-%d','other-%d'],'correct':[1],'opens_at':'%s','duration_ms':3600000,"
		 "'max_delay_ms':%u}",
		 FIRST_QUIZ + state, state, state, state, time_format(opens_us, at), max_delay_ms);
	expect_done("open", params);
	ballot_wide_cast(
		windows_find(appliance.windows, 7, (uint32_t)(FIRST_QUIZ + state))->window.ballots,
		(uint32_t)(SCORER + state), 1, 0, &standing);
}

/* Arms acme's window of this number, with its number in all its texts. */
static void arm_window(int state, uint64_t opens_us, unsigned max_delay_ms)
{
	char params[512], at[TIME_TEXT_BYTES];
	snprintf(params, sizeof(params),
		 "{'tenant':'acme','id':%d,'kind':'poll','question':'question-%d','options':"
		 "['label-%d','other-%d'],'opens_at':'%s','duration_ms':3600000,"
		 "'max_delay_ms':%u,'show':'saturday'}",
		 state, state, state, state, time_format(opens_us, at), max_delay_ms);
	expect_done("open", params);
}

/* One window in each state, its number being the state's. The client is the studio's. */
static void make_states(void)
{
	uint64_t now_us = clock_now_us();
	for (int state = 0; state < STATES; state++) {
		arm_window(state, state == WINDOW_SCHEDULED ? now_us + HOUR_US : now_us,
			   state == WINDOW_DRAINING ? 600000 : 0);
		plant_counts(state);
	}
	for (int state = 0; state < STATES; state++)
		arm_quiz(state, state == WINDOW_SCHEDULED ? now_us + HOUR_US : now_us,
			 state == WINDOW_DRAINING ? 600000 : 0);
	change_window("close", WINDOW_DRAINING);
	change_window("close", WINDOW_FINAL);
	change_window("close", WINDOW_REVEALED);
	change_window("reveal", WINDOW_REVEALED);
	change_window("cancel", WINDOW_CANCELLED);
}

static void go_public(void)
{
	disconnect_client();
	connect_as(CONTROL_PUBLIC);
}

/* The revealed window's own votes and voters. */
static bool may_be_told(uint64_t count)
{
	return count == planted(WINDOW_REVEALED, 0) || count == planted(WINDOW_REVEALED, 1) ||
	       count == planted(WINDOW_REVEALED, 2 + RECEIPT_COUNTED);
}

/* Every run of digits, in whatever member or text it stands. */
static void expect_no_count(const char *text, const char *about)
{
	for (const char *at = text; *at;) {
		char *end = (char *)at + 1;
		uint64_t number = isdigit((unsigned char)*at) ? strtoull(at, &end, 10) : 0;
		cr_expect(number < LEAST_COUNT || may_be_told(number), "%s: %llu in %s", about,
			  (unsigned long long)number, text);
		at = end;
	}
}

static bool is_asked(int state)
{
	return state != WINDOW_SCHEDULED && state != WINDOW_CANCELLED;
}

static void expect_no_text_before_its_time(const char *text, const char *about)
{
	static const char *const words[] = {"question", "label", "other"};
	char word[32];
	for (int state = 0; state < STATES; state++) {
		for (size_t i = 0; i < COUNT_OF(words) && !is_asked(state); i++) {
			snprintf(word, sizeof(word), "%s-%d", words[i], state);
			cr_expect_null(strstr(text, word), "%s: %s in %s", about, word, text);
		}
	}
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Every object in the answer has no members but these, unless it is in a revealed window. */
static void expect_no_member(const json_t *json, const char *about)
{
	static const char *const names[] = {
		"jsonrpc",  "id",      "result", "error",        "code",         "message",
		"method",   "params",  "now",    "interactions", "windows",      "rate_hz",
		"tenant",   "kind",    "state",  "opens_at",     "closes_at",    "final_at",
		"question", "options", "index",  "label",        "leaderboards", "show",
		"entries",  "players", "voter",  "points",       "rank",         "min",
		"max",
	};
	const char *name;
	size_t i;
	json_t *value;
	if (strcmp(string_of(json, "state"), "revealed") == 0) {
		cr_expect_null(json_object_get(json, "receipts"), "%s", about);
		return;
	}
	json_object_foreach ((json_t *)json, name, value) {
		cr_expect(is_one_of(name, names, COUNT_OF(names)), "%s: member %s", about, name);
		expect_no_member(value, about);
	}
	json_array_foreach (json, i, value)
		expect_no_member(value, about);
}

/* In whatever list they stand, only who scored in the revealed quiz is told of. */
static void expect_no_scorer(const json_t *json, const char *about)
{
	const char *name;
	size_t i;
	json_t *value;
	const json_t *voter = json_object_get(json, "voter");
	if (json_is_integer(voter) && integer_of(json, "points"))
		cr_expect_eq(json_integer_value(voter), SCORER + WINDOW_REVEALED, "%s", about);
	cr_expect_leq(integer_of(json, "players"), 1, "%s", about);
	json_object_foreach ((json_t *)json, name, value)
		expect_no_scorer(value, about);
	json_array_foreach (json, i, value)
		expect_no_scorer(value, about);
}

static void expect_embargo(const json_t *answer, const char *about)
{
	char *text = json_dumps(answer, JSON_ENCODE_ANY);
	expect_no_count(text, about);
	expect_no_text_before_its_time(text, about);
	expect_no_member(answer, about);
	expect_no_scorer(answer, about);
	free(text);
}

/* Calls the method on the public socket and looks at all that comes. True where it was taken. */
static bool ask(const char *method, const char *params)
{
	char *line;
	cr_assert(asprintf(&line, "{'jsonrpc':'2.0','id':1,'method':'%s'%s%s}", method,
			   *params ? ",'params':" : "", params) > 0);
	say(line);
	json_t *answer = hear();
	cr_assert_not_null(answer, "%s", line);
	expect_embargo(answer, line);
	bool taken = json_object_get(answer, "result") != NULL;
	json_decref(answer);
	cr_expect_null(hear(), "more than one answer to %s", line);
	free(line);
	return taken;
}

static bool ask_in_all_forms(const char *method)
{
	static const char *const forms[] = {
		"",
		"{}",
		"{'tenant':'acme'}",
		"{'tenant':'zoo'}",
		"{'tenant':'none'}",
		"{'x':1}",
		"{'top':10000}",
		"{'tenant':'acme','show':null}",
		"{'tenant':'acme','show':'x'}",
		"{'show':'saturday'}",
		"{'show':'sunday'}",
	};
	char params[64];
	bool taken = false;
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		taken = ask(method, forms[i]) || taken;
	for (int id = 0; id <= FIRST_QUIZ + STATES; id++) { /* some are not there */
		snprintf(params, sizeof(params), "{'tenant':'acme','id':%d}", id);
		taken = ask(method, params) || taken;
		snprintf(params, sizeof(params), "{'tenant':'acme','voter':%d}", SCORER + id);
		taken = ask(method, params) || taken;
	}
	return taken;
}

Test(embargo, no_public_method_tells_too_much)
{
	size_t count, asked = 0;
	const struct method_row *rows = method_table(&count);
	make_states();
	go_public();
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].public)
			continue;
		cr_expect(ask_in_all_forms(rows[i].name), "%s took no form of parameters: add one",
			  rows[i].name);
		asked++;
	}
	cr_expect_geq(asked, 2);
	cr_expect(ask_in_all_forms("subscribe"));
	cr_expect(ask_in_all_forms("unsubscribe"));
}

Test(embargo, what_belongs_to_the_studio_is_refused)
{
	size_t count, refused = 0;
	const struct method_row *rows = method_table(&count);
	char params[64], wanted[96];
	make_states();
	go_public();
	const struct window_table *before = *windows_published(appliance.windows);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].public)
			continue;
		snprintf(wanted, sizeof(wanted), "%s: not on the public socket", rows[i].name);
		expect_refused(rows[i].name, "", CONTROL_FORBIDDEN, wanted);
		for (int state = 0; state < STATES; state++) {
			snprintf(params, sizeof(params), "{'tenant':'acme','id':%d}", state);
			expect_refused(rows[i].name, params, CONTROL_FORBIDDEN, wanted);
		}
		refused++;
	}
	cr_expect_geq(refused, 7);
	cr_expect_eq(*windows_published(appliance.windows), before, "something has changed");
	expect_refused("nonsense", "", CONTROL_METHOD_NOT_FOUND, "nonsense: no such method");
}

static json_t *window_of(const json_t *document, const char *list, int state)
{
	return json_array_get(json_object_get(document, list), (size_t)state);
}

/* The embargo is no silence. */
Test(embargo, what_may_be_known_is_told)
{
	make_states();
	go_public();
	json_t *list = expect_result("list", "");
	json_t *results = expect_result("results", "");
	for (int state = 0; state < STATES; state++) {
		char question[32];
		const json_t *listed = window_of(list, "windows", state);
		const json_t *result = window_of(results, "interactions", state);
		snprintf(question, sizeof(question), is_asked(state) ? "question-%d" : "(none)",
			 state);
		cr_expect_eq(integer_of(listed, "id"), state);
		cr_expect_eq(
			json_array_size(json_object_get(
				window_of(results, "interactions", STATES + state), "leaderboard")),
			state == WINDOW_REVEALED);
		cr_expect_str_eq(string_of(listed, "state"),
				 window_state_name((enum window_state)state));
		cr_expect_str_eq(string_of(listed, "question"), question);
		cr_expect_str_eq(string_of(result, "question"), question);
		cr_expect(json_is_string(json_object_get(listed, "final_at")));
		cr_expect_str_eq(string_of(result, "final_at"), string_of(listed, "final_at"));
		cr_expect_eq(json_array_size(json_object_get(result, "options")),
			     is_asked(state) ? 2 : 0);
	}
	const json_t *revealed = window_of(results, "interactions", WINDOW_REVEALED);
	cr_expect_eq((uint64_t)integer_of(revealed, "voters"),
		     planted(WINDOW_REVEALED, 2 + RECEIPT_COUNTED));
	for (int i = 0; i < 2; i++)
		cr_expect_eq(
			(uint64_t)integer_of(
				json_array_get(json_object_get(revealed, "options"), (size_t)i),
				"votes"),
			planted(WINDOW_REVEALED, i));
	const json_t *board = json_array_get(json_object_get(results, "leaderboards"), 0);
	cr_expect_eq(json_array_size(json_object_get(results, "leaderboards")), 1);
	cr_expect_eq(json_array_size(json_object_get(board, "entries")), 1);
	json_decref(list);
	json_decref(results);
}

Test(embargo, a_leaderboard_is_refused_before_its_reveal)
{
	char params[64];
	make_states();
	go_public();
	for (int state = 0; state < STATES; state++) {
		snprintf(params, sizeof(params), "{'tenant':'acme','id':%d}", FIRST_QUIZ + state);
		if (state == WINDOW_REVEALED)
			expect_done("leaderboard", params);
		else
			expect_refused("leaderboard", params, CONTROL_CONFLICT,
				       "is not revealed yet");
	}
	expect_refused("leaderboard", "{'tenant':'zoo'}", CONTROL_NOT_FOUND,
		       "zoo: no revealed quiz is there");
	expect_refused("leaderboard", "{'tenant':'acme','show':'x'}", CONTROL_NOT_FOUND,
		       "acme: no revealed quiz of that show");
}

/* Of very many items those are told that lead; before the reveal that would tell who leads. */
Test(embargo, the_items_that_are_told_say_nothing_of_the_votes)
{
	json_t *items = json_array(), *params;
	for (int i = 0; i < 2000; i++)
		json_array_append_new(items, json_string("item"));
	params = json_pack("{s:s,s:i,s:s,s:s,s:o}", "tenant", "acme", "id", 7, "kind", "upvote",
			   "question", "Which?", "options", items);
	char *text = json_dumps(params, JSON_COMPACT);
	expect_done("open", text);
	tally_add(&tally_lane(&windows_find(appliance.windows, 7, 7)->store.tally, 0)->votes[1999],
		  5);
	for (int role = CONTROL_STUDIO; role < CONTROL_ROLES; role++) {
		if (role == CONTROL_PUBLIC)
			go_public();
		expect_done("subscribe", "");
		json_t *live = hear_live();
		const json_t *window =
			window_of(json_object_get(live, "params"), "interactions", 0);
		const json_t *options = json_object_get(window, "options");
		cr_assert_eq(json_array_size(options), 100);
		cr_expect_eq(integer_of(window, "options_total"), 2000);
		cr_expect_eq(integer_of(json_array_get(options, 0), "index"),
			     role == CONTROL_PUBLIC ? 0 : 1999);
		json_decref(live);
		expect_done("unsubscribe", "");
		json_t *results = expect_result("results", "");
		options = json_object_get(window_of(results, "interactions", 0), "options");
		cr_expect_eq(json_array_size(options), role == CONTROL_PUBLIC ? 100 : 2000);
		json_decref(results);
	}
	json_decref(params);
	free(text);
}

Test(embargo, the_stream_tells_no_more_than_results)
{
	make_states();
	expect_done("subscribe", "");
	json_t *live = hear_live();
	cr_expect_eq((uint64_t)integer_of(window_of(json_object_get(live, "params"), "interactions",
						    WINDOW_OPEN),
					  "voters"),
		     planted(WINDOW_OPEN, 2 + RECEIPT_COUNTED), "the studio sees it");
	json_decref(live);
	go_public(); /* what was just made for the studio is not for the public */
	expect_done("subscribe", "");
	live = hear_live();
	expect_embargo(live, "live");
	cr_expect_eq(
		json_array_size(json_object_get(json_object_get(live, "params"), "interactions")),
		2 * STATES);
	json_decref(live);
	expect_done("unsubscribe", "");
}
