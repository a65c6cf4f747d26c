/* SPDX-License-Identifier: BSD-3-Clause */
/* What the library's files share, by file; also for `tallyreplay` and tests. Not installed. */
#ifndef TALLYWIRE_TW_PARTS_H
#define TALLYWIRE_TW_PARTS_H

#include "tw_client.h"

/* QUIC-lite 1 (docs/quic-lite.md): first bytes, where things lie, lengths. */
enum { TW_WIRE_VOTE = 0x41, TW_WIRE_RECEIPT, TW_WIRE_WATCH, TW_WIRE_NOTICE, TW_WIRE_CHALLENGE };
enum { TW_WIRE_CONNECTION_ID = 1, TW_WIRE_EPOCH = 9, TW_WIRE_CHOICE = 10 };
enum { TW_WIRE_INTERACTION = 12, TW_WIRE_VOTER = 16, TW_WIRE_TIME = 20 };
enum { TW_WIRE_STATUS = 28, TW_WIRE_REVISION = 29 }; /* of a notice: count of records, zeros */
enum { TW_WIRE_VOTE_TAG = 32, TW_WIRE_VOTE_BYTES = 40, TW_WIRE_TAG_BYTES = 8 }; /* and receipt's */
enum { TW_WIRE_COOKIE = 32, TW_WIRE_WATCH_TAG = 48, TW_WIRE_WATCH_BYTES = 256 };
enum { TW_WIRE_CHALLENGE_BYTES = 64, TW_WIRE_RECORDS = 32, TW_WIRE_RECORD_BYTES = 28 };

/* Big-endian integers, byte by byte: the host's own order and alignment do not matter. */
static inline uint64_t tw_wire_get(const uint8_t *bytes, int count)
{
	uint64_t value = 0;
	for (int i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static inline void tw_wire_put(uint8_t *bytes, int count, uint64_t value)
{
	for (; count > 0; value >>= 8)
		bytes[--count] = (uint8_t)value;
}

/* Type, connection id, epoch and voter. */
void tw_wire_begin(uint8_t *bytes, uint8_t type, const struct tw_credential *credential);

/* SipHash-2-4 with 128 bits of output; its first 8 bytes as a tag, compared in constant time. */
void tw_siphash_128(const uint8_t *key, const uint8_t *data, size_t bytes, uint8_t *hash);
void tw_siphash_tag(const uint8_t *key, const uint8_t *data, size_t bytes, uint8_t *tag);
bool tw_siphash_matches(const uint8_t *key, const uint8_t *data, size_t bytes, const uint8_t *tag);

/* `pause_us`, give or take a quarter. `state` may begin with any value. Source: splitmix64. */
static inline uint64_t tw_backoff_jitter(uint64_t *state, uint32_t pause_us)
{
	uint64_t word = *state += 0x9E3779B97F4A7C15u;
	word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
	word = (word ^ word >> 27) * 0x94D049BB133111EBu;
	return pause_us - pause_us / 4 + (word ^ word >> 31) % (pause_us / 2 + 1);
}

/* The same, and `pause_us` is twice as long then, `most_us` at most. */
static inline uint64_t tw_backoff_next(uint64_t *state, uint32_t *pause_us, uint32_t most_us)
{
	uint32_t now_us = *pause_us < most_us ? *pause_us : most_us;
	*pause_us = now_us > most_us / 2 ? most_us : now_us * 2;
	return tw_backoff_jitter(state, now_us);
}

/* The appliance made `stamp_us` between `sent_us` and now; or just before now. */
void tw_clock_take(struct tw_clock *clock, uint64_t stamp_us, uint64_t sent_us, uint64_t now_us);
void tw_clock_take_one_way(struct tw_clock *clock, uint64_t stamp_us, uint64_t now_us);
bool tw_clock_read(const struct tw_clock *clock, uint64_t now_us, struct tw_time *time);

/*
 * `receipt` can be the appliance's answer to `vote`, 40 bytes each: it echoes what it has to, and
 * its status and choice go with the vote. Of the tag it says nothing.
 */
bool tw_answer_fits(const uint8_t *vote, const uint8_t *receipt);
/* Signed, and due at once. */
void tw_answer_start(struct tw_client *client, struct tw_answer *answer,
		     const struct tw_vote *vote);
void tw_answer_send(struct tw_client *client, struct tw_answer *answer, uint8_t *datagram);
/* Takes a receipt that fits and is signed; a final one frees the answer. False: nothing new. */
bool tw_answer_take(struct tw_client *client, struct tw_answer *answer, const uint8_t *bytes,
		    struct tw_receipt *receipt);
void tw_answer_tell(const struct tw_answer *answer, struct tw_receipt *receipt);

void tw_watch_start(struct tw_client *client);
void tw_watch_send(struct tw_client *client, uint8_t *datagram);
/* Both take a datagram of the right length whose tag is right; `event` gets what is new. */
enum tw_error tw_watch_take_challenge(struct tw_client *client, const uint8_t *bytes);
enum tw_error tw_watch_take_notice(struct tw_client *client, const uint8_t *bytes,
				   struct tw_event *event);

#endif
