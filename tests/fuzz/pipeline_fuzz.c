// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: bytes become frames, frames become bursts, bursts go through the pipeline. Some
 * frames are the fuzzer's own from the first byte; others begin as a good vote, watch or long
 * header that it patches, signed before or after, so that all rules are reached.
 *
 * Whatever comes in: packets are conserved, no answer is larger than its request, and nothing is
 * answered, counted or recorded without a valid tag, but version negotiation. Who has not shown
 * that they are where they say gets no more than a CHALLENGE.
 */
#include <stdlib.h>

#include "dataplane/core/receipt.h"
#include "tests/fuzz/frame_input.h"
#include "tests/fuzz/guarded.h"
#include "tests/lib/stage.h"

#define OPENS  STAGE_OPENS_US
#define CLOSES (OPENS + 20 * STAGE_SECOND)

/* Every kind and every way to tell answers apart; audited are those that keep one per voter. */
static const struct stage_window windows[] = {
	{7, 0, 4, 64, OPENS, CLOSES, 5 * STAGE_SECOND, false, {0}},
	{7, 1, 256, 64, OPENS, CLOSES, 5 * STAGE_SECOND, false, {0}},
	{7,
	 2,
	 4,
	 64,
	 OPENS,
	 CLOSES,
	 9 * STAGE_SECOND,
	 false,
	 {.kind = KIND_MULTI, .max_choices = 2}},
	{7, 3, 4, 64, OPENS, CLOSES, 9 * STAGE_SECOND, false, {.kind = KIND_QUIZ}},
	{7, 4, 4, 64, OPENS, CLOSES, 9 * STAGE_SECOND, false, {.revote = true}},
	{8, 0, 16, 64, OPENS, CLOSES, 0, false, {0}},
	{8, 1, 4, 64, OPENS, CLOSES, 5 * STAGE_SECOND, true, {0}},
	{8, 2, 9, 64, OPENS, CLOSES, 9 * STAGE_SECOND, false, {.kind = KIND_SCALE, .first = 3}},
	{8, 3, 5, 64, OPENS, CLOSES, 9 * STAGE_SECOND, false, {.kind = KIND_UPVOTE, .pairs = 64}},
	{8,
	 4,
	 3,
	 64,
	 OPENS,
	 CLOSES,
	 9 * STAGE_SECOND,
	 false,
	 {.kind = KIND_REACTION, .seconds = 20}},
};
enum { WINDOWS = sizeof(windows) / sizeof(windows[0]) };

/* What one input has led to so far. */
struct run {
	struct stage stage;
	struct watch watch;
	struct burst burst;
	uint8_t before[BURST_MAX][ENVELOPE_MAX_BYTES];
	uint64_t valid_votes; /* with a tag that is right */
};

/* Where frames lie while the pipeline has them, each before a guard of its own. */
static struct guarded places[BURST_MAX];

/* Viewers of both tenants are told; there is room for few of them. */
#define ROOM      4
#define WATCH_NOW (1000 * STAGE_SECOND)

static struct bulletin_board boards[] = {{.tenant = 7}, {.tenant = 8}};
static const struct bulletin bulletin = {
	.secrets = {"the cookie's own", "the one before.."},
	.boards = boards,
	.board_count = 2,
	.first_round = 1,
};
static uint8_t seats[8192] __attribute__((aligned(SUBSCRIBERS_ALIGN)));

/* Where a frame says that it is from, and for whom: what a cookie is good for. */
static struct cookie_bearer bearer_of(const uint8_t *data, const struct frame *frame)
{
	const uint8_t *l3 = data + frame->l3_offset, *payload = data + frame->payload_offset;
	struct cookie_bearer bearer = {.address = {[10] = 0xFF, [11] = 0xFF}};
	if (frame->ip_version == 4)
		memcpy(bearer.address + 12, l3 + 12, 4);
	else
		memcpy(bearer.address, l3 + 8, 16);
	memcpy(&bearer.port_be, data + frame->l4_offset, 2);
	memcpy(&bearer.tenant_be, payload + 4, 2);
	memcpy(&bearer.voter_be, payload + 16, 4);
	return bearer;
}

/* A WATCH gets the cookie that its sender may have, of this age; under the secret before, if odd.
 */
static void put_cookie(uint8_t *data, uint32_t bytes, uint8_t age)
{
	struct frame frame;
	struct cookie_secrets secrets = bulletin.secrets;
	if (classify(data, data + bytes, be16(ENVELOPE_VOTE_PORT), &frame) != VERDICT_NONE ||
	    frame.type != WATCH_TYPE)
		return;
	const struct cookie_bearer bearer = bearer_of(data, &frame);
	uint8_t *payload = data + frame.payload_offset;
	if (age & 1)
		memcpy(secrets.current, secrets.previous, sizeof(secrets.current));
	cookie_write(&secrets, &bearer, WATCH_NOW - age * (STAGE_SECOND / 2), payload + 32);
	frame_input_right_tag(payload, WATCH_TAG_OFFSET, payload + WATCH_TAG_OFFSET);
}

static bool key_is_known(uint16_t tenant, uint8_t epoch)
{
	return (tenant == 7 && (epoch == 1 || epoch == 2)) || (tenant == 8 && epoch == 1);
}

static void add_frame(struct run *run, struct input *input, uint8_t control)
{
	uint32_t i = run->burst.count++;
	uint32_t count = frame_input_make(input, control, run->before[i]);
	if ((control & CONTROL_KIND) == FRAME_WATCH && control & CONTROL_RESIGN)
		put_cookie(run->before[i], count, take8(input));
	guarded_make(&places[i], ENVELOPE_MAX_BYTES);
	run->burst.data[i] = guarded_copy(&places[i], run->before[i], count);
	run->burst.bytes[i] = count;
	run->burst.arrival_us[i] = OPENS + take8(input) * (STAGE_SECOND / 8);
}

/* What leaves without a valid tag: version negotiation, ids swapped, shorter than what asked. */
static void check_negotiation(const struct run *run, uint32_t i)
{
	const struct burst *burst = &run->burst;
	const uint8_t *asked = run->before[i] + burst->frame[i].payload_offset;
	const uint8_t *answer = burst->data[i] + burst->frame[i].payload_offset;
	uint32_t bytes = burst->reply_bytes[i] - burst->frame[i].payload_offset;
	const uint8_t *destination = asked + 5, *source = destination + 1 + *destination;
	MUST(asked[0] & QUIC_LONG_HEADER && answer[0] & QUIC_LONG_HEADER);
	MUST(memcmp(answer + 1, "\0\0\0\0", 4) == 0);
	MUST(bytes == 5u + 1 + *source + 1 + *destination + 4);
	MUST(memcmp(answer + 5, source, 1u + *source) == 0);
	MUST(memcmp(answer + 6 + *source, destination, 1u + *destination) == 0);
	MUST(memcmp(answer + bytes - 4, "TLY\1", 4) == 0);
}

/*
 * A CHALLENGE, or a NOTICE to who shows a cookie for where they are that is no older than a minute;
 * both signed for who asked, and smaller than what asked.
 */
static void check_told(const struct run *run, uint32_t i)
{
	const struct burst *burst = &run->burst;
	const uint8_t *asked = run->before[i] + burst->frame[i].payload_offset;
	const uint8_t *answer = burst->data[i] + burst->frame[i].payload_offset;
	const struct cookie_bearer bearer = bearer_of(run->before[i], &burst->frame[i]);
	uint32_t bytes = burst->reply_bytes[i] - burst->frame[i].payload_offset;
	uint8_t tag[AUTH_TAG_BYTES], current[COOKIE_BYTES], previous[COOKIE_BYTES];
	uint64_t given_us_be;
	memcpy(&given_us_be, asked + 32, sizeof(given_us_be));
	struct cookie_secrets before = bulletin.secrets;
	memcpy(before.current, before.previous, sizeof(before.current));
	cookie_write(&bulletin.secrets, &bearer, be64(given_us_be), current);
	cookie_write(&before, &bearer, be64(given_us_be), previous);
	bool good = (memcmp(current, asked + 32, COOKIE_BYTES) == 0 ||
		     memcmp(previous, asked + 32, COOKIE_BYTES) == 0) &&
		    be64(given_us_be) <= WATCH_NOW &&
		    be64(given_us_be) >= WATCH_NOW - 60 * STAGE_SECOND;
	MUST(answer[0] == (good ? 0x44 : 0x45) && memcmp(answer + 1, asked + 1, 9) == 0);
	MUST(memcmp(answer + 16, asked + 16, 4) == 0);
	MUST(good ? bytes <= 256 && bytes >= 40 : bytes == 64);
	uint32_t covered = good ? bytes - AUTH_TAG_BYTES : 48;
	frame_input_right_tag(answer, covered, tag);
	MUST(memcmp(tag, answer + covered, AUTH_TAG_BYTES) == 0);
}

/* A receipt goes to who signed, says what he asked about, and is signed for him. */
static void check_receipt(const struct run *run, uint32_t i)
{
	const struct burst *burst = &run->burst;
	const uint8_t *asked = run->before[i] + burst->frame[i].payload_offset;
	const uint8_t *answer = burst->data[i] + burst->frame[i].payload_offset;
	uint8_t tag[AUTH_TAG_BYTES];
	MUST(burst->reply_bytes[i] == burst->frame[i].payload_offset + (uint32_t)VOTE_BYTES);
	MUST(answer[0] == RECEIPT_TYPE && memcmp(answer + 1, asked + 1, 9) == 0);
	MUST(memcmp(answer + 12, asked + 12, 8) == 0);
	frame_input_right_tag(answer, VOTE_TAG_OFFSET, tag);
	MUST(memcmp(tag, answer + VOTE_TAG_OFFSET, AUTH_TAG_BYTES) == 0);
}

static void check_packet(struct run *run, uint32_t i)
{
	const struct burst *burst = &run->burst;
	enum verdict verdict = burst->verdict[i];
	uint8_t tag[AUTH_TAG_BYTES];
	MUST(verdict > VERDICT_NONE && verdict < VERDICT_COUNT);
	MUST(burst->reply_bytes[i] <= burst->bytes[i]);
	if (verdict < VERDICT_WATCH) {
		MUST((burst->reply_bytes[i] != 0) == (verdict == VERDICT_NEGOTIATED));
		if (verdict == VERDICT_NEGOTIATED)
			check_negotiation(run, i);
		return;
	}
	MUST(burst->reply_bytes[i] != 0);
	const uint8_t *payload = run->before[i] + burst->frame[i].payload_offset;
	enum frame_kind kind = verdict == VERDICT_WATCH ? FRAME_WATCH : FRAME_VOTE;
	uint32_t covered = frame_input_covered(kind);
	frame_input_right_tag(payload, covered, tag);
	MUST(key_is_known((uint16_t)(payload[4] << 8 | payload[5]), payload[9]));
	MUST(memcmp(tag, payload + covered, AUTH_TAG_BYTES) == 0);
	if (verdict == VERDICT_WATCH)
		check_told(run, i);
	else
		check_receipt(run, i);
	run->valid_votes += verdict != VERDICT_WATCH;
}

static void flush(struct run *run)
{
	pipeline_run(&run->stage.pipeline[0], &run->burst);
	for (uint32_t i = 0; i < run->burst.count; i++)
		check_packet(run, i);
	run->burst.count = 0;
}

/* The ballot and the tally, which are written apart, say the same. */
static void check_window(const struct run *run, uint32_t i)
{
	const struct window *window = &run->stage.set[i];
	uint64_t votes[256], audit[256];
	struct tally_sum sum = {.votes = votes};
	uint32_t answers = kind_answers(&window->question);
	if (window->identity != ONE_PER_VOTER)
		return;
	uint64_t voters = ballot_count(run->stage.stores[i].ballots, audit, answers);
	tally_read(&run->stage.stores[i].tally, window->question.options, &sum);
	MUST(sum.receipts[RECEIPT_COUNTED] == voters);
	if (window->question.kind != KIND_MULTI)
		MUST(memcmp(votes, audit, answers * sizeof(votes[0])) == 0);
}

static void check_totals(const struct run *run)
{
	uint64_t verdicts[VERDICT_COUNT], answered = 0;
	MUST(stage_verdicts(&run->stage, verdicts) == stage_received(&run->stage));
	MUST(verdicts[VERDICT_NONE] == 0);
	for (uint32_t verdict = VERDICT_UNKNOWN; verdict < VERDICT_COUNT; verdict++)
		answered += verdicts[verdict];
	MUST(answered == run->valid_votes);
	for (uint32_t i = 0; i < WINDOWS; i++)
		check_window(run, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct run run;
	struct input input = {.pos = bytes, .end = bytes + count};
	const struct auth_key keys[] = {stage_default_key(7, 1), stage_default_key(7, 2),
					stage_default_key(8, 1)};
	if (!run.stage.keys)
		stage_open(&run.stage, keys, 3, windows, WINDOWS);
	stage_clear(&run.stage);
	MUST(subscribers_bytes(ROOM) <= sizeof(seats));
	subscribers_init(&run.watch.subscribers, seats, ROOM);
	run.watch.bulletin = &bulletin;
	run.watch.now_us = WATCH_NOW;
	boards[0].notice.count = NOTICE_MAX_RECORDS;
	run.stage.pipeline[0].watch = &run.watch;
	run.burst.count = 0;
	run.valid_votes = 0;
	while (input.pos < input.end) {
		uint8_t control = take8(&input);
		add_frame(&run, &input, control);
		if (control & CONTROL_FLUSH || run.burst.count == BURST_MAX)
			flush(&run);
	}
	flush(&run);
	check_totals(&run);
	MUST(run.watch.subscribers.count <= ROOM);
	return 0;
}
