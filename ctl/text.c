// SPDX-License-Identifier: BSD-3-Clause
/*
 * Text on its way to a terminal. Every verb that prints uses it; it never lets through a character
 * that a terminal would obey. Widths are those of wcwidth() in C.UTF-8, whatever the user's locale.
 */
#include "ctl/text.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#define REPLACEMENT 0xFFFDu

bool text_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);
		if (value && value[0])
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return true; /* nothing said: terminals of our time speak UTF-8 */
}

/* One code point, REPLACEMENT for a byte that does not belong. Moves `at` by at least one byte. */
static uint32_t decode(const unsigned char **at)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *text = *at;
	uint32_t first = *text;
	*at = text + 1;
	if (first < 0x80)
		return first;
	int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
	if (first < 0xC2 || first > 0xF4)
		return REPLACEMENT;
	uint32_t code = first & (0x3Fu >> more);
	for (int i = 1; i <= more; i++) {
		if ((text[i] & 0xC0) != 0x80)
			return REPLACEMENT;
		code = code << 6 | (text[i] & 0x3F);
	}
	if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		return REPLACEMENT;
	*at = text + 1 + more;
	return code;
}

/* What a terminal could obey, or what could make text read as something else. */
static bool is_unsafe(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1F},       {0x7F, 0x9F},     /* controls */
		{0x061C, 0x061C},   {0x200E, 0x200F}, /* direction marks */
		{0x2028, 0x202E},   {0x2066, 0x2069}, /* separators, direction overrides */
		{0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB}, /* byte order, annotations */
		{0xE0000, 0xE007F},                   /* tags */
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

static uint32_t next_safe(const unsigned char **at)
{
	uint32_t code = decode(at);
	if (!is_unsafe(code))
		return code;
	return (code >= '\t' && code <= '\r') || code == 0x85 || code == 0x2028 || code == 0x2029
		       ? ' '
		       : REPLACEMENT;
}

static int code_width(uint32_t code)
{
	static bool started;
	if (code < 0x7F)
		return 1;
	if (!started) {
		setlocale(LC_CTYPE, "C.UTF-8");
		started = true;
	}
	int width = wcwidth((wchar_t)code);
	return width < 0 ? 1 : width;
}

static void put_code(FILE *out, uint32_t code)
{
	if (code < 0x80) {
		putc((int)code, out);
	} else if (code < 0x800) {
		putc((int)(0xC0 | code >> 6), out);
		putc((int)(0x80 | (code & 0x3F)), out);
	} else if (code < 0x10000) {
		putc((int)(0xE0 | code >> 12), out);
		putc((int)(0x80 | (code >> 6 & 0x3F)), out);
		putc((int)(0x80 | (code & 0x3F)), out);
	} else {
		putc((int)(0xF0 | code >> 18), out);
		putc((int)(0x80 | (code >> 12 & 0x3F)), out);
		putc((int)(0x80 | (code >> 6 & 0x3F)), out);
		putc((int)(0x80 | (code & 0x3F)), out);
	}
}

int text_width(const char *text)
{
	int width = 0;
	for (const unsigned char *at = (const unsigned char *)text; *at;)
		width += code_width(next_safe(&at));
	return width;
}

void text_put(FILE *out, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at;)
		put_code(out, next_safe(&at));
}

/* Writes at most `columns` columns; returns how many. */
static int put_cut(FILE *out, const char *text, int columns)
{
	if (columns <= 0)
		return 0;
	bool cut = text_width(text) > columns;
	int room = cut ? columns - 1 : columns;
	int used = 0;
	for (const unsigned char *at = (const unsigned char *)text; *at;) {
		uint32_t code = next_safe(&at);
		if (used + code_width(code) > room)
			break;
		used += code_width(code);
		put_code(out, code);
	}
	if (cut) {
		fputs(text_utf8() ? "…" : "~", out);
		used++;
	}
	return used;
}

void text_left(FILE *out, const char *text, int columns)
{
	int used = put_cut(out, text, columns);
	fprintf(out, "%*s", columns > used ? columns - used : 0, "");
}

void text_right(FILE *out, const char *text, int columns)
{
	int blanks = columns - text_width(text);
	fprintf(out, "%*s", blanks > 0 ? blanks : 0, "");
	text_left(out, text, blanks > 0 ? columns - blanks : columns);
}

void text_cut(FILE *out, const char *text, int columns)
{
	put_cut(out, text, columns);
}

void text_json(FILE *out, const char *json)
{
	for (const unsigned char *at = (const unsigned char *)json; *at;) {
		uint32_t code = decode(&at);
		if (code > 0xFFFF && is_unsafe(code))
			fprintf(out, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10),
				0xDC00 + ((code - 0x10000) & 0x3FF));
		else if (code >= 0x7F && is_unsafe(code))
			fprintf(out, "\\u%04x", code);
		else
			put_code(out, code);
	}
}

char *text_number(uint64_t number, char text[TEXT_NUMBER_BYTES])
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	char *to = text;
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

char *text_memory(uint64_t bytes, char text[TEXT_NUMBER_BYTES])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes / 1024;
	size_t unit = 0;
	if (bytes < 1024) {
		snprintf(text, TEXT_NUMBER_BYTES, "%llu B", (unsigned long long)bytes);
		return text;
	}
	for (; amount >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		amount /= 1024;
	snprintf(text, TEXT_NUMBER_BYTES, "%.1f %s", amount, units[unit]);
	return text;
}
