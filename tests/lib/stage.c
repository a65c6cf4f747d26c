// SPDX-License-Identifier: BSD-3-Clause
/* The pipeline's surroundings, and what must hold for every burst that goes through it. */
#include "tests/lib/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/core/receipt.h"
#include "wire/byte_order.h"

static void *zeroed(size_t bytes)
{
	size_t rounded = (bytes + 63) / 64 * 64;
	void *memory = aligned_alloc(64, rounded ? rounded : 64);
	if (!memory)
		abort();
	return memset(memory, 0, rounded);
}

/* Zeroes that take no memory until they are written. */
static void *mapped(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static struct store_plan plan_of(const struct stage_window *from)
{
	enum kind kind = from->rules.kind ? from->rules.kind : KIND_POLL;
	return (struct store_plan){
		.question = {.kind = (uint8_t)kind,
			     .max_choices = from->rules.max_choices,
			     .first = from->rules.first,
			     .options = from->options},
		.identity = from->rules.revote ? ONE_PER_VOTER_CHANGING : kind_row(kind)->identity,
		.form = from->rules.dense ? BALLOT_DENSE : BALLOT_GROWING,
		.seconds = from->rules.seconds ? from->rules.seconds : 1,
		.voters = from->voters,
		.pairs = from->rules.pairs,
		.lanes = STAGE_WORKERS,
	};
}

static void window_open(struct stage *stage, uint32_t i, const struct stage_window *from)
{
	struct store_plan plan = plan_of(from);
	struct store *store = &stage->stores[i];
	stage->memory[i] = mapped(stage->bytes[i] = store_bytes(&plan));
	store_init(store, stage->memory[i], &plan);
	stage->plans[i] = plan;
	stage->set[i] = (struct window){
		.interaction = from->interaction,
		.tenant = from->tenant,
		.question = plan.question,
		.identity = (uint8_t)plan.identity,
		.cancelled = from->cancelled,
		.opens_at_us = from->opens_at_us,
		.closes_at_us = from->closes_at_us,
		.max_delay_us = from->max_delay_us,
		.store = store,
		.ballots = store->ballots,
		.tally = &store->tally,
	};
}

void stage_open(struct stage *stage, const struct auth_key *keys, uint32_t key_count,
		const struct stage_window *windows, uint32_t window_count)
{
	memset(stage, 0, sizeof(*stage));
	stage->keys = auth_keys_build(zeroed(auth_keys_bytes(key_count)), keys, key_count);
	stage->set = zeroed(window_count * sizeof(*stage->set));
	stage->window_count = window_count;
	stage->stores = zeroed(window_count * sizeof(*stage->stores));
	stage->memory = zeroed(window_count * sizeof(*stage->memory));
	stage->bytes = zeroed(window_count * sizeof(*stage->bytes));
	stage->plans = zeroed(window_count * sizeof(*stage->plans));
	for (uint32_t i = 0; i < window_count; i++)
		window_open(stage, i, &windows[i]);
	stage->counters = zeroed(STAGE_WORKERS * sizeof(*stage->counters));
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++)
		stage->pipeline[worker] = (struct pipeline){
			.keys = stage->keys,
			.counters = &stage->counters[worker],
			.worker = worker,
			.vote_port_be = be16(ENVELOPE_VOTE_PORT),
		};
	stage_publish(stage);
}

void stage_close(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->window_count; i++)
		munmap(stage->memory[i], stage->bytes[i]);
	free(stage->keys);
	free(stage->set);
	free(stage->stores);
	free(stage->memory);
	free(stage->bytes);
	free(stage->plans);
	free(stage->windows);
	free(stage->counters);
}

/* Zeroes again, but only the pages that have memory. */
static void blank(uint8_t *memory, size_t bytes)
{
	unsigned char resident[1024];
	if (bytes > sizeof(resident) * STORE_ALIGNMENT || mincore(memory, bytes, resident) != 0)
		abort();
	for (size_t page = 0; page < bytes / STORE_ALIGNMENT; page++)
		if (resident[page] & 1)
			memset(memory + page * STORE_ALIGNMENT, 0, STORE_ALIGNMENT);
}

static bool has_receipts(const struct store *store)
{
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++)
		for (uint32_t status = 0; status < RECEIPT_STATUSES; status++)
			if (tally_get(&tally_lane(&store->tally, worker)->receipts[status]))
				return true;
	return false;
}

void stage_clear(struct stage *stage)
{
	memset(stage->counters, 0, STAGE_WORKERS * sizeof(*stage->counters));
	for (uint32_t i = 0; i < stage->window_count; i++) {
		if (!has_receipts(&stage->stores[i]))
			continue;
		blank(stage->memory[i], stage->bytes[i]);
		store_init(&stage->stores[i], stage->memory[i], &stage->plans[i]);
	}
}

void stage_publish(struct stage *stage)
{
	free(stage->windows);
	stage->windows = window_table_build(zeroed(window_table_bytes(stage->window_count)),
					    stage->set, stage->window_count);
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++)
		stage->pipeline[worker].windows = stage->windows;
}

static enum verdict verdict_of_status(uint32_t status)
{
	static const enum verdict verdicts[RECEIPT_STATUSES] = {
		VERDICT_COUNTED, VERDICT_CHANGED,    VERDICT_DUPLICATE, VERDICT_EARLY, VERDICT_LATE,
		VERDICT_UNKNOWN, VERDICT_BAD_CHOICE, VERDICT_CANCELLED, VERDICT_BUSY,
	};
	return verdicts[status];
}

uint64_t stage_verdicts(const struct stage *stage, uint64_t verdicts[VERDICT_COUNT])
{
	uint64_t all = 0;
	memset(verdicts, 0, VERDICT_COUNT * sizeof(verdicts[0]));
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++) {
		for (uint32_t i = 0; i < VERDICT_COUNT; i++)
			verdicts[i] += tally_get(&stage->counters[worker].verdicts[i]);
		for (uint32_t i = 0; i < stage->window_count; i++) {
			const struct tally_lane *lane = tally_lane(&stage->stores[i].tally, worker);
			for (uint32_t status = 0; status < RECEIPT_STATUSES; status++)
				verdicts[verdict_of_status(status)] +=
					tally_get(&lane->receipts[status]);
		}
	}
	/* VERDICT_NONE is no outcome: what is counted there is lost. */
	for (uint32_t i = VERDICT_NONE + 1; i < VERDICT_COUNT; i++)
		all += verdicts[i];
	return all;
}

uint64_t stage_received(const struct stage *stage)
{
	uint64_t received = 0;
	for (uint32_t worker = 0; worker < STAGE_WORKERS; worker++)
		received += tally_get(&stage->counters[worker].received);
	return received;
}

struct auth_key stage_default_key(uint16_t tenant, uint8_t epoch)
{
	struct auth_key key = {.tenant = tenant, .epoch = epoch, .used = true};
	for (uint32_t i = 0; i < AUTH_KEY_BYTES; i++)
		key.key[i] = (uint8_t)i;
	/* Tenant 7, epoch 1 has the key of the specification's test vector. */
	key.key[0] ^= (uint8_t)(tenant >> 8);
	key.key[1] ^= (uint8_t)(tenant ^ 7);
	key.key[2] ^= (uint8_t)(epoch ^ 1);
	return key;
}

void stage_sign(const struct vote *vote, struct vote_packet *packet)
{
	struct auth_key key = stage_default_key(vote->tenant, vote->key_epoch);
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(key.key, vote->tenant, vote->key_epoch, vote->voter, voter_key);
	vote_write(vote, voter_key, packet);
}

void stage_burst_start(struct stage_burst *burst)
{
	burst->burst.count = 0;
}

uint32_t stage_burst_add(struct stage_burst *burst, const struct envelope *envelope,
			 const void *payload, uint32_t bytes, uint64_t arrival_us)
{
	uint32_t i = burst->burst.count++;
	if (i >= BURST_MAX)
		abort();
	burst->burst.data[i] = burst->frames[i];
	burst->burst.bytes[i] = envelope_wrap(envelope, payload, bytes, burst->frames[i]);
	burst->burst.arrival_us[i] = arrival_us;
	return i;
}

uint32_t stage_burst_vote(struct stage_burst *burst, const struct envelope *envelope,
			  const struct vote *vote, uint64_t arrival_us)
{
	struct vote_packet packet;
	stage_sign(vote, &packet);
	return stage_burst_add(burst, envelope, &packet, sizeof(packet), arrival_us);
}

/* What columns of the burst a step leaves alone must not matter: fill them with garbage. */
static void spoil(struct stage_burst *burst)
{
	struct burst *b = &burst->burst;
	memset(b->frame, 0xA5, sizeof(b->frame));
	memset(b->verdict, 0x5A, sizeof(b->verdict));
	memset(b->vote, 0xA5, sizeof(b->vote));
	memset(&b->keys, 0xA5, sizeof(b->keys));
	memset(b->lane, 0xA5, sizeof(b->lane));
	memset(b->window, 0xA5, sizeof(b->window));
	memset(b->standing, 0xA5, sizeof(b->standing));
	memset(b->reply_bytes, 0xA5, sizeof(b->reply_bytes));
}

/* The frame and a little of what lies behind it. */
static uint32_t kept_bytes(const struct burst *burst, uint32_t i)
{
	uint32_t bytes = burst->bytes[i] + 64;
	return bytes < ENVELOPE_MAX_BYTES ? bytes : ENVELOPE_MAX_BYTES;
}

/*
 * Receipts go only to packets judged by rules 6 to 13, all of those get one, as does a WATCH where
 * viewers are told, and no frame grows.
 */
static const char *check_replies(const struct stage_burst *burst, bool tells)
{
	const struct burst *b = &burst->burst;
	for (uint32_t i = 0; i < b->count; i++) {
		enum verdict verdict = b->verdict[i];
		if (verdict <= VERDICT_NONE || verdict >= VERDICT_COUNT)
			return "a packet has no verdict";
		bool answered = verdict >= VERDICT_UNKNOWN || verdict == VERDICT_NEGOTIATED ||
				(verdict == VERDICT_WATCH && tells);
		if (answered != (b->reply_bytes[i] != 0))
			return answered ? "an answer is missing" : "an answer nobody may get";
		if (b->reply_bytes[i] > b->bytes[i])
			return "an answer is larger than its request";
		uint32_t answer = b->reply_bytes[i];
		if (memcmp(burst->frames[i] + answer, burst->before[i] + answer,
			   kept_bytes(b, i) - answer) != 0)
			return "bytes changed that are no part of an answer";
	}
	return NULL;
}

const char *stage_play(struct stage *stage, uint32_t worker, struct stage_burst *burst)
{
	const struct pipeline_counters *counters = &stage->counters[worker];
	uint64_t received = counters->received, bursts = counters->bursts;
	for (uint32_t i = 0; i < burst->burst.count; i++)
		memcpy(burst->before[i], burst->frames[i], kept_bytes(&burst->burst, i));
	spoil(burst);
	pipeline_run(&stage->pipeline[worker], &burst->burst);
	if (counters->received != received + burst->burst.count || counters->bursts != bursts + 1)
		return "received or bursts did not go up by this burst";
	if (counters->verdicts[VERDICT_NONE] != 0)
		return "a packet was counted as undecided";
	return check_replies(burst, stage->pipeline[worker].watch);
}
