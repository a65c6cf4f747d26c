// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl tenant: tenants come, get new keys, go, and are listed, while the show goes on. A new
 * key is printed once, for the tenant's login service; the appliance never tells it again.
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "dataplane/show/json_fields.h"
#include "dataplane/show/keyring.h"

enum {
	TENANT_ID,
	TENANT_MAX_DELAY,
	TENANT_EPOCH,
	TENANT_FIRST_LIMIT, /* the limits, in the order of TENANT_LIMITS */
};

#define MIB (1u << 20)

static const struct verb_option options[] = {
	[TENANT_ID] = {"id", "N", "add: its number on the wire (default: the lowest free one)"},
	[TENANT_MAX_DELAY] = {"max-delay", "DURATION",
			      "add: how far behind its viewers may be (default 5s)"},
	[TENANT_EPOCH] = {"epoch", "N", "retire: only the key of this epoch"},
	[TENANT_FIRST_LIMIT] = {"votes-per-s", "N", "add: votes a second at most"},
	{"voters", "N", "add: voter numbers per window at most"},
	{"windows", "N", "add: windows armed at once at most"},
	{"memory-mb", "N", "add: memory for all its windows at most, in MiB"},
	{NULL, NULL, NULL},
};

struct word {
	const char *name;
	bool takes_tenant;
	unsigned options; /* that go with it, as bits by row */
	int (*run)(const struct args *args);
};

static int read_limits(const struct args *args, json_t *params)
{
	static const struct {
		const char *name;
		uint64_t most;
	} rows[] = {
#define X(limit, most) {#limit, most},
		TENANT_LIMITS(X)
#undef X
	};
	json_t *limits = json_object();
	int code = EXIT_DONE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && code == EXIT_DONE; i++) {
		uint64_t number = 0;
		code = args_number(args, TENANT_FIRST_LIMIT + (int)i, 1, rows[i].most, &number);
		if (number)
			json_object_set_new(limits, rows[i].name, json_integer((json_int_t)number));
	}
	json_object_set_new(params, "limits", limits);
	return code;
}

static int read_added(const struct args *args, json_t *params)
{
	uint64_t id = 0, max_delay_ms = 0;
	int code = args_number(args, TENANT_ID, 0, UINT16_MAX, &id);
	if (code == EXIT_DONE)
		code = args_duration_ms(args, TENANT_MAX_DELAY, 0, &max_delay_ms);
	if (code == EXIT_DONE && max_delay_ms > KEYRING_MAX_DELAY_MS)
		code = args_refuse(args, "--max-delay \"%s\" is more than 10m",
				   args->values[TENANT_MAX_DELAY]);
	if (code != EXIT_DONE)
		return code;
	json_object_set_new(params, "name", json_string(args->operands[1]));
	if (args->values[TENANT_ID])
		json_object_set_new(params, "id", json_integer((json_int_t)id));
	if (args->values[TENANT_MAX_DELAY])
		json_object_set_new(params, "max_delay_ms", json_integer((json_int_t)max_delay_ms));
	return read_limits(args, params);
}

/* The one place where a key is printed. */
static void show_key(const struct args *args, json_t *told)
{
	if (args->json) {
		output_json(told, true);
	} else {
		printf("tenant  ");
		text_put(stdout, reply_text(told, "tenant"));
		printf(" (%llu)\nepoch   %llu\nkey     ",
		       (unsigned long long)reply_count(told, "id"),
		       (unsigned long long)reply_count(told, "epoch"));
		text_put(stdout, reply_text(told, "key"));
		puts("\nGive the key to the tenant's login service now: it is not shown again.");
	}
	json_fields_unload(told, true);
}

static int run_add(const struct args *args)
{
	json_t *params = json_object(), *told;
	int code = read_added(args, params);
	if (code != EXIT_DONE) {
		json_decref(params);
		return code;
	}
	code = request(args, "tenant_add", params, &told);
	if (code == EXIT_DONE)
		show_key(args, told);
	return code;
}

static int run_rotate(const struct args *args)
{
	json_t *told;
	json_t *params = json_pack("{s:s}", "tenant", args->operands[1]);
	int code = request(args, "tenant_rotate", params, &told);
	if (code == EXIT_DONE)
		show_key(args, told);
	return code;
}

static void put_epochs(FILE *out, const json_t *epochs)
{
	size_t i;
	json_t *epoch;
	json_array_foreach ((json_t *)epochs, i, epoch)
		fprintf(out, "%s%lld", i ? " " : "", (long long)json_integer_value(epoch));
}

static int run_retire(const struct args *args)
{
	json_t *left;
	uint64_t epoch = 0;
	json_t *params = json_pack("{s:s}", "tenant", args->operands[1]);
	int code = args_number(args, TENANT_EPOCH, 0, KEYRING_EPOCHS - 1, &epoch);
	if (code != EXIT_DONE) {
		json_decref(params);
		return code;
	}
	if (args->values[TENANT_EPOCH])
		json_object_set_new(params, "epoch", json_integer((json_int_t)epoch));
	code = request(args, "tenant_retire", params, &left);
	if (code != EXIT_DONE)
		return code;
	if (args->json) {
		output_json(left, true);
	} else {
		text_put(stdout, reply_text(left, "tenant"));
		if (args->values[TENANT_EPOCH]) {
			printf(": epoch %llu is retired; valid: ", (unsigned long long)epoch);
			put_epochs(stdout, json_object_get(left, "epochs"));
		} else {
			fputs(" is retired", stdout);
		}
		putchar('\n');
	}
	json_decref(left);
	return EXIT_DONE;
}

/* "3" or "3/5": what is in use, of what it may at most. */
static void add_use(struct table *table, uint64_t used, const json_t *limits, const char *limit)
{
	char number[TEXT_NUMBER_BYTES], most_number[TEXT_NUMBER_BYTES];
	uint64_t most = reply_count(limits, limit);
	if (most)
		table_add(table, "%s/%s", text_number(used, number),
			  text_number(most, most_number));
	else
		table_add(table, "%s", text_number(used, number));
}

static void add_limit(struct table *table, const json_t *limits, const char *limit)
{
	char number[TEXT_NUMBER_BYTES];
	uint64_t most = reply_count(limits, limit);
	table_add(table, "%s", most ? text_number(most, number) : "-");
}

static void add_epochs(struct table *table, const json_t *tenant)
{
	char text[KEYRING_EPOCHS * 5];
	size_t used = 0, i;
	json_t *epoch;
	text[0] = '\0';
	json_array_foreach (json_object_get(tenant, "epochs"), i, epoch) {
		if (used + 8 < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%hu",
						 i ? " " : "",
						 (unsigned short)json_integer_value(epoch));
	}
	table_add(table, "%s", text);
}

static void add_tenant(struct table *table, const json_t *tenant)
{
	const json_t *limits = json_object_get(tenant, "limits");
	char number[TEXT_NUMBER_BYTES];
	uint64_t memory_mb = (reply_count(tenant, "memory_bytes") + MIB - 1) / MIB;
	table_add(table, "%s", reply_text(tenant, "name"));
	table_add(table, "%llu", (unsigned long long)reply_count(tenant, "id"));
	table_add(table, "%llu", (unsigned long long)reply_count(tenant, "newest_epoch"));
	table_add(table, "%llu ms", (unsigned long long)reply_count(tenant, "max_delay_ms"));
	add_limit(table, limits, "votes_per_s");
	add_limit(table, limits, "voters");
	add_use(table, reply_count(tenant, "windows"), limits, "windows");
	add_use(table, memory_mb, limits, "memory_mb");
	table_add(table, "%s", text_number(reply_count(tenant, "policed"), number));
	table_add(table, "%s", text_number(reply_count(tenant, "busy"), number));
	add_epochs(table, tenant);
}

static void put_tenants(const json_t *tenants)
{
	static const struct column titles[] = {
		{"TENANT", false}, {"ID", true},     {"NEWEST", true},  {"MAX DELAY", true},
		{"VOTES/S", true}, {"VOTERS", true}, {"WINDOWS", true}, {"MIB", true},
		{"POLICED", true}, {"BUSY", true},   {"EPOCHS", false},
	};
	struct table table;
	size_t i;
	json_t *tenant;
	table_start(&table, titles, sizeof(titles) / sizeof(titles[0]));
	json_array_foreach ((json_t *)tenants, i, tenant)
		add_tenant(&table, tenant);
	table_print(&table, stdout, 0, output_is_terminal() ? output_columns() : 0);
}

static int run_list(const struct args *args)
{
	json_t *list;
	int code = request(args, "tenants", json_object(), &list);
	if (code != EXIT_DONE)
		return code;
	if (args->json)
		output_json(list, true);
	else
		put_tenants(json_object_get(list, "tenants"));
	json_decref(list);
	return EXIT_DONE;
}

#define LIMIT_BITS (0xFu << TENANT_FIRST_LIMIT)

static const struct word words[] = {
	{"add", true, 1u << TENANT_ID | 1u << TENANT_MAX_DELAY | LIMIT_BITS, run_add},
	{"rotate", true, 0, run_rotate},
	{"retire", true, 1u << TENANT_EPOCH, run_retire},
	{"list", false, 0, run_list},
};

static int check_words(const struct args *args, const struct word *word)
{
	struct target target;
	struct err err;
	for (int row = 0; options[row].name; row++)
		if (args->values[row] && !(word->options & 1u << row))
			return args_refuse(args, "--%s does not go with %s", options[row].name,
					   word->name);
	if (!word->takes_tenant)
		return args->operand_count == 1
			       ? EXIT_DONE
			       : args_refuse(args, "\"%s\" is a word too many", args->operands[1]);
	if (args->operand_count == 1)
		return args_refuse(args, "%s needs the tenant's name", word->name);
	if (target_parse(args->operands[1], TARGET_TENANT, &target, &err) < 0)
		return args_refuse(args, "%s", err.text);
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
	return args_refuse(args, "\"%s\" is not add, rotate, retire or list", args->operands[0]);
}

const struct verb verb_tenant = {
	.name = "tenant",
	.operands = "add|rotate|retire|list [TENANT]",
	.summary = "Add a tenant, give it a new key, retire it or a key, or list all.",
	.example = "add acme --max-delay 30s --voters 200000",
	.min_operands = 1,
	.max_operands = 2,
	.options = options,
	.run = run,
};
