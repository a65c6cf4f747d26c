/* SPDX-License-Identifier: BSD-3-Clause */
/* The test vector of docs/quic-lite.md, in hex, and what reads hex. Tenant 7, epoch 1, voter 42. */
#ifndef TALLYWIRE_TESTS_VECTOR_H
#define TALLYWIRE_TESTS_VECTOR_H

#include <stdint.h>
#include <stdio.h>
#include "dataplane/core/auth.h"

static const uint8_t vector_tenant_key[AUTH_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
							  8, 9, 10, 11, 12, 13, 14, 15};
static const char vector_voter_key[] = "cdfec3456f3e1798e500a51884c71581";
static const char vector_vote[] =
	"41070001000700002a010002000000650000002a000660e6466480000000000066fe7fbdfdf7383d";

static inline void from_hex(const char *hex, uint8_t *bytes)
{
	for (; *hex; hex += 2) {
		unsigned int value = 0;
		sscanf(hex, "%2x", &value);
		*bytes++ = (uint8_t)value;
	}
}

#endif
