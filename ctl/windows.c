// SPDX-License-Identifier: BSD-3-Clause
/*
 * Windows as commands return them: one line, or a table. open, close, extend, list and load print
 * them; the results in them are view.c's.
 */
#include "ctl/windows.h"

#include <stdbool.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "ctl/view.h"

#define NARROW 100 /* columns; below them the kind is left out */

/* What the state makes of the times. */
static void put_when(FILE *out, const json_t *window)
{
	static const struct {
		const char *state, *first, *first_name, *second, *second_name;
	} rows[] = {
		{"scheduled", "opens at", "opens_at", "closes at", "closes_at"},
		{"open", "closes at", "closes_at", "final at", "final_at"},
		{"draining", "closed at", "closes_at", "final at", "final_at"},
	};
	char first[REPLY_TIME_BYTES], second[REPLY_TIME_BYTES];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].state, reply_text(window, "state")) != 0)
			continue;
		fprintf(out, ", %s ", rows[i].first);
		text_put(out, reply_time_text(window, rows[i].first_name, 0, first));
		fprintf(out, ", %s ", rows[i].second);
		text_put(out, reply_time_text(window, rows[i].second_name, 0, second));
	}
}

static void put_line(FILE *out, const json_t *window)
{
	const json_t *labels = json_object_get(window, "options");
	size_t i;
	json_t *label;
	text_put(out, reply_text(window, "tenant"));
	fprintf(out, "/%llu is ", (unsigned long long)reply_count(window, "id"));
	text_put(out, reply_text(window, "state"));
	put_when(out, window);
	fputs(": ", out);
	text_put(out, reply_text(window, "question"));
	json_array_foreach (labels, i, label) {
		const char *text = json_string_value(label);
		fprintf(out, "%s%zu ", i == 0 ? " [" : ", ", i);
		text_put(out, text ? text : "");
	}
	fputs(json_array_size(labels) ? "]\n" : "\n", out);
}

void windows_show(const json_t *window, bool json)
{
	if (json)
		output_json(window, true);
	else
		put_line(stdout, window);
}

static void add_window(struct table *table, const json_t *window, uint64_t now_us, bool with_kind)
{
	char text[VIEW_COUNTDOWN_BYTES] = "", number[TEXT_NUMBER_BYTES], time[REPLY_TIME_BYTES];
	const char *state = reply_text(window, "state");
	if (now_us)
		view_countdown(state, now_us, reply_time_us(window, "opens_at"),
			       reply_time_us(window, "closes_at"),
			       reply_time_us(window, "final_at"), text);
	table_add(table, "%s/%llu", reply_text(window, "tenant"),
		  (unsigned long long)reply_count(window, "id"));
	if (with_kind)
		table_add(table, "%s", reply_text(window, "kind"));
	table_add(table, "%s", state);
	table_add(table, "%s", reply_time_text(window, "opens_at", now_us, time));
	table_add(table, "%s", reply_time_text(window, "closes_at", now_us, time));
	table_add(table, "%s", text);
	table_add(table, "%s",
		  json_object_get(window, "voters") /* not told to the public before the reveal */
			  ? text_number(reply_count(window, "voters"), number)
			  : "");
	table_add(table, "%s", reply_text(window, "question"));
}

void windows_table(FILE *out, const json_t *windows, uint64_t now_us, int max_columns)
{
	static const struct column wide[] = {
		{"INTERACTION", false}, {"KIND", false},      {"STATE", false}, {"OPENS", false},
		{"CLOSES", false},      {"COUNTDOWN", false}, {"VOTERS", true}, {"QUESTION", false},
	};
	static const struct column narrow[] = {
		{"INTERACTION", false}, {"STATE", false}, {"OPENS", false},    {"CLOSES", false},
		{"COUNTDOWN", false},   {"VOTERS", true}, {"QUESTION", false},
	};
	bool with_kind = max_columns == 0 || max_columns >= NARROW;
	struct table table;
	size_t i;
	json_t *window;
	table_start(&table, with_kind ? wide : narrow, with_kind ? 8 : 7);
	json_array_foreach (windows, i, window)
		add_window(&table, window, now_us, with_kind);
	table_print(&table, out, 0, max_columns);
}
