// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl voter: takes the right to vote from one voter, gives it back, or lists who lost it. */
#include "ctl/verbs.h"

#include <stdio.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/target.h"
#include "ctl/text.h"

static void put_epochs(const json_t *voter)
{
	size_t i;
	json_t *epoch;
	json_array_foreach (json_object_get(voter, "epochs"), i, epoch)
		printf("%s%lld", i ? " " : "", (long long)json_integer_value(epoch));
	putchar('\n');
}

static void put_revoked(const json_t *told)
{
	text_put(stdout, reply_text(told, "tenant"));
	printf(": voter %llu is revoked under epochs ",
	       (unsigned long long)reply_count(told, "voter"));
	put_epochs(told);
	puts("What stands for this voter stands. A credential of a later epoch is taken again.");
}

static void put_restored(const json_t *told)
{
	text_put(stdout, reply_text(told, "tenant"));
	printf(": voter %llu may vote again\n", (unsigned long long)reply_count(told, "voter"));
}

static void put_list(const json_t *told)
{
	size_t i;
	json_t *voter;
	json_array_foreach (json_object_get(told, "revoked"), i, voter) {
		printf("%llu under epochs ", (unsigned long long)reply_count(voter, "voter"));
		put_epochs(voter);
	}
}

static const struct word {
	const char *name;
	const char *method;
	bool takes_voter;
	void (*put)(const json_t *told);
} words[] = {
	{"revoke", "voter_revoke", true, put_revoked},
	{"restore", "voter_restore", true, put_restored},
	{"list", "voters", false, put_list},
};

/* The request's parameters; NULL with *code set where the words are wrong. */
static json_t *read_words(const struct args *args, const struct word *word, int *code)
{
	struct target target;
	uint64_t voter = 0;
	struct err err;
	int wanted = word->takes_voter ? 3 : 2;
	*code = EXIT_DONE;
	if (args->operand_count > wanted)
		*code = args_refuse(args, "\"%s\" is a word too many", args->operands[wanted]);
	else if (args->operand_count < wanted)
		*code = args_refuse(args, "%s needs the tenant's name%s", word->name,
				    word->takes_voter ? " and the voter's number" : "");
	else if (target_parse(args->operands[1], TARGET_TENANT, &target, &err) < 0)
		*code = args_refuse(args, "%s", err.text);
	else if (word->takes_voter && number_parse(args->operands[2], UINT32_MAX, &voter) < 0)
		*code = args_refuse(args, "\"%s\" is no voter's number, 0 to 4294967295",
				    args->operands[2]);
	if (*code != EXIT_DONE)
		return NULL;
	json_t *params = target_params(&target);
	if (word->takes_voter)
		json_object_set_new(params, "voter", json_integer((json_int_t)voter));
	return params;
}

static int run_word(const struct args *args, const struct word *word)
{
	json_t *told;
	int code;
	json_t *params = read_words(args, word, &code);
	if (!params)
		return code;
	code = request(args, word->method, params, &told);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(told, true);
	else
		word->put(told);
	json_decref(told);
	return EXIT_DONE;
}

static int run(const struct args *args)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, args->operands[0]) == 0)
			return run_word(args, &words[i]);
	return args_refuse(args, "\"%s\" is not revoke, restore or list", args->operands[0]);
}

const struct verb verb_voter = {
	.name = "voter",
	.operands = "revoke|restore|list TENANT [VOTER]",
	.summary = "Take the right to vote from one voter, give it back, or list who lost it.",
	.example = "revoke acme 42",
	.min_operands = 1,
	.max_operands = 3,
	.run = run,
};
