/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `tallyreplay check`: does the appliance's result agree with the burst's known answer?
 *
 * Reads two files, prints a table, says yes or no. It never writes and never asks an appliance.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/show/json_fields.h"
#include "perf/compare.h"
#include "perf/options.h"
#include "perf/replay.h"

#define RESULTS_MAX_FILE_BYTES (1u << 30)

static const char help[] =
	"usage: tallyreplay check --results FILE --answer FILE [--exact] [--quiet]\n"
	"\n"
	"Compares results with the known answer of a burst. Exits 0 where they agree, 1 where "
	"not.\n"
	"\n"
	"  --results FILE   what `tallyd --replay` or `tallyctl results --json` wrote\n"
	"  --answer FILE    what `tallyreplay make --answer` wrote\n"
	"  --exact          every number, text and time; without it, duplicates, early, late and\n"
	"                   forged may be more than the answer's, as they are when viewers resend\n"
	"  --quiet          print only rows that differ\n";

/* Where the rows go. */
struct table {
	bool quiet;
	int rows;
};

static void print_row(void *context, const struct compare_row *row)
{
	struct table *table = context;
	table->rows++;
	if (row->agrees && table->quiet)
		return;
	printf("%-32s %20s %2s %-20s %s\n", row->place, row->result,
	       row->rule == COMPARE_AT_LEAST ? ">=" : "=", row->answer,
	       row->agrees ? "agrees" : "DIFFERS");
}

/* A results document, or NULL after one line that says what the file is instead. */
static json_t *load(const char *path, const char *writer)
{
	struct err err = {""};
	json_t *document = NULL;
	int rc = json_fields_load(path, RESULTS_MAX_FILE_BYTES, false, &document, &err);
	if (rc) {
		fprintf(stderr, "tallyreplay: check: %s\n", err.text);
	} else if (!compare_is_results(document)) {
		fprintf(stderr,
			"tallyreplay: check: %s: is no results document; give what %s wrote\n",
			path, writer);
		json_fields_unload(document, false);
		document = NULL;
	}
	return document;
}

static int check_files(const char *results_path, const char *answer_path, bool exact, bool quiet)
{
	struct table table = {.quiet = quiet};
	struct err err = {""};
	json_t *results = load(results_path, "`tallyd --replay` or `tallyctl results --json`");
	json_t *answer = results ? load(answer_path, "`tallyreplay make --answer`") : NULL;
	int differing = -1;
	if (results && answer) {
		differing = compare_results(results, answer, exact, print_row, &table, &err);
		if (differing < 0)
			fprintf(stderr, "tallyreplay: check: %s\n", err.text);
	}
	json_decref(results);
	json_decref(answer);
	if (differing < 0)
		return REPLAY_FAILED;
	if (differing)
		printf("the result differs from the known answer in %d of %d rows\n", differing,
		       table.rows);
	else
		printf("the result agrees with the known answer in all %d rows\n", table.rows);
	return differing ? REPLAY_FAILED : REPLAY_OK;
}

int check_main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},         {"results", required_argument, NULL, 'r'},
		{"answer", required_argument, NULL, 'a'}, {"exact", no_argument, NULL, 'e'},
		{"quiet", no_argument, NULL, 'q'},        {NULL, 0, NULL, 0},
	};
	const char *results_path = NULL, *answer_path = NULL;
	bool exact = false, quiet = false;
	int option;
	struct err err;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case 'h': fputs(help, stdout); return REPLAY_OK;
		case 'r': results_path = optarg; break;
		case 'a': answer_path = optarg; break;
		case 'e': exact = true; break;
		case 'q': quiet = true; break;
		default:
			option_refused("check", option, argv[optind - 1], &err);
			fprintf(stderr, "tallyreplay: %s\n", err.text);
			return REPLAY_USAGE;
		}
	}
	if (!results_path || !answer_path || optind < argc) {
		fprintf(stderr,
			"tallyreplay: check: it takes --results FILE and --answer FILE%s%s\n",
			optind < argc ? ", and not the word " : "",
			optind < argc ? argv[optind] : "");
		return REPLAY_USAGE;
	}
	return check_files(results_path, answer_path, exact, quiet);
}
