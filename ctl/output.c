// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where the words go. Every verb prints through this file and text.c; it never talks to the
 * appliance.
 */
#include "ctl/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "ctl/text.h"

bool output_is_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

bool output_has_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	return output_is_terminal() && !(no_color && no_color[0]) && term &&
	       strcmp(term, "dumb") != 0;
}

static struct winsize terminal_size(void)
{
	struct winsize size = {0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		memset(&size, 0, sizeof(size));
	return size;
}

int output_columns(void)
{
	int columns = terminal_size().ws_col;
	return columns > 0 ? columns : OUTPUT_PLAIN_COLUMNS;
}

int output_rows(void)
{
	return terminal_size().ws_row;
}

const char *output_style(enum style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",   [STYLE_CAUTION] = "\033[33m",
		[STYLE_GOOD] = "\033[32m", [STYLE_WARN] = "\033[1;31m",
		[STYLE_BAR] = "\033[36m",
	};
	return output_has_colour() ? sequences[style] : "";
}

void output_json(const json_t *document, bool indented)
{
	/* 15 digits bring every decimal fraction back as it was sent. */
	size_t flags = JSON_REAL_PRECISION(15) | (indented ? JSON_INDENT(2) : JSON_COMPACT);
	char *text = json_dumps(document, flags | JSON_ENCODE_ANY);
	if (text)
		text_json(stdout, text);
	putchar('\n');
	free(text);
}

void output_error(const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs("tallyctl: ", stderr);
	text_put(stderr, text);
	fputc('\n', stderr);
}
