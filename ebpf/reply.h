/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Turning a frame round: the answer travels in the buffer that the question came in.
 *
 * One source for the kernel front (version negotiation) and the worker (receipts, and negotiation
 * on ports without a front). VLAN tags stay; IPv4 options are blanked to end-of-options, so a
 * source route is never followed back; checksums are computed, not left to the NIC.
 */
#ifndef TALLYWIRE_EBPF_REPLY_H
#define TALLYWIRE_EBPF_REPLY_H

#include "ebpf/classify.h"

#define REPLY_HOP_LIMIT 64
/* Both buffers of negotiation_write() are this long, so that an index needs only a mask. */
#define NEGOTIATION_BUFFER_BYTES 1024
/* What negotiation_write() looks at: header, two ids of 255 bytes with their lengths. */
#define NEGOTIATION_REQUEST_BYTES (sizeof(struct quic_long_header) + 255 + 1 + 255)

/* Copies `bytes` of a buffer that lie from `from` on to `to` in another; never past either end. */
CLASSIFY_INLINE void negotiation_copy(uint8_t *answer, uint32_t to, const uint8_t *request,
				      uint32_t from, uint32_t bytes)
{
	const uint32_t mask = NEGOTIATION_BUFFER_BYTES - 1;
	for (uint32_t i = 0; i < bytes; i++)
		answer[(to + i) & mask] = request[(from + i) & mask];
}

/*
 * Writes the Version Negotiation packet for the long header in `request`: version 0, the ids
 * swapped, then the one version we speak. `request` must be readable, `answer` writable for
 * NEGOTIATION_BUFFER_BYTES; a datagram that wants_negotiation() is. Returns the answer's length.
 *
 * An id is copied with whatever follows it, 255 bytes whatever its length, and what comes next is
 * written over the excess: without a branch there is one path through here, not 65,536, for the
 * kernel's verifier to walk.
 */
CLASSIFY_INLINE uint32_t negotiation_write(const uint8_t *request, uint8_t *answer)
{
	const uint32_t mask = NEGOTIATION_BUFFER_BYTES - 1;
	const uint32_t version = be32(QUIC_LITE_VERSION);
	const uint32_t id_at = sizeof(struct quic_long_header);
	uint32_t destination_bytes = request[id_at - 1];
	uint32_t source_at = id_at + destination_bytes + 1;
	uint32_t source_bytes = request[(source_at - 1) & mask];
	uint32_t second_at = id_at + source_bytes + 1;
	uint32_t versions_at = second_at + destination_bytes;

	answer[0] = QUIC_LONG_HEADER | 0x40;
	negotiation_copy(answer, 1, (const uint8_t[4]){0}, 0, 4);
	answer[id_at - 1] = (uint8_t)source_bytes;
	negotiation_copy(answer, id_at, request, source_at, 255);
	answer[(second_at - 1) & mask] = (uint8_t)destination_bytes;
	negotiation_copy(answer, second_at, request, id_at, 255);
	negotiation_copy(answer, versions_at, (const uint8_t *)&version, 0, sizeof(version));
	return versions_at + sizeof(version);
}

/* Adds `words` 32-bit words, in the order they lie in, to a one's complement sum. */
CLASSIFY_INLINE uint64_t checksum_words(uint64_t sum, const uint8_t *pos, int words)
{
	for (int i = 0; i < words; i++) {
		uint32_t word;
		__builtin_memcpy(&word, pos + i * sizeof(word), sizeof(word));
		sum += word;
	}
	return sum;
}

/* The same for `bytes` bytes, an odd one included; stops at `end`. */
CLASSIFY_INLINE uint64_t checksum_bytes(const uint8_t *pos, uint32_t bytes, const uint8_t *end)
{
	uint64_t sum = 0;
	for (int words = 0; words < NEGOTIATION_BUFFER_BYTES / 2; words++) {
		uint16_t word;
		if (bytes < 2 || pos + sizeof(word) > end)
			break;
		__builtin_memcpy(&word, pos, sizeof(word));
		sum += word;
		pos += sizeof(word);
		bytes -= sizeof(word);
	}
	if (bytes == 1 && pos + 1 <= end)
		sum += be16((uint16_t)(*pos << 8));
	return sum;
}

/* The checksum of what was added up, in wire order. */
CLASSIFY_INLINE uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

/* `bytes` is a constant of 16 at most: three moves through registers. */
CLASSIFY_INLINE void swap_bytes(uint8_t *a, uint8_t *b, uint32_t bytes)
{
	uint8_t kept[16];
	__builtin_memcpy(kept, a, bytes);
	__builtin_memcpy(a, b, bytes);
	__builtin_memcpy(b, kept, bytes);
}

/* A source route or a record of one must not be followed back: options become end-of-options. */
CLASSIFY_INLINE void blank_options(uint8_t *l3, uint32_t header_bytes, const uint8_t *end)
{
	for (uint32_t i = IPV4_MIN_BYTES; i < IPV4_MAX_BYTES; i++) {
		if (i >= header_bytes || l3 + i + 1 > end)
			break;
		l3[i] = 0;
	}
}

/*
 * The header of the answer. `udp_bytes`: UDP header and payload. Returns the sum of both addresses,
 * for UDP's checksum; false through `fits` where the frame is too short.
 *
 * Sums are taken from what is read before it is written and from what is known: a wide load right
 * behind narrow stores would wait for them.
 */
CLASSIFY_INLINE uint64_t reply_ipv4(uint8_t *l3, const uint8_t *end, uint16_t udp_bytes, bool *fits)
{
	struct ipv4_header *ip = (void *)l3;
	*fits = l3 + sizeof(*ip) <= end;
	if (!*fits)
		return 0;
	uint32_t header_bytes = (ip->version_words & 0x0Fu) * 4;
	uint64_t addresses = checksum_words(0, ip->source, 2);
	uint64_t sum = addresses + be16((uint16_t)(ip->version_words << 8)) +
		       be16((uint16_t)(header_bytes + udp_bytes)) + be16(IPV4_DONT_FRAGMENT) +
		       be16(REPLY_HOP_LIMIT << 8 | NET_PROTO_UDP);
	if (header_bytes > IPV4_MIN_BYTES)
		blank_options(l3, header_bytes, end);
	ip->service = 0;
	ip->total_bytes_be = be16((uint16_t)(header_bytes + udp_bytes));
	ip->identification_be = 0;
	ip->fragment_be = be16(IPV4_DONT_FRAGMENT);
	ip->ttl = REPLY_HOP_LIMIT;
	ip->checksum = checksum_fold(sum); /* options are zero and add nothing */
	swap_bytes(ip->source, ip->destination, sizeof(ip->source));
	return addresses;
}

CLASSIFY_INLINE uint64_t reply_ipv6(uint8_t *l3, const uint8_t *end, uint16_t udp_bytes, bool *fits)
{
	struct ipv6_header *ip = (void *)l3;
	*fits = l3 + sizeof(*ip) <= end;
	if (!*fits)
		return 0;
	uint64_t addresses = checksum_words(0, ip->source, 8);
	ip->version_class_flow_be = be32(6u << 28);
	ip->payload_bytes_be = be16(udp_bytes);
	ip->hop_limit = REPLY_HOP_LIMIT;
	swap_bytes(ip->source, ip->destination, sizeof(ip->source));
	return addresses;
}

/*
 * Turns the frame [data, end) round for a payload of `payload_bytes` that lies at
 * frame->payload_offset already and adds up to `payload_sum` (checksum_words or checksum_bytes):
 * addresses and ports swapped, lengths and checksums set. False only where the frame is too short
 * for its own offsets, which classify() rules out.
 */
CLASSIFY_INLINE bool reply_turn(uint8_t *data, uint8_t *end, const struct frame *frame,
				uint16_t payload_bytes, uint64_t payload_sum)
{
	struct ethernet_header *eth = (void *)data;
	uint8_t *l3 = data + (frame->l3_offset & FRAME_OFFSET_MASK);
	uint8_t *l4 = data + (frame->l4_offset & FRAME_OFFSET_MASK);
	struct udp_header *udp = (void *)l4;
	uint16_t udp_bytes = (uint16_t)(sizeof(*udp) + payload_bytes);
	bool fits;
	if (data + sizeof(*eth) > end || l4 + sizeof(*udp) > end)
		return false;

	uint64_t sum = payload_sum;
	sum += frame->ip_version == 4 ? reply_ipv4(l3, end, udp_bytes, &fits)
				      : reply_ipv6(l3, end, udp_bytes, &fits);
	if (!fits)
		return false;
	swap_bytes(eth->destination, eth->source, sizeof(eth->source));
	uint16_t source_be = udp->source_port_be, destination_be = udp->destination_port_be;
	/* The pseudo header has the length once more, and the protocol. */
	sum += (uint64_t)source_be + destination_be + 2u * be16(udp_bytes) + be16(NET_PROTO_UDP);
	uint16_t checksum = checksum_fold(sum);
	udp->source_port_be = destination_be;
	udp->destination_port_be = source_be;
	udp->bytes_be = be16(udp_bytes);
	udp->checksum = checksum ? checksum : 0xFFFF;
	return true;
}

#endif
