// SPDX-License-Identifier: BSD-3-Clause
/* Charges and marks, by the hash of a source; see feedback.h. */
#include "dataplane/core/feedback.h"

#include "ebpf/source.h"

/* The source of the vote before, whose neighbours are often of the same. */
struct last_source {
	struct source whole;
	uint64_t hash;
	bool marked;
};

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

/* Hashes only where the source is another than the vote before had. */
static void look(const struct front_feedback *feedback, const struct burst *burst, uint32_t i,
		 struct last_source *last)
{
	const uint8_t *l3 = burst->data[i] + burst->frame[i].l3_offset;
	struct source whole = burst->frame[i].ip_version == 4 ? source_ipv4(l3) : source_ipv6(l3);
	if (source_same(&whole, &last->whole))
		return;
	struct source cut = source_cut(&whole, feedback->police);
	*last = (struct last_source){whole, source_hash(&cut, feedback->police->key), false};
}

void feedback_burst(const struct front_feedback *feedback, const struct burst *burst)
{
	struct last_source last = {0};
	if (!feedback->police)
		return;
	for (uint32_t i = 0; i < burst->count; i++) {
		enum verdict verdict = burst->verdict[i];
		if (verdict == VERDICT_BAD_TAG) {
			look(feedback, burst, i, &last);
			if (!has_voted(feedback, last.hash))
				charge(feedback, last.hash);
		} else if (verdict == VERDICT_COUNTED || verdict == VERDICT_CHANGED) {
			look(feedback, burst, i, &last);
			if (!last.marked)
				mark(feedback, last.hash);
			last.marked = true;
		}
	}
}
