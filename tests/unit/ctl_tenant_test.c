// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl tenant: what it sends for which words, what it prints, and which words it refuses. */
#include <criterion/criterion.h>
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KEY             "000102030405060708090a0b0c0d0e0f"
#define TOLD            "{\"tenant\":\"acme\",\"id\":7,\"epoch\":2,\"key\":\"" KEY "\"}"

TestSuite(ctl_tenant, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

Test(ctl_tenant, words_become_requests_and_answers_become_text)
{
	static const struct {
		const char *words[20];
		const char *request; /* method and params */
		const char *answer;
		const char *printed;
	} rows[] = {
		{{"tenant", "add", "acme"},
		 "\"method\":\"tenant_add\",\"params\":{\"name\":\"acme\",\"limits\":{}}",
		 TOLD,
		 "tenant  acme (7)\nepoch   2\nkey     " KEY "\n"},
		{{"tenant", "add", "acme", "--id", "0", "--max-delay", "0s", "--votes-per-s", "1",
		  "--voters", "4294967296", "--windows", "1000000", "--memory-mb", "16777216"},
		 "\"params\":{\"name\":\"acme\",\"id\":0,\"max_delay_ms\":0,\"limits\":{"
		 "\"votes_per_s\":1,\"voters\":4294967296,\"windows\":1000000,"
		 "\"memory_mb\":16777216}}",
		 TOLD,
		 "not shown again"},
		{{"tenant", "add", "acme", "--max-delay", "10m", "--json"},
		 "\"max_delay_ms\":600000",
		 TOLD,
		 "\"key\": \"" KEY "\""},
		{{"tenant", "rotate", "acme"},
		 "\"method\":\"tenant_rotate\",\"params\":{\"tenant\":\"acme\"}",
		 TOLD,
		 "key     " KEY "\n"},
		{{"tenant", "retire", "acme"},
		 "\"method\":\"tenant_retire\",\"params\":{\"tenant\":\"acme\"}",
		 "{\"tenant\":\"acme\",\"id\":7,\"epochs\":[]}",
		 "acme is retired\n"},
		{{"tenant", "retire", "acme", "--epoch", "0"},
		 "\"params\":{\"tenant\":\"acme\",\"epoch\":0}",
		 "{\"tenant\":\"acme\",\"id\":7,\"epochs\":[1,255]}",
		 "acme: epoch 0 is retired; valid: 1 255\n"},
		{{"tenant", "retire", "acme", "--json"},
		 "\"method\":\"tenant_retire\"",
		 "{\"tenant\":\"acme\",\"id\":7,\"epochs\":[]}",
		 "\"epochs\": []"},
		{{"tenant", "list", "--json"},
		 "\"method\":\"tenants\",\"params\":{}",
		 "{\"tenants\":[]}",
		 "\"tenants\": []"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_spoken(i, rows[i].words, rows[i].request, rows[i].answer, rows[i].printed);
}

Test(ctl_tenant, the_list_shows_use_beside_limits)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tenants\":["
		"{\"name\":\"acme\",\"id\":7,\"epochs\":[1,2],\"newest_epoch\":2,"
		"\"max_delay_ms\":5000,\"limits\":{\"votes_per_s\":50000,\"windows\":5,"
		"\"memory_mb\":64},\"windows\":3,\"memory_bytes\":1622016,\"busy\":12,"
		"\"policed\":1234},"
		"{\"name\":\"zoo\",\"id\":8,\"epochs\":[255],\"newest_epoch\":255,"
		"\"max_delay_ms\":0,\"limits\":{},\"windows\":0,\"memory_bytes\":0,\"busy\":0,"
		"\"policed\":0}]}}";
	pid_t peer =
		peer_start((const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
	cr_expect_eq(TALLYCTL("tenant", "list"), 0, "%s", scratch_read("stderr"));
	cr_expect_str_eq(scratch_read("stdout"),
			 "TENANT  ID  NEWEST  MAX DELAY  VOTES/S  VOTERS  WINDOWS   MIB  POLICED  "
			 "BUSY  EPOCHS\n"
			 "acme     7       2    5000 ms   50,000       -      3/5  2/64    1,234  "
			 "  12  1 2\n"
			 "zoo      8     255       0 ms        -       -        0     0        0  "
			 "   0  255\n");
	peer_stop(peer);
}

Test(ctl_tenant, words_that_do_not_fit_are_refused_and_nothing_is_sent)
{
	static const struct {
		const char *words[8];
		const char *message;
	} rows[] = {
		{{"tenant"}, "expected add|rotate|retire|list"},
		{{"tenant", "remove", "acme"}, "\"remove\" is not add, rotate, retire or list"},
		{{"tenant", "add"}, "add needs the tenant's name"},
		{{"tenant", "rotate"}, "rotate needs the tenant's name"},
		{{"tenant", "list", "acme"}, "\"acme\" is a word too many"},
		{{"tenant", "rotate", "acme", "zoo"}, "\"zoo\" is a word too many"},
		{{"tenant", "add", "a b"}, "does not begin with a tenant's name"},
		{{"tenant", "add", "acme/1"}, "names an interaction"},
		{{"tenant", "add", "acme", "--id", "65536"}, "0 to 65535"},
		{{"tenant", "add", "acme", "--max-delay", "601s"}, "more than 10m"},
		{{"tenant", "add", "acme", "--max-delay", "5"}, "is not a duration"},
		{{"tenant", "add", "acme", "--votes-per-s", "0"}, "1 to 1000000000"},
		{{"tenant", "add", "acme", "--voters", "4294967297"}, "1 to 4294967296"},
		{{"tenant", "add", "acme", "--windows", "1000001"}, "1 to 1000000"},
		{{"tenant", "add", "acme", "--memory-mb", "x"}, "1 to 16777216"},
		{{"tenant", "add", "acme", "--epoch", "1"}, "--epoch does not go with add"},
		{{"tenant", "rotate", "acme", "--id", "1"}, "--id does not go with rotate"},
		{{"tenant", "retire", "acme", "--epoch", "256"}, "0 to 255"},
		{{"tenant", "retire", "acme", "--voters", "5"}, "--voters does not go with retire"},
		{{"tenant", "list", "--epoch", "5"}, "--epoch does not go with list"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_eq(tallyctl(rows[i].words), 2, "%zu: %s", i, scratch_read("stderr"));
		cr_expect_not_null(strstr(scratch_read("stderr"), rows[i].message), "%zu: %s", i,
				   scratch_read("stderr"));
		cr_expect_str_eq(scratch_read("stdout"), "");
	}
}

Test(ctl_tenant, an_answer_that_did_not_come_is_looked_for_in_the_list)
{
	pid_t peer = peer_start((const struct peer_step[]){{PEER_HALF, NULL}, {PEER_CUT, NULL}});
	cr_expect_eq(TALLYCTL("tenant", "rotate", "acme"), 3);
	cr_expect_not_null(strstr(scratch_read("stderr"), "`tallyctl tenant list`"), "%s",
			   scratch_read("stderr"));
	peer_stop(peer);
}
