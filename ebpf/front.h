/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front's owner in user space: loads the kernel object that is built into the program, fills
 * its maps, attaches it to an interface and reads its counters. docs/front.md tells of pins and
 * restarts.
 *
 * Link and maps are pinned at PIN_DIR/INTERFACE (a '.' in the name becomes ':', bpffs has no dots),
 * so the front outlives a killed tallyd: it goes on dropping votes, which have no socket to go to,
 * and passing what is the host's. The next front_attach() joins it without a gap. A lock on that
 * directory, which the kernel drops with its holder, keeps a second one out.
 *
 * One thread starts and stops a front and sets its keys, budgets and owners, while packets flow;
 * front_read() is any thread's, one at a time. Nothing here is on the hot path, nothing knows DPDK.
 * Errors are negative errno values with a line in `struct err`.
 */
#ifndef TALLYWIRE_EBPF_FRONT_H
#define TALLYWIRE_EBPF_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/err.h"
#include "ebpf/front_sources.h"
#include "wire/front_maps.h"

#define FRONT_DEFAULT_PIN_DIR "/sys/fs/bpf/tallywire"

enum front_mode {
	FRONT_AUTO,    /* native where the driver has it, else generic */
	FRONT_NATIVE,  /* in the driver */
	FRONT_GENERIC, /* in the stack, on any interface; slower */
};

/*
 * How many votes and watches of a tenant may pass in a second, on this interface, over all its
 * queues together; 0: none. On top comes an allowance for what was not used before, of an eighth of
 * a second or 64 votes, whichever is more.
 */
struct front_budget {
	uint16_t tenant;
	uint64_t votes_per_s;
};

#define FRONT_NO_OWNER UINT32_MAX

struct front_options {
	const char *interface;
	const char *pin_dir; /* NULL: FRONT_DEFAULT_PIN_DIR. It or its parent is a mounted bpffs. */
	enum front_mode mode;
	uint16_t vote_port; /* UDP, host byte order */
	/* Whose votes may pass; the secrets themselves stay in user space. */
	const struct auth_key *keys;
	uint32_t key_count; /* at most FRONT_MAX_KEYS */
	/* As in front_set_budgets(). */
	const struct front_budget *budgets;
	uint32_t budget_count;
	/* By queue, FRONT_MAX_QUEUES of them, as in front_set_owner(); NULL: no queue is owned. */
	const uint32_t *owners;
	struct front_source_limits sources;
};

/*
 * What the front has seen since front_attach(). Every packet of the interface is in exactly one
 * entry of `counters` (enum verdict and enum front_counter); `rules` is VERDICT_POLICED by rule,
 * `steered` is FRONT_STEERED by queue.
 */
struct front_counts {
	uint64_t counters[FRONT_COUNTERS];
	uint64_t rules[FRONT_RULE_COUNT];
	uint64_t steered[FRONT_MAX_QUEUES];
};

struct front;

/*
 * Attaches a front, or joins the one that an earlier tallyd left. Keys, budgets, owners and port
 * are in its maps before the first packet reaches it. The sockets of the ports come afterwards:
 * until then votes count as FRONT_MISSED. On failure nothing stays behind that was not there
 * before.
 *
 *   -ENODEV    no such interface            -EBUSY  another process holds this front
 *   -ENETDOWN  the interface is down        -EEXIST another XDP program is on the interface
 *   -ENOENT    no bpffs at pin_dir          -EPERM, -EACCES  not root
 */
int front_attach(const struct front_options *options, struct front **front, struct err *err);

/*
 * Adds up all CPUs. counters[FRONT_STEERED] is the sum of steered[], counters[VERDICT_POLICED] that
 * of rules[]. A packet is counted here
 * before its socket has it, so whoever wants steered - received >= 0 reads the workers' counters
 * first and the front after them.
 */
int front_read(struct front *front, struct front_counts *counts);

/*
 * Whose votes may pass from now on, in place of who might before. A key in both sets never misses a
 * packet; a failure leaves the old set. -E2BIG: more than FRONT_MAX_KEYS.
 */
int front_set_keys(struct front *front, const struct auth_key *keys, uint32_t key_count,
		   struct err *err);

/*
 * The budgets that hold from now on, in place of all earlier ones: a tenant that is not listed has
 * no limit. They hold for keys that come later too. What is over a budget ends as VERDICT_POLICED.
 * A failure leaves the old ones. -EINVAL: a tenant is listed twice.
 */
int front_set_budgets(struct front *front, const struct front_budget *budgets, uint32_t count,
		      struct err *err);

/*
 * From now on the queue takes this tenant's votes only, or with FRONT_NO_OWNER everybody's. Those
 * of others end as VERDICT_POLICED, at no cost to their budget. -ERANGE: no such queue or tenant.
 */
int front_set_owner(struct front *front, uint32_t queue, uint32_t tenant, struct err *err);

/*
 * How many of the tenant's votes were policed by the rules about tenants since front_attach(),
 * added up over all CPUs; for the thread that sets keys. The sum over all tenants is that of these
 * rules, as long as no more than FRONT_MAX_KEYS come and go. The rules about sources come first,
 * and what they drop is nobody's: it says a tenant's number, and may lie.
 */
int front_read_policed(struct front *front, uint16_t tenant, uint64_t *policed);

/* Lists, panic and talkers, to read and to change; for the thread that sets keys. */
struct front_sources *front_sources(struct front *front);

/* "native" or "generic": how the front is attached; "gone" once its interface was deleted. */
const char *front_mode_name(const struct front *front);

/*
 * For a start that fails later on: as if front_attach() had not been called. A front that was there
 * before goes on with the program, port, keys, budgets and owners that it had; a new one is taken
 * off. Frees `front`.
 */
void front_abandon(struct front *front);

/*
 * Lets go of the front and frees `front`. `keep`: it stays on the interface for the next tallyd.
 * Else it is taken off, and its pins and the directories that are empty then are removed.
 */
void front_detach(struct front *front, bool keep);

/*
 * Takes off a front that a killed tallyd left behind; the interface need not exist any more.
 * `pin_dir` as in front_options. -ENOENT: there is none; -EBUSY: a live process holds it.
 */
int front_remove(const char *interface, const char *pin_dir, struct err *err);

#endif
