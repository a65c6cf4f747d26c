/* SPDX-License-Identifier: BSD-3-Clause */
/* The sender's books: which datagrams deserve a receipt, and which receipts are right. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/core/receipt.h"
#include "dataplane/core/vote.h"
#include "perf/frame_write.h"
#include "perf/receipts.h"

#define PORT_BE be16(4433)
#define FRAMES  16

/* A capture made by hand, and the table over it. */
struct fixture {
	struct auth_keys *keys;
	struct capture capture;
	struct receipts receipts;
	uint8_t voter_key[AUTH_KEY_BYTES];
	uint32_t revision; /* of the votes that are added */
};

static const struct auth_key tenant_key = {.tenant = 7, .epoch = 1, .key = {1, 2, 3}};

static void fixture_open(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->keys = auth_keys_build(calloc(1, auth_keys_bytes(1)), &tenant_key, 1);
	f->capture.frames = calloc(FRAMES, FRAME_MAX_BYTES);
	f->capture.records = calloc(FRAMES, sizeof(*f->capture.records));
}

static void fixture_close(struct fixture *f)
{
	receipts_free(&f->receipts);
	free(f->capture.frames);
	free(f->capture.records);
	free(f->keys);
}

/* Adds a vote of this voter; `damage` breaks its tag. */
static void add_vote(struct fixture *f, uint32_t voter, uint16_t port, uint16_t choice, bool ipv6,
		     uint8_t damage)
{
	const struct frame_target target = {.port = 4433};
	const struct vote vote = {.tenant = 7,
				  .key_epoch = 1,
				  .interaction = 101,
				  .voter = voter,
				  .choice = choice,
				  .revision = f->revision,
				  .program_time_us = 1};
	struct vote_packet packet;
	uint32_t number = f->capture.count++;
	struct capture_record *record = &f->capture.records[number];
	auth_voter_key(tenant_key.key, 7, 1, voter, f->voter_key);
	vote_write(&vote, f->voter_key, &packet);
	packet.tag[0] ^= damage;
	record->offset = (uint64_t)number * FRAME_MAX_BYTES;
	record->bytes = frame_write(&target, voter, port, ipv6, &packet,
				    capture_frame(&f->capture, number));
}

static void build(struct fixture *f, bool with_keys)
{
	struct err err;
	cr_assert_eq(receipts_build(&f->receipts, &f->capture, with_keys ? f->keys : NULL, PORT_BE,
				    &err),
		     0);
	for (uint32_t i = 0; i < f->receipts.count; i++)
		f->receipts.datagrams[i].sends = 1;
}

/* The frame of `record`, turned round into a receipt. The result is valid until the next call. */
static uint8_t *answer(struct fixture *f, uint32_t record, enum receipt_status status,
		       uint16_t choice, uint32_t *bytes)
{
	static uint8_t frame[FRAME_MAX_BYTES];
	struct frame at = {0};
	*bytes = f->capture.records[record].bytes;
	memcpy(frame, capture_frame(&f->capture, record), *bytes);
	cr_assert_eq(classify(frame, frame + *bytes, PORT_BE, &at), VERDICT_NONE);
	struct udp_header *udp = (void *)(frame + at.l4_offset);
	udp->destination_port_be = udp->source_port_be;
	udp->source_port_be = PORT_BE;
	if (at.ip_version == 4)
		memcpy(frame + at.l3_offset + offsetof(struct ipv4_header, destination),
		       frame + at.l3_offset + offsetof(struct ipv4_header, source), 4);
	else
		memcpy(frame + at.l3_offset + offsetof(struct ipv6_header, destination),
		       frame + at.l3_offset + offsetof(struct ipv6_header, source), 16);
	struct vote_packet *packet = (void *)(frame + at.payload_offset);
	auth_voter_key(tenant_key.key, 7, 1, be32(packet->voter_be), f->voter_key);
	receipt_fill(packet, status, choice, 2);
	auth_tag(f->voter_key, packet, VOTE_TAG_OFFSET, packet->tag);
	return frame;
}

static enum receipt_finding take(struct fixture *f, uint32_t record, enum receipt_status status,
				 uint16_t choice, uint32_t *datagram)
{
	uint32_t bytes;
	uint8_t *frame = answer(f, record, status, choice, &bytes);
	return receipts_take(&f->receipts, frame, frame + bytes, datagram);
}

Test(receipts, copies_are_one_datagram)
{
	struct fixture f;
	uint32_t datagram;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	add_vote(&f, 1, 1024, 2, false, 0);
	add_vote(&f, 2, 1024, 2, true, 0);
	build(&f, true);
	cr_expect_eq(f.receipts.votes, 3);
	cr_expect_eq(f.receipts.count, 2);
	cr_expect_eq(f.receipts.awaited, 2);
	cr_expect_eq(f.capture.records[0].datagram, f.capture.records[1].datagram);
	cr_expect_eq(take(&f, 0, RECEIPT_COUNTED, 2, &datagram), RECEIPT_FINDING_FIRST);
	cr_expect_eq(take(&f, 1, RECEIPT_DUPLICATE, 2, &datagram), RECEIPT_FINDING_AGAIN);
	cr_expect_eq(take(&f, 2, RECEIPT_COUNTED, 2, &datagram), RECEIPT_FINDING_FIRST, "IPv6");
	cr_expect_eq(f.receipts.answered, 2);
	cr_expect_eq(f.receipts.verified, 3);
	fixture_close(&f);
}

Test(receipts, forged_votes_deserve_none_when_keys_can_tell)
{
	struct fixture f;
	uint32_t datagram;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0x80);
	add_vote(&f, 1, 1025, 2, false, 0);
	build(&f, true);
	cr_expect_eq(f.receipts.awaited, 1);
	cr_expect_not(receipts_blocked(&f.receipts, 1), "a forged vote holds nobody back");
	cr_expect_eq(take(&f, 0, RECEIPT_COUNTED, 2, &datagram), RECEIPT_FINDING_INVALID);
	cr_expect_eq(f.receipts.invalid, 1);
	receipts_free(&f.receipts);
	build(&f, false);
	cr_expect_eq(f.receipts.awaited, 2, "without keys all are presumed good");
	fixture_close(&f);
}

Test(receipts, a_changed_answer_waits_for_the_earlier_one)
{
	struct fixture f;
	uint32_t datagram;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	add_vote(&f, 2, 1024, 2, false, 0);
	add_vote(&f, 1, 1025, 3, false, 0);
	build(&f, true);
	cr_expect_not(receipts_blocked(&f.receipts, 0));
	cr_expect_not(receipts_blocked(&f.receipts, 1), "another voter");
	cr_expect(receipts_blocked(&f.receipts, 2));
	cr_expect_eq(take(&f, 0, RECEIPT_BUSY, CHOICE_NONE, &datagram), RECEIPT_FINDING_BUSY);
	cr_expect(receipts_blocked(&f.receipts, 2), "busy recorded nothing");
	cr_expect_eq(take(&f, 0, RECEIPT_COUNTED, 2, &datagram), RECEIPT_FINDING_FIRST);
	cr_expect_not(receipts_blocked(&f.receipts, 2));
	fixture_close(&f);
}

Test(receipts, the_port_tells_which_answer_was_received)
{
	struct fixture f;
	uint32_t datagram;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	add_vote(&f, 1, 1025, 3, false, 0);
	build(&f, true);
	take(&f, 1, RECEIPT_DUPLICATE, 2, &datagram);
	cr_expect_eq(datagram, 1);
	take(&f, 0, RECEIPT_COUNTED, 2, &datagram);
	cr_expect_eq(datagram, 0);
	fixture_close(&f);
}

Test(receipts, wrong_receipts_are_invalid)
{
	struct fixture f;
	uint32_t datagram, bytes;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	build(&f, true);
	struct {
		const char *what;
		uint32_t from_end; /* the byte that is flipped */
	} rows[] = {
		{"tag", 1},     {"status", 12}, {"voter", 24},  {"interaction", 28},
		{"choice", 30}, {"epoch", 31},  {"tenant", 36}, {"type", 40},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *frame = answer(&f, 0, RECEIPT_COUNTED, 2, &bytes);
		frame[bytes - rows[i].from_end] ^= 1;
		cr_expect_eq(receipts_take(&f.receipts, frame, frame + bytes, &datagram),
			     RECEIPT_FINDING_INVALID, "%s", rows[i].what);
	}
	cr_expect_eq(take(&f, 0, RECEIPT_COUNTED, 3, &datagram), RECEIPT_FINDING_INVALID,
		     "counted, but not our choice");
	cr_expect_eq(take(&f, 0, RECEIPT_DUPLICATE, CHOICE_NONE, &datagram),
		     RECEIPT_FINDING_INVALID, "a duplicate of nothing");
	cr_expect_eq(f.receipts.answered, 0);
	fixture_close(&f);
}

/* Question 101 is of this kind. The table is the caller's to free. */
static struct window_table *ask(struct question rules, enum kind_identity identity)
{
	const struct window window = {
		.interaction = 101, .tenant = 7, .question = rules, .identity = (uint8_t)identity};
	void *memory = aligned_alloc(64, (window_table_bytes(1) + 63) / 64 * 64);
	return window_table_build(memory, &window, 1);
}

static const struct question poll = {.kind = KIND_POLL, .options = 4};
static const struct question multi = {.kind = KIND_MULTI, .options = 4, .max_choices = 2};
static const struct question scale = {.kind = KIND_SCALE, .first = 2, .options = 4};
static const struct question upvote = {.kind = KIND_UPVOTE, .options = 9};

/* Voter 1 has sent choices 2, then 3 with a higher revision; what is said to the second of them? */
Test(receipts, a_receipt_must_be_one_that_the_kind_of_question_gives)
{
	static const struct {
		const char *what;
		const struct question *rules;
		enum kind_identity identity;
		enum receipt_status status;
		uint16_t choice;
		bool right;
	} rows[] = {
		{"the first answer stands", &poll, ONE_PER_VOTER, RECEIPT_DUPLICATE, 2, true},
		{"this one, came twice", &poll, ONE_PER_VOTER, RECEIPT_DUPLICATE, 3, true},
		{"nobody sent this", &poll, ONE_PER_VOTER, RECEIPT_DUPLICATE, 1, false},
		{"no revote", &poll, ONE_PER_VOTER, RECEIPT_CHANGED, 3, false},
		{"revote", &poll, ONE_PER_VOTER_CHANGING, RECEIPT_CHANGED, 3, true},
		{"revote, another's", &poll, ONE_PER_VOTER_CHANGING, RECEIPT_CHANGED, 2, false},
		{"a valid choice", &poll, ONE_PER_VOTER, RECEIPT_BAD_CHOICE, CHOICE_NONE, false},
		{"two of two", &multi, ONE_PER_VOTER, RECEIPT_COUNTED, 3, true},
		{"another mask", &multi, ONE_PER_VOTER, RECEIPT_DUPLICATE, 12, false},
		{"a value", &scale, ONE_PER_VOTER, RECEIPT_COUNTED, 3, true},
		{"late, the first stands", &scale, ONE_PER_VOTER, RECEIPT_LATE, 2, true},
		{"late, none stands", &scale, ONE_PER_VOTER, RECEIPT_LATE, CHOICE_NONE, true},
		{"late, nobody's stands", &scale, ONE_PER_VOTER, RECEIPT_LATE, 5, false},
		{"busy says nothing", &poll, ONE_PER_VOTER, RECEIPT_BUSY, 2, false},
		{"its own item", &upvote, ONE_PER_VOTER_ITEM, RECEIPT_DUPLICATE, 3, true},
		{"another item", &upvote, ONE_PER_VOTER_ITEM, RECEIPT_DUPLICATE, 2, false},
		{"early, no item", &upvote, ONE_PER_VOTER_ITEM, RECEIPT_EARLY, CHOICE_NONE, true},
		{"not armed", &poll, ONE_PER_VOTER, RECEIPT_UNKNOWN, CHOICE_NONE, true},
		{"cancelled", &poll, ONE_PER_VOTER, RECEIPT_CANCELLED, 2, true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		uint32_t datagram;
		struct window_table *asked = ask(*rows[i].rules, rows[i].identity);
		fixture_open(&f);
		add_vote(&f, 1, 1024, 2, false, 0);
		f.revision = 1;
		add_vote(&f, 1, 1025, 3, false, 0);
		build(&f, true);
		f.receipts.windows = asked;
		bool right = take(&f, 1, rows[i].status, rows[i].choice, &datagram) !=
			     RECEIPT_FINDING_INVALID;
		cr_expect_eq(right, rows[i].right, "%s", rows[i].what);
		fixture_close(&f);
		free(asked);
	}
}

Test(receipts, a_later_answer_may_stand_when_an_earlier_one_is_resent)
{
	struct fixture f;
	uint32_t datagram;
	struct window_table *asked = ask(poll, ONE_PER_VOTER_CHANGING);
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	f.revision = 1;
	add_vote(&f, 1, 1025, 3, false, 0);
	add_vote(&f, 2, 1024, 1, false, 0);
	build(&f, true);
	f.receipts.windows = asked;
	cr_expect_eq(take(&f, 0, RECEIPT_DUPLICATE, 3, &datagram), RECEIPT_FINDING_FIRST);
	cr_expect_eq(take(&f, 0, RECEIPT_DUPLICATE, 1, &datagram), RECEIPT_FINDING_INVALID,
		     "another voter's");
	f.receipts.datagrams[1].sends = 0;
	cr_expect_eq(take(&f, 0, RECEIPT_DUPLICATE, 3, &datagram), RECEIPT_FINDING_INVALID,
		     "not sent yet");
	fixture_close(&f);
	free(asked);
}

Test(receipts, bad_choices_and_unknown_questions_are_told_by_the_rundown)
{
	struct fixture f;
	uint32_t datagram;
	struct window_table *asked = ask(scale, ONE_PER_VOTER);
	fixture_open(&f);
	add_vote(&f, 1, 1024, 1, false, 0);
	build(&f, true);
	f.receipts.windows = asked;
	cr_expect_eq(take(&f, 0, RECEIPT_COUNTED, 1, &datagram), RECEIPT_FINDING_INVALID);
	cr_expect_eq(take(&f, 0, RECEIPT_BAD_CHOICE, CHOICE_NONE, &datagram),
		     RECEIPT_FINDING_FIRST);
	free(asked);
	asked = ask(scale, ONE_PER_VOTER);
	asked->count = 0;
	memset(asked->slots, 0, window_table_bytes(1) - sizeof(*asked));
	f.receipts.windows = asked;
	cr_expect_eq(take(&f, 0, RECEIPT_LATE, CHOICE_NONE, &datagram), RECEIPT_FINDING_INVALID,
		     "no such question");
	cr_expect_eq(take(&f, 0, RECEIPT_UNKNOWN, CHOICE_NONE, &datagram), RECEIPT_FINDING_AGAIN);
	fixture_close(&f);
	free(asked);
}

Test(receipts, what_is_no_receipt_is_left_alone)
{
	struct fixture f;
	uint32_t datagram, bytes;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	build(&f, true);
	uint8_t *frame = answer(&f, 0, RECEIPT_COUNTED, 2, &bytes);
	for (uint32_t cut = 0; cut < bytes; cut++)
		cr_assert_eq(receipts_take(&f.receipts, frame, frame + cut, &datagram),
			     RECEIPT_FINDING_FOREIGN, "cut to %u bytes", cut);
	cr_expect_eq(f.receipts.invalid, 0);
	fixture_close(&f);
}

Test(receipts, a_receipt_to_what_was_never_sent_is_invalid)
{
	struct fixture f;
	uint32_t datagram;
	fixture_open(&f);
	add_vote(&f, 1, 1024, 2, false, 0);
	build(&f, true);
	f.receipts.datagrams[0].sends = 0;
	cr_expect_eq(take(&f, 0, RECEIPT_COUNTED, 2, &datagram), RECEIPT_FINDING_INVALID);
	fixture_close(&f);
}
