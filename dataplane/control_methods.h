/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of control methods: JSON parameters in, JSON result or error out. No socket, no
 * client; the control thread calls it. What each method does is in the files of methods.h.
 */
#ifndef TALLYWIRE_CONTROL_METHODS_H
#define TALLYWIRE_CONTROL_METHODS_H

#include "dataplane/methods.h"

/* A row of the table: a method, and what it does for whom. */
struct method_row {
	const char *name;
	method_function *studio; /* for those who run the show; they may call every method */
	method_function *public; /* what anybody may know of it; NULL: nothing */
};

/* All rows, in the order of docs/control.md. */
const struct method_row *method_table(size_t *count);

/*
 * Carries out `method` as this role may; `params` may be NULL. Returns the result, a new reference,
 * or NULL with `error` filled in and nothing changed. subscribe and unsubscribe belong to the
 * connection (control_client.c) and are not known here.
 */
json_t *method_call(struct appliance *appliance, enum control_role role, const char *method,
		    const json_t *params, struct method_error *error);

#endif
