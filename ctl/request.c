// SPDX-License-Identifier: BSD-3-Clause
/* One command, one connection. The verbs call it; it never decides what is printed on success. */
#include "ctl/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ctl/output.h"

#define WORD_BYTES 32

int request_exit_code(int code)
{
	if (code >= 0)
		return EXIT_DONE;
	return code == -EREMOTEIO || code == -E2BIG ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

int request_open(const struct args *args, struct client *client)
{
	struct err err;
	int code = client_open(client, args->socket_path, args->timeout_ms, &err);
	if (code < 0)
		output_error("%s", err.text);
	return request_exit_code(code);
}

/* "answer 3" for "options[2]": … NULL where it is something else. */
static const char *answer_word(const char *place, char word[WORD_BYTES])
{
	unsigned index;
	int length = 0;
	if (sscanf(place, "options[%u]%n", &index, &length) != 1 || place[length] != ':')
		return NULL;
	snprintf(word, WORD_BYTES, "answer %u", index + 1);
	return word;
}

/* What people typed for a parameter of the protocol; NULL where they typed none. */
static const char *typed_word(const char *place, char word[WORD_BYTES])
{
	static const struct {
		const char *name, *word;
	} rows[] = {
		{"question", "the question"},
		{"options", "the answers"},
		{"tenant", "the tenant"},
		{"id", "the interaction's number"},
		{"opens_at", "--at"},
		{"duration_ms", "--for, in ms"},
		{"max_delay_ms", "--max-delay, in ms"},
		{"by_ms", "--by, in ms"},
		{"rate_hz", "--rate"},
		{"min", "--scale"},
		{"max", "--scale"},
		{"max_choices", "--choose"},
		{"correct", "--correct"},
		{"points", "--points"},
		{"revote", "--revote"},
		{"show", "the show"},
		{"top", "--top"},
		{"voter", "--voter"},
	};
	size_t length = strcspn(place, ":");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strlen(rows[i].name) == length && strncmp(place, rows[i].name, length) == 0)
			return rows[i].word;
	return answer_word(place, word);
}

/* The appliance names what it was sent: "params.options[2]: …". People sent words or a file. */
static void print_refusal(const char *about, const char *message)
{
	static const char root[] = "params: ", member[] = "params.";
	const char *word = NULL;
	char room[WORD_BYTES];
	if (strncmp(message, root, strlen(root)) == 0) {
		message += strlen(root);
	} else if (strncmp(message, member, strlen(member)) == 0) {
		message += strlen(member);
		word = about ? NULL : typed_word(message, room);
	}
	output_error("%s%s%s%s", about ? about : "", about ? ": " : "", word ? word : "",
		     word ? strchr(message, ':') : message);
}

int request_call(struct client *client, const char *about, const char *method, json_t *params,
		 json_t **result)
{
	struct err err;
	int code = client_call(client, method, params, result, &err);
	if (code < 0)
		print_refusal(about, err.text);
	return request_exit_code(code);
}

int request(const struct args *args, const char *method, json_t *params, json_t **result)
{
	struct client client;
	int code = request_open(args, &client);
	if (code != EXIT_DONE) {
		json_decref(params);
		return code;
	}
	code = request_call(&client, NULL, method, params, result);
	client_close(&client);
	return code;
}

int request_target(const struct args *args, enum target_form form, json_t **params)
{
	struct target target;
	struct err err;
	if (args->operand_count == 0) {
		*params = target_params(NULL);
		return EXIT_DONE;
	}
	if (target_parse(args->operands[0], form, &target, &err) < 0)
		return args_refuse(args, "%s", err.text);
	*params = target_params(&target);
	return EXIT_DONE;
}
