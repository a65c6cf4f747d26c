// SPDX-License-Identifier: BSD-3-Clause
/* Rules 1 to 3 on frames made by hand: one row, one frame, one verdict. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "ebpf/classify.h"
#include "tests/lib/envelope.h"

#define VOTE_PORT_BE be16(ENVELOPE_VOTE_PORT)

/* A byte of the frame that is set after all else; offsets count from the layer's first byte. */
enum layer { NOWHERE, L2, L3, L4, PAYLOAD };
struct patch {
	enum layer layer;
	uint16_t offset;
	uint8_t value;
};

struct row {
	const char *name;
	struct envelope envelope;
	uint16_t payload_bytes;
	uint8_t first; /* byte of the payload; the rest is that of a vote */
	enum verdict want;
	struct patch patches[4];
	uint32_t version; /* of a long header */
	uint16_t cut;     /* bytes missing at the end */
};

/* clang-format off */
#define V4      {.ip_version = 4}
#define V6      {.ip_version = 6}
#define VLAN(n) {.vlan_tags = n}
#define QINQ    {.vlan_tags = 2, .outer_tpid = 0x88A8}
#define VOTE    40, 0x41
#define NONE    VERDICT_NONE
#define PASSED  VERDICT_PASSED
#define BAD     VERDICT_MALFORMED
#define OTHER   VERDICT_NEGOTIATED
/* clang-format on */

static uint32_t layer_offset(const struct envelope *envelope, enum layer layer)
{
	switch (layer) {
	case L3: return envelope_l3(envelope);
	case L4: return envelope_l4(envelope);
	case PAYLOAD: return envelope_payload(envelope);
	default: return 0;
	}
}

static uint32_t build(const struct row *row, uint8_t frame[ENVELOPE_MAX_BYTES])
{
	uint8_t payload[ENVELOPE_MAX_BYTES] = {row->first, 0x07, 0, 1, 0, 7, 0, 0, 42, 1};
	payload[15] = 101;
	payload[19] = 42;
	if (row->first & 0x80) {
		for (int i = 0; i < 4; i++)
			payload[1 + i] = (uint8_t)(row->version >> (24 - 8 * i));
		payload[5] = 8;
	}
	uint32_t bytes = envelope_wrap(&row->envelope, payload, row->payload_bytes, frame);
	for (size_t i = 0; i < sizeof(row->patches) / sizeof(row->patches[0]); i++) {
		const struct patch *patch = &row->patches[i];
		if (patch->layer != NOWHERE)
			frame[layer_offset(&row->envelope, patch->layer) + patch->offset] =
				patch->value;
	}
	return bytes - row->cut;
}

/* In memory of just that size, so that a sanitizer sees a read beyond it. */
static enum verdict classify_exactly(const uint8_t *bytes, uint32_t count, struct frame *frame)
{
	uint8_t *exact = malloc(count ? count : 1);
	if (count)
		memcpy(exact, bytes, count);
	enum verdict verdict = classify(exact, exact + count, VOTE_PORT_BE, frame);
	free(exact);
	return verdict;
}

static void expect_row(const struct row *row)
{
	uint8_t bytes[ENVELOPE_MAX_BYTES];
	struct frame frame;
	uint32_t count = build(row, bytes);
	enum verdict got = classify_exactly(bytes, count, &frame);
	cr_expect_eq(got, row->want, "%s: %s instead of %s", row->name, verdict_name(got),
		     verdict_name(row->want));
	if (got != VERDICT_NONE && got != VERDICT_NEGOTIATED)
		return;
	cr_expect_eq(frame.l3_offset, envelope_l3(&row->envelope), "%s", row->name);
	cr_expect_eq(frame.l4_offset, envelope_l4(&row->envelope), "%s", row->name);
	cr_expect_eq(frame.payload_offset, envelope_payload(&row->envelope), "%s", row->name);
	cr_expect_eq(frame.ip_version, row->envelope.ip_version == 6 ? 6 : 4, "%s", row->name);
	if (got == VERDICT_NONE)
		cr_expect_eq(frame.type, row->first, "%s", row->name);
}

#define EXPECT_ROWS(rows)                                                                          \
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)                                \
	expect_row(&rows[i])

/* clang-format off */
Test(classify, ethernet_and_vlan_tags)
{
	static const struct row rows[] = {
		{"IPv4", V4, VOTE, NONE, {{0}}, 0, 0},
		{"IPv6", V6, VOTE, NONE, {{0}}, 0, 0},
		{"one tag", VLAN(1), VOTE, NONE, {{0}}, 0, 0},
		{"two tags", VLAN(2), VOTE, NONE, {{0}}, 0, 0},
		{"three tags", VLAN(3), VOTE, PASSED, {{0}}, 0, 0},
		{"QinQ", QINQ, VOTE, NONE, {{0}}, 0, 0},
		{"one tag of 0x88A8", {.vlan_tags = 1, .outer_tpid = 0x88A8}, VOTE, NONE, {{0}}, 0, 0},
		{"two tags of 0x88A8", QINQ, VOTE, NONE, {{L2, 16, 0x88}, {L2, 17, 0xA8}}, 0, 0},
		{"tag of 0x9100", {.vlan_tags = 1, .outer_tpid = 0x9100}, VOTE, PASSED, {{0}}, 0, 0},
		{"two tags, IPv6", {.ip_version = 6, .vlan_tags = 2}, VOTE, NONE, {{0}}, 0, 0},
		{"ARP", V4, VOTE, PASSED, {{L2, 13, 0x06}}, 0, 0},
		{"length instead of a type", V4, VOTE, PASSED, {{L2, 12, 0}, {L2, 13, 68}}, 0, 0},
		{"IPv4 called IPv6", V4, VOTE, PASSED, {{L2, 12, 0x86}, {L2, 13, 0xDD}}, 0, 0},
		{"IPv6 called IPv4", V6, VOTE, PASSED, {{L2, 12, 0x08}, {L2, 13, 0x00}}, 0, 0},
		{"PPPoE", V4, VOTE, PASSED, {{L2, 12, 0x88}, {L2, 13, 0x64}}, 0, 0},
	};
	EXPECT_ROWS(rows);
}

Test(classify, ipv4)
{
	static const struct row rows[] = {
		{"4 bytes of options", {.option_bytes = 4}, VOTE, NONE, {{0}}, 0, 0},
		{"40 bytes of options", {.option_bytes = 40}, VOTE, NONE, {{0}}, 0, 0},
		{"options behind two tags", {.option_bytes = 40, .vlan_tags = 2}, VOTE, NONE, {{0}}, 0, 0},
		{"header of 4 words", V4, VOTE, PASSED, {{L3, 0, 0x44}}, 0, 0},
		{"header of 0 words", V4, VOTE, PASSED, {{L3, 0, 0x40}}, 0, 0},
		{"version 6", V4, VOTE, PASSED, {{L3, 0, 0x65}}, 0, 0},
		{"version 0", V4, VOTE, PASSED, {{L3, 0, 0x05}}, 0, 0},
		{"TCP", V4, VOTE, PASSED, {{L3, 9, 6}}, 0, 0},
		{"ICMP", V4, VOTE, PASSED, {{L3, 9, 1}}, 0, 0},
		{"UDP-Lite", V4, VOTE, PASSED, {{L3, 9, 136}}, 0, 0},
		{"don't fragment", V4, VOTE, NONE, {{L3, 6, 0x40}}, 0, 0},
		{"first fragment", V4, VOTE, BAD, {{L3, 6, 0x20}}, 0, 0},
		{"first fragment to another port", V4, VOTE, PASSED, {{L3, 6, 0x20}, {L4, 3, 0x52}}, 0, 0},
		{"later fragment", V4, VOTE, PASSED, {{L3, 6, 0x20}, {L3, 7, 1}}, 0, 0},
		{"last fragment", V4, VOTE, PASSED, {{L3, 7, 1}}, 0, 0},
		{"last fragment far on", V4, VOTE, PASSED, {{L3, 6, 0x1F}}, 0, 0},
		{"wrong header checksum", V4, VOTE, NONE, {{L3, 10, 0xAA}, {L3, 11, 0x55}}, 0, 0},
		{"total length 0", V4, VOTE, BAD, {{L3, 2, 0}, {L3, 3, 0}}, 0, 0},
		{"total length below the header", V4, VOTE, BAD, {{L3, 3, 19}}, 0, 0},
		{"total length of the header", V4, VOTE, BAD, {{L3, 3, 20}}, 0, 0},
		{"total length 1 short", V4, VOTE, BAD, {{L3, 3, 67}}, 0, 0},
		{"total length 1 beyond the frame", V4, VOTE, BAD, {{L3, 3, 69}}, 0, 0},
		{"total length far beyond the frame", V4, VOTE, BAD, {{L3, 2, 0xFF}, {L3, 3, 0xFF}}, 0, 0},
		{"total length below the options", {.option_bytes = 40}, VOTE, BAD, {{L3, 3, 59}}, 0, 0},
		{"total length 1 more, 1 byte behind", {.padding = 1}, VOTE, NONE, {{L3, 3, 69}}, 0, 0},
		{"18 bytes behind", {.padding = 18}, VOTE, NONE, {{0}}, 0, 0},
		{"13 bytes behind the datagram", {.ip_padding = 13}, VOTE, NONE, {{0}}, 0, 0},
		{"a vote in an ICMP error", V4, VOTE, PASSED, {{L3, 9, 1}, {L4, 0, 3}, {L4, 1, 3}}, 0, 0},
	};
	EXPECT_ROWS(rows);
}

Test(classify, ipv6)
{
	static const struct row rows[] = {
		{"version 4", V6, VOTE, PASSED, {{L3, 0, 0x45}}, 0, 0},
		{"version 15", V6, VOTE, PASSED, {{L3, 0, 0xF0}}, 0, 0},
		{"class and flow", V6, VOTE, NONE, {{L3, 0, 0x6F}, {L3, 1, 0xFF}, {L3, 2, 0xFF}}, 0, 0},
		{"hop-by-hop options", V6, VOTE, PASSED, {{L3, 6, 0}}, 0, 0},
		{"routing header", V6, VOTE, PASSED, {{L3, 6, 43}}, 0, 0},
		{"fragment header", V6, VOTE, PASSED, {{L3, 6, 44}}, 0, 0},
		{"destination options", V6, VOTE, PASSED, {{L3, 6, 60}}, 0, 0},
		{"TCP", V6, VOTE, PASSED, {{L3, 6, 6}}, 0, 0},
		{"payload length 0", V6, VOTE, BAD, {{L3, 5, 0}}, 0, 0},
		{"payload length 1 short", V6, VOTE, BAD, {{L3, 5, 47}}, 0, 0},
		{"payload length 1 beyond the frame", V6, VOTE, BAD, {{L3, 5, 49}}, 0, 0},
		{"payload length far beyond", V6, VOTE, BAD, {{L3, 4, 0xFF}, {L3, 5, 0xFF}}, 0, 0},
		{"18 bytes behind", {.ip_version = 6, .padding = 18}, VOTE, NONE, {{0}}, 0, 0},
		{"13 bytes behind the datagram", {.ip_version = 6, .ip_padding = 13}, VOTE, NONE, {{0}}, 0, 0},
	};
	EXPECT_ROWS(rows);
}

Test(classify, udp)
{
	static const struct row rows[] = {
		{"to another port", {.destination_port = 4434}, VOTE, PASSED, {{0}}, 0, 0},
		{"from the vote port to another", {.destination_port = 53, .source_port = 4433}, VOTE, PASSED, {{0}}, 0, 0},
		{"from the vote port", {.source_port = 4433}, VOTE, NONE, {{0}}, 0, 0},
		{"port with its bytes swapped", {.destination_port = 0x5111}, VOTE, PASSED, {{0}}, 0, 0},
		{"no checksum", V4, VOTE, NONE, {{L4, 6, 0}, {L4, 7, 0}}, 0, 0},
		{"wrong checksum", V4, VOTE, NONE, {{L4, 6, 0x12}, {L4, 7, 0x34}}, 0, 0},
		{"length 0", V4, VOTE, BAD, {{L4, 5, 0}}, 0, 0},
		{"length 7", V4, VOTE, BAD, {{L4, 5, 7}}, 0, 0},
		{"length 8, no payload", V4, VOTE, BAD, {{L4, 5, 8}}, 0, 0},
		{"length 47, 1 byte is padding", V4, VOTE, BAD, {{L4, 5, 47}}, 0, 0},
		{"length 49, beyond the IP payload", V4, VOTE, BAD, {{L4, 5, 49}}, 0, 0},
		{"length 49, but bytes are there", {.padding = 8}, VOTE, BAD, {{L4, 5, 49}}, 0, 0},
		{"length 65535", V4, VOTE, BAD, {{L4, 4, 0xFF}, {L4, 5, 0xFF}}, 0, 0},
		{"length 49 within a longer IP payload", {.ip_padding = 1}, VOTE, BAD, {{L4, 5, 49}}, 0, 0},
		{"length 48 of 41 bytes", V4, 41, 0x41, NONE, {{L4, 5, 48}}, 0, 0},
		{"length 48, IPv6, to another port", {.ip_version = 6, .destination_port = 443}, VOTE, PASSED, {{0}}, 0, 0},
		{"length 7, IPv6", V6, VOTE, BAD, {{L4, 5, 7}}, 0, 0},
		{"length 49, IPv6", V6, VOTE, BAD, {{L4, 5, 49}}, 0, 0},
	};
	EXPECT_ROWS(rows);
}

Test(classify, payload_of_a_vote)
{
	static const struct row rows[] = {
		{"no payload", V4, 0, 0x41, BAD, {{0}}, 0, 0},
		{"1 byte", V4, 1, 0x41, BAD, {{0}}, 0, 0},
		{"39 bytes", V4, 39, 0x41, BAD, {{0}}, 0, 0},
		{"40 bytes", V4, 40, 0x41, NONE, {{0}}, 0, 0},
		{"41 bytes", V4, 41, 0x41, BAD, {{0}}, 0, 0},
		{"256 bytes", V4, 256, 0x41, BAD, {{0}}, 0, 0},
		{"1200 bytes", V4, 1200, 0x41, BAD, {{0}}, 0, 0},
		{"first byte 0x40", V4, 40, 0x40, BAD, {{0}}, 0, 0},
		{"first byte 0x42, a receipt", V4, 40, 0x42, BAD, {{0}}, 0, 0},
		{"first byte 0x43, a watch of 40 bytes", V4, 40, 0x43, BAD, {{0}}, 0, 0},
		{"first byte 0x01", V4, 40, 0x01, BAD, {{0}}, 0, 0},
		{"first byte 0xC1", V4, 40, 0xC1, BAD, {{0}}, 0, 0},
		{"first byte 0x00, as STUN has it", V4, 40, 0x00, BAD, {{0}}, 0, 0},
		{"byte 28 is 1", V4, VOTE, BAD, {{PAYLOAD, 28, 1}}, 0, 0},
		{"byte 28 is 0x80", V4, VOTE, BAD, {{PAYLOAD, 28, 0x80}}, 0, 0},
		{"bytes 27 and 29 are 0xFF", V4, VOTE, NONE, {{PAYLOAD, 27, 0xFF}, {PAYLOAD, 29, 0xFF}}, 0, 0},
		{"id length bits 6", V4, VOTE, BAD, {{PAYLOAD, 1, 6}}, 0, 0},
		{"id length bits 8", V4, VOTE, BAD, {{PAYLOAD, 1, 8}}, 0, 0},
		{"id length bits 0", V4, VOTE, BAD, {{PAYLOAD, 1, 0}}, 0, 0},
		{"id length bits 15", V4, VOTE, BAD, {{PAYLOAD, 1, 15}}, 0, 0},
		{"id length bits 31", V4, VOTE, BAD, {{PAYLOAD, 1, 31}}, 0, 0},
		{"rotation 6", V4, VOTE, NONE, {{PAYLOAD, 1, 0xC7}}, 0, 0},
		{"rotation 6, id length bits 6", V4, VOTE, BAD, {{PAYLOAD, 1, 0xC6}}, 0, 0},
		{"rotation 7 matters to balancers only", V4, VOTE, NONE, {{PAYLOAD, 1, 0xE7}}, 0, 0},
	};
	EXPECT_ROWS(rows);
}

Test(classify, payload_of_a_watch)
{
	static const struct row rows[] = {
		{"256 bytes", V4, 256, 0x43, NONE, {{0}}, 0, 0},
		{"256 bytes over IPv6", V6, 256, 0x43, NONE, {{0}}, 0, 0},
		{"255 bytes", V4, 255, 0x43, BAD, {{0}}, 0, 0},
		{"257 bytes", V4, 257, 0x43, BAD, {{0}}, 0, 0},
		{"1200 bytes", V4, 1200, 0x43, BAD, {{0}}, 0, 0},
		{"256 bytes of a notice", V4, 256, 0x44, BAD, {{0}}, 0, 0},
		{"id length bits 6", V4, 256, 0x43, BAD, {{PAYLOAD, 1, 6}}, 0, 0},
		{"byte 28 is 1", V4, 256, 0x43, BAD, {{PAYLOAD, 28, 1}}, 0, 0},
		{"64 bytes of a challenge", V4, 64, 0x45, BAD, {{0}}, 0, 0},
	};
	EXPECT_ROWS(rows);
}

Test(classify, long_headers)
{
	static const struct row rows[] = {
		{"QUIC 1, 1200 bytes", V4, 1200, 0xC0, OTHER, {{0}}, 1, 0},
		{"QUIC 1, 1200 bytes, IPv6", V6, 1200, 0xC0, OTHER, {{0}}, 1, 0},
		{"QUIC 1, 1199 bytes", V4, 1199, 0xC0, BAD, {{0}}, 1, 0},
		{"QUIC 1, 1500 bytes", V4, 1500, 0xC0, OTHER, {{0}}, 1, 0},
		{"QUIC 2, 1200 bytes", V4, 1200, 0xD0, OTHER, {{0}}, 0x6b3343cf, 0},
		{"greased version", V4, 1200, 0xC0, OTHER, {{0}}, 0x1a2a3a4a, 0},
		{"the fixed bit is not of every version", V4, 1200, 0x80, OTHER, {{0}}, 1, 0},
		{"version 0, 1200 bytes", V4, 1200, 0xC0, BAD, {{0}}, 0, 0},
		{"version 0, 40 bytes", V4, 40, 0xC0, BAD, {{0}}, 0, 0},
		{"our version, 1200 bytes", V4, 1200, 0xC0, BAD, {{0}}, 0x544C5901, 0},
		{"our version, 40 bytes", V4, 40, 0xC1, BAD, {{0}}, 0x544C5901, 0},
		{"our version with its bytes swapped", V4, 1200, 0xC0, OTHER, {{0}}, 0x01594C54, 0},
		{"our next version", V4, 1200, 0xC0, OTHER, {{0}}, 0x544C5902, 0},
		{"largest version", V4, 1200, 0xFF, OTHER, {{0}}, 0xFFFFFFFF, 0},
		{"short header of 1200 bytes", V4, 1200, 0x40, BAD, {{0}}, 0, 0},
		{"ids of 255 bytes", V4, 1200, 0xC0, OTHER, {{PAYLOAD, 5, 255}}, 1, 0},
		{"to another port", {.destination_port = 443}, 1200, 0xC0, PASSED, {{0}}, 1, 0},
		{"behind tags and options", {.vlan_tags = 2, .option_bytes = 40}, 1200, 0xC0, OTHER, {{0}}, 1, 0},
		{"cut off by 1", V4, 1200, 0xC0, BAD, {{0}}, 1, 1},
		{"1199 bytes and 1 of padding", V4, 1200, 0xC0, BAD, {{L4, 4, 0x04}, {L4, 5, 0xB7}}, 1, 0},
		{"first fragment of more", V4, 1200, 0xC0, BAD, {{L3, 6, 0x20}, {L4, 4, 0x08}}, 1, 0},
		{"later fragment", V4, 1200, 0xC0, PASSED, {{L3, 7, 0x10}}, 1, 0},
	};
	EXPECT_ROWS(rows);
}
/* clang-format on */

/* Cut before the UDP ports a frame is the host's; from there on it is a vote with wrong lengths. */
Test(classify, frames_cut_at_every_length)
{
	static const struct envelope envelopes[] = {
		{.ip_version = 4},
		{.ip_version = 6},
		{.vlan_tags = 1},
		{.vlan_tags = 2},
		{.ip_version = 6, .vlan_tags = 2},
		{.option_bytes = 4},
		{.option_bytes = 40},
		{.option_bytes = 40, .vlan_tags = 2},
	};
	for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
		struct row row = {.envelope = envelopes[i], .payload_bytes = 40, .first = 0x41};
		uint8_t bytes[ENVELOPE_MAX_BYTES];
		struct frame frame;
		uint32_t full = build(&row, bytes);
		uint32_t ports_end = envelope_l4(&row.envelope) + 4;
		for (uint32_t count = 0; count <= full; count++) {
			enum verdict want = count < ports_end ? VERDICT_PASSED
					    : count < full    ? VERDICT_MALFORMED
							      : VERDICT_NONE;
			enum verdict got = classify_exactly(bytes, count, &frame);
			cr_expect_eq(got, want, "envelope %zu cut to %u: %s", i, count,
				     verdict_name(got));
		}
	}
}

/* A long header is negotiated with only when all of it is there. */
Test(classify, long_headers_cut_at_every_length)
{
	struct row row = {.payload_bytes = 1300, .first = 0xC0, .version = 1};
	uint8_t bytes[ENVELOPE_MAX_BYTES];
	struct frame frame;
	uint32_t full = build(&row, bytes);
	for (uint32_t count = envelope_l4(&row.envelope) + 4; count <= full; count++)
		cr_expect_eq(classify_exactly(bytes, count, &frame),
			     count < full ? VERDICT_MALFORMED : VERDICT_NEGOTIATED, "%u", count);
}

/* Padding to Ethernet's least length and beyond changes nothing. */
Test(classify, padding_of_every_length)
{
	for (uint32_t padding = 0; padding < 256; padding++) {
		const struct row row = {
			"padding", {.padding = (uint8_t)padding}, VOTE, NONE, {{0}}, 0, 0};
		expect_row(&row);
	}
}

/* No frame of any bytes may be read beyond its end: for the sanitizers. */
Test(classify, random_frames_are_read_within_their_bounds)
{
	uint64_t state = 0x9E3779B97F4A7C15;
	for (int round = 0; round < 20000; round++) {
		uint8_t bytes[160];
		struct frame frame;
		for (size_t i = 0; i < sizeof(bytes); i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (uint8_t)(state >> 56);
		}
		/* Half of them look like IP to the vote port. */
		if (round % 2)
			memcpy(bytes + 12, "\x08\x00\x45", 3), bytes[23] = 17, bytes[20] &= 0x20;
		if (round % 4 == 1)
			memcpy(bytes + 36, "\x11\x51", 2), bytes[21] = 0;
		uint32_t count = (uint32_t)(state >> 33) % (sizeof(bytes) + 1);
		enum verdict got = classify_exactly(bytes, count, &frame);
		cr_assert(got == VERDICT_NONE || got == VERDICT_PASSED || got == VERDICT_MALFORMED);
		if (got == VERDICT_NONE)
			cr_assert(frame.payload_offset + frame.payload_bytes <= count);
	}
}
