/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance's identity: an Ed25519 key pair, with which it signs sealed results, so that
 * whoever knows the public half can tell that they are this appliance's. The secret half is in a
 * file of its owner alone and nowhere else. Control thread; signing, any thread.
 */
#ifndef TALLYWIRE_IDENTITY_H
#define TALLYWIRE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dataplane/core/err.h"

#define IDENTITY_PUBLIC_BYTES    32
#define IDENTITY_SECRET_BYTES    64
#define IDENTITY_SEED_BYTES      32
#define IDENTITY_SIGNATURE_BYTES 64
#define IDENTITY_HEX_BYTES       (2 * IDENTITY_PUBLIC_BYTES + 1)
#define IDENTITY_BASE64_BYTES    45

struct identity {
	uint8_t public[IDENTITY_PUBLIC_BYTES];
	uint8_t secret[IDENTITY_SECRET_BYTES]; /* libsodium's: seed and public half */
};

/*
 * Reads the file: the seed as 64 hex digits in a line. Where there is none, one is made, mode 0600,
 * and is on the disk when this returns. Refused when its group or anybody else has any access to
 * it, or when it is anything but such a line. 0, or -errno with `err`.
 */
int identity_open(const char *path, struct identity *identity, struct err *err);

/* Wipes it. */
void identity_close(struct identity *identity);

void identity_sign(const struct identity *identity, const void *bytes, size_t count,
		   uint8_t signature[IDENTITY_SIGNATURE_BYTES]);
bool identity_verify(const uint8_t public[IDENTITY_PUBLIC_BYTES], const void *bytes, size_t count,
		     const uint8_t signature[IDENTITY_SIGNATURE_BYTES]);

/* The public half as text, and back; -EINVAL where it is none. */
void identity_hex(const uint8_t public[IDENTITY_PUBLIC_BYTES], char text[IDENTITY_HEX_BYTES]);
void identity_base64(const uint8_t public[IDENTITY_PUBLIC_BYTES], char text[IDENTITY_BASE64_BYTES]);
int identity_parse(const char *text, uint8_t public[IDENTITY_PUBLIC_BYTES]);

#endif
