// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl identity: the public half of the key with which the appliance signs results. */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/text.h"

static int run(const struct args *args)
{
	json_t *result;
	int code = request(args, "identity", json_object(), &result);
	if (code != EXIT_DONE)
		return code;
	if (args->json) {
		output_json(result, true);
	} else {
		text_put(stdout, reply_text(result, "hex"));
		putchar('\n');
		text_put(stdout, reply_text(result, "base64"));
		putchar('\n');
	}
	json_decref(result);
	return EXIT_DONE;
}

const struct verb verb_identity = {
	.name = "identity",
	.operands = "",
	.summary = "Show the public key that the appliance signs results with.",
	.example = "--json",
	.run = run,
};
