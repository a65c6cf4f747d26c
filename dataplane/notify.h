/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a service manager is told (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names.
 * Opened before root is given up, used by the control thread.
 */
#ifndef TALLYWIRE_NOTIFY_H
#define TALLYWIRE_NOTIFY_H

#include <stdint.h>
#include "dataplane/core/err.h"

struct notify {
	int fd;              /* -1: nobody listens */
	uint64_t timeout_us; /* WATCHDOG_USEC: how long silence is taken for life; 0: for ever */
};

/*
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which go from the environment. 0, also where
 * they are not set; -EINVAL, or what connect() says, with `err`.
 */
int notify_open(struct notify *notify, struct err *err);

/* Such as "READY=1". What cannot be sent is lost. */
void notify_say(const struct notify *notify, const char *text);

void notify_close(struct notify *notify);

#endif
