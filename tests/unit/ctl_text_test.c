// SPDX-License-Identifier: BSD-3-Clause
/* Text for terminals: widths, cutting, and that nothing a terminal would obey gets through. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/table.h"
#include "ctl/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BAD             "\xEF\xBF\xBD" /* U+FFFD */

static char *text;
static size_t bytes;

static FILE *capture(void)
{
	free(text);
	text = NULL;
	return open_memstream(&text, &bytes);
}

Test(ctl_text, controls_and_escapes_never_reach_the_terminal)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain", "plain"},
		{"\xC3\xBC \xE6\x97\xA5 \xF0\x9F\x8E\x89",
		 "\xC3\xBC \xE6\x97\xA5 \xF0\x9F\x8E\x89"},
		{"a\nb\tc\rd", "a b c d"},
		{"\033]0;title\007", BAD "]0;title" BAD},
		{"\xC2\x9B"
		 "31m",
		 BAD "31m"},           /* C1 control */
		{"\xC2\x85", " "},     /* NEL */
		{"\x7F\x08", BAD BAD}, /* DEL, backspace */
		{"\xE2\x80\xAE"
		 "abc",
		 BAD "abc"},           /* right-to-left override */
		{"\xE2\x80\xA8", " "}, /* line separator */
		{"\xC0\xAF\xED\xA0\x80\xFF",
		 BAD BAD BAD BAD BAD BAD}, /* overlong, surrogate, no UTF-8 */
		{"\xF4\x90\x80\x80", BAD BAD BAD BAD},
		{"\xE2\x82", BAD BAD}, /* cut off */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		FILE *out = capture();
		text_put(out, rows[i].in);
		fclose(out);
		cr_expect_str_eq(text, rows[i].out, "row %zu", i);
	}
}

Test(ctl_text, widths_are_those_of_the_terminal)
{
	cr_expect_eq(text_width(""), 0);
	cr_expect_eq(text_width("abc"), 3);
	cr_expect_eq(text_width("Gr\xC3\xBCn"), 4);
	cr_expect_eq(text_width("\xE6\x97\xA5\xE6\x9C\xAC"), 4); /* two wide ones */
	cr_expect_eq(text_width("e\xCC\x81"), 1);                /* a combining accent */
	cr_expect_eq(text_width("\xF0\x9F\x8E\x89"), 2);         /* an emoji */
	cr_expect_eq(text_width("\033[1m"), 4);                  /* harmless, hence visible */
	cr_expect_str_neq(setlocale(LC_CTYPE, NULL), "C", "C.UTF-8 is missing on this machine");
}

Test(ctl_text, cells_have_exactly_their_width)
{
	static const struct {
		const char *in;
		int columns;
		const char *left, *right;
	} rows[] = {
		{"abc", 5, "abc  ", "  abc"},
		{"abc", 3, "abc", "abc"},
		{"abcd", 3, "ab\xE2\x80\xA6", "ab\xE2\x80\xA6"},
		{"\xE6\x97\xA5\xE6\x9C\xAC", 6, "\xE6\x97\xA5\xE6\x9C\xAC  ",
		 "  \xE6\x97\xA5\xE6\x9C\xAC"},
		/* Half a wide character is never shown. */
		{"\xE6\x97\xA5\xE6\x9C\xAC", 3, "\xE6\x97\xA5\xE2\x80\xA6",
		 "\xE6\x97\xA5\xE2\x80\xA6"},
		{"a\xE6\x97\xA5\xE6\x9C\xAC", 3, "a\xE2\x80\xA6 ", "a\xE2\x80\xA6 "},
		{"abc", 0, "", ""},
		{"", 2, "  ", "  "},
	};
	setenv("LC_ALL", "C.UTF-8", 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		FILE *out = capture();
		text_left(out, rows[i].in, rows[i].columns);
		fclose(out);
		cr_expect_str_eq(text, rows[i].left, "row %zu left", i);
		out = capture();
		text_right(out, rows[i].in, rows[i].columns);
		fclose(out);
		cr_expect_str_eq(text, rows[i].right, "row %zu right", i);
	}
}

Test(ctl_text, numbers_are_grouped)
{
	char number[TEXT_NUMBER_BYTES];
	cr_expect_str_eq(text_number(0, number), "0");
	cr_expect_str_eq(text_number(999, number), "999");
	cr_expect_str_eq(text_number(1000, number), "1,000");
	cr_expect_str_eq(text_number(UINT64_MAX, number), "18,446,744,073,709,551,615");
}

Test(ctl_text, json_stays_json_and_obeys_nobody)
{
	FILE *out = capture();
	text_json(out, "{\"a\":\"\xC2\x9B\x7F\xE2\x80\xAE\xF3\xA0\x81\x81\xC3\xBC\"}\n");
	fclose(out);
	cr_expect_str_eq(text, "{\"a\":\"\\u009b\\u007f\\u202e\\udb40\\udc41\xC3\xBC\"}\n");
}

Test(ctl_text, the_environment_says_whether_utf8)
{
	setenv("LC_ALL", "", 1);
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	cr_expect(text_utf8());
	setenv("LANG", "de_DE.UTF-8", 1);
	cr_expect(text_utf8());
	setenv("LC_CTYPE", "C", 1);
	cr_expect_not(text_utf8());
	setenv("LC_ALL", "en_US.utf8", 1);
	cr_expect(text_utf8());
}

Test(ctl_text, table_columns_fit_what_is_in_them)
{
	static const struct column columns[] = {{"NAME", false}, {"N", true}, {"TEXT", false}};
	struct table table;
	setenv("LC_ALL", "C.UTF-8", 1);
	table_start(&table, columns, 3);
	table_add(&table, "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E");
	table_add(&table, "%d", 1000);
	table_add(&table, "a long text at the end\n");
	table_add(&table, "ab");
	table_add(&table, "%d", 7);
	table_add(&table, "short");
	FILE *out = capture();
	table_print(&table, out, 0, 26);
	fclose(out);
	cr_expect_str_eq(text,
			 "NAME       N  TEXT\n"
			 "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E  1000  a long text\xE2\x80\xA6\n"
			 "ab         7  short\n");
}

Test(ctl_text, memory_grows_units_as_needed)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1048575, "1.0 MiB"},
		{12 << 20, "12.0 MiB"},
		{1ull << 40, "1.0 TiB"},
		{UINT64_MAX, "16777216.0 TiB"},
	};
	char memory[TEXT_NUMBER_BYTES];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(text_memory(rows[i].bytes, memory), rows[i].text, "row %zu: %s", i,
				 memory);
}
