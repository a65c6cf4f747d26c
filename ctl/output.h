/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the words go: what the terminal can do, JSON, messages. One thread.
 * Colours appear on a terminal only, and not where NO_COLOR is set or TERM is "dumb".
 */
#ifndef TALLYWIRE_CTL_OUTPUT_H
#define TALLYWIRE_CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define OUTPUT_PLAIN_COLUMNS 100 /* the width where there is no terminal to ask */

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_WARN, STYLE_CAUTION, STYLE_BAR };

bool output_is_terminal(void);
bool output_has_colour(void);
/* Of the terminal behind stdout, now; OUTPUT_PLAIN_COLUMNS and 0 (no limit) where there is none. */
int output_columns(void);
int output_rows(void);

/* The escape sequence of a style, "" where there are no colours. */
const char *output_style(enum style style);

/* The document and a newline. `indented` is for people and files, else it is one line. */
void output_json(const json_t *document, bool indented);

/* "tallyctl: …" on stderr, one harmless line. */
__attribute__((format(printf, 1, 2))) void output_error(const char *format, ...);

#endif
