// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl open, for every kind: what is sent for which words, and what is refused before. */
#include "ctl/open_items.h"
#include "dataplane/show/interaction.h"
#include "tests/lib/live_answers.h"
#include "tests/lib/scripted_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

TestSuite(ctl_open, .init = scratch_make, .fini = scratch_remove, .timeout = 30);

#define MOST_WORDS 16

static const struct peer_step opened[] = {{PEER_ANSWER, ANSWER(1, WINDOW)}, {PEER_END, NULL}};

/* What was sent is what the appliance takes; the show it takes by itself. */
static void expect_accepted(const char *request)
{
	struct tenant acme = {.id = 7, .name = "acme"};
	const struct keyring keyring = {.tenants = &acme, .tenant_count = 1};
	struct interaction interaction;
	struct err err;
	json_t *document = json_loads(request, 0, NULL);
	json_t *params = json_object_get(document, "params");
	json_object_del(params, "show");
	int rc = interaction_parse(params, "params", &keyring, 1, &interaction, &err);
	cr_expect_eq(rc, 0, "%s: %s", request, rc ? err.text : "");
	if (rc == 0)
		interaction_free(&interaction);
	json_decref(document);
}

/* These words send one request, with these parameters. */
static void expect_sent(const char *const words[MOST_WORDS], const char *params)
{
	char request[1024];
	snprintf(request, sizeof(request),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"open\",\"params\":{%s}}\n", params);
	pid_t peer = peer_start(opened);
	cr_expect_eq(tallyctl(words), 0, "%s", scratch_read("stderr"));
	cr_expect_str_eq(scratch_read("requests"), request);
	expect_accepted(request);
	peer_stop(peer);
}

Test(ctl_open, each_kind_is_sent_as_one_request)
{
	static const struct {
		const char *words[MOST_WORDS];
		const char *params;
	} rows[] = {
		{{"open", "acme/7", "--quiz", "Capital of Peru?", "Lima", "Cusco", "Quito",
		  "--correct", "Lima", "--points", "1000"},
		 "\"tenant\":\"acme\",\"id\":7,\"kind\":\"quiz\",\"question\":\"Capital of Peru?\","
		 "\"options\":[\"Lima\",\"Cusco\",\"Quito\"],\"correct\":[0],\"points\":1000"},
		{{"open", "acme/8", "--multi", "Which two?", "A", "B", "C", "D", "--choose", "2"},
		 "\"tenant\":\"acme\",\"id\":8,\"kind\":\"multi\",\"question\":\"Which two?\","
		 "\"options\":[\"A\",\"B\",\"C\",\"D\"],\"max_choices\":2"},
		{{"open", "acme/9", "--scale", "1..10", "How was it?"},
		 "\"tenant\":\"acme\",\"id\":9,\"kind\":\"scale\",\"min\":1,\"max\":10,"
		 "\"question\":\"How was it?\""},
		{{"open", "acme/9", "--scale", "0..0", "--question", "-?", "--revote", "--for",
		  "1s"},
		 "\"tenant\":\"acme\",\"id\":9,\"kind\":\"scale\",\"min\":0,\"max\":0,"
		 "\"question\":\"-?\",\"revote\":true,\"duration_ms\":1000"},
		{{"open", "acme/10", "--upvote", "Which song?", "One", "Two"},
		 "\"tenant\":\"acme\",\"id\":10,\"kind\":\"upvote\",\"question\":\"Which song?\","
		 "\"options\":[\"One\",\"Two\"]"},
		{{"open", "acme/11", "--reaction", "❤", "😂", "👏"},
		 "\"tenant\":\"acme\",\"id\":11,\"kind\":\"reaction\",\"question\":\"Reaction\","
		 "\"options\":[\"❤\",\"😂\",\"👏\"]"},
		{{"open", "acme/11", "--reaction", "A", "--question", "Loud?", "--show",
		  "saturday"},
		 "\"tenant\":\"acme\",\"id\":11,\"kind\":\"reaction\",\"question\":\"Loud?\","
		 "\"options\":[\"A\"],\"show\":\"saturday\""},
		{{"open", "acme/7", "--poll", "Which colour?", "Red", "Blue", "--revote"},
		 "\"tenant\":\"acme\",\"id\":7,\"kind\":\"poll\",\"question\":\"Which colour?\","
		 "\"options\":[\"Red\",\"Blue\"],\"revote\":true"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_sent(rows[i].words, rows[i].params);
}

Test(ctl_open, correct_names_labels_or_their_indices)
{
	static const struct {
		const char *labels[4], *correct, *sent;
	} rows[] = {
		{{"Lima", "Cusco", "Quito"}, "Quito", "[2]"},
		{{"Lima", "Cusco", "Quito"}, "Quito,Lima", "[2,0]"},
		{{"Lima", "Cusco", "Quito"}, "#1", "[1]"},
		{{"Lima", "Cusco", "Quito"}, "#2,Lima", "[2,0]"},
		{{"1,000", "2,000", "2"}, "2,000", "[1]"},
		{{"1,000", "2,000", "2"}, "#2,#0", "[2,0]"},
		{{"#2", "#1", "#0"}, "#2", "[0]"}, /* a label before an index */
		{{"A", "A,B", "B"}, "A,B", "[1]"},
		{{"+5", "0"}, "0", "[1]"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *words[MOST_WORDS] = {"open", "acme/7",    "--quiz",
						 "Q",    "--correct", rows[i].correct};
		char sent[64];
		memcpy(words + 6, rows[i].labels, sizeof(rows[i].labels));
		snprintf(sent, sizeof(sent), "\"correct\":%s}", rows[i].sent);
		pid_t peer = peer_start(opened);
		cr_expect_eq(tallyctl(words), 0, "row %zu: %s", i, scratch_read("stderr"));
		expect_in("requests", sent);
		expect_accepted(scratch_read("requests"));
		peer_stop(peer);
	}
}

Test(ctl_open, what_does_not_fit_the_kind_is_refused)
{
	static const struct {
		const char *words[12];
		const char *message;
	} rows[] = {
		{{"a/1", "A", "B"},
		 "missing: one of --poll, --multi, --quiz, --scale, --upvote, --reaction;"},
		{{"a/1", "--poll", "Q", "A", "--multi", "R"},
		 "--poll and --multi: a question is of one kind"},
		{{"a/1", "--poll", "Q", "A", "--correct", "A"},
		 "--correct does not apply to --poll"},
		{{"a/1", "--multi", "Q", "A", "--points", "5"},
		 "--points does not apply to --multi"},
		{{"a/1", "--scale", "1..5", "Q", "--choose", "5"},
		 "--choose does not apply to --scale"},
		{{"a/1", "--quiz", "Q", "A", "--revote"}, "--revote does not apply to --quiz"},
		{{"a/1", "--upvote", "Q", "A", "--revote"}, "--revote does not apply to --upvote"},
		{{"a/1", "--reaction", "A", "--revote"}, "--revote does not apply to --reaction"},
		{{"a/1", "--poll", "Q", "A", "--question", "R"}, "--poll has it"},
		{{"a/1", "--upvote", "Q", "A", "--question", "R"}, "--upvote has it"},
		{{"a/1", "--quiz", "Q", "A", "B"}, "--correct LABEL is missing"},
		{{"a/1", "--quiz", "Q", "Lima", "Cusco", "--correct", "Quito"},
		 "no answer is called \"Quito\"; there are: Lima, Cusco;"},
		{{"a/1", "--quiz", "Q", "Lima", "Cusco", "--correct", "Lima,"},
		 "no answer is called \"\""},
		{{"a/1", "--quiz", "Q", "Lima", "Cusco", "--correct", "#2"},
		 "no answer is called \"#2\""},
		{{"a/1", "--quiz", "Q", "Lima", "Cusco", "--correct", "#-1"},
		 "no answer is called \"#-1\""},
		{{"a/1", "--quiz", "Q", "1,5", "2", "3", "--correct", "2,3"},
		 "no answer is called \"2,3\";"},
		{{"a/1", "--quiz", "Q", "A,B", "B", "C", "--correct", "B,C"},
		 "no answer is called \"B,C\""},
		{{"a/1", "--quiz", "Q", "A", "B", "--correct", "A,#0"},
		 "names 'A' twice; leave one out"},
		{{"a/1", "--quiz", "Q", "A", "B", "--correct", "A", "--points", "0"},
		 "--points \"0\" is not a number of 1 to 1000000"},
		{{"a/1", "--multi", "Q", "A", "B", "--choose", "0"}, "a number of 1 to 16"},
		{{"a/1", "--multi", "Q", "A", "B", "--choose", "3"}, "there are only 2 answers"},
		{{"a/1", "--multi", "Q"}, "the answers are missing"},
		{{"a/1", "--reaction"}, "the answers are missing"},
		{{"a/1", "--upvote", "Q", "A", "B", "A"}, "two answers are called 'A'"},
		{{"a/1", "--scale", "1..10"}, "the question is missing: write it after a/1"},
		{{"a/1", "--scale", "1..10", "Q", "R"}, "\"R\" is a word too many"},
		{{"a/1", "--scale", "1..10", "Q", "--question", "R"}, "\"Q\" is a word too many"},
		{{"a/1", "--scale", "10..1", "Q"}, "\"10..1\" has no values"},
		{{"a/1", "--scale", "0..1024", "Q"}, "has too many values; give 1 to 1024"},
		{{"a/1", "--scale", "1-10", "Q"}, "is not a range such as 1..10"},
		{{"a/1", "--scale", "..10", "Q"}, "is not a range such as 1..10"},
		{{"a/1", "--scale", "1..", "Q"}, "is not a range such as 1..10"},
		{{"a/1", "--scale", "1...5", "Q"}, "is not a range such as 1..10"},
		{{"a/1", "--scale", "1..65535", "Q"}, "of numbers from 0 to 65534"},
		{{"a/1", "--scale", "00000000000000000001..5", "Q"}, "is not a range"},
		{{"a/1", "--scale", "1..5", "\xFF"}, "must be UTF-8 text"},
		{{"a/1", "--multi", "Q", "A", "\xFF"}, "must be UTF-8 text"},
		{{"a/1", "--poll", "Q", "A", "--show", "\xFF"}, "is not UTF-8 text"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *words[MOST_WORDS] = {"open"};
		memcpy(words + 1, rows[i].words, sizeof(rows[i].words));
		cr_expect_eq(tallyctl(words), 2, "row %zu", i);
		expect_in("stderr", rows[i].message);
		expect_one_line_of_error();
	}
}

Test(ctl_open, items_come_from_a_file)
{
	char value[PATH_MAX + 1];
	snprintf(value, sizeof(value), "@%s", scratch_text("songs", "One\nT w o\nDrei ü", 0600));
	const char *words[MOST_WORDS] = {"open", "acme/10", "--upvote", value, "Which song?"};
	expect_sent(words, "\"tenant\":\"acme\",\"id\":10,\"kind\":\"upvote\",\"question\":"
			   "\"Which song?\",\"options\":[\"One\",\"T w o\",\"Drei ü\"]");
	cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", value), 2);
	expect_in("stderr", "the question is missing");
	cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", value, "Q", "Four"), 2);
	expect_in("stderr", "\"Four\" is a word too many");
}

Test(ctl_open, a_file_of_items_is_taken_whole_or_not_at_all)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"", "items: is empty; write one item a line; nothing was sent"},
		{"One\n\nTwo\n", "items: line 2 is empty"},
		{"One\n  \n", "items: line 2 is empty"},
		{"One\r\nTwo\r\n", "items: line 1 ends as lines do on Windows"},
		{"\xEF\xBB\xBFOne\n", "items: line 1 begins with a byte order mark"},
		{"One\nTw\xFFo\n", "items: line 2 is not UTF-8"},
		{"One\nTwo\n\x1B[2J\n", "items: line 3 has a control character"},
		{"One\nTwo\xC2\x9B\n", "items: line 2 has a control character"},
		{"One\n"
		 "12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890"
		 "12345678901234567890123456789012345678901234567890!\n",
		 "items: line 2 is longer than an item may be, 200 bytes"},
		{"One\nTwo\nSix\nTwo\nSix\n", "items: line 4 is the same as line 2"},
	};
	char value[PATH_MAX + 1] = "@";
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		strcpy(value + 1, scratch_text("items", rows[i].text, 0600));
		cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", value, "Q"), 1, "row %zu", i);
		expect_in("stderr", rows[i].message);
		expect_one_line_of_error();
	}
	unlink(value + 1);
	cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", value, "Q"), 1);
	expect_in("stderr", "items: cannot be opened: No such file or directory; check the name");
	cr_assert_eq(mkfifo(value + 1, 0600), 0);
	cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", value, "Q"), 1);
	expect_in("stderr", "items: is not a regular file");
	cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", "@/", "Q"), 1);
	expect_in("stderr", "/: is not a regular file");
	cr_expect_eq(TALLYCTL("open", "acme/10", "--upvote", "@", "Q"), 1);
	expect_in("stderr", "cannot be opened");
}

Test(ctl_open, a_file_has_as_many_items_as_can_be_asked_for)
{
	static char text[70000 * 6];
	json_t *labels;
	struct err err;
	size_t used = 0;
	for (int i = 0; i < 65535; i++)
		used += (size_t)sprintf(text + used, "%d\n", i);
	cr_assert_eq(open_items_read(scratch_text("items", text, 0600), 65535, &labels, &err), 0,
		     "%s", err.text);
	cr_expect_eq(json_array_size(labels), 65535);
	cr_expect_str_eq(json_string_value(json_array_get(labels, 65534)), "65534");
	json_decref(labels);
	strcpy(text + used, "one more\n");
	cr_expect_lt(open_items_read(scratch_text("items", text, 0600), 65535, &labels, &err), 0);
	cr_expect_not_null(strstr(err.text, "line 65536 is one too many; at most 65535"), "%s",
			   err.text);
	cr_assert_eq(truncate(scratch_path("items"), 65535l * 300), 0);
	cr_expect_lt(open_items_read(scratch_path("items"), 65535, &labels, &err), 0);
	cr_expect_not_null(strstr(err.text, "is it the right file?"), "%s", err.text);
}
