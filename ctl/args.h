/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: what a verb takes, and how it is read. A verb is a row of data and one
 * function;
 * --help, the reading of options and the checks of their number come from the row. One thread.
 */
#ifndef TALLYWIRE_CTL_ARGS_H
#define TALLYWIRE_CTL_ARGS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define ARGS_MAX_OPTIONS 20 /* of one verb, beside those that all have */
#define ARGS_ANY_NUMBER  INT_MAX

/* How the program ends. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* by the appliance, or a file that cannot be used */
	EXIT_USAGE = 2,       /* the command line is wrong; nothing was sent */
	EXIT_UNREACHABLE = 3, /* no answer from the appliance */
	EXIT_UNCERTIFIED = 4, /* audit: as sealed, and nobody can vouch for it */
};

struct args;

struct verb_option {
	const char *name;  /* without the dashes */
	const char *value; /* what --help calls its value; NULL where it takes none */
	const char *help;
};

struct verb {
	const char *name;
	const char *operands; /* for --help: "TENANT/ID LABEL..." */
	const char *summary;  /* one line */
	const char *example;  /* what comes after "tallyctl NAME" */
	int min_operands;
	int max_operands;
	const struct verb_option *options;   /* ends with a row without name; NULL: none */
	int required;                        /* so many of them, the first ones, must be given */
	int (*run)(const struct args *args); /* returns an enum exit_code */
};

/* What was read. All strings are argv's or the environment's. */
struct args {
	const struct verb *verb;
	const char *socket_path;
	int timeout_ms;
	bool json;
	unsigned common_given; /* which options of every verb, as bits by their row */
	const char *
		values[ARGS_MAX_OPTIONS]; /* by row of verb->options; NULL: not given, "": a flag */
	char **operands;
	int operand_count;
};

/* Finds the verb, reads its options, runs it. `verbs` ends with NULL. Returns an enum exit_code. */
int args_run(const struct verb *const verbs[], int argc, char **argv);

/* "tallyctl VERB: …" on stderr with a hint at --help. Returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int args_refuse(const struct args *args, const char *format,
						      ...);

/*
 * Reads option `row` as a duration in whole ms. EXIT_DONE (and *ms untouched where it was not
 * given), or EXIT_USAGE after a message.
 */
int args_duration_ms(const struct args *args, int row, uint64_t min_ms, uint64_t *ms);

/* The same for a whole number of min to max. */
int args_number(const struct args *args, int row, uint64_t min, uint64_t max, uint64_t *number);

#endif
