/* SPDX-License-Identifier: BSD-3-Clause */
/* One command, one connection: what most verbs need of the client. Prints what goes wrong. */
#ifndef TALLYWIRE_CTL_REQUEST_H
#define TALLYWIRE_CTL_REQUEST_H

#include <jansson.h>
#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/target.h"

/* Opens the socket that args names; EXIT_DONE, or EXIT_UNREACHABLE after a message. */
int request_open(const struct args *args, struct client *client);

/*
 * Calls on an open client. EXIT_DONE and a new reference in *result, or another exit code after a
 * message; `about` (NULL: nothing) stands before it, such as a file's name. Takes `params`.
 */
int request_call(struct client *client, const char *about, const char *method, json_t *params,
		 json_t **result);

/* Connects, calls, closes. */
int request(const struct args *args, const char *method, json_t *params, json_t **result);

/* The exit code that belongs to what a client function returned. */
int request_exit_code(int code);

/* Reads operand 0 where there is one; *params is a new reference ({} without operand). */
int request_target(const struct args *args, enum target_form form, json_t **params);

#endif
