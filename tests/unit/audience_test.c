// SPDX-License-Identifier: BSD-3-Clause
/* Viewers who watch, against an appliance that the test plays: what they send when, and what they
 * book. */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/notice.h"
#include "perf/audience.h"
#include "wire/byte_order.h"

#define MS     1000000ull /* in ns */
#define BEGIN  (1795392000000ull * MS)
#define TENANT 7
#define FIRST  100

static const uint8_t tenant_key[AUTH_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
static const struct audience_options watching = {
	.tenant = TENANT,
	.server = 1,
	.key_epoch = 1,
	.tenant_key = tenant_key,
	.first = FIRST,
	.count = 3,
	.every_ns = 10000 * MS,
};
static struct audience audience;
static uint8_t sent[WATCH_BYTES], answer[NOTICE_MAX_BYTES];
static uint32_t sent_bytes;

static void open_audience(struct audience_options options)
{
	struct err err;
	cr_assert_eq(audience_open(&audience, &options, &err), 0);
}

static void set_up(void)
{
	open_audience(watching);
}

static void tear_down(void)
{
	audience_close(&audience);
}

TestSuite(audience, .init = set_up, .fini = tear_down);

static void key_of(uint32_t voter, uint8_t voter_key[AUTH_KEY_BYTES])
{
	auth_voter_key(tenant_key, TENANT, 1, voter, voter_key);
}

/* What viewer i sends at this time: its type, or 0; the tag must be right. */
static uint8_t sends(uint32_t i, uint64_t now_ns)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	sent_bytes = audience_next(&audience, i, now_ns, sent);
	if (sent_bytes == 0)
		return 0;
	uint32_t covered = sent[0] == WATCH_TYPE ? WATCH_TAG_OFFSET : VOTE_TAG_OFFSET;
	cr_assert_eq(sent_bytes, sent[0] == WATCH_TYPE ? 256 : 40);
	key_of(FIRST + i, voter_key);
	cr_assert(auth_tag_matches(voter_key, sent, covered, sent + covered));
	return sent[0];
}

static bool gets(uint32_t i, uint32_t covered, uint32_t bytes, uint64_t now_ns)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	key_of(FIRST + i, voter_key);
	auth_tag(voter_key, answer, covered, answer + covered);
	return audience_take(&audience, i, answer, bytes, now_ns);
}

static bool gets_challenge(uint32_t i, uint8_t cookie, uint64_t now_ns)
{
	struct challenge_packet *challenge = (void *)answer;
	memset(answer, 0, sizeof(answer));
	challenge->type = CHALLENGE_TYPE;
	challenge->cid.tenant_be = be16(TENANT);
	challenge->voter_be = be32(FIRST + i);
	memset(challenge->cookie, cookie, COOKIE_BYTES);
	return gets(i, WATCH_TAG_OFFSET, CHALLENGE_BYTES, now_ns);
}

static struct notice_record record(uint32_t interaction, enum notice_state state)
{
	return (struct notice_record){
		.interaction_be = be32(interaction),
		.state = (uint8_t)state,
		.opens_at_us_be = be64(BEGIN / 1000),
		.leader_be = be16(state == NOTICE_REVEALED ? 1 : NOTICE_NO_LEADER),
	};
}

static bool gets_notice(uint32_t i, const struct notice *notice, uint64_t now_ns)
{
	const struct connection_id cid = {.rotation_length = 7, .tenant_be = be16(TENANT)};
	notice_fill(notice, &cid, 1, be32(FIRST + i), now_ns / 1000, answer);
	return gets(i, notice_covered(notice), notice_bytes(notice), now_ns);
}

/* Subscribed at BEGIN, with two windows that are scheduled. */
static void subscribe(uint32_t i)
{
	const struct notice notice = {
		.count = 2, .records = {record(1, NOTICE_SCHEDULED), record(2, NOTICE_SCHEDULED)}};
	cr_assert_eq(sends(i, BEGIN), WATCH_TYPE);
	cr_assert(gets_challenge(i, 0xC0, BEGIN));
	cr_assert_eq(sends(i, BEGIN), WATCH_TYPE);
	cr_assert_not(gets_notice(i, &notice, BEGIN));
}

static bool is_told(uint32_t i, uint32_t interaction, enum notice_state state, uint64_t now_ns)
{
	const struct notice notice = {.count = 1, .records = {record(interaction, state)}};
	return gets_notice(i, &notice, now_ns);
}

Test(audience, takes_its_cookie_and_renews_when_it_is_time)
{
	static const uint8_t cookie[COOKIE_BYTES] = {0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
						     0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
						     0xC0, 0xC0, 0xC0, 0xC0};
	subscribe(0);
	cr_expect_arr_eq(((struct watch_packet *)(void *)sent)->cookie, cookie, COOKIE_BYTES);
	cr_expect_eq(sends(0, BEGIN + 10000 * MS - 1), 0);
	cr_expect_eq(sends(0, BEGIN + 10000 * MS), WATCH_TYPE);
	cr_expect_arr_eq(((struct watch_packet *)(void *)sent)->cookie, cookie, COOKIE_BYTES);
	cr_expect_eq(audience.subscribed, 1);
	cr_expect_eq(audience.answers, 1);
	cr_expect_eq(audience.challenges, 1);
}

Test(audience, asks_again_when_nothing_comes_and_waits_longer_each_time)
{
	static const uint64_t at_ms[] = {0, 200, 600, 1400, 3000, 4600};
	for (size_t i = 0; i < sizeof(at_ms) / sizeof(at_ms[0]); i++) {
		if (at_ms[i])
			cr_expect_eq(sends(0, BEGIN + at_ms[i] * MS - 1), 0, "row %zu", i);
		cr_expect_eq(sends(0, BEGIN + at_ms[i] * MS), WATCH_TYPE, "row %zu", i);
	}
}

Test(audience, a_copy_that_was_late_is_answered_too_and_that_is_no_push)
{
	const struct notice all = {
		.count = 2, .records = {record(1, NOTICE_SCHEDULED), record(2, NOTICE_SCHEDULED)}};
	cr_assert_eq(sends(0, BEGIN), WATCH_TYPE);
	cr_assert_eq(sends(0, BEGIN + 200 * MS), WATCH_TYPE);
	for (int copy = 0; copy < 2; copy++) {
		cr_assert(gets_challenge(0, 0xC0, BEGIN + 300 * MS));
		cr_assert_eq(sends(0, BEGIN + 300 * MS), WATCH_TYPE);
	}
	for (int copy = 0; copy < 2; copy++)
		gets_notice(0, &all, BEGIN + 310 * MS);
	cr_expect_eq(audience.answers, 2);
	cr_expect_eq(audience.pushed, 0);
	gets_notice(0, &all, BEGIN + 320 * MS);
	cr_expect_eq(audience.pushed, 1);
}

Test(audience, books_what_is_pushed_and_not_what_is_answered)
{
	for (uint32_t i = 0; i < 3; i++)
		subscribe(i);
	for (uint64_t time = 0; time < 3; time++)
		for (uint32_t i = 0; i < 3; i++)
			is_told(i, 1, NOTICE_CLOSED, BEGIN + (time * 50 + i) * MS);
	const struct notice all = {
		.count = 2, .records = {record(1, NOTICE_CLOSED), record(2, NOTICE_SCHEDULED)}};
	cr_expect_eq(sends(0, BEGIN + 10000 * MS), WATCH_TYPE);
	/* A push while a WATCH is unanswered is still one. */
	is_told(0, 2, NOTICE_CANCELLED, BEGIN + 10000 * MS);
	gets_notice(0, &all, BEGIN + 10001 * MS);
	cr_assert_eq(audience.change_count, 2);
	const struct audience_change *change = &audience.changes[0];
	uint32_t least, most;
	audience_told(&audience, change, &least, &most);
	cr_expect_eq(least, 3);
	cr_expect_eq(most, 3);
	cr_expect_eq(change->viewers, 3);
	cr_expect_eq(change->notices, 9);
	cr_expect_eq(change->first_ns, BEGIN);
	cr_expect_eq(change->first_last_ns, BEGIN + 2 * MS);
	cr_expect_eq(change->last_ns, BEGIN + 102 * MS);
	audience_told(&audience, &audience.changes[1], &least, &most);
	cr_expect_eq(least, 0);
	cr_expect_eq(most, 1);
	cr_expect_eq(audience.answers, 4);
	cr_expect_eq(audience.pushed, 10);
}

static bool gets_receipt(uint32_t i, uint32_t interaction, enum receipt_status status)
{
	struct receipt_packet *receipt = (void *)answer;
	memset(answer, 0, sizeof(answer));
	receipt->type = RECEIPT_TYPE;
	receipt->cid.tenant_be = be16(TENANT);
	receipt->voter_be = be32(FIRST + i);
	receipt->interaction_be = be32(interaction);
	receipt->status = (uint8_t)status;
	return gets(i, VOTE_TAG_OFFSET, VOTE_BYTES, BEGIN);
}

Test(audience, votes_once_in_each_window_with_the_same_bytes_until_a_receipt_ends_it)
{
	struct audience_options options = watching;
	uint8_t first[VOTE_BYTES];
	audience_close(&audience);
	options.votes = true;
	options.choice = 4;
	open_audience(options);
	subscribe(0);
	cr_expect_eq(sends(0, BEGIN), 0);
	cr_expect(is_told(0, 2, NOTICE_OPEN, BEGIN + MS));
	cr_assert_eq(sends(0, BEGIN + MS), VOTE_TYPE);
	memcpy(first, sent, VOTE_BYTES);
	cr_expect_eq(be16(((struct vote_packet *)(void *)sent)->choice_be), 4);
	cr_expect_eq(be32(((struct vote_packet *)(void *)sent)->interaction_be), 2);
	is_told(0, 1, NOTICE_OPEN, BEGIN + 2 * MS);
	cr_expect_eq(sends(0, BEGIN + 2 * MS), 0, "one vote at a time");
	cr_assert_eq(sends(0, BEGIN + 201 * MS), VOTE_TYPE);
	cr_expect_arr_eq(sent, first, VOTE_BYTES,
			 "the window that came in between changes nothing");
	gets_receipt(0, 2, RECEIPT_BUSY);
	cr_expect_eq(audience.receipted, 0);
	cr_expect(gets_receipt(0, 2, RECEIPT_COUNTED), "the other window is waiting");
	cr_assert_eq(sends(0, BEGIN + 203 * MS), VOTE_TYPE);
	cr_expect_eq(be32(((struct vote_packet *)(void *)sent)->interaction_be), 1);
	cr_expect_not(gets_receipt(0, 2, RECEIPT_DUPLICATE), "a copy's receipt");
	cr_expect_not(gets_receipt(0, 1, RECEIPT_LATE));
	is_told(0, 2, NOTICE_OPEN, BEGIN + 300 * MS);
	cr_expect_eq(sends(0, BEGIN + 9000 * MS), 0, "it has voted");
	cr_expect_eq(audience.votes, 2);
	cr_expect_eq(audience.receipted, 2);
	cr_expect_eq(audience.receipts[RECEIPT_COUNTED], 1);
	cr_expect_eq(audience.receipts[RECEIPT_LATE], 1);
}

Test(audience, who_spoofs_never_sends_a_cookie)
{
	struct audience_options options = watching;
	static const uint8_t none[COOKIE_BYTES];
	audience_close(&audience);
	options.spoof = true;
	open_audience(options);
	for (uint64_t ms = 0; ms < 10000; ms += 100) {
		if (sends(0, BEGIN + ms * MS))
			cr_expect_arr_eq(((struct watch_packet *)(void *)sent)->cookie, none,
					 COOKIE_BYTES);
		cr_expect_not(gets_challenge(0, 0xC0, BEGIN + ms * MS));
	}
	cr_expect_gt(audience.watches, 5);
}

Test(audience, what_is_not_right_is_wrong_and_nothing_else)
{
	const struct notice notice = {.count = 1, .records = {record(1, NOTICE_OPEN)}};
	const struct connection_id cid = {.rotation_length = 7, .tenant_be = be16(TENANT)};
	uint8_t voter_key[AUTH_KEY_BYTES];
	uint32_t bytes = notice_bytes(&notice), wrong = 0;
	subscribe(0);
	notice_fill(&notice, &cid, 1, be32(FIRST), 1, answer);
	key_of(FIRST, voter_key);
	auth_tag(voter_key, answer, bytes - 8, answer + bytes - 8);
	for (uint32_t bit = 0; bit < bytes * 8; bit++) {
		answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
		audience_take(&audience, 0, answer, bytes, BEGIN);
		answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_eq(audience.wrong, ++wrong, "bit %u", bit);
	}
	for (uint32_t cut = 0; cut < bytes; cut++) {
		audience_take(&audience, 0, answer, cut, BEGIN);
		cr_expect_eq(audience.wrong, ++wrong, "%u bytes", cut);
	}
	audience_take(&audience, 1, answer, bytes, BEGIN);
	audience_take(&audience, AUDIENCE_NOBODY, answer, bytes, BEGIN);
	cr_expect_eq(audience.wrong, wrong + 2, "another viewer's");
	cr_expect_eq(audience.pushed, 0);
	audience_take(&audience, 0, answer, bytes, BEGIN);
	cr_expect_eq(audience.pushed, 1);
}

Test(audience, who_leads_before_the_reveal_is_told_too_soon)
{
	struct notice notice = {.count = 1, .records = {record(1, NOTICE_CLOSED)}};
	subscribe(0);
	gets_notice(0, &notice, BEGIN);
	is_told(0, 1, NOTICE_REVEALED, BEGIN);
	cr_expect_eq(audience.too_soon, 0);
	notice.records[0].leader_be = be16(1);
	gets_notice(0, &notice, BEGIN);
	cr_expect_eq(audience.too_soon, 1);
	notice.records[0].leader_be = be16(NOTICE_NO_LEADER);
	notice.records[0].share_be = be16(1);
	gets_notice(0, &notice, BEGIN);
	cr_expect_eq(audience.too_soon, 2);
}
