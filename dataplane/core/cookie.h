/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cookie of a CHALLENGE: proof that a viewer receives at the address it sends from, for which
 * the appliance keeps nothing (as RFC 9000's Retry token, section 8.1.2).
 *
 *   bytes 0 to 7   when it was given, µs
 *   bytes 8 to 15  the first half of SipHash128(secret, that time, address, port, tenant, voter)
 *
 * So it is good for one voter of one tenant at one address and port, for 60 s, under a secret that
 * is drawn anew once in a while; the one before it is still taken. Pure; any thread, on memory of
 * its own. Time is any clock in µs that does not go back, the same for both functions.
 */
#ifndef TALLYWIRE_CORE_COOKIE_H
#define TALLYWIRE_CORE_COOKIE_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/auth.h"
#include "wire/watch_packet.h"

#define COOKIE_LIVES_US  60000000u
#define COOKIE_ROTATE_US 60000000u /* no sooner: a cookie outlives one change of the secret */

struct cookie_secrets {
	uint8_t current[AUTH_KEY_BYTES];
	uint8_t previous[AUTH_KEY_BYTES];
};

/* Whom a cookie is for. What is in it is as it lies in packets. */
struct cookie_bearer {
	uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
	uint16_t port_be;
	uint16_t tenant_be;
	uint32_t voter_be;
} __attribute__((packed));

/* Under the current secret. */
void cookie_write(const struct cookie_secrets *secrets, const struct cookie_bearer *bearer,
		  uint64_t now_us, uint8_t cookie[COOKIE_BYTES]);

/* Given to this bearer, no more than 60 s ago. Compares in constant time. */
bool cookie_is_valid(const struct cookie_secrets *secrets, const struct cookie_bearer *bearer,
		     uint64_t now_us, const uint8_t cookie[COOKIE_BYTES]);

#endif
