// SPDX-License-Identifier: BSD-3-Clause
/*
 * libFuzzer: bytes become frames, frames become bursts, bursts go through the pipeline. Some frames
 * are the fuzzer's own from the first byte; others begin as a good vote, watch or long header that
 * it patches, signed before or after, so that all rules are reached.
 *
 * Whatever comes in: packets are conserved, no answer is larger than its request, and nothing is
 * answered, counted or recorded without a valid tag.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/stage.h"
#include "tests/fuzz/must.h"

#define OPENS STAGE_OPENS_US

/* What a frame begins with, in the low bits of its control byte. */
enum kind { RAW, VOTE, WATCH, LONG_HEADER };
#define CONTROL_KIND    0x03
#define CONTROL_IPV6    0x04
#define CONTROL_TAGS    0x18
#define CONTROL_OPTIONS 0x20
#define CONTROL_RESIGN  0x40 /* the patches are the viewer's own, not damage on the way */
#define CONTROL_FLUSH   0x80 /* the burst ends behind this frame */

static const struct stage_window windows[] = {
	{7, 0, 4, 64, OPENS, OPENS + 20 * STAGE_SECOND, 5 * STAGE_SECOND, false, {0}},
	{7, 1, 256, 64, OPENS, OPENS + 20 * STAGE_SECOND, 5 * STAGE_SECOND, false, {0}},
	{8, 0, 16, 64, OPENS, OPENS + 20 * STAGE_SECOND, 0, false, {0}},
	{8, 1, 4, 64, OPENS, OPENS + 20 * STAGE_SECOND, 5 * STAGE_SECOND, true, {0}},
};
enum { WINDOWS = sizeof(windows) / sizeof(windows[0]) };

struct input {
	const uint8_t *pos;
	const uint8_t *end;
};

/* What one input has led to so far. */
struct run {
	struct stage stage;
	struct burst burst;
	uint8_t *before[BURST_MAX];
	uint64_t valid_votes; /* with a tag that is right */
};

static uint8_t take8(struct input *input)
{
	return input->pos < input->end ? *input->pos++ : 0;
}

static uint32_t take16(struct input *input)
{
	uint32_t high = take8(input);
	return high << 8 | take8(input);
}

static bool key_is_known(uint16_t tenant, uint8_t epoch)
{
	return (tenant == 7 && (epoch == 1 || epoch == 2)) || (tenant == 8 && epoch == 1);
}

/* The tag that is right for what the first 40 bytes say of tenant, epoch and voter. */
static void right_tag(const uint8_t *payload, uint32_t covered, uint8_t tag[AUTH_TAG_BYTES])
{
	uint16_t tenant = (uint16_t)(payload[4] << 8 | payload[5]);
	uint32_t voter = (uint32_t)payload[16] << 24 | (uint32_t)payload[17] << 16 |
			 (uint32_t)payload[18] << 8 | payload[19];
	struct auth_key key = stage_default_key(tenant, payload[9]);
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(key.key, tenant, payload[9], voter, voter_key);
	auth_tag(voter_key, payload, covered, tag);
}

static uint32_t covered_by_tag(enum kind kind)
{
	return kind == WATCH ? 48 : 32;
}

static uint32_t begin_payload(struct input *input, enum kind kind, uint8_t *payload)
{
	struct vote vote = {
		.tenant = 7 + take8(input) % 2,
		.key_epoch = 1,
		.interaction = take8(input) % 3,
		.voter = take8(input) % 70,
		.choice = take8(input) % 18,
		.program_time_us = OPENS + take8(input) * (STAGE_SECOND / 8),
	};
	static const uint32_t bytes[] = {[VOTE] = 40, [WATCH] = 256, [LONG_HEADER] = 1200};
	memset(payload, 0, bytes[kind]);
	stage_sign(&vote, (void *)payload);
	if (kind == WATCH)
		payload[0] = 0x43;
	if (kind == LONG_HEADER)
		memcpy(payload, "\xC0\0\0\0\1\x08", 6);
	return bytes[kind];
}

static uint32_t make_frame(struct input *input, uint8_t control, uint8_t *frame)
{
	enum kind kind = control & CONTROL_KIND;
	if (kind == RAW) {
		uint32_t count = take16(input) % ENVELOPE_MAX_BYTES;
		uint32_t left = (uint32_t)(input->end - input->pos);
		count = count < left ? count : left;
		memcpy(frame, input->pos, count);
		input->pos += count;
		return count;
	}
	const struct envelope envelope = {
		.ip_version = control & CONTROL_IPV6 ? 6 : 4,
		.vlan_tags = (control & CONTROL_TAGS) >> 3,
		.option_bytes = control & CONTROL_OPTIONS ? 4 + take8(input) % 10 * 4 : 0,
	};
	uint8_t payload[1200];
	uint32_t count = begin_payload(input, kind, payload);
	if (kind != LONG_HEADER)
		right_tag(payload, covered_by_tag(kind), payload + covered_by_tag(kind));
	count = envelope_wrap(&envelope, payload, count, frame);
	for (uint32_t patches = take8(input) % 8; patches > 0; patches--) {
		uint32_t at = take16(input) % count;
		frame[at] = take8(input);
	}
	uint8_t *patched = frame + envelope_payload(&envelope);
	if (control & CONTROL_RESIGN && kind != LONG_HEADER)
		right_tag(patched, covered_by_tag(kind), patched + covered_by_tag(kind));
	uint32_t cut = take8(input);
	return cut < count && cut < 128 ? count - cut : count;
}

/* Frames lie in memory of their own size, so that one byte too far is seen. */
static void *exact_copy(const void *bytes, uint32_t count)
{
	void *copy = malloc(count ? count : 1);
	MUST(copy);
	return memcpy(copy, bytes, count);
}

static void add_frame(struct run *run, struct input *input, uint8_t control)
{
	uint8_t frame[ENVELOPE_MAX_BYTES];
	uint32_t i = run->burst.count++;
	uint32_t count = make_frame(input, control, frame);
	run->burst.data[i] = exact_copy(frame, count);
	run->before[i] = exact_copy(frame, count);
	run->burst.bytes[i] = count;
	run->burst.arrival_us[i] = OPENS + take8(input) * (STAGE_SECOND / 8);
}

static void check_packet(struct run *run, uint32_t i)
{
	const struct burst *burst = &run->burst;
	enum verdict verdict = burst->verdict[i];
	MUST(verdict > VERDICT_NONE && verdict < VERDICT_COUNT);
	MUST(burst->reply_bytes[i] <= burst->bytes[i]);
	if (verdict < VERDICT_WATCH) {
		MUST((burst->reply_bytes[i] != 0) == (verdict == VERDICT_NEGOTIATED));
		return;
	}
	MUST((burst->reply_bytes[i] != 0) == (verdict != VERDICT_WATCH));
	const uint8_t *payload = run->before[i] + burst->frame[i].payload_offset;
	uint32_t covered = covered_by_tag(verdict == VERDICT_WATCH ? WATCH : VOTE);
	uint8_t tag[AUTH_TAG_BYTES];
	right_tag(payload, covered, tag);
	MUST(key_is_known((uint16_t)(payload[4] << 8 | payload[5]), payload[9]));
	MUST(memcmp(tag, payload + covered, AUTH_TAG_BYTES) == 0);
	run->valid_votes += verdict != VERDICT_WATCH;
}

static void flush(struct run *run)
{
	pipeline_run(&run->stage.pipeline[0], &run->burst);
	for (uint32_t i = 0; i < run->burst.count; i++) {
		check_packet(run, i);
		free(run->burst.data[i]);
		free(run->before[i]);
	}
	run->burst.count = 0;
}

static void check_totals(const struct run *run)
{
	uint64_t verdicts[VERDICT_COUNT], votes[256], audit[256], counted = 0, answered = 0;
	struct tally_sum sum = {.votes = votes};
	MUST(stage_verdicts(&run->stage, verdicts) == stage_received(&run->stage));
	MUST(verdicts[VERDICT_NONE] == 0);
	for (uint32_t verdict = VERDICT_UNKNOWN; verdict < VERDICT_COUNT; verdict++)
		answered += verdicts[verdict];
	MUST(answered == run->valid_votes);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		uint64_t voters =
			ballot_count(run->stage.stores[i].ballots, audit, windows[i].options);
		tally_read(&run->stage.stores[i].tally, windows[i].options, &sum);
		MUST(memcmp(votes, audit, windows[i].options * sizeof(votes[0])) == 0);
		MUST(sum.receipts[RECEIPT_COUNTED] == voters);
		counted += voters;
	}
	MUST(counted == verdicts[VERDICT_COUNTED]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct run run;
	struct input input = {.pos = bytes, .end = bytes + count};
	const struct auth_key keys[] = {stage_default_key(7, 1), stage_default_key(7, 2),
					stage_default_key(8, 1)};
	memset(&run, 0, sizeof(run));
	stage_open(&run.stage, keys, 3, windows, WINDOWS);
	while (input.pos < input.end) {
		uint8_t control = take8(&input);
		add_frame(&run, &input, control);
		if (control & CONTROL_FLUSH || run.burst.count == BURST_MAX)
			flush(&run);
	}
	flush(&run);
	check_totals(&run);
	stage_close(&run.stage);
	return 0;
}
