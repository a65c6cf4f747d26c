// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl list: all windows, of one tenant or of all. */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/windows.h"

static int run(const struct args *args)
{
	json_t *params, *list;
	int code = request_target(args, TARGET_TENANT, &params);
	if (code == EXIT_DONE)
		code = request(args, "list", params, &list);
	if (code != EXIT_DONE)
		return code;
	json_t *windows = json_object_get(list, "windows");
	if (args->json) {
		output_json(list, true);
	} else if (json_array_size(windows) == 0) {
		puts("no windows are armed; `tallyctl open` or `tallyctl load` arms some");
	} else {
		windows_table(stdout, windows, WINDOWS_WITH_TIMES, reply_time_us(list, "now"),
			      output_is_terminal() ? output_columns() : 0);
		windows_put_total(stdout, windows);
	}
	json_decref(list);
	return EXIT_DONE;
}

const struct verb verb_list = {
	.name = "list",
	.operands = "[TENANT]",
	.summary = "List the windows that are armed, open or over.",
	.example = "acme",
	.max_operands = 1,
	.run = run,
};
