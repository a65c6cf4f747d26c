// SPDX-License-Identifier: BSD-3-Clause
/* Results: their exact bytes, and that a file is replaced whole or not at all. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include "dataplane/show/results.h"
#include "tests/lib/scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define OPENS_AT_US     1795377600000000 /* 2026-11-22T20:00:00Z */

TestSuite(results, .init = scratch_make, .fini = scratch_remove);

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};
static char question[] = "Which colour?";
static char red[] = "Red";
static char blue[] = "Blue \"2\"";
static char *labels[] = {red, blue};
static const struct interaction colour = {
	.tenant = &acme,
	.id = 101,
	.rules = {.kind = KIND_POLL, .options = 2},
	.question = question,
	.labels = labels,
	.opens_at_us = OPENS_AT_US,
	.duration_us = 20000000,
	.max_delay_us = 5000000,
};
/* The producer closed it after 12.5 s. */
static const struct window window = {
	.interaction = 101,
	.tenant = 7,
	.question = {.kind = KIND_POLL, .options = 2},
	.opens_at_us = OPENS_AT_US,
	.closes_at_us = OPENS_AT_US + 12500000,
	.max_delay_us = 5000000,
};

static const struct datagram_counts counts = {
	.received = 1000,
	.verdicts = {[VERDICT_PASSED] = 1,
		     [VERDICT_NEGOTIATED] = 2,
		     [VERDICT_POLICED] = 3,
		     [VERDICT_MALFORMED] = 4,
		     [VERDICT_UNKNOWN_KEY] = 5,
		     [VERDICT_BAD_TAG] = 6,
		     [VERDICT_WATCH] = 7,
		     [VERDICT_UNKNOWN] = 8,
		     [VERDICT_COUNTED] = 99},
	.missed = 9,
	.in_flight = 10,
};

static json_t *colour_result(uint64_t now_us)
{
	uint64_t votes[] = {40, 2};
	const struct tally_sum sum = {
		.receipts = {[RECEIPT_COUNTED] = 42,
			     [RECEIPT_DUPLICATE] = 5,
			     [RECEIPT_EARLY] = 6,
			     [RECEIPT_LATE] = 7,
			     [RECEIPT_BAD_CHOICE] = 8,
			     [RECEIPT_CANCELLED] = 9,
			     [RECEIPT_BUSY] = 10},
		.voters = 42,
		.votes = votes,
	};
	return results_interaction(&colour, &window, &sum, now_us);
}

/* Compares the compact text; takes the reference. */
static void expect_json(json_t *json, const char *wanted)
{
	cr_assert_not_null(json);
	char *text = json_dumps(json, JSON_COMPACT);
	cr_expect_str_eq(text, wanted);
	free(text);
	json_decref(json);
}

Test(results, an_interaction_has_exactly_these_members)
{
	expect_json(
		colour_result(OPENS_AT_US + 17500000),
		"{\"tenant\":\"acme\",\"id\":101,\"kind\":\"poll\",\"state\":\"final\","
		"\"question\":\"Which colour?\",\"opens_at\":\"2026-11-22T20:00:00Z\","
		"\"closes_at\":\"2026-11-22T20:00:12.5Z\",\"voters\":42,\"options\":["
		"{\"index\":0,\"label\":\"Red\",\"votes\":40},"
		"{\"index\":1,\"label\":\"Blue \\\"2\\\"\",\"votes\":2}],"
		"\"receipts\":{\"counted\":42,\"changed\":0,\"duplicate\":5,\"early\":6,\"late\":7,"
		"\"bad_choice\":8,\"cancelled\":9,\"busy\":10},\"durability\":\"none\"}");
}

Test(results, the_state_follows_the_time)
{
	static const struct {
		uint64_t after_us;
		const char *state;
	} rows[] = {
		{0, "open"},
		{12499999, "open"},
		{12500000, "draining"},
		{17499999, "draining"},
		{17500000, "final"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *result = colour_result(OPENS_AT_US + rows[i].after_us);
		cr_expect_str_eq(json_string_value(json_object_get(result, "state")),
				 rows[i].state);
		json_decref(result);
	}
}

Test(results, datagrams_are_those_that_no_window_counts)
{
#define COUNTS                                                                                     \
	"{\"received\":1000,\"passed\":1,\"negotiated\":2,\"policed\":3,\"malformed\":4,"          \
	"\"unknown_key\":5,\"bad_tag\":6,\"watch\":7,\"unknown\":8,\"missed\":9"
	expect_json(results_datagrams(&counts, false), COUNTS "}");
	expect_json(results_datagrams(&counts, true), COUNTS ",\"in_flight\":10}");
}

Test(results, the_document_says_that_nothing_is_durable)
{
	expect_json(results_document(json_array(), json_object()),
		    "{\"interactions\":[],\"datagrams\":{},\"durability\":\"none\"}");
}

Test(results, out_of_memory_upstream_gives_no_document)
{
	cr_expect_null(results_document(NULL, json_object()));
	cr_expect_null(results_document(json_array(), NULL));
}

static char *read_back(const char *path)
{
	static char text[1024];
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

Test(results, a_file_is_indented_and_ends_with_a_newline)
{
	struct err err = {""};
	json_t *document = results_document(json_array(), json_object());
	const char *path = scratch_path("out.json");
	cr_assert_eq(results_save(path, document, &err), 0, "%s", err.text);
	cr_expect_str_eq(read_back(path), "{\n  \"interactions\": [],\n  \"datagrams\": {},\n"
					  "  \"durability\": \"none\"\n}\n");
	cr_expect_eq(scratch_count(), 1);
	json_decref(document);
}

Test(results, an_older_file_is_replaced)
{
	struct err err = {""};
	json_t *document = json_object();
	const char *path = scratch_text("out.json", "an older and longer file", 0644);
	cr_assert_eq(results_save(path, document, &err), 0, "%s", err.text);
	cr_expect_str_eq(read_back(path), "{}\n");
	cr_expect_eq(scratch_count(), 1);
	json_decref(document);
}

/* One line that names the path, and no file more than before. */
static void expect_not_saved(const char *path, const json_t *document, const char *reason)
{
	struct err err = {""};
	int files = scratch_count();
	cr_expect_lt(results_save(path, document, &err), 0, "%s was written", path);
	cr_expect_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
	cr_expect_not_null(strstr(err.text, reason), "no \"%s\" in: %s", reason, err.text);
	cr_expect_null(strchr(err.text, '\n'), "%s", err.text);
	cr_expect_eq(scratch_count(), files, "a file was left behind");
}

Test(results, what_cannot_be_written_leaves_nothing_behind)
{
	json_t *document = json_object();
	expect_not_saved(scratch_path("missing/out.json"), document, "No such file or directory");
	const char *path = scratch_path("directory");
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_not_saved(path, document, "not a regular file");
	expect_not_saved("/dev/full", document, "not a regular file");
	path = scratch_path("link");
	cr_assert_eq(symlink("target", path), 0);
	expect_not_saved(path, document, "not a regular file");
	json_decref(document);
}

Test(results, a_full_disk_leaves_the_older_file_as_it_was)
{
	json_t *document = json_array();
	for (int i = 0; i < 100000; i++)
		json_array_append_new(document, json_integer(i));
	const char *path = scratch_text("out.json", "older", 0644);
	const struct rlimit small = {8192, 8192};
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	expect_not_saved(path, document, "cannot be written: File too large");
	cr_expect_str_eq(read_back(path), "older");
	json_decref(document);
}
