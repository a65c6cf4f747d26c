// SPDX-License-Identifier: BSD-3-Clause
/* A vote's bytes to integers and back: the specification's test vector, and every field's extremes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/vote.h"
#include "tests/lib/vector.h"

static void expect_same(const struct vote *got, const struct vote *want)
{
	cr_expect_eq(got->program_time_us, want->program_time_us);
	cr_expect_eq(got->interaction, want->interaction);
	cr_expect_eq(got->voter, want->voter);
	cr_expect_eq(got->revision, want->revision);
	cr_expect_eq(got->tenant, want->tenant);
	cr_expect_eq(got->server, want->server);
	cr_expect_eq(got->choice, want->choice);
	cr_expect_eq(got->key_epoch, want->key_epoch);
}

static const struct vote vector = {
	.program_time_us = 1795392000000000,
	.interaction = 101,
	.voter = 42,
	.revision = 0,
	.tenant = 7,
	.server = 1,
	.choice = 2,
	.key_epoch = 1,
};

Test(vote, test_vector_is_read)
{
	uint8_t bytes[VOTE_BYTES];
	struct vote vote;
	from_hex(vector_vote, bytes);
	vote_read((const void *)bytes, &vote);
	expect_same(&vote, &vector);
}

Test(vote, test_vector_is_written)
{
	uint8_t expected[VOTE_BYTES], voter_key[AUTH_KEY_BYTES];
	struct vote_packet packet;
	memset(&packet, 0xEE, sizeof(packet));
	from_hex(vector_vote, expected);
	auth_voter_key(vector_tenant_key, vector.tenant, vector.key_epoch, vector.voter, voter_key);
	vote_write(&vector, voter_key, &packet);
	cr_expect_arr_eq((const uint8_t *)&packet, expected, VOTE_BYTES);
}

Test(vote, is_read_from_any_address)
{
	uint8_t bytes[VOTE_BYTES + 8];
	for (int offset = 0; offset < 8; offset++) {
		struct vote vote;
		from_hex(vector_vote, bytes + offset);
		vote_read((const void *)(bytes + offset), &vote);
		expect_same(&vote, &vector);
	}
}

/* Every byte of the packet is another one, so a field read from the wrong place shows. */
Test(vote, each_field_lies_where_the_specification_says)
{
	uint8_t bytes[VOTE_BYTES];
	for (uint32_t i = 0; i < VOTE_BYTES; i++)
		bytes[i] = (uint8_t)(0x80 + i);
	const struct vote want = {
		.server = 0x8283,
		.tenant = 0x8485,
		.key_epoch = 0x89,
		.choice = 0x8A8B,
		.interaction = 0x8C8D8E8F,
		.voter = 0x90919293,
		.program_time_us = 0x9495969798999A9B,
		.revision = 0x9D9E9F,
	};
	struct vote vote;
	vote_read((const void *)bytes, &vote);
	expect_same(&vote, &want);
}

Test(vote, extremes_survive_the_round_trip)
{
	static const struct vote rows[] = {
		{0},
		{UINT64_MAX, UINT32_MAX, UINT32_MAX, 0xFFFFFF, UINT16_MAX, UINT16_MAX, UINT16_MAX,
		 255},
		{1, 0, 0, 0, 0, 0, 0, 0},
		{1ull << 63, 1u << 31, 1u << 31, 1u << 23, 1u << 15, 1u << 15, 1u << 15, 1u << 7},
	};
	const uint8_t voter_key[AUTH_KEY_BYTES] = {9};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vote_packet packet;
		struct vote vote;
		vote_write(&rows[i], voter_key, &packet);
		vote_read(&packet, &vote);
		expect_same(&vote, &rows[i]);
		cr_expect(auth_tag_matches(voter_key, &packet, VOTE_TAG_OFFSET, packet.tag));
	}
}

Test(vote, written_fixed_bytes_are_those_of_a_vote)
{
	const uint8_t voter_key[AUTH_KEY_BYTES] = {9};
	const struct vote vote = {.voter = 0xABCDEF01};
	uint8_t bytes[VOTE_BYTES];
	memset(bytes, 0xEE, sizeof(bytes));
	vote_write(&vote, voter_key, (void *)bytes);
	cr_expect_eq(bytes[0], 0x41);
	cr_expect_eq(bytes[1], 7, "rotation 0, length bits 7");
	cr_expect_eq(bytes[28], 0);
	/* By convention the lane is the voter's low 24 bits. */
	cr_expect_arr_eq(bytes + 6, ((uint8_t[]){0xCD, 0xEF, 0x01}), 3);
}
