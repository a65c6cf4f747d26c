// SPDX-License-Identifier: BSD-3-Clause
/*
 * One answer on its way: 40 bytes that are sent again, the same, until a receipt ends it. Pauses
 * are 200 ms, 400 ms, 800 ms, 1.6 s, then 2 s, each give or take a quarter; after `busy` and
 * `unknown` 1 s, 2 s, then 4 s. Called by tw_client.c.
 */
#include <string.h>
#include "tw_parts.h"

#define PAUSE_US      200000u
#define PAUSE_MOST_US 2000000u
#define BUSY_US       1000000u
#define BUSY_MOST_US  4000000u
#define AHEAD_US      250000u /* that a program time may be ahead of the appliance's clock */

bool tw_answer_fits(const uint8_t *vote, const uint8_t *receipt)
{
	uint64_t asked = tw_wire_get(vote + TW_WIRE_CHOICE, 2);
	uint64_t stands = tw_wire_get(receipt + TW_WIRE_CHOICE, 2);
	if (receipt[0] != TW_WIRE_RECEIPT ||
	    memcmp(vote + 1, receipt + 1, TW_WIRE_CHOICE - 1) != 0 ||
	    memcmp(vote + TW_WIRE_INTERACTION, receipt + TW_WIRE_INTERACTION, 8) != 0 ||
	    memcmp(vote + TW_WIRE_REVISION, receipt + TW_WIRE_REVISION, 3) != 0)
		return false;
	switch (receipt[TW_WIRE_STATUS]) {
	case TW_STATUS_COUNTED:
	case TW_STATUS_CHANGED: return stands == asked;
	default: return receipt[TW_WIRE_STATUS] < TW_STATUS_COUNT;
	}
}

void tw_answer_start(struct tw_client *client, struct tw_answer *answer, const struct tw_vote *vote)
{
	uint8_t *bytes = answer->datagram;
	memset(answer, 0, sizeof(*answer));
	tw_wire_begin(bytes, TW_WIRE_VOTE, &client->credential);
	tw_wire_put(bytes + TW_WIRE_CHOICE, 2, vote->choice);
	tw_wire_put(bytes + TW_WIRE_INTERACTION, 4, vote->interaction);
	tw_wire_put(bytes + TW_WIRE_TIME, 8, vote->program_time_us);
	tw_wire_put(bytes + TW_WIRE_REVISION, 3, vote->revision);
	tw_siphash_tag(client->credential.voter_key, bytes, TW_WIRE_VOTE_TAG,
		       bytes + TW_WIRE_VOTE_TAG);
	answer->kind = (uint8_t)vote->kind;
	answer->status = TW_STATUS_NONE;
	answer->pause_us = PAUSE_US;
	answer->due_us = client->now_us;
	answer->end_us = vote->end_us;
}

static bool must_wait(uint8_t status)
{
	return status == TW_STATUS_BUSY || status == TW_STATUS_UNKNOWN;
}

void tw_answer_send(struct tw_client *client, struct tw_answer *answer, uint8_t *datagram)
{
	uint32_t most_us = must_wait(answer->status) ? BUSY_MOST_US : PAUSE_MOST_US;
	memcpy(datagram, answer->datagram, TW_WIRE_VOTE_BYTES);
	if (!answer->sends)
		answer->first_sent_us = client->now_us;
	answer->sends = (uint16_t)(answer->sends + (answer->sends < UINT16_MAX));
	answer->due_us =
		client->now_us + tw_backoff_next(&client->random, &answer->pause_us, most_us);
}

/* How long until the same bytes are no longer ahead of the appliance's clock; 0: they were not. */
static uint64_t ahead_us(const uint8_t *vote, const uint8_t *receipt)
{
	uint64_t program_us = tw_wire_get(vote + TW_WIRE_TIME, 8);
	uint64_t arrival_us = tw_wire_get(receipt + TW_WIRE_TIME, 8);
	bool ahead = receipt[TW_WIRE_STATUS] == TW_STATUS_EARLY && program_us > arrival_us &&
		     program_us - arrival_us > AHEAD_US;
	return ahead ? program_us - arrival_us - AHEAD_US : 0;
}

/* Sent again after `after_us`, or else after a long pause; not beyond the end. */
static void put_off(struct tw_client *client, struct tw_answer *answer, uint64_t after_us)
{
	uint64_t wait_us = after_us + tw_backoff_jitter(&client->random, PAUSE_US / 4);
	if (!after_us) {
		answer->pause_us = answer->pause_us > BUSY_US ? answer->pause_us : BUSY_US;
		wait_us = tw_backoff_next(&client->random, &answer->pause_us, BUSY_MOST_US);
	}
	answer->due_us = answer->end_us - client->now_us < wait_us ? answer->end_us
								   : client->now_us + wait_us;
}

bool tw_answer_take(struct tw_client *client, struct tw_answer *answer, const uint8_t *bytes,
		    struct tw_receipt *receipt)
{
	const bool again = answer->status == bytes[TW_WIRE_STATUS];
	const uint64_t wait_us = ahead_us(answer->datagram, bytes);
	answer->status = bytes[TW_WIRE_STATUS];
	tw_answer_tell(answer, receipt);
	receipt->stands = (uint16_t)tw_wire_get(bytes + TW_WIRE_CHOICE, 2);
	receipt->arrival_us = tw_wire_get(bytes + TW_WIRE_TIME, 8);
	receipt->final = !wait_us && !must_wait(answer->status);
	if (receipt->final)
		answer->kind = 0;
	else if (!again) /* else the pause grew with the latest send, and a copy must not move it */
		put_off(client, answer, wait_us);
	return receipt->final || !again;
}

void tw_answer_tell(const struct tw_answer *answer, struct tw_receipt *receipt)
{
	receipt->interaction = (uint32_t)tw_wire_get(answer->datagram + TW_WIRE_INTERACTION, 4);
	receipt->revision = (uint32_t)tw_wire_get(answer->datagram + TW_WIRE_REVISION, 3);
	receipt->choice = (uint16_t)tw_wire_get(answer->datagram + TW_WIRE_CHOICE, 2);
	receipt->stands = TW_CHOICE_NONE;
	receipt->sends = answer->sends;
	receipt->status = (enum tw_status)answer->status;
}
