/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The running appliance: what main.c starts and stops, and control and stats look at. One per
 * process, owned by the main thread, which is also the control thread.
 */
#ifndef TALLYWIRE_APPLIANCE_H
#define TALLYWIRE_APPLIANCE_H

#include "dataplane/config.h"
#include "dataplane/notify.h"
#include "dataplane/port.h"
#include "dataplane/privileges.h"
#include "dataplane/show/keyring.h"
#include "dataplane/tenants.h"
#include "dataplane/viewers.h"
#include "dataplane/watchdog.h"
#include "dataplane/windows.h"
#include "dataplane/worker.h"

struct control;
struct durable;
struct sealer;

struct appliance {
	struct config config;
	struct privileges privileges;
	struct notify notify;     /* the service manager */
	struct watchdog watchdog; /* what it is told regularly */
	struct keyring keyring;   /* changed by tenants only */
	struct tenants tenants;
	struct control *control; /* listens from the start; served once everything runs */
	struct ports ports;
	struct windows *windows;
	struct durable *durable; /* NULL: [journal] ack = none */
	struct sealer *sealer;   /* NULL as well */
	struct viewers *viewers; /* NULL: [watch] subscribers = 0 */
	struct rte_rcu_qsbr *rcu;
	struct worker *workers[CONFIG_MAX_QUEUES]; /* each in memory of its own lcore's node */
	uint32_t worker_count;                     /* ports.queue_count once they run */
};

/*
 * Brings everything up, from the configuration to running workers; on failure all is undone. Where
 * [appliance] user names one, root is given up when fronts and devices are open, and the sandbox is
 * closed when the workers run. After the first, what a failure leaves are pins of a front that was
 * not there before.
 */
int appliance_start(struct appliance *appliance, const char *config_path, const char *program,
		    struct err *err);

/*
 * The same ladder down: workers, devices, fronts, memory. Whoever has given up root leaves devices
 * to the end of the process and the fronts to --unprepare, which drop votes meanwhile, as after a
 * kill.
 */
void appliance_stop(struct appliance *appliance);

#endif
