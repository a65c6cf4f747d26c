// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl results: the results as they stand, as bars or as the results document. */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/view.h"

static int run(const struct args *args)
{
	json_t *params, *document, *interaction;
	size_t i;
	int code = request_target(args, TARGET_EITHER, &params);
	if (code == EXIT_DONE)
		code = request(args, "results", params, &document);
	if (code != EXIT_DONE)
		return code;
	struct view_live live = {.now_us = reply_time_us(document, "now")};
	json_t *interactions = json_object_get(document, "interactions");
	if (args->json) {
		output_json(document, true);
	} else {
		json_array_foreach (interactions, i, interaction)
			view_interaction(stdout, interaction, &live, output_columns());
		if (json_array_size(interactions) == 0)
			puts("no windows yet; `tallyctl open` or `tallyctl load` arms some");
		view_cautions(stdout, document);
	}
	json_decref(document);
	return EXIT_DONE;
}

const struct verb verb_results = {
	.name = "results",
	.operands = "[TENANT[/ID]]",
	.summary = "Show the results as they stand.",
	.example = "acme/101 --json",
	.max_operands = 1,
	.run = run,
};
