// SPDX-License-Identifier: BSD-3-Clause
/* The credential's text form. Called once by a player; `tallyctl key` writes it. */
#include <string.h>
#include "tw_parts.h"

#define PREFIX      "tallywire1:"
#define PREFIX_LONG ((int)sizeof(PREFIX) - 1)

enum { AT_EPOCH = 8, AT_VOTER = 9, AT_KEY = 13, AT_CHECK = 29, CHECK_BYTES = 4, BYTES = 33 };

static int digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

static enum tw_error read_bytes(const char *text, size_t length, uint8_t bytes[BYTES])
{
	uint8_t tag[TW_WIRE_TAG_BYTES];
	if (length < sizeof(PREFIX) - 1 || memcmp(text, PREFIX, PREFIX_LONG) != 0)
		return TW_ERROR_PREFIX;
	if (length != TW_CREDENTIAL_LENGTH)
		return TW_ERROR_LENGTH;
	for (int i = 0; i < BYTES; i++) {
		int high = digit(text[PREFIX_LONG + 2 * i]);
		int low = digit(text[PREFIX_LONG + 2 * i + 1]);
		if (high < 0 || low < 0)
			return TW_ERROR_HEX;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	tw_siphash_tag(bytes + AT_KEY, bytes, AT_KEY, tag);
	if (memcmp(tag, bytes + AT_CHECK, CHECK_BYTES) != 0)
		return TW_ERROR_CHECK;
	/* Eight bytes long, and of a rotation that is routed. */
	if ((bytes[0] & 0x1F) != 7 || bytes[0] >> 5 == 7)
		return TW_ERROR_CONNECTION_ID;
	return TW_OK;
}

enum tw_error tw_credential_parse(const char *text, size_t length, struct tw_credential *into)
{
	uint8_t bytes[BYTES];
	enum tw_error error = read_bytes(text, length, bytes);
	memset(into, 0, sizeof(*into));
	if (error)
		return error;
	memcpy(into->connection_id, bytes, AT_EPOCH);
	memcpy(into->voter_key, bytes + AT_KEY, AT_CHECK - AT_KEY);
	into->epoch = bytes[AT_EPOCH];
	into->voter = (uint32_t)tw_wire_get(bytes + AT_VOTER, 4);
	into->tenant = (uint16_t)tw_wire_get(bytes + 3, 2);
	return TW_OK;
}
