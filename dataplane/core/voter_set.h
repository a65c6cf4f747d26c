/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which voters were there: one bit each. For kinds in which a voter answers more than once, so that
 * each is counted once among the voters. Any thread; the memory is handed in.
 */
#ifndef TALLYWIRE_CORE_VOTER_SET_H
#define TALLYWIRE_CORE_VOTER_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct voter_set {
	uint64_t *words; /* zeroed at first; set by any thread */
};

static inline size_t voter_set_bytes(uint64_t voters)
{
	return (voters + 63) / 64 * sizeof(uint64_t);
}

static inline void voter_set_prefetch(const struct voter_set *set, uint32_t voter)
{
	__builtin_prefetch(&set->words[voter / 64], 1);
}

/*
 * Adds a voter below the number that voter_set_bytes() was asked for. True for the one who came
 * first. Relaxed: the bit is all there is to know.
 */
static inline bool voter_set_add(const struct voter_set *set, uint32_t voter)
{
	uint64_t bit = 1ull << voter % 64;
	uint64_t *word = &set->words[voter / 64];
	if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
		return false;
	return !(__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit);
}

#endif
