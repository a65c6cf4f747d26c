// SPDX-License-Identifier: BSD-3-Clause
/* The one place where a vote's bytes become integers and integers a vote's bytes. Judges nothing.
 */
#include "dataplane/core/vote.h"

#include <string.h>

#include "wire/byte_order.h"

void vote_read(const struct vote_packet *packet, struct vote *vote)
{
	vote->program_time_us = be64(packet->program_time_us_be);
	vote->interaction = be32(packet->interaction_be);
	vote->voter = be32(packet->voter_be);
	vote->revision = get_be24(packet->revision_be);
	vote->tenant = be16(packet->cid.tenant_be);
	vote->server = be16(packet->cid.server_be);
	vote->choice = be16(packet->choice_be);
	vote->key_epoch = packet->key_epoch;
}

void vote_write(const struct vote *vote, const uint8_t voter_key[AUTH_KEY_BYTES],
		struct vote_packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	packet->type = VOTE_TYPE;
	packet->cid.rotation_length = CONNECTION_ID_LENGTH_BITS;
	packet->cid.server_be = be16(vote->server);
	packet->cid.tenant_be = be16(vote->tenant);
	put_be24(packet->cid.lane, vote->voter);
	packet->key_epoch = vote->key_epoch;
	packet->choice_be = be16(vote->choice);
	packet->interaction_be = be32(vote->interaction);
	packet->voter_be = be32(vote->voter);
	packet->program_time_us_be = be64(vote->program_time_us);
	put_be24(packet->revision_be, vote->revision);
	auth_tag(voter_key, packet, VOTE_TAG_OFFSET, packet->tag);
}
