// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl voter: what it sends for which words, what it prints, and which words it refuses. */
#include <criterion/criterion.h>
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(ctl_voter, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

Test(ctl_voter, words_become_requests_and_answers_become_text)
{
	static const struct {
		const char *words[6];
		const char *request; /* method and params */
		const char *answer;
		const char *printed;
	} rows[] = {
		{{"voter", "revoke", "acme", "42"},
		 "\"method\":\"voter_revoke\",\"params\":{\"tenant\":\"acme\",\"voter\":42}",
		 "{\"tenant\":\"acme\",\"voter\":42,\"epochs\":[1,2]}",
		 "acme: voter 42 is revoked under epochs 1 2\n"},
		{{"voter", "restore", "acme", "4294967295"},
		 "\"method\":\"voter_restore\",\"params\":{\"tenant\":\"acme\",\"voter\":"
		 "4294967295}",
		 "{\"tenant\":\"acme\",\"voter\":4294967295,\"epochs\":[]}",
		 "acme: voter 4294967295 may vote again\n"},
		{{"voter", "list", "acme"},
		 "\"method\":\"voters\",\"params\":{\"tenant\":\"acme\"}",
		 "{\"tenant\":\"acme\",\"revoked\":[{\"voter\":0,\"epochs\":[1]},"
		 "{\"voter\":42,\"epochs\":[1,2]}]}",
		 "0 under epochs 1\n42 under epochs 1 2\n"},
		{{"voter", "list", "acme", "--json"},
		 "\"method\":\"voters\"",
		 "{\"tenant\":\"acme\",\"revoked\":[]}",
		 "\"revoked\": []"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_spoken(i, rows[i].words, rows[i].request, rows[i].answer, rows[i].printed);
}

Test(ctl_voter, wrong_words_are_refused_before_anything_is_sent)
{
	static const struct {
		const char *words[6];
		const char *reason;
	} rows[] = {
		{{"voter"}, "voter"},
		{{"voter", "ban", "acme", "42"}, "\"ban\" is not revoke, restore or list"},
		{{"voter", "revoke"}, "needs the tenant's name and the voter's number"},
		{{"voter", "revoke", "acme"}, "needs the tenant's name and the voter's number"},
		{{"voter", "revoke", "acme", "-1"}, "-1"},
		{{"voter", "revoke", "acme", "4294967296"}, "is no voter's number"},
		{{"voter", "revoke", "acme", "forty"}, "is no voter's number"},
		{{"voter", "revoke", "acme/42", "1"}, "acme/42"},
		{{"voter", "restore", "acme", "1", "2"}, "\"2\""},
		{{"voter", "list"}, "needs the tenant's name"},
		{{"voter", "list", "acme", "42"}, "\"42\" is a word too many"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		cr_expect_eq(tallyctl(rows[i].words), 2, "%zu", i);
		cr_expect_not_null(strstr(scratch_read("stderr"), rows[i].reason), "%zu: %s", i,
				   scratch_read("stderr"));
		cr_expect_str_eq(scratch_read("stdout"), "");
	}
}
