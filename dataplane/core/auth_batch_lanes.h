/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4-128 over LANES votes side by side, and GROUPS times that taking turns round by round,
 * so that one group's additions fill the waits of the other's. Only for auth_batch_avx2.c and
 * auth_batch_avx512.c, each of which says first, for its CPU:
 *
 *   LANES, GROUPS     64-bit numbers in a register; registers side by side
 *   lanes             that register, as a vector of uint64_t
 *   rotate(x, bits)   to the left
 *   load_messages()   words 0 to 3 of LANES messages, word by word
 *   load_keys()       words 0 and 1 of LANES keys, word by word
 *
 * Nothing here depends on what is in a key or a message but the outcome. Names follow the paper:
 * v0 to v3 is the state, m a word of the message.
 */
#ifndef TALLYWIRE_CORE_AUTH_BATCH_LANES_H
#define TALLYWIRE_CORE_AUTH_BATCH_LANES_H

#include "dataplane/core/auth_batch.h"
#include "wire/vote_packet.h"

/* The loops over groups and words must be gone by the time that registers are handed out. */
#define LANES_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define EACH(i, count) UNROLL for (uint32_t i = 0; i < (count); i++)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lanes are little-endian");
_Static_assert(AUTH_BATCH_MAX % (LANES * GROUPS) == 0, "columns end within a group");

struct siphash {
	lanes v0[GROUPS], v1[GROUPS], v2[GROUPS], v3[GROUPS];
};

LANES_INLINE lanes all(uint64_t value)
{
	return (lanes){0} + value;
}

LANES_INLINE void siphash_start(struct siphash *s, uint32_t groups, const lanes k0[],
				const lanes k1[])
{
	EACH (g, groups) {
		s->v0[g] = k0[g] ^ 0x736f6d6570736575u;
		s->v1[g] = k1[g] ^ 0x646f72616e646f6du ^ 0xee; /* 0xee: 128 bits of output */
		s->v2[g] = k0[g] ^ 0x6c7967656e657261u;
		s->v3[g] = k1[g] ^ 0x7465646279746573u;
	}
}

LANES_INLINE void siphash_rounds(struct siphash *s, uint32_t groups, uint32_t rounds)
{
	EACH (r, rounds)
		EACH (g, groups) {
			s->v0[g] += s->v1[g];
			s->v2[g] += s->v3[g];
			s->v1[g] = rotate(s->v1[g], 13) ^ s->v0[g];
			s->v3[g] = rotate(s->v3[g], 16) ^ s->v2[g];
			s->v0[g] = rotate(s->v0[g], 32) + s->v3[g];
			s->v2[g] += s->v1[g];
			s->v3[g] = rotate(s->v3[g], 21) ^ s->v0[g];
			s->v1[g] = rotate(s->v1[g], 17) ^ s->v2[g];
			s->v2[g] = rotate(s->v2[g], 32);
		}
}

LANES_INLINE void siphash_word(struct siphash *s, uint32_t groups, const lanes m[])
{
	EACH (g, groups)
		s->v3[g] ^= m[g];
	siphash_rounds(s, groups, 2);
	EACH (g, groups)
		s->v0[g] ^= m[g];
}

/* `last` is the last word: what is left of the message, its length in the top byte. Then the first
 * 8 bytes come. */
LANES_INLINE void siphash_finish(struct siphash *s, uint32_t groups, uint64_t last, lanes out[])
{
	lanes word[GROUPS];
	EACH (g, groups)
		word[g] = all(last);
	siphash_word(s, groups, word);
	EACH (g, groups)
		s->v2[g] ^= 0xee;
	siphash_rounds(s, groups, 4);
	EACH (g, groups)
		out[g] = s->v0[g] ^ s->v1[g] ^ s->v2[g] ^ s->v3[g];
}

/* The second 8 bytes. */
LANES_INLINE void siphash_finish_more(struct siphash *s, uint32_t groups, lanes out[])
{
	EACH (g, groups)
		s->v1[g] ^= 0xdd;
	siphash_rounds(s, groups, 4);
	EACH (g, groups)
		out[g] = s->v0[g] ^ s->v1[g] ^ s->v2[g] ^ s->v3[g];
}

/*
 * struct voter_key_input out of the vote's own words: tenant is bytes 4 and 5 of the message, the
 * key epoch byte 9, the voter bytes 16 to 19. They are moved, never swapped.
 */
_Static_assert(offsetof(struct vote_packet, cid.tenant_be) == 4, "tenant moved");
_Static_assert(offsetof(struct vote_packet, key_epoch) == 9, "key epoch moved");
_Static_assert(offsetof(struct vote_packet, voter_be) == 16, "voter moved");

LANES_INLINE lanes voter_key_input(lanes w0, lanes w1, lanes w2)
{
	return (w0 >> 32 & 0xffff) | (w1 << 8 & 0xff0000) | (uint64_t)VOTER_KEY_LABEL << 24 |
	       w2 << 32;
}

/* k0 and k1 are the tenants' keys and become the voters'. */
LANES_INLINE void derive_keys(uint32_t groups, lanes words[4][GROUPS], lanes k0[], lanes k1[])
{
	struct siphash s;
	lanes input[GROUPS];
	EACH (g, groups)
		input[g] = voter_key_input(words[0][g], words[1][g], words[2][g]);
	siphash_start(&s, groups, k0, k1);
	siphash_word(&s, groups, input);
	siphash_finish(&s, groups, (uint64_t)sizeof(struct voter_key_input) << 56, k0);
	siphash_finish_more(&s, groups, k1);
}

LANES_INLINE void compute_tags(uint32_t groups, lanes words[4][GROUPS], const lanes k0[],
			       const lanes k1[], lanes out[])
{
	struct siphash s;
	siphash_start(&s, groups, k0, k1);
	EACH (w, 4)
		siphash_word(&s, groups, words[w]);
	siphash_finish(&s, groups, (uint64_t)VOTE_TAG_OFFSET << 56, out);
}

LANES_INLINE void load_words(uint32_t groups, const void *const messages[], lanes words[4][GROUPS])
{
	EACH (g, groups) {
		lanes w[4];
		load_messages(messages + g * LANES, w);
		EACH (i, 4)
			words[i][g] = w[i];
	}
}

/* groups x LANES votes, all of them there; the results go where these columns point. */
LANES_INLINE void open_groups(uint32_t groups, const uint8_t *const tenant_keys[],
			      const void *const messages[], uint64_t *k0_out, uint64_t *k1_out,
			      uint64_t *tags)
{
	lanes words[4][GROUPS], k0[GROUPS], k1[GROUPS], out[GROUPS];
	load_words(groups, messages, words);
	EACH (g, groups)
		load_keys(tenant_keys + g * LANES, &k0[g], &k1[g]);
	derive_keys(groups, words, k0, k1);
	compute_tags(groups, words, k0, k1, out);
	EACH (g, groups) {
		memcpy(k0_out + g * LANES, &k0[g], sizeof(lanes));
		memcpy(k1_out + g * LANES, &k1[g], sizeof(lanes));
		memcpy(tags + g * LANES, &out[g], sizeof(lanes));
	}
}

LANES_INLINE void sign_groups(uint32_t groups, const uint64_t *k0_in, const uint64_t *k1_in,
			      const void *const messages[], uint64_t *tags)
{
	lanes words[4][GROUPS], k0[GROUPS], k1[GROUPS], out[GROUPS];
	load_words(groups, messages, words);
	EACH (g, groups) {
		memcpy(&k0[g], k0_in + g * LANES, sizeof(lanes));
		memcpy(&k1[g], k1_in + g * LANES, sizeof(lanes));
	}
	compute_tags(groups, words, k0, k1, out);
	EACH (g, groups)
		memcpy(tags + g * LANES, &out[g], sizeof(lanes));
}

/* Behind the heads all messages are alike, so one of them is read for all. */
LANES_INLINE void tell_groups(uint32_t groups, const uint8_t *const tenant_keys[],
			      const void *const messages[], uint32_t bytes, uint64_t *tags)
{
	struct siphash s;
	lanes words[4][GROUPS], k0[GROUPS], k1[GROUPS], out[GROUPS];
	const uint8_t *first = messages[0];
	uint32_t at = VOTE_TAG_OFFSET;
	load_words(groups, messages, words);
	EACH (g, groups)
		load_keys(tenant_keys + g * LANES, &k0[g], &k1[g]);
	derive_keys(groups, words, k0, k1);
	siphash_start(&s, groups, k0, k1);
	EACH (w, 4)
		siphash_word(&s, groups, words[w]);
	for (; bytes - at >= 8; at += 8) {
		uint64_t alike;
		memcpy(&alike, first + at, sizeof(alike));
		EACH (g, groups)
			out[g] = all(alike);
		siphash_word(&s, groups, out);
	}
	uint64_t last = (uint64_t)bytes << 56;
	for (uint32_t i = 0; at + i < bytes; i++)
		last |= (uint64_t)first[at + i] << 8 * i;
	siphash_finish(&s, groups, last, out);
	EACH (g, groups)
		memcpy(tags + g * LANES, &out[g], sizeof(lanes));
}

/* A last group that is not full does its last vote several times, beside itself. */
LANES_INLINE void fill(uint32_t count, const void *const from[], const void *to[LANES])
{
	for (uint32_t i = 0; i < LANES; i++)
		to[i] = from[i < count ? i : count - 1];
}

LANES_INLINE void open_all(uint32_t count, const uint8_t *const tenant_keys[],
			   const void *const messages[], struct auth_batch_keys *keys,
			   uint64_t tags[])
{
	uint32_t i = 0;
	for (; count - i >= GROUPS * LANES; i += GROUPS * LANES)
		open_groups(GROUPS, tenant_keys + i, messages + i, keys->k0 + i, keys->k1 + i,
			    tags + i);
	for (; i < count; i += LANES) {
		uint32_t rest = count - i < LANES ? count - i : LANES;
		const void *full_messages[LANES], *full_keys[LANES];
		uint64_t full_tags[LANES];
		fill(rest, messages + i, full_messages);
		fill(rest, (const void *const *)(tenant_keys + i), full_keys);
		open_groups(1, (const uint8_t *const *)full_keys, full_messages, keys->k0 + i,
			    keys->k1 + i, full_tags);
		memcpy(tags + i, full_tags, rest * sizeof(tags[0]));
	}
}

LANES_INLINE void tell_all(uint32_t count, const uint8_t *const tenant_keys[],
			   const void *const messages[], uint32_t bytes, uint64_t tags[])
{
	uint32_t i = 0;
	for (; count - i >= GROUPS * LANES; i += GROUPS * LANES)
		tell_groups(GROUPS, tenant_keys + i, messages + i, bytes, tags + i);
	for (; i < count; i += LANES) {
		uint32_t rest = count - i < LANES ? count - i : LANES;
		const void *full_messages[LANES], *full_keys[LANES];
		uint64_t full_tags[LANES];
		fill(rest, messages + i, full_messages);
		fill(rest, (const void *const *)(tenant_keys + i), full_keys);
		tell_groups(1, (const uint8_t *const *)full_keys, full_messages, bytes, full_tags);
		memcpy(tags + i, full_tags, rest * sizeof(tags[0]));
	}
}

LANES_INLINE void sign_all(uint32_t count, const struct auth_batch_keys *keys,
			   const void *const messages[], uint64_t tags[])
{
	uint32_t i = 0;
	for (; count - i >= GROUPS * LANES; i += GROUPS * LANES)
		sign_groups(GROUPS, keys->k0 + i, keys->k1 + i, messages + i, tags + i);
	for (; i < count; i += LANES) {
		uint32_t rest = count - i < LANES ? count - i : LANES;
		const void *full_messages[LANES];
		uint64_t full_tags[LANES];
		fill(rest, messages + i, full_messages);
		sign_groups(1, keys->k0 + i, keys->k1 + i, full_messages, full_tags);
		memcpy(tags + i, full_tags, rest * sizeof(tags[0]));
	}
}

#endif
