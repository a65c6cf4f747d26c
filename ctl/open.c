// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl open: asks a question, now or at a given time. A time of "+3s" is counted on the
 * appliance's clock, so the producer's own clock may be wrong. It never decides what is valid: the
 * appliance does.
 */
#include "ctl/verbs.h"

#include "ctl/open_kinds.h"
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/windows.h"
#include "dataplane/show/time_text.h"

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

static int read_opening(const struct args *args, struct opening *opening)
{
	struct err err;
	uint64_t max_delay_ms = UINT64_MAX;
	*opening = (struct opening){.max_delay_ms = -1};
	if (target_parse(args->operands[0], TARGET_INTERACTION, &opening->target, &err) < 0)
		return args_refuse(args, "%s", err.text);
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
		/* Of all answers with a clock, the one that never grows with the windows. */
		json_t *stats;
		int code = request_call(client, NULL, "stats", json_object(), &stats);
		if (code != EXIT_DONE)
			return code;
		uint64_t now_us = reply_time_us(stats, "now");
		json_decref(stats);
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

/* Everything but opens_at. */
static int set_params(const struct args *args, const struct opening *opening, json_t *params)
{
	const char *show = args->values[OPEN_SHOW];
	int code = open_kinds_read(args, params);
	if (code != EXIT_DONE)
		return code;
	if (show && json_object_set_new(params, "show", json_string(show)) != 0)
		return args_refuse(args, "--show \"%s\" is not UTF-8 text", show);
	if (opening->duration_ms)
		json_object_set_new(params, "duration_ms",
				    json_integer((json_int_t)opening->duration_ms));
	if (opening->max_delay_ms >= 0)
		json_object_set_new(params, "max_delay_ms", json_integer(opening->max_delay_ms));
	return EXIT_DONE;
}

static int run(const struct args *args)
{
	struct opening opening;
	struct client client;
	json_t *window = NULL;
	int code = read_opening(args, &opening);
	if (code != EXIT_DONE)
		return code;
	json_t *params = target_params(&opening.target);
	code = set_params(args, &opening, params);
	if (code == EXIT_DONE)
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
#define X(name, form, value, help) [OPEN_##name] = {#name, value, help},
	OPEN_KINDS(X)
#undef X
		[OPEN_QUESTION] = {"question", "TEXT",
				   "the question, where no kind's value has it"},
	[OPEN_CORRECT] = {"correct", "LABEL",
			  "the right answer of a quiz, or its number '#0'; A,B: both"},
	[OPEN_POINTS] = {"points", "N", "of a quiz, for a right answer at once (default 1000)"},
	[OPEN_CHOOSE] = {"choose", "N",
			 "how many answers of a multi a viewer may give (default: all)"},
	[OPEN_REVOTE] = {"revote", NULL, "answers of a poll, multi or scale may be changed"},
	[OPEN_SHOW] = {"show", "NAME", "the show that it belongs to (default: none)"},
	[OPEN_FOR] = {"for", "DURATION", "how long it can be answered (default 20s)"},
	[OPEN_AT] = {"at", "WHEN", "+3s from now, or 2026-11-22T20:00:00Z (default: now)"},
	[OPEN_MAX_DELAY] = {"max-delay", "DURATION",
			    "how far behind a viewer's picture may be (default: the tenant's)"},
	[OPEN_OPTION_COUNT] = {NULL, NULL, NULL},
};
_Static_assert(OPEN_OPTION_COUNT <= ARGS_MAX_OPTIONS, "more options than a verb may have");

const struct verb verb_open = {
	.name = "open",
	.operands = "TENANT/ID [QUESTION] [LABEL]... --KIND [VALUE]",
	.summary = "Ask a question: arm a window and open it.",
	.example = "acme/101 --poll \"Which colour?\" Red Blue Green --for 20s",
	.min_operands = 1,
	.max_operands = ARGS_ANY_NUMBER,
	.options = options,
	.run = run,
};
