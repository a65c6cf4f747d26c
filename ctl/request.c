// SPDX-License-Identifier: BSD-3-Clause
/* One command, one connection. The verbs call it; it never decides what is printed on success. */
#include "ctl/request.h"

#include <errno.h>
#include <string.h>
#include "ctl/output.h"

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

/* The appliance begins with "params: " where it means what it was sent; people sent a file or
 * words. */
static const char *place_of(const char *message)
{
	static const char prefix[] = "params: ";
	return strncmp(message, prefix, strlen(prefix)) == 0 ? message + strlen(prefix) : message;
}

int request_call(struct client *client, const char *about, const char *method, json_t *params,
		 json_t **result)
{
	struct err err;
	int code = client_call(client, method, params, result, &err);
	if (code < 0)
		output_error("%s%s%s", about ? about : "", about ? ": " : "", place_of(err.text));
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
