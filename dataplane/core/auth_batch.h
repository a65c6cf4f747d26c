/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys and tags of a whole burst at once: the same SipHash as in auth.h, several votes side by side
 * in SIMD lanes where the CPU has them, through libsodium where not. Called by the pipeline, twice
 * a burst, and for notices; reads 32 bytes of each message, or as many as it is told, and 16 of
 * each tenant key, nothing around them; never
 * judges a tag.
 *
 * SipHash-2-4 with 128-bit output: Aumasson and Bernstein, "SipHash: a fast short-input PRF"
 * (2012), and their reference code (github.com/veorq/SipHash); the output is that of libsodium's
 * crypto_shorthash_siphashx24. No branch and no address depends on a key or a message.
 *
 * Any thread may call any of these at any time on memory of its own; auth_batch_use() alone is for
 * the one thread that starts, tests or measures.
 */
#ifndef TALLYWIRE_CORE_AUTH_BATCH_H
#define TALLYWIRE_CORE_AUTH_BATCH_H

#include <stdint.h>
#include <string.h>

#include "dataplane/core/auth.h"

#define AUTH_BATCH_MAX 64 /* the most votes in one call */

/* Who computes. A later one is faster from a few votes on: 1 costs it as much as 8. */
enum auth_backend {
	AUTH_LIBSODIUM, /* everywhere; the reference */
	AUTH_AVX2,
	AUTH_AVX512,
};
#define AUTH_BACKENDS 3

/*
 * Voter keys, column by column: vote i's 16 bytes are k0[i], then k1[i], as they lie in memory.
 * Whoever calls owns it; what lies at or past a call's `count` has no meaning.
 */
struct auth_batch_keys {
	uint64_t k0[AUTH_BATCH_MAX];
	uint64_t k1[AUTH_BATCH_MAX];
} __attribute__((aligned(64)));

/*
 * The votes at messages[0..count), each with the tenant key of its tenant and epoch: derives each
 * voter's key into `keys` from the tenant, epoch and voter in the message, and under it the tag of
 * the message's first 32 bytes into tags[i], its 8 bytes as they lie in memory. So a vote's tag is
 * right if tags[i] ^ (bytes 32 to 39) is 0. Neither messages nor keys need any alignment; `count`
 * is 0 to AUTH_BATCH_MAX.
 */
void auth_batch_open(uint32_t count, const uint8_t *const tenant_keys[],
		     const void *const messages[], struct auth_batch_keys *keys, uint64_t tags[]);

/* tags[i] of the first 32 bytes at messages[i], under key i: for receipts. */
void auth_batch_sign(uint32_t count, const struct auth_batch_keys *keys,
		     const void *const messages[], uint64_t tags[]);

/*
 * tags[i] of all `bytes` at messages[i], 32 to 255 of them, under the voter's key, which is derived
 * as by auth_batch_open(): for notices. From byte 32 on the messages must be alike: one of them is
 * read for all.
 */
void auth_batch_tell(uint32_t count, const uint8_t *const tenant_keys[],
		     const void *const messages[], uint32_t bytes, uint64_t tags[]);

/* Key i as auth.h takes it, for what is not 32 bytes long. */
static inline void auth_batch_key(const struct auth_batch_keys *keys, uint32_t i,
				  uint8_t voter_key[AUTH_KEY_BYTES])
{
	memcpy(voter_key, &keys->k0[i], 8);
	memcpy(voter_key + 8, &keys->k1[i], 8);
}

/* Key `from` becomes key `to`, too: so that votes that need no receipt leave no gap. */
static inline void auth_batch_key_move(struct auth_batch_keys *keys, uint32_t to, uint32_t from)
{
	keys->k0[to] = keys->k0[from];
	keys->k1[to] = keys->k1[from];
}

/* The best that this CPU and this build can do. */
enum auth_backend auth_batch_best(void);

/* The one at work: the best, unless auth_batch_use() chose another. */
enum auth_backend auth_batch_backend(void);

/* Chooses who computes from now on. -ENOTSUP, and no change, where CPU or build lack it. */
int auth_batch_use(enum auth_backend backend);

/* "libsodium", "avx2", "avx512" */
const char *auth_backend_name(enum auth_backend backend);

#endif
