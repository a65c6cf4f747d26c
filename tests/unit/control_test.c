// SPDX-License-Identifier: BSD-3-Clause
/* The methods of docs/control.md: parameters, results, states, every error code, the live stream.
 */
#include <sys/timerfd.h>
#include "dataplane/show/time_text.h"
#include "tests/lib/control_peer.h"

#define HOUR_US 3600000000ll

TestSuite(control, .init = set_up, .fini = tear_down);

/* Parameters of `open` for an interaction of acme's; `rest` follows, with its comma. */
static const char *poll_of(uint32_t id, const char *rest)
{
	static char text[1024];
	snprintf(text, sizeof(text),
		 "{'tenant':'acme','id':%u,'kind':'poll','question':'Which colour?',"
		 "'options':['Red','Blue']%s}",
		 id, rest);
	return text;
}

/* ",'opens_at':…" so far from now. */
static const char *opens_in(int64_t us)
{
	static char text[96];
	char at[TIME_TEXT_BYTES];
	uint64_t opens_us = (uint64_t)((int64_t)clock_now_us() + us);
	snprintf(text, sizeof(text), ",'opens_at':'%s'", time_format(opens_us, at));
	return text;
}

static const char *id_of(uint32_t id)
{
	static char text[64];
	snprintf(text, sizeof(text), "{'tenant':'acme','id':%u}", id);
	return text;
}

static void open_poll(uint32_t id)
{
	expect_done("open", poll_of(id, ""));
}

Test(control, open_without_a_time_opens_now)
{
	uint64_t before_us = clock_now_us(), opens_us, closes_us, final_us;
	json_t *window = expect_result("open", poll_of(101, ""));
	cr_expect_str_eq(string_of(window, "tenant"), "acme");
	cr_expect_eq(integer_of(window, "id"), 101);
	cr_expect_str_eq(string_of(window, "kind"), "poll");
	cr_expect_str_eq(string_of(window, "state"), "open");
	cr_expect_str_eq(string_of(window, "question"), "Which colour?");
	cr_expect_eq(json_array_size(json_object_get(window, "options")), 2);
	cr_expect_eq(json_object_size(window), 11);
	cr_expect_gt(integer_of(window, "memory_bytes"), 0);
	cr_expect_eq(integer_of(window, "voters"), 0);
	cr_assert_eq(time_parse(string_of(window, "opens_at"), &opens_us), 0);
	cr_assert_eq(time_parse(string_of(window, "closes_at"), &closes_us), 0);
	cr_assert_eq(time_parse(string_of(window, "final_at"), &final_us), 0);
	cr_expect(opens_us >= before_us && opens_us <= clock_now_us());
	cr_expect_eq(closes_us - opens_us, 20000000);
	cr_expect_eq(final_us - closes_us, 5000000);
	json_decref(window);
}

Test(control, open_takes_what_a_rundown_has)
{
	char rest[256];
	snprintf(rest, sizeof(rest), ",'duration_ms':1,'max_delay_ms':0,'revote':false%s",
		 opens_in(HOUR_US));
	json_t *window = expect_result("open", poll_of(0, rest));
	cr_expect_str_eq(string_of(window, "state"), "scheduled");
	cr_expect_str_eq(string_of(window, "closes_at"), string_of(window, "final_at"));
	json_decref(window);
}

static const struct refusal_row {
	const char *method;
	const char *params;
	int code;
	const char *reason;
} refusal_rows[] = {
	{"open", "", -32602, "params"},
	{"open", "{}", -32602, "params"},
	{"open", "{'tenant':'acme'}", -32602, "params."},
	{"open", "{'tenant':'nobody','id':1,'kind':'poll','question':'?','options':['a']}", -32001,
	 "nobody"},
	{"open", "{'tenant':'acme','id':-1,'kind':'poll','question':'?','options':['a']}", -32602,
	 "params.id"},
	{"open", "{'tenant':'acme','id':4294967296,'kind':'poll','question':'?','options':['a']}",
	 -32602, "params.id"},
	{"open", "{'tenant':'acme','id':1,'kind':'poll','question':'?','options':[]}", -32602,
	 "params.options"},
	{"open", "{'tenant':'acme','id':1,'kind':'vote','question':'?','options':['a']}", -32602,
	 "params.kind"},
	{"open", "{'tenant':'acme','id':1,'kind':'quiz','question':'?','options':['a']}", -32602,
	 "params.correct"},
	{"open", "{'tenant':'acme','id':1,'kind':'poll','question':'?','options':['a'],'x':1}",
	 -32602, "params.x"},
	{"open",
	 "{'tenant':'acme','id':1,'kind':'poll','question':'?','options':['a'],"
	 "'opens_at':'2020-01-01T00:00:00Z'}",
	 -32602, "opens_at"},
	{"load", "", -32602, "params"},
	{"load", "{'show':'s'}", -32602, "interactions"},
	{"load", "{'show':'s','interactions':[{}]}", -32602, "interactions[0]"},
	{"load", "{'show':'s','interactions':[],'x':1}", -32602, "x"},
	{"load", "{'show':'s','interactions':[],'dry_run':1}", -32602, "params.dry_run"},
	{"open", "{'show':''}", -32602, "params.show"},
	{"open", "{'show':7}", -32602, "params.show"},
	{"open", "{'show':'a\\u0007'}", -32602, "params.show"},
	{"rundown", "", -32001, "no show is loaded"},
	{"rundown", "{'show':'s'}", -32001, "no such show"},
	{"rundown", "{'show':7}", -32602, "params.show"},
	{"rundown", "{'x':7}", -32602, "params.x"},
	{"next", "{}", -32001, "no show is loaded"},
	{"next", "{'show':'s'}", -32001, "no such show"},
	{"next", "{'tenant':'acme'}", -32602, "params.tenant"},
	{"unload", "", -32001, "no show is loaded"},
	{"unload", "{'show':'s'}", -32001, "no such show"},
	{"unload", "{'show':'s','now':true}", -32602, "params.now"},
	{"close", "", -32602, "tenant and id"},
	{"close", "{}", -32602, "tenant and id"},
	{"close", "{'tenant':'acme'}", -32602, "tenant and id"},
	{"close", "{'id':101}", -32602, "params.tenant"},
	{"close", "{'tenant':7,'id':101}", -32602, "params.tenant"},
	{"close", "{'tenant':'acme','id':'101'}", -32602, "params.id"},
	{"close", "{'tenant':'acme','id':101.0}", -32602, "params.id"},
	{"close", "{'tenant':'acme','id':-1}", -32602, "params.id"},
	{"close", "{'tenant':'acme','id':4294967296}", -32602, "params.id"},
	{"close", "{'tenant':'acme','id':null}", -32602, "params.id"},
	{"close", "{'tenant':'acme','id':101,'by_ms':1}", -32602, "params.by_ms: no such"},
	{"close", "{'tenant':'acme','id':7}", -32001, "acme/7: no such interaction"},
	{"close", "{'tenant':'zoo','id':101}", -32001, "zoo/101: no such interaction"},
	{"close", "{'tenant':'Acme','id':101}", -32001, "Acme: no such tenant"},
	{"close", "{'tenant':'','id':101}", -32001, "no such tenant"},
	{"extend", "{'tenant':'acme','id':101}", -32602, "params.by_ms"},
	{"extend", "{'tenant':'acme','id':101,'by_ms':0}", -32602, "params.by_ms"},
	{"extend", "{'tenant':'acme','id':101,'by_ms':-5}", -32602, "params.by_ms"},
	{"extend", "{'tenant':'acme','id':101,'by_ms':86400001}", -32602, "params.by_ms"},
	{"extend", "{'tenant':'acme','id':101,'by_ms':'5'}", -32602, "params.by_ms"},
	{"extend", "{'tenant':'acme','id':101,'by_ms':86400000}", -32002, "more than a day"},
	{"cancel", "{'tenant':'acme','id':7}", -32001, "acme/7"},
	{"reveal", "{'tenant':'acme','id':7}", -32001, "acme/7"},
	{"list", "{'tenant':'nobody'}", -32001, "nobody: no such tenant"},
	{"list", "{'tenant':'acme','id':101}", -32602, "params.id: no such parameter"},
	{"list", "{'all':true}", -32602, "params.all: no such parameter"},
	{"results", "{'id':101}", -32602, "params.tenant"},
	{"results", "{'tenant':'acme','id':7}", -32001, "acme/7"},
	{"results", "{'x':1}", -32602, "params.x"},
	{"stats", "{'tenant':'acme'}", -32602, "params.tenant: no such parameter"},
	{"journal_resume", "{'now':true}", -32602, "params.now: no such parameter"},
	{"journal_resume", "{}", -32002, "there is no journal: [journal] ack = none"},
	{"subscribe", "{'rate_hz':0}", -32602, "params.rate_hz"},
	{"subscribe", "{'rate_hz':101}", -32602, "params.rate_hz"},
	{"subscribe", "{'rate_hz':'10'}", -32602, "params.rate_hz"},
	{"subscribe", "{'rate_hz':10.0}", -32602, "params.rate_hz"},
	{"subscribe", "{'rate_hz':null}", -32602, "params.rate_hz"},
	{"subscribe", "{'rate_hz':-9223372036854775808}", -32602, "params.rate_hz"},
	{"subscribe", "{'tenant':'nobody'}", -32001, "nobody: no such tenant"},
	{"subscribe", "{'rate':10}", -32602, "params.rate: no such parameter"},
	{"unsubscribe", "{'x':1}", -32602, "params: unsubscribe takes none"},
	{"", "", -32601, "no such method"},
	{"Open", "", -32601, "Open: no such method"},
	{"live", "", -32601, "live: no such method"},
};

Test(control, bad_parameters_are_named_and_change_nothing)
{
	open_poll(101);
	for (size_t i = 0; i < COUNT_OF(refusal_rows); i++) {
		const struct refusal_row *row = &refusal_rows[i];
		expect_refused(row->method, row->params, row->code, row->reason);
		cr_assert_eq(windows_count(appliance.windows), 1, "row %zu", i);
	}
	json_t *list = expect_result("list", "");
	json_t *window = json_array_get(json_object_get(list, "windows"), 0);
	cr_expect_str_eq(string_of(window, "state"), "open");
	json_decref(list);
	cr_expect_not(is_ready(client->timer_fd, POLLIN), "subscribed");
}

Test(control, an_id_in_use_is_a_conflict)
{
	open_poll(101);
	expect_refused("open", poll_of(101, ""), -32002, "acme/101: the id is in use");
}

Test(control, what_has_no_room_is_told_so)
{
	int code = 0;
	uint32_t id = 0;
	for (; code == 0 && id < 1000; id++)
		json_decref(call("open", poll_of(id, ""), &code, NULL));
	cr_expect_eq(code, -32003);
	cr_expect_eq(id, ROOM_BYTES / windows_at(appliance.windows, 0)->memory_bytes + 1, "%u", id);
	expect_refused("open", poll_of(5000, ""), -32003, "[windows] memory_mb");
	expect_life("no room");
}

Test(control, load_arms_a_whole_show)
{
	json_t *loaded = expect_result(
		"load", "{'show':'saturday','interactions':["
			"{'tenant':'acme','id':1,'kind':'poll','question':'A?','options':['a'],"
			"'opens_at':'2999-01-01T00:00:00Z'},"
			"{'tenant':'zoo','id':1,'kind':'poll','question':'B?','options':['b'],"
			"'opens_at':'2999-01-01T00:00:00Z'}]}");
	json_t *windows = json_object_get(loaded, "windows");
	cr_expect_str_eq(string_of(loaded, "show"), "saturday");
	cr_assert_eq(json_array_size(windows), 2);
	cr_expect_str_eq(string_of(json_array_get(windows, 0), "tenant"), "acme");
	cr_expect_str_eq(string_of(json_array_get(windows, 1), "tenant"), "zoo");
	cr_expect_str_eq(string_of(json_array_get(windows, 1), "state"), "scheduled");
	json_decref(loaded);
}

Test(control, load_arms_all_or_nothing)
{
#define PLANNED(id)                                                                                \
	"{'tenant':'acme','id':" id ",'kind':'poll','question':'A?','options':['a'],"              \
	"'opens_at':'2999-01-01T00:00:00Z'}"
#define OVER                                                                                       \
	"{'tenant':'acme','id':9,'kind':'poll','question':'A?','options':['a'],"                   \
	"'opens_at':'2001-01-01T00:00:00Z'}"
	open_poll(101);
	expect_refused("load", "{'show':'s','interactions':[" PLANNED("1") "," PLANNED("101") "]}",
		       -32002, "acme/101 has an id that is in use by a window opened by hand");
	expect_refused("load", "{'show':'s','interactions':[" PLANNED("1") "," PLANNED("1") "]}",
		       -32602, "interactions[1].id");
	expect_refused("load", "{'show':'s','interactions':[" PLANNED("1") "," OVER "]}", -32602,
		       "over already");
	cr_expect_eq(windows_count(appliance.windows), 1);
	json_t *loaded = expect_result("load", "{'show':'s','interactions':[]}");
	cr_expect_eq(json_array_size(json_object_get(loaded, "windows")), 0);
	json_decref(loaded);
}

/* Asserts `changes` and that there is `memory`, whose numbers are those of the registry. */
static void expect_changes(const char *params, const char *wanted)
{
	json_t *loaded = expect_result("load", params);
	const json_t *memory = json_object_get(loaded, "memory");
	char *changes = json_dumps(json_object_get(loaded, "changes"), JSON_COMPACT);
	cr_expect_str_eq(changes, wanted);
	cr_expect_eq((uint64_t)integer_of(memory, "in_use"), windows_memory(appliance.windows));
	cr_expect_eq((uint64_t)integer_of(memory, "free"), windows_memory_free(appliance.windows));
	cr_expect(json_is_integer(json_object_get(memory, "needed")));
	free(changes);
	json_decref(loaded);
}

#define CHANGES(armed, replaced, kept, removed)                                                    \
	"{\"armed\":" armed ",\"replaced\":" replaced ",\"kept\":" kept ",\"removed\":" removed "}"
#define SATURDAY(items) "{'show':'saturday','interactions':[" items "]"
#define LATER(id)                                                                                  \
	"{'tenant':'acme','id':" id ",'kind':'poll','question':'A?','options':['a'],"              \
	"'opens_at':'2998-01-01T00:00:00Z'}"

/* A list of windows and the stream stay short however many items one has; results have all. */
Test(control, very_many_items_are_told_by_results_alone)
{
	static const size_t counts[] = {1024, 1025};
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		size_t told = i ? 100 : counts[i];
		json_t *items = json_array();
		for (size_t item = 0; item < counts[i]; item++)
			json_array_append_new(items, json_string("item"));
		json_t *params =
			json_pack("{s:s,s:I,s:s,s:s,s:o}", "tenant", "acme", "id", (json_int_t)i,
				  "kind", "upvote", "question", "Which?", "options", items);
		char *text = json_dumps(params, JSON_COMPACT);
		json_t *window = expect_result("open", text);
		cr_expect_eq(json_array_size(json_object_get(window, "options")), told);
		cr_expect_eq(integer_of(window, "options_total"), i ? (json_int_t)counts[i] : 0);
		json_decref(window);
		json_t *results = expect_result("results", i ? "{'tenant':'acme','id':1}"
							     : "{'tenant':'acme','id':0}");
		window = json_array_get(json_object_get(results, "interactions"), 0);
		cr_expect_eq(json_array_size(json_object_get(window, "options")), counts[i]);
		cr_expect_null(json_object_get(window, "options_total"));
		json_decref(results);
		json_decref(params);
		free(text);
	}
}

Test(control, load_says_what_it_does_and_a_dry_run_what_it_would_do)
{
	expect_changes(SATURDAY(PLANNED("1") "," PLANNED("2")) ",'dry_run':true}",
		       CHANGES("2", "0", "0", "0"));
	cr_expect_eq(windows_count(appliance.windows), 0);
	expect_changes(SATURDAY(PLANNED("1") "," PLANNED("2")) ",'dry_run':false}",
		       CHANGES("2", "0", "0", "0"));
	expect_changes(SATURDAY(LATER("2") "," PLANNED("3")) "}", CHANGES("1", "1", "0", "1"));
	expect_changes(SATURDAY(LATER("2") "," PLANNED("3")) "}", CHANGES("0", "0", "2", "0"));
}

Test(control, a_rundown_is_in_the_order_in_which_its_windows_open)
{
	expect_done("load", SATURDAY(PLANNED("1") "," LATER("2")) "}");
	json_t *rundown = expect_result("rundown", "");
	const json_t *windows = json_object_get(rundown, "windows");
	cr_expect_str_eq(string_of(rundown, "show"), "saturday");
	cr_expect(json_is_string(json_object_get(rundown, "now")));
	cr_expect_eq((uint64_t)integer_of(json_object_get(rundown, "memory"), "needed"),
		     windows_memory(appliance.windows));
	cr_assert_eq(json_array_size(windows), 2);
	cr_expect_eq(integer_of(json_array_get(windows, 0), "id"), 2);
	cr_expect_eq(integer_of(json_array_get(windows, 1), "id"), 1);
	cr_expect_str_eq(string_of(json_array_get(windows, 1), "show"), "saturday");
	json_decref(rundown);
}

Test(control, a_window_opened_by_hand_can_belong_to_a_show)
{
	json_t *window = expect_result("open", poll_of(5, ",'show':'saturday'"));
	cr_expect_str_eq(string_of(window, "show"), "saturday");
	json_decref(window);
	json_t *rundown = expect_result("rundown", "{'show':'saturday'}");
	cr_expect_eq(json_array_size(json_object_get(rundown, "windows")), 1);
	json_decref(rundown);
	window = expect_result("open", poll_of(6, ""));
	cr_expect_null(json_object_get(window, "show"));
	json_decref(window);
}

Test(control, a_window_opened_by_hand_does_not_keep_its_show_from_being_loaded_again)
{
	expect_done("load", SATURDAY(PLANNED("1")) "}");
	expect_done("open", poll_of(5, ",'show':'saturday'"));
	expect_changes(SATURDAY(PLANNED("1") "," PLANNED("2")) "}", CHANGES("1", "0", "1", "0"));
	expect_changes(SATURDAY(PLANNED("2")) "}", CHANGES("0", "0", "1", "1"));
	expect_done("close", "{'tenant':'acme','id':5}");
	expect_done("cancel", "{'tenant':'acme','id':5}");
	expect_changes(SATURDAY() "}", CHANGES("0", "0", "0", "1"));
	expect_done("unload", "{'show':'saturday'}");
	cr_expect_eq(windows_count(appliance.windows), 0);
}

Test(control, next_opens_one_window_after_the_other)
{
	expect_done("load", SATURDAY(PLANNED("1") "," LATER("2")) "}");
	expect_done("open", poll_of(9, ",'show':'sunday','opens_at':'2997-01-01T00:00:00Z'"));
	expect_refused("next", "", -32602, "name one: \"saturday\" \"sunday\"");
	for (json_int_t id = 2; id >= 1; id--) {
		json_t *window = expect_result("next", "{'show':'saturday'}");
		cr_expect_eq(integer_of(window, "id"), id);
		cr_expect_str_eq(string_of(window, "state"), "open");
		json_decref(window);
	}
	expect_refused("next", "{'show':'saturday'}", -32002, "no window is scheduled");
}

Test(control, without_a_journal_there_is_no_identity)
{
	expect_refused("identity", "", -32002, "nothing is sealed: [journal] ack = none");
	expect_refused("identity", "{'id':1}", -32602, "id");
}

Test(control, unload_gives_the_memory_back)
{
	expect_done("load", SATURDAY(PLANNED("1") "," LATER("2")) "}");
	expect_refused("unload", "", -32602, "params.show");
	expect_done("next", "");
	expect_refused("unload", "{'show':'saturday'}", -32002, "acme/2 is open");
	expect_done("cancel", "{'tenant':'acme','id':2}");
	json_t *unloaded = expect_result("unload", "{'show':'saturday'}");
	cr_expect_str_eq(string_of(unloaded, "show"), "saturday");
	cr_expect_gt(integer_of(unloaded, "freed_bytes"), 0);
	cr_expect_eq(integer_of(json_object_get(unloaded, "memory"), "in_use"), 0);
	json_decref(unloaded);
	cr_expect_eq(windows_count(appliance.windows), 0);
	expect_life("unload");
}

/* One window in each state, as commands bring it there. */
static void make_states(void)
{
	char rest[256];
	snprintf(rest, sizeof(rest), "%s", opens_in(HOUR_US));
	expect_done("open", poll_of(WINDOW_SCHEDULED, rest));
	open_poll(WINDOW_OPEN);
	expect_done("open", poll_of(WINDOW_DRAINING, ",'max_delay_ms':600000"));
	expect_done("close", id_of(WINDOW_DRAINING));
	expect_done("open", poll_of(WINDOW_FINAL, ",'max_delay_ms':0"));
	expect_done("close", id_of(WINDOW_FINAL));
	expect_done("open", poll_of(WINDOW_REVEALED, ",'max_delay_ms':0"));
	expect_done("close", id_of(WINDOW_REVEALED));
	expect_done("reveal", id_of(WINDOW_REVEALED));
	open_poll(WINDOW_CANCELLED);
	expect_done("cancel", id_of(WINDOW_CANCELLED));
}

static void try_change(const char *method, const char *by, int state, const char *becomes)
{
	char params[96];
	snprintf(params, sizeof(params), "{'tenant':'acme','id':%d%s}", state, by);
	if (*becomes == '-') {
		expect_refused(method, params, -32002, window_state_name((enum window_state)state));
		return;
	}
	json_t *window = expect_result(method, params);
	cr_expect_str_eq(string_of(window, "state"), becomes, "%s %d", method, state);
	json_decref(window);
}

/* docs/control.md: which method is allowed in which state, and what the window is then. */
static const struct state_row {
	const char *method;
	const char *by;
	const char *becomes[6];
} state_rows[] = {
	{"close", "", {"-", "draining", "-", "-", "-", "-"}},
	{"extend", ",'by_ms':60000", {"scheduled", "open", "open", "-", "-", "-"}},
	{"cancel", "", {"cancelled", "cancelled", "cancelled", "-", "-", "-"}},
	{"reveal", "", {"-", "-", "-", "revealed", "-", "-"}},
};

static void try_state_row(const struct state_row *row)
{
	make_states();
	for (int state = WINDOW_SCHEDULED; state <= WINDOW_CANCELLED; state++)
		try_change(row->method, row->by, state, row->becomes[state]);
}

Test(control, close_is_for_open_windows)
{
	try_state_row(&state_rows[0]);
}

Test(control, extend_is_for_windows_that_are_not_final)
{
	try_state_row(&state_rows[1]);
}

Test(control, cancel_is_for_windows_that_are_not_final)
{
	try_state_row(&state_rows[2]);
}

Test(control, reveal_is_for_final_windows)
{
	try_state_row(&state_rows[3]);
}

Test(control, extend_moves_the_close_by_what_was_said)
{
	uint64_t before_us, after_us;
	json_t *window = expect_result("open", poll_of(101, ""));
	cr_assert_eq(time_parse(string_of(window, "closes_at"), &before_us), 0);
	json_decref(window);
	window = expect_result("extend", "{'tenant':'acme','id':101,'by_ms':1}");
	cr_assert_eq(time_parse(string_of(window, "closes_at"), &after_us), 0);
	cr_expect_eq(after_us - before_us, 1000);
	json_decref(window);
}

Test(control, list_is_in_the_order_of_arming_and_by_tenant)
{
	uint64_t now_us;
	open_poll(9);
	expect_done("open", "{'tenant':'zoo','id':5,'kind':'poll','question':'?','options':['a']}");
	open_poll(1);
	json_t *list = expect_result("list", "");
	json_t *windows = json_object_get(list, "windows");
	cr_assert_eq(json_array_size(windows), 3);
	cr_expect_eq(integer_of(json_array_get(windows, 0), "id"), 9);
	cr_expect_eq(integer_of(json_array_get(windows, 1), "id"), 5);
	cr_expect_eq(integer_of(json_array_get(windows, 2), "id"), 1);
	cr_expect_eq(time_parse(string_of(list, "now"), &now_us), 0);
	json_decref(list);
	list = expect_result("list", "{'tenant':'zoo'}");
	windows = json_object_get(list, "windows");
	cr_assert_eq(json_array_size(windows), 1);
	cr_expect_str_eq(string_of(json_array_get(windows, 0), "tenant"), "zoo");
	json_decref(list);
}

/* As a worker would count one vote for Blue. */
static void count_vote(uint32_t id)
{
	struct armed_window *armed = windows_find(appliance.windows, 7, id);
	tally_add(&tally_lane(&armed->store.tally, 0)->votes[1], 1);
	tally_add(&tally_lane(&armed->store.tally, 0)->receipts[RECEIPT_COUNTED], 1);
}

static json_int_t blue_votes(const json_t *results, size_t index)
{
	json_t *window = json_array_get(json_object_get(results, "interactions"), index);
	return integer_of(json_array_get(json_object_get(window, "options"), 1), "votes");
}

Test(control, results_are_those_of_this_moment)
{
	open_poll(1);
	open_poll(2);
	count_vote(2);
	json_t *results = expect_result("results", "");
	cr_expect_eq(blue_votes(results, 0), 0);
	cr_expect_eq(blue_votes(results, 1), 1);
	cr_expect_str_eq(string_of(results, "durability"), "none");
	cr_expect_not_null(json_object_get(json_object_get(results, "datagrams"), "in_flight"));
	cr_expect(json_is_string(json_object_get(results, "now")));
	json_decref(results);
	count_vote(2);
	results = expect_result("results", "{'tenant':'acme','id':2}");
	cr_expect_eq(json_array_size(json_object_get(results, "interactions")), 1);
	cr_expect_eq(blue_votes(results, 0), 2);
	json_decref(results);
	results = expect_result("results", "{'tenant':'zoo'}");
	cr_expect_eq(json_array_size(json_object_get(results, "interactions")), 0);
	json_decref(results);
	json_t *list = expect_result("list", "");
	cr_expect_eq(integer_of(json_array_get(json_object_get(list, "windows"), 1), "voters"), 2);
	json_decref(list);
}

Test(control, stats_say_where_every_packet_went)
{
	static const char *const names[] = {
		"received",    "passed",  "negotiated", "policed",   "malformed",
		"unknown_key", "bad_tag", "watch",      "unknown",   "cancelled",
		"bad_choice",  "early",   "late",       "duplicate", "changed",
		"busy",        "counted", "missed",     "in_flight",
	};
	json_t *stats = expect_result("stats", "{}");
	json_t *datagrams = json_object_get(stats, "datagrams");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		cr_expect(json_is_integer(json_object_get(datagrams, names[i])), "%s", names[i]);
	cr_expect_eq(json_object_size(datagrams), COUNT_OF(names));
	cr_expect(json_is_true(json_object_get(stats, "conserved")));
	cr_expect_eq(json_array_size(json_object_get(stats, "cores")), 0);
	cr_expect_eq(json_array_size(json_object_get(stats, "ports")), 0);
	json_t *clock = json_object_get(stats, "clock");
	cr_expect_eq(json_object_size(clock), 4);
	cr_expect_str_eq(string_of(clock, "source"), "system");
	cr_expect(json_is_boolean(json_object_get(clock, "synchronised")));
	cr_expect(json_is_integer(json_object_get(clock, "offset_us")));
	json_decref(stats);
}

/* The period of the subscription's timer in ns; 0 where it does not run. */
static long long timer_period_ns(void)
{
	struct itimerspec timer;
	cr_assert_eq(timerfd_gettime(client->timer_fd, &timer), 0);
	return timer.it_interval.tv_sec * 1000000000ll + timer.it_interval.tv_nsec;
}

Test(control, a_subscription_streams_results)
{
	open_poll(1);
	json_t *rate = expect_result("subscribe", "");
	cr_expect_eq(integer_of(rate, "rate_hz"), 10);
	cr_expect_eq(json_object_size(rate), 1);
	json_decref(rate);
	cr_expect_eq(timer_period_ns(), 100000000);
	json_t *live = hear_live();
	cr_expect_eq(blue_votes(json_object_get(live, "params"), 0), 0);
	json_decref(live);
	count_vote(1);
	live = hear_live();
	cr_expect_eq(blue_votes(json_object_get(live, "params"), 0), 1);
	cr_expect_str_eq(string_of(json_object_get(live, "params"), "durability"), "none");
	json_decref(live);
}

Test(control, a_second_subscription_replaces_the_first)
{
	open_poll(1);
	open_poll(2);
	expect_done("subscribe", "{'rate_hz':1}");
	cr_expect_eq(timer_period_ns(), 1000000000);
	expect_done("subscribe", "{'tenant':'acme','id':2,'rate_hz':100}");
	cr_expect_eq(timer_period_ns(), 10000000);
	json_t *live = hear_live();
	json_t *interactions = json_object_get(json_object_get(live, "params"), "interactions");
	cr_expect_eq(json_array_size(interactions), 1);
	cr_expect_eq(integer_of(json_array_get(interactions, 0), "id"), 2);
	json_decref(live);
	/* A refused one leaves it as it was. */
	expect_refused("subscribe", "{'rate_hz':1000}", -32602, "rate_hz");
	cr_expect_eq(timer_period_ns(), 10000000);
}

Test(control, unsubscribe_stops_the_stream)
{
	expect_done("unsubscribe", "");
	expect_done("subscribe", "{'rate_hz':100}");
	json_decref(hear_live());
	json_t *nothing = expect_result("unsubscribe", "{}");
	cr_expect_eq(json_object_size(nothing), 0);
	json_decref(nothing);
	cr_expect_eq(timer_period_ns(), 0);
	/* A tick that was due already sends nothing. */
	client_tick(client);
	settle();
	cr_expect_null(hear());
}
