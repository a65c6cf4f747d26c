/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sending loop against a link that lives in this file: it loses frames both ways, is busy now
 * and then, and has an appliance of ten lines behind it. What a real interface does is shown in
 * tests/netns.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/core/receipt.h"
#include "dataplane/core/vote.h"
#include "perf/frame_write.h"
#include "perf/sender.h"

#define VOTERS  200
#define CHANGED 50 /* voters below this send another answer at once after the first */
#define QUEUE   4096
#define PORT_BE be16(4433)

/* The link and what lies behind it. */
struct appliance {
	uint32_t lose_percent;
	uint32_t busy_percent;
	uint32_t stop_after; /* frames, then the sender is told to stop; 0: never */
	uint64_t random;
	uint16_t standing[VOTERS]; /* choice + 1, 0: none */
	uint32_t frames;
	uint8_t queue[QUEUE][FRAME_MAX_BYTES];
	uint32_t queue_bytes[QUEUE];
	uint32_t queued;
	uint32_t fetched;
};

static struct appliance appliance;
static volatile sig_atomic_t stop;
static const struct auth_key tenant_key = {.tenant = 7, .epoch = 1, .key = {5, 5, 5}};

static bool chance(struct appliance *a, uint32_t percent)
{
	a->random = a->random * 6364136223846793005u + 1442695040888963407u;
	return (a->random >> 33) % 100 < percent;
}

static void judge_frame(struct appliance *a, const struct link_frame *in)
{
	struct vote_packet packet;
	struct vote vote;
	struct frame at;
	uint8_t key[AUTH_KEY_BYTES], *out = a->queue[a->queued];
	stop = ++a->frames == a->stop_after || stop;
	if (classify(in->data, in->data + in->bytes, PORT_BE, &at) != VERDICT_NONE)
		return;
	memcpy(&packet, in->data + at.payload_offset, sizeof(packet));
	vote_read(&packet, &vote);
	auth_voter_key(tenant_key.key, 7, 1, vote.voter, key);
	if (!auth_tag_matches(key, &packet, VOTE_TAG_OFFSET, packet.tag) ||
	    chance(a, a->lose_percent))
		return;
	enum receipt_status status = RECEIPT_BUSY;
	uint16_t *standing = &a->standing[vote.voter];
	if (!chance(a, a->busy_percent)) {
		status = *standing ? RECEIPT_DUPLICATE : RECEIPT_COUNTED;
		*standing = *standing ? *standing : (uint16_t)(vote.choice + 1);
	}
	if (chance(a, a->lose_percent))
		return;
	cr_assert_lt(a->queued, QUEUE);
	memcpy(out, in->data, in->bytes);
	struct ipv4_header *ip = (void *)(out + at.l3_offset);
	struct udp_header *udp = (void *)(out + at.l4_offset);
	memcpy(ip->destination, ip->source, sizeof(ip->destination));
	udp->destination_port_be = udp->source_port_be;
	udp->source_port_be = PORT_BE;
	struct vote_packet *answer = (void *)(out + at.payload_offset);
	receipt_fill(answer, status, (uint16_t)(*standing - 1), 1);
	auth_tag(key, answer, VOTE_TAG_OFFSET, answer->tag);
	a->queue_bytes[a->queued++] = in->bytes;
}

static int fake_send(void *state, const struct link_frame *frames, uint32_t count)
{
	/* A link may take fewer than it is given. */
	uint32_t taken = count > 7 ? 7 : count;
	for (uint32_t i = 0; i < taken; i++)
		judge_frame(state, &frames[i]);
	return (int)taken;
}

static uint32_t fake_recv(void *state, struct link_frame *frames, uint32_t max)
{
	struct appliance *a = state;
	uint32_t count = 0;
	for (; count < max && a->fetched < a->queued; count++, a->fetched++)
		frames[count] = (struct link_frame){.data = a->queue[a->fetched],
						    .bytes = a->queue_bytes[a->fetched],
						    .arrival_ns = sender_now_ns()};
	return count;
}

static void fake_recv_finish(void *state)
{
	(void)state;
}

static uint64_t fake_missed(void *state)
{
	(void)state;
	return 0;
}

static const struct link_ops fake_ops = {
	.name = "fake",
	.send = fake_send,
	.recv = fake_recv,
	.recv_finish = fake_recv_finish,
	.missed = fake_missed,
};

static void add_vote(struct capture *capture, uint32_t voter, uint16_t port, uint16_t choice,
		     uint8_t damage)
{
	const struct frame_target target = {.port = 4433};
	const struct vote vote = {
		.tenant = 7, .key_epoch = 1, .interaction = 101, .voter = voter, .choice = choice};
	struct vote_packet packet;
	uint8_t key[AUTH_KEY_BYTES];
	struct capture_record *record = &capture->records[capture->count];
	auth_voter_key(tenant_key.key, 7, 1, voter, key);
	vote_write(&vote, key, &packet);
	packet.tag[0] ^= damage;
	record->offset = (uint64_t)capture->count * FRAME_MAX_BYTES;
	record->bytes = frame_write(&target, voter, port, false, &packet,
				    capture_frame(capture, capture->count));
	capture->count++;
}

/* First answers with a copy each, another answer of some, and one that is forged. */
static void make_capture(struct capture *capture)
{
	memset(capture, 0, sizeof(*capture));
	capture->frames = calloc(3 * VOTERS, FRAME_MAX_BYTES);
	capture->records = calloc(3 * VOTERS, sizeof(*capture->records));
	for (uint32_t voter = 0; voter < VOTERS; voter++) {
		add_vote(capture, voter, 1024, 1, 0);
		if (voter < CHANGED)
			add_vote(capture, voter, 1025, 2, 0);
		add_vote(capture, voter, 1024, 1, 0);
	}
	add_vote(capture, 3, 1026, 3, 1);
}

static struct sender_options usual_options(void)
{
	return (struct sender_options){.start_ns = sender_now_ns(),
				       .timeout_ns = 1000000000,
				       .in_flight = 64,
				       .until_receipted = true};
}

/* What a run came to. */
struct outcome {
	struct sender sender;
	struct receipts receipts; /* its counts; the table itself is gone */
};

static void run(const struct sender_options *options, struct outcome *outcome)
{
	struct link link = {.ops = &fake_ops, .state = &appliance};
	struct auth_keys *keys = auth_keys_build(calloc(1, auth_keys_bytes(1)), &tenant_key, 1);
	struct capture capture;
	struct receipts receipts;
	struct err err;
	make_capture(&capture);
	cr_assert_eq(receipts_build(&receipts, &capture, keys, PORT_BE, &err), 0);
	cr_assert_eq(
		sender_open(&outcome->sender, options, &capture, &receipts, &link, &stop, &err), 0);
	cr_assert_eq(sender_run(&outcome->sender, &err), 0, "%s", err.text);
	sender_close(&outcome->sender);
	outcome->receipts = receipts;
	receipts_free(&receipts);
	free(capture.frames);
	free(capture.records);
	free(keys);
}

Test(sender, a_capture_goes_out_once_and_all_receipts_come_in)
{
	struct sender_options options = usual_options();
	struct outcome outcome;
	options.until_receipted = false;
	run(&options, &outcome);
	cr_expect_eq(appliance.frames, 2 * VOTERS + CHANGED + 1);
	cr_expect_eq(outcome.sender.frames_sent, appliance.frames);
	cr_expect_eq(outcome.receipts.answered, VOTERS + CHANGED);
	cr_expect_eq(outcome.receipts.by_status[RECEIPT_COUNTED], VOTERS);
	cr_expect_eq(outcome.receipts.by_status[RECEIPT_DUPLICATE], VOTERS + CHANGED);
	cr_expect_eq(outcome.receipts.invalid, 0);
}

Test(sender, what_is_lost_is_resent_and_the_first_answer_stands)
{
	const struct sender_options options = usual_options();
	struct outcome outcome;
	appliance.lose_percent = 20;
	appliance.busy_percent = 5;
	run(&options, &outcome);
	cr_expect_eq(outcome.receipts.answered, VOTERS + CHANGED);
	cr_expect_eq(outcome.receipts.invalid, 0);
	cr_expect_gt(outcome.sender.frames_resent, 0);
	cr_expect_gt(outcome.sender.frames_held, 0, "the other answers wait for the first");
	cr_expect_eq(outcome.sender.in_flight, 0);
	for (uint32_t voter = 0; voter < VOTERS; voter++)
		cr_expect_eq(appliance.standing[voter], 2, "voter %u", voter);
}

Test(sender, a_dead_appliance_ends_the_run_when_the_time_is_over)
{
	struct sender_options options = usual_options();
	struct outcome outcome;
	appliance.lose_percent = 100;
	options.timeout_ns = 500000000;
	run(&options, &outcome);
	cr_expect_eq(outcome.receipts.answered, 0);
	cr_expect_eq(outcome.receipts.awaited, VOTERS + CHANGED);
	cr_expect_lt(outcome.sender.now_ns - options.start_ns, 5000000000u);
}

Test(sender, rounds_limit_the_resends)
{
	struct sender_options options = usual_options();
	struct outcome outcome;
	appliance.lose_percent = 100;
	options.rounds = 1;
	options.in_flight = 10000;
	run(&options, &outcome);
	/* Each distinct good one twice, a copy of each first answer, the forged one once. */
	cr_expect_eq(appliance.frames, 2 * (VOTERS + CHANGED) + VOTERS + 1);
}

Test(sender, a_flood_begins_again_until_it_is_stopped)
{
	const uint32_t once = 2 * VOTERS + CHANGED + 1;
	struct sender_options options = usual_options();
	struct outcome outcome;
	options.until_receipted = false;
	options.flood = true;
	appliance.stop_after = 3 * once;
	run(&options, &outcome);
	cr_expect_geq(appliance.frames, 3 * once);
	cr_expect_eq(outcome.sender.frames_sent, appliance.frames);
	cr_expect_not(outcome.sender.interrupted);
	cr_expect_eq(outcome.receipts.answered, VOTERS + CHANGED);
	cr_expect_eq(outcome.receipts.by_status[RECEIPT_COUNTED], VOTERS);
	cr_expect_eq(outcome.receipts.verified, appliance.queued, "each receipt is looked at");
	cr_expect_eq(outcome.receipts.invalid, 0);
}
