/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Rules about sources: lists, panic, budgets, and who is dropped most. For the kernel front only;
 * front_sources.c writes what the rules are, workers tell of votes that failed and of those that
 * counted (dataplane/core/feedback.c). wire/front_sources.h describes the maps.
 *
 * What a rule costs does not depend on how many sources there are, nor does the memory.
 */
#ifndef TALLYWIRE_EBPF_SOURCES_BPF_H
#define TALLYWIRE_EBPF_SOURCES_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "ebpf/police.bpf.h"
#include "ebpf/source.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, struct front_police);
} front_police SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRONT_BUCKETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, uint64_t);
} front_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * FRONT_VOTED_WORDS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, uint32_t);
	__type(value, uint64_t);
} front_voted SEC(".maps");

#define LIST(prefix)                                                                               \
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                                       \
	__uint(max_entries, FRONT_LISTED_MAX);                                                     \
	__uint(map_flags, BPF_F_NO_PREALLOC);                                                      \
	__type(key, prefix);                                                                       \
	__type(value, struct front_listed)

struct {
	LIST(struct front_prefix4);
} front_deny4 SEC(".maps");

struct {
	LIST(struct front_prefix6);
} front_deny6 SEC(".maps");

struct {
	LIST(struct front_prefix4);
} front_allow4 SEC(".maps");

struct {
	LIST(struct front_prefix6);
} front_allow6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRONT_LISTED_MAX);
	__type(key, uint32_t);
	__type(value, uint64_t);
} front_listed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRONT_RULE_COUNT *FRONT_TALKER_PLACES);
	__type(key, uint32_t);
	__type(value, struct front_talker);
} front_talkers SEC(".maps");

/* No rule is against the packet. */
#define FRONT_RULE_NONE FRONT_RULE_COUNT

/* Whether the entry that the longest prefix led to is in force; then the packet is counted for it.
 */
POLICE_INLINE bool listed_now(const struct front_listed *entry)
{
	if (!entry)
		return false;
	uint64_t expires_ns = POLICE_READ(entry->expires_ns);
	if (expires_ns && bpf_ktime_get_coarse_ns() >= expires_ns)
		return false;
	uint32_t slot = entry->slot;
	uint64_t *packets = bpf_map_lookup_elem(&front_listed, &slot);
	if (packets)
		(*packets)++;
	return true;
}

/* On the deny or the allow list? `whole` is the source's whole address. */
POLICE_INLINE bool is_listed(const struct front_police *police, const struct source *whole,
			     bool deny)
{
	if (whole->ip_version == 4) {
		struct front_prefix4 key = {.bits = 32};
		uint32_t address = (uint32_t)whole->address[0];
		__builtin_memcpy(key.address, &address, sizeof(address));
		if (deny)
			return POLICE_READ(police->listed[FRONT_DENY4]) &&
			       listed_now(bpf_map_lookup_elem(&front_deny4, &key));
		return POLICE_READ(police->listed[FRONT_ALLOW4]) &&
		       listed_now(bpf_map_lookup_elem(&front_allow4, &key));
	}
	struct front_prefix6 key = {.bits = 128};
	__builtin_memcpy(key.address, whole->address, sizeof(key.address));
	if (deny)
		return POLICE_READ(police->listed[FRONT_DENY6]) &&
		       listed_now(bpf_map_lookup_elem(&front_deny6, &key));
	return POLICE_READ(police->listed[FRONT_ALLOW6]) &&
	       listed_now(bpf_map_lookup_elem(&front_allow6, &key));
}

/* Has somebody voted from there, in this generation or the one before? */
POLICE_INLINE bool has_voted(uint64_t hash)
{
	uint64_t bits = source_voted_bits(hash);
	uint32_t first = source_voted_word(hash, 0), second = source_voted_word(hash, 1);
	const uint64_t *word = bpf_map_lookup_elem(&front_voted, &first);
	if (word && (POLICE_READ(*word) & bits) == bits)
		return true;
	word = bpf_map_lookup_elem(&front_voted, &second);
	return word && (POLICE_READ(*word) & bits) == bits;
}

/*
 * Takes a vote off one bucket, where it has one. CPUs that race for the last vote all get it, which
 * is one vote each at most. What failed votes have added is owed for an allowance's time and no
 * longer.
 */
POLICE_INLINE bool bucket_spend(const struct front_police *police, uint32_t bucket,
				uint64_t vote_ns, uint64_t now)
{
	uint64_t *spent_ns = bpf_map_lookup_elem(&front_buckets, &bucket);
	uint64_t allowance_ns = POLICE_READ(police->allowance_ns);
	if (!spent_ns)
		return false;
	uint64_t spent = POLICE_READ(*spent_ns);
	if (spent + vote_ns > now) {
		if (spent > now + allowance_ns)
			__sync_val_compare_and_swap(spent_ns, spent, now + allowance_ns);
		return false;
	}
	/* Unused for long: forget what is beyond the allowance. Who fails came second, and adds. */
	uint64_t oldest = now - allowance_ns;
	if (spent < oldest &&
	    __sync_val_compare_and_swap(spent_ns, spent, oldest + vote_ns) == spent)
		return true;
	__sync_fetch_and_add(spent_ns, vote_ns);
	return true;
}

/*
 * A vote of the source's budget. It is charged to both of its buckets, and one that has something
 * left is enough: a source loses votes by others only where others have emptied both.
 */
POLICE_INLINE bool source_spend(const struct front_police *police, uint64_t hash, uint64_t vote_ns)
{
	/* The tick count is read in place; the coarsest of clocks would cost as much as all the
	 * rest. */
	uint64_t now = bpf_jiffies64() * police->tick_ns + FRONT_CLOCK_START_NS;
	bool first = bucket_spend(police, source_bucket(hash, 0), vote_ns, now);
	bool second = bucket_spend(police, source_bucket(hash, 1), vote_ns, now);
	return first || second;
}

/* The rules about sources, in their order: the one that is against the packet. */
POLICE_INLINE enum front_rule judge_source(const struct front_police *police,
					   const struct source *whole)
{
	if (is_listed(police, whole, true))
		return FRONT_RULE_DENIED;
	if (is_listed(police, whole, false))
		return FRONT_RULE_NONE;
	uint32_t panic = POLICE_READ(police->panic);
	uint64_t vote_ns = POLICE_READ(police->vote_ns);
	if (!panic && !vote_ns)
		return FRONT_RULE_NONE;
	const struct source cut = source_cut(whole, police);
	uint64_t hash = source_hash(&cut, police->key);
	if (panic && !has_voted(hash))
		return FRONT_RULE_PANIC;
	return !vote_ns || source_spend(police, hash, vote_ns) ? FRONT_RULE_NONE
							       : FRONT_RULE_SOURCE;
}

/*
 * Notes that packets of this source are dropped by this rule. A function of its own: few packets
 * come here, and all others do without its registers.
 */
static __attribute__((noinline)) void note_talker(const struct front_police *police,
						  const struct source *whole, enum front_rule rule)
{
	const struct source cut = source_cut(whole, police);
	uint64_t hash = source_hash(&cut, police->key);
	uint32_t place = source_talker(hash, rule);
	struct front_talker *talker = bpf_map_lookup_elem(&front_talkers, &place);
	if (!talker)
		return;
	if (talker->hash == hash) {
		talker->samples++;
		if (talker->weight < FRONT_TALKER_WEIGHT)
			talker->weight++;
	} else if (talker->weight) {
		talker->weight--;
	} else {
		*talker = (struct front_talker){.hash = hash,
						.address = {cut.address[0], cut.address[1]},
						.samples = 1,
						.weight = 1,
						.ip_version = (uint32_t)cut.ip_version};
	}
}

#endif
