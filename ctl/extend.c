// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl extend: a window closes later. The appliance decides whether it still can. */
#include "ctl/verbs.h"

#include "ctl/request.h"
#include "ctl/windows.h"

enum { EXTEND_BY };

static int run(const struct args *args)
{
	json_t *params, *window;
	uint64_t by_ms = 0;
	if (args_duration_ms(args, EXTEND_BY, 1, &by_ms) != EXIT_DONE)
		return EXIT_USAGE;
	int code = request_target(args, TARGET_INTERACTION, &params);
	if (code != EXIT_DONE)
		return code;
	json_object_set_new(params, "by_ms", json_integer((json_int_t)by_ms));
	code = request(args, "extend", params, &window);
	if (code != EXIT_DONE)
		return code;
	windows_show(window, args->json);
	json_decref(window);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
	[EXTEND_BY] = {"by", "DURATION", "how much longer it can be answered"},
	{NULL, NULL, NULL},
};

const struct verb verb_extend = {
	.name = "extend",
	.operands = "TENANT/ID",
	.summary = "Let a window close later.",
	.example = "acme/101 --by 5s",
	.min_operands = 1,
	.max_operands = 1,
	.options = options,
	.required = 1,
	.run = run,
};
