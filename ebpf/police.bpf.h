/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Budgets of tenants: whether one more vote of this tenant may pass now. For the kernel front only.
 *
 * The rate is a generic cell rate: all CPUs share the time up to which a tenant's budget is spent,
 * and a vote moves it on. A CPU moves it for a batch of votes at once and then lets so many pass
 * from what it holds itself. While a budget is used up CPUs only read the shared time. So a flood
 * makes no cache line travel per packet, on however many CPUs it comes in.
 */
#ifndef TALLYWIRE_EBPF_POLICE_BPF_H
#define TALLYWIRE_EBPF_POLICE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include "wire/front_maps.h"

#define POLICE_INLINE static inline __attribute__((always_inline))
/* tallyd and other CPUs change it while we run: read it here and now, and once. */
#define POLICE_READ(field) (*(volatile __typeof__(field) *)&(field))

/*
 * Takes a batch off the tenant's budget: how many votes it is good for, 0 if there is none now. No
 * loop: the time is added first and given back where another CPU was quicker, so nobody with budget
 * left loses a race.
 */
POLICE_INLINE uint32_t police_take_batch(struct front_tenant *tenant)
{
	uint32_t batch_votes = POLICE_READ(tenant->batch_votes);
	uint64_t batch_ns = POLICE_READ(tenant->batch_ns);
	if (batch_votes == 0)
		return 0;
	/* To a tick, which an allowance is many of; the exact time costs more than all the rest. */
	uint64_t now = bpf_ktime_get_coarse_ns() + FRONT_CLOCK_START_NS;
	uint64_t oldest = now - POLICE_READ(tenant->allowance_ns);
	uint64_t spent = POLICE_READ(tenant->spent_ns);
	if (spent < oldest)
		/* Unused for long: forget what is beyond the allowance. Who fails came second. */
		__sync_val_compare_and_swap(&tenant->spent_ns, spent, oldest);
	else if (spent + batch_ns > now)
		return 0;
	if (__sync_fetch_and_add(&tenant->spent_ns, batch_ns) + batch_ns <= now)
		return batch_votes;
	__sync_fetch_and_add(&tenant->spent_ns, -batch_ns);
	return 0;
}

/* One vote of the tenant's budget, from this CPU's share of it. `limit` is tenant->limit. */
POLICE_INLINE bool police_spend(struct front_tenant *tenant, struct front_share *share,
				uint32_t limit)
{
	if (share->limit != limit || share->votes == 0) {
		share->votes = police_take_batch(tenant);
		share->limit = limit;
	}
	if (share->votes == 0)
		return false;
	share->votes--;
	return true;
}

#endif
