// SPDX-License-Identifier: BSD-3-Clause
/*
 * Changes pushed: whom, how often, when, and each frame against a slow reading of it. Time and
 * sending are the test's: it plays the worker.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/push.h"
#include "tests/lib/stage.h"
#include "tests/lib/watch_peer.h"

#define MS      1000ull
#define BEGIN   (1000000ull * MS)
#define UTC     STAGE_OPENS_US
#define ROOM    600
#define PORT_OF 1024 /* a voter's port: this and its number */

static struct watch watch;
static struct push push;
static struct bulletin_round rounds[8];
static struct bulletin bulletin = {.first_round = 1, .rounds = rounds};
static struct auth_keys *keys;
static void *memory;

static void set_up(void)
{
	const struct auth_key all[] = {stage_default_key(7, 1), stage_default_key(7, 2),
				       stage_default_key(8, 1)};
	size_t bytes = (subscribers_bytes(ROOM) + 127) / 128 * 128;
	keys = auth_keys_build(calloc(1, auth_keys_bytes(3)), all, 3);
	memory = aligned_alloc(SUBSCRIBERS_ALIGN, bytes);
	subscribers_init(&watch.subscribers, memory, ROOM);
	watch.bulletin = &bulletin;
	watch.now_us = BEGIN;
}

static void tear_down(void)
{
	free(keys);
	free(memory);
}

TestSuite(push, .init = set_up, .fini = tear_down);

static struct envelope envelope_of(uint32_t voter)
{
	return (struct envelope){
		.ip_version = voter % 3 == 2 ? 6 : 4,
		.vlan_tags = (uint8_t)(voter % 2),
		.source_port = (uint16_t)(PORT_OF + voter),
	};
}

/* As a WATCH with a good cookie would: the answered frame's head is kept. */
static void subscribe(uint16_t tenant, uint8_t epoch, uint32_t voter)
{
	struct envelope envelope = envelope_of(voter);
	const struct watch_peer peer = {tenant, epoch, voter};
	uint8_t packet[256], frame[ENVELOPE_MAX_BYTES], voter_key[AUTH_KEY_BYTES];
	struct bulletin answer = bulletin;
	auth_voter_key(stage_default_key(tenant, epoch).key, tenant, epoch, voter, voter_key);
	answer.round_count = 0;
	watch.bulletin = &answer;
	for (int asked = 0; asked < 2; asked++) {
		const uint8_t *cookie = frame + envelope_payload(&envelope) + 32;
		uint8_t kept[COOKIE_BYTES];
		struct frame at;
		memcpy(kept, cookie, asked ? sizeof(kept) : 0);
		watch_peer_ask(&peer, asked ? kept : NULL, packet);
		uint32_t bytes = envelope_wrap(&envelope, packet, sizeof(packet), frame);
		cr_assert_eq(classify(frame, frame + bytes, be16(4433), &at), VERDICT_NONE);
		watch_answer(&watch, frame, frame + bytes, &at, voter_key, UTC);
	}
	watch.bulletin = &bulletin;
}

static void subscribe_many(uint32_t count)
{
	for (uint32_t voter = 0; voter < count; voter++)
		subscribe(7, 1 + voter / 4 % 2, voter);
	cr_assert_eq(watch.subscribers.count, count);
}

static void add_round(uint16_t tenant, uint32_t records, uint64_t at_us)
{
	struct bulletin_round *round = &rounds[bulletin.round_count++];
	*round = (struct bulletin_round){.at_us = at_us, .tenant = tenant};
	round->notice.count = records;
	for (uint32_t i = 0; i < records; i++)
		round->notice.records[i].interaction_be = be32(1000 * bulletin.round_count + i);
}

static uint8_t frames[PUSH_BATCH][PUSH_FRAME_BYTES];
/* Notices that each voter had, by the round's number. */
static uint32_t had[ROOM][9];

static void check_frame(const struct push_batch *batch, uint32_t i, uint16_t tenant)
{
	const struct subscriber *entry = &watch.subscribers.entries[batch->entry[i]];
	const struct watch_peer peer = {tenant, entry->key_epoch, be32(entry->voter_be)};
	struct envelope envelope = envelope_of(peer.voter);
	struct watch_peer_notice notice;
	uint32_t bytes;
	const char *wrong =
		envelope_check_answer(&envelope, batch->frames[i], batch->bytes[i], &bytes);
	cr_assert_null(wrong, "voter %u: %s", peer.voter, wrong);
	wrong = watch_peer_notice(&peer, batch->frames[i] + envelope_payload(&envelope), bytes,
				  &notice);
	cr_assert_null(wrong, "voter %u: %s", peer.voter, wrong);
	uint32_t round = notice.records[0].interaction / 1000;
	cr_assert_eq(notice.clock_us, UTC + 1 - (watch.now_us - rounds[round - 1].at_us),
		     "a copy is dated when its round began");
	had[peer.voter][round]++;
}

/* One turn of a worker whose port takes `takes` frames; false: nothing is due. */
static bool turn(uint32_t room, uint32_t takes)
{
	struct push_batch batch = {.room = room, .clock_us = UTC + 1, .keys = keys};
	if (!push_is_due(&push, &watch))
		return false;
	for (uint32_t i = 0; i < room; i++)
		batch.frames[i] = frames[i];
	push_build(&push, &watch, &batch);
	cr_assert_leq(batch.count, room);
	uint32_t sent = batch.count < takes ? batch.count : takes;
	const struct bulletin_round *round =
		&rounds[push.times[batch.time].round - bulletin.first_round];
	for (uint32_t i = 0; i < sent; i++)
		check_frame(&batch, i, round->tenant);
	push_done(&push, &watch, &batch, sent);
	return true;
}

static void run_dry(void)
{
	for (uint32_t turns = 0; turn(PUSH_BATCH, PUSH_BATCH); turns++)
		cr_assert_lt(turns, 10000, "it never ends");
}

static void expect_had(uint32_t voter, uint32_t round, uint32_t times)
{
	cr_expect_eq(had[voter][round], times, "voter %u, round %u: %u times", voter, round,
		     had[voter][round]);
}

Test(push, everyone_is_told_three_times_fifty_ms_apart)
{
	subscribe_many(100);
	add_round(7, 1, BEGIN + 10 * MS);
	for (uint64_t ms = 0; ms < 200; ms++) {
		watch.now_us = BEGIN + ms * MS;
		run_dry();
		uint32_t times = ms < 10 ? 0 : ms < 60 ? 1 : ms < 110 ? 2 : 3;
		for (uint32_t voter = 0; voter < 100; voter++)
			cr_assert_eq(had[voter][1], times, "voter %u after %lu ms: %u", voter, ms,
				     had[voter][1]);
	}
	cr_expect_eq(watch.counters.pushed, 300);
	cr_expect_eq(watch.counters.rounds_done, 2);
}

Test(push, every_number_of_records_in_every_batch)
{
	subscribe_many(75);
	for (uint32_t records = 1; records <= 7; records++)
		add_round(7, records, BEGIN);
	watch.now_us = BEGIN + 1000 * MS;
	for (uint32_t room = 1; turn(room, PUSH_BATCH); room = room % PUSH_BATCH + 1)
		;
	for (uint32_t voter = 0; voter < 75; voter++)
		for (uint32_t round = 1; round <= 7; round++)
			expect_had(voter, round, 3);
}

Test(push, what_the_port_does_not_take_comes_again)
{
	subscribe_many(100);
	add_round(7, 2, BEGIN);
	watch.now_us = BEGIN + 1000 * MS;
	for (uint32_t i = 0; turn(PUSH_BATCH, i % 5); i++)
		cr_assert_lt(i, 10000);
	for (uint32_t voter = 0; voter < 100; voter++)
		expect_had(voter, 1, 3);
}

Test(push, other_tenants_and_those_whose_time_is_over_hear_nothing)
{
	subscribe(7, 1, 1);
	subscribe(8, 1, 2);
	watch.now_us = BEGIN + 29000 * MS;
	subscribe(7, 1, 3);
	watch.now_us = BEGIN + 30000 * MS;
	add_round(7, 1, watch.now_us);
	run_dry();
	expect_had(1, 1, 0);
	expect_had(2, 1, 0);
	expect_had(3, 1, 1);
}

Test(push, first_times_go_before_second_ones)
{
	subscribe_many(100);
	add_round(7, 1, BEGIN);
	add_round(7, 1, BEGIN + 60 * MS);
	watch.now_us = BEGIN + 60 * MS;
	/* Behind: round 1 is due a second time, round 2 a first. */
	while (had[99][1] == 0 || had[99][2] == 0) {
		cr_assert(turn(PUSH_BATCH, PUSH_BATCH));
		cr_assert_leq(had[0][1], 1, "a second time came before a first");
	}
	run_dry();
	expect_had(99, 1, 2);
	expect_had(99, 2, 1);
}

Test(push, a_key_that_is_gone_ends_the_subscription)
{
	const struct auth_key left[] = {stage_default_key(7, 2)};
	struct auth_keys *all = keys;
	subscribe(7, 1, 1);
	subscribe(7, 2, 2);
	keys = auth_keys_build(calloc(1, auth_keys_bytes(1)), left, 1);
	add_round(7, 1, BEGIN);
	run_dry();
	expect_had(1, 1, 0);
	expect_had(2, 1, 1);
	cr_expect_eq(watch.subscribers.count, 1);
	cr_expect_eq(watch.counters.dropped, 1);
	free(all);
}

Test(push, a_revoked_voter_hears_no_more)
{
	const struct auth_voter gone = {.tenant = 7, .epoch = 1, .voter = 1};
	subscribe(7, 1, 1);
	subscribe(7, 1, 2);
	keys->revoked = auth_revoked_build(malloc(auth_revoked_bytes(1)), &gone, 1);
	add_round(7, 1, BEGIN);
	run_dry();
	expect_had(1, 1, 0);
	expect_had(2, 1, 1);
	cr_expect_eq(watch.subscribers.count, 1);
	free(keys->revoked);
}

Test(push, a_subscription_draws_no_more_than_its_share)
{
	subscribe_many(3);
	for (uint32_t i = 0; i < 3; i++)
		watch.subscribers.entries[i].notices = (uint16_t)i;
	add_round(7, 1, BEGIN);
	watch.now_us = BEGIN + 1000 * MS;
	run_dry();
	for (uint32_t i = 0; i < 3; i++)
		expect_had(be32(watch.subscribers.entries[i].voter_be), 1, i);
	cr_expect_eq(watch.counters.dropped, 9 - 3);
	cr_expect_eq(watch.counters.pushed, 3);
}

Test(push, rounds_that_are_not_kept_are_skipped)
{
	subscribe_many(10);
	bulletin.first_round = 5;
	add_round(7, 1, BEGIN);
	watch.now_us = BEGIN + 1000 * MS;
	run_dry();
	for (uint32_t voter = 0; voter < 10; voter++)
		expect_had(voter, 1, 3);
	cr_expect_eq(watch.counters.rounds_done, 6);
}

Test(push, a_turn_looks_at_a_bounded_number_of_entries)
{
	for (uint32_t voter = 0; voter < ROOM; voter++)
		subscribe(8, 1, voter);
	add_round(7, 1, BEGIN);
	uint32_t turns = 0;
	while (turn(PUSH_BATCH, PUSH_BATCH))
		turns++;
	cr_expect_eq(turns, (ROOM + PUSH_LOOKS - 1) / PUSH_LOOKS);
	cr_expect_eq(watch.counters.pushed, 0);
}

Test(push, with_nobody_there_rounds_end)
{
	add_round(7, 1, BEGIN);
	watch.now_us = BEGIN + 1000 * MS;
	run_dry();
	cr_expect_eq(watch.counters.rounds_done, 2);
	cr_expect_not(push_is_due(&push, &watch));
}
