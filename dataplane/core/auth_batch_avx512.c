// SPDX-License-Identifier: BSD-3-Clause
/*
 * Eight votes to a register. Compiled with -mavx512f, so nothing here may run before auth_batch.c
 * has asked the CPU. Messages are loaded whole and turned by shuffles: gathers cost more.
 */
#include <immintrin.h>

#include "dataplane/core/auth_batch_backend.h"

#define LANES  8
#define GROUPS 2 /* 15.7 ns a vote alone, 13.2 by twos, 13.0 by fours at twice the code (Zen 4) */

typedef uint64_t lanes __attribute__((vector_size(64)));

/*
 * bits are known when it is compiled; one instruction each. A turn by half is a shuffle, which more
 * units can do than a rotation (on a Zen 4, 0.7 cycles each against 1.0), and rotations are many.
 */
static inline __attribute__((always_inline)) lanes rotate(lanes x, const int bits)
{
	if (bits == 32)
		return (lanes)_mm512_shuffle_epi32((__m512i)x, _MM_PERM_CDAB);
	return x << bits | x >> (64 - bits);
}

/* Two messages: `low` in the lower half. */
static inline __m512i load_two(const void *low, const void *high)
{
	__m512i half = _mm512_castsi256_si512(_mm256_loadu_si256(low));
	return _mm512_inserti64x4(half, _mm256_loadu_si256(high), 1);
}

/* Two registers of pairs of rows, the quarters `first` and `first` + 2 of each. */
#define join(a, b, first)                                                                          \
	((lanes)_mm512_shuffle_i64x2(                                                              \
		a, b, (first) | ((first) + 2) << 2 | (first) << 4 | ((first) + 2) << 6))

static inline void load_messages(const void *const messages[], lanes words[4])
{
	__m512i m02 = load_two(messages[0], messages[2]), m13 = load_two(messages[1], messages[3]);
	__m512i m46 = load_two(messages[4], messages[6]), m57 = load_two(messages[5], messages[7]);
	__m512i even03 = _mm512_unpacklo_epi64(m02, m13), odd03 = _mm512_unpackhi_epi64(m02, m13);
	__m512i even47 = _mm512_unpacklo_epi64(m46, m57), odd47 = _mm512_unpackhi_epi64(m46, m57);
	words[0] = join(even03, even47, 0);
	words[1] = join(odd03, odd47, 0);
	words[2] = join(even03, even47, 1);
	words[3] = join(odd03, odd47, 1);
}

/* Four keys, one a quarter. */
static inline __m512i load_four(const uint8_t *a, const uint8_t *b, const uint8_t *c,
				const uint8_t *d)
{
	__m512i four = _mm512_castsi128_si512(_mm_loadu_si128((const void *)a));
	four = _mm512_inserti32x4(four, _mm_loadu_si128((const void *)b), 1);
	four = _mm512_inserti32x4(four, _mm_loadu_si128((const void *)c), 2);
	return _mm512_inserti32x4(four, _mm_loadu_si128((const void *)d), 3);
}

static inline void load_keys(const uint8_t *const keys[], lanes *k0, lanes *k1)
{
	__m512i even = load_four(keys[0], keys[2], keys[4], keys[6]);
	__m512i odd = load_four(keys[1], keys[3], keys[5], keys[7]);
	*k0 = (lanes)_mm512_unpacklo_epi64(even, odd);
	*k1 = (lanes)_mm512_unpackhi_epi64(even, odd);
}

#include "dataplane/core/auth_batch_lanes.h"

static void open_avx512(uint32_t count, const uint8_t *const tenant_keys[],
			const void *const messages[], struct auth_batch_keys *keys, uint64_t tags[])
{
	open_all(count, tenant_keys, messages, keys, tags);
}

static void sign_avx512(uint32_t count, const struct auth_batch_keys *keys,
			const void *const messages[], uint64_t tags[])
{
	sign_all(count, keys, messages, tags);
}

static void tell_avx512(uint32_t count, const uint8_t *const tenant_keys[],
			const void *const messages[], uint32_t bytes, uint64_t tags[])
{
	tell_all(count, tenant_keys, messages, bytes, tags);
}

const struct auth_batch_ops auth_batch_avx512 = {open_avx512, sign_avx512, tell_avx512};
