/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket and the public socket: a loop in the main thread that takes requests, streams
 * live results and ends on SIGINT or SIGTERM. docs/control.md is its contract. It never waits for a
 * client.
 */
#ifndef TALLYWIRE_CONTROL_H
#define TALLYWIRE_CONTROL_H

#include "dataplane/appliance.h"

struct control;

/*
 * Listens on config.control and, where there is one, config.public_socket. Errors as
 * listener_open()'s; -EINVAL: both are one.
 */
int control_open(struct appliance *appliance, struct control **control, struct err *err);

/* Serves until a signal ends it. Returns 0, or -errno with `err` where the loop itself failed. */
int control_serve(struct control *control, struct err *err);

/* Closes all connections and removes the socket files. */
void control_close(struct control *control);

#endif
