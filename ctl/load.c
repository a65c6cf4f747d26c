// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl load: arms all windows of a rundown file, or none. It checks that the file is JSON;
 * whether it is a good rundown the appliance says, with the place and the reason.
 */
#include "ctl/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/text.h"
#include "ctl/windows.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/rundown.h"

static int read_file(const char *path, json_t **rundown)
{
	struct err err;
	if (json_fields_load(path, RUNDOWN_MAX_FILE_BYTES, false, rundown, &err) < 0) {
		output_error("%s; nothing was sent", err.text);
		return EXIT_REFUSED;
	}
	if (json_is_object(*rundown))
		return EXIT_DONE;
	json_decref(*rundown);
	output_error(
		"%s: a rundown is an object, {\"show\":…,\"interactions\":[…]}; nothing was sent",
		path);
	return EXIT_REFUSED;
}

static void print_armed(const json_t *armed)
{
	const json_t *windows = json_object_get(armed, "windows");
	printf("armed %zu window%s of show ", json_array_size(windows),
	       json_array_size(windows) == 1 ? "" : "s");
	text_put(stdout, reply_text(armed, "show"));
	puts("");
	if (json_array_size(windows) > 0)
		windows_table(stdout, windows, 0, output_is_terminal() ? output_columns() : 0);
}

static int run(const struct args *args)
{
	struct client client;
	json_t *rundown, *armed;
	const char *path = args->operands[0];
	int code = read_file(path, &rundown);
	if (code != EXIT_DONE)
		return code;
	code = request_open(args, &client);
	if (code != EXIT_DONE) {
		json_decref(rundown);
		return code;
	}
	code = request_call(&client, path, "load", rundown, &armed);
	client_close(&client);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(armed, true);
	else
		print_armed(armed);
	json_decref(armed);
	return EXIT_DONE;
}

const struct verb verb_load = {
	.name = "load",
	.operands = "RUNDOWN.json",
	.summary = "Arm all windows of a rundown, or none if anything in it is wrong.",
	.example = "saturday.json",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
