// SPDX-License-Identifier: BSD-3-Clause
/*
 * Viewers and their books. Called by `tallyreplay watch` for each datagram; knows no frames and no
 * sockets, and reads no clock.
 *
 * An answer to a WATCH tells of all windows, a push of those that changed. So what comes while a
 * WATCH is unanswered is its answer where it tells of no fewer than the viewer knew.
 */
#include "perf/audience.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/vote.h"
#include "wire/byte_order.h"

#define RETRY_NS  UINT64_C(200000000) /* doubled each time, up to eight times this */
#define TRIES_MAX 3

int audience_open(struct audience *audience, const struct audience_options *options,
		  struct err *err)
{
	memset(audience, 0, sizeof(*audience));
	audience->options = *options;
	audience->viewers = calloc(options->count, sizeof(struct viewer));
	return audience->viewers ? 0
				 : err_set(err, -ENOMEM, "--viewers: no memory for %u; ask fewer",
					   options->count);
}

void audience_close(struct audience *audience)
{
	for (uint32_t i = 0; i < audience->change_count; i++)
		free(audience->changes[i].told);
	free(audience->viewers);
	audience->viewers = NULL;
}

static void key_of(const struct audience *audience, uint32_t i, uint8_t voter_key[AUTH_KEY_BYTES])
{
	const struct audience_options *options = &audience->options;
	auth_voter_key(options->tenant_key, options->tenant, options->key_epoch, options->first + i,
		       voter_key);
}

static uint64_t retry_ns(uint8_t *tries)
{
	uint64_t wait_ns = RETRY_NS << *tries;
	*tries += *tries < TRIES_MAX;
	return wait_ns;
}

/* What a WATCH and a vote of this viewer begin with. */
static void write_vote(const struct audience *audience, uint32_t i, uint32_t interaction,
		       uint16_t choice, uint64_t time_us, uint8_t *payload)
{
	const struct audience_options *options = &audience->options;
	uint8_t voter_key[AUTH_KEY_BYTES];
	const struct vote vote = {
		.program_time_us = time_us,
		.interaction = interaction,
		.voter = options->first + i,
		.tenant = options->tenant,
		.server = options->server,
		.choice = choice,
		.key_epoch = options->key_epoch,
	};
	key_of(audience, i, voter_key);
	vote_write(&vote, voter_key, (void *)payload);
}

static uint32_t write_watch(struct audience *audience, uint32_t i, uint64_t now_ns,
			    uint8_t *payload)
{
	struct viewer *viewer = &audience->viewers[i];
	struct watch_packet *watch = (void *)payload;
	uint8_t voter_key[AUTH_KEY_BYTES];
	memset(payload, 0, WATCH_BYTES);
	write_vote(audience, i, 0, 0, now_ns / 1000, payload);
	watch->type = WATCH_TYPE;
	memcpy(watch->cookie, viewer->cookie, COOKIE_BYTES);
	key_of(audience, i, voter_key);
	auth_tag(voter_key, payload, WATCH_TAG_OFFSET, watch->tag);
	/* Those of an earlier turn are not waited for any more. */
	if (viewer->watch_tries == 0)
		viewer->asked = 0;
	viewer->asked += viewer->asked < UINT8_MAX;
	viewer->watch_due_ns = now_ns + retry_ns(&viewer->watch_tries);
	audience->watches++;
	return WATCH_BYTES;
}

/* Always the same bytes of the vote under way; a new one has the time at which it is begun. */
static uint32_t write_answer(struct audience *audience, uint32_t i, uint64_t now_ns,
			     uint8_t *payload)
{
	struct viewer *viewer = &audience->viewers[i];
	if (!viewer->voting)
		viewer->voting_in = (uint8_t)__builtin_ctzll(viewer->to_vote);
	const struct audience_window *window = &audience->windows[viewer->voting_in];
	if (!viewer->voting) {
		uint64_t now_us = now_ns / 1000;
		viewer->voting = true;
		viewer->vote_tries = 0;
		viewer->program_us = now_us > window->opens_at_us ? now_us : window->opens_at_us;
		audience->votes++;
	}
	write_vote(audience, i, window->interaction, audience->options.choice, viewer->program_us,
		   payload);
	viewer->vote_due_ns = now_ns + retry_ns(&viewer->vote_tries);
	audience->votes_sent++;
	return VOTE_BYTES;
}

uint32_t audience_next(struct audience *audience, uint32_t i, uint64_t now_ns,
		       uint8_t payload[WATCH_BYTES])
{
	const struct viewer *viewer = &audience->viewers[i];
	uint32_t bytes = 0;
	if (viewer->to_vote && (!viewer->voting || now_ns >= viewer->vote_due_ns))
		bytes = write_answer(audience, i, now_ns, payload);
	else if (now_ns >= viewer->watch_due_ns)
		bytes = write_watch(audience, i, now_ns, payload);
	audience->bytes_out += bytes;
	return bytes;
}

/* The window's number, or AUDIENCE_WINDOWS where there are too many. */
static uint32_t window_of(struct audience *audience, const struct notice_record *record)
{
	uint32_t interaction = be32(record->interaction_be), i = 0;
	while (i < audience->window_count && audience->windows[i].interaction != interaction)
		i++;
	if (i == AUDIENCE_WINDOWS)
		return i;
	if (i == audience->window_count)
		audience->windows[audience->window_count++].interaction = interaction;
	audience->windows[i].opens_at_us = be64(record->opens_at_us_be);
	return i;
}

/* NULL where there are too many, or no memory. */
static struct audience_change *change_of(struct audience *audience,
					 const struct notice_record *record)
{
	for (uint32_t i = 0; i < audience->change_count; i++)
		if (!memcmp(&audience->changes[i].record, record, sizeof(*record)))
			return &audience->changes[i];
	uint8_t *told = audience->change_count < AUDIENCE_CHANGES
				? calloc(audience->options.count, 1)
				: NULL;
	if (!told)
		return NULL;
	struct audience_change *change = &audience->changes[audience->change_count++];
	*change = (struct audience_change){.record = *record, .told = told};
	return change;
}

static void book_push(struct audience *audience, uint32_t i, const struct notice_record *record,
		      uint64_t arrival_ns)
{
	struct audience_change *change = change_of(audience, record);
	if (!change)
		return;
	if (change->notices++ == 0)
		change->first_ns = arrival_ns;
	if (change->told[i] == 0) {
		change->viewers++;
		change->first_last_ns = arrival_ns;
	}
	change->told[i] += change->told[i] < UINT8_MAX;
	change->last_ns = arrival_ns;
}

/* A record, whether pushed or answered: the viewer knows the window now, and votes in it once. */
static void learn(struct audience *audience, uint32_t i, const struct notice_record *record)
{
	struct viewer *viewer = &audience->viewers[i];
	uint32_t window = window_of(audience, record);
	bool told = be16(record->leader_be) != NOTICE_NO_LEADER || record->share_be != 0;
	audience->too_soon += told && record->state != NOTICE_REVEALED;
	if (window == AUDIENCE_WINDOWS)
		return;
	uint64_t bit = UINT64_C(1) << window;
	viewer->known |= bit;
	if (!audience->options.votes || record->state != NOTICE_OPEN || viewer->voted & bit)
		return;
	viewer->voted |= bit;
	viewer->to_vote |= bit;
}

static bool take_challenge(struct audience *audience, uint32_t i, const uint8_t *payload,
			   uint64_t arrival_ns)
{
	struct viewer *viewer = &audience->viewers[i];
	const struct challenge_packet *challenge = (const void *)payload;
	audience->challenges++;
	if (audience->options.spoof || !viewer->asked)
		return false;
	viewer->asked--;
	memcpy(viewer->cookie, challenge->cookie, COOKIE_BYTES);
	viewer->watch_due_ns = arrival_ns;
	return true;
}

/* The answer to a WATCH: nothing more is due until it is time to renew. */
static void take_answer(struct audience *audience, uint32_t i, uint64_t arrival_ns)
{
	struct viewer *viewer = &audience->viewers[i];
	audience->answers++;
	audience->subscribed += !viewer->subscribed;
	viewer->subscribed = true;
	viewer->asked--;
	viewer->watch_tries = 0;
	viewer->watch_due_ns = arrival_ns + audience->options.every_ns;
	viewer->known = 0;
}

static uint32_t windows_known(const struct viewer *viewer)
{
	uint32_t known = (uint32_t)__builtin_popcountll(viewer->known);
	return known < NOTICE_MAX_RECORDS ? known : NOTICE_MAX_RECORDS;
}

static bool take_notice(struct audience *audience, uint32_t i, const uint8_t *payload,
			uint64_t arrival_ns)
{
	struct viewer *viewer = &audience->viewers[i];
	const struct notice_head *head = (const void *)payload;
	const struct notice_record *records = (const void *)(head + 1);
	/* Windows can be taken out: in the end any notice is believed to be the answer. */
	bool answers = viewer->asked &&
		       (head->records >= windows_known(viewer) || viewer->watch_tries == TRIES_MAX);
	if (answers)
		take_answer(audience, i, arrival_ns);
	else
		audience->pushed++;
	for (uint32_t r = 0; r < head->records; r++) {
		learn(audience, i, &records[r]);
		if (!answers)
			book_push(audience, i, &records[r], arrival_ns);
	}
	return viewer->to_vote && !viewer->voting;
}

/* Ends the vote under way; busy and early ones go on. */
static bool take_receipt(struct audience *audience, uint32_t i, const uint8_t *payload)
{
	struct viewer *viewer = &audience->viewers[i];
	const struct receipt_packet *receipt = (const void *)payload;
	if (receipt->status >= RECEIPT_STATUSES || !viewer->voting ||
	    be32(receipt->interaction_be) != audience->windows[viewer->voting_in].interaction)
		return false; /* of a copy: the first one ended it */
	audience->receipts[receipt->status]++;
	if (receipt->status == RECEIPT_BUSY || receipt->status == RECEIPT_EARLY)
		return false;
	audience->receipted++;
	viewer->voting = false;
	viewer->to_vote &= ~(UINT64_C(1) << viewer->voting_in);
	return viewer->to_vote != 0;
}

/* How many bytes the tag covers; 0: no datagram of ours has this form. */
static uint32_t covered_by_tag(const uint8_t *payload, uint32_t bytes)
{
	const struct notice_head *head = (const void *)payload;
	if (bytes == VOTE_BYTES && payload[0] == RECEIPT_TYPE)
		return VOTE_TAG_OFFSET;
	if (bytes == CHALLENGE_BYTES && payload[0] == CHALLENGE_TYPE)
		return WATCH_TAG_OFFSET;
	if (bytes >= sizeof(*head) && payload[0] == NOTICE_TYPE &&
	    head->records <= NOTICE_MAX_RECORDS &&
	    bytes == NOTICE_HEAD_BYTES + (uint32_t)head->records * NOTICE_RECORD_BYTES +
			     NOTICE_TAG_BYTES)
		return bytes - NOTICE_TAG_BYTES;
	return 0;
}

static bool is_right(const struct audience *audience, uint32_t i, const uint8_t *payload,
		     uint32_t covered)
{
	const struct audience_options *options = &audience->options;
	const struct notice_head *head = (const void *)payload; /* the others begin alike */
	uint8_t voter_key[AUTH_KEY_BYTES];
	if (be16(head->cid.tenant_be) != options->tenant ||
	    be32(head->voter_be) != options->first + i)
		return false;
	key_of(audience, i, voter_key);
	return auth_tag_matches(voter_key, payload, covered, payload + covered);
}

bool audience_take(struct audience *audience, uint32_t i, const uint8_t *payload, uint32_t bytes,
		   uint64_t arrival_ns)
{
	uint32_t covered = covered_by_tag(payload, bytes);
	audience->bytes_in += bytes;
	if (i == AUDIENCE_NOBODY || !covered || !is_right(audience, i, payload, covered)) {
		audience->wrong++;
		return false;
	}
	switch (payload[0]) {
	case CHALLENGE_TYPE: return take_challenge(audience, i, payload, arrival_ns);
	case NOTICE_TYPE: return take_notice(audience, i, payload, arrival_ns);
	default: return take_receipt(audience, i, payload);
	}
}

void audience_told(const struct audience *audience, const struct audience_change *change,
		   uint32_t *least, uint32_t *most)
{
	*least = UINT32_MAX;
	*most = 0;
	for (uint32_t i = 0; i < audience->options.count; i++) {
		*least = change->told[i] < *least ? change->told[i] : *least;
		*most = change->told[i] > *most ? change->told[i] : *most;
	}
}
