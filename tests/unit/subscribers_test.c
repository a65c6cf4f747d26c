// SPDX-License-Identifier: BSD-3-Clause
/* The table of those who are told: full, expired, renewed, and against a slow model of it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/subscribers.h"
#include "wire/byte_order.h"

#define NOW    (1000 * SECOND)
#define SECOND 1000000ull
#define ROOM   8

static struct subscribers table;
static void *memory;

static void open_table(uint32_t room)
{
	memory = aligned_alloc(SUBSCRIBERS_ALIGN, (subscribers_bytes(room) + 127) / 128 * 128);
	cr_assert_not_null(memory);
	subscribers_init(&table, memory, room);
}

static void set_up(void)
{
	open_table(ROOM);
}

static void tear_down(void)
{
	free(memory);
}

TestSuite(subscribers, .init = set_up, .fini = tear_down);

/* The viewer of this voter at 198.18.0.`host`:`port`. */
static struct subscriber viewer_at(uint32_t voter, uint8_t host, uint16_t port)
{
	struct subscriber viewer = {
		.voter_be = be32(voter),
		.cid.tenant_be = be16(7),
		.key_epoch = 1,
		.ip_version = 4,
		.l3_offset = 14,
		.head_bytes = 42,
	};
	viewer.head[14 + 19] = host;
	viewer.head[14 + 22] = (uint8_t)(port >> 8);
	viewer.head[14 + 23] = (uint8_t)port;
	return viewer;
}

static enum subscribed put(uint32_t voter, uint16_t port, uint64_t now_us)
{
	struct subscriber viewer = viewer_at(voter, (uint8_t)voter, port);
	return subscribers_put(&table, &viewer, now_us);
}

/* Whether this viewer has an entry that lives. */
static bool is_in(uint32_t voter, uint16_t port, uint64_t now_us)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < table.end; i++) {
		const struct subscriber *entry = &table.entries[i];
		uint16_t entry_port = (uint16_t)(entry->head[36] << 8 | entry->head[37]);
		found += subscriber_lives(entry, now_us) && be32(entry->voter_be) == voter &&
			 entry_port == port;
	}
	cr_assert_leq(found, 1, "voter %u is in %u times", voter, found);
	return found;
}

Test(subscribers, a_full_table_takes_nobody_in_and_puts_nobody_out)
{
	for (uint32_t voter = 0; voter < ROOM; voter++)
		cr_expect_eq(put(voter, 1, NOW + voter), SUBSCRIBED);
	cr_expect_eq(put(100, 1, NOW + 100), SUBSCRIBED_NOT);
	cr_expect_eq(table.count, ROOM);
	for (uint32_t voter = 0; voter < ROOM; voter++)
		cr_expect(is_in(voter, 1, NOW + 100), "voter %u", voter);
	cr_expect_eq(put(3, 1, NOW + 200), SUBSCRIBED_AGAIN, "who is in may stay");
}

Test(subscribers, thirty_seconds_from_the_last_watch)
{
	put(1, 1, NOW);
	cr_expect(is_in(1, 1, NOW + 30 * SECOND - 1));
	cr_expect_not(is_in(1, 1, NOW + 30 * SECOND));
	cr_expect_eq(put(1, 1, NOW + 20 * SECOND), SUBSCRIBED_AGAIN);
	cr_expect(is_in(1, 1, NOW + 50 * SECOND - 1));
	cr_expect_not(is_in(1, 1, NOW + 50 * SECOND));
}

Test(subscribers, places_of_the_expired_are_used_again_oldest_first)
{
	for (uint32_t voter = 0; voter < ROOM; voter++)
		put(voter, 1, NOW + voter * SECOND);
	put(0, 1, NOW + 10 * SECOND); /* renewed: voter 1 is the oldest now */
	uint64_t then = NOW + 31 * SECOND;
	cr_expect_eq(put(100, 1, then), SUBSCRIBED);
	cr_expect_eq(put(101, 1, then), SUBSCRIBED_NOT, "voter 2 has a second left");
	cr_expect(is_in(0, 1, then));
	cr_expect_not(is_in(1, 1, then));
	for (uint32_t voter = 2; voter < ROOM; voter++)
		cr_expect(is_in(voter, 1, then), "voter %u", voter);
}

Test(subscribers, expiry_frees_no_more_than_it_is_told)
{
	for (uint32_t voter = 0; voter < 6; voter++)
		put(voter, 1, NOW);
	subscribers_expire(&table, NOW + 30 * SECOND - 1, 100);
	cr_expect_eq(table.count, 6);
	subscribers_expire(&table, NOW + 30 * SECOND, 4);
	cr_expect_eq(table.count, 2);
	subscribers_expire(&table, NOW + 30 * SECOND, 4);
	cr_expect_eq(table.count, 0);
	cr_expect_eq(table.end, 0, "nobody is left to be walked over");
	cr_expect_eq(put(1, 1, NOW + 40 * SECOND), SUBSCRIBED);
}

Test(subscribers, a_voters_fifth_place_is_that_of_the_voters_own_oldest)
{
	put(2, 1, NOW - SECOND);
	for (uint16_t port = 1; port <= 4; port++)
		put(1, port, NOW + port);
	cr_expect_eq(put(1, 5, NOW + 5), SUBSCRIBED);
	cr_expect_not(is_in(1, 1, NOW + 5));
	for (uint16_t port = 2; port <= 5; port++)
		cr_expect(is_in(1, port, NOW + 5), "port %u", port);
	cr_expect(is_in(2, 1, NOW + 5), "another voter's, though older, stays");
	cr_expect_eq(table.count, 5);
}

Test(subscribers, tenants_have_voters_of_their_own)
{
	struct subscriber viewer = viewer_at(1, 1, 1);
	put(1, 1, NOW);
	viewer.cid.tenant_be = be16(8);
	cr_expect_eq(subscribers_put(&table, &viewer, NOW), SUBSCRIBED);
}

Test(subscribers, a_renewal_brings_the_newest_way_and_key)
{
	struct subscriber viewer = viewer_at(1, 1, 1);
	subscribers_put(&table, &viewer, NOW);
	table.entries[0].notices = 0;
	viewer.head[0] = 0xAB; /* another hop */
	viewer.key_epoch = 2;
	cr_expect_eq(subscribers_put(&table, &viewer, NOW + 1), SUBSCRIBED_AGAIN);
	cr_expect_eq(table.entries[0].head[0], 0xAB);
	cr_expect_eq(table.entries[0].key_epoch, 2);
	cr_expect_eq(table.entries[0].notices, SUBSCRIBER_NOTICES);
}

/* What the table ought to hold, in the simplest way. */
static struct {
	bool in;
	uint64_t until_us;
} model[64][3];

static uint32_t model_count(uint64_t now_us, uint32_t voter)
{
	uint32_t count = 0;
	for (uint32_t v = 0; v < 64; v++)
		for (uint32_t port = 0; port < 3; port++)
			count += (voter == UINT32_MAX || v == voter) && model[v][port].in &&
				 now_us < model[v][port].until_us;
	return count;
}

Test(subscribers, as_the_model_says_over_a_long_time)
{
	uint64_t now_us = NOW;
	srand(7);
	free(memory);
	open_table(40);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t voter = (uint32_t)rand() % 64, port = (uint32_t)rand() % 3;
		now_us += (uint64_t)(rand() % 1500000);
		bool was_in = model[voter][port].in && now_us < model[voter][port].until_us;
		bool room = model_count(now_us, UINT32_MAX) < 40;
		enum subscribed outcome = put(voter, (uint16_t)port, now_us);
		/* One that has expired and still lies there may be renewed. */
		cr_assert(was_in ? outcome == SUBSCRIBED_AGAIN
				 : (outcome != SUBSCRIBED_NOT) == room,
			  "step %u: %d", i, outcome);
		if (outcome != SUBSCRIBED_NOT)
			model[voter][port].in = true,
			model[voter][port].until_us = now_us + 30 * SECOND;
		if (i % 16 == 0)
			subscribers_expire(&table, now_us, 3);
		cr_assert_eq(is_in(voter, (uint16_t)port, now_us), outcome != SUBSCRIBED_NOT);
		uint32_t living = 0;
		for (uint32_t at = 0; at < table.end; at++)
			living += subscriber_lives(&table.entries[at], now_us);
		cr_assert_eq(living, model_count(now_us, UINT32_MAX), "step %u", i);
	}
}
