/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Re-bases a vote onto another time. Called by `tallyreplay send --restamp` once per frame before
 * sending; identical frames stay identical, and choices and voters are never touched.
 */
#include "perf/restamp.h"

#include <string.h>
#include "dataplane/core/vote.h"
#include "perf/frame_write.h"

bool restamp_vote(uint8_t *data, const struct vote_view *view, const struct auth_keys *keys,
		  int64_t shift_us)
{
	struct vote_packet *packet = (void *)view->payload;
	uint8_t voter_key[AUTH_KEY_BYTES], right[AUTH_TAG_BYTES], damage[AUTH_TAG_BYTES];
	struct vote vote;
	vote_read(packet, &vote);
	const uint8_t *tenant_key = auth_keys_find(keys, vote.tenant, vote.key_epoch);
	if (!tenant_key)
		return false;
	auth_voter_key(tenant_key, vote.tenant, vote.key_epoch, vote.voter, voter_key);
	auth_tag(voter_key, packet, VOTE_TAG_OFFSET, right);
	for (int i = 0; i < AUTH_TAG_BYTES; i++)
		damage[i] = packet->tag[i] ^ right[i];
	packet->program_time_us_be = be64(vote.program_time_us + (uint64_t)shift_us);
	auth_tag(voter_key, packet, VOTE_TAG_OFFSET, right);
	for (int i = 0; i < AUTH_TAG_BYTES; i++)
		packet->tag[i] = right[i] ^ damage[i];
	frame_checksum_udp(data, &view->at);
	return true;
}
