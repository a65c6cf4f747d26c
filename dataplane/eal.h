/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's environment layer: its arguments from the configuration, its memory, its lcores, its log.
 * Main thread, once per process.
 */
#ifndef TALLYWIRE_EAL_H
#define TALLYWIRE_EAL_H

#include "dataplane/config.h"
#include "dataplane/core/err.h"

/*
 * Starts EAL with one main lcore and one worker lcore per queue. DPDK's own log stays quiet; what
 * it said first ends up in `err`. -ENOMEM where huge pages are short, -EINVAL where lcores do not
 * fit.
 */
int eal_start(const struct config *config, const char *program, struct err *err);
void eal_stop(void);

/*
 * The first line that DPDK logged since eal_forget_words(), for messages about what it refused; ""
 * if nothing. The first, because what follows only says that something failed.
 */
const char *eal_first_words(void);
void eal_forget_words(void);

/* The lcore of worker 0, 1, … in the order of --lcores. */
unsigned int eal_worker_lcore(unsigned int worker);

/* Who else runs on an lcore's CPUs. */
enum eal_core {
	EAL_CORE_SHARED,   /* another lcore, such as the control thread's */
	EAL_CORE_ORDINARY, /* what the kernel puts there */
	EAL_CORE_ISOLATED, /* nobody (isolcpus) */
};

enum eal_core eal_core_of(unsigned int lcore);

#endif
