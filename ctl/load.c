// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl load: brings a show to what its rundown file says, all of it or nothing. It checks that
 * the file is JSON; whether it is a good rundown, and what differs, the appliance says.
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/text.h"
#include "ctl/windows.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/rundown.h"

enum { LOAD_CHECK };

#define DRY_RUN "dry_run" /* of the method `load`, beside the rundown's own fields */

static int read_file(const char *path, json_t **rundown)
{
	struct err err;
	if (json_fields_load(path, RUNDOWN_MAX_FILE_BYTES, false, rundown, &err) < 0) {
		output_error("%s; nothing was sent", err.text);
		return EXIT_REFUSED;
	}
	if (json_is_object(*rundown) && !json_object_get(*rundown, DRY_RUN))
		return EXIT_DONE;
	if (json_is_object(*rundown))
		output_error("%s: " DRY_RUN ": is no field of a rundown; remove it and say "
			     "--check; nothing was sent",
			     path);
	else
		output_error("%s: a rundown is an object, {\"show\":…,\"interactions\":[…]}; "
			     "nothing was sent",
			     path);
	json_decref(*rundown);
	return EXIT_REFUSED;
}

/* "2 armed, 1 replaced, 3 kept, 0 removed" */
static void put_changes(const json_t *changes)
{
	static const char *const names[] = {"armed", "replaced", "kept", "removed"};
	char number[TEXT_NUMBER_BYTES];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf("%s%s %s", i ? ", " : "",
		       text_number(reply_count(changes, names[i]), number), names[i]);
}

static void print_loaded(const json_t *loaded, bool check)
{
	const json_t *windows = json_object_get(loaded, "windows");
	fputs("show ", stdout);
	text_put(stdout, reply_text(loaded, "show"));
	fputs(check ? ", checked only: " : ": ", stdout);
	put_changes(json_object_get(loaded, "changes"));
	puts(check ? "; nothing was changed" : "");
	if (json_array_size(windows) > 0)
		windows_table(stdout, windows, WINDOWS_WITH_TIMES, 0,
			      output_is_terminal() ? output_columns() : 0);
	windows_put_memory(stdout, json_object_get(loaded, "memory"));
}

static int run(const struct args *args)
{
	struct client client;
	json_t *rundown, *loaded;
	const char *path = args->operands[0];
	bool check = args->values[LOAD_CHECK];
	int code = read_file(path, &rundown);
	if (code != EXIT_DONE)
		return code;
	if (check)
		json_object_set_new(rundown, DRY_RUN, json_true());
	code = request_open(args, &client);
	if (code != EXIT_DONE) {
		json_decref(rundown);
		return code;
	}
	code = request_call(&client, path, "load", rundown, &loaded);
	client_close(&client);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(loaded, true);
	else
		print_loaded(loaded, check);
	json_decref(loaded);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
	[LOAD_CHECK] = {"check", NULL, "say what would change, and change nothing"},
	{NULL, NULL, NULL},
};

const struct verb verb_load = {
	.name = "load",
	.operands = "RUNDOWN.json",
	.summary = "Bring a show to what its rundown says: all of it, or nothing if any is wrong.",
	.example = "saturday.json",
	.min_operands = 1,
	.max_operands = 1,
	.options = options,
	.run = run,
};
