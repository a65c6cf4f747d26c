/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vote in the host's own integers. Packed big-endian structs become this in one place,
 * vote_read(); vote_write() is its inverse, for those who make votes (tallyreplay, tests).
 */
#ifndef TALLYWIRE_CORE_VOTE_H
#define TALLYWIRE_CORE_VOTE_H

#include <stdint.h>
#include "dataplane/core/auth.h"
#include "wire/vote_packet.h"

struct vote {
	uint64_t program_time_us; /* UTC of the frame the viewer saw */
	uint32_t interaction;
	uint32_t voter;
	uint32_t revision; /* 24 bits */
	uint16_t tenant;
	uint16_t server;
	uint16_t choice;
	uint8_t key_epoch;
};

/* Reads the fields of a datagram that classify() found well formed. Trusts no value in it. */
void vote_read(const struct vote_packet *packet, struct vote *vote);

/* Writes and signs the 40 bytes. The lane is the voter's low 24 bits. */
void vote_write(const struct vote *vote, const uint8_t voter_key[AUTH_KEY_BYTES],
		struct vote_packet *packet);

#endif
