/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of control methods: JSON parameters in, JSON result or error out. No socket, no
 * client; the control thread calls it. What each method does is in the files of methods.h.
 */
#ifndef TALLYWIRE_CONTROL_METHODS_H
#define TALLYWIRE_CONTROL_METHODS_H

#include "dataplane/method_params.h"

/*
 * Carries out `method`; `params` may be NULL. Returns the result, a new reference, or NULL with
 * `error` filled in and nothing changed. subscribe and unsubscribe belong to the connection
 * (control_client.c) and are not known here.
 */
json_t *method_call(struct appliance *appliance, const char *method, const json_t *params,
		    struct method_error *error);

#endif
