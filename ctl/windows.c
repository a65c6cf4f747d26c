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

#define NARROW      100 /* columns; below them some are left out */
#define MOST_LABELS 20  /* in a line */

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

/* "[0 Red, 1 Blue]", the first of many, or of a scale "[1..10]". */
static void put_answers(FILE *out, const json_t *window)
{
	const json_t *labels = json_object_get(window, "options");
	char number[TEXT_NUMBER_BYTES];
	size_t i, count = json_array_size(labels);
	size_t shown = count <= MOST_LABELS ? count : MOST_LABELS;
	uint64_t total = reply_count(window, "options_total");
	json_t *label;
	if (json_object_get(window, "max"))
		fprintf(out, " [%llu..%llu]", (unsigned long long)reply_count(window, "min"),
			(unsigned long long)reply_count(window, "max"));
	json_array_foreach (labels, i, label) {
		const char *text = json_string_value(label);
		if (i == shown)
			break;
		fprintf(out, "%s%zu ", i == 0 ? " [" : ", ", i);
		text_put(out, text ? text : "");
	}
	if (total < count)
		total = count;
	if (shown < total)
		fprintf(out, ", and %s more", text_number(total - shown, number));
	fputs(count ? "]\n" : "\n", out);
}

static void put_line(FILE *out, const json_t *window)
{
	text_put(out, reply_text(window, "tenant"));
	fprintf(out, "/%llu is ", (unsigned long long)reply_count(window, "id"));
	text_put(out, reply_text(window, "state"));
	put_when(out, window);
	fputs(": ", out);
	text_put(out, reply_text(window, "question"));
	put_answers(out, window);
}

void windows_show(const json_t *window, bool json)
{
	if (json)
		output_json(window, true);
	else
		put_line(stdout, window);
}

/* "" where it is not told, as to the public before the reveal. */
static char *count_text(const json_t *window, const char *name,
			char *write(uint64_t number, char text[TEXT_NUMBER_BYTES]),
			char text[TEXT_NUMBER_BYTES])
{
	text[0] = '\0';
	return json_object_get(window, name) ? write(reply_count(window, name), text) : text;
}

enum {
	INTERACTION,
	KIND,
	STATE,
	OPENS,
	CLOSES,
	COUNTDOWN,
	VOTERS,
	MEMORY,
	QUESTION,
	COLUMNS,
};

static void add_cell(struct table *table, int column, const json_t *window, uint64_t now_us)
{
	char text[VIEW_COUNTDOWN_BYTES] = "", number[TEXT_NUMBER_BYTES], time[REPLY_TIME_BYTES];
	switch (column) {
	case INTERACTION:
		table_add(table, "%s/%llu", reply_text(window, "tenant"),
			  (unsigned long long)reply_count(window, "id"));
		break;
	case KIND: table_add(table, "%s", reply_text(window, "kind")); break;
	case STATE: table_add(table, "%s", reply_text(window, "state")); break;
	case OPENS:
		table_add(table, "%s", reply_time_text(window, "opens_at", now_us, time));
		break;
	case CLOSES:
		table_add(table, "%s", reply_time_text(window, "closes_at", now_us, time));
		break;
	case COUNTDOWN:
		if (now_us)
			view_countdown(reply_text(window, "state"), now_us,
				       reply_time_us(window, "opens_at"),
				       reply_time_us(window, "closes_at"),
				       reply_time_us(window, "final_at"), text);
		table_add(table, "%s", text);
		break;
	case VOTERS:
		table_add(table, "%s", count_text(window, "voters", text_number, number));
		break;
	case MEMORY:
		table_add(table, "%s", count_text(window, "memory_bytes", text_memory, number));
		break;
	default: table_add(table, "%s", reply_text(window, "question")); break;
	}
}

/* Columns by the table's kind, and whether there is room. Bits by their number. */
static unsigned choose_columns(enum windows_table kind, uint64_t now_us, int max_columns)
{
	unsigned columns = (1u << COLUMNS) - 1;
	if (kind == WINDOWS_AS_RUNDOWN)
		columns &= ~(1u << OPENS | 1u << CLOSES);
	else if (max_columns != 0 && max_columns < NARROW)
		columns &= ~(1u << KIND | 1u << MEMORY);
	return now_us ? columns : columns & ~(1u << COUNTDOWN);
}

void windows_table(FILE *out, const json_t *windows, enum windows_table kind, uint64_t now_us,
		   int max_columns)
{
	static const struct column all[COLUMNS] = {
		[INTERACTION] = {"INTERACTION", false},
		[KIND] = {"KIND", false},
		[STATE] = {"STATE", false},
		[OPENS] = {"OPENS", false},
		[CLOSES] = {"CLOSES", false},
		[COUNTDOWN] = {"COUNTDOWN", false},
		[VOTERS] = {"VOTERS", true},
		[MEMORY] = {"MEMORY", true},
		[QUESTION] = {"QUESTION", false},
	};
	unsigned chosen = choose_columns(kind, now_us, max_columns);
	struct column columns[COLUMNS];
	struct table table;
	int count = 0;
	size_t i;
	json_t *window;
	for (int column = 0; column < COLUMNS; column++)
		if (chosen >> column & 1)
			columns[count++] = all[column];
	table_start(&table, columns, count);
	json_array_foreach (windows, i, window)
		for (int column = 0; column < COLUMNS; column++)
			if (chosen >> column & 1)
				add_cell(&table, column, window, now_us);
	table_print(&table, out, 0, max_columns);
}

void windows_put_total(FILE *out, const json_t *windows)
{
	char number[TEXT_NUMBER_BYTES], memory[TEXT_NUMBER_BYTES];
	uint64_t bytes = 0;
	size_t i;
	json_t *window;
	json_array_foreach (windows, i, window)
		bytes += reply_count(window, "memory_bytes");
	fprintf(out, "%s window%s", text_number(json_array_size(windows), number),
		json_array_size(windows) == 1 ? "" : "s");
	if (bytes > 0)
		fprintf(out, ", %s", text_memory(bytes, memory));
	fputc('\n', out);
}

void windows_put_memory(FILE *out, const json_t *memory)
{
	static const struct {
		const char *name, *word;
	} rows[] = {{"needed", "needed"}, {"in_use", "in use"}, {"free", "free"}};
	char number[TEXT_NUMBER_BYTES];
	const char *separator = "memory: ";
	/* Nothing needed is nothing to say; the other two are always of interest. */
	for (size_t i = reply_count(memory, "needed") ? 0 : 1; i < sizeof(rows) / sizeof(rows[0]);
	     i++) {
		if (!json_object_get(memory, rows[i].name))
			continue;
		fprintf(out, "%s%s %s", separator,
			text_memory(reply_count(memory, rows[i].name), number), rows[i].word);
		separator = ", ";
	}
	if (separator[0] == ',')
		fputc('\n', out);
}
