/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a backend of auth_batch.h brings: its three functions, under the contract of
 * auth_batch_open(), auth_batch_sign() and auth_batch_tell(). Only auth_batch.c calls them, and
 * only where the CPU has the instructions that their file is compiled for.
 */
#ifndef TALLYWIRE_CORE_AUTH_BATCH_BACKEND_H
#define TALLYWIRE_CORE_AUTH_BATCH_BACKEND_H

#include "dataplane/core/auth_batch.h"

struct auth_batch_ops {
	void (*open)(uint32_t count, const uint8_t *const tenant_keys[],
		     const void *const messages[], struct auth_batch_keys *keys, uint64_t tags[]);
	void (*sign)(uint32_t count, const struct auth_batch_keys *keys,
		     const void *const messages[], uint64_t tags[]);
	void (*tell)(uint32_t count, const uint8_t *const tenant_keys[],
		     const void *const messages[], uint32_t bytes, uint64_t tags[]);
};

#ifdef AUTH_HAVE_AVX2
extern const struct auth_batch_ops auth_batch_avx2;
#endif
#ifdef AUTH_HAVE_AVX512
extern const struct auth_batch_ops auth_batch_avx512;
#endif

/* For tests: from now on as if the CPU lacked it; the next to ask chooses anew. */
void auth_batch_hide(enum auth_backend backend);

#endif
