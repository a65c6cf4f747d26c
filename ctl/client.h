/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket, seen from the producer's side: one request at a time, one line each way, and
 * the live notifications of a subscription. docs/control.md is the protocol. Every wait has an end.
 *
 * Functions return 0 or a negative errno with `err` filled in:
 *   -EREMOTEIO  the appliance answered with an error, or sent one unasked before it hung up; `err`
 *               holds its message
 *   -E2BIG      the request does not fit a line
 *   -EAGAIN     client_next() only: nothing came in time
 *   -EINTR      client_next() only: a signal came
 *   all others  the appliance cannot be reached, or what answers there is not one
 */
#ifndef TALLYWIRE_CTL_CLIENT_H
#define TALLYWIRE_CTL_CLIENT_H

#include <jansson.h>
#include <stddef.h>
#include "dataplane/core/err.h"

#define CLIENT_DEFAULT_TIMEOUT_MS 5000
#define CLIENT_MAX_ANSWER_BYTES   (64u << 20) /* a longer line is not an answer */

struct client {
	int fd;
	const char *path;
	int timeout_ms; /* to connect, to send, and from a request to its answer */
	json_int_t last_id;
	const char *method; /* of the newest request; NULL before the first */
	char *buffer;       /* what was read and not yet taken: buffer[taken .. used) */
	size_t room;
	size_t used;
	size_t taken;
};

/* Connects. `path` must outlive the client. */
int client_open(struct client *client, const char *path, int timeout_ms, struct err *err);
void client_close(struct client *client);

/*
 * Sends one request and waits for its answer; notifications that come before it are dropped. Takes
 * the reference to `params`; `result` is a new reference, set on 0 only. `method` must outlive the
 * client.
 */
int client_call(struct client *client, const char *method, json_t *params, json_t **result,
		struct err *err);

/* The params of the next `live` notification, a new reference. Waits `wait_ms` at most. */
int client_next(struct client *client, int wait_ms, json_t **params, struct err *err);

#endif
