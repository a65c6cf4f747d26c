// SPDX-License-Identifier: BSD-3-Clause
/* Keys and tags against the specification's test vector, bit by bit, and the key table. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/auth.h"
#include "tests/lib/vector.h"
#include "wire/vote_packet.h"

/* The same viewer's WATCH with the cookie a0 a1 … af, up to its tag; computed with another SipHash.
 */
static const char vector_watch[] =
	"43070001000700002a010000000000000000002a000660e64664800000000000"
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf81cb34723ed6dbd2";

static void vector_key(uint8_t voter_key[AUTH_KEY_BYTES])
{
	auth_voter_key(vector_tenant_key, 7, 1, 42, voter_key);
}

Test(auth, voter_key_is_that_of_the_test_vector)
{
	uint8_t expected[AUTH_KEY_BYTES], voter_key[AUTH_KEY_BYTES];
	from_hex(vector_voter_key, expected);
	vector_key(voter_key);
	cr_expect_arr_eq(voter_key, expected, AUTH_KEY_BYTES);
}

Test(auth, tag_is_that_of_the_test_vector)
{
	uint8_t vote[VOTE_BYTES], voter_key[AUTH_KEY_BYTES], tag[AUTH_TAG_BYTES];
	from_hex(vector_vote, vote);
	vector_key(voter_key);
	auth_tag(voter_key, vote, VOTE_TAG_OFFSET, tag);
	cr_expect_arr_eq(tag, vote + VOTE_TAG_OFFSET, AUTH_TAG_BYTES);
	cr_expect(auth_tag_matches(voter_key, vote, VOTE_TAG_OFFSET, vote + VOTE_TAG_OFFSET));
}

Test(auth, every_bit_of_a_vote_is_covered)
{
	uint8_t vote[VOTE_BYTES], voter_key[AUTH_KEY_BYTES];
	from_hex(vector_vote, vote);
	vector_key(voter_key);
	for (uint32_t bit = 0; bit < VOTE_BYTES * 8; bit++) {
		vote[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_not(
			auth_tag_matches(voter_key, vote, VOTE_TAG_OFFSET, vote + VOTE_TAG_OFFSET),
			"byte %u, bit %u", bit / 8, bit % 8);
		vote[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(auth, every_bit_of_a_watch_is_covered_up_to_its_cookie)
{
	uint8_t watch[WATCH_BYTES] = {0}, voter_key[AUTH_KEY_BYTES];
	from_hex(vector_watch, watch);
	vector_key(voter_key);
	cr_assert(auth_tag_matches(voter_key, watch, WATCH_TAG_OFFSET, watch + WATCH_TAG_OFFSET));
	for (uint32_t bit = 0; bit < (WATCH_TAG_OFFSET + AUTH_TAG_BYTES) * 8; bit++) {
		watch[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_not(auth_tag_matches(voter_key, watch, WATCH_TAG_OFFSET,
					       watch + WATCH_TAG_OFFSET),
			      "byte %u, bit %u", bit / 8, bit % 8);
		watch[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

Test(auth, a_vote_tag_is_no_watch_tag)
{
	uint8_t watch[WATCH_BYTES] = {0}, voter_key[AUTH_KEY_BYTES];
	from_hex(vector_watch, watch);
	vector_key(voter_key);
	auth_tag(voter_key, watch, VOTE_TAG_OFFSET, watch + WATCH_TAG_OFFSET);
	cr_expect_not(
		auth_tag_matches(voter_key, watch, WATCH_TAG_OFFSET, watch + WATCH_TAG_OFFSET));
}

Test(auth, voter_key_depends_on_all_it_is_derived_from)
{
	static const struct {
		const char *what;
		uint8_t first_key_byte;
		uint16_t tenant;
		uint8_t epoch;
		uint32_t voter;
	} rows[] = {
		{"the tenant key", 0x80, 7, 1, 42},
		{"the tenant's low byte", 0, 6, 1, 42},
		{"the tenant's high byte", 0, 0x0107, 1, 42},
		{"the epoch", 0, 7, 2, 42},
		{"the voter's low byte", 0, 7, 1, 43},
		{"the voter's high byte", 0, 7, 1, 0x0100002A},
		{"voter and tenant swapped", 0, 42, 1, 7},
	};
	uint8_t expected[AUTH_KEY_BYTES];
	from_hex(vector_voter_key, expected);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t tenant_key[AUTH_KEY_BYTES], voter_key[AUTH_KEY_BYTES];
		memcpy(tenant_key, vector_tenant_key, sizeof(tenant_key));
		tenant_key[0] ^= rows[i].first_key_byte;
		auth_voter_key(tenant_key, rows[i].tenant, rows[i].epoch, rows[i].voter, voter_key);
		cr_expect_arr_neq(voter_key, expected, AUTH_KEY_BYTES, "%s", rows[i].what);
	}
}

/* A key that says whose it is, spread so that neighbours collide in small tables. */
static struct auth_key key_of(uint32_t tenant, uint32_t epoch)
{
	struct auth_key key = {.tenant = (uint16_t)tenant, .epoch = (uint8_t)epoch};
	memset(key.key, (int)(tenant * 31 + epoch), sizeof(key.key));
	memcpy(key.key, &tenant, 2);
	key.key[2] = (uint8_t)epoch;
	return key;
}

static void expect_key(const struct auth_keys *table, uint32_t tenant, uint32_t epoch)
{
	struct auth_key expected = key_of(tenant, epoch);
	const uint8_t *found = auth_keys_find(table, (uint16_t)tenant, (uint8_t)epoch);
	cr_assert_not_null(found, "tenant %u, epoch %u", tenant, epoch);
	cr_expect_arr_eq(found, expected.key, AUTH_KEY_BYTES, "tenant %u, epoch %u", tenant, epoch);
}

Test(auth, table_of_4096_keys_finds_each_and_no_other)
{
	enum { TENANTS = 512, EPOCHS = 8, COUNT = TENANTS * EPOCHS };
	static struct auth_key keys[COUNT];
	/* Tenants 0, 128, …, 65408; epochs 0, 36, …, 252. */
	for (uint32_t i = 0; i < COUNT; i++)
		keys[i] = key_of(i / EPOCHS * 128, i % EPOCHS * 36);
	void *memory = malloc(auth_keys_bytes(COUNT));
	struct auth_keys *table = auth_keys_build(memory, keys, COUNT);
	cr_expect_eq(table->count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		expect_key(table, i / EPOCHS * 128, i % EPOCHS * 36);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint16_t tenant = (uint16_t)(i / EPOCHS * 128);
		uint8_t epoch = (uint8_t)(i % EPOCHS * 36);
		cr_expect_null(auth_keys_find(table, tenant + 1, epoch), "tenant %u", tenant + 1);
		cr_expect_null(auth_keys_find(table, tenant, epoch + 1), "epoch %u", epoch + 1);
	}
	free(memory);
}

Test(auth, table_finds_the_extreme_ids)
{
	const struct auth_key keys[] = {key_of(0, 0), key_of(0, 255), key_of(65535, 0),
					key_of(65535, 255), key_of(255, 0)};
	void *memory = malloc(auth_keys_bytes(5));
	struct auth_keys *table = auth_keys_build(memory, keys, 5);
	expect_key(table, 0, 0);
	expect_key(table, 0, 255);
	expect_key(table, 65535, 0);
	expect_key(table, 65535, 255);
	expect_key(table, 255, 0);
	cr_expect_null(auth_keys_find(table, 0, 1));
	cr_expect_null(auth_keys_find(table, 65280, 0));
	free(memory);
}

Test(auth, table_of_every_small_size_finds_its_keys_and_ends_its_search)
{
	for (uint32_t count = 0; count <= 33; count++) {
		struct auth_key keys[33];
		for (uint32_t i = 0; i < count; i++)
			keys[i] = key_of(i, 1);
		void *memory = malloc(auth_keys_bytes(count));
		struct auth_keys *table = auth_keys_build(memory, keys, count);
		for (uint32_t i = 0; i < count; i++)
			expect_key(table, i, 1);
		for (uint32_t tenant = count; tenant < count + 100; tenant++)
			cr_expect_null(auth_keys_find(table, (uint16_t)tenant, 1));
		free(memory);
	}
}

Test(auth, a_key_of_zeros_is_a_key)
{
	const struct auth_key key = {.tenant = 0, .epoch = 0};
	void *memory = malloc(auth_keys_bytes(1));
	struct auth_keys *table = auth_keys_build(memory, &key, 1);
	cr_expect_not_null(auth_keys_find(table, 0, 0));
	cr_expect_null(auth_keys_find(table, 1, 0));
	free(memory);
}

Test(auth, the_set_of_revoked_voters_has_each_and_no_other)
{
	enum { COUNT = 20000 };
	static struct auth_voter voters[COUNT];
	struct auth_keys *keys = malloc(auth_keys_bytes(0));
	auth_keys_build(keys, NULL, 0);
	cr_expect_not(auth_is_revoked(keys, 0, 0, 0), "of nobody");
	for (uint32_t i = 0; i < COUNT; i++)
		voters[i] = (struct auth_voter){(uint16_t)(i % 3), (uint8_t)(i % 2), i * 7919};
	for (uint32_t count = 0; count <= COUNT; count += count < 40 ? 1 : COUNT - 40) {
		keys->revoked =
			auth_revoked_build(malloc(auth_revoked_bytes(count)), voters, count);
		for (uint32_t i = 0; i < COUNT; i++) {
			const struct auth_voter *v = &voters[i];
			cr_assert_eq(auth_is_revoked(keys, v->tenant, v->epoch, v->voter),
				     i < count, "%u of %u", i, count);
			cr_assert_not(auth_is_revoked(keys, v->tenant + 3, v->epoch, v->voter));
			cr_assert_not(auth_is_revoked(keys, v->tenant, v->epoch + 2, v->voter));
			cr_assert_not(auth_is_revoked(keys, v->tenant, v->epoch, v->voter + 1));
		}
		free(keys->revoked);
	}
	free(keys);
}
