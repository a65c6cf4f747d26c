// SPDX-License-Identifier: BSD-3-Clause
/*
 * Keys and tags, through libsodium. Called by the pipeline for every datagram and by those who make
 * votes. Keeps no key of its own; never says which byte of a tag was wrong.
 */
#include "dataplane/core/auth.h"

#include <sodium.h>
#include <string.h>

#include "dataplane/core/slots.h"
#include "wire/byte_order.h"
#include "wire/vote_packet.h"

static uint32_t key_slot(uint16_t tenant, uint8_t epoch)
{
	return slots_hash((uint64_t)tenant << 8 | epoch);
}

size_t auth_keys_bytes(uint32_t count)
{
	return sizeof(struct auth_keys) + slots_for(count) * sizeof(struct auth_key);
}

struct auth_keys *auth_keys_build(void *memory, const struct auth_key *keys, uint32_t count)
{
	struct auth_keys *table = memory;
	memset(memory, 0, auth_keys_bytes(count));
	table->mask = slots_for(count) - 1;
	table->count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = key_slot(keys[i].tenant, keys[i].epoch) & table->mask;
		while (table->slots[at].used)
			at = (at + 1) & table->mask;
		table->slots[at] = keys[i];
		table->slots[at].used = true;
	}
	return table;
}

/* Never 0, which is an empty slot. */
static uint64_t voter_slot(uint16_t tenant, uint8_t epoch, uint32_t voter)
{
	return 1ull << 63 | (uint64_t)tenant << 40 | (uint64_t)epoch << 32 | voter;
}

size_t auth_revoked_bytes(uint32_t count)
{
	return sizeof(struct auth_revoked) + slots_for(count) * sizeof(uint64_t);
}

struct auth_revoked *auth_revoked_build(void *memory, const struct auth_voter *voters,
					uint32_t count)
{
	struct auth_revoked *set = memory;
	memset(memory, 0, auth_revoked_bytes(count));
	set->mask = slots_for(count) - 1;
	set->count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t wanted = voter_slot(voters[i].tenant, voters[i].epoch, voters[i].voter);
		uint32_t at = slots_hash(wanted) & set->mask;
		while (set->slots[at])
			at = (at + 1) & set->mask;
		set->slots[at] = wanted;
	}
	return set;
}

bool auth_is_revoked(const struct auth_keys *keys, uint16_t tenant, uint8_t epoch, uint32_t voter)
{
	const struct auth_revoked *set = keys->revoked;
	if (!set)
		return false;
	uint64_t wanted = voter_slot(tenant, epoch, voter);
	uint32_t at = slots_hash(wanted) & set->mask;
	while (set->slots[at] && set->slots[at] != wanted)
		at = (at + 1) & set->mask;
	return set->slots[at] != 0;
}

const uint8_t *auth_keys_find(const struct auth_keys *keys, uint16_t tenant, uint8_t epoch)
{
	uint32_t at = key_slot(tenant, epoch) & keys->mask;
	while (keys->slots[at].used) {
		const struct auth_key *slot = &keys->slots[at];
		if (slot->tenant == tenant && slot->epoch == epoch)
			return slot->key;
		at = (at + 1) & keys->mask;
	}
	return NULL;
}

void auth_voter_key(const uint8_t tenant_key[AUTH_KEY_BYTES], uint16_t tenant, uint8_t epoch,
		    uint32_t voter, uint8_t voter_key[AUTH_KEY_BYTES])
{
	const struct voter_key_input input = {
		.tenant_be = be16(tenant),
		.key_epoch = epoch,
		.label = VOTER_KEY_LABEL,
		.voter_be = be32(voter),
	};
	crypto_shorthash_siphashx24(voter_key, (const uint8_t *)&input, sizeof(input), tenant_key);
}

void auth_tag(const uint8_t voter_key[AUTH_KEY_BYTES], const void *message, size_t bytes,
	      uint8_t tag[AUTH_TAG_BYTES])
{
	uint8_t hash[crypto_shorthash_siphashx24_BYTES];
	crypto_shorthash_siphashx24(hash, message, bytes, voter_key);
	memcpy(tag, hash, AUTH_TAG_BYTES);
}

bool auth_tag_matches(const uint8_t voter_key[AUTH_KEY_BYTES], const void *message, size_t bytes,
		      const uint8_t tag[AUTH_TAG_BYTES])
{
	uint8_t right[AUTH_TAG_BYTES];
	auth_tag(voter_key, message, bytes, right);
	return sodium_memcmp(right, tag, AUTH_TAG_BYTES) == 0;
}
