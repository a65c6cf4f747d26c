// SPDX-License-Identifier: BSD-3-Clause
/*
 * Sources and their hash, and what a worker writes of them into the front's maps, which are plain
 * memory here: whole bursts through the pipeline, so that frames are looked at before they are
 * turned round.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include "ebpf/source.h"
#include "tests/lib/frames.h"
#include "tests/lib/stage.h"

#define FAILED_NS 32000

static struct front_police police = {.key = {0x0706050403020100, 0x0f0e0d0c0b0a0908},
				     .ipv4_mask = UINT32_MAX,
				     .ipv6_mask = {UINT64_MAX, 0},
				     .failed_ns = FAILED_NS};
static uint64_t buckets[FRONT_BUCKETS], voted[2 * FRONT_VOTED_WORDS];
static const struct front_feedback feedback = {&police, buckets, voted};

/* SipHash with any numbers of rounds, read from its paper, byte by byte. */
static uint64_t slow_hash(const uint8_t *bytes, size_t count, int c_rounds, int d_rounds)
{
	uint64_t v[4] = {police.key[0] ^ 0x736f6d6570736575, police.key[1] ^ 0x646f72616e646f6d,
			 police.key[0] ^ 0x6c7967656e657261, police.key[1] ^ 0x7465646279746573};
	for (size_t block = 0; block <= count / 8; block++) {
		uint64_t word = block == count / 8 ? (uint64_t)count << 56 : 0;
		for (size_t i = 8 * block; i < count && i < 8 * block + 8; i++)
			word |= (uint64_t)bytes[i] << (i % 8 * 8);
		v[3] ^= word;
		for (int round = 0; round < c_rounds; round++)
			source_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int round = 0; round < d_rounds; round++)
		source_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

Test(source, hash_is_siphash_1_3)
{
	static const uint8_t addresses[][16] = {
		{0}, {10, 0, 0, 2}, {255, 255, 255, 255}, {0x20, 1, 0xd, 0xb8, [15] = 1}};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		uint8_t sodium_says[crypto_shorthash_BYTES];
		uint64_t expected;
		crypto_shorthash(sodium_says, addresses[i], 16, (const uint8_t *)police.key);
		memcpy(&expected, sodium_says, sizeof(expected));
		cr_expect_eq(slow_hash(addresses[i], 16, 2, 4), expected,
			     "the reading of the test");
		struct source six = {.ip_version = 6}, four = {.ip_version = 4};
		memcpy(six.address, addresses[i], 16);
		memcpy(four.address, addresses[i], 4);
		cr_expect_eq(source_hash(&six, police.key), slow_hash(addresses[i], 16, 1, 3));
		cr_expect_eq(source_hash(&four, police.key), slow_hash(addresses[i], 4, 1, 3));
	}
}

Test(source, leads_to_places_that_are_there)
{
	static const uint64_t hashes[] = {0, UINT64_MAX, 0x8000000000000000, 0x123456789abcdef0};
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		cr_expect_lt(source_bucket(hashes[i], 0), FRONT_BUCKET_ROW);
		cr_expect_geq(source_bucket(hashes[i], 1), FRONT_BUCKET_ROW);
		cr_expect_lt(source_bucket(hashes[i], 1), FRONT_BUCKETS);
		cr_expect_lt(source_voted_word(hashes[i], 0), FRONT_VOTED_WORDS);
		cr_expect_geq(source_voted_word(hashes[i], 1), FRONT_VOTED_WORDS);
		cr_expect_lt(source_voted_word(hashes[i], 1), 2 * FRONT_VOTED_WORDS);
		cr_expect_neq(source_voted_bits(hashes[i]), 0);
		for (int rule = 0; rule < FRONT_RULE_COUNT; rule++) {
			uint32_t place = source_talker(hashes[i], (enum front_rule)rule);
			cr_expect_eq(place / FRONT_TALKER_PLACES, (uint32_t)rule);
		}
	}
}

/* A source is spread over buckets and words as chance would: no row has few places in use. */
Test(source, hash_spreads_neighbours)
{
	static bool bucket_used[FRONT_BUCKETS];
	uint32_t used = 0;
	for (uint32_t i = 0; i < FRONT_BUCKET_ROW; i++) {
		const struct source source = {{0x0a000000 | (uint64_t)i << 8, 0}, 4};
		uint64_t hash = source_hash(&source, police.key);
		for (uint32_t row = 0; row < 2; row++) {
			used += !bucket_used[source_bucket(hash, row)];
			bucket_used[source_bucket(hash, row)] = true;
		}
	}
	/* 1 - 1/e of them, give or take six sigma. */
	cr_expect(used > 82000 && used < 83700, "%u", used);
}

static uint64_t hash_of(uint8_t last)
{
	struct source source = {.ip_version = 4};
	const uint8_t address[4] = {10, 0, 0, last};
	memcpy(source.address, address, sizeof(address));
	return source_hash(&source, police.key);
}

static bool is_marked(uint8_t last, uint32_t generation)
{
	uint64_t bits = source_voted_bits(hash_of(last));
	return (voted[source_voted_word(hash_of(last), generation)] & bits) == bits;
}

static uint64_t charged(uint8_t last, uint32_t row)
{
	return buckets[source_bucket(hash_of(last), row)];
}

/* A burst of these verdicts, one from each of 10.0.0.1, 10.0.0.2, ... as `sources` says. */
static void judged(const enum verdict *verdicts, const uint8_t *sources, uint32_t count)
{
	static uint8_t frames[BURST_MAX][FRAMES_MAX_BYTES];
	static struct burst burst;
	burst.count = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct frames_plan plan = {.source = {10, 0, 0, sources[i]},
						 .vlan_tags = i % 3};
		uint32_t bytes = frames_build(&plan, frames[i]);
		burst.data[i] = frames[i];
		burst.verdict[i] = verdicts[i];
		classify(frames[i], frames[i] + bytes, be16(FRAMES_PORT), &burst.frame[i]);
	}
	feedback_burst(&feedback, &burst);
}

Test(feedback, marks_who_voted_and_charges_who_failed)
{
	static const enum verdict verdicts[] = {VERDICT_COUNTED, VERDICT_BAD_TAG,   VERDICT_BAD_TAG,
						VERDICT_CHANGED, VERDICT_DUPLICATE, VERDICT_LATE,
						VERDICT_BAD_TAG, VERDICT_COUNTED};
	static const uint8_t sources[] = {1, 2, 2, 3, 4, 5, 1, 1};
	judged(verdicts, sources, 8);
	cr_expect(is_marked(1, 0) && is_marked(3, 0));
	cr_expect_not(is_marked(2, 0) || is_marked(4, 0) || is_marked(5, 0) || is_marked(1, 1));
	for (uint32_t row = 0; row < 2; row++) {
		cr_expect_eq(charged(2, row), 2 * FAILED_NS);
		cr_expect_eq(charged(1, row), 0, "it has voted");
		cr_expect_eq(charged(5, row), 0);
	}
}

Test(feedback, knows_voters_of_both_generations_and_writes_the_current_one)
{
	static const enum verdict counted[] = {VERDICT_COUNTED}, failed[] = {VERDICT_BAD_TAG};
	judged(counted, (const uint8_t[]){1}, 1);
	police.generation = 1;
	judged(failed, (const uint8_t[]){1}, 1);
	cr_expect_eq(charged(1, 0), 0, "it voted in the generation before");
	judged(counted, (const uint8_t[]){2}, 1);
	cr_expect(is_marked(2, 1) && !is_marked(2, 0));
}

Test(feedback, without_a_front_writes_nothing)
{
	static struct burst burst = {.count = 1, .verdict = {VERDICT_BAD_TAG}};
	feedback_burst(&(struct front_feedback){0}, &burst);
	cr_expect_eq(charged(0, 0), 0);
}

/* Replies are written over the frames they answer: by then the feedback has been given. */
Test(feedback, is_about_the_sender_not_about_who_is_answered)
{
	static struct stage_burst burst;
	struct stage stage;
	const struct auth_key key = stage_default_key(7, 1);
	const struct stage_window window = {.tenant = 7,
					    .interaction = 101,
					    .options = 3,
					    .voters = 100,
					    .opens_at_us = STAGE_OPENS_US,
					    .closes_at_us = STAGE_OPENS_US + STAGE_SECOND,
					    .max_delay_us = STAGE_SECOND};
	const struct vote vote = {.tenant = 7,
				  .key_epoch = 1,
				  .interaction = 101,
				  .voter = 42,
				  .choice = 1,
				  .program_time_us = STAGE_OPENS_US};
	const struct envelope envelope = {.vlan_tags = 1};
	stage_open(&stage, &key, 1, &window, 1);
	stage.pipeline[0].feedback = feedback;
	stage_burst_start(&burst);
	stage_burst_vote(&burst, &envelope, &vote, STAGE_OPENS_US);
	cr_assert_null(stage_play(&stage, 0, &burst));
	cr_assert_eq(burst.burst.verdict[0], VERDICT_COUNTED);
	struct source sender = source_ipv4(burst.before[0] + envelope_l3(&envelope));
	uint64_t hash = source_hash(&sender, police.key);
	cr_expect_eq(voted[source_voted_word(hash, 0)], source_voted_bits(hash));
	cr_expect_neq(memcmp(burst.frames[0] + envelope_l3(&envelope) + 12, &sender.address, 4), 0,
		      "the frame is turned round");
	stage_close(&stage);
}
