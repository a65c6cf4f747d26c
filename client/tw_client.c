// SPDX-License-Identifier: BSD-3-Clause
/* The library's face: checks what comes in, and hands it to answers, watch and clock. */
#include <string.h>
#include "tw_parts.h"

#define REVISION_MOST 0xFFFFFFu

const char *tw_client_error_text(enum tw_error error)
{
	static const char *const texts[] = {"",
#define X(symbol, text) text,
					    TW_ERRORS(X)
#undef X
	};
	return (unsigned int)error < TW_ERROR_COUNT ? texts[error] : "no such error";
}

void tw_wire_begin(uint8_t *bytes, uint8_t type, const struct tw_credential *credential)
{
	bytes[0] = type;
	memcpy(bytes + TW_WIRE_CONNECTION_ID, credential->connection_id, 8);
	bytes[TW_WIRE_EPOCH] = credential->epoch;
	tw_wire_put(bytes + TW_WIRE_VOTER, 4, credential->voter);
}

static uint64_t forward(struct tw_client *client, uint64_t now_us)
{
	if (now_us > client->now_us)
		client->now_us = now_us;
	return client->now_us;
}

void tw_client_init(struct tw_client *client, const struct tw_credential *credential, uint64_t seed)
{
	memset(client, 0, sizeof(*client));
	client->credential = *credential;
	client->random = seed;
	client->revision = (uint32_t)(seed >> 32) & REVISION_MOST;
}

/* A voter has one answer, but of an upvote one for each item, of a reaction for each second. */
static bool one_answer(unsigned int kind)
{
	return kind != TW_KIND_UPVOTE && kind != TW_KIND_REACTION;
}

static enum tw_error check_vote(const struct tw_vote *vote, uint64_t now_us)
{
	if ((int)vote->kind < TW_KIND_POLL || (int)vote->kind > TW_KIND_REACTION)
		return TW_ERROR_KIND;
	if (vote->choice == (vote->kind == TW_KIND_MULTI ? 0 : TW_CHOICE_NONE))
		return TW_ERROR_CHOICE;
	if (vote->revision > REVISION_MOST ||
	    (vote->revision && (vote->kind == TW_KIND_QUIZ || !one_answer(vote->kind))))
		return TW_ERROR_REVISION;
	return vote->end_us <= now_us ? TW_ERROR_ENDED : TW_OK;
}

/* The earlier answer that this one takes the place of, or a free place, or NULL. */
static struct tw_answer *place_of(struct tw_client *client, const struct tw_vote *vote)
{
	struct tw_answer *place = NULL;
	for (int i = 0; i < TW_CLIENT_ANSWERS; i++) {
		struct tw_answer *answer = &client->answers[i];
		if (!answer->kind)
			place = answer;
		else if (one_answer(vote->kind) && one_answer(answer->kind) &&
			 tw_wire_get(answer->datagram + TW_WIRE_INTERACTION, 4) ==
				 vote->interaction)
			return answer;
	}
	return place;
}

enum tw_error tw_client_vote(struct tw_client *client, const struct tw_vote *vote, uint64_t now_us)
{
	struct tw_vote numbered = *vote;
	now_us = forward(client, now_us);
	enum tw_error error = check_vote(vote, now_us);
	if (error)
		return error;
	struct tw_answer *answer = place_of(client, vote);
	if (!answer)
		return TW_ERROR_FULL;
	if (answer->kind && vote->revision <= tw_wire_get(answer->datagram + TW_WIRE_REVISION, 3))
		return TW_ERROR_REVISION;
	if (!one_answer(vote->kind)) {
		numbered.revision = client->revision;
		client->revision = (client->revision + 1) & REVISION_MOST;
	}
	tw_answer_start(client, answer, &numbered);
	return TW_OK;
}

void tw_client_watch(struct tw_client *client, uint64_t now_us)
{
	forward(client, now_us);
	tw_watch_start(client);
}

void tw_client_unwatch(struct tw_client *client)
{
	client->watch.on = false;
}

bool tw_client_is_told(const struct tw_client *client, uint64_t now_us)
{
	return client->watch.on && now_us < client->watch.told_until_us;
}

/* Where the tag lies, 0 where this is no datagram for viewers. */
static size_t tag_offset(const uint8_t *bytes, size_t count)
{
	if (count == TW_WIRE_VOTE_BYTES && bytes[0] == TW_WIRE_RECEIPT)
		return TW_WIRE_VOTE_TAG;
	if (count == TW_WIRE_CHALLENGE_BYTES && bytes[0] == TW_WIRE_CHALLENGE)
		return TW_WIRE_WATCH_TAG;
	if (count < TW_WIRE_VOTE_BYTES || count > TW_CLIENT_DATAGRAM_BYTES ||
	    bytes[0] != TW_WIRE_NOTICE)
		return 0;
	size_t tag = TW_WIRE_RECORDS + (size_t)bytes[TW_WIRE_STATUS] * TW_WIRE_RECORD_BYTES;
	return tag + TW_WIRE_TAG_BYTES == count ? tag : 0;
}

static bool is_ours(const struct tw_credential *credential, const uint8_t *bytes)
{
	return memcmp(bytes + TW_WIRE_CONNECTION_ID, credential->connection_id, 8) == 0 &&
	       bytes[TW_WIRE_EPOCH] == credential->epoch &&
	       tw_wire_get(bytes + TW_WIRE_VOTER, 4) == credential->voter;
}

static enum tw_error take_receipt(struct tw_client *client, const uint8_t *bytes,
				  struct tw_event *event)
{
	for (int i = 0; i < TW_CLIENT_ANSWERS; i++) {
		struct tw_answer *answer = &client->answers[i];
		if (!answer->kind || !answer->sends || !tw_answer_fits(answer->datagram, bytes))
			continue;
		tw_clock_take(&client->clock, tw_wire_get(bytes + TW_WIRE_TIME, 8),
			      answer->first_sent_us, client->now_us);
		if (tw_answer_take(client, answer, bytes, &event->receipt))
			event->kind = TW_EVENT_RECEIPT;
		return TW_OK;
	}
	return TW_ERROR_FOREIGN;
}

enum tw_error tw_client_receive(struct tw_client *client, const uint8_t *bytes, size_t count,
				uint64_t now_us, struct tw_event *event)
{
	memset(event, 0, sizeof(*event));
	size_t covered = tag_offset(bytes, count);
	if (!covered)
		return TW_ERROR_DATAGRAM;
	if (!is_ours(&client->credential, bytes))
		return TW_ERROR_FOREIGN;
	if (!tw_siphash_matches(client->credential.voter_key, bytes, covered, bytes + covered))
		return TW_ERROR_TAG;
	forward(client, now_us);
	if (bytes[0] == TW_WIRE_RECEIPT)
		return take_receipt(client, bytes, event);
	return bytes[0] == TW_WIRE_NOTICE ? tw_watch_take_notice(client, bytes, event)
					  : tw_watch_take_challenge(client, bytes);
}

size_t tw_client_send(struct tw_client *client, uint64_t now_us,
		      uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES], struct tw_event *event)
{
	memset(event, 0, sizeof(*event));
	now_us = forward(client, now_us);
	for (int i = 0; i < TW_CLIENT_ANSWERS; i++) {
		struct tw_answer *answer = &client->answers[i];
		if (answer->kind && now_us >= answer->end_us) {
			tw_answer_tell(answer, &event->receipt);
			event->kind = TW_EVENT_GAVE_UP;
			answer->kind = 0;
			return 0;
		}
		if (answer->kind && now_us >= answer->due_us) {
			tw_answer_send(client, answer, datagram);
			return TW_WIRE_VOTE_BYTES;
		}
	}
	if (!client->watch.on || now_us < client->watch.due_us)
		return 0;
	tw_watch_send(client, datagram);
	return TW_WIRE_WATCH_BYTES;
}

uint64_t tw_client_next_us(const struct tw_client *client)
{
	uint64_t next_us = client->watch.on ? client->watch.due_us : TW_CLIENT_NEVER;
	for (int i = 0; i < TW_CLIENT_ANSWERS; i++) {
		const struct tw_answer *answer = &client->answers[i];
		if (!answer->kind)
			continue;
		next_us = answer->due_us < next_us ? answer->due_us : next_us;
		next_us = answer->end_us < next_us ? answer->end_us : next_us;
	}
	return next_us;
}

bool tw_client_time(const struct tw_client *client, uint64_t now_us, struct tw_time *time)
{
	now_us = now_us > client->now_us ? now_us : client->now_us;
	return tw_clock_read(&client->clock, now_us, time);
}
