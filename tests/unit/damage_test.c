// SPDX-License-Identifier: BSD-3-Clause
/*
 * Good votes, damaged on the way in every single way: of every length from 0 to a full frame, and
 * with every single bit turned, behind every header that is looked through. Nothing is accepted
 * that was not sent: whatever gets a receipt has the forty bytes that were signed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "tests/lib/stage.h"

#define OPENS       STAGE_OPENS_US
#define NOW         (OPENS + 3 * STAGE_SECOND)
#define VOTERS      400000u
#define CHOICE      2
#define FRAME_BYTES 1514 /* the longest on an Ethernet of 1,500 */

static const struct stage_window windows[] = {
	{7, 101, 4, VOTERS, OPENS, OPENS + 20 * STAGE_SECOND, 5 * STAGE_SECOND, false, {0}},
};

static const struct {
	const char *name;
	struct envelope envelope;
} headers[] = {
	{"IPv4", {.ip_version = 4}},
	{"IPv6", {.ip_version = 6}},
	{"a VLAN tag", {.vlan_tags = 1}},
	{"a VLAN tag, IPv6", {.vlan_tags = 1, .ip_version = 6}},
	{"QinQ", {.vlan_tags = 2, .outer_tpid = 0x88A8}},
	{"QinQ, IPv6", {.vlan_tags = 2, .outer_tpid = 0x88A8, .ip_version = 6}},
	{"a word of IPv4 options", {.option_bytes = 4}},
	{"ten words of IPv4 options", {.option_bytes = 40}},
	{"QinQ and options", {.vlan_tags = 2, .outer_tpid = 0x88A8, .option_bytes = 40}},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct stage stage;
static struct stage_burst burst;
static struct vote_packet sent[BURST_MAX];
static uint32_t next_voter;
static uint64_t accepted;

static void set_up(void)
{
	const struct auth_key key = stage_default_key(7, 1);
	stage_open(&stage, &key, 1, windows, COUNT_OF(windows));
	stage_burst_start(&burst);
}

static void tear_down(void)
{
	stage_close(&stage);
}

TestSuite(damage, .init = set_up, .fini = tear_down);

/* Adds a good vote of a voter of its own; the caller damages its frame. */
static uint32_t add_vote(const struct envelope *envelope)
{
	const struct vote vote = {
		.tenant = 7,
		.server = 1,
		.key_epoch = 1,
		.interaction = 101,
		.voter = next_voter++,
		.choice = CHOICE,
		.program_time_us = OPENS + STAGE_SECOND,
	};
	uint32_t i = stage_burst_vote(&burst, envelope, &vote, NOW);
	stage_sign(&vote, &sent[i]);
	return i;
}

/* What was accepted is what was sent, whole. */
static void check_packet(uint32_t i, const char *name)
{
	const struct burst *b = &burst.burst;
	const uint8_t *payload = burst.before[i] + b->frame[i].payload_offset;
	if (b->verdict[i] < VERDICT_WATCH)
		return;
	accepted++;
	if (b->verdict[i] != VERDICT_COUNTED || b->frame[i].payload_bytes != VOTE_BYTES ||
	    memcmp(payload, &sent[i], VOTE_BYTES) != 0 ||
	    b->vote[i].voter != be32(sent[i].voter_be) || b->standing[i] != CHOICE)
		cr_assert_fail("%s: %s, and it is not what was sent", name,
			       verdict_name(b->verdict[i]));
}

static void play(const char *name)
{
	const char *wrong = stage_play(&stage, 0, &burst);
	if (wrong)
		cr_assert_fail("%s: %s", name, wrong);
	for (uint32_t i = 0; i < burst.burst.count; i++)
		check_packet(i, name);
	stage_burst_start(&burst);
}

static void play_when_full(const char *name)
{
	if (burst.burst.count == BURST_MAX)
		play(name);
}

/* All that was accepted is in the tally, under the choice that was sent, and nothing else. */
static void check_tally(void)
{
	uint64_t votes[4], audit[4];
	struct tally_sum sum = {.votes = votes};
	tally_read(&stage.stores[0].tally, 4, &sum);
	cr_expect_eq(votes[CHOICE], accepted);
	cr_expect_eq(votes[0] + votes[1] + votes[3], 0);
	cr_expect_eq(ballot_count(stage.stores[0].ballots, audit, 4), accepted);
}

/* The frame ends too soon, or goes on with bytes that no header speaks of. */
Test(damage, a_frame_of_every_length)
{
	for (size_t h = 0; h < COUNT_OF(headers); h++) {
		uint64_t before = accepted;
		uint32_t whole = envelope_payload(&headers[h].envelope) + VOTE_BYTES;
		for (uint32_t bytes = 0; bytes <= FRAME_BYTES; bytes++) {
			uint32_t i = add_vote(&headers[h].envelope);
			if (bytes > whole)
				memset(burst.frames[i] + whole, 0x41, bytes - whole);
			burst.burst.bytes[i] = bytes;
			play_when_full(headers[h].name);
		}
		play(headers[h].name);
		cr_expect_eq(accepted - before, FRAME_BYTES + 1 - whole,
			     "%s: whole votes with padding count, others do not: %lu",
			     headers[h].name, accepted - before);
	}
	check_tally();
}

/* All lengths agree, but it is a datagram of that many bytes that begins like a vote. */
Test(damage, a_datagram_of_every_length)
{
	static uint8_t payload[FRAME_BYTES];
	for (size_t h = 0; h < COUNT_OF(headers); h++) {
		const struct envelope *envelope = &headers[h].envelope;
		uint64_t before = accepted;
		uint32_t most = FRAME_BYTES - envelope_payload(envelope);
		for (uint32_t bytes = 0; bytes <= most; bytes++) {
			uint32_t i = add_vote(envelope);
			memset(payload, 0x41, sizeof(payload));
			memcpy(payload, &sent[i], VOTE_BYTES);
			burst.burst.bytes[i] =
				envelope_wrap(envelope, payload, bytes, burst.frames[i]);
			play_when_full(headers[h].name);
		}
		play(headers[h].name);
		cr_expect_eq(accepted - before, 1, "%s: only forty bytes are a vote: %lu",
			     headers[h].name, accepted - before);
	}
	check_tally();
}

/* Also behind a length field that says what is left: whichever it is, the tag has to fit. */
Test(damage, every_single_bit)
{
	for (size_t h = 0; h < COUNT_OF(headers); h++) {
		uint32_t payload = envelope_payload(&headers[h].envelope);
		uint64_t before = accepted;
		for (uint32_t bit = 0; bit < (payload + VOTE_BYTES) * 8; bit++) {
			uint32_t i = add_vote(&headers[h].envelope);
			if (bit == payload * 8) {
				/* From here on it is the vote's own bits: none may pass. */
				burst.burst.count--;
				play(headers[h].name);
				before = accepted;
				i = add_vote(&headers[h].envelope);
			}
			burst.frames[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
			play_when_full(headers[h].name);
		}
		play(headers[h].name);
		cr_expect_eq(accepted, before, "%s: a vote with another bit was accepted",
			     headers[h].name);
	}
	cr_expect_gt(accepted, 0, "what is turned in addresses and checksums still counts");
	check_tally();
}

/* Two bits at once in the headers, which say where the vote lies and how long it is. */
Test(damage, every_two_bits_of_the_headers_that_say_where_the_vote_is)
{
	for (size_t h = 0; h < COUNT_OF(headers); h += 2) {
		const struct envelope *envelope = &headers[h].envelope;
		uint32_t first = 12 * 8, end = envelope_payload(envelope) * 8;
		for (uint32_t a = first; a < end; a++) {
			for (uint32_t b = first; b < a; b++) {
				/* Addresses are looked at by nobody. */
				if (next_voter == VOTERS)
					break;
				uint32_t i = add_vote(envelope);
				burst.frames[i][a / 8] ^= (uint8_t)(1 << a % 8);
				burst.frames[i][b / 8] ^= (uint8_t)(1 << b % 8);
				play_when_full(headers[h].name);
			}
		}
		play(headers[h].name);
	}
	check_tally();
}
