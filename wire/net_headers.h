/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Ethernet, VLAN, IPv4, IPv6 and UDP as they lie in a frame: packed, big-endian, for readers that
 * can promise no alignment. The same shapes serve the kernel front and user space.
 */
#ifndef TALLYWIRE_WIRE_NET_HEADERS_H
#define TALLYWIRE_WIRE_NET_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#define NET_TYPE_IPV4        0x0800
#define NET_TYPE_IPV6        0x86DD
#define NET_TYPE_VLAN        0x8100
#define NET_TYPE_QINQ        0x88A8
#define NET_PROTO_UDP        17
#define NET_VLAN_TAGS_MAX    2
#define IPV4_MORE_FRAGMENTS  0x2000
#define IPV4_DONT_FRAGMENT   0x4000
#define IPV4_FRAGMENT_OFFSET 0x1FFF
#define IPV4_MIN_BYTES       20
#define IPV4_MAX_BYTES       60

struct ethernet_header {
	uint8_t destination[6];
	uint8_t source[6];
	uint16_t type_be;
} __attribute__((packed));

struct vlan_tag {
	uint16_t priority_id_be;
	uint16_t type_be; /* of what follows the tag */
} __attribute__((packed));

struct ipv4_header {
	uint8_t version_words; /* version (4 bits), header length in 32-bit words (4 bits) */
	uint8_t service;
	uint16_t total_bytes_be;
	uint16_t identification_be;
	uint16_t fragment_be;
	uint8_t ttl;
	uint8_t l4_proto;
	uint16_t checksum;
	uint8_t source[4];
	uint8_t destination[4];
} __attribute__((packed));

struct ipv6_header {
	uint32_t version_class_flow_be;
	uint16_t payload_bytes_be;
	uint8_t l4_proto; /* next header */
	uint8_t hop_limit;
	uint8_t source[16];
	uint8_t destination[16];
} __attribute__((packed));

struct udp_header {
	uint16_t source_port_be;
	uint16_t destination_port_be;
	uint16_t bytes_be; /* header and payload */
	uint16_t checksum;
} __attribute__((packed));

_Static_assert(sizeof(struct ethernet_header) == 14, "ethernet_header has another size");
_Static_assert(offsetof(struct ethernet_header, source) == 6, "ethernet_header.source moved");
_Static_assert(offsetof(struct ethernet_header, type_be) == 12, "ethernet_header.type_be moved");
_Static_assert(sizeof(struct vlan_tag) == 4, "vlan_tag has another size");
_Static_assert(offsetof(struct vlan_tag, type_be) == 2, "vlan_tag.type_be moved");
_Static_assert(sizeof(struct ipv4_header) == 20, "ipv4_header has another size");
_Static_assert(offsetof(struct ipv4_header, total_bytes_be) == 2, "ipv4 total_bytes_be moved");
_Static_assert(offsetof(struct ipv4_header, fragment_be) == 6, "ipv4 fragment_be moved");
_Static_assert(offsetof(struct ipv4_header, l4_proto) == 9, "ipv4 l4_proto moved");
_Static_assert(offsetof(struct ipv4_header, checksum) == 10, "ipv4 checksum moved");
_Static_assert(offsetof(struct ipv4_header, source) == 12, "ipv4 source moved");
_Static_assert(offsetof(struct ipv4_header, destination) == 16, "ipv4 destination moved");
_Static_assert(sizeof(struct ipv6_header) == 40, "ipv6_header has another size");
_Static_assert(offsetof(struct ipv6_header, payload_bytes_be) == 4, "ipv6 payload_bytes_be moved");
_Static_assert(offsetof(struct ipv6_header, l4_proto) == 6, "ipv6 l4_proto moved");
_Static_assert(offsetof(struct ipv6_header, source) == 8, "ipv6 source moved");
_Static_assert(offsetof(struct ipv6_header, destination) == 24, "ipv6 destination moved");
_Static_assert(sizeof(struct udp_header) == 8, "udp_header has another size");
_Static_assert(offsetof(struct udp_header, destination_port_be) == 2, "udp destination port moved");
_Static_assert(offsetof(struct udp_header, bytes_be) == 4, "udp bytes_be moved");
_Static_assert(offsetof(struct udp_header, checksum) == 6, "udp checksum moved");

#endif
