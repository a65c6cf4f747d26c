// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl open: asks a question, now or at a given time. A time of "+3s" is counted on the
 * appliance's clock, so the producer's own clock may be wrong. It never decides what is valid: the
 * appliance does.
 */
#include "ctl/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/windows.h"
#include "dataplane/show/time_text.h"

enum { OPEN_POLL, OPEN_FOR, OPEN_AT, OPEN_MAX_DELAY };

/* What the command line says, before it is known when "+3s" is. */
struct opening {
	struct target target;
	uint64_t duration_ms; /* 0: the appliance's default */
	int64_t max_delay_ms; /* -1: the tenant's */
	bool relative;        /* at_us counts from the appliance's now */
	bool at_given;
	uint64_t at_us;
};

static int read_at(const struct args *args, struct opening *opening)
{
	const char *text = args->values[OPEN_AT];
	if (!text)
		return EXIT_DONE;
	opening->at_given = true;
	opening->relative = text[0] == '+';
	int code = opening->relative ? duration_parse(text + 1, &opening->at_us)
				     : time_parse(text, &opening->at_us);
	if (code < 0)
		return args_refuse(args,
				   "--at \"%s\" is neither a delay such as +3s nor a time such as "
				   "2026-11-22T20:00:00Z",
				   text);
	return EXIT_DONE;
}

/* Answers that viewers could not tell apart. */
static int refuse_twins(const struct args *args)
{
	for (int i = 1; i < args->operand_count; i++)
		for (int j = 1; j < i; j++)
			if (strcmp(args->operands[i], args->operands[j]) == 0)
				return args_refuse(args, "two answers are called '%s'",
						   args->operands[i]);
	return EXIT_DONE;
}

static int read_opening(const struct args *args, struct opening *opening)
{
	struct err err;
	uint64_t max_delay_ms = UINT64_MAX;
	*opening = (struct opening){.max_delay_ms = -1};
	if (target_parse(args->operands[0], TARGET_INTERACTION, &opening->target, &err) < 0)
		return args_refuse(args, "%s", err.text);
	if (args->operand_count < 2)
		return args_refuse(args, "the answers are missing: name them after the question");
	if (refuse_twins(args) != EXIT_DONE)
		return EXIT_USAGE;
	if (read_at(args, opening) != EXIT_DONE ||
	    args_duration_ms(args, OPEN_FOR, 1, &opening->duration_ms) != EXIT_DONE ||
	    args_duration_ms(args, OPEN_MAX_DELAY, 0, &max_delay_ms) != EXIT_DONE)
		return EXIT_USAGE;
	if (max_delay_ms != UINT64_MAX)
		opening->max_delay_ms = (int64_t)max_delay_ms;
	return EXIT_DONE;
}

/* Sets opens_at; asks the appliance for its clock where the time is relative. */
static int set_opens_at(struct client *client, const struct opening *opening, json_t *params)
{
	uint64_t opens_at_us = opening->at_us;
	char text[TIME_TEXT_BYTES];
	if (!opening->at_given)
		return EXIT_DONE;
	if (opening->relative) {
		json_t *list;
		int code =
			request_call(client, NULL, "list",
				     json_pack("{s:s}", "tenant", opening->target.tenant), &list);
		if (code != EXIT_DONE)
			return code;
		uint64_t now_us = reply_time_us(list, "now");
		json_decref(list);
		if (now_us == 0) {
			output_error("the appliance does not say what time it is; give --at as "
				     "2026-11-22T20:00:00Z");
			return EXIT_UNREACHABLE;
		}
		opens_at_us += now_us;
	}
	json_object_set_new(params, "opens_at", json_string(time_format(opens_at_us, text)));
	return EXIT_DONE;
}

/* Everything but opens_at. NULL where a word is not UTF-8 (or memory is short). */
static json_t *build_params(const struct args *args, const struct opening *opening)
{
	json_t *params = target_params(&opening->target);
	json_t *labels = json_array();
	int failed = 0;
	for (int i = 1; i < args->operand_count; i++)
		failed |= json_array_append_new(labels, json_string(args->operands[i]));
	failed |= json_object_set_new(params, "kind", json_string("poll"));
	failed |= json_object_set_new(params, "question", json_string(args->values[OPEN_POLL]));
	failed |= json_object_set_new(params, "options", labels);
	if (opening->duration_ms)
		json_object_set_new(params, "duration_ms",
				    json_integer((json_int_t)opening->duration_ms));
	if (opening->max_delay_ms >= 0)
		json_object_set_new(params, "max_delay_ms", json_integer(opening->max_delay_ms));
	if (!failed)
		return params;
	json_decref(params);
	return NULL;
}

static int run(const struct args *args)
{
	struct opening opening;
	struct client client;
	json_t *window = NULL;
	int code = read_opening(args, &opening);
	if (code != EXIT_DONE)
		return code;
	json_t *params = build_params(args, &opening);
	if (!params)
		return args_refuse(args, "question and answers must be UTF-8 text");
	code = request_open(args, &client);
	if (code != EXIT_DONE)
		goto err_params;
	code = set_opens_at(&client, &opening, params);
	if (code == EXIT_DONE)
		code = request_call(&client, NULL, "open", json_incref(params), &window);
	if (code == EXIT_DONE)
		windows_show(window, args->json);
	json_decref(window);
	client_close(&client);
err_params:
	json_decref(params);
	return code;
}

static const struct verb_option options[] = {
	[OPEN_POLL] = {"poll", "QUESTION", "a poll: one answer per viewer, the first one stands"},
	[OPEN_FOR] = {"for", "DURATION", "how long it can be answered (default 20s)"},
	[OPEN_AT] = {"at", "WHEN", "+3s from now, or 2026-11-22T20:00:00Z (default: now)"},
	[OPEN_MAX_DELAY] = {"max-delay", "DURATION",
			    "how far behind a viewer's picture may be (default: the tenant's)"},
	{NULL, NULL, NULL},
};

const struct verb verb_open = {
	.name = "open",
	.operands = "TENANT/ID LABEL...",
	.summary = "Ask a question: arm a window and open it.",
	.example = "acme/101 --poll \"Which colour?\" Red Blue Green --for 20s",
	.min_operands = 1,
	.max_operands = ARGS_ANY_NUMBER,
	.options = options,
	.required = 1,
	.run = run,
};
