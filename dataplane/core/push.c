// SPDX-License-Identifier: BSD-3-Clause
/* What is due next, and its frames. Called by a worker between bursts of votes. */
#include "dataplane/core/push.h"

#include <string.h>

#include "ebpf/reply.h"
#include "wire/byte_order.h"

static uint64_t rounds_end(const struct bulletin *bulletin)
{
	return bulletin->first_round + bulletin->round_count;
}

static const struct bulletin_round *round_of(const struct push *push,
					     const struct bulletin *bulletin, uint32_t time)
{
	return &bulletin->rounds[push->times[time].round - bulletin->first_round];
}

/* Rounds that are not kept any more are skipped. */
static void catch_up(struct push *push, const struct bulletin *bulletin)
{
	for (uint32_t time = 0; time < PUSH_TIMES; time++) {
		if (push->times[time].round >= bulletin->first_round)
			continue;
		push->times[time].round = bulletin->first_round;
		push->times[time].at = 0;
	}
}

/*
 * The first of the three that may send now; PUSH_TIMES: none. A round's second time never overtakes
 * its first, which is due before it and so is chosen before it.
 */
static uint32_t due_time(const struct push *push, const struct watch *watch)
{
	const struct bulletin *bulletin = watch->bulletin;
	for (uint32_t time = 0; time < PUSH_TIMES; time++) {
		uint64_t round = push->times[time].round;
		if (round == rounds_end(bulletin))
			continue;
		uint64_t at_us = round_of(push, bulletin, time)->at_us + time * PUSH_APART_US;
		if (watch->now_us >= at_us)
			return time;
	}
	return PUSH_TIMES;
}

bool push_is_due(struct push *push, const struct watch *watch)
{
	if (push->times[PUSH_TIMES - 1].round == rounds_end(watch->bulletin))
		return false;
	catch_up(push, watch->bulletin);
	return due_time(push, watch) != PUSH_TIMES;
}

/* The viewers of a batch, and their tenant's keys. */
struct chosen {
	const void *payloads[PUSH_BATCH];
	const uint8_t *keys[PUSH_BATCH];
};

/* Whether the entry is to have this notice; a reason why not is counted. */
static bool wants(struct watch *watch, const struct bulletin_round *round, uint32_t index,
		  const struct auth_keys *keys, const uint8_t **key)
{
	const struct subscriber *viewer = &watch->subscribers.entries[index];
	if (viewer->cid.tenant_be != be16(round->tenant) ||
	    !subscriber_lives(viewer, watch->now_us))
		return false;
	*key = auth_keys_find(keys, round->tenant, viewer->key_epoch);
	if (!*key ||
	    auth_is_revoked(keys, round->tenant, viewer->key_epoch, be32(viewer->voter_be)))
		subscribers_drop(&watch->subscribers, index);
	else if (viewer->notices)
		return true;
	tally_add(&watch->counters.dropped, 1);
	return false;
}

/* All copies of a round are dated alike: whichever a viewer hears last, a later change is later. */
static uint64_t date_of(const struct watch *watch, const struct bulletin_round *round,
			const struct push_batch *batch)
{
	return batch->clock_us - (watch->now_us - round->at_us);
}

/* Heads and records of as many as there is room for. */
static void fill_batch(struct watch *watch, const struct bulletin_round *round, uint32_t at,
		       struct push_batch *batch, struct chosen *chosen)
{
	uint64_t date_us = date_of(watch, round, batch);
	uint32_t looks = 0;
	batch->count = 0;
	for (; at < watch->subscribers.end && batch->count < batch->room && looks < PUSH_LOOKS;
	     at++, looks++) {
		uint32_t i = batch->count;
		if (!wants(watch, round, at, batch->keys, &chosen->keys[i]))
			continue;
		const struct subscriber *viewer = &watch->subscribers.entries[at];
		uint8_t *payload = batch->frames[i] + viewer->head_bytes;
		notice_fill(&round->notice, &viewer->cid, viewer->key_epoch, viewer->voter_be,
			    date_us, payload);
		chosen->payloads[i] = payload;
		batch->entry[i] = at;
		batch->count++;
	}
	batch->next = at;
}

/* The sum of what is the same in all notices of a round. */
static uint64_t records_sum(const struct notice *notice)
{
	return checksum_words(0, (const uint8_t *)notice->records,
			      (int)(notice->count * NOTICE_RECORD_BYTES / 4));
}

static void sign_batch(const struct watch *watch, const struct notice *notice,
		       struct push_batch *batch, const struct chosen *chosen)
{
	uint64_t tags[AUTH_BATCH_MAX];
	uint64_t alike = records_sum(notice);
	uint32_t covered = notice_covered(notice);
	auth_batch_tell(batch->count, chosen->keys, chosen->payloads, covered, tags);
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct subscriber *viewer = &watch->subscribers.entries[batch->entry[i]];
		uint8_t *payload = batch->frames[i] + viewer->head_bytes;
		memcpy(payload + covered, &tags[i], sizeof(tags[i]));
		uint64_t sum = checksum_words(alike, payload, NOTICE_HEAD_BYTES / 4) +
			       (uint32_t)tags[i] + (tags[i] >> 32);
		batch->bytes[i] =
			subscriber_frame(viewer, notice_bytes(notice), sum, batch->frames[i]);
	}
}

void push_build(struct push *push, struct watch *watch, struct push_batch *batch)
{
	struct chosen chosen;
	batch->time = due_time(push, watch);
	const struct bulletin_round *round = round_of(push, watch->bulletin, batch->time);
	fill_batch(watch, round, push->times[batch->time].at, batch, &chosen);
	sign_batch(watch, &round->notice, batch, &chosen);
}

void push_done(struct push *push, struct watch *watch, const struct push_batch *batch,
	       uint32_t sent)
{
	uint32_t next = sent < batch->count ? batch->entry[sent] : batch->next;
	for (uint32_t i = 0; i < sent; i++)
		watch->subscribers.entries[batch->entry[i]].notices--;
	tally_add(&watch->counters.pushed, sent);
	push->times[batch->time].at = next;
	if (next < watch->subscribers.end)
		return;
	push->times[batch->time].at = 0;
	push->times[batch->time].round++;
	tally_set(&watch->counters.rounds_done, push->times[PUSH_TIMES - 1].round);
}
