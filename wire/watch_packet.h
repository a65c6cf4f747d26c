/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The datagrams by which viewers are told of windows: WATCH, CHALLENGE, NOTICE.
 *
 * Only the shapes, in wire order: big-endian, packed, no padding. Their first 20 bytes lie as in
 * vote_packet.h. docs/watch.md explains every field.
 */
#ifndef TALLYWIRE_WIRE_WATCH_PACKET_H
#define TALLYWIRE_WIRE_WATCH_PACKET_H

#include "wire/vote_packet.h"

#define NOTICE_TYPE      0x44
#define CHALLENGE_TYPE   0x45
#define COOKIE_BYTES     16
#define CHALLENGE_BYTES  64
#define NOTICE_MAX_BYTES 256

#define NOTICE_HEAD_BYTES   32 /* before the records */
#define NOTICE_RECORD_BYTES 28
#define NOTICE_TAG_BYTES    8 /* behind the records */
#define NOTICE_MAX_RECORDS                                                                         \
	((NOTICE_MAX_BYTES - NOTICE_HEAD_BYTES - NOTICE_TAG_BYTES) / NOTICE_RECORD_BYTES)
#define NOTICE_NO_LEADER 0xFFFF /* nobody leads, or nobody may know yet */

/* What a record says of its window. */
enum notice_state {
	NOTICE_SCHEDULED = 1,
	NOTICE_OPEN,
	NOTICE_CLOSED,
	NOTICE_REVEALED,
	NOTICE_CANCELLED,
	NOTICE_STATES /* and one: there is no state 0 */
};

struct watch_packet {
	uint8_t type; /* WATCH_TYPE */
	struct connection_id cid;
	uint8_t key_epoch;
	uint16_t choice_be;      /* 0 */
	uint32_t interaction_be; /* 0 */
	uint32_t voter_be;
	uint64_t clock_us_be; /* the viewer's */
	uint8_t zero[4];
	uint8_t cookie[COOKIE_BYTES]; /* as a CHALLENGE gave it; 0 before the first */
	uint8_t tag[8];
	uint8_t padding[200]; /* 0: the answer is to be no larger than the question */
} __attribute__((packed));

struct challenge_packet {
	uint8_t type; /* CHALLENGE_TYPE */
	struct connection_id cid;
	uint8_t key_epoch;
	uint16_t choice_be; /* CHOICE_NONE */
	uint32_t interaction_be;
	uint32_t voter_be;
	uint64_t clock_us_be; /* the appliance's */
	uint8_t status;       /* 0 */
	uint8_t revision_be[3];
	uint8_t cookie[COOKIE_BYTES];
	uint8_t tag[8];
	uint8_t zero[8];
} __attribute__((packed));

struct notice_head {
	uint8_t type; /* NOTICE_TYPE */
	struct connection_id cid;
	uint8_t key_epoch;
	uint16_t choice_be;      /* CHOICE_NONE */
	uint32_t interaction_be; /* of the first record; 0 where there is none */
	uint32_t voter_be;
	uint64_t clock_us_be; /* the appliance's */
	uint8_t records;      /* how many follow; then comes the tag */
	uint8_t zero[3];
} __attribute__((packed));

struct notice_record {
	uint32_t interaction_be;
	uint8_t state; /* enum notice_state */
	uint8_t kind;  /* 1 poll, 2 multi, 3 quiz, 4 scale, 5 upvote, 6 reaction */
	uint16_t options_be;
	uint64_t opens_at_us_be;
	uint64_t closes_at_us_be;
	uint16_t leader_be; /* index of the leading option; NOTICE_NO_LEADER until revealed */
	uint16_t share_be;  /* its share, in hundredths of a percent; 0 until revealed */
} __attribute__((packed));

WIRE_SIZE(watch_packet, WATCH_BYTES);
WIRE_AT(watch_packet, type, 0);
WIRE_AT(watch_packet, cid, 1);
WIRE_AT(watch_packet, key_epoch, 9);
WIRE_AT(watch_packet, choice_be, 10);
WIRE_AT(watch_packet, interaction_be, 12);
WIRE_AT(watch_packet, voter_be, 16);
WIRE_AT(watch_packet, clock_us_be, 20);
WIRE_AT(watch_packet, zero, 28);
WIRE_AT(watch_packet, cookie, 32);
WIRE_AT(watch_packet, tag, WATCH_TAG_OFFSET);
WIRE_AT(watch_packet, padding, 56);

WIRE_SIZE(challenge_packet, CHALLENGE_BYTES);
WIRE_AT(challenge_packet, type, 0);
WIRE_AT(challenge_packet, cid, 1);
WIRE_AT(challenge_packet, key_epoch, 9);
WIRE_AT(challenge_packet, choice_be, 10);
WIRE_AT(challenge_packet, interaction_be, 12);
WIRE_AT(challenge_packet, voter_be, 16);
WIRE_AT(challenge_packet, clock_us_be, 20);
WIRE_AT(challenge_packet, status, 28);
WIRE_AT(challenge_packet, revision_be, 29);
WIRE_AT(challenge_packet, cookie, 32);
WIRE_AT(challenge_packet, tag, WATCH_TAG_OFFSET);
WIRE_AT(challenge_packet, zero, 56);

WIRE_SIZE(notice_head, NOTICE_HEAD_BYTES);
WIRE_AT(notice_head, type, 0);
WIRE_AT(notice_head, cid, 1);
WIRE_AT(notice_head, key_epoch, 9);
WIRE_AT(notice_head, choice_be, 10);
WIRE_AT(notice_head, interaction_be, 12);
WIRE_AT(notice_head, voter_be, 16);
WIRE_AT(notice_head, clock_us_be, 20);
WIRE_AT(notice_head, records, 28);
WIRE_AT(notice_head, zero, 29);

WIRE_SIZE(notice_record, NOTICE_RECORD_BYTES);
WIRE_AT(notice_record, interaction_be, 0);
WIRE_AT(notice_record, state, 4);
WIRE_AT(notice_record, kind, 5);
WIRE_AT(notice_record, options_be, 6);
WIRE_AT(notice_record, opens_at_us_be, 8);
WIRE_AT(notice_record, closes_at_us_be, 16);
WIRE_AT(notice_record, leader_be, 24);
WIRE_AT(notice_record, share_be, 26);

_Static_assert(NOTICE_MAX_RECORDS == 7, "a notice has room for seven windows");

#endif
