/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A viewer who watches, by the book: writes WATCHes and reads CHALLENGEs and NOTICEs byte by byte,
 * with none of the structs and none of the code that tallyd uses but for single hashes. Keys are
 * those of stage_default_key(). For tests only.
 */
#ifndef TALLYWIRE_TESTS_LIB_WATCH_PEER_H
#define TALLYWIRE_TESTS_LIB_WATCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct watch_peer {
	uint16_t tenant;
	uint8_t epoch;
	uint32_t voter;
};

struct watch_peer_record {
	uint32_t interaction;
	uint8_t state, kind;
	uint16_t options;
	uint64_t opens_at_us, closes_at_us;
	uint16_t leader, share;
};

struct watch_peer_notice {
	uint64_t clock_us;
	uint32_t count;
	struct watch_peer_record records[7];
};

/* A WATCH of this viewer; `cookie` NULL: none yet. */
void watch_peer_ask(const struct watch_peer *peer, const uint8_t *cookie, uint8_t packet[256]);

/* NULL where the payload is a right CHALLENGE, else what is wrong; `cookie` gets its cookie. */
const char *watch_peer_challenge(const struct watch_peer *peer, const uint8_t *payload,
				 uint32_t bytes, uint8_t cookie[16]);

/* The same of a NOTICE. */
const char *watch_peer_notice(const struct watch_peer *peer, const uint8_t *payload, uint32_t bytes,
			      struct watch_peer_notice *notice);

#endif
