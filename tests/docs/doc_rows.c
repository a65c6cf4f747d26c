// SPDX-License-Identifier: BSD-3-Clause
/*
 * Prints what the pages in docs/ must say, from the same rows that the programs are made of:
 *
 *   doc_rows verdicts   the table of docs/counters.md
 *   doc_rows rules      the second one there
 *   doc_rows options    section|key|default|limits, for docs/tallyd.conf.5
 */
#include <stdio.h>
#include <string.h>

#include "dataplane/config.h"
#include "wire/front_maps.h"
#include "wire/verdict.h"

static void print_verdict(const char *name, enum receipt_status status, const char *text)
{
	if (status == RECEIPT_NONE)
		printf("| `%s` | none | %s |\n", name, text);
	else
		printf("| `%s` | %d | %s |\n", name, (int)status, text);
}

static void print_verdicts(void)
{
#define X(symbol, name, receipt, text) print_verdict(#name, RECEIPT_##receipt, text);
	VERDICTS(X)
#undef X
}

static void print_rules(void)
{
#define X(symbol, name, text) printf("| `%s` | %s |\n", #name, text);
	FRONT_RULES(X)
#undef X
}

enum option_type { TEXT, NUMBER, FLAG, MODE, ACK, OCTAL };

static void print_option(const char *place, enum option_type type, const char *standard,
			 unsigned long long least, unsigned long long most)
{
	printf("%s|%s|", place, *standard ? standard : "empty");
	switch (type) {
	case TEXT: printf("up to %d characters\n", CONFIG_TEXT_BYTES - 1); break;
	case NUMBER: printf("%llu to %llu\n", least, most); break;
	case FLAG: printf("yes or no\n"); break;
	case MODE: printf("auto, native or generic\n"); break;
	case ACK: printf("durable, immediate or none\n"); break;
	case OCTAL: printf("octal, up to 0777, with 0200\n"); break;
	}
}

static void print_options(void)
{
#define X(section, key, field, type, standard, least, most, meaning)                               \
	print_option(#section "|" #key, type, standard, least, most);
	CONFIG_OPTIONS(X)
#undef X
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "verdicts") == 0)
		print_verdicts();
	else if (argc == 2 && strcmp(argv[1], "rules") == 0)
		print_rules();
	else if (argc == 2 && strcmp(argv[1], "options") == 0)
		print_options();
	else
		return 2;
	return 0;
}
