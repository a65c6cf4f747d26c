// SPDX-License-Identifier: BSD-3-Clause
/* Answers as frames: addresses, tags, options, lengths, checksums, sizes; version negotiation. */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "ebpf/reply.h"
#include "tests/lib/stage.h"

#define NOW (STAGE_OPENS_US + STAGE_SECOND)

static const struct stage_window windows[] = {
	{7,
	 101,
	 4,
	 100000,
	 STAGE_OPENS_US,
	 STAGE_OPENS_US + 20 * STAGE_SECOND,
	 5 * STAGE_SECOND,
	 false,
	 {0}},
};
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

TestSuite(reply, .init = set_up, .fini = tear_down);

static void play(void)
{
	uint64_t verdicts[VERDICT_COUNT];
	const char *wrong = stage_play(&stage, 0, &burst);
	cr_assert_null(wrong, "%s", wrong ? wrong : "");
	cr_assert_eq(stage_verdicts(&stage, verdicts), stage_received(&stage));
}

static struct vote vote_of(uint32_t voter)
{
	return (struct vote){.tenant = 7,
			     .key_epoch = 1,
			     .interaction = 101,
			     .voter = voter,
			     .choice = (uint16_t)(voter % 4),
			     .program_time_us = NOW - voter % 1000};
}

/* Calls back for both IP versions, every number of tags and some lengths of options and padding. */
static void for_each_envelope(void (*with)(const struct envelope *envelope))
{
	static const uint8_t options[] = {0, 4, 20, 40};
	static const uint8_t padding[] = {0, 1, 18};
	for (uint8_t tags = 0; tags <= 2; tags++)
		for (size_t p = 0; p < sizeof(padding); p++) {
			struct envelope six = {
				.ip_version = 6, .vlan_tags = tags, .padding = padding[p]};
			with(&six);
			for (size_t o = 0; o < sizeof(options); o++) {
				struct envelope four = {.vlan_tags = tags,
							.outer_tpid = tags == 2 ? 0x88A8 : 0,
							.option_bytes = options[o],
							.padding = padding[p],
							.ip_padding = padding[p]};
				with(&four);
			}
		}
}

static uint32_t next_voter;

static void expect_right_receipt(const struct envelope *envelope)
{
	struct vote vote = vote_of(next_voter++);
	uint32_t payload_bytes = 0;
	stage_burst_start(&burst);
	stage_burst_vote(&burst, envelope, &vote, NOW);
	uint32_t asked = burst.burst.bytes[0];
	play();
	cr_assert_eq(burst.burst.verdict[0], VERDICT_COUNTED);
	const char *wrong = envelope_check_answer(envelope, burst.frames[0],
						  burst.burst.reply_bytes[0], &payload_bytes);
	cr_expect_null(wrong, "IPv%u, %u tags, %u bytes of options: %s", envelope->ip_version,
		       envelope->vlan_tags, envelope->option_bytes, wrong ? wrong : "");
	cr_expect_eq(payload_bytes, VOTE_BYTES);
	cr_expect_leq(burst.burst.reply_bytes[0], asked);
}

Test(reply, receipts_in_every_envelope)
{
	for_each_envelope(expect_right_receipt);
}

/* Many different bytes, so that sums carry in every way and one comes to zero now and then. */
Test(reply, checksums_of_5000_receipts)
{
	static const struct envelope envelopes[] = {{.ip_version = 4}, {.ip_version = 6}};
	for (uint32_t voter = 0; voter < 5000; voter++)
		expect_right_receipt(&envelopes[voter % 2]);
}

/* A computed UDP checksum of zero goes out as 0xFFFF; the port is turned until it would be zero. */
Test(reply, udp_checksum_zero_is_sent_as_all_ones)
{
	uint8_t payload[WATCH_BYTES] = {0};
	struct envelope envelope = {.ip_version = 4};
	bool met = false;
	for (uint32_t port = 1; port < 65536 && !met; port++) {
		uint8_t bytes[ENVELOPE_MAX_BYTES];
		struct frame frame = {.l3_offset = 14,
				      .l4_offset = 34,
				      .payload_offset = 42,
				      .payload_bytes = 40,
				      .ip_version = 4};
		uint32_t payload_bytes;
		envelope.source_port = (uint16_t)port;
		uint32_t count = envelope_wrap(&envelope, payload, 40, bytes);
		cr_assert(reply_turn(bytes, bytes + count, &frame, 40,
				     checksum_words(0, bytes + frame.payload_offset, 10)));
		const char *wrong = envelope_check_answer(&envelope, bytes, count, &payload_bytes);
		cr_assert_null(wrong, "port %u: %s", port, wrong ? wrong : "");
		met = bytes[40] == 0xFF && bytes[41] == 0xFF;
	}
	cr_expect(met, "no port led to it");
}

/* As stage_play() checks for every burst: here the sizes are pressed. */
Test(reply, no_answer_is_larger_than_what_asked)
{
	uint8_t payload[1400] = {0xC0, 0, 0, 0, 1, 255};
	payload[6 + 255] = 255;
	for (uint32_t bytes = 0; bytes <= sizeof(payload); bytes += bytes < 260 ? 1 : 19) {
		const struct envelope envelope = {.ip_version = bytes % 2 ? 4 : 6};
		stage_burst_start(&burst);
		uint32_t i = stage_burst_add(&burst, &envelope, payload, bytes, NOW);
		play();
		cr_expect_leq(burst.burst.reply_bytes[i], burst.burst.bytes[i]);
		cr_expect_eq(burst.burst.reply_bytes[i] != 0, bytes >= 1200, "%u bytes", bytes);
	}
}

/* What did not authenticate goes back to nobody, and what is the host's goes to it untouched. */
Test(reply, the_unauthenticated_get_nothing)
{
	struct vote unknown_tenant = vote_of(1), unknown_epoch = vote_of(2), forged = vote_of(3);
	const struct envelope plain = {.ip_version = 4}, elsewhere = {.destination_port = 443};
	struct vote_packet packet;
	unknown_tenant.tenant = 9;
	unknown_epoch.key_epoch = 9;
	stage_burst_vote(&burst, &plain, &unknown_tenant, NOW);
	stage_burst_vote(&burst, &plain, &unknown_epoch, NOW);
	stage_sign(&forged, &packet);
	packet.tag[7] ^= 1;
	stage_burst_add(&burst, &plain, &packet, sizeof(packet), NOW);
	stage_burst_add(&burst, &plain, &packet, sizeof(packet) - 1, NOW);
	stage_burst_add(&burst, &elsewhere, &packet, sizeof(packet), NOW);
	play();
	for (uint32_t i = 0; i < burst.burst.count; i++) {
		cr_expect_eq(burst.burst.reply_bytes[i], 0, "packet %u", i);
		cr_expect_arr_eq(burst.frames[i], burst.before[i], burst.burst.bytes[i],
				 "packet %u", i);
	}
}

/* RFC 8999, section 6: version 0, the ids swapped, then the versions spoken. */
static void expect_negotiation(const struct envelope *envelope, uint32_t destination_bytes,
			       uint32_t source_bytes, uint32_t payload_bytes)
{
	uint8_t asked[1500], *at = asked;
	memset(asked, 0x77, sizeof(asked));
	at = (uint8_t *)memcpy(at, "\xC3\x00\x00\x00\x01", 5) + 5;
	*at++ = (uint8_t)destination_bytes;
	for (uint32_t i = 0; i < destination_bytes; i++)
		*at++ = (uint8_t)(i * 3 + 1);
	*at++ = (uint8_t)source_bytes;
	for (uint32_t i = 0; i < source_bytes; i++)
		*at++ = (uint8_t)(i * 5 + 2);

	stage_burst_start(&burst);
	stage_burst_add(&burst, envelope, asked, payload_bytes, NOW);
	play();
	cr_assert_eq(burst.burst.verdict[0], VERDICT_NEGOTIATED);
	uint32_t answer_bytes = 0;
	const char *wrong = envelope_check_answer(envelope, burst.frames[0],
						  burst.burst.reply_bytes[0], &answer_bytes);
	cr_assert_null(wrong, "ids of %u and %u bytes: %s", destination_bytes, source_bytes,
		       wrong ? wrong : "");
	cr_assert_eq(answer_bytes, 7 + destination_bytes + source_bytes + 4);
	const uint8_t *answer = burst.frames[0] + envelope_payload(envelope);
	cr_expect_eq(answer[0] & 0x80, 0x80, "a long header");
	cr_expect_arr_eq(answer + 1, "\0\0\0\0", 4, "version 0");
	cr_expect_eq(answer[5], source_bytes);
	cr_expect_arr_eq(answer + 6, asked + 7 + destination_bytes, source_bytes);
	cr_expect_eq(answer[6 + source_bytes], destination_bytes);
	cr_expect_arr_eq(answer + 7 + source_bytes, asked + 6, destination_bytes);
	cr_expect_arr_eq(answer + answer_bytes - 4, "\x54\x4C\x59\x01", 4, "the version spoken");
	cr_expect_lt(answer_bytes, payload_bytes);
}

Test(reply, negotiation_with_ids_of_every_length)
{
	static const struct envelope envelopes[] = {
		{.ip_version = 4}, {.ip_version = 6, .vlan_tags = 1}, {.option_bytes = 40}};
	static const uint32_t lengths[] = {0, 1, 8, 20, 127, 128, 254, 255};
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < 8; j++)
			expect_negotiation(&envelopes[(i + j) % 3], lengths[i], lengths[j],
					   (i + j) % 2 ? 1200 : 1453);
}

static void negotiate_in(const struct envelope *envelope)
{
	expect_negotiation(envelope, 8, 5, 1200);
}

Test(reply, negotiation_in_every_envelope)
{
	for_each_envelope(negotiate_in);
}

/* An answer that meant another answer would be a loop between two appliances. */
Test(reply, answers_are_answered_by_nobody)
{
	uint8_t negotiation[1200] = {0xC0, 0, 0, 0, 0, 0, 0, 0x54, 0x4C, 0x59, 0x01};
	const struct envelope plain = {.source_port = ENVELOPE_VOTE_PORT};
	struct vote vote = vote_of(5);
	stage_burst_vote(&burst, &plain, &vote, NOW);
	play();
	uint8_t receipt[VOTE_BYTES];
	memcpy(receipt, burst.frames[0] + envelope_payload(&plain), sizeof(receipt));
	stage_burst_start(&burst);
	stage_burst_add(&burst, &plain, receipt, sizeof(receipt), NOW);
	stage_burst_add(&burst, &plain, negotiation, sizeof(negotiation), NOW);
	play();
	cr_expect_eq(burst.burst.verdict[0], VERDICT_MALFORMED);
	cr_expect_eq(burst.burst.verdict[1], VERDICT_MALFORMED);
}
