// SPDX-License-Identifier: BSD-3-Clause
/* Results as people see them: bars, countdowns, rates, and the names of interactions. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/rate.h"
#include "ctl/target.h"
#include "ctl/text.h"
#include "ctl/view.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull

Test(ctl_view, a_bar_has_its_width_and_its_part)
{
	static const struct {
		uint64_t part, whole;
		int columns;
		bool utf8;
		const char *bar;
	} rows[] = {
		{0, 0, 4, true, "    "},
		{0, 9, 4, true, "    "},
		{9, 9, 4, true, "████"},
		{1, 2, 4, true, "██  "},
		{1, 2, 3, true, "█▌ "},
		{1, 16, 4, true, "▎   "},
		{1, 1000000, 4, true, "▏   "}, /* one vote is never nothing */
		{UINT64_MAX, UINT64_MAX, 2, true, "██"},
		{9, 3, 2, true, "██"}, /* numbers that cannot be still fit */
		{1, 2, 4, false, "##  "},
		{5, 8, 4, false, "### "},
		{1, 1000000, 4, false, "    "},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = NULL;
		size_t bytes;
		FILE *out = open_memstream(&text, &bytes);
		view_bar(out, rows[i].part, rows[i].whole, rows[i].columns, rows[i].utf8);
		fclose(out);
		cr_expect_str_eq(text, rows[i].bar, "row %zu: \"%s\"", i, text);
		free(text);
	}
}

Test(ctl_view, a_row_never_exceeds_the_terminal)
{
	for (int columns = 24; columns <= 200; columns++) {
		for (int label = 1; label <= 80; label += 13) {
			struct view_layout layout = view_layout(columns, label, 9);
			int bar = layout.bar ? layout.bar + 2 : 0;
			int used = 2 + layout.label + 2 + bar + 9 + 2 + 7;
			cr_expect_leq(used, columns, "%d columns, label %d: %d", columns, label,
				      used);
			cr_expect(layout.bar == 0 || layout.bar >= VIEW_MIN_BAR);
			cr_expect_geq(layout.label, 1);
			cr_expect_leq(layout.label, label);
		}
	}
	cr_expect_geq(view_layout(5, 10, 9).label, 1, "too narrow for anything, and still sane");
}

Test(ctl_view, rows_of_labels_of_any_width_are_aligned)
{
	json_t *interaction =
		json_pack("{s:s, s:i, s:s, s:s, s:[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}]}", "tenant",
			  "acme", "id", 101, "state", "final", "question", "Which\033[2J colour?",
			  "options", "label", "Red", "votes", 1000, "label", "日本語", "votes", 7,
			  "label", "e\xCC\x81", "votes", 0);
	struct view_live live = {0};
	char *text = NULL, *line, *rest;
	size_t bytes;
	setenv("LC_ALL", "C.UTF-8", 1);
	FILE *out = open_memstream(&text, &bytes);
	view_interaction(out, interaction, &live, 60, 0);
	fclose(out);
	cr_expect_null(strchr(text, '\033'));
	int rows = 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		cr_expect_leq(text_width(line), 60, "%s", line);
		if (!strchr(line, '%'))
			continue;
		cr_expect_eq(text_width(line), 60, "%s", line);
		rows++;
	}
	cr_expect_eq(rows, 3);
	free(text);
	json_decref(interaction);
}

/* All that is printed of an interaction, to be freed. */
static char *print_all(const char *document)
{
	json_t *interaction = json_loads(document, 0, NULL);
	struct view_live live = {.moving = true};
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	cr_assert_not_null(interaction, "%s", document);
	view_interaction(out, interaction, &live, 80, 0);
	view_line(out, interaction, &live);
	view_cautions(out, interaction);
	fclose(out);
	json_decref(interaction);
	return text;
}

Test(ctl_view, counts_that_are_missing_are_not_shown)
{
	static const char *const documents[] = {
		"{}", "{\"options\":7,\"receipts\":[]}",
		"{\"tenant\":1,\"id\":\"x\",\"options\":[1,{\"label\":{}},{\"label\":\"Red\"}]}"};
	for (size_t i = 0; i < COUNT_OF(documents); i++) {
		char *text = print_all(documents[i]);
		cr_expect_null(strstr(text, "vote"), "%s", text);
		cr_expect_null(strchr(text, '%'), "%s", text);
		free(text);
	}
}

Test(ctl_view, counts_that_cannot_be_count_as_nothing)
{
	char *text = print_all("{\"voters\":{},\"options\":[{\"votes\":-3},{\"votes\":\"5\"}]}");
	cr_expect_not_null(strstr(text, "0 voters"), "%s", text);
	cr_expect_not_null(strstr(text, "0 (0.0 %)"), "%s", text);
	free(text);
}

/* What the public socket says of a window that is open. */
Test(ctl_view, a_question_without_counts_shows_its_answers)
{
	char *text = print_all("{\"tenant\":\"acme\",\"id\":101,\"state\":\"draining\","
			       "\"question\":\"Which?\",\"options\":[{\"index\":0,\"label\":"
			       "\"Red\"},{\"index\":1,\"label\":\"Blue\"}]}");
	cr_expect_not_null(strstr(text, "  Which?\n  not revealed yet\n  Red\n  Blue\n\n"), "%s",
			   text);
	cr_expect_not_null(
		strstr(text,
		       "acme/101 draining, slower viewers still answer, not revealed yet: Red, "
		       "Blue\n"),
		"%s", text);
	free(text);
}

Test(ctl_view, countdown_follows_the_state)
{
	static const struct {
		const char *state;
		uint64_t now_us, final_at_us;
		const char *text;
	} rows[] = {
		{"scheduled", 7500000, 0, "opens in 2.5s"},
		{"scheduled", 11 * SECOND, 0, "opens in 0.0s"}, /* not yet told that it opened */
		{"open", 10 * SECOND, 0, "20.0s left"},
		{"open", 29999999, 0, "0.0s left"},
		{"draining", 31 * SECOND, 35 * SECOND, "final in 4.0s"},
		{"draining", 31 * SECOND, 0, "slower viewers still answer"},
		{"final", 40 * SECOND, 35 * SECOND, "not revealed yet"},
		{"revealed", 40 * SECOND, 0, ""},
		{"cancelled", 40 * SECOND, 0, ""},
		{"something new", 40 * SECOND, 0, ""},
	};
	char text[VIEW_COUNTDOWN_BYTES];
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_str_eq(view_countdown(rows[i].state, rows[i].now_us, 10 * SECOND,
						30 * SECOND, rows[i].final_at_us, text),
				 rows[i].text, "row %zu: %s", i, text);
}

Test(ctl_view, durations_grow_units_as_needed)
{
	char text[VIEW_COUNTDOWN_BYTES];
	cr_expect_str_eq(view_duration(0, text), "0.0s");
	cr_expect_str_eq(view_duration(59999999, text), "59.9s");
	cr_expect_str_eq(view_duration(60 * SECOND, text), "1:00");
	cr_expect_str_eq(view_duration(3723 * SECOND, text), "1:02:03");
	cr_expect_str_eq(view_duration(90061 * SECOND, text), "1d 01:01:01");
	view_duration(UINT64_MAX, text);
}

Test(ctl_view, only_settled_states_end_a_watch)
{
	cr_expect(view_is_settled("final") && view_is_settled("revealed"));
	cr_expect(view_is_settled("cancelled"));
	cr_expect_not(view_is_settled("open") || view_is_settled("draining"));
	cr_expect_not(view_is_settled("scheduled") || view_is_settled(""));
}

Test(ctl_view, the_rate_covers_the_last_second)
{
	struct rate rate = {0};
	cr_expect_eq(rate_per_second(&rate), 0);
	rate_add(&rate, 0, 100);
	cr_expect_eq(rate_per_second(&rate), 0);
	for (uint64_t i = 1; i <= 100; i++) /* 100 readings a second, 50 votes each */
		rate_add(&rate, i * 10000, 100 + i * 50);
	cr_expect_eq(rate_per_second(&rate), 5000);
	for (uint64_t i = 1; i <= 200; i++) /* then nothing, for two seconds */
		rate_add(&rate, SECOND + i * 10000, 5100);
	cr_expect_eq(rate_per_second(&rate), 0);
	rate_add(&rate, 4 * SECOND, 6100); /* once a second */
	cr_expect_eq(rate_per_second(&rate), 1000);
	rate_add(&rate, 4 * SECOND, 6100); /* no time has passed */
	rate_add(&rate, 5 * SECOND, 50);   /* a counter that began anew */
	cr_expect_eq(rate_per_second(&rate), 0);
}

Test(ctl_view, interactions_are_named_tenant_and_number)
{
	static const struct {
		const char *text;
		enum target_form form;
		int code;
		const char *tenant;
		bool has_id;
		uint32_t id;
	} rows[] = {
		{"acme/101", TARGET_INTERACTION, 0, "acme", true, 101},
		{"acme/0", TARGET_EITHER, 0, "acme", true, 0},
		{"a.b-c_9/4294967295", TARGET_EITHER, 0, "a.b-c_9", true, UINT32_MAX},
		{"acme", TARGET_TENANT, 0, "acme", false, 0},
		{"acme", TARGET_EITHER, 0, "acme", false, 0},
		{"acme", TARGET_INTERACTION, -EINVAL, "", false, 0},
		{"acme/101", TARGET_TENANT, -EINVAL, "", false, 0},
		{"acme/", TARGET_EITHER, -EINVAL, "", false, 0},
		{"/101", TARGET_EITHER, -EINVAL, "", false, 0},
		{"", TARGET_EITHER, -EINVAL, "", false, 0},
		{"acme/4294967296", TARGET_EITHER, -EINVAL, "", false, 0},
		{"acme/18446744073709551617", TARGET_EITHER, -EINVAL, "", false, 0},
		{"acme/-1", TARGET_EITHER, -EINVAL, "", false, 0},
		{"acme/+1", TARGET_EITHER, -EINVAL, "", false, 0},
		{"acme/1 ", TARGET_EITHER, -EINVAL, "", false, 0},
		{"acme/1/2", TARGET_EITHER, -EINVAL, "", false, 0},
		{"ac me/1", TARGET_EITHER, -EINVAL, "", false, 0},
		{"b\xC3\xBCro/1", TARGET_EITHER, -EINVAL, "", false, 0},
		{"a123456789012345678901234567890123456789012345678901234567890123", TARGET_EITHER,
		 -EINVAL, "", false, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct target target = {0};
		struct err err = {""};
		int code = target_parse(rows[i].text, rows[i].form, &target, &err);
		cr_expect_eq(code, rows[i].code, "row %zu", i);
		cr_expect_str_eq(target.tenant, rows[i].tenant, "row %zu", i);
		cr_expect_eq(target.has_id, rows[i].has_id, "row %zu", i);
		cr_expect_eq(target.id, rows[i].id, "row %zu", i);
		cr_expect(code == 0 || err.text[0], "row %zu: no message", i);
	}
}

/* What is printed of an interaction in so many lines, to be freed. */
static char *print_in(const char *document, uint64_t now_us, size_t max_lines)
{
	json_error_t error;
	json_t *interaction = json_loads(document, 0, &error);
	struct view_live live = {.now_us = now_us};
	char *text = NULL;
	size_t bytes = 0;
	setenv("LC_ALL", "C.UTF-8", 1);
	FILE *out = open_memstream(&text, &bytes);
	cr_assert_not_null(interaction, "%s: %s", error.text, document);
	view_interaction(out, interaction, &live, 60, max_lines);
	view_line(out, interaction, &live);
	fclose(out);
	json_decref(interaction);
	return text;
}

static size_t lines_of(const char *text)
{
	size_t lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

#define OPTION(label, votes) "{\"label\":\"" label "\",\"votes\":" #votes "}"
#define VALUE(value, votes)  "{\"value\":" #value ",\"votes\":" #votes "}"

Test(ctl_view, every_kind_shows_what_it_has)
{
	static const struct {
		const char *document, *text;
	} rows[] = {
		/* Shares of a multi are of voters. */
		{"{\"tenant\":\"a\",\"id\":1,\"kind\":\"multi\",\"state\":\"final\",\"question\":"
		 "\"Q\",\"voters\":4,\"options\":[" OPTION("A", 3) "," OPTION(
			 "B", 4) "],"
				 "\"receipts\":{\"counted\":4,\"changed\":2,\"late\":1}}",
		 "a/1 final, not revealed yet  Q\n"
		 "  4 voters, 2 changed; not counted: 1 late\n"
		 "  A  ████████████████████████████████▎            3   75.0 %\n"
		 "  B  ███████████████████████████████████████████  4  100.0 %\n\n"
		 "a/1 final, not revealed yet, 4 voters, 2 changed: A 3 (75.0 %), B 4 (100.0 %)\n"},
		/* A quiz has a right answer and who scored most. */
		{"{\"tenant\":\"a\",\"id\":2,\"kind\":\"quiz\",\"state\":\"revealed\",\"question\":"
		 "\"Q\",\"voters\":2,\"options\":[" OPTION("A", 1) "," OPTION(
			 "B",
			 1) "],"
			    "\"correct\":[1],\"leaderboard\":[{\"voter\":42,\"points\":1990}]}",
		 "a/2 revealed  Q\n"
		 "  2 voters\n"
		 "  A  █████████████████████▌                       1   50.0 %\n"
		 "✓ B  █████████████████████▌                       1   50.0 %\n"
		 "     1.  voter 42                1,990 points\n\n"
		 "a/2 revealed, 2 voters: A 1 (50.0 %), B 1 (50.0 %, right)\n"},
		/* A scale has a mean and a histogram, its highest bar full. */
		{"{\"tenant\":\"a\",\"id\":3,\"kind\":\"scale\",\"state\":\"revealed\","
		 "\"question\":"
		 "\"Q\",\"voters\":4,\"mean\":8.75,\"options\":[" VALUE(8, 1) "," VALUE(9, 3) "]}",
		 "a/3 revealed  Q\n"
		 "  4 voters, mean 8.75\n"
		 "  8  ██████████████▍                              1   25.0 %\n"
		 "  9  ███████████████████████████████████████████  3   75.0 %\n\n"
		 "a/3 revealed, 4 voters, mean 8.75: 8 1 (25.0 %), 9 3 (75.0 %)\n"},
		{"{\"tenant\":\"a\",\"id\":3,\"kind\":\"scale\",\"state\":\"revealed\","
		 "\"question\":"
		 "\"Q\",\"voters\":0,\"mean\":null,\"options\":[]}",
		 "a/3 revealed  Q\n  0 voters\n\na/3 revealed, 0 voters\n"},
		/* The items of an upvote stand by their votes, which are shares of the voters. */
		{"{\"tenant\":\"a\",\"id\":4,\"kind\":\"upvote\",\"state\":\"revealed\","
		 "\"question\":"
		 "\"Q\",\"voters\":10,\"options\":[" OPTION("A", 2) "," OPTION("B", 2) "," OPTION(
			 "C", 4) "]}",
		 "a/4 revealed  Q\n"
		 "  10 voters\n"
		 "  C  ███████████████████████████████████████████  4   40.0 %\n"
		 "  A  █████████████████████▌                       2   20.0 %\n"
		 "  B  █████████████████████▌                       2   20.0 %\n\n"
		 "a/4 revealed, 10 voters: C 4 (40.0 %), A 2 (20.0 %), B 2 (20.0 %)\n"},
		/* A reaction shows its seconds, each as high as its votes. */
		{"{\"tenant\":\"a\",\"id\":5,\"kind\":\"reaction\",\"state\":\"revealed\","
		 "\"question\":\"Q\",\"voters\":10,\"options\":[" OPTION("A", 24) "," OPTION(
			 "B", 8) "],\"series\":[[16,1],[0,7],[8,0]]}",
		 "a/5 revealed  Q\n"
		 "  10 voters\n"
		 "  A  █ ▄                                         24   75.0 %\n"
		 "  B  ▁▄                                           8   25.0 %\n\n"
		 "a/5 revealed, 10 voters: A 24 (75.0 %), B 8 (25.0 %)\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = print_in(rows[i].document, 0, 0);
		cr_expect_str_eq(text, rows[i].text, "row %zu:\n%s", i, text);
		free(text);
	}
}

/* An interaction of so many options, the last of which has most votes, to be freed. */
static char *many_options(const char *kind, const char *name, int count, const char *more)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	fprintf(out,
		"{\"kind\":\"%s\",\"state\":\"revealed\",\"question\":\"Q\",\"voters\":%d,"
		"\"options\":[",
		kind, count);
	for (int i = 0; i < count; i++)
		fprintf(out, "%s{\"%s\":%d,\"label\":%s%d%s,\"votes\":%d}", i ? "," : "", name, i,
			name[0] == 'v' ? "" : "\"item ", i, name[0] == 'v' ? "" : "\"", i);
	fprintf(out, "]%s}", more);
	fclose(out);
	return text;
}

Test(ctl_view, of_thousands_of_items_the_leading_ones_are_shown)
{
	char *document = many_options("upvote", "index", 65535, "");
	for (size_t max_lines = 6; max_lines < 60; max_lines += 9) {
		char more[64], *text = print_in(document, 0, max_lines);
		snprintf(more, sizeof(more), "  and %d,%d more\n\n", 65,
			 535 - (int)(max_lines - 4));
		cr_expect_eq(lines_of(text), max_lines + 1, "the line of view_line() is one more");
		cr_expect_not_null(strstr(text, "  item 65534 "), "%s", text);
		cr_expect_not_null(strstr(text, more), "%s: %s", more, text);
		cr_expect_not_null(strstr(text, ", and 65,526 more\n"), "%s", text);
		free(text);
	}
	char *all = print_in(document, 0, 0);
	cr_expect_eq(lines_of(all), 65535 + 3 + 1);
	free(all);
	free(document);
}

Test(ctl_view, items_that_the_appliance_left_out_are_counted)
{
	static const struct {
		size_t max_lines;
		const char *more;
	} rows[] = {
		{0, "  and 65,435 more\n"},
		{104, "  and 65,435 more\n"},
		{103, "  and 65,436 more\n"},
		{9, "  and 65,530 more\n"},
	};
	char *document = many_options("upvote", "index", 100, ",\"options_total\":65535");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = print_in(document, 0, rows[i].max_lines);
		cr_expect_not_null(strstr(text, rows[i].more), "row %zu: %s", i, text);
		cr_expect_not_null(strstr(text, ", and 65,526 more\n"), "row %zu: %s", i, text);
		if (rows[i].max_lines)
			cr_expect_leq(lines_of(text), rows[i].max_lines + 1, "row %zu", i);
		free(text);
	}
	free(document);
}

Test(ctl_view, many_values_are_put_together_in_ranges)
{
	static const struct {
		int values;
		size_t max_lines;
		const char *first, *last;
	} rows[] = {
		{20, 0, "  0   ", "  19  "},     {21, 0, "  0-1    ", "  20     "},
		{101, 0, "  0-9   ", "  100  "}, {1024, 0, "  0-99  ", "  1000-1023  "},
		{101, 8, "  0-49  ", "  100  "},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *document = many_options("scale", "value", rows[i].values, "");
		char *text = print_in(document, 0, rows[i].max_lines);
		cr_expect_leq(lines_of(text), 3 + 20 + 1);
		cr_expect_not_null(strstr(text, rows[i].first), "row %zu: %s", i, text);
		cr_expect_not_null(strstr(text, rows[i].last), "row %zu: %s", i, text);
		free(text);
		free(document);
	}
}

Test(ctl_view, options_and_places_share_the_room)
{
	static const struct {
		int options;
		size_t max_lines, rows;
		bool options_cut, places_cut;
	} rows[] = {
		{4, 0, 10, false, false},   {4, 17, 10, false, false},  {4, 12, 5, false, true},
		{100, 0, 10, false, false}, {100, 24, 10, true, false}, {100, 12, 4, true, true},
		{100, 6, 0, true, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *document = many_options("quiz", "index", rows[i].options,
					      ",\"correct\":[3],\"leaderboard\":[{\"voter\":1},{},{"
					      "},{},{},{},{},{},{},{}]");
		char *text = print_in(document, 0, rows[i].max_lines);
		if (rows[i].max_lines)
			cr_expect_leq(lines_of(text), rows[i].max_lines + 1, "row %zu: %s", i,
				      text);
		size_t places = 0;
		for (const char *at = text; (at = strstr(at, " points\n")); at++)
			places++;
		cr_expect_eq(strstr(text, " %\n  and ") != NULL ||
				     strstr(text, "\n  and 97 more\n") != NULL,
			     rows[i].options_cut, "row %zu: %s", i, text);
		cr_expect_eq(places, rows[i].rows - (rows[i].rows && rows[i].places_cut),
			     "row %zu: %zu: %s", i, places, text);
		free(text);
		free(document);
	}
}

Test(ctl_view, only_seconds_that_have_begun_are_drawn)
{
	static const struct {
		uint64_t now_us;
		const char *seconds;
	} rows[] = {
		{9 * SECOND, "A          "},  {10 * SECOND, "A  █       "},
		{12 * SECOND, "A  █▄▂     "}, {0, "A  █▄▂ █   "},
		{99 * SECOND, "A  █▄▂ █   "},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text =
			print_in("{\"kind\":\"reaction\",\"opens_at\":\"1970-01-01T00:00:10Z\","
				 "\"options\":[{\"label\":\"A\",\"votes\":1}],"
				 "\"series\":[[8],[4],[2],[],[8],[\"x\"]]}",
				 rows[i].now_us, 0);
		cr_expect_not_null(strstr(text, rows[i].seconds), "row %zu: %s", i, text);
		free(text);
	}
}

/* The appliance tells the seconds from the third on: opens_at is second 10 of 1970. */
Test(ctl_view, a_series_may_begin_later)
{
	static const struct {
		uint64_t now_us;
		const char *seconds;
	} rows[] = {
		{11 * SECOND, "A          "},
		{12 * SECOND, "A  █       "},
		{13 * SECOND, "A  █▄      "},
		{0, "A  █▄▂     "},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text =
			print_in("{\"kind\":\"reaction\",\"opens_at\":\"1970-01-01T00:00:10Z\","
				 "\"options\":[{\"label\":\"A\",\"votes\":1}],"
				 "\"series\":[[8],[4],[2]],\"series_from\":2}",
				 rows[i].now_us, 0);
		cr_expect_not_null(strstr(text, rows[i].seconds), "row %zu: %s", i, text);
		free(text);
	}
}

Test(ctl_view, leaderboards_of_a_document_name_their_tenant_and_show)
{
	json_t *document = json_loads(
		"{\"leaderboards\":[{\"tenant\":\"acme\",\"show\":null,\"entries\":[{\"voter\":7,"
		"\"points\":10},"
		"{\"voter\":8,\"points\":9},{\"voter\":9,\"points\":8}]},{\"tenant\":\"zoo\","
		"\"show\":\"sat\",\"entries\":[{\"voter\":1,\"points\":2}]},"
		"{\"tenant\":\"none\",\"entries\":[]}]}",
		0, NULL);
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	view_leaderboards(out, document, 80, 2);
	fclose(out);
	cr_expect_str_eq(text, "acme: the best of all quizzes\n"
			       "     1.  voter 7                    10 points\n"
			       "  and 2 more\n\n"
			       "zoo, show sat: the best of all quizzes\n"
			       "     1.  voter 1                     2 points\n\n");
	free(text);
	json_decref(document);
}
