// SPDX-License-Identifier: BSD-3-Clause
/*
 * SipHash-2-4-128. Called for every datagram that comes or goes. Source: Aumasson and Bernstein,
 * "SipHash: a fast short-input PRF", and its authors' reference code for the longer output.
 */
#include <string.h>
#include "tw_parts.h"

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void rounds(struct state *s, int count)
{
	while (count-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

/* Little-endian, in any order and at any place. */
static uint64_t get(const uint8_t *b)
{
	return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
	       (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
	       (uint64_t)b[7] << 56;
}

static void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

static void squeeze(struct state *s, uint8_t *bytes)
{
	rounds(s, 4);
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((s->v0 ^ s->v1 ^ s->v2 ^ s->v3) >> 8 * i);
}

void tw_siphash_128(const uint8_t *key, const uint8_t *data, size_t bytes, uint8_t *hash)
{
	const uint64_t k0 = get(key), k1 = get(key + 8);
	uint8_t last[8] = {0};
	struct state s = {k0 ^ 0x736F6D6570736575u, k1 ^ 0x646F72616E646F6Du ^ 0xEE,
			  k0 ^ 0x6C7967656E657261u, k1 ^ 0x7465646279746573u};
	for (size_t at = 0; at + 8 <= bytes; at += 8)
		absorb(&s, get(data + at));
	memcpy(last, data + bytes / 8 * 8, bytes % 8);
	last[7] = (uint8_t)bytes;
	absorb(&s, get(last));
	s.v2 ^= 0xEE;
	squeeze(&s, hash);
	s.v1 ^= 0xDD;
	squeeze(&s, hash + 8);
}

void tw_siphash_tag(const uint8_t *key, const uint8_t *data, size_t bytes, uint8_t *tag)
{
	uint8_t hash[16];
	tw_siphash_128(key, data, bytes, hash);
	memcpy(tag, hash, TW_WIRE_TAG_BYTES);
}

bool tw_siphash_matches(const uint8_t *key, const uint8_t *data, size_t bytes, const uint8_t *tag)
{
	uint8_t right[TW_WIRE_TAG_BYTES];
	volatile uint8_t difference = 0; /* volatile: no early end that a compiler might find */
	tw_siphash_tag(key, data, bytes, right);
	for (int i = 0; i < TW_WIRE_TAG_BYTES; i++)
		difference = (uint8_t)(difference | (right[i] ^ tag[i]));
	return difference == 0;
}
