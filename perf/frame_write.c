/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes Ethernet, VLAN, IP and UDP around a payload.
 *
 * Called by `tallyreplay make` and `watch` for every datagram, and by restamp for those whose bytes
 * changed. It never looks at what a payload says.
 */
#include "perf/frame_write.h"

#include <string.h>

#define HOP_LIMIT 64

static const uint8_t viewer_mac[6] = {0x02, 0x54, 0x4C, 0x59, 0x00, 0x02};
static const uint8_t appliance_mac[6] = {0x02, 0x54, 0x4C, 0x59, 0x00, 0x01};

/* Adds 16-bit words to a one's complement sum; a last odd byte counts as if a zero followed. */
static uint64_t sum_words(uint64_t sum, const uint8_t *pos, uint32_t bytes)
{
	uint16_t word;
	for (uint32_t i = 0; i + sizeof(word) <= bytes; i += sizeof(word)) {
		memcpy(&word, pos + i, sizeof(word));
		sum += word;
	}
	return bytes % 2 ? sum + be16((uint16_t)(pos[bytes - 1] << 8)) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint8_t *write_ethernet(uint8_t *pos, uint16_t vlan_id, uint16_t type)
{
	struct ethernet_header *eth = (void *)pos;
	struct vlan_tag *tag = (void *)(pos + sizeof(*eth));
	memcpy(eth->destination, appliance_mac, sizeof(eth->destination));
	memcpy(eth->source, viewer_mac, sizeof(eth->source));
	eth->type_be = be16(vlan_id ? NET_TYPE_VLAN : type);
	if (!vlan_id)
		return pos + sizeof(*eth);
	tag->priority_id_be = be16(vlan_id);
	tag->type_be = be16(type);
	return pos + sizeof(*eth) + sizeof(*tag);
}

static uint8_t *write_ipv4(uint8_t *pos, const struct frame_target *target, uint32_t voter,
			   uint16_t udp_bytes)
{
	struct ipv4_header *ip = (void *)pos;
	memset(ip, 0, sizeof(*ip));
	ip->version_words = 0x45;
	ip->total_bytes_be = be16((uint16_t)(sizeof(*ip) + udp_bytes));
	ip->fragment_be = be16(IPV4_DONT_FRAGMENT);
	ip->ttl = HOP_LIMIT;
	ip->l4_proto = NET_PROTO_UDP;
	ip->source[0] = 198;
	ip->source[1] = 18;
	ip->source[2] = (uint8_t)(voter >> 8);
	ip->source[3] = (uint8_t)voter;
	memcpy(ip->destination, target->ipv4, sizeof(ip->destination));
	ip->checksum = fold(sum_words(0, pos, sizeof(*ip)));
	return pos + sizeof(*ip);
}

static uint8_t *write_ipv6(uint8_t *pos, const struct frame_target *target, uint32_t voter,
			   uint16_t udp_bytes)
{
	struct ipv6_header *ip = (void *)pos;
	static const uint8_t prefix[4] = {0x20, 0x01, 0x00, 0x02};
	uint32_t voter_be = be32(voter);
	memset(ip, 0, sizeof(*ip));
	ip->version_class_flow_be = be32(6u << 28);
	ip->payload_bytes_be = be16(udp_bytes);
	ip->l4_proto = NET_PROTO_UDP;
	ip->hop_limit = HOP_LIMIT;
	memcpy(ip->source, prefix, sizeof(prefix));
	memcpy(ip->source + 12, &voter_be, sizeof(voter_be));
	memcpy(ip->destination, target->ipv6, sizeof(ip->destination));
	return pos + sizeof(*ip);
}

uint32_t frame_write_payload(const struct frame_target *target, uint32_t voter,
			     uint16_t source_port, bool ipv6, const void *payload, uint16_t bytes,
			     uint8_t *frame)
{
	const uint16_t udp_bytes = (uint16_t)(sizeof(struct udp_header) + bytes);
	struct frame at = {.ip_version = ipv6 ? 6 : 4, .payload_bytes = bytes};
	uint8_t *pos = write_ethernet(frame, target->vlan_id, ipv6 ? NET_TYPE_IPV6 : NET_TYPE_IPV4);
	at.l3_offset = (uint16_t)(pos - frame);
	pos = ipv6 ? write_ipv6(pos, target, voter, udp_bytes)
		   : write_ipv4(pos, target, voter, udp_bytes);
	at.l4_offset = (uint16_t)(pos - frame);
	at.payload_offset = (uint16_t)(at.l4_offset + sizeof(struct udp_header));

	struct udp_header *udp = (void *)pos;
	udp->source_port_be = be16(source_port);
	udp->destination_port_be = be16(target->port);
	udp->bytes_be = be16(udp_bytes);
	memcpy(frame + at.payload_offset, payload, bytes);
	frame_checksum_udp(frame, &at);
	return at.payload_offset + (uint32_t)bytes;
}

uint32_t frame_write(const struct frame_target *target, uint32_t voter, uint16_t source_port,
		     bool ipv6, const struct vote_packet *vote, uint8_t *frame)
{
	return frame_write_payload(target, voter, source_port, ipv6, vote, VOTE_BYTES, frame);
}

void frame_checksum_udp(uint8_t *data, const struct frame *at)
{
	const uint8_t *l3 = data + at->l3_offset;
	struct udp_header *udp = (void *)(data + at->l4_offset);
	uint16_t udp_bytes = (uint16_t)(sizeof(*udp) + at->payload_bytes);
	/* The pseudo header: both addresses, the length, the protocol. */
	uint64_t sum = be16(NET_PROTO_UDP) + (uint64_t)be16(udp_bytes);
	sum = at->ip_version == 4 ? sum_words(sum, l3 + offsetof(struct ipv4_header, source), 8)
				  : sum_words(sum, l3 + offsetof(struct ipv6_header, source), 32);
	udp->checksum = 0;
	uint16_t checksum = fold(sum_words(sum, (const uint8_t *)udp, udp_bytes));
	udp->checksum = checksum ? checksum : 0xFFFF;
}
