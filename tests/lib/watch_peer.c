// SPDX-License-Identifier: BSD-3-Clause
#include "tests/lib/watch_peer.h"

#include <string.h>

#include "tests/lib/stage.h"

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static void key_of(const struct watch_peer *peer, uint8_t voter_key[AUTH_KEY_BYTES])
{
	struct auth_key key = stage_default_key(peer->tenant, peer->epoch);
	auth_voter_key(key.key, peer->tenant, peer->epoch, peer->voter, voter_key);
}

void watch_peer_ask(const struct watch_peer *peer, const uint8_t *cookie, uint8_t packet[256])
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	memset(packet, 0, 256);
	packet[0] = 0x43;
	packet[1] = 7;
	put(packet + 2, 1, 2);
	put(packet + 4, peer->tenant, 2);
	put(packet + 6, peer->voter, 3);
	packet[9] = peer->epoch;
	put(packet + 16, peer->voter, 4);
	put(packet + 20, 1795392000000000, 8);
	if (cookie)
		memcpy(packet + 32, cookie, 16);
	key_of(peer, voter_key);
	auth_tag(voter_key, packet, 48, packet + 48);
}

/* What all answers begin with, and the tag at `covered`. */
static const char *check_head(const struct watch_peer *peer, const uint8_t *payload, uint8_t type,
			      uint32_t covered)
{
	uint8_t asked[256], voter_key[AUTH_KEY_BYTES];
	watch_peer_ask(peer, NULL, asked);
	if (payload[0] != type)
		return "the first byte is another type's";
	if (memcmp(payload + 1, asked + 1, 9) != 0)
		return "connection id or key epoch are not echoed";
	if (get(payload + 10, 2) != 0xFFFF)
		return "a choice stands";
	if (get(payload + 16, 4) != peer->voter)
		return "the voter is not echoed";
	key_of(peer, voter_key);
	return auth_tag_matches(voter_key, payload, covered, payload + covered)
		       ? NULL
		       : "the tag is wrong";
}

const char *watch_peer_challenge(const struct watch_peer *peer, const uint8_t *payload,
				 uint32_t bytes, uint8_t cookie[16])
{
	if (bytes != 64)
		return "a CHALLENGE has 64 bytes";
	const char *wrong = check_head(peer, payload, 0x45, 48);
	if (wrong)
		return wrong;
	if (get(payload + 12, 4) != 0 || get(payload + 28, 4) != 0 || get(payload + 56, 8) != 0)
		return "what is to be zero is not";
	memcpy(cookie, payload + 32, 16);
	return NULL;
}

static void read_record(const uint8_t *at, struct watch_peer_record *record)
{
	record->interaction = (uint32_t)get(at, 4);
	record->state = at[4];
	record->kind = at[5];
	record->options = (uint16_t)get(at + 6, 2);
	record->opens_at_us = get(at + 8, 8);
	record->closes_at_us = get(at + 16, 8);
	record->leader = (uint16_t)get(at + 24, 2);
	record->share = (uint16_t)get(at + 26, 2);
}

const char *watch_peer_notice(const struct watch_peer *peer, const uint8_t *payload, uint32_t bytes,
			      struct watch_peer_notice *notice)
{
	if (bytes < 40 || bytes > 256)
		return "a NOTICE has 40 to 256 bytes";
	notice->count = payload[28];
	if (notice->count > 7 || bytes != 40 + 28 * notice->count)
		return "the records do not fill it";
	const char *wrong = check_head(peer, payload, 0x44, bytes - 8);
	if (wrong)
		return wrong;
	if (get(payload + 29, 3) != 0)
		return "what is to be zero is not";
	if (get(payload + 12, 4) != (notice->count ? get(payload + 32, 4) : 0))
		return "interaction is not the first one's";
	notice->clock_us = get(payload + 20, 8);
	for (uint32_t i = 0; i < notice->count; i++)
		read_record(payload + 32 + 28 * i, &notice->records[i]);
	return NULL;
}
