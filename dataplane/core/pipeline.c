// SPDX-License-Identifier: BSD-3-Clause
/*
 * The steps of a vote's life, each over the whole burst. Called by workers, --replay, tests and
 * fuzzers. A packet that a step has decided is skipped by the steps after it.
 *
 * No byte of a frame is trusted before authenticate(); what fails it is never answered.
 */
#include "dataplane/core/pipeline.h"

#include <string.h>

#include "dataplane/core/cycles.h"
#include "dataplane/core/judge.h"
#include "dataplane/core/receipt.h"
#include "ebpf/reply.h"

static struct vote_packet *payload_of(const struct burst *burst, uint32_t i)
{
	return (void *)(burst->data[i] + burst->frame[i].payload_offset);
}

/* Rules 1 to 3. */
static void classify_burst(const struct pipeline *pipeline, struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++)
		__builtin_prefetch(burst->data[i], 1);
	for (uint32_t i = 0; i < burst->count; i++) {
		const uint8_t *end = burst->data[i] + burst->bytes[i];
		burst->verdict[i] =
			classify(burst->data[i], end, pipeline->vote_port_be, &burst->frame[i]);
	}
}

static enum verdict authenticate(const struct pipeline *pipeline, struct burst *burst, uint32_t i)
{
	const struct vote_packet *packet = payload_of(burst, i);
	struct vote *vote = &burst->vote[i];
	vote_read(packet, vote);
	const uint8_t *key = auth_keys_find(pipeline->keys, vote->tenant, vote->key_epoch);
	if (!key)
		return VERDICT_UNKNOWN_KEY;
	bool watch = burst->frame[i].type == WATCH_TYPE;
	size_t covered = watch ? WATCH_TAG_OFFSET : VOTE_TAG_OFFSET;
	uint8_t *voter_key = burst->voter_key[i];
	auth_voter_key(key, vote->tenant, vote->key_epoch, vote->voter, voter_key);
	if (!auth_tag_matches(voter_key, packet, covered, (const uint8_t *)packet + covered))
		return VERDICT_BAD_TAG;
	return watch ? VERDICT_WATCH : VERDICT_NONE;
}

/* Rules 4 and 5. */
static void authenticate_burst(const struct pipeline *pipeline, struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++)
		if (burst->verdict[i] == VERDICT_NONE)
			burst->verdict[i] = authenticate(pipeline, burst, i);
}

/* Finds each vote's window and brings the voter's cell near. */
static void find_burst(const struct pipeline *pipeline, struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		burst->window[i] = NULL;
		if (burst->verdict[i] != VERDICT_NONE)
			continue;
		const struct vote *vote = &burst->vote[i];
		const struct window *window =
			window_table_find(pipeline->windows, vote->tenant, vote->interaction);
		burst->window[i] = window;
		if (window)
			ballot_prefetch(window->ballot, vote->voter);
	}
}

/* Rules 6 to 10. */
static void judge_burst(struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->verdict[i] != VERDICT_NONE)
			continue;
		const struct window *window = burst->window[i];
		const struct vote *vote = &burst->vote[i];
		burst->verdict[i] = judge(vote, window, burst->arrival_us[i]);
		burst->standing[i] = CHOICE_NONE;
	}
}

/* Rules 11 to 13: one swap in the ballot decides. */
static enum verdict cast(struct burst *burst, uint32_t i)
{
	const struct vote *vote = &burst->vote[i];
	struct ballot *ballot = burst->window[i]->ballot;
	switch (ballot_cast(ballot, vote->voter, vote->choice, &burst->standing[i])) {
	case BALLOT_RECORDED: return VERDICT_COUNTED;
	case BALLOT_STANDS: return VERDICT_DUPLICATE;
	case BALLOT_FULL: break;
	}
	return VERDICT_BUSY;
}

/*
 * In the order of arrival. A vote that was refused learns here what stands, so that an answer of
 * its voter in the same burst is seen by it, or not, as if they had come in two.
 */
static void cast_burst(struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		const struct window *window = burst->window[i];
		if (burst->verdict[i] == VERDICT_NONE)
			burst->verdict[i] = cast(burst, i);
		else if (window)
			burst->standing[i] = ballot_standing(window->ballot, burst->vote[i].voter);
	}
}

/* Every packet ends in exactly one counter: its window's, or else the worker's own. */
static void count(const struct pipeline *pipeline, const struct burst *burst, uint32_t i)
{
	enum verdict verdict = burst->verdict[i];
	const struct window *window = burst->window[i];
	if (!window) {
		tally_add(&pipeline->counters->verdicts[verdict], 1);
		return;
	}
	struct tally_lane *lane = tally_lane(window->tally, pipeline->worker);
	tally_add(&lane->receipts[receipt_status_of(verdict)], 1);
	if (verdict == VERDICT_COUNTED)
		tally_add(&lane->votes[burst->vote[i].choice], 1);
}

/* Moves [payload_offset, …) aside for the short answer to a long header. */
static uint16_t write_negotiation(struct burst *burst, uint32_t i)
{
	uint8_t answer[NEGOTIATION_BUFFER_BYTES];
	uint8_t *payload = (uint8_t *)payload_of(burst, i);
	uint32_t bytes = negotiation_write(payload, answer);
	memcpy(payload, answer, bytes);
	return (uint16_t)bytes;
}

static void reply(struct burst *burst, uint32_t i)
{
	enum verdict verdict = burst->verdict[i];
	enum receipt_status status = receipt_status_of(verdict);
	uint16_t bytes = 0;
	burst->reply_bytes[i] = 0;
	if (status != RECEIPT_NONE) {
		receipt_write(payload_of(burst, i), status, burst->standing[i],
			      burst->arrival_us[i], burst->voter_key[i]);
		bytes = VOTE_BYTES;
	} else if (verdict == VERDICT_NEGOTIATED) {
		bytes = write_negotiation(burst, i);
	} else {
		return;
	}
	uint8_t *end = burst->data[i] + burst->bytes[i];
	if (reply_turn(burst->data[i], end, &burst->frame[i], bytes))
		burst->reply_bytes[i] = burst->frame[i].payload_offset + bytes;
}

static void receipt_burst(const struct pipeline *pipeline, struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		count(pipeline, burst, i);
		reply(burst, i);
	}
}

/* The cycles since `*mark` go to `step`; the mark moves on. */
static void step_done(struct pipeline_counters *counters, enum pipeline_step step, uint64_t *mark)
{
	uint64_t now = cycles_now();
	tally_add(&counters->step_cycles[step], now - *mark);
	*mark = now;
}

void pipeline_run(const struct pipeline *pipeline, struct burst *burst)
{
	struct pipeline_counters *counters = pipeline->counters;
	tally_add(&counters->received, burst->count);
	tally_add(&counters->bursts, 1);

	uint64_t mark = cycles_now();
	classify_burst(pipeline, burst);
	step_done(counters, STEP_CLASSIFY, &mark);
	authenticate_burst(pipeline, burst);
	step_done(counters, STEP_AUTHENTICATE, &mark);
	find_burst(pipeline, burst);
	step_done(counters, STEP_FIND, &mark);
	judge_burst(burst);
	step_done(counters, STEP_JUDGE, &mark);
	cast_burst(burst);
	step_done(counters, STEP_CAST, &mark);
	receipt_burst(pipeline, burst);
	step_done(counters, STEP_RECEIPT, &mark);
}

const char *pipeline_step_name(enum pipeline_step step)
{
	static const char *const names[] = {
#define X(symbol, name) [STEP_##symbol] = #name,
		PIPELINE_STEPS(X)
#undef X
	};
	return names[step];
}
