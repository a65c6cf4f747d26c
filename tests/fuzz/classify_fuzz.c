// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: bytes become one frame, which classify() judges by rules 1 to 3 and a second reading
 * of them does too, by offsets and numbers alone. Both say the same, of verdict and of offsets; the
 * frame is left as it was and nothing behind it is read. What is a vote is read into integers: each
 * has the bytes that the format gives it.
 */
#include "dataplane/core/vote.h"
#include "ebpf/classify.h"
#include "tests/fuzz/frame_input.h"
#include "tests/fuzz/guarded.h"

/* What the second reading finds: the same words as struct frame. */
struct reading {
	enum verdict verdict;
	uint32_t l3, l4, payload, payload_bytes, version;
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
	uint64_t value = 0;
	for (uint32_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* Where the IP header begins; 0 where there is none that is looked at. */
static uint32_t find_ip(const uint8_t *frame, uint32_t count, uint32_t *version)
{
	uint32_t at = 12, tags = 0;
	while (at + 2 <= count && tags < 2 &&
	       (get16(frame + at) == 0x8100 || get16(frame + at) == 0x88A8)) {
		at += 4;
		tags++;
	}
	if (at + 2 > count)
		return 0;
	*version = get16(frame + at) == 0x0800 ? 4 : get16(frame + at) == 0x86DD ? 6 : 0;
	return *version ? at + 2 : 0;
}

/* The datagram's bytes by the IP header, -1 where they disagree; false: it is the host's. */
static bool read_ip(const uint8_t *frame, uint32_t count, struct reading *r, int64_t *bytes,
		    bool *first_fragment)
{
	const uint8_t *ip = frame + r->l3;
	uint32_t left = count - r->l3, header, said;
	*first_fragment = false;
	if (left < (r->version == 4 ? 20 : 40) || ip[0] >> 4 != r->version)
		return false;
	if (r->version == 4) {
		header = 4 * (ip[0] & 15u);
		said = get16(ip + 2);
		if (header < 20 || header > left || ip[9] != 17 || get16(ip + 6) & 0x1FFF)
			return false;
		*first_fragment = get16(ip + 6) & 0x2000;
	} else {
		header = 40;
		said = get16(ip + 4) + header;
		if (ip[6] != 17)
			return false;
	}
	*bytes = said > left ? -1 : (int64_t)said - header;
	r->l4 = r->l3 + header;
	return true;
}

static bool is_other_version(const uint8_t *payload, uint32_t bytes)
{
	uint64_t version = bytes >= 1200 ? get(payload + 1, 4) : 0;
	return bytes >= 1200 && payload[0] & 0x80 && version != 0 && version != 0x544C5901;
}

static bool is_ours(const uint8_t *payload, uint32_t bytes)
{
	return ((bytes == 40 && payload[0] == 0x41) || (bytes == 256 && payload[0] == 0x43)) &&
	       payload[28] == 0 && (payload[1] & 0x1F) == 7;
}

static struct reading read_again(const uint8_t *frame, uint32_t count)
{
	struct reading r = {.verdict = VERDICT_PASSED};
	int64_t ip_bytes;
	bool fragment;
	r.l3 = find_ip(frame, count, &r.version);
	if (!r.l3 || !read_ip(frame, count, &r, &ip_bytes, &fragment) || count < r.l4 + 4 ||
	    get16(frame + r.l4 + 2) != ENVELOPE_VOTE_PORT)
		return r;
	r.verdict = VERDICT_MALFORMED;
	if (count < r.l4 + 8)
		return r;
	uint32_t udp_bytes = get16(frame + r.l4 + 4);
	if (udp_bytes < 8 || (int64_t)udp_bytes > ip_bytes)
		return r;
	r.payload = r.l4 + 8;
	r.payload_bytes = udp_bytes - 8;
	if (is_other_version(frame + r.payload, r.payload_bytes))
		r.verdict = VERDICT_NEGOTIATED;
	else if (!fragment && is_ours(frame + r.payload, r.payload_bytes))
		r.verdict = VERDICT_NONE;
	return r;
}

static void check_vote(const uint8_t *payload)
{
	struct vote vote;
	vote_read((const void *)payload, &vote);
	MUST(vote.server == get(payload + 2, 2) && vote.tenant == get(payload + 4, 2));
	MUST(vote.key_epoch == payload[9] && vote.choice == get(payload + 10, 2));
	MUST(vote.interaction == get(payload + 12, 4) && vote.voter == get(payload + 16, 4));
	MUST(vote.program_time_us == get(payload + 20, 8));
	MUST(vote.revision == get(payload + 29, 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static struct guarded guarded;
	static uint8_t made[ENVELOPE_MAX_BYTES];
	struct input input = {.pos = bytes, .end = bytes + count};
	struct frame frame = {0};
	uint32_t length = frame_input_make(&input, take8(&input), made);
	guarded_make(&guarded, sizeof(made));
	const uint8_t *data = guarded_copy(&guarded, made, length);
	enum verdict verdict = classify(data, data + length, be16(ENVELOPE_VOTE_PORT), &frame);
	const struct reading r = read_again(made, length);
	MUST(verdict == r.verdict);
	MUST(length == 0 || memcmp(data, made, length) == 0);
	if (verdict != VERDICT_NONE && verdict != VERDICT_NEGOTIATED)
		return 0;
	MUST(frame.l3_offset == r.l3 && frame.l4_offset == r.l4);
	MUST(frame.payload_offset == r.payload && frame.payload_bytes == r.payload_bytes);
	MUST(frame.ip_version == r.version && frame.payload_offset + frame.payload_bytes <= length);
	if (verdict == VERDICT_NONE) {
		MUST(frame.type == data[r.payload]);
		check_vote(data + r.payload);
	}
	return 0;
}
