/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies round a datagram: Ethernet, VLAN tags, IPv4 or IPv6, UDP. Puts a payload into a frame
 * and opens an answer. Bytes are placed by hand and checksums added up by a routine of its own, so
 * that a mistake in wire/ or ebpf/ is not made twice. For tests only.
 */
#ifndef TALLYWIRE_TESTS_LIB_ENVELOPE_H
#define TALLYWIRE_TESTS_LIB_ENVELOPE_H

#include <stdint.h>

#define ENVELOPE_MAX_BYTES   2048 /* longest frame that envelope_wrap() makes */
#define ENVELOPE_VOTE_PORT   4433
#define ENVELOPE_VIEWER_PORT 50123

/* Zeroed fields mean: IPv4, no tags, no options, from the viewer's port to the vote port. */
struct envelope {
	uint8_t ip_version;   /* 6 for IPv6 */
	uint8_t vlan_tags;    /* 0 to 3 */
	uint16_t outer_tpid;  /* of the first tag; 0x8100 unless given */
	uint8_t option_bytes; /* IPv4 options, a multiple of 4, 40 at most */
	uint8_t padding;      /* bytes behind the IP packet */
	uint8_t ip_padding;   /* bytes behind the UDP datagram that the IP length counts */
	uint16_t source_port;
	uint16_t destination_port;
};

/* Where things begin in the frame, in bytes. */
uint32_t envelope_l3(const struct envelope *envelope);
uint32_t envelope_l4(const struct envelope *envelope);
uint32_t envelope_payload(const struct envelope *envelope);

/* Writes the frame with right checksums; returns its length. */
uint32_t envelope_wrap(const struct envelope *envelope, const void *payload, uint32_t bytes,
		       uint8_t frame[ENVELOPE_MAX_BYTES]);

/*
 * Is [frame, frame + bytes) a right answer to what `request` was the envelope of? Addresses and
 * ports swapped, tags kept, options blank, lengths exact, checksums right. NULL where it is,
 * otherwise what is wrong. `payload_bytes` gets the length of the payload, which lies at
 * envelope_payload().
 */
const char *envelope_check_answer(const struct envelope *request, const uint8_t *frame,
				  uint32_t bytes, uint32_t *payload_bytes);

#endif
