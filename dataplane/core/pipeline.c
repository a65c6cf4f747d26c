// SPDX-License-Identifier: BSD-3-Clause
/*
 * The steps of a vote's life, each over the whole burst. Called by workers, --replay, tests and
 * fuzzers. A packet that a step has decided is skipped by the steps after it.
 *
 * No byte of a frame is trusted before authenticate(); what fails it is never answered.
 */
#include "dataplane/core/pipeline.h"

#include <string.h>

#include "dataplane/core/cast.h"
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

/* The votes of a burst that are worth a hash, side by side. */
struct lanes {
	uint32_t count;
	uint32_t packet[BURST_MAX]; /* which of the burst's packets */
	const uint8_t *tenant_key[BURST_MAX];
	const void *message[BURST_MAX];
};

/* Rule 4. Neighbours mostly share tenant and epoch, so the last key found is looked at first. */
static void open_lanes(const struct pipeline *pipeline, struct burst *burst, struct lanes *lanes)
{
	const struct vote *last = NULL;
	const uint8_t *key = NULL;
	lanes->count = 0;
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->verdict[i] != VERDICT_NONE)
			continue;
		struct vote *vote = &burst->vote[i];
		const struct vote_packet *packet = payload_of(burst, i);
		vote_read(packet, vote);
		if (!last || vote->tenant != last->tenant || vote->key_epoch != last->key_epoch)
			key = auth_keys_find(pipeline->keys, vote->tenant, vote->key_epoch);
		last = vote;
		if (!key ||
		    auth_is_revoked(pipeline->keys, vote->tenant, vote->key_epoch, vote->voter)) {
			burst->verdict[i] = VERDICT_UNKNOWN_KEY;
			continue;
		}
		uint32_t lane = lanes->count++;
		lanes->packet[lane] = i;
		lanes->tenant_key[lane] = key;
		lanes->message[lane] = packet;
		burst->lane[i] = (uint8_t)lane;
	}
}

/* A watch is longer than a vote, and rare: its tag is computed by itself. */
static enum verdict authenticate_watch(const struct auth_batch_keys *keys, uint32_t lane,
				       const uint8_t *payload)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_batch_key(keys, lane, voter_key);
	bool right =
		auth_tag_matches(voter_key, payload, WATCH_TAG_OFFSET, payload + WATCH_TAG_OFFSET);
	return right ? VERDICT_WATCH : VERDICT_BAD_TAG;
}

/* Rules 4 and 5. Tags are compared by one exclusive or of 64 bits, in constant time. */
static void authenticate_burst(const struct pipeline *pipeline, struct burst *burst)
{
	struct lanes lanes;
	uint64_t tags[BURST_MAX];
	open_lanes(pipeline, burst, &lanes);
	auth_batch_open(lanes.count, lanes.tenant_key, lanes.message, &burst->keys, tags);
	for (uint32_t lane = 0; lane < lanes.count; lane++) {
		uint32_t i = lanes.packet[lane];
		const struct vote_packet *packet = lanes.message[lane];
		uint64_t tag;
		memcpy(&tag, packet->tag, sizeof(tag));
		if (burst->frame[i].type == WATCH_TYPE)
			burst->verdict[i] =
				authenticate_watch(&burst->keys, lane, lanes.message[lane]);
		else if (tag ^ tags[lane])
			burst->verdict[i] = VERDICT_BAD_TAG;
	}
}

/* Finds each vote's window, mostly its neighbour's, and brings the voter's cell near. */
static void find_burst(const struct pipeline *pipeline, struct burst *burst)
{
	const struct vote *last = NULL;
	const struct window *window = NULL;
	for (uint32_t i = 0; i < burst->count; i++) {
		burst->window[i] = NULL;
		if (burst->verdict[i] != VERDICT_NONE)
			continue;
		const struct vote *vote = &burst->vote[i];
		if (!last || vote->interaction != last->interaction || vote->tenant != last->tenant)
			window = window_table_find(pipeline->windows, vote->tenant,
						   vote->interaction);
		last = vote;
		burst->window[i] = window;
		if (window)
			cast_prefetch(window, vote);
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
	}
}

/* How many answers can be recorded. */
static uint32_t room_for(const struct pipeline *pipeline, const struct burst *burst)
{
	if (pipeline->full)
		return 0;
	if (!pipeline->journal)
		return burst->count;
	uint32_t room = journal_room(pipeline->journal);
	return room < burst->count ? room : burst->count;
}

/* What was accepted goes into this worker's ring. */
static void journal_burst(const struct pipeline *pipeline, struct burst *burst)
{
	for (uint32_t i = 0; pipeline->journal && i < burst->count; i++) {
		enum verdict verdict = burst->verdict[i];
		if (verdict != VERDICT_COUNTED && verdict != VERDICT_CHANGED)
			continue;
		const struct vote *vote = &burst->vote[i];
		const struct record_vote record = {
			.program_time_us = vote->program_time_us,
			.voter = vote->voter,
			.interaction = vote->interaction,
			.tenant = vote->tenant,
			.choice = vote->choice,
			.revision = vote->revision & 0xFFFFFF,
			.changed = verdict == VERDICT_CHANGED,
		};
		journal_put(pipeline->journal, &record);
	}
}

bool pipeline_reply_waits(const struct burst *burst, uint32_t i)
{
	switch (burst->verdict[i]) {
	case VERDICT_COUNTED:
	case VERDICT_CHANGED:
	case VERDICT_DUPLICATE: return true;
	default: return burst->window[i] && burst->standing[i] != CHOICE_NONE;
	}
}

/* Every packet ends in exactly one counter: its window's, or else the worker's own. */
static void count_burst(const struct pipeline *pipeline, const struct burst *burst)
{
	cast_count(burst, pipeline->worker);
	for (uint32_t i = 0; i < burst->count; i++)
		if (!burst->window[i])
			tally_add(&pipeline->counters->verdicts[burst->verdict[i]], 1);
}

/* Writes the short answer to a long header over it. */
static void negotiate(struct burst *burst, uint32_t i)
{
	uint8_t answer[NEGOTIATION_BUFFER_BYTES];
	uint8_t *payload = (uint8_t *)payload_of(burst, i);
	uint8_t *end = burst->data[i] + burst->bytes[i];
	uint32_t bytes = negotiation_write(payload, answer);
	memcpy(payload, answer, bytes);
	uint64_t sum = checksum_bytes(answer, bytes, answer + sizeof(answer));
	if (reply_turn(burst->data[i], end, &burst->frame[i], (uint16_t)bytes, sum))
		burst->reply_bytes[i] = burst->frame[i].payload_offset + bytes;
}

/* Its lane still has its key: what was moved went to lanes of packets before it. */
static void answer_watch(const struct pipeline *pipeline, struct burst *burst, uint32_t i)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	if (!pipeline->watch)
		return;
	auth_batch_key(&burst->keys, burst->lane[i], voter_key);
	burst->reply_bytes[i] =
		watch_answer(pipeline->watch, burst->data[i], burst->data[i] + burst->bytes[i],
			     &burst->frame[i], voter_key, burst->arrival_us[i]);
}

/* Fills in the receipts of those that get one; lanes are closed up. */
static void fill_receipts(const struct pipeline *pipeline, struct burst *burst, struct lanes *lanes)
{
	lanes->count = 0;
	for (uint32_t i = 0; i < burst->count; i++) {
		enum receipt_status status = receipt_status_of(burst->verdict[i]);
		burst->reply_bytes[i] = 0;
		if (burst->verdict[i] == VERDICT_NEGOTIATED)
			negotiate(burst, i);
		else if (burst->verdict[i] == VERDICT_WATCH)
			answer_watch(pipeline, burst, i);
		if (status == RECEIPT_NONE)
			continue;
		uint32_t lane = lanes->count++;
		receipt_fill(payload_of(burst, i), status, burst->standing[i],
			     burst->arrival_us[i]);
		auth_batch_key_move(&burst->keys, lane, burst->lane[i]);
		lanes->packet[lane] = i;
		lanes->message[lane] = payload_of(burst, i);
	}
}

/* The tag's share of a checksum: its two 32-bit words. */
static uint64_t tag_sum(uint64_t tag)
{
	return (tag & 0xFFFFFFFF) + (tag >> 32);
}

/* Signs and turns round. What was filled in is read again only here, when it has settled. */
static void receipt_burst(const struct pipeline *pipeline, struct burst *burst)
{
	struct lanes lanes;
	uint64_t tags[BURST_MAX];
	count_burst(pipeline, burst);
	feedback_burst(&pipeline->feedback, burst);
	fill_receipts(pipeline, burst, &lanes);
	auth_batch_sign(lanes.count, &burst->keys, lanes.message, tags);
	for (uint32_t lane = 0; lane < lanes.count; lane++) {
		uint32_t i = lanes.packet[lane];
		struct vote_packet *packet = payload_of(burst, i);
		uint8_t *end = burst->data[i] + burst->bytes[i];
		uint64_t sum = checksum_words(tag_sum(tags[lane]), lanes.message[lane],
					      VOTE_TAG_OFFSET / 4);
		memcpy(packet->tag, &tags[lane], sizeof(packet->tag));
		if (reply_turn(burst->data[i], end, &burst->frame[i], VOTE_BYTES, sum))
			burst->reply_bytes[i] = burst->frame[i].payload_offset + VOTE_BYTES;
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
	burst->room = room_for(pipeline, burst);
	cast_burst(burst);
	step_done(counters, STEP_CAST, &mark);
	journal_burst(pipeline, burst);
	step_done(counters, STEP_JOURNAL, &mark);
	receipt_burst(pipeline, burst);
	step_done(counters, STEP_RECEIPT, &mark);
	burst->release_at = pipeline->journal ? journal_report(pipeline->journal) : 0;
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
