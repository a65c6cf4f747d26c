/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Rules 1 to 3: which frames are votes, which are the host's, which are nothing.
 *
 * One source for three readers: the kernel front, the worker on ports without a front, and the
 * tests. It looks at headers through a cursor that cannot pass the end of the frame, reads no map,
 * keeps no state and changes nothing. docs/quic-lite.md lists the rules; the order here is theirs.
 */
#ifndef TALLYWIRE_EBPF_CLASSIFY_H
#define TALLYWIRE_EBPF_CLASSIFY_H

#include <stdbool.h>
#include "wire/byte_order.h"
#include "wire/net_headers.h"
#include "wire/verdict.h"
#include "wire/vote_packet.h"

/* Where things lie in a frame that came to the vote port; offsets in bytes from its first byte. */
struct frame {
	uint16_t l3_offset;
	uint16_t l4_offset;      /* the UDP header */
	uint16_t payload_offset; /* what the UDP length field delimits */
	uint16_t payload_bytes;
	uint8_t ip_version; /* 4 or 6 */
	uint8_t type;       /* first byte of the payload: VOTE_TYPE or WATCH_TYPE, if undecided */
};

/*
 * The payload lies at most 14 + 2 * 4 + 60 + 8 bytes into the frame, so this mask changes no
 * offset: it tells the kernel's verifier how large one can be.
 */
#define FRAME_OFFSET_MASK 0x7F

/* [pos, end): what is left of the frame. Moved forward by the parsers, never past the end. */
struct cursor {
	const uint8_t *pos;
	const uint8_t *end;
};

/* What the IP header says of the UDP datagram behind it. */
struct ip_view {
	int32_t payload_bytes; /* by the header's length field; negative where that disagrees */
	uint8_t version;
	bool first_fragment;
};

#define CLASSIFY_INLINE static inline __attribute__((always_inline))

/*
 * As a number, for comparing with a length field: adding the field to a pointer instead is
 * something that the verifier of Linux 6.1 does not take, for it loses track of a value's size when
 * its bytes are swapped.
 */
CLASSIFY_INLINE int64_t bytes_left(const struct cursor *c)
{
	return c->end - c->pos;
}

/* Steps over the Ethernet header and up to two VLAN tags. Gives the type, 0 where cut off. */
CLASSIFY_INLINE uint16_t parse_ethernet(struct cursor *c)
{
	const struct ethernet_header *eth = (const void *)c->pos;
	if (c->pos + sizeof(*eth) > c->end)
		return 0;
	uint16_t type = be16(eth->type_be);
	c->pos += sizeof(*eth);
	for (int tags = 0; tags < NET_VLAN_TAGS_MAX; tags++) {
		if (type != NET_TYPE_VLAN && type != NET_TYPE_QINQ)
			break;
		const struct vlan_tag *tag = (const void *)c->pos;
		if (c->pos + sizeof(*tag) > c->end)
			return 0;
		type = be16(tag->type_be);
		c->pos += sizeof(*tag);
	}
	return type;
}

/* Steps over an IPv4 header with its options. False: not UDP, a later fragment, or cut off. */
CLASSIFY_INLINE bool parse_ipv4(struct cursor *c, struct ip_view *ip)
{
	const struct ipv4_header *header = (const void *)c->pos;
	if (c->pos + sizeof(*header) > c->end)
		return false;
	uint32_t header_bytes = (header->version_words & 0x0Fu) * 4;
	if (header->version_words >> 4 != 4 || header_bytes < IPV4_MIN_BYTES)
		return false;
	uint16_t fragment = be16(header->fragment_be);
	if (header->l4_proto != NET_PROTO_UDP || fragment & IPV4_FRAGMENT_OFFSET)
		return false;
	uint32_t total_bytes = be16(header->total_bytes_be);
	bool beyond_frame = (int64_t)total_bytes > bytes_left(c);
	ip->payload_bytes = beyond_frame ? -1 : (int32_t)(total_bytes - header_bytes);
	ip->version = 4;
	ip->first_fragment = fragment & IPV4_MORE_FRAGMENTS;
	if (c->pos + header_bytes > c->end)
		return false;
	c->pos += header_bytes;
	return true;
}

/* Steps over an IPv6 header. False: not UDP directly behind it, or cut off. */
CLASSIFY_INLINE bool parse_ipv6(struct cursor *c, struct ip_view *ip)
{
	const struct ipv6_header *header = (const void *)c->pos;
	if (c->pos + sizeof(*header) > c->end)
		return false;
	if ((c->pos[0] >> 4) != 6 || header->l4_proto != NET_PROTO_UDP)
		return false;
	uint32_t payload_bytes = be16(header->payload_bytes_be);
	c->pos += sizeof(*header);
	ip->payload_bytes = (int64_t)payload_bytes > bytes_left(c) ? -1 : (int32_t)payload_bytes;
	ip->version = 6;
	ip->first_fragment = false;
	return true;
}

/* Rule 2: a long header of a version that is neither ours nor 0, in a datagram that is large
 * enough. */
CLASSIFY_INLINE bool wants_negotiation(const struct cursor *payload, uint32_t payload_bytes)
{
	const struct quic_long_header *header = (const void *)payload->pos;
	if (payload_bytes < NEGOTIATION_MIN_PAYLOAD ||
	    payload->pos + sizeof(*header) > payload->end)
		return false;
	uint32_t version = be32(header->version_be);
	return header->first & QUIC_LONG_HEADER && version != QUIC_LITE_VERSION && version != 0;
}

/* Rule 3, the part inside the payload: the fixed bytes of a VOTE or a WATCH. */
CLASSIFY_INLINE bool well_formed(const struct cursor *payload, uint32_t payload_bytes)
{
	const struct vote_packet *vote = (const void *)payload->pos;
	if (payload_bytes < VOTE_BYTES || payload->pos + VOTE_BYTES > payload->end)
		return false;
	bool is_vote = payload_bytes == VOTE_BYTES && vote->type == VOTE_TYPE;
	bool is_watch = payload_bytes == WATCH_BYTES && vote->type == WATCH_TYPE;
	return (is_vote || is_watch) && vote->status == 0 &&
	       (vote->cid.rotation_length & CONNECTION_ID_LENGTH_MASK) == CONNECTION_ID_LENGTH_BITS;
}

/*
 * Judges the frame [data, end) by rules 1 to 3. `vote_port_be` is the UDP port of votes.
 *
 * Returns VERDICT_PASSED, VERDICT_MALFORMED, VERDICT_NEGOTIATED, or VERDICT_NONE for a vote or a
 * watch that rule 4 looks at next. `frame` is filled in for the last two.
 */
CLASSIFY_INLINE enum verdict classify(const uint8_t *data, const uint8_t *end,
				      uint16_t vote_port_be, struct frame *frame)
{
	struct cursor c = {.pos = data, .end = end};
	struct ip_view ip;
	uint16_t type = parse_ethernet(&c);
	frame->l3_offset = (uint16_t)(c.pos - data);
	bool is_udp = type == NET_TYPE_IPV4   ? parse_ipv4(&c, &ip)
		      : type == NET_TYPE_IPV6 ? parse_ipv6(&c, &ip)
					      : false;
	const struct udp_header *udp = (const void *)c.pos;
	if (!is_udp || c.pos + 4 > end || udp->destination_port_be != vote_port_be)
		return VERDICT_PASSED;

	if (c.pos + sizeof(*udp) > end)
		return VERDICT_MALFORMED;
	int32_t udp_bytes = be16(udp->bytes_be);
	if (udp_bytes < (int32_t)sizeof(*udp) || udp_bytes > ip.payload_bytes)
		return VERDICT_MALFORMED;
	frame->ip_version = ip.version;
	frame->l4_offset = (uint16_t)(c.pos - data);
	frame->payload_offset = (uint16_t)(frame->l4_offset + sizeof(*udp));
	frame->payload_bytes = (uint16_t)(udp_bytes - sizeof(*udp));
	c.pos += sizeof(*udp);

	if (wants_negotiation(&c, frame->payload_bytes))
		return VERDICT_NEGOTIATED;
	if (ip.first_fragment || !well_formed(&c, frame->payload_bytes))
		return VERDICT_MALFORMED;
	if (c.pos + 1 > end)
		return VERDICT_MALFORMED;
	frame->type = *c.pos;
	return VERDICT_NONE;
}

#endif
