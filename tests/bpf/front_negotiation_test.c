/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to a foreign QUIC version, byte by byte, as the front sends it from the same buffer.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>
#include "tests/bpf/rig.h"
#include "tests/lib/frames.h"
#include "wire/byte_order.h"

#define VERSION 0x6B3343CF

/* Both ends of the id lengths, an odd answer and an even one, tags, options, both IP versions. */
static const struct frames_plan plans[] = {
	{.destination_id_bytes = 8, .source_id_bytes = 5},
	{.destination_id_bytes = 8, .source_id_bytes = 8},
	{.destination_id_bytes = 0, .source_id_bytes = 0},
	{.destination_id_bytes = 255, .source_id_bytes = 255},
	{.destination_id_bytes = 255, .source_id_bytes = 0},
	{.destination_id_bytes = 0, .source_id_bytes = 255},
	{.destination_id_bytes = 20, .source_id_bytes = 20, .vlan_tags = 2},
	{.destination_id_bytes = 20, .source_id_bytes = 1, .option_words = 10},
	{.destination_id_bytes = 20, .source_id_bytes = 3, .ip_version = 6},
	{.destination_id_bytes = 255, .source_id_bytes = 254, .ip_version = 6, .vlan_tags = 1},
	{.destination_id_bytes = 8,
	 .source_id_bytes = 8,
	 .padding_bytes = 4,
	 .payload_bytes = 1400},
};

/* RFC 8999, section 6, from the question's own bytes. */
static uint32_t expected_answer(const uint8_t *question, uint8_t *answer)
{
	uint32_t destination_bytes = question[5], at = 5;
	uint32_t source_bytes = question[6 + destination_bytes];
	const uint32_t version_be = be32(QUIC_LITE_VERSION);
	memcpy(answer, "\xC0\0\0\0\0", 5);
	answer[at++] = (uint8_t)source_bytes;
	memcpy(answer + at, question + 7 + destination_bytes, source_bytes);
	at += source_bytes;
	answer[at++] = (uint8_t)destination_bytes;
	memcpy(answer + at, question + 6, destination_bytes);
	at += destination_bytes;
	memcpy(answer + at, &version_be, 4);
	return at + 4;
}

static uint32_t l3_offset(const struct frames_plan *plan)
{
	return 14 + 4u * plan->vlan_tags;
}

static uint32_t l4_offset(const struct frames_plan *plan)
{
	return l3_offset(plan) + (plan->ip_version == 6 ? 40 : 20 + 4u * plan->option_words);
}

static void check_turned(const struct frames_plan *plan, const uint8_t *sent, const uint8_t *out)
{
	uint32_t l3 = l3_offset(plan), l4 = l4_offset(plan);
	uint32_t address_bytes = plan->ip_version == 6 ? 16 : 4;
	uint32_t addresses = l3 + (plan->ip_version == 6 ? 8 : 12);
	cr_expect_arr_eq(out, sent + 6, 6, "destination MAC");
	cr_expect_arr_eq(out + 6, sent, 6, "source MAC");
	cr_expect_arr_eq(out + 12, sent + 12, l3 - 12, "tags and type");
	cr_expect_arr_eq(out + addresses, sent + addresses + address_bytes, address_bytes);
	cr_expect_arr_eq(out + addresses + address_bytes, sent + addresses, address_bytes);
	cr_expect_arr_eq(out + l4, sent + l4 + 2, 2, "source port");
	cr_expect_arr_eq(out + l4 + 2, sent + l4, 2, "destination port");
	for (uint32_t i = 0; i < 4u * plan->option_words; i++)
		cr_expect_eq(out[l3 + 20 + i], 0, "option byte %u", i);
}

static void check_answer(struct frames_plan plan)
{
	uint8_t sent[FRAMES_MAX_BYTES], out[FRAMES_MAX_BYTES], answer[FRAMES_MAX_BYTES];
	uint32_t bytes, out_bytes, payload = l4_offset(&plan) + 8;
	plan.payload = FRAMES_LONG;
	plan.version = VERSION;
	plan.payload_bytes = plan.payload_bytes ? plan.payload_bytes : 1200;
	bytes = frames_build(&plan, sent);

	cr_assert_eq(rig_run(sent, bytes, out, &out_bytes), XDP_TX);
	uint32_t answer_bytes = expected_answer(sent + payload, answer);
	cr_assert_leq(answer_bytes, NEGOTIATION_MAX_BYTES);
	cr_assert_eq(out_bytes, payload + answer_bytes);
	cr_expect_leq(out_bytes, bytes, "more out than in");
	cr_expect_arr_eq(out + payload, answer, answer_bytes);
	cr_expect(frames_checksums_hold(out, out_bytes), "ids of %u and %u bytes",
		  plan.destination_id_bytes, plan.source_id_bytes);
	check_turned(&plan, sent, out);
}

Test(negotiation, answers_with_ids_swapped_and_our_version)
{
	rig_open(true);
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		check_answer(plans[i]);
	cr_expect_eq(rig_counter(VERDICT_NEGOTIATED), sizeof(plans) / sizeof(plans[0]));
}
