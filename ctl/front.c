// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl front: who may send to the vote port, changed while votes come in. Lists of prefixes,
 * the panic switch, and who is dropped by which rule. What is no prefix is refused before anybody
 * is asked.
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "dataplane/core/prefix.h"

enum { FRONT_FOR };

static const struct verb_option options[] = {
	[FRONT_FOR] = {"for", "DURATION", "allow, deny: for so long (default: until removed)"},
	{NULL, NULL, NULL},
};

struct word {
	const char *name;
	const char *wants; /* what its second word is called; NULL: it has none */
	bool takes_time;
	int (*run)(const struct args *args);
};

static const char *expiry_text(const json_t *entry, char text[REPLY_TIME_BYTES])
{
	if (json_is_string(json_object_get(entry, "expires_at")))
		return reply_time_text(entry, "expires_at", 0, text);
	return "never";
}

static int run_listing(const struct args *args)
{
	char time[REPLY_TIME_BYTES];
	struct prefix prefix;
	struct err err;
	uint64_t for_ms = 0;
	bool denies = strcmp(args->operands[0], "deny") == 0;
	json_t *entry;
	if (prefix_parse(args->operands[1], &prefix, &err))
		return args_refuse(args, "%s", err.text);
	int code = args_duration_ms(args, FRONT_FOR, 1, &for_ms);
	if (code != EXIT_DONE)
		return code;
	json_t *params = json_pack("{s:s}", "prefix", args->operands[1]);
	if (for_ms)
		json_object_set_new(params, "for_ms", json_integer((json_int_t)for_ms));
	code = request(args, denies ? "front_deny" : "front_allow", params, &entry);
	if (code != EXIT_DONE)
		return code;
	if (args->json) {
		output_json(entry, true);
	} else {
		text_put(stdout, reply_text(entry, "prefix"));
		printf(" is %s; expires: %s\n", denies ? "denied" : "allowed",
		       expiry_text(entry, time));
	}
	json_decref(entry);
	return EXIT_DONE;
}

static int run_remove(const struct args *args)
{
	struct prefix prefix;
	struct err err;
	json_t *removed;
	if (prefix_parse(args->operands[1], &prefix, &err))
		return args_refuse(args, "%s", err.text);
	int code = request(args, "front_remove", json_pack("{s:s}", "prefix", args->operands[1]),
			   &removed);
	if (code != EXIT_DONE)
		return code;
	if (args->json) {
		output_json(removed, true);
	} else {
		text_put(stdout, reply_text(removed, "prefix"));
		puts(" is on no list any more");
	}
	json_decref(removed);
	return EXIT_DONE;
}

static int run_panic(const struct args *args)
{
	bool on = strcmp(args->operands[1], "on") == 0;
	json_t *state;
	if (!on && strcmp(args->operands[1], "off") != 0)
		return args_refuse(args, "panic is on or off, not \"%s\"", args->operands[1]);
	int code = request(args, "front_panic", json_pack("{s:b}", "on", on), &state);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(state, true);
	else
		puts(on ? "panic is on: only sources that have voted before pass" : "panic is off");
	json_decref(state);
	return EXIT_DONE;
}

static void put_entries(FILE *out, const json_t *entries, int columns)
{
	static const struct column titles[] = {
		{"PREFIX", false}, {"ACTION", false}, {"PACKETS", true}, {"EXPIRES", false}};
	char number[TEXT_NUMBER_BYTES], time[REPLY_TIME_BYTES];
	struct table table;
	size_t i;
	json_t *entry;
	if (json_array_size(entries) == 0) {
		fputs("No prefix is allowed or denied.\n", out);
		return;
	}
	table_start(&table, titles, 4);
	json_array_foreach ((json_t *)entries, i, entry) {
		table_add(&table, "%s", reply_text(entry, "prefix"));
		table_add(&table, "%s", reply_text(entry, "action"));
		table_add(&table, "%s", text_number(reply_count(entry, "packets"), number));
		table_add(&table, "%s", expiry_text(entry, time));
	}
	table_print(&table, out, 0, columns);
}

/* A rule's line, and below it who it drops most. */
static void put_rules(FILE *out, const json_t *rules, int columns)
{
	static const struct column titles[] = {
		{"RULE", false}, {"SOURCE", false}, {"DROPPED", true}};
	char number[TEXT_NUMBER_BYTES];
	struct table table;
	size_t i, k;
	json_t *rule, *source;
	table_start(&table, titles, 3);
	json_array_foreach ((json_t *)rules, i, rule) {
		table_add(&table, "%s", reply_text(rule, "rule"));
		table_add(&table, "all");
		table_add(&table, "%s", text_number(reply_count(rule, "packets"), number));
		json_array_foreach (json_object_get(rule, "sources"), k, source) {
			table_add(&table, "%s", "");
			table_add(&table, "%s", reply_text(source, "source"));
			table_add(&table, "~%s",
				  text_number(reply_count(source, "packets"), number));
		}
	}
	fputc('\n', out);
	table_print(&table, out, 0, columns);
}

static void put_limits(FILE *out, const json_t *limits)
{
	char rate[TEXT_NUMBER_BYTES];
	fprintf(out, "A source is an IPv4 /%llu or IPv6 /%llu; ",
		(unsigned long long)reply_count(limits, "ipv4_prefix"),
		(unsigned long long)reply_count(limits, "ipv6_prefix"));
	if (reply_count(limits, "votes_per_s"))
		fprintf(out, "it may send %s votes a second, and a forged one costs %llu more.\n\n",
			text_number(reply_count(limits, "votes_per_s"), rate),
			(unsigned long long)reply_count(limits, "failed_vote_cost"));
	else
		fputs("it has no limit.\n\n", out);
}

static int run_list(const struct args *args)
{
	int columns = output_is_terminal() ? output_columns() : 0;
	json_t *list;
	int code = request(args, "front_list", json_object(), &list);
	if (code != EXIT_DONE)
		return code;
	if (args->json) {
		output_json(list, true);
	} else {
		if (json_is_true(json_object_get(list, "panic")))
			printf("%sPANIC: only sources that have voted before pass.%s\n",
			       output_style(STYLE_CAUTION), output_style(STYLE_PLAIN));
		put_limits(stdout, json_object_get(list, "limits"));
		put_entries(stdout, json_object_get(list, "entries"), columns);
		put_rules(stdout, json_object_get(list, "rules"), columns);
	}
	json_decref(list);
	return EXIT_DONE;
}

static const struct word words[] = {
	{"allow", "the prefix", true, run_listing},
	{"deny", "the prefix", true, run_listing},
	{"remove", "the prefix", false, run_remove},
	{"panic", "on or off", false, run_panic},
	{"list", NULL, false, run_list},
};

static int check_words(const struct args *args, const struct word *word)
{
	if (args->values[FRONT_FOR] && !word->takes_time)
		return args_refuse(args, "--for does not go with %s", word->name);
	if (!word->wants && args->operand_count > 1)
		return args_refuse(args, "\"%s\" is a word too many", args->operands[1]);
	if (word->wants && args->operand_count == 1)
		return args_refuse(args, "%s needs %s", word->name, word->wants);
	return EXIT_DONE;
}

static int run(const struct args *args)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].name, args->operands[0]) != 0)
			continue;
		int code = check_words(args, &words[i]);
		return code == EXIT_DONE ? words[i].run(args) : code;
	}
	return args_refuse(args, "\"%s\" is not allow, deny, remove, panic or list",
			   args->operands[0]);
}

const struct verb verb_front = {
	.name = "front",
	.operands = "allow|deny|remove|panic|list [PREFIX|on|off]",
	.summary = "Allow or deny sources, admit only known ones, or show who is dropped.",
	.example = "deny 203.0.113.0/24 --for 10m",
	.min_operands = 1,
	.max_operands = 2,
	.options = options,
	.run = run,
};
