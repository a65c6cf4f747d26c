/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The datagrams between a viewer and the appliance: QUIC-lite 1.
 *
 * Only the shapes, in wire order: big-endian, packed, no padding. The kernel front, the workers,
 * tallyreplay and the tests include this file. docs/quic-lite.md explains every field.
 */
#ifndef TALLYWIRE_WIRE_VOTE_PACKET_H
#define TALLYWIRE_WIRE_VOTE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define QUIC_LITE_VERSION      0x544C5901u /* "TLY" 1 */
#define QUIC_LITE_DEFAULT_PORT 4433

/* First bytes. A set top bit is a long header; 0x40 is QUIC's fixed bit. */
#define QUIC_LONG_HEADER      0x80
#define VOTE_TYPE             0x41
#define RECEIPT_TYPE          0x42
#define WATCH_TYPE            0x43
#define VOTE_BYTES            40
#define WATCH_BYTES           256
#define CHOICE_NONE           0xFFFF /* in a receipt: no answer of this voter stands */
#define VOTE_TAG_OFFSET       32     /* the tag covers what lies before it */
#define WATCH_TAG_OFFSET      48
#define VOTER_KEY_LABEL       0x4B   /* fourth byte of what a voter key is derived from */
#define PROGRAM_TIME_AHEAD_US 250000 /* how far a program time may run ahead of our clock */

/* The low five bits of a connection id's first byte: its length less one. */
#define CONNECTION_ID_LENGTH_MASK 0x1F
#define CONNECTION_ID_LENGTH_BITS 7

/* 8 bytes, laid out for QUIC-LB. */
struct connection_id {
	uint8_t rotation_length; /* rotation (3 bits), length less one (5 bits, always 7) */
	uint16_t server_be;      /* the appliance that the credential names */
	uint16_t tenant_be;
	uint8_t lane[3]; /* the issuer's free bits; by convention the voter's low 24 bits */
} __attribute__((packed));

struct vote_packet {
	uint8_t type; /* VOTE_TYPE */
	struct connection_id cid;
	uint8_t key_epoch;
	uint16_t choice_be;
	uint32_t interaction_be;
	uint32_t voter_be;
	uint64_t program_time_us_be; /* UTC of the video frame the viewer was seeing */
	uint8_t status;              /* 0 in a vote */
	uint8_t revision_be[3];      /* 0 for a first answer */
	uint8_t tag[8];
} __attribute__((packed));

struct receipt_packet {
	uint8_t type; /* RECEIPT_TYPE */
	struct connection_id cid;
	uint8_t key_epoch;
	uint16_t choice_be; /* the choice that stands, or CHOICE_NONE */
	uint32_t interaction_be;
	uint32_t voter_be;
	uint64_t arrival_us_be; /* the appliance's clock when the vote came in */
	uint8_t status;         /* enum receipt_status */
	uint8_t revision_be[3];
	uint8_t tag[8];
} __attribute__((packed));

/* What a voter key is derived from, under the tenant's key. */
struct voter_key_input {
	uint16_t tenant_be;
	uint8_t key_epoch;
	uint8_t label; /* VOTER_KEY_LABEL */
	uint32_t voter_be;
} __attribute__((packed));

/* Long header, RFC 8999: what every version of QUIC shares. */
struct quic_long_header {
	uint8_t first;
	uint32_t version_be;
	uint8_t destination_id_length;
	/* destination id, source id length, source id, then bytes of the version's own */
} __attribute__((packed));

/* A long header of another version is answered only in datagrams of at least this payload. */
#define NEGOTIATION_MIN_PAYLOAD 1200
/* The longest answer: header, two ids of 255 bytes with their lengths, one version. */
#define NEGOTIATION_MAX_BYTES (1 + 4 + 1 + 255 + 1 + 255 + 4)

#define WIRE_AT(type, field, at)                                                                   \
	_Static_assert(offsetof(struct type, field) == (at), #type "." #field " moved")
#define WIRE_SIZE(type, bytes)                                                                     \
	_Static_assert(sizeof(struct type) == (bytes), #type " has another size")

WIRE_SIZE(connection_id, 8);
WIRE_AT(connection_id, rotation_length, 0);
WIRE_AT(connection_id, server_be, 1);
WIRE_AT(connection_id, tenant_be, 3);
WIRE_AT(connection_id, lane, 5);

WIRE_SIZE(vote_packet, VOTE_BYTES);
WIRE_AT(vote_packet, type, 0);
WIRE_AT(vote_packet, cid, 1);
WIRE_AT(vote_packet, key_epoch, 9);
WIRE_AT(vote_packet, choice_be, 10);
WIRE_AT(vote_packet, interaction_be, 12);
WIRE_AT(vote_packet, voter_be, 16);
WIRE_AT(vote_packet, program_time_us_be, 20);
WIRE_AT(vote_packet, status, 28);
WIRE_AT(vote_packet, revision_be, 29);
WIRE_AT(vote_packet, tag, VOTE_TAG_OFFSET);

WIRE_SIZE(receipt_packet, VOTE_BYTES);
WIRE_AT(receipt_packet, type, 0);
WIRE_AT(receipt_packet, cid, 1);
WIRE_AT(receipt_packet, key_epoch, 9);
WIRE_AT(receipt_packet, choice_be, 10);
WIRE_AT(receipt_packet, interaction_be, 12);
WIRE_AT(receipt_packet, voter_be, 16);
WIRE_AT(receipt_packet, arrival_us_be, 20);
WIRE_AT(receipt_packet, status, 28);
WIRE_AT(receipt_packet, revision_be, 29);
WIRE_AT(receipt_packet, tag, VOTE_TAG_OFFSET);

WIRE_SIZE(voter_key_input, 8);
WIRE_AT(voter_key_input, tenant_be, 0);
WIRE_AT(voter_key_input, key_epoch, 2);
WIRE_AT(voter_key_input, label, 3);
WIRE_AT(voter_key_input, voter_be, 4);

WIRE_SIZE(quic_long_header, 6);
WIRE_AT(quic_long_header, first, 0);
WIRE_AT(quic_long_header, version_be, 1);
WIRE_AT(quic_long_header, destination_id_length, 5);

#endif
