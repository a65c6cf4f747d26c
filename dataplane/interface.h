/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What --prepare sets on an interface that is shared with the host, and --unprepare puts back. As
 * root, in the network namespace of the interface, whatever /sys is mounted there.
 */
#ifndef TALLYWIRE_INTERFACE_H
#define TALLYWIRE_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"

struct interface_settings {
	/* The worker drives its queue: interrupts come back after so many empty polls of the
	 * kernel's, and after so many ns. */
	uint64_t defer_hard_irqs;
	uint64_t flush_timeout_ns;
	bool lro;    /* the NIC puts packets together: XDP cannot take those */
	bool rxvlan; /* the NIC takes VLAN tags off: receipts could not have them */
};

/* 0, or -ENODEV or another negative errno with `err`. */
int interface_read(const char *interface, struct interface_settings *settings, struct err *err);

/*
 * Sets all that is otherwise now. What the driver does not let be set stays, and is told on
 * standard output: it is no reason not to serve.
 */
int interface_write(const char *interface, const struct interface_settings *settings,
		    struct err *err);

#endif
