/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each control method does: JSON parameters in, JSON result or error out. No socket, no
 * client; the control thread calls it.
 */
#ifndef TALLYWIRE_CONTROL_METHODS_H
#define TALLYWIRE_CONTROL_METHODS_H

#include <jansson.h>
#include "dataplane/appliance.h"
#include "wire/control_protocol.h"

/* Which windows a request is about. */
struct selection {
	bool all_tenants; /* then the rest has no meaning */
	bool all_ids;
	uint16_t tenant;
	uint32_t id;
};

/* A JSON-RPC error: code and the line that goes out as its message. */
struct method_error {
	int code;
	struct err text;
};

/*
 * Carries out `method`; `params` may be NULL. Returns the result, a new reference, or NULL with
 * `error` filled in and nothing changed. subscribe and unsubscribe belong to the connection
 * (control.c) and are not known here.
 */
json_t *method_call(struct appliance *appliance, const char *method, const json_t *params,
		    struct method_error *error);

/* Reads optional `tenant` and `id`; other members than these and `also` (or NULL) are refused. */
int selection_parse(struct appliance *appliance, const json_t *params, const char *also,
		    struct selection *selection, struct method_error *error);

/* The results document of the selected windows as they stand now. NULL when out of memory. */
json_t *results_now(struct appliance *appliance, const struct selection *selection);

#endif
