// SPDX-License-Identifier: BSD-3-Clause
/* Answers of the viewer's library, from the first send to the receipt that ends them. */
#include <criterion/criterion.h>
#include "dataplane/core/vote.h"
#include "tests/lib/viewer.h"

#define START    (1000 * VIEWER_SECOND)
#define END      (START + 25 * VIEWER_SECOND)
#define FRAME    UINT64_C(1795392000000000) /* program time of the test vector */
#define ARRIVAL  (FRAME + 300000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct tw_client client;
static struct tw_event event;
static uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES];

static void begin(uint64_t seed)
{
	const struct tw_credential credential = viewer_credential();
	tw_client_init(&client, &credential, seed);
}

static struct tw_vote poll_vote(uint16_t choice, uint32_t revision)
{
	return (struct tw_vote){.program_time_us = FRAME,
				.end_us = END,
				.interaction = 101,
				.revision = revision,
				.choice = choice,
				.kind = TW_KIND_POLL};
}

/* Takes it, and sends it for the first time: `datagram` holds it. */
static void vote_and_send(const struct tw_vote *vote)
{
	cr_assert_eq(tw_client_vote(&client, vote, START), TW_OK);
	cr_assert_eq(tw_client_send(&client, START, datagram, &event), 40);
}

static enum tw_error answer(const uint8_t *vote, enum tw_status status, uint16_t stands,
			    uint64_t now_us)
{
	uint8_t receipt[40];
	viewer_receipt(vote, status, stands, ARRIVAL, receipt);
	return tw_client_receive(&client, receipt, 40, now_us, &event);
}

Test(client_answer, a_vote_is_the_test_vector_byte_for_byte)
{
	const struct tw_vote vote = poll_vote(2, 0);
	uint8_t expected[40];
	begin(1);
	from_hex(vector_vote, expected);
	vote_and_send(&vote);
	cr_expect_arr_eq(datagram, expected, 40);
}

Test(client_answer, votes_of_all_kinds_are_those_that_core_writes)
{
	static const struct {
		enum tw_kind kind;
		uint16_t choice;
		uint32_t revision;
	} rows[] = {
		{TW_KIND_POLL, 0, 0xFFFFFF}, {TW_KIND_POLL, 0xFFFE, 0}, {TW_KIND_MULTI, 0xFFFF, 1},
		{TW_KIND_MULTI, 1, 0},       {TW_KIND_QUIZ, 3, 0},      {TW_KIND_SCALE, 1023, 7},
	};
	uint8_t key[16];
	from_hex(vector_voter_key, key);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct vote expected = {.program_time_us = FRAME + i,
					      .interaction = UINT32_MAX - (uint32_t)i,
					      .voter = 42,
					      .revision = rows[i].revision,
					      .tenant = 7,
					      .server = 1,
					      .choice = rows[i].choice,
					      .key_epoch = 1};
		const struct tw_vote vote = {.program_time_us = expected.program_time_us,
					     .end_us = END,
					     .interaction = expected.interaction,
					     .revision = rows[i].revision,
					     .choice = rows[i].choice,
					     .kind = rows[i].kind};
		struct vote_packet packet;
		vote_write(&expected, key, &packet);
		begin(i);
		vote_and_send(&vote);
		cr_expect_arr_eq(datagram, &packet, 40, "row %zu", i);
	}
}

Test(client_answer, what_is_no_answer_is_refused)
{
	static const struct {
		int kind;
		uint16_t choice;
		uint32_t revision;
		uint64_t end_us;
		enum tw_error error;
	} rows[] = {
		{0, 1, 0, END, TW_ERROR_KIND},
		{7, 1, 0, END, TW_ERROR_KIND},
		{-1, 1, 0, END, TW_ERROR_KIND},
		{TW_KIND_MULTI, 0, 0, END, TW_ERROR_CHOICE},
		{TW_KIND_POLL, 0xFFFF, 0, END, TW_ERROR_CHOICE},
		{TW_KIND_UPVOTE, 0xFFFF, 0, END, TW_ERROR_CHOICE},
		{TW_KIND_POLL, 1, 0x1000000, END, TW_ERROR_REVISION},
		{TW_KIND_QUIZ, 1, 1, END, TW_ERROR_REVISION},
		{TW_KIND_UPVOTE, 1, 1, END, TW_ERROR_REVISION},
		{TW_KIND_REACTION, 1, 1, END, TW_ERROR_REVISION},
		{TW_KIND_POLL, 1, 0, START, TW_ERROR_ENDED},
	};
	begin(1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct tw_vote vote = {.end_us = rows[i].end_us,
					     .revision = rows[i].revision,
					     .choice = rows[i].choice,
					     .kind = (enum tw_kind)rows[i].kind};
		cr_expect_eq(tw_client_vote(&client, &vote, START), rows[i].error, "row %zu", i);
	}
	cr_expect_eq(tw_client_next_us(&client), TW_CLIENT_NEVER);
	cr_expect_eq(tw_client_send(&client, END, datagram, &event), 0);
	cr_expect_eq(event.kind, TW_EVENT_NONE);
}

/* Every pause lies within a quarter of what it is to be, also over many seeds, and not always at
 * the same place; and it is the same bytes each time. */
Test(client_answer, pauses_grow_with_jitter_and_the_bytes_stay_the_same)
{
	static const uint64_t pauses_us[] = {200000,  400000,  800000,  1600000,
					     2000000, 2000000, 2000000, 2000000};
	uint64_t least_us[COUNT(pauses_us)], most_us[COUNT(pauses_us)] = {0};
	const struct tw_vote vote = poll_vote(2, 0);
	uint8_t first[40];
	memset(least_us, 0xFF, sizeof(least_us));
	for (uint64_t seed = 0; seed < 300; seed++) {
		uint64_t now_us = START;
		begin(seed);
		vote_and_send(&vote);
		memcpy(first, datagram, 40);
		for (size_t i = 0; i < COUNT(pauses_us); i++) {
			uint64_t next_us = tw_client_next_us(&client), pause_us = next_us - now_us;
			cr_assert_geq(pause_us, pauses_us[i] * 3 / 4, "pause %zu", i);
			cr_assert_leq(pause_us, pauses_us[i] * 5 / 4, "pause %zu", i);
			least_us[i] = pause_us < least_us[i] ? pause_us : least_us[i];
			most_us[i] = pause_us > most_us[i] ? pause_us : most_us[i];
			cr_assert_eq(tw_client_send(&client, next_us - 1, datagram, &event), 0);
			cr_assert_eq(tw_client_send(&client, next_us, datagram, &event), 40);
			cr_assert_arr_eq(datagram, first, 40);
			now_us = next_us;
		}
	}
	for (size_t i = 0; i < COUNT(pauses_us); i++) {
		cr_expect_lt(least_us[i], pauses_us[i] * 80 / 100, "pause %zu", i);
		cr_expect_gt(most_us[i], pauses_us[i] * 120 / 100, "pause %zu", i);
	}
}

Test(client_answer, without_a_receipt_it_ends_at_its_end)
{
	const struct tw_vote vote = poll_vote(2, 0);
	uint64_t now_us = START;
	int sends = 0;
	begin(5);
	cr_assert_eq(tw_client_vote(&client, &vote, START), TW_OK);
	for (int turns = 0;; turns++) {
		cr_assert_lt(turns, 100, "it does not end");
		size_t bytes = tw_client_send(&client, now_us, datagram, &event);
		sends += bytes == 40;
		if (event.kind != TW_EVENT_NONE)
			break;
		if (!bytes)
			now_us = tw_client_next_us(&client);
		cr_assert_leq(now_us, END);
	}
	cr_expect_eq(now_us, END);
	cr_expect_eq(event.kind, TW_EVENT_GAVE_UP);
	cr_expect_eq(event.receipt.status, TW_STATUS_NONE);
	cr_expect_eq(event.receipt.interaction, 101);
	cr_expect_eq(event.receipt.choice, 2);
	cr_expect_eq(event.receipt.stands, TW_CHOICE_NONE);
	cr_expect_eq(event.receipt.sends, sends);
	cr_expect_geq(sends, 12);
	cr_expect_eq(tw_client_next_us(&client), TW_CLIENT_NEVER);
	cr_expect_eq(answer(datagram, TW_STATUS_COUNTED, 2, END), TW_ERROR_FOREIGN);
}

Test(client_answer, each_status_ends_it_or_does_not)
{
	static const struct {
		enum tw_status status;
		uint16_t stands;
		bool final;
		uint64_t least_us, most_us; /* until it is sent again */
	} rows[] = {
		{TW_STATUS_COUNTED, 2, true, 0, 0},
		{TW_STATUS_CHANGED, 2, true, 0, 0},
		{TW_STATUS_DUPLICATE, 1, true, 0, 0},
		{TW_STATUS_EARLY, 0xFFFF, true, 0, 0},
		{TW_STATUS_LATE, 0xFFFF, true, 0, 0},
		{TW_STATUS_UNKNOWN, 0xFFFF, false, 750000, 1250000},
		{TW_STATUS_BAD_CHOICE, 0xFFFF, true, 0, 0},
		{TW_STATUS_CANCELLED, 1, true, 0, 0},
		{TW_STATUS_BUSY, 0xFFFF, false, 750000, 1250000},
	};
	const struct tw_vote vote = poll_vote(2, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(i);
		vote_and_send(&vote);
		cr_assert_eq(answer(datagram, rows[i].status, rows[i].stands, START + 1000), TW_OK);
		cr_expect_eq(event.kind, TW_EVENT_RECEIPT);
		cr_expect_eq(event.receipt.status, rows[i].status);
		cr_expect_eq(event.receipt.stands, rows[i].stands);
		cr_expect_eq(event.receipt.arrival_us, ARRIVAL);
		cr_expect_eq(event.receipt.final, rows[i].final, "row %zu", i);
		uint64_t next_us = tw_client_next_us(&client);
		if (rows[i].final) {
			cr_expect_eq(next_us, TW_CLIENT_NEVER);
			/* A copy of it answers nothing that is under way. */
			cr_expect_eq(answer(datagram, rows[i].status, rows[i].stands, START + 2000),
				     TW_ERROR_FOREIGN);
			cr_expect_eq(event.kind, TW_EVENT_NONE);
			continue;
		}
		cr_expect_geq(next_us - START - 1000, rows[i].least_us, "row %zu", i);
		cr_expect_leq(next_us - START - 1000, rows[i].most_us, "row %zu", i);
		/* Nor does a copy of this one put it off again. */
		cr_expect_eq(answer(datagram, rows[i].status, rows[i].stands, START + 9000), TW_OK);
		cr_expect_eq(event.kind, TW_EVENT_NONE);
		cr_expect_eq(tw_client_next_us(&client), next_us);
	}
}

Test(client_answer, busy_pauses_grow_to_four_seconds)
{
	static const uint64_t pauses_us[] = {1000000, 2000000, 4000000, 4000000};
	const struct tw_vote vote = poll_vote(2, 0);
	uint64_t now_us = START;
	begin(3);
	vote_and_send(&vote);
	for (size_t i = 0; i < COUNT(pauses_us); i++) {
		cr_assert_eq(answer(datagram, TW_STATUS_BUSY, 0xFFFF, now_us), TW_OK);
		uint64_t next_us = tw_client_next_us(&client);
		cr_expect_geq(next_us - now_us, pauses_us[i] * 3 / 4, "pause %zu", i);
		cr_expect_leq(next_us - now_us, pauses_us[i] * 5 / 4, "pause %zu", i);
		now_us = next_us;
		cr_assert_eq(tw_client_send(&client, now_us, datagram, &event), 40);
	}
	cr_expect_eq(answer(datagram, TW_STATUS_COUNTED, 2, now_us), TW_OK);
	cr_expect(event.receipt.final);
}

Test(client_answer, early_by_the_clock_is_sent_again_when_it_is_due)
{
	struct tw_vote vote = poll_vote(2, 0);
	begin(1);
	/* Three seconds ahead of the appliance's clock, of which 250 ms are admitted. */
	vote.program_time_us = ARRIVAL + 3 * VIEWER_SECOND;
	vote_and_send(&vote);
	cr_assert_eq(answer(datagram, TW_STATUS_EARLY, 0xFFFF, START), TW_OK);
	cr_expect_eq(event.kind, TW_EVENT_RECEIPT);
	cr_expect_not(event.receipt.final);
	uint64_t next_us = tw_client_next_us(&client);
	cr_expect_geq(next_us, START + 2750000);
	cr_expect_leq(next_us, START + 2850000);
	cr_assert_eq(tw_client_send(&client, next_us, datagram, &event), 40);
	cr_expect_eq(answer(datagram, TW_STATUS_COUNTED, 2, next_us), TW_OK);
	cr_expect(event.receipt.final);
	/* So far ahead that it would only be due after the end: then that is the next thing. */
	begin(1);
	vote.program_time_us = UINT64_MAX;
	vote_and_send(&vote);
	cr_assert_eq(answer(datagram, TW_STATUS_EARLY, 0xFFFF, START), TW_OK);
	cr_expect_eq(tw_client_next_us(&client), END);
	cr_expect_eq(tw_client_send(&client, END, datagram, &event), 0);
	cr_expect_eq(event.kind, TW_EVENT_GAVE_UP);
	cr_expect_eq(event.receipt.status, TW_STATUS_EARLY);
}

Test(client_answer, receipts_of_others_and_of_other_votes_are_foreign)
{
	static const struct {
		const char *what;
		int at;
		uint8_t change;
	} rows[] = {
		{"server", 2, 1},    {"tenant", 4, 1},       {"lane", 7, 1},
		{"epoch", 9, 1},     {"interaction", 15, 1}, {"voter", 19, 1},
		{"revision", 31, 1}, {"status 9", 28, 9},    {"choice", 11, 1},
	};
	const struct tw_vote vote = poll_vote(2, 0);
	uint8_t receipt[40];
	begin(1);
	vote_and_send(&vote);
	for (size_t i = 0; i < COUNT(rows); i++) {
		viewer_receipt(datagram, TW_STATUS_COUNTED, 2, ARRIVAL, receipt);
		receipt[rows[i].at] ^= rows[i].change;
		viewer_sign(receipt, 32);
		cr_expect_eq(tw_client_receive(&client, receipt, 40, START, &event),
			     TW_ERROR_FOREIGN, "%s", rows[i].what);
		cr_expect_eq(event.kind, TW_EVENT_NONE);
	}
	/* Nor can a receipt to what was not sent yet. */
	const struct tw_vote unsent = poll_vote(3, 1);
	cr_assert_eq(tw_client_vote(&client, &unsent, START), TW_OK);
	datagram[31] = 1;
	cr_expect_eq(answer(datagram, TW_STATUS_COUNTED, 3, START), TW_ERROR_FOREIGN);
}

Test(client_answer, every_length_and_every_flipped_bit_of_a_receipt_is_refused)
{
	const struct tw_vote vote = poll_vote(2, 0);
	uint8_t receipt[TW_CLIENT_DATAGRAM_BYTES + 8] = {0};
	begin(1);
	vote_and_send(&vote);
	viewer_receipt(datagram, TW_STATUS_COUNTED, 2, ARRIVAL, receipt);
	for (size_t length = 0; length <= sizeof(receipt); length++)
		if (length != 40)
			cr_expect_eq(tw_client_receive(&client, receipt, length, START, &event),
				     TW_ERROR_DATAGRAM, "%zu bytes", length);
	for (int bit = 0; bit < 40 * 8; bit++) {
		receipt[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_neq(tw_client_receive(&client, receipt, 40, START, &event), TW_OK,
			      "bit %d", bit);
		cr_expect_eq(event.kind, TW_EVENT_NONE);
		receipt[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_expect_eq(tw_client_receive(&client, receipt, 40, START, &event), TW_OK);
	cr_expect_eq(event.receipt.status, TW_STATUS_COUNTED);
}

Test(client_answer, a_forged_receipt_is_told_from_a_foreign_one)
{
	const struct tw_vote vote = poll_vote(2, 0);
	uint8_t receipt[40];
	begin(1);
	vote_and_send(&vote);
	viewer_receipt(datagram, TW_STATUS_COUNTED, 2, ARRIVAL, receipt);
	receipt[39] ^= 1;
	cr_expect_eq(tw_client_receive(&client, receipt, 40, START, &event), TW_ERROR_TAG);
	/* Its own vote comes back. */
	cr_expect_eq(tw_client_receive(&client, datagram, 40, START, &event), TW_ERROR_DATAGRAM);
}

Test(client_answer, a_higher_revision_takes_the_place_of_an_answer_under_way)
{
	const struct tw_vote first = poll_vote(1, 0), second = poll_vote(2, 1);
	uint8_t early[40];
	begin(1);
	vote_and_send(&first);
	memcpy(early, datagram, 40);
	cr_expect_eq(tw_client_vote(&client, &first, START), TW_ERROR_REVISION, "the same again");
	vote_and_send(&second);
	cr_expect_eq(datagram[31], 1);
	cr_expect_eq(tw_client_vote(&client, &first, START), TW_ERROR_REVISION, "a lower one");
	cr_expect_eq(answer(early, TW_STATUS_COUNTED, 1, START), TW_ERROR_FOREIGN);
	cr_expect_eq(answer(datagram, TW_STATUS_CHANGED, 2, START), TW_OK);
	cr_expect_eq(event.receipt.revision, 1);
	cr_expect_eq(tw_client_next_us(&client), TW_CLIENT_NEVER);
}

/* Whatever order the receipts come in, each finds its own vote. */
Test(client_answer, upvotes_and_reactions_are_told_apart_by_revisions_of_the_library)
{
	uint8_t votes[TW_CLIENT_ANSWERS][40];
	begin(UINT64_C(0xFFFFFF) << 32);
	for (uint16_t i = 0; i < TW_CLIENT_ANSWERS; i++) {
		struct tw_vote vote = poll_vote(i, 0);
		vote.kind = i % 2 ? TW_KIND_UPVOTE : TW_KIND_REACTION;
		vote_and_send(&vote);
		memcpy(votes[i], datagram, 40);
	}
	const struct tw_vote more = poll_vote(1, 0);
	cr_expect_eq(tw_client_vote(&client, &more, START), TW_ERROR_FULL);
	for (int i = TW_CLIENT_ANSWERS - 1; i >= 0; i--) {
		/* `late` says nothing of the item. */
		cr_assert_eq(answer(votes[i], TW_STATUS_LATE, 0xFFFF, START), TW_OK, "vote %d", i);
		cr_expect_eq(event.receipt.choice, i);
	}
	cr_expect_eq(tw_client_vote(&client, &more, START), TW_OK);
}

/* 0xFFFF is also a choice: all sixteen options of a multi. */
Test(client_answer, a_mask_of_all_options_can_stand)
{
	struct tw_vote vote = poll_vote(0xFFFF, 0);
	begin(1);
	vote.kind = TW_KIND_MULTI;
	vote_and_send(&vote);
	cr_expect_eq(answer(datagram, TW_STATUS_COUNTED, 0xFFFF, START), TW_OK);
	cr_expect(event.receipt.final);
	vote.choice = 1;
	vote_and_send(&vote);
	cr_expect_eq(answer(datagram, TW_STATUS_DUPLICATE, 0xFFFF, START), TW_OK);
	cr_expect_eq(event.receipt.stands, 0xFFFF);
}

Test(client_answer, a_clock_that_steps_back_stands_still)
{
	const struct tw_vote vote = poll_vote(2, 0);
	begin(1);
	vote_and_send(&vote);
	uint64_t next_us = tw_client_next_us(&client);
	cr_expect_eq(tw_client_send(&client, 0, datagram, &event), 0);
	cr_expect_eq(tw_client_next_us(&client), next_us);
	cr_expect_eq(tw_client_send(&client, next_us, datagram, &event), 40);
}
