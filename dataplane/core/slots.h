/* SPDX-License-Identifier: BSD-3-Clause */
/* How the read-only tables of core choose their slots: open addressing, at most half full. */
#ifndef TALLYWIRE_CORE_SLOTS_H
#define TALLYWIRE_CORE_SLOTS_H

#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The number of slots, a power of two, for `count` entries; at least one slot stays empty. */
static inline uint32_t slots_for(uint32_t count)
{
	uint32_t slots = 2;
	while (slots < 2 * count)
		slots *= 2;
	return slots;
}

static inline uint32_t slots_hash(uint64_t key)
{
	return (uint32_t)XXH3_64bits(&key, sizeof(key));
}

#endif
