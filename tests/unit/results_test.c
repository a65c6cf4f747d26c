// SPDX-License-Identifier: BSD-3-Clause
/* Results: their exact bytes, and that a file is replaced whole or not at all. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include "dataplane/show/results.h"
#include "dataplane/show/time_text.h"
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

static json_t *result_of(const struct interaction *interaction, const struct window *of,
			 const struct tally_sum *sum, uint32_t seconds,
			 const struct score_board *leaders, uint64_t now_us)
{
	static struct outcome outcome;
	outcome_make(&outcome, of, sum, seconds);
	const struct result result = {
		.interaction = interaction,
		.window = of,
		.sum = sum,
		.outcome = &outcome,
		.leaders = leaders ? *leaders : (struct score_board){0},
		.now_us = now_us,
	};
	return results_interaction(&result);
}

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
	return result_of(&colour, &window, &sum, 1, NULL, now_us);
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

/* The kinds: all that comes between `voters` and `receipts`. */
static void expect_kind(struct interaction interaction, uint64_t duration_us, uint64_t *votes,
			uint32_t seconds, const struct score_board *leaders, const char *wanted)
{
	char text[2048];
	const struct window of = {
		.question = interaction.rules,
		.identity = (uint8_t)kind_row((enum kind)interaction.rules.kind)->identity,
		.opens_at_us = OPENS_AT_US,
		.closes_at_us = OPENS_AT_US + duration_us,
	};
	const struct tally_sum sum = {
		.receipts = {[RECEIPT_COUNTED] = 3}, .voters = 3, .votes = votes};
	char closes[TIME_TEXT_BYTES];
	interaction.tenant = &acme;
	interaction.id = 9;
	interaction.question = question;
	snprintf(text, sizeof(text),
		 "{\"tenant\":\"acme\",\"id\":9,\"kind\":\"%s\",\"state\":\"scheduled\","
		 "\"question\":\"Which colour?\",\"opens_at\":\"2026-11-22T20:00:00Z\","
		 "\"closes_at\":\"%s\",\"voters\":3,%s,"
		 "\"receipts\":{\"counted\":3,\"changed\":0,\"duplicate\":0,\"early\":0,\"late\":0,"
		 "\"bad_choice\":0,\"cancelled\":0,\"busy\":0},\"durability\":\"none\"}",
		 kind_row((enum kind)interaction.rules.kind)->name,
		 time_format(of.closes_at_us, closes), wanted);
	expect_json(result_of(&interaction, &of, &sum, seconds, leaders, OPENS_AT_US - 1), text);
}

#define LABELLED(red, blue)                                                                        \
	"\"options\":[{\"index\":0,\"label\":\"Red\",\"votes\":" #red                              \
	"},{\"index\":1,\"label\":\"Blue \\\"2\\\"\",\"votes\":" #blue "}]"

Test(results, polls_multis_and_upvotes_have_options_alone)
{
	static const enum kind kinds[] = {KIND_POLL, KIND_MULTI, KIND_UPVOTE};
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		expect_kind((struct interaction){.rules = {.kind = (uint8_t)kinds[i], .options = 2},
						 .labels = labels},
			    20000000, (uint64_t[]){2, 1}, 1, NULL, LABELLED(2, 1));
}

Test(results, a_scale_has_values_and_their_mean)
{
	static const struct {
		uint64_t votes[3]; /* of 2, 3 and 4 */
		const char *wanted;
	} rows[] = {
		{{0, 0, 0},
		 "0},{\"value\":3,\"votes\":0},{\"value\":4,\"votes\":0}],\"mean\":null"},
		{{1, 0, 0}, "1},{\"value\":3,\"votes\":0},{\"value\":4,\"votes\":0}],\"mean\":2.0"},
		{{2, 0, 1},
		 "2},{\"value\":3,\"votes\":0},{\"value\":4,\"votes\":1}],"
		 "\"mean\":2.6666666666666665"},
		{{1, 1, 0}, "1},{\"value\":3,\"votes\":1},{\"value\":4,\"votes\":0}],\"mean\":2.5"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char wanted[512];
		uint64_t votes[3];
		memcpy(votes, rows[i].votes, sizeof(votes));
		snprintf(wanted, sizeof(wanted), "\"options\":[{\"value\":2,\"votes\":%s",
			 rows[i].wanted);
		expect_kind(
			(struct interaction){
				.rules = {.kind = KIND_SCALE, .first = 2, .options = 3}},
			20000000, votes, 1, NULL, wanted);
	}
}

Test(results, a_quiz_has_what_is_right_and_its_leaders)
{
	struct score_entry entries[] = {{1000, 4294967295}, {17, 0}};
	const struct score_board leaders = {.entries = entries, .count = 2, .players = 3};
	const struct interaction quiz = {
		.rules = {.kind = KIND_QUIZ, .options = 2}, .labels = labels, .correct = {2}};
	expect_kind(quiz, 20000000, (uint64_t[]){1, 2}, 1, &leaders,
		    LABELLED(1, 2) ",\"correct\":[1],\"leaderboard\":[{\"voter\":4294967295,"
				   "\"points\":1000},{\"voter\":0,\"points\":17}]");
	expect_kind(quiz, 20000000, (uint64_t[]){0, 0}, 1, NULL,
		    LABELLED(0, 0) ",\"correct\":[1],\"leaderboard\":[]");
}

Test(results, a_reaction_has_a_row_for_each_second)
{
	const struct interaction reaction = {.rules = {.kind = KIND_REACTION, .options = 2},
					     .labels = labels};
	expect_kind(reaction, 2500000, (uint64_t[]){1, 2, 0, 0, 3, 4}, 3, NULL,
		    LABELLED(4, 6) ",\"series\":[[1,2],[0,0],[3,4]]");
}

/* What came before an early close stays; seconds there is memory for, but no count, do not. */
Test(results, a_reaction_that_was_closed_early_shows_what_came_before)
{
	const struct interaction reaction = {.rules = {.kind = KIND_REACTION, .options = 2},
					     .labels = labels};
	static const struct {
		uint64_t duration_us;
		uint64_t votes[8];
		const char *wanted;
	} rows[] = {
		{1, {0}, LABELLED(0, 0) ",\"series\":[[0,0]]"},
		{1000000, {5}, LABELLED(5, 0) ",\"series\":[[5,0]]"},
		{1000001, {5}, LABELLED(5, 0) ",\"series\":[[5,0],[0,0]]"},
		{1000000, {5, 0, 0, 0, 0, 7}, LABELLED(5, 7) ",\"series\":[[5,0],[0,0],[0,7]]"},
		{0, {0, 1}, LABELLED(0, 1) ",\"series\":[[0,1]]"},
		{4000000, {0}, LABELLED(0, 0) ",\"series\":[[0,0],[0,0],[0,0],[0,0]]"},
		{9000000, {0}, LABELLED(0, 0) ",\"series\":[[0,0],[0,0],[0,0],[0,0]]"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t votes[8];
		memcpy(votes, rows[i].votes, sizeof(votes));
		expect_kind(reaction, rows[i].duration_us, votes, 4, NULL, rows[i].wanted);
	}
}

/* An upvote of ITEMS items, of which those whose index ends in 00 have votes, the later the more.
 */
#define ITEMS 4000

static json_t *upvote_result(enum results_extent extent)
{
	static char *items[ITEMS];
	static uint64_t votes[ITEMS];
	static struct outcome outcome;
	struct interaction upvote = {.tenant = &acme,
				     .question = question,
				     .rules = {.kind = KIND_UPVOTE, .options = ITEMS},
				     .labels = items};
	const struct window of = {.question = upvote.rules, .identity = ONE_PER_VOTER_ITEM};
	const struct tally_sum sum = {.votes = votes};
	for (uint64_t i = 0; i < ITEMS; i++) {
		items[i] = red;
		votes[i] = i % 100 ? 1 : i;
	}
	outcome_make(&outcome, &of, &sum, 1);
	const struct result result = {.interaction = &upvote,
				      .window = &of,
				      .sum = &sum,
				      .outcome = &outcome,
				      .extent = extent};
	return results_interaction(&result);
}

static json_int_t member_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

Test(results, a_brief_one_has_the_leading_of_many_options)
{
	json_t *result = upvote_result(RESULTS_BRIEF);
	const json_t *options = json_object_get(result, "options");
	cr_assert_eq(json_array_size(options), RESULTS_BRIEF_OPTIONS);
	cr_expect_eq(member_of(result, "options_total"), ITEMS);
	for (size_t i = 0; i < RESULTS_BRIEF_OPTIONS; i++) {
		const json_t *option = json_array_get(options, i);
		/* 3900, 3800, … 100; then those with one vote, from 1 on */
		json_int_t index = i < 39 ? 3900 - 100 * (json_int_t)i : (json_int_t)i - 38;
		cr_expect_eq(member_of(option, "index"), index, "place %zu", i);
		cr_expect_eq(member_of(option, "votes"), i < 39 ? index : 1, "place %zu", i);
	}
	json_decref(result);
}

/* What is not revealed must not show in the choice of the options. */
Test(results, a_blind_one_has_the_first_of_many_options)
{
	json_t *result = upvote_result(RESULTS_BRIEF_BLIND);
	const json_t *options = json_object_get(result, "options");
	cr_assert_eq(json_array_size(options), RESULTS_BRIEF_OPTIONS);
	cr_expect_eq(member_of(result, "options_total"), ITEMS);
	for (size_t i = 0; i < RESULTS_BRIEF_OPTIONS; i++)
		cr_expect_eq(member_of(json_array_get(options, i), "index"), (json_int_t)i);
	json_decref(result);
}

Test(results, a_whole_one_has_all_options)
{
	json_t *result = upvote_result(RESULTS_WHOLE);
	cr_expect_eq(json_array_size(json_object_get(result, "options")), ITEMS);
	cr_expect_null(json_object_get(result, "options_total"));
	json_decref(result);
}

/* Two options a second: 8,192 of its 20,000 seconds have room. */
Test(results, a_brief_one_has_the_latest_of_a_long_series)
{
	static const struct {
		enum results_extent extent;
		uint64_t now_s;   /* after the opening */
		json_int_t first; /* second that is told; -1: it is not said */
		size_t rows;
	} rows[] = {
		{RESULTS_WHOLE, 9000, -1, 20000},    {RESULTS_BRIEF, 0, 0, 2},
		{RESULTS_BRIEF, 100, 0, 102},        {RESULTS_BRIEF, 8190, 0, 8192},
		{RESULTS_BRIEF, 8191, 1, 8192},      {RESULTS_BRIEF, 15000, 6810, 8192},
		{RESULTS_BRIEF, 30000, 11808, 8192}, {RESULTS_BRIEF_BLIND, 30000, 11808, 8192},
	};
	static uint64_t votes[2 * 20000];
	static struct outcome outcome;
	struct interaction reaction = colour;
	reaction.rules.kind = KIND_REACTION;
	const struct window of = {.question = reaction.rules,
				  .identity = ONE_PER_VOTER_SECOND,
				  .opens_at_us = OPENS_AT_US,
				  .closes_at_us = OPENS_AT_US + 20000000000};
	const struct tally_sum sum = {.votes = votes};
	for (uint64_t i = 0; i < 2 * 20000; i++)
		votes[i] = i;
	outcome_make(&outcome, &of, &sum, 20000);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct result result = {.interaction = &reaction,
					      .window = &of,
					      .sum = &sum,
					      .outcome = &outcome,
					      .extent = rows[i].extent,
					      .now_us = OPENS_AT_US + rows[i].now_s * 1000000};
		json_t *object = results_interaction(&result);
		const json_t *series = json_object_get(object, "series");
		json_int_t first = rows[i].first < 0 ? 0 : rows[i].first;
		cr_expect_eq(json_array_size(series), rows[i].rows, "row %zu", i);
		cr_expect_eq(json_object_get(object, "series_from") == NULL, rows[i].first < 0);
		cr_expect_eq(member_of(object, "series_from"), first, "row %zu", i);
		cr_expect_eq(json_integer_value(json_array_get(json_array_get(series, 0), 1)),
			     2 * first + 1, "row %zu", i);
		json_decref(object);
	}
}

Test(results, a_leaderboard_may_say_of_which_show_it_is)
{
	struct score_entry entry = {7, 5};
	char show[] = "saturday";
	const struct score_board board = {.entries = &entry, .count = 1, .players = 1};
	struct interaction quiz = {.tenant = &acme, .show = show};
#define ENTRIES "\"entries\":[{\"voter\":5,\"points\":7}]}"
	expect_json(results_leaderboard(&quiz, false, &board), "{\"tenant\":\"acme\"," ENTRIES);
	expect_json(results_leaderboard(&quiz, true, &board),
		    "{\"tenant\":\"acme\",\"show\":\"saturday\"," ENTRIES);
	quiz.show = NULL;
	expect_json(results_leaderboard(&quiz, true, &board),
		    "{\"tenant\":\"acme\",\"show\":null," ENTRIES);
}

static json_t *empty_document(bool has_quizzes)
{
	const struct results_parts parts = {.interactions = json_array(),
					    .has_quizzes = has_quizzes,
					    .leaderboards = json_array(),
					    .datagrams = json_object(),
					    .clock = json_object()};
	return results_document(&parts);
}

Test(results, the_document_says_that_nothing_is_durable)
{
	expect_json(empty_document(false), "{\"interactions\":[],\"datagrams\":{},\"clock\":{},"
					   "\"durability\":\"none\"}");
}

Test(results, a_document_with_quizzes_has_leaderboards)
{
	expect_json(empty_document(true), "{\"interactions\":[],\"leaderboards\":[],"
					  "\"datagrams\":{},\"clock\":{},\"durability\":\"none\"}");
}

Test(results, out_of_memory_upstream_gives_no_document)
{
	for (int missing = 0; missing < 4; missing++) {
		const struct results_parts parts = {
			.interactions = missing == 0 ? NULL : json_array(),
			.has_quizzes = true,
			.leaderboards = missing == 1 ? NULL : json_array(),
			.datagrams = missing == 2 ? NULL : json_object(),
			.clock = missing == 3 ? NULL : json_object(),
		};
		cr_expect_null(results_document(&parts), "%d", missing);
	}
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
	json_t *document = empty_document(false);
	const char *path = scratch_path("out.json");
	cr_assert_eq(results_save(path, document, &err), 0, "%s", err.text);
	cr_expect_str_eq(read_back(path), "{\n  \"interactions\": [],\n  \"datagrams\": {},\n"
					  "  \"clock\": {},\n  \"durability\": \"none\"\n}\n");
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
