/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Whose packet it is: the source's address cut to its prefix, its hash, and where that leads in the
 * maps of wire/front_sources.h. One source for the kernel front, the worker's feedback, tallyd and
 * the tests. It reads no map, keeps no state and changes nothing.
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein; with so few rounds, Linux and Python use it for
 * tables) of the cut address, 4 or 16 bytes.
 */
#ifndef TALLYWIRE_EBPF_SOURCE_H
#define TALLYWIRE_EBPF_SOURCE_H

#include <stdbool.h>
#include "ebpf/classify.h"
#include "wire/front_sources.h"

/* Addresses as they lie in memory; IPv4 in the first four bytes of address[0]. */
struct source {
	uint64_t address[2];
	uint64_t ip_version; /* 4 or 6 */
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "an IPv4 address fills the first bytes of a word on little-endian machines only");

/*
 * Four bytes of a frame at once. The kernel's compiler would read a struct of the wire byte by
 * byte, and every machine that the front runs on can do without.
 */
CLASSIFY_INLINE uint32_t source_word(const uint8_t *at)
{
#ifdef __bpf__
	return *(const uint32_t *)(const void *)at;
#else
	uint32_t word;
	__builtin_memcpy(&word, at, sizeof(word));
	return word;
#endif
}

/*
 * The whole address. `l3` is where the IP header of a frame begins that classify() knows to be for
 * the vote port: both addresses are there.
 */
CLASSIFY_INLINE struct source source_ipv4(const uint8_t *l3)
{
	return (struct source){{source_word(l3 + offsetof(struct ipv4_header, source)), 0}, 4};
}

CLASSIFY_INLINE struct source source_ipv6(const uint8_t *l3)
{
	const uint8_t *at = l3 + offsetof(struct ipv6_header, source);
	uint64_t high = source_word(at) | (uint64_t)source_word(at + 4) << 32;
	uint64_t low = source_word(at + 8) | (uint64_t)source_word(at + 12) << 32;
	return (struct source){{high, low}, 6};
}

/* Cut to its prefix. */
CLASSIFY_INLINE struct source source_cut(const struct source *whole,
					 const struct front_police *police)
{
	if (whole->ip_version == 4)
		return (struct source){{whole->address[0] & police->ipv4_mask, 0}, 4};
	return (struct source){{whole->address[0] & police->ipv6_mask[0],
				whole->address[1] & police->ipv6_mask[1]},
			       6};
}

CLASSIFY_INLINE bool source_same(const struct source *a, const struct source *b)
{
	return a->address[0] == b->address[0] && a->address[1] == b->address[1] &&
	       a->ip_version == b->ip_version;
}

#define SOURCE_ROTATE(word, bits) ((word) << (bits) | (word) >> (64 - (bits)))

CLASSIFY_INLINE void source_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = SOURCE_ROTATE(v[1], 13) ^ v[0];
	v[0] = SOURCE_ROTATE(v[0], 32);
	v[2] += v[3];
	v[3] = SOURCE_ROTATE(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = SOURCE_ROTATE(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = SOURCE_ROTATE(v[1], 17) ^ v[2];
	v[2] = SOURCE_ROTATE(v[2], 32);
}

CLASSIFY_INLINE void source_compress(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	source_round(v);
	v[0] ^= word;
}

CLASSIFY_INLINE uint64_t source_hash(const struct source *source, const uint64_t key[2])
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
	if (source->ip_version == 4) {
		source_compress(v, 4ull << 56 | source->address[0]);
	} else {
		source_compress(v, source->address[0]);
		source_compress(v, source->address[1]);
		source_compress(v, 16ull << 56);
	}
	v[2] ^= 0xff;
	source_round(v);
	source_round(v);
	source_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Which bucket of row 0 or 1. */
CLASSIFY_INLINE uint32_t source_bucket(uint64_t hash, uint32_t row)
{
	return row * FRONT_BUCKET_ROW + (hash >> (16 * row) & (FRONT_BUCKET_ROW - 1));
}

/* Which word of front_voted, and which bits in it. */
CLASSIFY_INLINE uint32_t source_voted_word(uint64_t hash, uint32_t generation)
{
	return (generation & 1) * FRONT_VOTED_WORDS + (hash >> 32 & (FRONT_VOTED_WORDS - 1));
}

CLASSIFY_INLINE uint64_t source_voted_bits(uint64_t hash)
{
	return 1ull << (hash >> 50 & 63) | 1ull << (hash >> 56 & 63);
}

/* Which place of front_talkers. */
CLASSIFY_INLINE uint32_t source_talker(uint64_t hash, enum front_rule rule)
{
	return rule * FRONT_TALKER_PLACES + (hash >> 40 & (FRONT_TALKER_PLACES - 1));
}

#endif
