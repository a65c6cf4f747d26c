/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests: built to a plan, or drawn from a seeded generator that takes good votes and
 * tags, cuts, pads and mutates them. The same seed gives the same frames, on every machine.
 */
#ifndef TALLYWIRE_TESTS_LIB_FRAMES_H
#define TALLYWIRE_TESTS_LIB_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/net_headers.h"
#include "wire/vote_packet.h"

#define FRAMES_MAX_BYTES 2048 /* room that every `frame` buffer here must have */
#define FRAMES_TENANT    7
#define FRAMES_EPOCH     1
#define FRAMES_PORT      QUIC_LITE_DEFAULT_PORT

enum frames_payload {
	FRAMES_VOTE, /* well formed, its tag is 0 */
	FRAMES_WATCH,
	FRAMES_LONG, /* a long header, padded with a running number */
};

/* All zero: a plain vote of a known tenant, in UDP over IPv4 without options, untagged. */
struct frames_plan {
	enum frames_payload payload;
	uint16_t tenant;   /* 0: FRAMES_TENANT */
	uint8_t key_epoch; /* 0: FRAMES_EPOCH */
	uint32_t version;  /* of the long header */
	uint8_t destination_id_bytes, source_id_bytes;
	uint16_t payload_bytes; /* 0: what the payload comes to; more is filled, less is cut */
	uint16_t poke_at;       /* this byte of the payload ... */
	uint8_t poke_mask;      /* ... is changed by this mask */

	uint8_t vlan_tags; /* 0 to 3 */
	uint16_t
		vlan_type; /* of the outermost; 0: NET_TYPE_VLAN, which the inner ones always are */
	uint16_t ether_type;  /* 0: by the IP version */
	uint8_t ip_version;   /* 0: 4 */
	uint8_t source[16];   /* the address, IPv4 in the first four; all 0: 10.0.0.2 or fd01::2 */
	uint8_t l4_proto;     /* 0: UDP */
	uint8_t option_words; /* IPv4: 0 to 10 */
	uint16_t fragment;    /* IPv4: flags and offset */
	uint16_t port;        /* 0: FRAMES_PORT */

	int16_t ip_bytes_more;  /* added to what the IP length field should say */
	int16_t udp_bytes_more; /* the same for UDP */
	uint16_t padding_bytes; /* behind the IP datagram */
	uint16_t frame_bytes;   /* not 0: the frame is cut to this, or filled up to it */
};

/* Builds the frame, checksums included; returns its length. `frame`: FRAMES_MAX_BYTES. */
uint32_t frames_build(const struct frames_plan *plan, uint8_t *frame);

/* xorshift64*; any seed but 0. */
struct frames_random {
	uint64_t state;
};

/* A number from 0 to `limit` - 1. */
uint32_t frames_below(struct frames_random *random, uint32_t limit);

/* The next frame of the generator; returns its length, at least an Ethernet header's. */
uint32_t frames_generate(struct frames_random *random, uint8_t *frame);

/* Whether the IPv4 header's and the UDP checksum are right. For frames up to two tags, undamaged.
 */
bool frames_checksums_hold(const uint8_t *frame, uint32_t bytes);

#endif
