/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tallyreplay: makes bursts of votes, sends them as an audience would, plays viewers who watch,
 * compares results.
 *
 * The verb table and nothing else; each verb lies in a file of its own.
 */
#include <stdio.h>
#include <string.h>
#include "perf/replay.h"

static const struct verb {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *text;
} verbs[] = {
	{"make", burst_make_main, "make a burst: a capture, its known answer, its rundown"},
	{"send", send_main, "send a capture to an interface and verify the receipts"},
	{"watch", watch_main, "play viewers who are told of windows, and vote when told"},
	{"check", check_main, "compare an appliance's results with a burst's known answer"},
};

static void print_help(FILE *out)
{
	fputs("usage: tallyreplay VERB [OPTIONS]\n\n", out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-6s %s\n", verbs[i].name, verbs[i].text);
	fputs("\n`tallyreplay VERB --help` says more.\n", out);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		print_help(stdout);
		return REPLAY_OK;
	}
	for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].main(argc - 1, argv + 1);
	if (argc >= 2)
		fprintf(stderr, "tallyreplay: '%s' is no verb; use make, send, watch or check\n",
			argv[1]);
	else
		print_help(stderr);
	return REPLAY_USAGE;
}
