// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl results: the results as they stand, as bars or as the results document. */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/view.h"

#define PROMPT_ROWS 3 /* cautions, and the shell's next line */

enum { RESULTS_TOP };

static int run(const struct args *args)
{
	json_t *params, *document, *interaction;
	uint64_t top = 0;
	size_t i;
	if (args_number(args, RESULTS_TOP, 1, UINT32_MAX, &top) != EXIT_DONE)
		return EXIT_USAGE;
	int code = request_target(args, TARGET_EITHER, &params);
	if (code == EXIT_DONE && top)
		json_object_set_new(params, "top", json_integer((json_int_t)top));
	if (code == EXIT_DONE)
		code = request(args, "results", params, &document);
	if (code != EXIT_DONE)
		return code;
	struct view_live live = {.now_us = reply_time_us(document, "now")};
	/* On a terminal what leads is seen without paging back; elsewhere all is written. */
	size_t max_lines = output_rows() > PROMPT_ROWS ? (size_t)(output_rows() - PROMPT_ROWS) : 0;
	json_t *interactions = json_object_get(document, "interactions");
	if (args->json) {
		output_json(document, true);
	} else {
		json_array_foreach (interactions, i, interaction)
			view_interaction(stdout, interaction, &live, output_columns(), max_lines);
		if (json_array_size(interactions) == 0)
			puts("no windows yet; `tallyctl open` or `tallyctl load` arms some");
		view_leaderboards(stdout, document, output_columns(), 0);
		view_cautions(stdout, document);
	}
	json_decref(document);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
	[RESULTS_TOP] = {"top", "N", "how many places of a leaderboard (default 10)"},
	{NULL, NULL, NULL},
};

const struct verb verb_results = {
	.name = "results",
	.operands = "[TENANT[/ID]]",
	.summary = "Show the results as they stand.",
	.example = "acme/101 --json",
	.max_operands = 1,
	.options = options,
	.run = run,
};
