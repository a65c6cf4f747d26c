// SPDX-License-Identifier: BSD-3-Clause
/* Frames for classify_fuzz.c and pipeline_fuzz.c. */
#include "tests/fuzz/frame_input.h"

#include "tests/lib/stage.h"

static const uint32_t payload_bytes[] = {
	[FRAME_VOTE] = VOTE_BYTES,
	[FRAME_WATCH] = WATCH_BYTES,
	[FRAME_LONG_HEADER] = NEGOTIATION_MIN_PAYLOAD,
};

uint32_t frame_input_covered(enum frame_kind kind)
{
	return kind == FRAME_WATCH ? WATCH_TAG_OFFSET : VOTE_TAG_OFFSET;
}

void frame_input_right_tag(const uint8_t *payload, uint32_t covered, uint8_t tag[AUTH_TAG_BYTES])
{
	uint16_t tenant = (uint16_t)(payload[4] << 8 | payload[5]);
	uint32_t voter = (uint32_t)payload[16] << 24 | (uint32_t)payload[17] << 16 |
			 (uint32_t)payload[18] << 8 | payload[19];
	struct auth_key key = stage_default_key(tenant, payload[9]);
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(key.key, tenant, payload[9], voter, voter_key);
	auth_tag(voter_key, payload, covered, tag);
}

static void sign(enum frame_kind kind, uint8_t *payload)
{
	uint32_t covered = frame_input_covered(kind);
	if (kind != FRAME_LONG_HEADER)
		frame_input_right_tag(payload, covered, payload + covered);
}

static void begin_payload(struct input *input, enum frame_kind kind, uint8_t *payload)
{
	const struct vote vote = {
		.tenant = (uint16_t)(7 + take8(input) % 2),
		.key_epoch = 1,
		.interaction = take8(input) % 5,
		.voter = take8(input) % 70,
		.choice = take8(input) % 18,
		.program_time_us = STAGE_OPENS_US + take8(input) * (STAGE_SECOND / 8),
	};
	memset(payload, 0, payload_bytes[kind]);
	if (kind == FRAME_LONG_HEADER) {
		memcpy(payload, "\xC0\0\0\0\1\x08", 6);
		return;
	}
	vote_write(&vote, (const uint8_t[AUTH_KEY_BYTES]){0}, (void *)payload);
	if (kind == FRAME_WATCH) {
		payload[0] = WATCH_TYPE;
		memset(payload + VOTE_TAG_OFFSET, 0, AUTH_TAG_BYTES);
	}
	sign(kind, payload);
}

uint32_t frame_input_make(struct input *input, uint8_t control, uint8_t frame[ENVELOPE_MAX_BYTES])
{
	enum frame_kind kind = control & CONTROL_KIND;
	if (kind == FRAME_RAW)
		return take_bytes(input, frame, take16(input) % ENVELOPE_MAX_BYTES);
	const struct envelope envelope = {
		.ip_version = control & CONTROL_IPV6 ? 6 : 4,
		.vlan_tags = (control & CONTROL_TAGS) >> 3,
		.option_bytes =
			(uint8_t)(control & CONTROL_OPTIONS ? 4 + take8(input) % 10 * 4 : 0),
	};
	uint8_t payload[NEGOTIATION_MIN_PAYLOAD];
	begin_payload(input, kind, payload);
	uint32_t count = envelope_wrap(&envelope, payload, payload_bytes[kind], frame);
	for (uint32_t patches = take8(input) % 8; patches > 0; patches--) {
		uint32_t at = take16(input) % count;
		frame[at] = take8(input);
	}
	if (control & CONTROL_RESIGN)
		sign(kind, frame + envelope_payload(&envelope));
	uint32_t cut = take8(input);
	return cut < count && cut < 128 ? count - cut : count;
}
