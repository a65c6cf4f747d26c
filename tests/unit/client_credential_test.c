// SPDX-License-Identifier: BSD-3-Clause
/* The credential's text form: one is taken, everything else is refused by name. */
#include <criterion/criterion.h>
#include "tests/lib/viewer.h"

static enum tw_error parse(const char *text)
{
	struct tw_credential credential;
	return tw_credential_parse(text, strlen(text), &credential);
}

Test(client_credential, says_what_the_login_service_put_in)
{
	uint8_t id[8], key[16];
	const struct tw_credential credential = viewer_credential();
	from_hex("070001000700002a", id);
	from_hex(vector_voter_key, key);
	cr_expect_arr_eq(credential.connection_id, id, 8);
	cr_expect_arr_eq(credential.voter_key, key, 16);
	cr_expect_eq(credential.voter, 42);
	cr_expect_eq(credential.tenant, 7);
	cr_expect_eq(credential.epoch, 1);
}

Test(client_credential, the_extremes_are_taken)
{
	char word[TW_CREDENTIAL_LENGTH + 1];
	struct tw_credential credential;
	/* Rotation 6, server, tenant, lane, epoch and voter all ones. */
	viewer_word("tallywire1:c7ffffffffffffff"
		    "ffffffffff00000000000000000000000000000000",
		    word);
	cr_assert_eq(tw_credential_parse(word, TW_CREDENTIAL_LENGTH, &credential), TW_OK);
	cr_expect_eq(credential.voter, UINT32_MAX);
	cr_expect_eq(credential.tenant, 65535);
	cr_expect_eq(credential.epoch, 255);
}

Test(client_credential, everything_else_is_refused_by_name)
{
	char good[TW_CREDENTIAL_LENGTH + 2], unrouted[TW_CREDENTIAL_LENGTH + 1],
		short_id[TW_CREDENTIAL_LENGTH + 1], upper[TW_CREDENTIAL_LENGTH + 1];
	viewer_word(VIEWER_WORD, good);
	viewer_word("tallywire1:e70001000700002a010000002acdfec3456f3e1798e500a51884c71581",
		    unrouted);
	viewer_word("tallywire1:060001000700002a010000002acdfec3456f3e1798e500a51884c71581",
		    short_id);
	viewer_word(VIEWER_WORD, upper);
	upper[37] = 'D'; /* of cdfe… */
	const struct {
		const char *text;
		enum tw_error error;
	} rows[] = {
		{good, TW_OK},
		{"", TW_ERROR_PREFIX},
		{"tallywire1", TW_ERROR_PREFIX},
		{"tallywire2:070001000700002a010000002acdfec3456f3e1798e500a51884c7158100000000",
		 TW_ERROR_PREFIX},
		{" tallywire1:070001000700002a010000002acdfec3456f3e1798e500a51884c7158100000000",
		 TW_ERROR_PREFIX},
		{"tallywire1:", TW_ERROR_LENGTH},
		{VIEWER_WORD, TW_ERROR_LENGTH},
		{upper, TW_ERROR_HEX},
		{VIEWER_WORD "0000000g", TW_ERROR_HEX},
		{VIEWER_WORD "0000000 ", TW_ERROR_HEX},
		{VIEWER_WORD "00000000", TW_ERROR_CHECK},
		{unrouted, TW_ERROR_CONNECTION_ID},
		{short_id, TW_ERROR_CONNECTION_ID},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(parse(rows[i].text), rows[i].error, "%s", rows[i].text);
	strcat(good, "\n");
	cr_expect_eq(parse(good), TW_ERROR_LENGTH);
}

Test(client_credential, every_truncation_and_every_damaged_bit_is_refused_and_leaves_nothing)
{
	static const struct tw_credential none;
	struct tw_credential credential;
	char word[TW_CREDENTIAL_LENGTH + 1];
	viewer_word(VIEWER_WORD, word);
	for (size_t length = 0; length < TW_CREDENTIAL_LENGTH; length++)
		cr_expect_neq(tw_credential_parse(word, length, &credential), TW_OK, "%zu", length);
	for (size_t bit = 0; bit < TW_CREDENTIAL_LENGTH * 8; bit++) {
		word[bit / 8] ^= (char)(1 << bit % 8);
		cr_expect_neq(tw_credential_parse(word, TW_CREDENTIAL_LENGTH, &credential), TW_OK,
			      "bit %zu", bit);
		cr_expect_eq(memcmp(credential.voter_key, none.voter_key, 16), 0);
		word[bit / 8] ^= (char)(1 << bit % 8);
	}
}

Test(client_credential, every_error_has_a_line)
{
	for (int error = TW_OK + 1; error < TW_ERROR_COUNT; error++)
		cr_expect_gt(strlen(tw_client_error_text((enum tw_error)error)), 10, "%d", error);
	cr_expect_str_eq(tw_client_error_text(TW_OK), "");
	cr_expect_str_eq(tw_client_error_text(TW_ERROR_COUNT), "no such error");
}
