// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl leaderboard: who scored most, in one quiz or in all quizzes of a show, and where one
 * voter stands. The appliance ranks; here it is only shown.
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/leaders.h"
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/text.h"

enum { LEADERBOARD_SHOW, LEADERBOARD_TOP, LEADERBOARD_VOTER };

static int read_params(const struct args *args, json_t **params)
{
	const char *show = args->values[LEADERBOARD_SHOW];
	uint64_t top = 0, voter = 0;
	if (args_number(args, LEADERBOARD_TOP, 1, UINT32_MAX, &top) != EXIT_DONE ||
	    args_number(args, LEADERBOARD_VOTER, 0, UINT32_MAX, &voter) != EXIT_DONE)
		return EXIT_USAGE;
	int code = request_target(args, TARGET_EITHER, params);
	if (code != EXIT_DONE)
		return code;
	json_t *name = show && show[0] ? json_string(show) : json_null();
	if (show && json_object_set_new(*params, "show", name) != 0) {
		json_decref(*params);
		return args_refuse(args, "--show \"%s\" is not UTF-8 text", show);
	}
	if (top)
		json_object_set_new(*params, "top", json_integer((json_int_t)top));
	if (args->values[LEADERBOARD_VOTER])
		json_object_set_new(*params, "voter", json_integer((json_int_t)voter));
	return EXIT_DONE;
}

/* "acme/7: 1,234 players", "acme, show saturday: 1 player" */
static void put_heading(const json_t *board)
{
	char number[TEXT_NUMBER_BYTES];
	uint64_t players = reply_count(board, "players");
	fputs(output_style(STYLE_BOLD), stdout);
	text_put(stdout, reply_text(board, "tenant"));
	if (json_object_get(board, "id"))
		printf("/%llu", (unsigned long long)reply_count(board, "id"));
	if (json_is_string(json_object_get(board, "show"))) {
		fputs(", show ", stdout);
		text_put(stdout, reply_text(board, "show"));
	}
	printf("%s: %s player%s\n", output_style(STYLE_PLAIN), text_number(players, number),
	       players == 1 ? "" : "s");
}

/* The voter who was asked for; rank and points are null where nothing was scored. */
static void put_voter(const json_t *voter, int columns)
{
	uint64_t number = reply_count(voter, "voter");
	if (json_is_integer(json_object_get(voter, "rank")))
		leaders_put_place(stdout, reply_count(voter, "rank"), number,
				  reply_count(voter, "points"), columns);
	else
		printf("voter %llu has not scored\n", (unsigned long long)number);
}

static int run(const struct args *args)
{
	json_t *params, *board;
	int code = read_params(args, &params);
	if (code == EXIT_DONE)
		code = request(args, "leaderboard", params, &board);
	if (code != EXIT_DONE)
		return code;
	const json_t *voter = json_object_get(board, "voter");
	if (args->json) {
		output_json(board, true);
	} else {
		put_heading(board);
		leaders_put(stdout, json_object_get(board, "entries"), output_columns(), 0);
		if (json_is_object(voter))
			put_voter(voter, output_columns());
	}
	json_decref(board);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
	[LEADERBOARD_SHOW] = {"show", "NAME", "only quizzes of this show; '': of none"},
	[LEADERBOARD_TOP] = {"top", "N", "how many places (default 10)"},
	[LEADERBOARD_VOTER] = {"voter", "N", "and the place of this voter"},
	{NULL, NULL, NULL},
};

const struct verb verb_leaderboard = {
	.name = "leaderboard",
	.operands = "TENANT[/ID]",
	.summary = "Show who scored most, in one quiz or in all of a tenant's.",
	.example = "acme --show saturday --top 20",
	.min_operands = 1,
	.max_operands = 1,
	.options = options,
	.run = run,
};
