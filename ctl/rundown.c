// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl rundown, next, unload: a whole show while it runs. SHOW may be left out where the
 * appliance has only one; which that is, and what may be done to it, the appliance knows.
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/text.h"
#include "ctl/windows.h"

/* Asks the method that is called as the verb. */
static int ask(const struct args *args, json_t **result)
{
	const char *show = args->operand_count > 0 ? args->operands[0] : NULL;
	json_t *params = json_object();
	if (show && json_object_set_new(params, "show", json_string(show)) != 0) {
		json_decref(params);
		return args_refuse(args, "\"%s\" is not UTF-8 text", show);
	}
	return request(args, args->verb->name, params, result);
}

static void print_rundown(const json_t *rundown)
{
	const json_t *windows = json_object_get(rundown, "windows");
	fputs("show ", stdout);
	text_put(stdout, reply_text(rundown, "show"));
	fputs(": ", stdout);
	windows_put_total(stdout, windows);
	if (json_array_size(windows) > 0)
		windows_table(stdout, windows, WINDOWS_AS_RUNDOWN, reply_time_us(rundown, "now"),
			      output_is_terminal() ? output_columns() : 0);
	windows_put_memory(stdout, json_object_get(rundown, "memory"));
}

static int run_rundown(const struct args *args)
{
	json_t *rundown;
	int code = ask(args, &rundown);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(rundown, true);
	else
		print_rundown(rundown);
	json_decref(rundown);
	return EXIT_DONE;
}

static int run_next(const struct args *args)
{
	json_t *window;
	int code = ask(args, &window);
	if (code != EXIT_DONE)
		return code;
	windows_show(window, args->json);
	json_decref(window);
	return EXIT_DONE;
}

static void print_unloaded(const json_t *unloaded)
{
	char number[TEXT_NUMBER_BYTES];
	uint64_t removed = reply_count(unloaded, "removed");
	uint64_t freed = reply_count(unloaded, "freed_bytes");
	fputs("show ", stdout);
	text_put(stdout, reply_text(unloaded, "show"));
	printf(": %s window%s removed", removed ? text_number(removed, number) : "all",
	       removed == 1 ? "" : "s");
	if (freed)
		printf(", %s given back", text_memory(freed, number));
	putchar('\n');
	windows_put_memory(stdout, json_object_get(unloaded, "memory"));
}

static int run_unload(const struct args *args)
{
	json_t *unloaded;
	int code = ask(args, &unloaded);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(unloaded, true);
	else
		print_unloaded(unloaded);
	json_decref(unloaded);
	return EXIT_DONE;
}

const struct verb verb_rundown = {
	.name = "rundown",
	.operands = "[SHOW]",
	.summary = "Show how a show stands: its windows in order, and their memory.",
	.example = "saturday",
	.max_operands = 1,
	.run = run_rundown,
};

const struct verb verb_next = {
	.name = "next",
	.operands = "[SHOW]",
	.summary = "Open the next scheduled window of a show now.",
	.example = "saturday",
	.max_operands = 1,
	.run = run_next,
};

const struct verb verb_unload = {
	.name = "unload",
	.operands = "SHOW",
	.summary = "Take all windows of a show out, and give their memory back.",
	.example = "saturday",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_unload,
};
