/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The viewer of the test vector, and an appliance of a few lines that answers the library: its
 * datagrams are laid out here by hand and signed through libsodium, so that nothing of the library
 * checks itself.
 */
#ifndef TALLYWIRE_TESTS_VIEWER_H
#define TALLYWIRE_TESTS_VIEWER_H

#include <string.h>
#include "client/tw_client.h"
#include "tests/lib/vector.h"

#define VIEWER_SECOND UINT64_C(1000000)
#define VIEWER_WORD                                                                                \
	"tallywire1:070001000700002a"                                                              \
	"010000002acdfec3456f3e1798e500a51884c71581"

static inline void viewer_put(uint8_t *bytes, int count, uint64_t value)
{
	for (int i = 0; i < count; i++)
		bytes[i] = (uint8_t)(value >> 8 * (count - 1 - i));
}

/* The credential's word: what it covers, and the check. */
static inline void viewer_word(const char *hex, char word[TW_CREDENTIAL_LENGTH + 1])
{
	uint8_t bytes[29], tag[AUTH_TAG_BYTES];
	from_hex(hex + 11, bytes);
	auth_tag(bytes + 13, bytes, 13, tag);
	snprintf(word, TW_CREDENTIAL_LENGTH + 1, "%.69s%02x%02x%02x%02x", hex, tag[0], tag[1],
		 tag[2], tag[3]);
}

static inline struct tw_credential viewer_credential(void)
{
	struct tw_credential credential;
	char word[TW_CREDENTIAL_LENGTH + 1];
	viewer_word(VIEWER_WORD, word);
	tw_credential_parse(word, TW_CREDENTIAL_LENGTH, &credential);
	return credential;
}

static inline void viewer_sign(uint8_t *bytes, size_t covered)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(vector_tenant_key, 7, 1, 42, voter_key);
	auth_tag(voter_key, bytes, covered, bytes + covered);
}

static inline void viewer_receipt(const uint8_t vote[40], enum tw_status status, uint16_t stands,
				  uint64_t arrival_us, uint8_t receipt[40])
{
	memcpy(receipt, vote, 40);
	receipt[0] = 0x42;
	viewer_put(receipt + 10, 2, stands);
	viewer_put(receipt + 20, 8, arrival_us);
	receipt[28] = (uint8_t)status;
	viewer_sign(receipt, 32);
}

static inline void viewer_head(uint8_t *bytes, uint8_t type, uint64_t clock_us)
{
	from_hex("070001000700002a01ffff", bytes + 1);
	bytes[0] = type;
	viewer_put(bytes + 16, 4, 42);
	viewer_put(bytes + 20, 8, clock_us);
}

static inline void viewer_challenge(uint64_t clock_us, uint8_t cookie, uint8_t challenge[64])
{
	memset(challenge, 0, 64);
	viewer_head(challenge, 0x45, clock_us);
	memset(challenge + 32, cookie, 16);
	viewer_sign(challenge, 48);
}

/* Returns its length. */
static inline size_t viewer_notice(uint64_t clock_us, const struct tw_window *windows,
				   uint8_t count, uint8_t notice[256])
{
	uint8_t *record = notice + 32;
	memset(notice, 0, 256);
	viewer_head(notice, 0x44, clock_us);
	viewer_put(notice + 12, 4, count ? windows[0].interaction : 0);
	notice[28] = count;
	for (const struct tw_window *at = windows; at < windows + count; at++, record += 28) {
		viewer_put(record, 4, at->interaction);
		record[4] = at->state;
		record[5] = at->kind;
		viewer_put(record + 6, 2, at->options);
		viewer_put(record + 8, 8, at->opens_at_us);
		viewer_put(record + 16, 8, at->closes_at_us);
		viewer_put(record + 24, 2, at->leader);
		viewer_put(record + 26, 2, at->share);
	}
	viewer_sign(notice, 32 + 28u * count);
	return 40 + 28u * count;
}

#endif
