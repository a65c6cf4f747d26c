// SPDX-License-Identifier: BSD-3-Clause
/* From a WATCH to its answer. Only what the tag covers is looked at, and the headers. */
#include "dataplane/core/watch.h"

#include <string.h>

#include "ebpf/reply.h"
#include "wire/byte_order.h"

/* Where the datagram came from, and whose it is. */
static struct cookie_bearer bearer_of(const uint8_t *data, const struct frame *frame,
				      const struct watch_packet *packet)
{
	const uint8_t *l3 = data + frame->l3_offset;
	const struct udp_header *udp = (const void *)(data + frame->l4_offset);
	struct cookie_bearer bearer = {
		.port_be = udp->source_port_be,
		.tenant_be = packet->cid.tenant_be,
		.voter_be = packet->voter_be,
	};
	if (frame->ip_version == 4) {
		bearer.address[10] = bearer.address[11] = 0xFF;
		memcpy(bearer.address + 12, l3 + offsetof(struct ipv4_header, source), 4);
	} else {
		memcpy(bearer.address, l3 + offsetof(struct ipv6_header, source), 16);
	}
	return bearer;
}

/* What a frame to the viewer begins with, out of one that was turned round. IPv4 options stay
 * behind. */
static void viewer_of(const uint8_t *data, const struct frame *frame,
		      const struct watch_packet *packet, struct subscriber *viewer)
{
	uint32_t ip_bytes =
		frame->ip_version == 4 ? sizeof(struct ipv4_header) : sizeof(struct ipv6_header);
	uint32_t l3 = frame->l3_offset, l4 = l3 + ip_bytes;
	memset(viewer, 0, sizeof(*viewer));
	viewer->voter_be = packet->voter_be;
	viewer->cid = packet->cid;
	viewer->key_epoch = packet->key_epoch;
	viewer->ip_version = frame->ip_version;
	viewer->l3_offset = (uint8_t)l3;
	viewer->head_bytes = (uint8_t)(l4 + sizeof(struct udp_header));
	memcpy(viewer->head, data, l4);
	if (frame->ip_version == 4)
		viewer->head[l3] = 4 << 4 | IPV4_MIN_BYTES / 4;
	memcpy(viewer->head + l4, data + frame->l4_offset, sizeof(struct udp_header));
}

/* Signs and turns round. */
static uint32_t finish(uint8_t *data, uint8_t *end, const struct frame *frame,
		       const uint8_t voter_key[AUTH_KEY_BYTES], uint32_t covered, uint32_t bytes)
{
	uint8_t *payload = data + frame->payload_offset;
	auth_tag(voter_key, payload, covered, payload + covered);
	uint64_t sum = checksum_words(0, payload, (int)(bytes / 4));
	return reply_turn(data, end, frame, (uint16_t)bytes, sum) ? frame->payload_offset + bytes
								  : 0;
}

static void challenge_fill(const struct cookie_secrets *secrets, const struct cookie_bearer *bearer,
			   uint64_t now_us, uint64_t arrival_us, uint8_t *payload)
{
	struct challenge_packet *challenge = (void *)payload;
	challenge->type = CHALLENGE_TYPE;
	challenge->choice_be = be16(CHOICE_NONE);
	challenge->clock_us_be = be64(arrival_us);
	cookie_write(secrets, bearer, now_us, challenge->cookie);
	memset(challenge->zero, 0, sizeof(challenge->zero));
}

static void subscribe(struct watch *watch, const struct subscriber *viewer)
{
	struct watch_counters *counters = &watch->counters;
	switch (subscribers_put(&watch->subscribers, viewer, watch->now_us)) {
	case SUBSCRIBED: tally_add(&counters->subscribed, 1); break;
	case SUBSCRIBED_AGAIN: tally_add(&counters->renewed, 1); break;
	case SUBSCRIBED_NOT: tally_add(&counters->no_room, 1); break;
	}
	tally_set(&counters->subscribers, watch->subscribers.count);
}

uint32_t watch_answer(struct watch *watch, uint8_t *data, uint8_t *end, const struct frame *frame,
		      const uint8_t voter_key[AUTH_KEY_BYTES], uint64_t arrival_us)
{
	uint8_t *payload = data + frame->payload_offset;
	const struct watch_packet *packet = (const void *)payload;
	const struct bulletin *bulletin = watch->bulletin;
	const struct cookie_bearer bearer = bearer_of(data, frame, packet);
	if (!cookie_is_valid(&bulletin->secrets, &bearer, watch->now_us, packet->cookie)) {
		challenge_fill(&bulletin->secrets, &bearer, watch->now_us, arrival_us, payload);
		tally_add(&watch->counters.challenges, 1);
		return finish(data, end, frame, voter_key, WATCH_TAG_OFFSET, CHALLENGE_BYTES);
	}
	const struct notice *notice = bulletin_board(bulletin, be16(packet->cid.tenant_be));
	const struct watch_packet asked = *packet;
	struct subscriber viewer;
	notice_fill(notice, &asked.cid, asked.key_epoch, asked.voter_be, arrival_us, payload);
	uint32_t bytes =
		finish(data, end, frame, voter_key, notice_covered(notice), notice_bytes(notice));
	tally_add(&watch->counters.answered, 1);
	viewer_of(data, frame, &asked, &viewer);
	subscribe(watch, &viewer);
	return bytes;
}
