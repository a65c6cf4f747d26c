/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys and tags: SipHash-2-4 with 128-bit output, as docs/quic-lite.md lays it out.
 *
 * The key table is built once and then only read, by any number of threads. Nothing is stored per
 * voter: a voter's key is derived again for every datagram.
 */
#ifndef TALLYWIRE_CORE_AUTH_H
#define TALLYWIRE_CORE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTH_KEY_BYTES 16
#define AUTH_TAG_BYTES 8

/* One tenant key of one epoch. */
struct auth_key {
	uint16_t tenant;
	uint8_t epoch;
	bool used; /* the slot holds a key */
	uint8_t key[AUTH_KEY_BYTES];
};

/* One voter's key: the one derived from the tenant's key of this epoch. */
struct auth_voter {
	uint16_t tenant;
	uint8_t epoch;
	uint32_t voter;
};

/* Voters' keys that count no more. Open addressing, at most half full. Read-only once built. */
struct auth_revoked {
	uint32_t mask; /* slots - 1 */
	uint32_t count;
	uint64_t slots[];
};

/* Open addressing over (tenant, epoch); at most half full. Read-only once built. */
struct auth_keys {
	struct auth_revoked *revoked; /* NULL: none */
	uint32_t mask;                /* slots - 1 */
	uint32_t count;
	struct auth_key slots[];
};

/* Bytes of memory that a table of `count` keys needs. */
size_t auth_keys_bytes(uint32_t count);

/* Builds the table in `memory` (auth_keys_bytes(count), 8-byte aligned). No key may occur twice. */
struct auth_keys *auth_keys_build(void *memory, const struct auth_key *keys, uint32_t count);

/* Bytes of memory that a set of `count` voters needs. */
size_t auth_revoked_bytes(uint32_t count);

/* Builds the set in `memory` (auth_revoked_bytes(count), 8-byte aligned). No voter occurs twice. */
struct auth_revoked *auth_revoked_build(void *memory, const struct auth_voter *voters,
					uint32_t count);

/* Whether the voter's key under this one of the tenant's counts no more. */
bool auth_is_revoked(const struct auth_keys *keys, uint16_t tenant, uint8_t epoch, uint32_t voter);

/* The 16 bytes of the tenant's key, or NULL where tenant or epoch is not known. */
const uint8_t *auth_keys_find(const struct auth_keys *keys, uint16_t tenant, uint8_t epoch);

/* K_v: the key that a tenant's login service hands to one voter. */
void auth_voter_key(const uint8_t tenant_key[AUTH_KEY_BYTES], uint16_t tenant, uint8_t epoch,
		    uint32_t voter, uint8_t voter_key[AUTH_KEY_BYTES]);

/* The first 8 bytes of SipHash128(voter_key, message). */
void auth_tag(const uint8_t voter_key[AUTH_KEY_BYTES], const void *message, size_t bytes,
	      uint8_t tag[AUTH_TAG_BYTES]);

/* Compares in constant time. */
bool auth_tag_matches(const uint8_t voter_key[AUTH_KEY_BYTES], const void *message, size_t bytes,
		      const uint8_t tag[AUTH_TAG_BYTES]);

#endif
