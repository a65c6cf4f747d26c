/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a method's parameters, and making its answer or error. For the files of methods
 * (dataplane/methods.h) and for the connection's own (control_client.c). Control thread.
 */
#ifndef TALLYWIRE_METHOD_PARAMS_H
#define TALLYWIRE_METHOD_PARAMS_H

#include <jansson.h>
#include "dataplane/appliance.h"
#include "wire/control_protocol.h"

/* Who asks: those who run the show, or anybody. The socket that they came in by says it. */
enum control_role { CONTROL_STUDIO, CONTROL_PUBLIC, CONTROL_ROLES };

/* Which windows a request is about. */
struct selection {
	bool all_tenants; /* then the rest has no meaning */
	bool all_ids;
	uint16_t tenant;
	uint32_t id;
	uint32_t top; /* entries of each leaderboard */
};

/* A JSON-RPC error: code and the line that goes out as its message. */
struct method_error {
	int code;
	struct err text;
};

/* Refuses members whose names are not in the NULL-ended list. `params` may be NULL: none. */
int params_only(const json_t *params, const char *const *names, struct err *err);

/* Reads a whole number that has to be there. */
int params_integer(const json_t *params, const char *name, uint64_t least, uint64_t most,
		   uint64_t *value, struct err *err);

/* Reads `tenant`, which has to be there and in the keyring (-ENOENT where it is not). */
int params_tenant(struct appliance *appliance, const json_t *params, uint16_t *tenant,
		  struct err *err);

/* Reads an optional `top`: how many entries a leaderboard is to have. */
int params_top(const json_t *params, uint32_t *top, struct err *err);

/* Reads `show`, a show's name, which belongs to `params`. Where it is absent it stays as it is. */
int params_show(const json_t *params, const char **show, struct err *err);

/* Reads a boolean. Where it is absent it stays as it is. */
int params_boolean(const json_t *params, const char *name, bool *value, struct err *err);

/* Reads optional `tenant` and `id`; other members than these and `also` (or NULL) are refused. */
int selection_parse(struct appliance *appliance, const json_t *params, const char *also,
		    struct selection *selection, struct method_error *error);

/* The same with an optional `top`, for those whose answer has leaderboards. */
int selection_parse_top(struct appliance *appliance, const json_t *params, const char *also,
			struct selection *selection, struct method_error *error);

bool selection_has(const struct selection *selection, const struct window *window);

/* Fills in `error`; returns NULL, so that a method can end with it. */
json_t *answer_fail(struct method_error *error, int code, const struct err *err);

/* -errno of the rooms below as a JSON-RPC code. */
int answer_code_of(int rc);

/* Sets a member to a time as text. */
void answer_set_time(json_t *object, const char *name, uint64_t time_us);

#endif
