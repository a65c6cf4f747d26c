// SPDX-License-Identifier: BSD-3-Clause
/*
 * Chooses who computes keys and tags of a burst, and does it through libsodium where the CPU has
 * no lanes for it: that is the reference which the others are tested against. Asks the CPU once.
 */
#include "dataplane/core/auth_batch.h"

#include <errno.h>
#include <stdatomic.h>

#include "dataplane/core/auth_batch_backend.h"
#include "wire/byte_order.h"
#include "wire/vote_packet.h"

static void open_libsodium(uint32_t count, const uint8_t *const tenant_keys[],
			   const void *const messages[], struct auth_batch_keys *keys,
			   uint64_t tags[])
{
	for (uint32_t i = 0; i < count; i++) {
		const struct vote_packet *packet = messages[i];
		uint8_t voter_key[AUTH_KEY_BYTES], tag[AUTH_TAG_BYTES];
		auth_voter_key(tenant_keys[i], be16(packet->cid.tenant_be), packet->key_epoch,
			       be32(packet->voter_be), voter_key);
		auth_tag(voter_key, packet, VOTE_TAG_OFFSET, tag);
		memcpy(&keys->k0[i], voter_key, 8);
		memcpy(&keys->k1[i], voter_key + 8, 8);
		memcpy(&tags[i], tag, sizeof(tag));
	}
}

static void sign_libsodium(uint32_t count, const struct auth_batch_keys *keys,
			   const void *const messages[], uint64_t tags[])
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t voter_key[AUTH_KEY_BYTES], tag[AUTH_TAG_BYTES];
		auth_batch_key(keys, i, voter_key);
		auth_tag(voter_key, messages[i], VOTE_TAG_OFFSET, tag);
		memcpy(&tags[i], tag, sizeof(tag));
	}
}

static void tell_libsodium(uint32_t count, const uint8_t *const tenant_keys[],
			   const void *const messages[], uint32_t bytes, uint64_t tags[])
{
	for (uint32_t i = 0; i < count; i++) {
		const struct vote_packet *packet = messages[i];
		uint8_t voter_key[AUTH_KEY_BYTES], tag[AUTH_TAG_BYTES];
		auth_voter_key(tenant_keys[i], be16(packet->cid.tenant_be), packet->key_epoch,
			       be32(packet->voter_be), voter_key);
		auth_tag(voter_key, packet, bytes, tag);
		memcpy(&tags[i], tag, sizeof(tag));
	}
}

static const struct auth_batch_ops auth_batch_libsodium = {open_libsodium, sign_libsodium,
							   tell_libsodium};

static _Atomic uint32_t hidden; /* 1 << backend; written by tests only */

/* NULL where CPU or build lack it. The system must save the wide registers, too: gcc asks both. */
static const struct auth_batch_ops *ops_of(enum auth_backend backend)
{
	if (atomic_load_explicit(&hidden, memory_order_relaxed) & 1u << backend)
		return NULL;
	switch (backend) {
	case AUTH_LIBSODIUM: return &auth_batch_libsodium;
	case AUTH_AVX2:
#ifdef AUTH_HAVE_AVX2
		if (__builtin_cpu_supports("avx2"))
			return &auth_batch_avx2;
#endif
		break;
	case AUTH_AVX512:
#ifdef AUTH_HAVE_AVX512
		if (__builtin_cpu_supports("avx512f"))
			return &auth_batch_avx512;
#endif
		break;
	}
	return NULL;
}

enum auth_backend auth_batch_best(void)
{
	if (ops_of(AUTH_AVX512))
		return AUTH_AVX512;
	return ops_of(AUTH_AVX2) ? AUTH_AVX2 : AUTH_LIBSODIUM;
}

/* NULL until somebody asks. Threads that ask at the same time all write the same. */
static const struct auth_batch_ops *_Atomic at_work;

static const struct auth_batch_ops *ops(void)
{
	const struct auth_batch_ops *chosen = atomic_load_explicit(&at_work, memory_order_relaxed);
	if (__builtin_expect(!chosen, 0)) {
		chosen = ops_of(auth_batch_best());
		atomic_store_explicit(&at_work, chosen, memory_order_relaxed);
	}
	return chosen;
}

void auth_batch_open(uint32_t count, const uint8_t *const tenant_keys[],
		     const void *const messages[], struct auth_batch_keys *keys, uint64_t tags[])
{
	ops()->open(count, tenant_keys, messages, keys, tags);
}

void auth_batch_sign(uint32_t count, const struct auth_batch_keys *keys,
		     const void *const messages[], uint64_t tags[])
{
	ops()->sign(count, keys, messages, tags);
}

void auth_batch_tell(uint32_t count, const uint8_t *const tenant_keys[],
		     const void *const messages[], uint32_t bytes, uint64_t tags[])
{
	ops()->tell(count, tenant_keys, messages, bytes, tags);
}

enum auth_backend auth_batch_backend(void)
{
	const struct auth_batch_ops *chosen = ops();
	for (int backend = AUTH_BACKENDS - 1; backend > AUTH_LIBSODIUM; backend--)
		if (chosen == ops_of((enum auth_backend)backend))
			return (enum auth_backend)backend;
	return AUTH_LIBSODIUM;
}

int auth_batch_use(enum auth_backend backend)
{
	const struct auth_batch_ops *chosen = ops_of(backend);
	if (!chosen)
		return -ENOTSUP;
	atomic_store_explicit(&at_work, chosen, memory_order_relaxed);
	return 0;
}

void auth_batch_hide(enum auth_backend backend)
{
	atomic_fetch_or_explicit(&hidden, 1u << backend, memory_order_relaxed);
	atomic_store_explicit(&at_work, NULL, memory_order_relaxed);
}

const char *auth_backend_name(enum auth_backend backend)
{
	static const char *const names[AUTH_BACKENDS] = {
		[AUTH_LIBSODIUM] = "libsodium",
		[AUTH_AVX2] = "avx2",
		[AUTH_AVX512] = "avx512",
	};
	return names[backend];
}
