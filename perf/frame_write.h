/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet frames around what a viewer sends, and the checksums of those that were changed. Pure;
 * any thread.
 */
#ifndef TALLYWIRE_PERF_FRAME_WRITE_H
#define TALLYWIRE_PERF_FRAME_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include "ebpf/classify.h"

/* Ethernet, one VLAN tag, IPv6, UDP; then a vote, or a WATCH. */
#define FRAME_HEAD_MAX_BYTES  (14 + 4 + 40 + 8)
#define FRAME_MAX_BYTES       (FRAME_HEAD_MAX_BYTES + VOTE_BYTES)
#define FRAME_WATCH_MAX_BYTES (FRAME_HEAD_MAX_BYTES + WATCH_BYTES)

/* Where the frames go. Sources are derived from the voter: 198.18.0.0/16 or 2001:2::/48 (RFC 2544,
 * 5180). */
struct frame_target {
	uint16_t vlan_id; /* 0: no tag */
	uint16_t port;
	uint8_t ipv4[4];
	uint8_t ipv6[16];
};

/*
 * Writes the frame of one vote, checksums included, to `frame` (FRAME_MAX_BYTES). Returns its
 * length.
 */
uint32_t frame_write(const struct frame_target *target, uint32_t voter, uint16_t source_port,
		     bool ipv6, const struct vote_packet *vote, uint8_t *frame);

/* The same for any payload; `frame` has room for FRAME_HEAD_MAX_BYTES more than that. */
uint32_t frame_write_payload(const struct frame_target *target, uint32_t voter,
			     uint16_t source_port, bool ipv6, const void *payload, uint16_t bytes,
			     uint8_t *frame);

/* Sets the UDP checksum of a frame where classify() found `at`, so all of its payload is there. */
void frame_checksum_udp(uint8_t *data, const struct frame *at);

#endif
