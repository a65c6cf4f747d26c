/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prefixes of addresses as people write them: "203.0.113.0/24", "2001:db8::/32", or one address
 * without a length. tallyctl reads them before it asks, tallyd before it believes. Pure; any
 * thread.
 */
#ifndef TALLYWIRE_CORE_PREFIX_H
#define TALLYWIRE_CORE_PREFIX_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"

#define PREFIX_TEXT_BYTES 52 /* an IPv6 address, "/128", the end */

/* `address` in network order, IPv4 in its first four bytes; no bit behind `bits` is set. */
struct prefix {
	uint8_t address[16];
	uint8_t bits;
	uint8_t ip_version; /* 4 or 6 */
};

/* 0, or -EINVAL with `err` saying what is wrong and what would be right. */
int prefix_parse(const char *text, struct prefix *prefix, struct err *err);

/* "203.0.113.0/24". Returns `text`. */
char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_BYTES]);

bool prefix_same(const struct prefix *a, const struct prefix *b);

/* How many bits an address of this version has. */
static inline unsigned int prefix_most_bits(uint8_t ip_version)
{
	return ip_version == 4 ? 32 : 128;
}

/* Sets all bits behind the first `bits` to 0. */
void prefix_cut(uint8_t *address, unsigned int address_bytes, unsigned int bits);

#endif
