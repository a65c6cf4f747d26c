/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the front knows of tenants: keys, budgets, owners of queues, in the maps that it shares with
 * the kernel (wire/front_maps.h). front.c calls it, and so do the tests and the bench that load the
 * front without an interface. It never attaches, pins or loads anything.
 *
 * The maps are mapped into memory and changed while packets flow, each field with one store. All
 * that can fail comes before the first change, so a failure leaves what was there. One thread at a
 * time.
 */
#ifndef TALLYWIRE_EBPF_FRONT_TENANTS_H
#define TALLYWIRE_EBPF_FRONT_TENANTS_H

#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/err.h"
#include "ebpf/front.h"
#include "wire/front_maps.h"

struct bpf_object;
struct front_tenants_saved;

struct front_tenants {
	struct front_config *config; /* the maps; tenants[].spent_ns is the kernel's to write */
	struct front_rows *rows;
	struct front_tenant *tenants;
	int shares_fd;
	int cpus;                     /* possible, not present: what a per-CPU read fills */
	struct front_share *per_cpu;  /* room for one entry of all CPUs */
	uint64_t *policed_before;     /* by row: what was counted before front_tenants_open() */
	struct front_budget *budgets; /* those in force, in order of tenants */
	uint32_t budget_count;
};

/* Maps the maps of a loaded object; close() takes what a failed open left, too. */
int front_tenants_open(struct front_tenants *tenants, const struct bpf_object *object,
		       struct err *err);
void front_tenants_close(struct front_tenants *tenants);

/* As the functions of the same name in front.h. */
int front_tenants_set_keys(struct front_tenants *tenants, const struct auth_key *keys,
			   uint32_t key_count, struct err *err);
int front_tenants_set_budgets(struct front_tenants *tenants, const struct front_budget *budgets,
			      uint32_t count, struct err *err);
int front_tenants_set_owner(struct front_tenants *tenants, uint32_t queue, uint32_t tenant,
			    struct err *err);
int front_tenants_read_policed(struct front_tenants *tenants, uint16_t tenant, uint64_t *policed);

/* A copy of what the maps hold now, layout and port too; free() it. NULL: out of memory. */
struct front_tenants_saved *front_tenants_save(const struct front_tenants *tenants);

/* Puts it back, while packets flow: a key that is in both never misses one. */
void front_tenants_restore(struct front_tenants *tenants, const struct front_tenants_saved *saved);

#endif
