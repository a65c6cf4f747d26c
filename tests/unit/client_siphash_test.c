// SPDX-License-Identifier: BSD-3-Clause
/* The library's own SipHash: the authors' vectors, libsodium, and comparing tags. */
#include <criterion/criterion.h>
#include <sodium.h>
#include "client/tw_parts.h"
#include "tests/lib/vector.h"

Test(client_siphash, hashes_are_those_of_the_authors_vectors)
{
	/* Key 00 01 … 0f, message 00 01 … of the row's length. */
	static const char *const rows[] = {
		"a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
		"8177228da4a45dc7fca38bdef60affe4", "9c70b60c5267a94e5f33b6b02985ed51",
		"f88164c12d9c8faf7d0f6e7c7bcd5579", "1368875980776f8854527a07690e9627",
	};
	uint8_t message[8] = {0, 1, 2, 3, 4, 5, 6, 7}, hash[16], expected[16];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		from_hex(rows[i], expected);
		tw_siphash_128(vector_tenant_key, message, i, hash);
		cr_expect_arr_eq(hash, expected, 16, "%zu bytes", i);
	}
}

Test(client_siphash, hashes_are_libsodiums_at_every_length_and_place)
{
	static const uint8_t seed[randombytes_SEEDBYTES] = {1};
	uint8_t bytes[400], hash[16], expected[16];
	randombytes_buf_deterministic(bytes, sizeof(bytes), seed);
	for (size_t length = 0; length <= 300; length++)
		for (size_t at = 0; at < 8; at++) {
			const uint8_t *key = bytes + 310 + at, *message = bytes + at;
			crypto_shorthash_siphashx24(expected, message, length, key);
			tw_siphash_128(key, message, length, hash);
			cr_assert_arr_eq(hash, expected, 16, "%zu bytes at %zu", length, at);
		}
}

Test(client_siphash, voter_key_and_tag_are_those_of_the_test_vector)
{
	uint8_t input[8] = {0, 7, 1, 0x4B, 0, 0, 0, 42}, key[16], expected[16], vote[40], tag[8];
	from_hex(vector_voter_key, expected);
	from_hex(vector_vote, vote);
	tw_siphash_128(vector_tenant_key, input, sizeof(input), key);
	cr_expect_arr_eq(key, expected, 16);
	tw_siphash_tag(key, vote, 32, tag);
	cr_expect_arr_eq(tag, vote + 32, 8);
	cr_expect(tw_siphash_matches(key, vote, 32, vote + 32));
}

Test(client_siphash, a_tag_with_any_bit_wrong_does_not_match)
{
	uint8_t vote[40], key[16];
	from_hex(vector_voter_key, key);
	from_hex(vector_vote, vote);
	for (int bit = 0; bit < 40 * 8; bit++) {
		vote[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_not(tw_siphash_matches(key, vote, 32, vote + 32), "bit %d", bit);
		vote[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
