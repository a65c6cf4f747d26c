// SPDX-License-Identifier: BSD-3-Clause
/*
 * A viewer and the pipeline: WATCH, CHALLENGE, WATCH with its cookie, NOTICE. Nothing that goes out
 * is larger than what came in, and nobody is told at an address that nobody answered from.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client/tw_client.h"
#include "dataplane/core/push.h"
#include "tests/lib/stage.h"
#include "tests/lib/watch_peer.h"

#define SECOND STAGE_SECOND
#define UTC    STAGE_OPENS_US
#define ROOM   4

static const struct envelope plain = {.ip_version = 4};
static const struct watch_peer peer = {7, 1, 42};
static struct bulletin_board board = {.tenant = 7};
static struct bulletin bulletin = {.boards = &board, .board_count = 1, .first_round = 1};
static struct stage stage;
static struct stage_burst burst;
static struct watch watch;
static void *memory;

static void set_up(void)
{
	const struct auth_key keys[] = {stage_default_key(7, 1), stage_default_key(8, 1)};
	stage_open(&stage, keys, 2, NULL, 0);
	memory = aligned_alloc(SUBSCRIBERS_ALIGN, 4096);
	subscribers_init(&watch.subscribers, memory, ROOM);
	watch.bulletin = &bulletin;
	watch.now_us = 1000 * SECOND;
	memcpy(bulletin.secrets.current, "watch_test's own", AUTH_KEY_BYTES);
	stage.pipeline[0].watch = &watch;
	for (uint32_t i = 0; i < NOTICE_MAX_RECORDS; i++)
		board.notice.records[i].interaction_be = be32(101 + i);
	board.notice.count = 2;
}

static void tear_down(void)
{
	stage_close(&stage);
	free(memory);
}

TestSuite(watch, .init = set_up, .fini = tear_down);

static const uint8_t *payload;
static uint32_t payload_bytes;

/* Sends one WATCH and opens its answer; 0 bytes: none came. */
static void ask_as(const struct watch_peer *who, const struct envelope *envelope,
		   const uint8_t *cookie)
{
	uint8_t packet[256];
	watch_peer_ask(who, cookie, packet);
	stage_burst_start(&burst);
	stage_burst_add(&burst, envelope, packet, sizeof(packet), UTC);
	const char *wrong = stage_play(&stage, 0, &burst);
	cr_assert_null(wrong, "%s", wrong);
	payload = burst.frames[0] + envelope_payload(envelope);
	payload_bytes = 0;
	if (burst.burst.reply_bytes[0] == 0)
		return;
	cr_assert_lt(burst.burst.reply_bytes[0], burst.burst.bytes[0], "more out than in");
	wrong = envelope_check_answer(envelope, burst.frames[0], burst.burst.reply_bytes[0],
				      &payload_bytes);
	cr_assert_null(wrong, "%s", wrong);
}

static void expect_challenge(const struct watch_peer *who, uint8_t cookie[COOKIE_BYTES])
{
	const char *wrong = watch_peer_challenge(who, payload, payload_bytes, cookie);
	cr_assert_null(wrong, "%s", wrong);
}

static void expect_notice(const struct watch_peer *who, uint32_t records)
{
	struct watch_peer_notice notice;
	const char *wrong = watch_peer_notice(who, payload, payload_bytes, &notice);
	cr_assert_null(wrong, "%s", wrong);
	cr_expect_eq(notice.count, records);
	cr_expect_eq(notice.clock_us, UTC);
	for (uint32_t i = 0; i < records; i++)
		cr_expect_eq(notice.records[i].interaction, 101 + i);
}

/* From the first WATCH to the subscription. */
static void subscribe(const struct watch_peer *who, const struct envelope *envelope,
		      uint8_t cookie[COOKIE_BYTES])
{
	ask_as(who, envelope, NULL);
	expect_challenge(who, cookie);
	ask_as(who, envelope, cookie);
}

Test(watch, a_challenge_then_a_notice_in_every_envelope)
{
	static const struct envelope envelopes[] = {
		{.ip_version = 4},
		{.ip_version = 4, .vlan_tags = 2, .outer_tpid = 0x88A8},
		{.ip_version = 4, .option_bytes = 40},
		{.ip_version = 4, .padding = 9, .ip_padding = 7},
		{.ip_version = 6},
		{.ip_version = 6, .vlan_tags = 1},
	};
	uint8_t cookie[COOKIE_BYTES];
	for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
		for (board.notice.count = 0; board.notice.count <= NOTICE_MAX_RECORDS;
		     board.notice.count++) {
			subscribe(&peer, &envelopes[i], cookie);
			expect_notice(&peer, board.notice.count);
		}
	}
	cr_expect_eq(watch.counters.subscribed, 2, "by address: one of each IP");
	cr_expect_eq(watch.counters.renewed, 6 * 8 - 2);
	cr_expect_eq(watch.counters.challenges, 6 * 8);
	cr_expect_eq(watch.counters.answered, 6 * 8);
	cr_expect_eq(watch.counters.subscribers, 2);
}

Test(watch, nothing_of_the_padding_comes_back)
{
	uint8_t packet[256], cookie[COOKIE_BYTES];
	watch_peer_ask(&peer, NULL, packet);
	memset(packet + 56, 0x99, sizeof(packet) - 56);
	stage_burst_start(&burst);
	stage_burst_add(&burst, &plain, packet, sizeof(packet), UTC);
	cr_assert_null(stage_play(&stage, 0, &burst));
	cr_assert_null(envelope_check_answer(&plain, burst.frames[0], burst.burst.reply_bytes[0],
					     &payload_bytes));
	payload = burst.frames[0] + envelope_payload(&plain);
	expect_challenge(&peer, cookie);
}

Test(watch, a_cookie_from_elsewhere_is_challenged_again)
{
	static const struct envelope other_port = {.ip_version = 4, .source_port = 999};
	static const struct envelope other_address = {.ip_version = 6};
	static const struct watch_peer other_voter = {7, 1, 43}, other_tenant = {8, 1, 42};
	uint8_t cookie[COOKIE_BYTES], again[COOKIE_BYTES];
	ask_as(&peer, &plain, NULL);
	expect_challenge(&peer, cookie);
	ask_as(&peer, &other_port, cookie);
	expect_challenge(&peer, again);
	ask_as(&peer, &other_address, cookie);
	expect_challenge(&peer, again);
	ask_as(&other_voter, &plain, cookie);
	expect_challenge(&other_voter, again);
	ask_as(&other_tenant, &plain, cookie);
	expect_challenge(&other_tenant, again);
	watch.now_us += 60 * SECOND + 1;
	ask_as(&peer, &plain, cookie);
	expect_challenge(&peer, again);
	cr_expect_eq(watch.subscribers.count, 0, "nobody proved anything");
}

Test(watch, each_bit_of_the_tag_matters_and_what_it_covers)
{
	uint8_t packet[256];
	for (int bit = 0; bit < 56 * 8; bit++) {
		watch_peer_ask(&peer, NULL, packet);
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		stage_burst_start(&burst);
		stage_burst_add(&burst, &plain, packet, sizeof(packet), UTC);
		const char *wrong = stage_play(&stage, 0, &burst);
		cr_assert_null(wrong, "%s", wrong);
		cr_expect_eq(burst.burst.reply_bytes[0], 0, "bit %d is answered", bit);
	}
	cr_expect_eq(watch.counters.challenges, 0);
}

Test(watch, a_full_table_answers_and_does_not_subscribe)
{
	uint8_t cookie[COOKIE_BYTES];
	for (uint32_t voter = 0; voter < ROOM + 2; voter++) {
		const struct watch_peer who = {7, 1, voter};
		subscribe(&who, &plain, cookie);
		expect_notice(&who, 2);
	}
	cr_expect_eq(watch.counters.subscribed, ROOM);
	cr_expect_eq(watch.counters.no_room, 2);
	cr_expect_eq(watch.counters.subscribers, ROOM);
}

Test(watch, a_tenant_without_windows_has_an_empty_notice)
{
	static const struct watch_peer other_tenant = {8, 1, 42};
	uint8_t cookie[COOKIE_BYTES];
	subscribe(&other_tenant, &plain, cookie);
	expect_notice(&other_tenant, 0);
}

Test(watch, without_a_table_a_watch_is_counted_and_not_answered)
{
	stage.pipeline[0].watch = NULL;
	ask_as(&peer, &plain, NULL);
	cr_expect_eq(payload_bytes, 0);
	cr_expect_eq(stage.counters[0].verdicts[VERDICT_WATCH], 1);
}

Test(watch, among_votes_each_gets_its_own_answer_under_its_own_key)
{
	uint8_t cookies[3][COOKIE_BYTES], packet[256];
	const struct vote vote = {.tenant = 7, .server = 1, .key_epoch = 1, .interaction = 999};
	stage_burst_start(&burst);
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		struct vote of = vote;
		of.voter = i;
		watch_peer_ask(&(struct watch_peer){7, 1, i}, NULL, packet);
		if (i % 3 == 1)
			stage_burst_add(&burst, &plain, packet, sizeof(packet), UTC);
		else
			stage_burst_vote(&burst, &plain, &of, UTC);
	}
	const char *wrong = stage_play(&stage, 0, &burst);
	cr_assert_null(wrong, "%s", wrong);
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		const struct watch_peer who = {7, 1, i};
		const struct vote_packet *receipt =
			(const void *)(burst.frames[i] + envelope_payload(&plain));
		uint8_t voter_key[AUTH_KEY_BYTES];
		auth_voter_key(stage_default_key(7, 1).key, 7, 1, i, voter_key);
		cr_assert_null(envelope_check_answer(&plain, burst.frames[i],
						     burst.burst.reply_bytes[i], &payload_bytes));
		payload = (const void *)receipt;
		if (i % 3 == 1)
			expect_challenge(&who, cookies[i % 3]);
		else
			cr_expect(auth_tag_matches(voter_key, receipt, VOTE_TAG_OFFSET,
						   receipt->tag));
	}
}

static const struct notice_record open_poll = {
	.interaction_be = be32(101),
	.state = NOTICE_OPEN,
	.kind = KIND_POLL,
	.options_be = be16(2),
	.opens_at_us_be = be64(UTC),
	.closes_at_us_be = be64(UTC + 20 * SECOND),
	.leader_be = be16(NOTICE_NO_LEADER),
};

/* A viewer who has the library that players have. */
static void client_open(struct tw_client *client)
{
	struct tw_credential credential = {
		.connection_id = {7, 0, 1, 0, 7, 0, 0, 42}, .voter = 42, .tenant = 7, .epoch = 1};
	auth_voter_key(stage_default_key(7, 1).key, 7, 1, 42, credential.voter_key);
	tw_client_init(client, &credential, 1);
	tw_client_watch(client, 0);
}

/* Lets it send one datagram, and gives it the answer. */
static void client_turn(struct tw_client *client, uint64_t now_us, struct tw_event *event)
{
	uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES];
	cr_assert_eq(tw_client_send(client, now_us, datagram, event), WATCH_BYTES);
	stage_burst_start(&burst);
	stage_burst_add(&burst, &plain, datagram, WATCH_BYTES, UTC);
	cr_assert_null(stage_play(&stage, 0, &burst));
	cr_assert_null(envelope_check_answer(&plain, burst.frames[0], burst.burst.reply_bytes[0],
					     &payload_bytes));
	enum tw_error error = tw_client_receive(client, burst.frames[0] + envelope_payload(&plain),
						payload_bytes, now_us, event);
	cr_assert_eq(error, TW_OK, "%s", tw_client_error_text(error));
}

Test(watch, the_viewers_library_is_challenged_answered_and_told)
{
	struct bulletin_round round = {
		.at_us = watch.now_us, .tenant = 7, .notice = {.count = 1, .records = {open_poll}}};
	static uint8_t frame[PUSH_FRAME_BYTES];
	struct push_batch batch = {
		.room = 1, .frames = {frame}, .clock_us = UTC, .keys = stage.keys};
	struct push push = {0};
	struct tw_client client;
	struct tw_event event;
	board.notice = round.notice;
	client_open(&client);
	client_turn(&client, 1000, &event);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
	cr_expect_not(tw_client_is_told(&client, 1000));
	client_turn(&client, 2000, &event);
	cr_assert_eq(event.kind, TW_EVENT_WINDOWS);
	cr_expect_eq(event.windows[0].state, TW_WINDOW_OPEN);
	cr_expect(tw_client_is_told(&client, 2000));

	round.notice.records[0].state = NOTICE_CLOSED;
	bulletin.rounds = &round;
	bulletin.round_count = 1;
	cr_assert(push_is_due(&push, &watch));
	push_build(&push, &watch, &batch);
	cr_assert_eq(batch.count, 1);
	cr_assert_null(envelope_check_answer(&plain, frame, batch.bytes[0], &payload_bytes));
	cr_assert_eq(tw_client_receive(&client, frame + envelope_payload(&plain), payload_bytes,
				       3000, &event),
		     TW_OK);
	cr_assert_eq(event.kind, TW_EVENT_WINDOWS);
	cr_expect_eq(event.windows[0].interaction, 101);
	cr_expect_eq(event.windows[0].state, TW_WINDOW_CLOSED);
	cr_expect_eq(event.windows[0].leader, TW_CHOICE_NONE);
}
