/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The builder writes headers field by field from WIRE's own structs and adds checksums up in its
 * own way, so that it shares no code with what the tests look at. No I/O, no state but the
 * generator's.
 */
#include "tests/lib/frames.h"

#include <string.h>
#include "wire/byte_order.h"

#define VOTER 42

/* The RFC 1071 sum of `bytes` bytes, in host order, not folded. */
static uint32_t sum_of(const uint8_t *at, uint32_t bytes)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < bytes; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t write_vote(const struct frames_plan *plan, uint8_t *at)
{
	struct vote_packet vote = {
		.type = plan->payload == FRAMES_WATCH ? WATCH_TYPE : VOTE_TYPE,
		.cid = {.rotation_length = CONNECTION_ID_LENGTH_BITS,
			.server_be = be16(1),
			.tenant_be = be16(plan->tenant ? plan->tenant : FRAMES_TENANT),
			.lane = {0, 0, VOTER}},
		.key_epoch = plan->key_epoch ? plan->key_epoch : FRAMES_EPOCH,
		.interaction_be = be32(101),
		.voter_be = be32(VOTER),
		.program_time_us_be = be64(1795392000000000u),
	};
	uint32_t bytes = plan->payload == FRAMES_WATCH ? WATCH_BYTES : VOTE_BYTES;
	memset(at, 0, bytes);
	memcpy(at, &vote, sizeof(vote));
	return bytes;
}

static uint32_t write_long_header(const struct frames_plan *plan, uint8_t *at)
{
	struct quic_long_header header = {
		.first = QUIC_LONG_HEADER | 0x40,
		.version_be = be32(plan->version),
		.destination_id_length = plan->destination_id_bytes,
	};
	uint32_t bytes = sizeof(header);
	memcpy(at, &header, sizeof(header));
	for (uint32_t i = 0; i < plan->destination_id_bytes; i++)
		at[bytes++] = (uint8_t)(0xD0 + i);
	at[bytes++] = plan->source_id_bytes;
	for (uint32_t i = 0; i < plan->source_id_bytes; i++)
		at[bytes++] = (uint8_t)(0x50 + i);
	return bytes;
}

static uint32_t write_payload(const struct frames_plan *plan, uint8_t *at)
{
	uint32_t bytes =
		plan->payload == FRAMES_LONG ? write_long_header(plan, at) : write_vote(plan, at);
	uint32_t wanted = plan->payload_bytes ? plan->payload_bytes : bytes;
	for (uint32_t i = bytes; i < wanted; i++)
		at[i] = (uint8_t)i;
	at[plan->poke_at] ^= plan->poke_mask;
	return wanted;
}

static uint32_t write_ethernet(const struct frames_plan *plan, uint8_t *frame)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint16_t l3_type = plan->ip_version == 6 ? NET_TYPE_IPV6 : NET_TYPE_IPV4;
	uint16_t type = plan->ether_type ? plan->ether_type : l3_type;
	uint32_t bytes = sizeof(addresses);
	memcpy(frame, addresses, sizeof(addresses));
	for (uint32_t tag = 0; tag < plan->vlan_tags; tag++) {
		bool outermost = tag == 0 && plan->vlan_type;
		uint16_t words[2] = {be16(outermost ? plan->vlan_type : NET_TYPE_VLAN), be16(100)};
		memcpy(frame + bytes, words, sizeof(words));
		bytes += sizeof(words);
	}
	type = be16(type);
	memcpy(frame + bytes, &type, sizeof(type));
	return bytes + (uint32_t)sizeof(type);
}

/* Replaces the usual source where the plan names one. */
static void set_source(const struct frames_plan *plan, uint8_t *source, size_t bytes)
{
	static const uint8_t none[sizeof(plan->source)];
	if (memcmp(plan->source, none, sizeof(none)) != 0)
		memcpy(source, plan->source, bytes);
}

static uint32_t write_ipv4(const struct frames_plan *plan, uint8_t *at, uint32_t l4_bytes)
{
	uint32_t header_bytes = IPV4_MIN_BYTES + 4u * plan->option_words;
	struct ipv4_header ip = {
		.version_words = (uint8_t)(0x40 | header_bytes / 4),
		.total_bytes_be = be16(header_bytes + l4_bytes + plan->ip_bytes_more),
		.identification_be = be16(0x1234),
		.fragment_be = be16(plan->fragment),
		.ttl = 57,
		.l4_proto = plan->l4_proto ? plan->l4_proto : NET_PROTO_UDP,
		.source = {10, 0, 0, 2},
		.destination = {10, 0, 0, 1},
	};
	set_source(plan, ip.source, sizeof(ip.source));
	memcpy(at, &ip, sizeof(ip));
	memset(at + sizeof(ip), 1, header_bytes - sizeof(ip)); /* no-operation options */
	ip.checksum = be16(~folded(sum_of(at, header_bytes)));
	memcpy(at, &ip, sizeof(ip));
	return header_bytes;
}

static uint32_t write_ipv6(const struct frames_plan *plan, uint8_t *at, uint32_t l4_bytes)
{
	struct ipv6_header ip = {
		.version_class_flow_be = be32(6u << 28 | 0x12345),
		.payload_bytes_be = be16(l4_bytes + plan->ip_bytes_more),
		.l4_proto = plan->l4_proto ? plan->l4_proto : NET_PROTO_UDP,
		.hop_limit = 57,
		.source = {0xFD, 1, [15] = 2},
		.destination = {0xFD, 1, [15] = 1},
	};
	set_source(plan, ip.source, sizeof(ip.source));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

/* The pseudo header's sum: the addresses lie one after the other, right before options or UDP. */
static uint32_t pseudo_sum(const uint8_t *l3, uint32_t l4_bytes)
{
	bool is_ipv6 = l3[0] >> 4 == 6;
	return (is_ipv6 ? sum_of(l3 + 8, 32) : sum_of(l3 + 12, 8)) + NET_PROTO_UDP + l4_bytes;
}

uint32_t frames_build(const struct frames_plan *plan, uint8_t *frame)
{
	uint8_t payload[FRAMES_MAX_BYTES] = {0};
	uint32_t payload_bytes = write_payload(plan, payload);
	uint32_t l4_bytes = (uint32_t)sizeof(struct udp_header) + payload_bytes;
	memset(frame, 0, FRAMES_MAX_BYTES);
	uint32_t l3_at = write_ethernet(plan, frame);
	uint32_t l4_at =
		l3_at + (plan->ip_version == 6 ? write_ipv6(plan, frame + l3_at, l4_bytes)
					       : write_ipv4(plan, frame + l3_at, l4_bytes));
	struct udp_header udp = {
		.source_port_be = be16(40000),
		.destination_port_be = be16(plan->port ? plan->port : FRAMES_PORT),
		.bytes_be = be16(l4_bytes + plan->udp_bytes_more),
	};
	memcpy(frame + l4_at, &udp, sizeof(udp));
	memcpy(frame + l4_at + sizeof(udp), payload, payload_bytes);
	udp.checksum = be16(
		~folded(pseudo_sum(frame + l3_at, l4_bytes) + sum_of(frame + l4_at, l4_bytes)));
	memcpy(frame + l4_at, &udp, sizeof(udp));
	uint32_t bytes = l4_at + l4_bytes + plan->padding_bytes;
	return plan->frame_bytes ? plan->frame_bytes : bytes;
}

uint32_t frames_below(struct frames_random *random, uint32_t limit)
{
	uint64_t x = random->state;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return (uint32_t)((x * 0x2545F4914F6CDD1Du >> 32) % limit);
}

static bool one_in(struct frames_random *random, uint32_t chances)
{
	return frames_below(random, chances) == 0;
}

static void draw_payload(struct frames_random *random, struct frames_plan *plan)
{
	static const uint32_t versions[] = {
		0, 1, 0x6B3343CF, 0xFF00001D, QUIC_LITE_VERSION, QUIC_LITE_VERSION + 1};
	static const uint16_t sizes[] = {1, 8, 39, 41, 200, 256, 1199, 1200, 1201, 1400};
	plan->payload = one_in(random, 3)   ? FRAMES_LONG
			: one_in(random, 8) ? FRAMES_WATCH
					    : FRAMES_VOTE;
	plan->tenant = one_in(random, 6) ? (uint16_t)(1 + frames_below(random, 9)) : 0;
	plan->key_epoch = one_in(random, 8) ? (uint8_t)(1 + frames_below(random, 3)) : 0;
	plan->version = versions[frames_below(random, sizeof(versions) / sizeof(versions[0]))];
	plan->destination_id_bytes = (uint8_t)frames_below(random, one_in(random, 2) ? 21 : 256);
	plan->source_id_bytes = (uint8_t)frames_below(random, one_in(random, 2) ? 21 : 256);
	if (plan->payload == FRAMES_LONG)
		plan->payload_bytes = (uint16_t)(1190 + frames_below(random, 200));
	if (one_in(random, 6))
		plan->payload_bytes = sizes[frames_below(random, sizeof(sizes) / sizeof(sizes[0]))];
	if (one_in(random, 8)) {
		plan->poke_at = (uint16_t)frames_below(random, VOTE_BYTES);
		plan->poke_mask = (uint8_t)(1u << frames_below(random, 8));
	}
}

static void draw_headers(struct frames_random *random, struct frames_plan *plan)
{
	plan->vlan_tags = one_in(random, 3) ? (uint8_t)frames_below(random, 4) : 0;
	plan->vlan_type = one_in(random, 2) ? NET_TYPE_QINQ : 0;
	plan->ip_version = one_in(random, 3) ? 6 : 4;
	plan->l4_proto = one_in(random, 12) ? (uint8_t)frames_below(random, 256) : 0;
	plan->option_words = one_in(random, 4) ? (uint8_t)frames_below(random, 11) : 0;
	if (one_in(random, 10))
		plan->fragment = (uint16_t)(1u << frames_below(random, 16));
	plan->port = one_in(random, 10) ? (uint16_t)frames_below(random, 65536) : 0;
	plan->ip_bytes_more = one_in(random, 10) ? (int16_t)(frames_below(random, 60) - 30) : 0;
	plan->udp_bytes_more = one_in(random, 10) ? (int16_t)(frames_below(random, 60) - 30) : 0;
	plan->padding_bytes = one_in(random, 4) ? (uint16_t)frames_below(random, 40) : 0;
}

/* Single bits, mostly in the headers. */
static void damage(struct frames_random *random, uint8_t *frame, uint32_t bytes)
{
	uint32_t flips = 1 + frames_below(random, 4);
	for (uint32_t i = 0; i < flips; i++) {
		uint32_t reach = one_in(random, 4) || bytes < 64 ? bytes : 64;
		frame[frames_below(random, reach)] ^= (uint8_t)(1u << frames_below(random, 8));
	}
}

uint32_t frames_generate(struct frames_random *random, uint8_t *frame)
{
	const uint32_t least = sizeof(struct ethernet_header);
	struct frames_plan plan = {0};
	draw_payload(random, &plan);
	draw_headers(random, &plan);
	uint32_t bytes = frames_build(&plan, frame);
	if (one_in(random, 8))
		damage(random, frame, bytes);
	if (one_in(random, 12))
		bytes = least + frames_below(random, bytes - least);
	return bytes;
}

bool frames_checksums_hold(const uint8_t *frame, uint32_t bytes)
{
	uint32_t l3_at = 12;
	while (frame[l3_at] == 0x81 || frame[l3_at] == 0x88)
		l3_at += sizeof(struct vlan_tag);
	const uint8_t *l3 = frame + l3_at + 2;
	bool is_ipv6 = l3[0] >> 4 == 6;
	uint32_t header_bytes = is_ipv6 ? sizeof(struct ipv6_header) : (l3[0] & 0x0Fu) * 4;
	const uint8_t *l4 = l3 + header_bytes;
	uint32_t l4_bytes = (uint32_t)l4[4] << 8 | l4[5];
	if (l4 + l4_bytes > frame + bytes)
		return false;
	bool ip_holds = is_ipv6 || folded(sum_of(l3, header_bytes)) == 0xFFFF;
	return ip_holds && folded(pseudo_sum(l3, l4_bytes) + sum_of(l4, l4_bytes)) == 0xFFFF;
}
