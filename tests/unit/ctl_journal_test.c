// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl journal: what it asks, what it prints of a journal that is well and of one that is not.
 */
#include <criterion/criterion.h>
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define JOURNAL(ack, failed)                                                                       \
	"{\"directory\":\"/var/lib/j\",\"ack\":\"" ack "\",\"failed\":" failed                     \
	",\"segment\":18,\"blocks\":5,\"bytes\":20480,\"votes\":1500,\"failures\":2,"              \
	"\"recovered\":{\"windows\":3,\"counted\":1200,\"changed\":7,\"bytes\":8192}}"
#define WELL   JOURNAL("durable", "null")
#define FAILED JOURNAL("durable", "\"journal: /var/lib/j: No space left on device\"")

TestSuite(ctl_journal, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

static const struct {
	const char *words[4];
	const char *request;
	const char *answer;
	const char *printed;
	int exits_with;
} rows[] = {
	{{"journal"}, "\"stats\"", "{\"journal\":" WELL "}", "directory  /var/lib/j\n", 0},
	{{"journal", "status"},
	 "\"stats\"",
	 "{\"journal\":" WELL "}",
	 "ack        durable: a receipt leaves when its answer is on disk\n"
	 "durable    1,500 votes, 20,480 bytes, in segment 12\n"
	 "recovered  3 windows, 1,200 answers counted, 7 changed\n"
	 "state      writing\n"
	 "failures   2 since the start\n",
	 0},
	{{"journal", "status"},
	 "\"stats\"",
	 "{\"journal\":" JOURNAL("immediate", "null") "}",
	 "immediate: receipts do not wait for the disk\n",
	 0},
	{{"journal", "status"},
	 "\"stats\"",
	 "{\"journal\":" FAILED "}",
	 "state      failed: votes are answered busy, receipts wait\n"
	 "reason     journal: /var/lib/j: No space left on device\n"
	 "           make room, then: tallyctl journal resume\n",
	 1},
	{{"journal", "status"}, "\"stats\"", "{\"journal\":null}", "There is no journal", 0},
	{{"journal", "--json"},
	 "\"stats\"",
	 "{\"journal\":" WELL ",\"now\":\"x\"}",
	 "{\n  \"directory\": \"/var/lib/j\"",
	 0},
	{{"journal", "resume"}, "\"journal_resume\"", WELL, "state      writing\n", 0},
	{{"journal", "resume"}, "\"journal_resume\"", FAILED, "No space left", 1},
	{{"journal", "resume", "--json"}, "\"journal_resume\"", FAILED, "\"segment\": 18", 1},
};

Test(ctl_journal, words_become_requests_and_answers_become_text)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char answer[1024];
		snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
			 rows[i].answer);
		pid_t peer = peer_start(
			(const struct peer_step[]){{PEER_ANSWER, answer}, {PEER_END, NULL}});
		cr_expect_eq(tallyctl(rows[i].words), rows[i].exits_with, "%zu: %s", i,
			     scratch_read("stderr"));
		cr_expect_not_null(strstr(scratch_read("requests"), rows[i].request), "%zu: %s", i,
				   scratch_read("requests"));
		cr_expect_not_null(strstr(scratch_read("stdout"), rows[i].printed), "%zu: %s", i,
				   scratch_read("stdout"));
		cr_expect_str_eq(scratch_read("stderr"), "");
		peer_stop(peer);
	}
}

Test(ctl_journal, other_words_are_refused)
{
	static const char *const words[][4] = {{"journal", "stop"},
					       {"journal", "status", "resume"}};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		cr_expect_eq(tallyctl(words[i]), 2, "%zu", i);
	cr_expect_not_null(strstr(scratch_read("stderr"), "journal"));
}
