/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One source, two compilers, one machine in the kernel and one out of it: 100,000 generated frames
 * go through the front and through classify() in this process, and no verdict, no counter and no
 * byte of an answer may differ.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include "ebpf/reply.h"
#include "tests/bpf/rig.h"
#include "tests/lib/frames.h"

#define FRAMES 100000
#define SEED   20261122u

static uint64_t expected[FRONT_COUNTERS];

/* Rules 1 to 4 in user space: the counter that the frame must end in. */
static uint32_t counter_of(const uint8_t *frame, uint32_t bytes, struct frame *parsed)
{
	enum verdict verdict = classify(frame, frame + bytes, be16(FRAMES_PORT), parsed);
	if (verdict != VERDICT_NONE)
		return verdict;
	const struct vote_packet *vote = (const void *)(frame + parsed->payload_offset);
	bool known = be16(vote->cid.tenant_be) == FRAMES_TENANT && vote->key_epoch == FRAMES_EPOCH;
	return known ? (uint32_t)FRONT_STEERED : VERDICT_UNKNOWN_KEY;
}

/* The answer as a worker would send it; over `frame`. Returns the frame's new length. */
static uint32_t negotiated(uint8_t *frame, const struct frame *parsed)
{
	uint8_t request[NEGOTIATION_BUFFER_BYTES], answer[NEGOTIATION_BUFFER_BYTES];
	memcpy(request, frame + parsed->payload_offset, sizeof(request));
	uint32_t answer_bytes = negotiation_write(request, answer);
	uint32_t bytes = parsed->payload_offset + answer_bytes;
	memcpy(frame + parsed->payload_offset, answer, answer_bytes);
	rig_assert(reply_turn(frame, frame + bytes, parsed, (uint16_t)answer_bytes,
			      checksum_bytes(answer, answer_bytes, answer + sizeof(answer))),
		   "an answer that does not fit its frame");
	return bytes;
}

static void check_frame(uint32_t number, uint8_t *frame, uint32_t bytes)
{
	static const int actions[FRONT_COUNTERS] = {[VERDICT_PASSED] = XDP_PASS,
						    [VERDICT_NEGOTIATED] = XDP_TX,
						    [VERDICT_MALFORMED] = XDP_DROP,
						    [VERDICT_UNKNOWN_KEY] = XDP_DROP,
						    [FRONT_STEERED] = XDP_REDIRECT};
	uint8_t out[FRAMES_MAX_BYTES];
	uint32_t out_bytes;
	struct frame parsed = {0};
	uint32_t counter = counter_of(frame, bytes, &parsed);
	int action = rig_run(frame, bytes, out, &out_bytes);
	expected[counter]++;

	rig_assert(action == actions[counter], "frame %u, %u bytes: user space %u, kernel %s",
		   number, bytes, counter, rig_action_name(action));
	rig_assert(rig_counter(counter) == expected[counter], "frame %u: counted elsewhere",
		   number);
	if (counter == VERDICT_NEGOTIATED)
		bytes = negotiated(frame, &parsed);
	rig_assert(out_bytes == bytes && memcmp(out, frame, bytes) == 0,
		   "frame %u: kernel and user space leave other bytes behind", number);
}

Test(front, kernel_and_user_space_agree_on_100000_frames)
{
	struct frames_random random = {.state = SEED};
	rig_open(true);
	for (uint32_t number = 0; number < FRAMES; number++) {
		uint8_t frame[FRAMES_MAX_BYTES];
		uint32_t bytes = frames_generate(&random, frame);
		check_frame(number, frame, bytes);
	}
	/* A generator that makes only one sort of frame would prove nothing. */
	cr_expect_gt(expected[VERDICT_PASSED], FRAMES / 20);
	cr_expect_gt(expected[VERDICT_NEGOTIATED], FRAMES / 20);
	cr_expect_gt(expected[VERDICT_MALFORMED], FRAMES / 20);
	cr_expect_gt(expected[VERDICT_UNKNOWN_KEY], FRAMES / 20);
	cr_expect_gt(expected[FRONT_STEERED], FRAMES / 20);
}
