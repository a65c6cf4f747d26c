// SPDX-License-Identifier: BSD-3-Clause
/* Choices by kind. Called for every datagram of a burst; never asks the judge what is valid. */
#include "perf/burst_choice.h"

/* Uniform in [0, bound); 0 where the bound is 0. */
static uint32_t below(uint64_t bits, uint32_t bound)
{
	return (uint32_t)((unsigned __int128)bits * bound >> 64);
}

/* From 1 to max_choices options. */
static uint16_t mask_of(const struct question *rules, uint64_t bits)
{
	uint32_t mask = 0;
	for (uint32_t named = 1 + below(bits, rules->max_choices); named; named--) {
		/* Source: the generator of MMIX (Knuth). */
		bits = bits * 6364136223846793005u + 1442695040888963407u;
		uint32_t option = below(bits, rules->options);
		while (mask >> option & 1)
			option = (option + 1) % rules->options;
		mask |= 1u << option;
	}
	return (uint16_t)mask;
}

/* Each option gives way to its neighbour; where all are named, one is left out. */
static uint16_t other_mask(const struct question *rules, uint32_t mask)
{
	uint32_t all = (1u << rules->options) - 1;
	if (mask != all)
		return (uint16_t)((mask << 1 | mask >> (rules->options - 1)) & all);
	return (uint16_t)(all > 1 ? all >> 1 : all);
}

uint16_t burst_choice_first(const struct question *rules, uint64_t bits, uint64_t turn,
			    uint32_t nth, uint32_t per_voter)
{
	if (rules->kind == KIND_MULTI)
		return mask_of(rules, bits);
	/* The lesser of two draws. */
	uint64_t one = (bits >> 32) * rules->options >> 32;
	uint64_t other = (bits & UINT32_MAX) * rules->options >> 32;
	uint64_t index = (one < other ? one : other) + turn;
	if (rules->kind == KIND_UPVOTE)
		index += (uint64_t)nth * (rules->options / per_voter);
	return (uint16_t)(rules->first + index % rules->options);
}

uint16_t burst_choice_other(const struct question *rules, uint64_t bits, uint16_t first)
{
	if (rules->kind == KIND_UPVOTE)
		return first;
	if (rules->kind == KIND_MULTI)
		return other_mask(rules, first);
	uint32_t step = 1 + below(bits, rules->options - 1u);
	return (uint16_t)(rules->first + (first - rules->first + step) % rules->options);
}

uint16_t burst_choice_any(const struct question *rules, uint64_t bits)
{
	if (rules->kind == KIND_MULTI)
		return mask_of(rules, bits);
	return (uint16_t)(rules->first + below(bits, rules->options));
}
