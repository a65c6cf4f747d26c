// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl front: what it sends for which words, what it prints, and which words it refuses. */
#include <criterion/criterion.h>
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(ctl_front, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

Test(ctl_front, words_become_requests_and_answers_become_text)
{
	static const struct {
		const char *words[8];
		const char *request; /* method and params */
		const char *answer;
		const char *printed;
	} rows[] = {
		{{"front", "deny", "203.0.113.0/24"},
		 "\"method\":\"front_deny\",\"params\":{\"prefix\":\"203.0.113.0/24\"}",
		 "{\"prefix\":\"203.0.113.0/24\",\"action\":\"deny\",\"packets\":0,"
		 "\"expires_at\":null}",
		 "203.0.113.0/24 is denied; expires: never\n"},
		{{"front", "allow", "2001:db8::", "--for", "10m"},
		 "\"method\":\"front_allow\",\"params\":{\"prefix\":\"2001:db8::\","
		 "\"for_ms\":600000}",
		 "{\"prefix\":\"2001:db8::/128\",\"action\":\"allow\",\"packets\":0,"
		 "\"expires_at\":\"2026-11-22T20:10:00Z\"}",
		 "2001:db8::/128 is allowed; expires: 2026-11-22T20:10:00"},
		{{"front", "deny", "10.0.0.1", "--for", "1ms", "--json"},
		 "\"for_ms\":1}",
		 "{\"prefix\":\"10.0.0.1/32\"}",
		 "\"prefix\": \"10.0.0.1/32\""},
		{{"front", "deny", "10.0.0.1", "--for", "8760h"},
		 "\"for_ms\":31536000000}",
		 "{\"prefix\":\"10.0.0.1/32\"}",
		 "10.0.0.1/32 is denied"},
		{{"front", "remove", "203.0.113.0/24"},
		 "\"method\":\"front_remove\",\"params\":{\"prefix\":\"203.0.113.0/24\"}",
		 "{\"prefix\":\"203.0.113.0/24\"}",
		 "203.0.113.0/24 is on no list any more\n"},
		{{"front", "panic", "on"},
		 "\"method\":\"front_panic\",\"params\":{\"on\":true}",
		 "{\"panic\":true}",
		 "panic is on: only sources that have voted before pass\n"},
		{{"front", "panic", "off"},
		 "\"method\":\"front_panic\",\"params\":{\"on\":false}",
		 "{\"panic\":false}",
		 "panic is off\n"},
		{{"front", "list", "--json"},
		 "\"method\":\"front_list\",\"params\":{}",
		 "{\"entries\":[]}",
		 "\"entries\": []"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_spoken(i, rows[i].words, rows[i].request, rows[i].answer, rows[i].printed);
}

Test(ctl_front, the_list_shows_entries_rules_and_who_is_dropped)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"now\":\"2026-11-22T20:00:00Z\","
		"\"panic\":true,\"limits\":{\"votes_per_s\":200000,\"burst\":0,"
		"\"failed_vote_cost\":32,\"ipv4_prefix\":32,\"ipv6_prefix\":56},"
		"\"entries\":[{\"prefix\":\"203.0.113.0/24\",\"action\":\"deny\","
		"\"packets\":48210,\"expires_at\":\"2026-11-22T20:10:00Z\"},"
		"{\"prefix\":\"2001:db8::/32\",\"action\":\"allow\",\"packets\":12,"
		"\"expires_at\":null}],"
		"\"rules\":[{\"rule\":\"denied\",\"packets\":48210,\"sources\":["
		"{\"source\":\"203.0.113.7/32\",\"packets\":40016}]},"
		"{\"rule\":\"panic\",\"packets\":0,\"sources\":[]}]}}";
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	cr_expect_eq(TALLYCTL("front", "list"), 0, "%s", scratch_read("stderr"));
	cr_expect_str_eq(scratch_read("stdout"),
			 "PANIC: only sources that have voted before pass.\n"
			 "A source is an IPv4 /32 or IPv6 /56; it may send 200,000 votes a second, "
			 "and a forged one costs 32 more.\n\n"
			 "PREFIX          ACTION  PACKETS  EXPIRES\n"
			 "203.0.113.0/24  deny     48,210  2026-11-22T20:10:00Z\n"
			 "2001:db8::/32   allow        12  never\n\n"
			 "RULE    SOURCE          DROPPED\n"
			 "denied  all              48,210\n"
			 "        203.0.113.7/32  ~40,016\n"
			 "panic   all                   0\n");
	peer_stop(peer);
}

Test(ctl_front, a_list_without_entries_and_limits_says_so)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"panic\":false,\"limits\":{"
		"\"votes_per_s\":0,\"ipv4_prefix\":24,\"ipv6_prefix\":64},\"entries\":[],"
		"\"rules\":[]}}";
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	cr_expect_eq(TALLYCTL("front", "list"), 0, "%s", scratch_read("stderr"));
	cr_expect_str_eq(scratch_read("stdout"),
			 "A source is an IPv4 /24 or IPv6 /64; it has no limit.\n\n"
			 "No prefix is allowed or denied.\n\n"
			 "RULE  SOURCE  DROPPED\n");
	peer_stop(peer);
}

Test(ctl_front, words_that_do_not_fit_are_refused_and_nothing_is_sent)
{
	static const struct {
		const char *words[8];
		const char *message;
	} rows[] = {
		{{"front"}, "expected allow|deny|remove|panic|list"},
		{{"front", "block", "10.0.0.1"},
		 "\"block\" is not allow, deny, remove, panic or list"},
		{{"front", "deny"}, "deny needs the prefix"},
		{{"front", "allow"}, "allow needs the prefix"},
		{{"front", "remove"}, "remove needs the prefix"},
		{{"front", "panic"}, "panic needs on or off"},
		{{"front", "panic", "now"}, "panic is on or off, not \"now\""},
		{{"front", "list", "10.0.0.1"}, "\"10.0.0.1\" is a word too many"},
		{{"front", "deny", "10.0.0.1", "10.0.0.2"}, "\"10.0.0.2\" is a word too many"},
		{{"front", "deny", "eth0"}, "'eth0' is no prefix"},
		{{"front", "remove", "eth0"}, "'eth0' is no prefix"},
		{{"front", "deny", "10.0.0.1/24"}, "the prefix is 10.0.0.0/24"},
		{{"front", "deny", "10.0.0.0/33"}, "a length from /0 to /32"},
		{{"front", "allow", "2001:db8::/129"}, "a length from /0 to /128"},
		{{"front", "deny", "10.0.0.1", "--for", "0s"}, "too short: at least 1ms"},
		{{"front", "deny", "10.0.0.1", "--for", "10"}, "is not a duration"},
		{{"front", "deny", "10.0.0.1", "--for", "8761h"}, "is not a duration"},
		{{"front", "remove", "10.0.0.1", "--for", "1s"}, "--for does not go with remove"},
		{{"front", "list", "--for", "1s"}, "--for does not go with list"},
		{{"front", "panic", "on", "--for", "1s"}, "--for does not go with panic"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_eq(tallyctl(rows[i].words), 2, "%zu: %s", i, scratch_read("stderr"));
		cr_expect_not_null(strstr(scratch_read("stderr"), rows[i].message), "%zu: %s", i,
				   scratch_read("stderr"));
		cr_expect_str_eq(scratch_read("stdout"), "");
	}
}

Test(ctl_front, stats_say_which_rule_dropped_what)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"now\":\"2026-11-22T20:00:00Z\","
		"\"datagrams\":{\"received\":12,\"policed\":12},\"conserved\":true,"
		"\"policed\":{\"denied\":5,\"panic\":0,\"source\":7,\"queue\":0,\"tenant\":0,"
		"\"in_panic\":true}}}";
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	cr_expect_eq(TALLYCTL("stats"), 0, "%s", scratch_read("stderr"));
	cr_expect_not_null(strstr(scratch_read("stdout"),
				  "\nPANIC: only sources that have voted before pass.\n"),
			   "%s", scratch_read("stdout"));
	cr_expect_not_null(strstr(scratch_read("stdout"), "\nPoliced: 5 by denied, 7 by source; "
							  "`tallyctl front list` shows whom\n"),
			   "%s", scratch_read("stdout"));
	peer_stop(peer);
}
