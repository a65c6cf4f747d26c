// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl against a scripted appliance that answers, refuses, stalls, cuts the line or talks
 * nonsense. */
#include <criterion/criterion.h>
#include <errno.h>
#include "ctl/client.h"
#include "tests/lib/live_answers.h"
#include "client/tw_client.h"
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(ctl_client, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

Test(ctl_client, trouble_ends_in_its_exit_code_and_one_line)
{
	static const struct {
		struct peer_step steps[3];
		int code;
		const char *message;
	} rows[] = {
		{{{PEER_ANSWER, REFUSAL(1, "acme/7: no such interaction")}}, 1, "acme/7: no such"},
		{{{PEER_ANSWER, REFUSAL(null, "the line is no JSON")}}, 1, "the line is no JSON"},
		{{{PEER_SAY, REFUSAL(null, "64 clients are connected; close one")},
		  {PEER_CUT, NULL}},
		 1,
		 "64 clients are connected; close one"},
		{{{PEER_ANSWER, REFUSAL(1, "a\\n\\u001b[31mb\\u009bc")}}, 1, "a \xEF\xBF\xBD[31mb"},
		{{{PEER_HALF, NULL}, {PEER_CUT, NULL}}, 3, "closed the connection"},
		{{{PEER_CUT, NULL}}, 3, "closed the connection"},
		{{{PEER_HALF, "{\"jsonrpc\":"}, {PEER_CUT, NULL}}, 3, "closed the connection"},
		{{{PEER_HALF, "{\"jsonrpc\":"}}, 3, "has not answered within 200 ms"},
		{{{PEER_HALF, NULL}}, 3, "has not answered within 200 ms"},
		{{{PEER_ANSWER, "HTTP/1.1 400 Bad Request"}},
		 3,
		 "is this tallyd's control socket?"},
		{{{PEER_ANSWER, "[1,2]"}}, 3, "not JSON-RPC"},
		{{{PEER_ANSWER, "\xFF\xFE\x01"}}, 3, "not JSON-RPC"},
		{{{PEER_ANSWER, ANSWER(2, "{}")}}, 3, "belongs to no request"},
		{{{PEER_ANSWER, "{\"id\":1}"}}, 3, "belongs to no request"},
		{{{PEER_ANSWER, "{\"id\":1,\"error\":7}"}}, 3, "belongs to no request"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		pid_t peer = peer_start(rows[i].steps);
		int code = TALLYCTL("close", "acme/7", "--timeout", "200ms");
		cr_expect_eq(code, rows[i].code, "row %zu: %d: %s", i, code,
			     scratch_read("stderr"));
		expect_in("stderr", rows[i].message);
		expect_one_line_of_error();
		cr_expect_str_eq(scratch_read("stdout"), "");
		peer_stop(peer);
	}
}

/* The connection is gone before anything could be sent, and yet the reason is read. */
Test(ctl_client, who_is_turned_away_learns_why)
{
	struct client client;
	struct err err;
	json_t *result;
	pid_t peer = peer_start((const struct peer_step[]){
		{PEER_SAY, REFUSAL(null, "64 clients are connected; close one")},
		{PEER_CUT, NULL}});
	cr_assert_eq(client_open(&client, scratch_path("socket"), 2000, &err), 0, "%s", err.text);
	waitpid(peer, NULL, 0);
	cr_expect_eq(client_call(&client, "list", json_object(), &result, &err), -EREMOTEIO);
	cr_expect_str_eq(err.text, "64 clients are connected; close one");
	client_close(&client);
	/* And so is a subscriber. */
	peer = peer_start((const struct peer_step[]){{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
						     {PEER_SAY, REFUSAL(null, "enough")},
						     {PEER_CUT, NULL}});
	cr_expect_eq(TALLYCTL("watch"), 1);
	cr_expect_str_eq(scratch_read("stderr"), "tallyctl: enough\n");
	peer_stop(peer);
}

Test(ctl_client, what_was_only_asked_for_is_not_to_be_looked_up)
{
	static const struct {
		const char *words[4];
		bool changes;
	} rows[] = {{{"list"}, false},
		    {{"results"}, false},
		    {{"stats"}, false},
		    {{"identity"}, false},
		    {{"watch"}, false},
		    {{"rundown"}, false},
		    {{"leaderboard", "acme"}, false},
		    {{"next"}, true},
		    {{"unload", "sat"}, true},
		    {{"close", "acme/7"}, true},
		    {{"load", "show.json"}, true},
		    {{"cancel", "a/1"}, true}};
	const struct peer_step ends[][2] = {{{PEER_HALF, NULL}},
					    {{PEER_HALF, NULL}, {PEER_CUT, NULL}}};
	cr_assert_eq(chdir(scratch_path(".")), 0);
	scratch_text("show.json", "{}", 0644);
	setenv("TALLYWIRE_SOCKET", scratch_path("socket"), 1);
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const char *words[8] = {"--timeout", "50ms"};
		memcpy(words + 2, rows[i / 2].words, sizeof(rows[0].words));
		pid_t peer = peer_start(ends[i % 2]);
		cr_expect_eq(tallyctl(words), 3);
		cr_expect_eq(strstr(scratch_read("stderr"), "tallyctl list") != NULL,
			     rows[i / 2].changes, "%s: %s", words[2], scratch_read("stderr"));
		expect_in("stderr", "see its log");
		peer_stop(peer);
	}
}

Test(ctl_client, a_refusal_speaks_of_what_was_typed)
{
	static const struct {
		const char *message, *shown;
	} rows[] = {
		{"params.question: has 0 bytes; give some", "the question: has 0 bytes; give some"},
		{"params.options[0]: has 0 bytes", "answer 1: has 0 bytes"},
		{"params.options[11]: has a control character",
		 "answer 12: has a control character"},
		{"params.options: has 2000 items", "the answers: has 2000 items"},
		{"params.duration_ms: 9 is out of range", "--for, in ms: 9 is out of range"},
		{"params.max_delay_ms: 9 is out of range", "--max-delay, in ms: 9 is out of range"},
		{"params.opens_at: is no time", "--at: is no time"},
		{"params.tenant: is not there", "the tenant: is not there"},
		{"params.options[1].x: is new", "options[1].x: is new"},
		{"params.brand_new: is missing", "brand_new: is missing"},
		{"params: wants tenant and id", "wants tenant and id"},
		{"parameters are wrong", "parameters are wrong"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char answer[256], expected[256];
		snprintf(answer, sizeof(answer), REFUSAL(1, "%s"), rows[i].message);
		snprintf(expected, sizeof(expected), "tallyctl: %s\n", rows[i].shown);
		pid_t peer = peer_start(
			(const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
		cr_expect_eq(TALLYCTL("open", "acme/101", "--poll", "Q", "A"), 1);
		cr_expect_str_eq(scratch_read("stderr"), expected);
		peer_stop(peer);
	}
}

Test(ctl_client, nobody_there_is_told_with_the_remedy)
{
	cr_expect_eq(TALLYCTL("list"), 3);
	expect_in("stderr", "no such socket; is tallyd running?");
	peer_stop(peer_start((const struct peer_step[]){{PEER_END, NULL}}));
	cr_expect_eq(TALLYCTL("list"), 3);
	expect_in("stderr", "nobody listens there");
	unlink(scratch_path("socket"));
	scratch_text("socket", "", 0600);
	cr_expect_eq(TALLYCTL("list"), 3);
	expect_in("stderr", "is not a socket");
	expect_one_line_of_error();
}

Test(ctl_client, who_may_not_is_told_the_group)
{
	if (geteuid() != 0) {
		scratch_remove(); /* a skipped test ends here, without .fini */
		cr_skip("needs root, to become somebody else");
	}
	pid_t peer = peer_start((const struct peer_step[]){{PEER_END, NULL}});
	cr_assert_eq(chown(scratch_path("socket"), 0, 12), 0);
	cr_assert_eq(chmod(scratch_path("socket"), 0660), 0);
	scratch_text("stdout", "", 0666);
	scratch_text("stderr", "", 0666);
	char directory[PATH_MAX];
	snprintf(directory, sizeof(directory), "%s", scratch_path("."));
	cr_assert_eq(chmod(directory, 0711), 0);
	cr_assert_eq(seteuid(65534), 0);
	int code = TALLYCTL("list");
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(code, 3);
	expect_in("stderr", "permission denied; the socket is for members of group man");
	peer_stop(peer);
}

Test(ctl_client, open_sends_what_was_typed_and_says_what_opened)
{
	const struct peer_step steps[] = {{PEER_ANSWER, ANSWER(1, WINDOW)}, {PEER_END, NULL}};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("--timeout", "1s", "open", "--for", "20s", "acme/101", "Red",
			      "--poll", "Which?", "--max-delay", "0s", "--", "Blue", "--no"),
		     0);
	expect_in("stdout", "acme/101 is open, closes at 2026-11-22T20:00:20Z, final at "
			    "2026-11-22T20:00:25Z: Which? [0 Red, 1 Blue]\n");
	expect_in(
		"requests",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"open\",\"params\":{\"tenant\":\"acme\","
		"\"id\":101,\"kind\":\"poll\",\"question\":\"Which?\",\"options\":[\"Red\","
		"\"Blue\",\"--no\"],\"duration_ms\":20000,\"max_delay_ms\":0}}\n");
	peer_stop(peer);
}

Test(ctl_client, a_relative_time_is_counted_on_the_appliances_clock)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"now\":\"2031-01-01T00:00:00.5Z\",\"datagrams\":{}}")},
		{PEER_ANSWER, ANSWER(2, WINDOW)},
		{PEER_END, NULL},
	};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("open", "acme/101", "--poll", "Which?", "A", "B", "--at", "+1500ms"),
		     0);
	expect_in("requests", "\"method\":\"stats\",\"params\":{}}\n");
	expect_in("requests", "\"opens_at\":\"2031-01-01T00:00:02Z\"");
	peer_stop(peer);
	peer = peer_start(&steps[1]);
	TALLYCTL("open", "acme/1", "--poll", "Q", "A", "--at", "2026-11-22T21:00:00+01:00");
	expect_in("requests", "\"opens_at\":\"2026-11-22T20:00:00Z\"");
	peer_stop(peer);
}

Test(ctl_client, verbs_send_their_method_and_parameters)
{
	static const struct {
		const char *words[6];
		const char *request;
	} rows[] = {
		{{"close", "acme/101"}, "\"close\",\"params\":{\"tenant\":\"acme\",\"id\":101}"},
		{{"cancel", "acme/0"}, "\"cancel\",\"params\":{\"tenant\":\"acme\",\"id\":0}"},
		{{"reveal", "acme/101"}, "\"reveal\",\"params\":{\"tenant\":\"acme\",\"id\":101}"},
		{{"extend", "acme/101", "--by", "5s"}, "\"id\":101,\"by_ms\":5000}"},
		{{"list"}, "\"list\",\"params\":{}"},
		{{"list", "acme"}, "\"list\",\"params\":{\"tenant\":\"acme\"}"},
		{{"results", "acme/4294967295"}, "\"id\":4294967295}"},
		{{"results", "acme", "--top", "3"}, "{\"tenant\":\"acme\",\"top\":3}"},
		{{"rundown"}, "\"rundown\",\"params\":{}"},
		{{"rundown", "sat"}, "\"rundown\",\"params\":{\"show\":\"sat\"}"},
		{{"next"}, "\"next\",\"params\":{}"},
		{{"next", "sat"}, "\"next\",\"params\":{\"show\":\"sat\"}"},
		{{"unload", "sat"}, "\"unload\",\"params\":{\"show\":\"sat\"}"},
		{{"leaderboard", "acme"}, "\"leaderboard\",\"params\":{\"tenant\":\"acme\"}"},
		{{"leaderboard", "acme/7", "--voter", "0"}, "\"id\":7,\"voter\":0}"},
		{{"leaderboard", "acme", "--show", "sat", "--top=20"},
		 "{\"tenant\":\"acme\",\"show\":\"sat\",\"top\":20}"},
		{{"leaderboard", "acme", "--show", ""}, "{\"tenant\":\"acme\",\"show\":null}"},
	};
	const struct peer_step steps[] = {{PEER_ANSWER, ANSWER(1, WINDOW)}, {PEER_END, NULL}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		pid_t peer = peer_start(steps);
		cr_expect_eq(tallyctl(rows[i].words), 0, "row %zu: %s", i, scratch_read("stderr"));
		expect_in("requests", rows[i].request);
		peer_stop(peer);
	}
}

Test(ctl_client, json_is_what_the_appliance_sent)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"z\":24.9,\"a\":[\"\\u0085\xC2\x9B\xC3\xBC\\u001b\"]}")},
		{PEER_END, NULL},
	};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("results", "--json"), 0);
	cr_expect_str_eq(
		scratch_read("stdout"),
		"{\n  \"z\": 24.9,\n  \"a\": [\n    \"\\u0085\\u009b\xC3\xBC\\u001B\"\n  ]\n}\n");
	peer_stop(peer);
}

Test(ctl_client, results_show_bars_and_what_was_not_counted)
{
	const struct peer_step steps[] = {{PEER_ANSWER, ANSWER(1, RESULTS("09", "open", 2))},
					  {PEER_END, NULL}};
	setenv("LC_ALL", "C", 1);
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("results"), 0);
	expect_in("stdout", "acme/101 open, 11.0s left  Which?\n  3 voters; not counted: 4 late\n");
	expect_in("stdout", "  Red   ########################################              ");
	expect_in("stdout", "  2   66.7 %\n");
	expect_in("stdout", "durability: none");
	peer_stop(peer);
}

Test(ctl_client, watch_prints_lines_and_stops_when_all_is_final)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":25}")},
		{PEER_SAY, LIVE(RESULTS("18", "open", 1))},
		{PEER_SAY, LIVE(RESULTS("18.5", "open", 2))},
		{PEER_SAY, LIVE(RESULTS("20.1", "draining", 2))},
		/* An update that comes before the answer is dropped. */
		{PEER_SAY, LIVE(RESULTS("20.2", "draining", 2))},
		{PEER_ANSWER,
		 ANSWER(2, "{\"now\":\"2026-11-22T20:00:20.1Z\",\"windows\":[" WINDOW "]}")},
		{PEER_SAY, LIVE(RESULTS("25", "final", 2))},
		{PEER_END, NULL},
	};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("watch", "acme/101", "--rate", "25"), 0, "%s",
		     scratch_read("stderr"));
	expect_in("requests", "\"id\":101,\"rate_hz\":25}");
	cr_expect_str_eq(
		scratch_read("stdout"),
		"2026-11-22T20:00:18Z acme/101 open, 2.0s left, 3 voters, 0 votes/s: Red 1 "
		"(50.0 %), Blue 1 (50.0 %)\n"
		"2026-11-22T20:00:20.1Z acme/101 draining, final in 4.9s, 3 voters, 0 "
		"votes/s: Red 2 (66.7 %), Blue 1 (33.3 %)\n"
		"2026-11-22T20:00:25Z acme/101 final, not revealed yet, 3 voters: Red 2 (66.7 "
		"%), Blue 1 (33.3 %)\n");
	peer_stop(peer);
}

Test(ctl_client, watch_in_json_prints_each_document_as_a_line)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
		{PEER_SAY, LIVE(RESULTS("18", "open", 2))},
		{PEER_SAY, LIVE(RESULTS("26", "revealed", 2))},
		{PEER_END, NULL},
	};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("watch", "--json"), 0);
	cr_expect_str_eq(scratch_read("stdout"),
			 RESULTS("18", "open", 2) "\n" RESULTS("26", "revealed", 2) "\n");
	peer_stop(peer);
}

Test(ctl_client, watch_can_go_on_until_revealed_and_never_stops_at_nothing)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
		{PEER_SAY, LIVE("{\"now\":\"2026-11-22T20:00:00Z\",\"interactions\":[]}")},
		{PEER_SAY, LIVE(RESULTS("25", "final", 2))},
		{PEER_SAY, LIVE(RESULTS("26", "revealed", 2))},
		{PEER_END, NULL},
	};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("watch", "--until", "revealed"), 0);
	expect_in("stdout", "no windows yet; waiting for one\n");
	expect_in("stdout", "acme/101 revealed, 3 voters");
	peer_stop(peer);
}

Test(ctl_client, watch_ends_when_the_appliance_goes_or_falls_silent)
{
	const struct peer_step cut[] = {{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
					{PEER_SAY, LIVE(RESULTS("18", "open", 2))},
					{PEER_PAUSE, NULL},
					{PEER_CUT, NULL}};
	pid_t peer = peer_start(cut);
	cr_expect_eq(TALLYCTL("watch"), 3);
	expect_in("stderr", "closed the connection");
	peer_stop(peer);
	const struct peer_step silent[] = {{PEER_ANSWER, ANSWER(1, "{\"rate_hz\":10}")},
					   {PEER_SAY, LIVE(RESULTS("18", "open", 2))},
					   {PEER_END, NULL}};
	peer = peer_start(silent);
	cr_expect_eq(TALLYCTL("watch", "--timeout", "500ms"), 3);
	expect_in("stderr", "tallyd has sent nothing for 1 s");
	peer_stop(peer);
}

#define STATS_OF_CLOCK(clock)                                                                      \
	"{\"now\":\"2026-11-22T20:00:03Z\",\"datagrams\":{\"received\":0},\"conserved\":"          \
	"true" clock "}"

Test(ctl_client, stats_say_how_far_the_clock_can_be_believed)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{STATS_OF_CLOCK(",\"clock\":{\"source\":\"system\",\"synchronised\":true,"
				"\"error_us\":1234,\"offset_us\":-999}"),
		 "03Z\n\nClock: synchronised, within 1.234 ms of UTC\n\nCOUNTER"},
		{STATS_OF_CLOCK(",\"clock\":{\"source\":\"system\",\"synchronised\":true,"
				"\"error_us\":3600001234,\"offset_us\":3600000000}"),
		 "Clock: synchronised, within 3600.001 s of UTC\n"
		 "       3600.000 s behind the system's UTC until no window is open\n\n"},
		{STATS_OF_CLOCK(",\"clock\":{\"source\":\"system\",\"synchronised\":false,"
				"\"error_us\":null,\"offset_us\":-1000}"),
		 "Clock: not synchronised; how far it is from UTC is not known\n"
		 "       1.000 ms ahead of the system's UTC until no window is open\n\n"},
		{STATS_OF_CLOCK(",\"clock\":{\"synchronised\":true,\"error_us\":null}"),
		 "Clock: not synchronised;"},
		{STATS_OF_CLOCK(",\"clock\":{}"), "Clock: not synchronised;"},
		{STATS_OF_CLOCK(",\"clock\":7"), "03Z\n\nCOUNTER"},
		{STATS_OF_CLOCK(""), "03Z\n\nCOUNTER"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char answer[1024];
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
			 rows[i].answer);
		const struct peer_step steps[] = {{PEER_ANSWER, answer}, {PEER_END, NULL}};
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("stats"), 0, "row %zu", i);
		expect_in("stdout", rows[i].text);
		peer_stop(peer);
	}
}

Test(ctl_client, stats_say_who_is_told_of_windows)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{STATS_OF_CLOCK(",\"viewers\":{\"subscribers\":5,\"room\":131072,\"pushed\":12000,"
				"\"no_room\":0,\"rounds_lost\":0}"),
		 "5 viewers subscribed of 131,072 there is room for; 12,000 notices of changes "
		 "sent\n"},
		{STATS_OF_CLOCK(",\"viewers\":{\"no_room\":1200}"),
		 "Viewers found no room 1,200 times: raise [watch] subscribers\n"},
		{STATS_OF_CLOCK(",\"viewers\":{\"rounds_lost\":3}"),
		 "Of changes 3 were not told to all: workers are too busy\n"},
		{STATS_OF_CLOCK(",\"viewers\":null"), "03Z\n\nCOUNTER"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char answer[1024];
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
			 rows[i].answer);
		const struct peer_step steps[] = {{PEER_ANSWER, answer}, {PEER_END, NULL}};
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("stats"), 0, "row %zu", i);
		expect_in("stdout", rows[i].text);
		peer_stop(peer);
	}
}

Test(ctl_client, stats_say_why_results_are_not_sealed)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{STATS_OF_CLOCK(",\"results\":{\"waiting\":2,\"failed\":\"/r: No space left\"}"),
		 "03Z\n\nResults: 2 wait to be sealed: /r: No space left\n\nCOUNTER"},
		{STATS_OF_CLOCK(",\"results\":{\"waiting\":2,\"failed\":null}"), "03Z\n\nCOUNTER"},
		{STATS_OF_CLOCK(",\"results\":null"), "03Z\n\nCOUNTER"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char answer[1024];
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
			 rows[i].answer);
		const struct peer_step steps[] = {{PEER_ANSWER, answer}, {PEER_END, NULL}};
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("stats"), 0, "row %zu", i);
		expect_in("stdout", rows[i].text);
		peer_stop(peer);
	}
}

Test(ctl_client, identity_is_shown_as_hex_and_base64)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"hex\":\"4fdd\",\"base64\":\"T90=\"}")},
		{PEER_END, NULL}};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("identity"), 0);
	cr_expect_str_eq(scratch_read("stdout"), "4fdd\nT90=\n");
	expect_in("requests", "\"method\":\"identity\",\"params\":{}}\n");
	peer_stop(peer);
	peer = peer_start((const struct peer_step[]){{PEER_ANSWER, REFUSAL(1, "nothing is sealed")},
						     {PEER_END, NULL}});
	cr_expect_eq(TALLYCTL("identity"), 1);
	cr_expect_str_eq(scratch_read("stderr"), "tallyctl: nothing is sealed\n");
	peer_stop(peer);
}

Test(ctl_client, a_result_is_exported_as_it_stands)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"interactions\":[{\"options\":[{\"index\":0,\"label\":"
					"\"A\",\"votes\":7}]}]}")},
		{PEER_END, NULL}};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("export", "acme/101"), 0);
	cr_expect_str_eq(scratch_read("stdout"), "index,label,votes\r\n0,\"A\",7\r\n");
	expect_in("requests", "\"method\":\"results\",\"params\":{\"tenant\":\"acme\",\"id\":101}");
	peer_stop(peer);
	peer = peer_start((const struct peer_step[]){
		{PEER_ANSWER, ANSWER(1, "{\"interactions\":[]}")}, {PEER_END, NULL}});
	cr_expect_eq(TALLYCTL("export", "acme/101"), 1);
	cr_expect_str_eq(scratch_read("stderr"), "tallyctl: acme/101: has no result\n");
	peer_stop(peer);
	cr_expect_eq(TALLYCTL("export", "acme"), 2);
}

Test(ctl_client, stats_that_do_not_add_up_are_an_error)
{
	static const struct {
		const char *answer;
		int code;
		const char *text;
	} rows[] = {
		{ANSWER(1, STATS(4, true)), 0, "equals received"},
		{ANSWER(1, STATS(5, true)), 1, "DOES NOT EQUAL RECEIVED"},
		{ANSWER(1, STATS(4, false)), 1, "DOES NOT EQUAL RECEIVED"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct peer_step steps[] = {{PEER_ANSWER, rows[i].answer}, {PEER_END, NULL}};
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("stats"), rows[i].code, "row %zu", i);
		expect_in("stdout", rows[i].text);
		expect_in("stdout", "the answer stands");
		expect_in("stdout", "24.9");
		peer_stop(peer);
	}
}

Test(ctl_client, load_names_the_file_in_every_message)
{
	const struct peer_step refuse[] = {{PEER_ANSWER, REFUSAL(1, "interactions[0].id: taken")},
					   {PEER_END, NULL}};
	const struct peer_step take[] = {{PEER_ANSWER, ANSWER(1, LOADED)}, {PEER_END, NULL}};
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s",
		 scratch_text("show.json", "{\"show\":\"sat\",\"interactions\":[]}", 0644));
	pid_t peer = peer_start(refuse);
	cr_expect_eq(TALLYCTL("load", path), 1);
	expect_in("stderr", "show.json: interactions[0].id: taken");
	peer_stop(peer);
	peer = peer_start(take);
	cr_expect_eq(TALLYCTL("load", path), 0);
	expect_in("requests", "\"params\":{\"show\":\"sat\",\"interactions\":[]}");
	expect_in("stdout", "show sat: 1,204 armed, 1 replaced, 3 kept, 0 removed\nINTERACTION");
	expect_in("stdout", "\nmemory: 1.5 KiB needed, 3.0 MiB in use, 0 B free\n");
	peer_stop(peer);
	peer = peer_start(take);
	cr_expect_eq(TALLYCTL("load", "--check", path), 0);
	expect_in("requests", "{\"show\":\"sat\",\"interactions\":[],\"dry_run\":true}");
	expect_in("stdout", "show sat, checked only: 1,204 armed, 1 replaced, 3 kept, 0 removed; "
			    "nothing was changed\n");
	peer_stop(peer);
	scratch_text("show.json", "{\"dry_run\":true}", 0644);
	cr_expect_eq(TALLYCTL("load", path), 1);
	expect_in("stderr", "show.json: dry_run: is no field of a rundown; remove it");
	scratch_text("show.json", "{\"show\":\n}", 0644);
	cr_expect_eq(TALLYCTL("load", path), 1);
	expect_in("stderr", "show.json: line 2, column 1:");
	scratch_text("show.json", "[1]", 0644);
	cr_expect_eq(TALLYCTL("load", path), 1);
	expect_in("stderr", "show.json: a rundown is an object");
	cr_expect_eq(TALLYCTL("load", "/nowhere/show.json"), 1);
	expect_in("stderr",
		  "/nowhere/show.json: cannot be opened: No such file or directory; check");
	cr_expect_eq(TALLYCTL("load", "/tmp"), 1);
	expect_in("stderr", "/tmp: is not a regular file");
	unlink(path);
	cr_assert_eq(mkfifo(path, 0644), 0);
	cr_expect_eq(TALLYCTL("load", path), 1);
	expect_in("stderr", "show.json: is not a regular file");
	expect_one_line_of_error();
}

Test(ctl_client, a_show_is_a_table_with_its_memory)
{
	const struct peer_step rundown[] = {
		{PEER_ANSWER, ANSWER(1, "{\"now\":\"2026-11-22T20:00:09Z\",\"show\":\"sat\","
					"\"windows\":[" WINDOW ",{\"tenant\":\"acme\",\"id\":102,"
					"\"kind\":\"scale\",\"state\":\"scheduled\",\"question\":"
					"\"How?\",\"opens_at\":\"2026-11-22T20:01:00Z\",\"voters\":"
					"0,\"memory_bytes\":2048}],\"memory\":{\"needed\":2048,"
					"\"in_use\":4096,\"free\":1073741824}}")},
		{PEER_END, NULL}};
	pid_t peer = peer_start(rundown);
	cr_expect_eq(TALLYCTL("rundown"), 0);
	cr_expect_str_eq(
		scratch_read("stdout"),
		"show sat: 2 windows, 2.0 KiB\n"
		"INTERACTION  KIND   STATE      COUNTDOWN       VOTERS   MEMORY  QUESTION\n"
		"acme/101     poll   open       11.0s left           2           Which?\n"
		"acme/102     scale  scheduled  opens in 51.0s       0  2.0 KiB  How?\n"
		"memory: 2.0 KiB needed, 4.0 KiB in use, 1.0 GiB free\n");
	peer_stop(peer);
}

Test(ctl_client, list_shows_the_memory_of_each_window_and_of_all)
{
	const struct peer_step steps[] = {
		{PEER_ANSWER, ANSWER(1, "{\"now\":\"2026-11-22T20:00:09Z\",\"windows\":["
					"{\"tenant\":\"acme\",\"id\":1,\"memory_bytes\":1024},"
					"{\"tenant\":\"acme\",\"id\":2,\"memory_bytes\":512}]}")},
		{PEER_END, NULL}};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("list"), 0);
	expect_in("stdout", "  MEMORY  QUESTION\n");
	expect_in("stdout", " 1.0 KiB  \n");
	expect_in("stdout", "\n2 windows, 1.5 KiB\n");
	peer_stop(peer);
}

Test(ctl_client, what_was_unloaded_is_said_as_far_as_it_is_told)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{ANSWER(1, "{\"show\":\"sat\",\"removed\":3}"), "show sat: 3 windows removed\n"},
		{ANSWER(1, "{\"show\":\"sat\",\"removed\":1,\"freed_bytes\":2048}"),
		 "show sat: 1 window removed, 2.0 KiB given back\n"},
		{ANSWER(1, "{\"show\":\"sat\",\"freed_bytes\":2048,\"memory\":{\"needed\":0,"
			   "\"in_use\":0,\"free\":4096}}"),
		 "show sat: all windows removed, 2.0 KiB given back\n"
		 "memory: 0 B in use, 4.0 KiB free\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct peer_step steps[] = {{PEER_ANSWER, rows[i].answer}, {PEER_END, NULL}};
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("unload", "sat"), 0);
		cr_expect_str_eq(scratch_read("stdout"), rows[i].text);
		peer_stop(peer);
	}
}

#define BOARD(voter)                                                                               \
	"{\"tenant\":\"acme\",\"show\":\"sat\",\"entries\":[{\"voter\":42,\"points\":2950},"       \
	"{\"voter\":7,\"points\":980}],\"players\":1204,\"voter\":" voter "}"

Test(ctl_client, a_leaderboard_has_places_and_the_voter_asked_for)
{
	static const struct {
		const char *answer, *last;
	} rows[] = {
		{ANSWER(1, BOARD("{\"voter\":9,\"points\":5,\"rank\":1000}")),
		 "  1000.  voter 9                     5 points\n"},
		{ANSWER(1, BOARD("{\"voter\":9,\"points\":null,\"rank\":null}")),
		 "voter 9 has not scored\n"},
		{ANSWER(1, BOARD("null")), ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct peer_step steps[] = {{PEER_ANSWER, rows[i].answer}, {PEER_END, NULL}};
		char expected[512];
		snprintf(expected, sizeof(expected),
			 "acme, show sat: 1,204 players\n"
			 "     1.  voter 42                2,950 points\n"
			 "     2.  voter 7                   980 points\n%s",
			 rows[i].last);
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("leaderboard", "acme", "--show", "sat", "--voter", "9"), 0);
		cr_expect_str_eq(scratch_read("stdout"), expected);
		peer_stop(peer);
	}
}

Test(ctl_client, a_window_of_any_kind_is_one_line)
{
	static const struct {
		const char *answer, *line;
	} rows[] = {
		{ANSWER(1, "{\"tenant\":\"acme\",\"id\":9,\"kind\":\"scale\",\"state\":\"final\","
			   "\"question\":\"How?\",\"min\":1,\"max\":10}"),
		 "acme/9 is final: How? [1..10]\n"},
		{ANSWER(1, "{\"tenant\":\"acme\",\"id\":9,\"kind\":\"upvote\",\"state\":\"final\","
			   "\"question\":\"Which?\",\"options\":[\"a\",\"b\",\"c\",\"d\",\"e\","
			   "\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\",\"n\",\"o\",\"p\","
			   "\"q\",\"r\",\"s\",\"t\",\"u\",\"v\"]}"),
		 "18 s, 19 t, and 2 more]\n"},
		{ANSWER(1, "{\"tenant\":\"acme\",\"id\":9,\"kind\":\"upvote\",\"state\":\"final\","
			   "\"question\":\"Which?\",\"options\":[\"a\",\"b\"],"
			   "\"options_total\":65535}"),
		 "acme/9 is final: Which? [0 a, 1 b, and 65,533 more]\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct peer_step steps[] = {{PEER_ANSWER, rows[i].answer}, {PEER_END, NULL}};
		pid_t peer = peer_start(steps);
		cr_expect_eq(TALLYCTL("next"), 0);
		expect_in("stdout", rows[i].line);
		peer_stop(peer);
	}
}

Test(ctl_client, help_shows_what_is_required)
{
	cr_expect_eq(TALLYCTL("open", "--help"), 0);
	expect_in("stdout", "Usage: tallyctl open TENANT/ID [QUESTION] [LABEL]... --KIND [VALUE] "
			    "[option]...\n");
	cr_expect_eq(TALLYCTL("extend", "--help"), 0);
	expect_in("stdout", "Usage: tallyctl extend TENANT/ID --by DURATION [option]...\n");
	expect_in("stdout", "how much longer it can be answered (required)\n");
	cr_expect_eq(TALLYCTL("stats", "--help"), 0);
	expect_in("stdout", "Usage: tallyctl stats [option]...\n");
}

Test(ctl_client, a_value_like_an_option_is_one_where_it_is_joined)
{
	const struct peer_step steps[] = {{PEER_ANSWER, ANSWER(1, WINDOW)}, {PEER_END, NULL}};
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("open", "acme/101", "--poll=--for", "A", "--for", "1h"), 0, "%s",
		     scratch_read("stderr"));
	expect_in("requests", "\"question\":\"--for\",");
	expect_in("requests", "\"duration_ms\":3600000");
	peer_stop(peer);
}

Test(ctl_client, key_computes_the_credential_of_the_specification)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s",
		 scratch_text(
			 "keyring.json",
			 "{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,\"key\":"
			 "\"000102030405060708090a0b0c0d0e0f\"}]}]}",
			 0600));
	cr_expect_eq(TALLYCTL("key", "acme", "42", "--keyring", path), 0);
	expect_in("stdout", "connection id  070001000700002a\n");
	expect_in("stdout", "voter key      cdfec3456f3e1798e500a51884c71581\n");
	/* The word is one that the viewer's library takes, and says the same. */
	struct tw_credential credential;
	const char *word = strstr(scratch_read("stdout"), "tallywire1:");
	cr_assert_not_null(word);
	cr_assert_eq(tw_credential_parse(word, strcspn(word, "\n"), &credential), TW_OK);
	cr_expect_eq(credential.voter, 42);
	cr_expect_eq(credential.tenant, 7);
	cr_expect_eq(credential.epoch, 1);
	expect_in("stdout", "credential     tallywire1:070001000700002a010000002a"
			    "cdfec3456f3e1798e500a51884c71581");
	cr_expect_eq(TALLYCTL("key", "acme", "42", "--keyring", path, "--json", "--server", "513",
			      "--address", "[2001:db8::1]:4433"),
		     0);
	expect_in("stdout", "\"connection_id\": \"070201000700002a\"");
	expect_in("stdout", "\"address\": \"[2001:db8::1]:4433\"");
	cr_expect_eq(TALLYCTL("key", "beta", "42", "--keyring", path), 1);
	cr_expect_eq(TALLYCTL("key", "acme", "42", "--keyring", path, "--epoch", "2"), 1);
	expect_in("stderr", "has no key of epoch 2");
	cr_expect_eq(TALLYCTL("key", "acme", "42", "--keyring", "/nowhere"), 1);
	cr_expect_eq(TALLYCTL("key", "acme", "4294967296", "--keyring", path), 2);
}

Test(ctl_client, a_wrong_command_line_is_refused_before_anything_is_sent)
{
	static const struct {
		const char *words[8];
		const char *message;
	} rows[] = {
		{{"dance"}, "no verb \"dance\""},
		{{"--json"}, "a verb is missing"},
		{{"close"}, "expected TENANT/ID"},
		{{"close", "acme"}, "names a tenant and no interaction"},
		{{"close", "acme/101", "acme/102"}, "\"acme/102\" is a word too many"},
		{{"close", "acme/x"}, "0 to 4294967295"},
		{{"list", "acme/1"}, "only the tenant"},
		{{"list", "--fast"}, "no option --fast"},
		{{"list", "--json=1"}, "--json=1 takes no value"},
		{{"list", "-x"}, "no option -x"},
		{{"list", "--timeout", "0s"}, "--timeout \"0s\""},
		{{"extend", "acme/101"}, "--by DURATION is missing"},
		{{"extend", "acme/101", "--by"}, "--by needs a value"},
		{{"extend", "acme/101", "--by", "5"}, "--by \"5\" is not a duration"},
		{{"extend", "acme/101", "--by", "1500us"}, "milliseconds are the smallest step"},
		{{"open", "acme/101", "Red"}, "what is asked is missing: one of --poll, "},
		{{"open", "acme/101", "--poll", "Q"}, "the answers are missing"},
		{{"open", "acme/101", "--poll", "\xFF", "A"}, "must be UTF-8"},
		{{"open", "acme/101", "--poll", "Q", "A", "--at", "noon"}, "--at \"noon\""},
		{{"open", "acme/13", "--poll", "--for", "20s", "Red"}, "--poll needs a value"},
		{{"open", "acme/13", "--poll", "--", "20s", "Red"}, "write --poll=--"},
		{{"open", "acme/1", "--poll", "Q", "--poll", "R", "A"}, "--poll is given twice"},
		{{"stats", "--watch", "--watch"}, "--watch is given twice"},
		{{"--json", "list", "--json"}, "--json is given twice"},
		{{"--socket", "/a", "list", "--socket=/b"}, "--socket is given twice"},
		{{"list", "--socket", ""}, "--socket needs the path"},
		{{"open", "acme/1", "--poll", "Q", "A", "B", "A"}, "two answers are called 'A'"},
		{{"open", "acme/1", "--poll", "Q", "A", "--for", "3d"},
		 "its unit, us, ms, s, m or h"},
		{{"results", "--top", "0"}, "--top \"0\" is not a number of 1 to 4294967295"},
		{{"unload"}, "expected SHOW"},
		{{"unload", "\xFF"}, "is not UTF-8 text"},
		{{"rundown", "sat", "sun"}, "\"sun\" is a word too many"},
		{{"leaderboard"}, "expected TENANT[/ID]"},
		{{"leaderboard", "acme/"}, "an interaction's number is 0 to"},
		{{"leaderboard", "acme", "--top", "ten"}, "--top \"ten\" is not a number"},
		{{"leaderboard", "acme", "--voter", "4294967296"}, "a number of 0 to 4294967295"},
		{{"leaderboard", "acme", "--show", "\xFF"}, "is not UTF-8 text"},
		{{"watch", "--rate", "101"}, "a number of 1 to 100"},
		{{"watch", "--until", "dawn"}, "final, revealed or forever"},
		{{"key", "acme", "42", "--address", "1::2"}, "is not HOST:PORT"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int code = tallyctl(rows[i].words);
		cr_expect_eq(code, 2, "row %zu: %d", i, code);
		expect_in("stderr", rows[i].message);
		expect_one_line_of_error();
	}
}

Test(ctl_client, output_that_cannot_be_written_is_an_error)
{
	const struct peer_step steps[] = {{PEER_ANSWER, ANSWER(1, WINDOW)}, {PEER_END, NULL}};
	cr_assert_eq(symlink("/dev/full", scratch_path("stdout")), 0);
	pid_t peer = peer_start(steps);
	cr_expect_eq(TALLYCTL("close", "acme/101"), 1);
	expect_in("stderr", "cannot write the output");
	peer_stop(peer);
}

Test(ctl_client, a_line_without_end_is_given_up)
{
	struct client client;
	struct err err;
	json_t *result;
	static char much[1 << 20];
	memset(much, 'x', sizeof(much) - 1);
	struct peer_step steps[70] = {{PEER_HALF, much}};
	for (int i = 1; i < 69; i++)
		steps[i] = (struct peer_step){PEER_PART, much};
	pid_t peer = peer_start(steps);
	cr_assert_eq(client_open(&client, scratch_path("socket"), 20000, &err), 0, "%s", err.text);
	cr_expect_eq(client_call(&client, "list", json_object(), &result, &err), -EPROTO);
	cr_expect_not_null(strstr(err.text, "no end of line"), "%s", err.text);
	client_close(&client);
	peer_stop(peer);
}
