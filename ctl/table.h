/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of text: filled cell by cell, columns as wide as what is in them. */
#ifndef TALLYWIRE_CTL_TABLE_H
#define TALLYWIRE_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_MAX_COLUMNS 16

struct column {
	const char *title;
	bool right; /* numbers stand right */
};

/* Cells in rows; widths are found when it is printed. Owned by one function: start, add, print. */
struct table {
	const struct column *columns;
	int column_count;
	char **cells;
	size_t cell_count;
	size_t cell_room;
};

void table_start(struct table *table, const struct column *columns, int column_count);
/* One cell; rows fill up from left to right. Formatted as printf() does, made harmless on printing.
 */
__attribute__((format(printf, 2, 3))) void table_add(struct table *table, const char *format, ...);
/* Prints, `indent` blanks before each row, and frees. The last column is cut at `max_columns` (0:
 * never). */
void table_print(struct table *table, FILE *out, int indent, int max_columns);

#endif
