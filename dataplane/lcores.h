/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which CPUs the threads run on: what a --lcores map names, whether this machine has it, and a map
 * where the configuration has none. Called by eal.c before DPDK starts; starts and moves no thread.
 */
#ifndef TALLYWIRE_LCORES_H
#define TALLYWIRE_LCORES_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/config.h"
#include "dataplane/core/err.h"

#define LCORES_MAX_NUMBER 65535 /* the highest that a map may name and still be read here */
#define LCORES_TEXT_BYTES 4096

/* The CPUs that this process may use, and the NUMA node of each. */
struct lcore_cpus {
	uint32_t usable_count;
	uint32_t online_count; /* of the machine */
	cpu_set_t usable;
	int16_t node[CPU_SETSIZE]; /* -1: unknown */
};

/* Asks the kernel. 0 or -errno. */
int lcores_read_cpus(struct lcore_cpus *cpus);

/*
 * Refuses a map that names CPUs which `cpus` has not, or another number of lcores than `wanted`:
 * -EINVAL, with both numbers in `err`. 0 otherwise, also where the map cannot be read: DPDK says
 * what is wrong with it then.
 */
int lcores_check(const char *map, const struct lcore_cpus *cpus, uint32_t wanted, struct err *err);

/*
 * The default map: one worker per queue on the last CPUs of its device's NUMA node, on others where
 * those are used up, on shared ones where all are; lcore 0, whose CPUs the journal's thread has as
 * well, on those that are left, on all where none is.
 * `nodes` has the node of each queue's device, -1 where unknown.
 */
void lcores_default(const struct lcore_cpus *cpus, const int *nodes, uint32_t queue_count,
		    char map[LCORES_TEXT_BYTES]);

/* The CPUs on which only runs what is put there (isolcpus), by `sysfs`, which is "/sys". */
void lcores_isolated(const char *sysfs, cpu_set_t *isolated);

/* The node of each queue's device, in the order of the workers, from `sysfs`, which is "/sys". */
void lcores_device_nodes(const struct config *config, const char *sysfs, int *nodes);

#endif
