// SPDX-License-Identifier: BSD-3-Clause
/*
 * A table of text, for list, load and stats. Cells may hold anything: text.c makes them harmless
 * and knows their width. It never wraps a line.
 */
#include "ctl/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include "ctl/output.h"
#include "ctl/text.h"

#define GAP        2
#define LAST_LEAST 8 /* columns that the last cell gets even where the terminal is too narrow */

void table_start(struct table *table, const struct column *columns, int column_count)
{
	*table = (struct table){
		.columns = columns,
		.column_count = column_count < TABLE_MAX_COLUMNS ? column_count : TABLE_MAX_COLUMNS,
	};
}

void table_add(struct table *table, const char *format, ...)
{
	char *cell = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&cell, format, args) < 0)
		cell = NULL;
	va_end(args);
	if (table->cell_count == table->cell_room) {
		size_t room = table->cell_room ? table->cell_room * 2 : 64;
		char **cells = realloc(table->cells, room * sizeof(*cells));
		if (!cells) {
			free(cell);
			return;
		}
		table->cells = cells;
		table->cell_room = room;
	}
	table->cells[table->cell_count++] = cell;
}

static const char *table_cell(const struct table *table, size_t index)
{
	return table->cells[index] ? table->cells[index] : "";
}

static int column_width(const struct table *table, int column)
{
	int width = text_width(table->columns[column].title);
	for (size_t i = (size_t)column; i < table->cell_count; i += (size_t)table->column_count) {
		int cell = text_width(table_cell(table, i));
		width = cell > width ? cell : width;
	}
	return width;
}

static void print_row(const struct table *table, FILE *out, int indent, int max_columns,
		      const int *widths, const char *const *cells)
{
	int used = indent;
	fprintf(out, "%*s", indent, "");
	for (int i = 0; i < table->column_count; i++) {
		bool last = i == table->column_count - 1;
		if (table->columns[i].right)
			text_right(out, cells[i], widths[i]);
		else if (!last)
			text_left(out, cells[i], widths[i]);
		else if (max_columns > 0)
			text_cut(out, cells[i],
				 max_columns > used + LAST_LEAST ? max_columns - used : LAST_LEAST);
		else
			text_put(out, cells[i]);
		used += widths[i] + GAP;
		if (!last)
			fprintf(out, "%*s", GAP, "");
	}
	fputc('\n', out);
}

static void table_free(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}

void table_print(struct table *table, FILE *out, int indent, int max_columns)
{
	int widths[TABLE_MAX_COLUMNS];
	const char *cells[TABLE_MAX_COLUMNS];
	int count = table->column_count;
	for (int i = 0; i < count; i++) {
		widths[i] = column_width(table, i);
		cells[i] = table->columns[i].title;
	}
	fputs(output_style(STYLE_DIM), out);
	print_row(table, out, indent, max_columns, widths, cells);
	fputs(output_style(STYLE_PLAIN), out);
	for (size_t row = 0; row + (size_t)count <= table->cell_count; row += (size_t)count) {
		for (int i = 0; i < count; i++)
			cells[i] = table_cell(table, row + (size_t)i);
		print_row(table, out, indent, max_columns, widths, cells);
	}
	table_free(table);
}
