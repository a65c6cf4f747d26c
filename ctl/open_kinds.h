/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How each kind of question is asked on the command line of `tallyctl open`: a row a kind. Which
 * further options a kind takes follows from its fields in dataplane/core/kind.h. One thread.
 */
#ifndef TALLYWIRE_CTL_OPEN_KINDS_H
#define TALLYWIRE_CTL_OPEN_KINDS_H

#include <jansson.h>
#include "ctl/args.h"

/* Where the question and the answers stand. */
enum open_form {
	OPEN_QUESTION_IN_VALUE, /* the option's value is the question, the words are the answers */
	OPEN_RANGE_IN_VALUE,    /* the value is MIN..MAX; the question is a word, or --question */
	OPEN_ITEMS_IN_FILE,     /* as the first, but @FILE names the answers, and then as above */
	OPEN_NO_VALUE,          /* the words are the answers; --question, or the kind's name */
};

/* X(name in dataplane/core/kind.h, form, what --help calls the value, help), in kind.h's order. */
#define OPEN_KINDS(X)                                                                              \
	X(poll, OPEN_QUESTION_IN_VALUE, "QUESTION", "one answer per viewer")                       \
	X(multi, OPEN_QUESTION_IN_VALUE, "QUESTION", "several answers per viewer, up to --choose") \
	X(quiz, OPEN_QUESTION_IN_VALUE, "QUESTION",                                                \
	  "some answers are right, and the sooner the more points")                                \
	X(scale, OPEN_RANGE_IN_VALUE, "MIN..MAX",                                                  \
	  "a number per viewer; QUESTION comes after TENANT/ID")                                   \
	X(upvote, OPEN_ITEMS_IN_FILE, "QUESTION",                                                  \
	  "viewers are for any items; @FILE has a line for each, QUESTION comes after TENANT/ID")  \
	X(reaction, OPEN_NO_VALUE, NULL, "one answer per viewer and second")

/* The options of `open` by their row, kinds first. */
enum open_option {
#define X(name, form, value, help) OPEN_##name,
	OPEN_KINDS(X)
#undef X
		OPEN_QUESTION,
	OPEN_CORRECT,
	OPEN_POINTS,
	OPEN_CHOOSE,
	OPEN_REVOTE,
	OPEN_SHOW,
	OPEN_FOR,
	OPEN_AT,
	OPEN_MAX_DELAY,
	OPEN_OPTION_COUNT,
};

/*
 * Sets what is asked: kind, question, options or min and max, and what the kind has beside them.
 * EXIT_DONE, or another exit code after a message: EXIT_REFUSED where the file of items is no good.
 */
int open_kinds_read(const struct args *args, json_t *params);

#endif
