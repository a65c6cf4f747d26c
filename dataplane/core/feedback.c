// SPDX-License-Identifier: BSD-3-Clause
/* Charges and marks, by the hash of a source; see feedback.h. */
#include "dataplane/core/feedback.h"

#include "ebpf/source.h"

/*
 * One addition to each of its buckets: a vote that got here was charged by the front a moment ago,
 * so they stand at about now, and no clock is needed. The front bounds what comes to be owed.
 */
static void charge(const struct front_feedback *feedback, uint64_t hash)
{
	uint64_t failed_ns = __atomic_load_n(&feedback->police->failed_ns, __ATOMIC_RELAXED);
	if (!failed_ns)
		return;
	for (uint32_t row = 0; row < 2; row++)
		__atomic_fetch_add(&feedback->buckets[source_bucket(hash, row)], failed_ns,
				   __ATOMIC_RELAXED);
}

static bool has_voted(const struct front_feedback *feedback, uint64_t hash)
{
	uint64_t bits = source_voted_bits(hash);
	bool known = false;
	for (uint32_t generation = 0; generation < 2; generation++) {
		const uint64_t *word = &feedback->voted[source_voted_word(hash, generation)];
		known |= (__atomic_load_n(word, __ATOMIC_RELAXED) & bits) == bits;
	}
	return known;
}

static void mark(const struct front_feedback *feedback, uint64_t hash)
{
	uint32_t generation = __atomic_load_n(&feedback->police->generation, __ATOMIC_RELAXED);
	uint64_t *word = &feedback->voted[source_voted_word(hash, generation)];
	uint64_t bits = source_voted_bits(hash);
	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bits) != bits)
		__atomic_fetch_or(word, bits, __ATOMIC_RELAXED);
}

static bool is_told(enum verdict verdict)
{
	return verdict == VERDICT_BAD_TAG || verdict == VERDICT_COUNTED ||
	       verdict == VERDICT_CHANGED;
}

/*
 * The hashes of those that are told of, and brings near what is looked at next. Neighbours are
 * often of one source, so it is hashed anew only where it is another.
 */
static void hash_burst(const struct front_feedback *feedback, const struct burst *burst,
		       uint64_t hashes[BURST_MAX])
{
	struct source last = {0};
	uint64_t hash = 0;
	uint32_t generation = __atomic_load_n(&feedback->police->generation, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < burst->count; i++) {
		if (!is_told(burst->verdict[i]))
			continue;
		const struct frame *frame = &burst->frame[i];
		const uint8_t *l3 = burst->data[i] + frame->l3_offset;
		struct source whole = frame->ip_version == 4 ? source_ipv4(l3) : source_ipv6(l3);
		if (!source_same(&whole, &last)) {
			struct source cut = source_cut(&whole, feedback->police);
			hash = source_hash(&cut, feedback->police->key);
			__builtin_prefetch(&feedback->voted[source_voted_word(hash, generation)]);
			last = whole;
		}
		hashes[i] = hash;
	}
}

void feedback_burst(const struct front_feedback *feedback, const struct burst *burst)
{
	uint64_t hashes[BURST_MAX];
	if (!feedback->police)
		return;
	hash_burst(feedback, burst, hashes);
	for (uint32_t i = 0; i < burst->count; i++) {
		if (!is_told(burst->verdict[i]))
			continue;
		if (burst->verdict[i] != VERDICT_BAD_TAG)
			mark(feedback, hashes[i]);
		else if (!has_voted(feedback, hashes[i]))
			charge(feedback, hashes[i]);
	}
}
