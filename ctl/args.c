// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads the command line. main.c calls it with the verb table; it never knows what a verb does.
 * Options may stand before or after positional words; "--" ends them.
 */
#include "ctl/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/target.h"
#include "dataplane/show/time_text.h"
#include "wire/control_protocol.h"

#ifndef TALLYWIRE_VERSION
#define TALLYWIRE_VERSION "unknown"
#endif

enum { COMMON_SOCKET, COMMON_TIMEOUT, COMMON_JSON, COMMON_HELP, COMMON_VERSION, COMMON_COUNT };

static const struct verb_option common_options[] = {
	[COMMON_SOCKET] =
		{"socket", "PATH",
		 "tallyd's control socket (or TALLYWIRE_SOCKET; default " CONTROL_DEFAULT_SOCKET
		 ")"},
	[COMMON_TIMEOUT] = {"timeout", "DURATION", "how long to wait for an answer (default 5s)"},
	[COMMON_JSON] = {"json", NULL, "print JSON instead of text"},
	[COMMON_HELP] = {"help", NULL, "print this and end"},
	[COMMON_VERSION] = {"version", NULL, "print the version and end"},
	{NULL, NULL, NULL},
};

/* The first `required` of them must be given. */
static void print_options(const struct verb_option *options, int required)
{
	for (; options && options->name; options++, required--) {
		char text[64];
		snprintf(text, sizeof(text), "--%s%s%s", options->name, options->value ? " " : "",
			 options->value ? options->value : "");
		printf("  %-22s %s%s\n", text, options->help, required > 0 ? " (required)" : "");
	}
}

static void print_verb_help(const struct verb *verb)
{
	printf("Usage: tallyctl %s %s%s", verb->name, verb->operands, verb->operands[0] ? " " : "");
	for (int i = 0; i < verb->required; i++)
		printf("--%s %s ", verb->options[i].name, verb->options[i].value);
	printf("[option]...\n");
	printf("%s\n\n", verb->summary);
	print_options(verb->options, verb->required);
	print_options(common_options, 0);
	printf("\nExample: tallyctl %s %s\n", verb->name, verb->example);
}

static void print_help(const struct verb *const verbs[])
{
	printf("Usage: tallyctl VERB [word]... [option]...\n"
	       "Runs the windows of a show on a Tallywire appliance.\n\nVerbs:\n");
	for (; *verbs; verbs++)
		printf("  %-11s %s\n", (*verbs)->name, (*verbs)->summary);
	printf("\nOptions of every verb:\n");
	print_options(common_options, 0);
	printf("\nExit code: 0 done, 1 refused by the appliance, 2 wrong usage, 3 appliance not "
	       "reached.\n`tallyctl VERB --help` says more; tallyctl(1) says all.\n");
}

int args_refuse(const struct args *args, const char *format, ...)
{
	char text[1024];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	const char *verb = args->verb ? args->verb->name : "";
	output_error("%s%s%s; `tallyctl %s%s--help` shows how", verb, *verb ? ": " : "", text, verb,
		     *verb ? " " : "");
	return EXIT_USAGE;
}

/* The verb's rows first, then the common ones, as getopt_long() wants them. `val` is the row +
 * 1000. */
static int option_count(const struct verb *verb)
{
	int count = 0;
	while (verb && verb->options && verb->options[count].name && count < ARGS_MAX_OPTIONS)
		count++;
	return count;
}

static void fill_long_options(const struct verb *verb, struct option *to)
{
	int own = option_count(verb);
	for (int i = 0; i < own + COMMON_COUNT; i++) {
		const struct verb_option *row =
			i < own ? &verb->options[i] : &common_options[i - own];
		to[i] = (struct option){row->name, row->value ? required_argument : no_argument,
					NULL, 1000 + i};
	}
	to[own + COMMON_COUNT] = (struct option){0};
}

static int read_timeout(struct args *args, const char *text)
{
	uint64_t timeout_us;
	if (duration_parse(text, &timeout_us) < 0 || timeout_us < 1000 || timeout_us > 3600000000u)
		return args_refuse(args, "--timeout \"%s\" is not a duration of 1ms to 1h", text);
	args->timeout_ms = (int)(timeout_us / 1000);
	return EXIT_DONE;
}

static int read_socket(struct args *args, const char *path)
{
	if (!path[0])
		return args_refuse(args, "--socket needs the path of tallyd's control socket");
	args->socket_path = path;
	return EXIT_DONE;
}

/* -1: go on; else the exit code. */
static int take_common(struct args *args, const struct verb *const verbs[], int which)
{
	switch (which) {
	case COMMON_SOCKET: return read_socket(args, optarg) == EXIT_DONE ? -1 : EXIT_USAGE;
	case COMMON_TIMEOUT: return read_timeout(args, optarg) == EXIT_DONE ? -1 : EXIT_USAGE;
	case COMMON_JSON: args->json = true; return -1;
	case COMMON_VERSION: printf("tallyctl %s\n", TALLYWIRE_VERSION); return EXIT_DONE;
	default: break;
	}
	if (args->verb)
		print_verb_help(args->verb);
	else
		print_help(verbs);
	return EXIT_DONE;
}

/* `word` is the long option; a short one is in optopt. */
static int refuse_option(const struct args *args, const char *word)
{
	char letter[] = {'-', (char)optopt, '\0'};
	if (optopt >= 1000)
		return args_refuse(args, "%s takes no value", word);
	return args_refuse(args, "no option %s (a word that begins with \"-\" goes after \"--\")",
			   optopt ? letter : word);
}

/* An option whose value was forgotten takes the next option for it; "--poll=--for" is meant. */
static int check_value(const struct args *args, const char *name, const char *word)
{
	if (!optarg || optarg != word || strncmp(optarg, "--", 2) != 0)
		return EXIT_DONE;
	return args_refuse(
		args,
		"--%s needs a value, and \"%s\" reads like an option; if it is the value, "
		"write --%s=%s",
		name, optarg, name, optarg);
}

/* Takes the option found last, a row of the verb's or of the common ones. -1: go on. */
static int take_option(struct args *args, const struct verb *const verbs[],
		       const struct option *option, const char *word)
{
	int row = option->val - 1000;
	int own = option_count(args->verb);
	bool again = row < own ? args->values[row] != NULL : args->common_given >> (row - own) & 1;
	if (again)
		return args_refuse(args, "--%s is given twice; leave one out", option->name);
	if (check_value(args, option->name, word) != EXIT_DONE)
		return EXIT_USAGE;
	if (row >= own) {
		args->common_given |= 1u << (row - own);
		return take_common(args, verbs, row - own);
	}
	args->values[row] = optarg ? optarg : "";
	return -1;
}

/* Reads options of argv into args; positional words end up at argv[optind ..]. -1: go on. */
static int read_options(struct args *args, const struct verb *const verbs[], int argc, char **argv,
			const char *short_options)
{
	struct option long_options[ARGS_MAX_OPTIONS + COMMON_COUNT + 1];
	fill_long_options(args->verb, long_options);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	for (;;) {
		int found = getopt_long(argc, argv, short_options, long_options, NULL);
		if (found == -1)
			return -1;
		if (found == ':')
			return args_refuse(args, "%s needs a value", argv[optind - 1]);
		if (found == '?')
			return refuse_option(args, argv[optind - 1]);
		int code = take_option(args, verbs, &long_options[found - 1000], argv[optind - 1]);
		if (code >= 0)
			return code;
	}
}

static const struct verb *find_verb(const struct verb *const verbs[], const char *name)
{
	while (*verbs && strcmp((*verbs)->name, name) != 0)
		verbs++;
	return *verbs; /* NULL ends the table */
}

static int run_verb(struct args *args)
{
	const struct verb *verb = args->verb;
	if (args->operand_count < verb->min_operands)
		return args_refuse(args, "expected %s", verb->operands);
	if (args->operand_count > verb->max_operands)
		return args_refuse(args, "\"%s\" is a word too many",
				   args->operands[verb->max_operands]);
	for (int i = 0; i < verb->required; i++)
		if (!args->values[i])
			return args_refuse(args, "--%s %s is missing: %s", verb->options[i].name,
					   verb->options[i].value, verb->options[i].help);
	int code = verb->run(args);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		output_error("cannot write the output: %s", strerror(errno));
		return code == EXIT_DONE ? EXIT_REFUSED : code;
	}
	return code;
}

int args_run(const struct verb *const verbs[], int argc, char **argv)
{
	const char *socket_path = getenv("TALLYWIRE_SOCKET");
	struct args args = {
		.socket_path = socket_path && socket_path[0] ? socket_path : CONTROL_DEFAULT_SOCKET,
		.timeout_ms = CLIENT_DEFAULT_TIMEOUT_MS,
	};
	int code = read_options(&args, verbs, argc, argv, "+:");
	if (code >= 0)
		return code;
	if (optind >= argc)
		return args_refuse(&args, "a verb is missing");
	argc -= optind;
	argv += optind;
	args.verb = find_verb(verbs, argv[0]);
	if (!args.verb)
		return args_refuse(&args, "no verb \"%s\"", argv[0]);
	code = read_options(&args, verbs, argc, argv, ":");
	if (code >= 0)
		return code;
	args.operands = argv + optind;
	args.operand_count = argc - optind;
	return run_verb(&args);
}

int args_duration_ms(const struct args *args, int row, uint64_t min_ms, uint64_t *ms)
{
	const char *text = args->values[row];
	const char *name = args->verb->options[row].name;
	uint64_t duration_us;
	if (!text)
		return EXIT_DONE;
	if (duration_parse(text, &duration_us) < 0)
		return args_refuse(args,
				   "--%s \"%s\" is not a duration, such as 20s or 1500ms: a number "
				   "and its unit, " DURATION_UNITS,
				   name, text);
	if (duration_us % 1000 != 0)
		return args_refuse(args, "--%s \"%s\": milliseconds are the smallest step", name,
				   text);
	if (duration_us / 1000 < min_ms)
		return args_refuse(args, "--%s \"%s\" is too short: at least %llums", name, text,
				   (unsigned long long)min_ms);
	*ms = duration_us / 1000;
	return EXIT_DONE;
}

int args_number(const struct args *args, int row, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *text = args->values[row];
	uint64_t value;
	if (!text)
		return EXIT_DONE;
	if (number_parse(text, max, &value) < 0 || value < min)
		return args_refuse(args, "--%s \"%s\" is not a number of %llu to %llu",
				   args->verb->options[row].name, text, (unsigned long long)min,
				   (unsigned long long)max);
	*number = value;
	return EXIT_DONE;
}
