// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who has no key gets nothing: random tags are never accepted, and of all that comes in, bytes out
 * never exceed bytes in, and nothing leaves to who has not signed but version negotiation.
 * TALLYWIRE_TEST_VOTES says with how many tags; the suite `model` takes ten million.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/frames.h"
#include "tests/lib/stage.h"

#define OPENS     STAGE_OPENS_US
#define NOW       (OPENS + 3 * STAGE_SECOND)
#define VOTERS    1000u
#define FEW_TAGS  300000u
#define ANY_FRAME 200000u /* frames of the generator */
#define BITS      64

static const struct stage_window windows[] = {
	{7, 101, 4, VOTERS, OPENS, OPENS + 20 * STAGE_SECOND, 5 * STAGE_SECOND, false, {0}},
};
static const struct envelope plain = {.ip_version = 4};

static struct stage stage;
static struct stage_burst burst;

static void set_up(void)
{
	const struct auth_key key = stage_default_key(7, 1);
	stage_open(&stage, &key, 1, windows, 1);
	stage_burst_start(&burst);
}

static void tear_down(void)
{
	stage_close(&stage);
}

TestSuite(forgery, .init = set_up, .fini = tear_down, .timeout = 120);

static uint64_t tags_to_try(void)
{
	const char *text = getenv("TALLYWIRE_TEST_VOTES");
	return text ? strtoull(text, NULL, 10) : FEW_TAGS;
}

static struct vote vote_of(uint32_t voter)
{
	return (struct vote){
		.tenant = 7,
		.server = 1,
		.key_epoch = 1,
		.interaction = 101,
		.voter = voter,
		.choice = 1,
		.program_time_us = OPENS + STAGE_SECOND,
	};
}

/* splitmix64: every tag is another. */
static uint64_t random_tag(uint64_t number)
{
	uint64_t z = number * 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

static uint8_t *tag_of(uint32_t i)
{
	return burst.frames[i] + envelope_payload(&plain) + VOTE_TAG_OFFSET;
}

Test(forgery, no_random_tag_is_accepted)
{
	uint64_t tags = tags_to_try(), tried = 0;
	for (uint32_t voter = 0; voter < BURST_MAX; voter++) {
		struct vote vote = vote_of(voter);
		stage_burst_vote(&burst, &plain, &vote, NOW);
	}
	while (tried < tags) {
		for (uint32_t i = 0; i < BURST_MAX; i++) {
			uint64_t tag = random_tag(++tried);
			memcpy(tag_of(i), &tag, AUTH_TAG_BYTES);
		}
		pipeline_run(&stage.pipeline[0], &burst.burst);
	}
	cr_expect_eq(stage.counters[0].verdicts[VERDICT_BAD_TAG], tried, "%lu of %lu",
		     stage.counters[0].verdicts[VERDICT_BAD_TAG], tried);
	cr_expect_eq(stage.counters[0].received, tried);
	for (uint32_t voter = 0; voter < BURST_MAX; voter++)
		cr_expect_eq(ballot_standing(stage.stores[0].ballots, voter), CHOICE_NONE);
}

/* What is nearly right: another voter's tag, the tag of another choice, one bit beside. */
Test(forgery, no_tag_of_something_else_is_accepted)
{
	for (uint32_t bit = 0; bit < BITS; bit++) {
		struct vote vote = vote_of(bit);
		uint32_t i = stage_burst_vote(&burst, &plain, &vote, NOW);
		tag_of(i)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_null(stage_play(&stage, 0, &burst));
	stage_burst_start(&burst);
	for (uint32_t voter = 0; voter < BITS; voter++) {
		struct vote mine = vote_of(voter), other = vote_of(voter + 1);
		struct vote_packet packet, signed_packet;
		other.choice = voter % 2 ? other.choice : 3;
		other.voter -= voter % 2 ? 0 : 1;
		stage_sign(&mine, &packet);
		stage_sign(&other, &signed_packet);
		memcpy(packet.tag, signed_packet.tag, sizeof(packet.tag));
		stage_burst_add(&burst, &plain, &packet, sizeof(packet), NOW);
	}
	cr_assert_null(stage_play(&stage, 0, &burst));
	cr_expect_eq(stage.counters[0].verdicts[VERDICT_BAD_TAG], 2 * BITS);
}

/* What came in and what left, to those who have signed and to those who have not. */
static struct {
	uint64_t in, out, negotiated;
} signed_bytes, unsigned_bytes;

static void add_up(void)
{
	const struct burst *b = &burst.burst;
	for (uint32_t i = 0; i < b->count; i++) {
		bool is_signed = b->verdict[i] >= VERDICT_WATCH;
		uint64_t negotiated = b->verdict[i] == VERDICT_NEGOTIATED ? b->reply_bytes[i] : 0;
		if (b->reply_bytes[i] > b->bytes[i])
			cr_assert_fail("%s: %u bytes for %u", verdict_name(b->verdict[i]),
				       b->reply_bytes[i], b->bytes[i]);
		if (is_signed)
			signed_bytes.in += b->bytes[i], signed_bytes.out += b->reply_bytes[i];
		else
			unsigned_bytes.in += b->bytes[i], unsigned_bytes.out += b->reply_bytes[i];
		unsigned_bytes.negotiated += negotiated;
	}
}

/* The generator's votes have no tag; every eighth frame is a good vote instead. */
Test(forgery, bytes_out_never_exceed_bytes_in_and_strangers_get_version_negotiation_only)
{
	struct frames_random random = {.state = 20261122};
	for (uint32_t frame = 0; frame < ANY_FRAME; frame++) {
		struct vote vote = vote_of(frame % (VOTERS + 1));
		uint32_t i = stage_burst_vote(&burst, &plain, &vote, NOW);
		if (frame % 8 != 0)
			burst.burst.bytes[i] = frames_generate(&random, burst.frames[i]);
		if (burst.burst.count < BURST_MAX)
			continue;
		const char *wrong = stage_play(&stage, 0, &burst);
		if (wrong)
			cr_assert_fail("%s", wrong);
		add_up();
		stage_burst_start(&burst);
	}
	cr_expect_gt(unsigned_bytes.negotiated, 0);
	cr_expect_eq(unsigned_bytes.out, unsigned_bytes.negotiated);
	cr_expect_lt(unsigned_bytes.out, unsigned_bytes.in / 2);
	cr_expect_gt(signed_bytes.out, 0);
	cr_expect_leq(signed_bytes.out, signed_bytes.in);
}
