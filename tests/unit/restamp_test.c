/* SPDX-License-Identifier: BSD-3-Clause */
/* Votes moved in time: signed again, wrong tags still wrong, checksums right. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/core/vote.h"
#include "perf/frame_write.h"
#include "perf/restamp.h"

static const struct auth_key tenant_key = {.tenant = 7, .epoch = 1, .key = {9, 8, 7}};
static uint8_t frame[FRAME_MAX_BYTES];
static uint32_t frame_bytes;
static struct vote_view view;

static struct vote_packet *make_frame(uint16_t tenant, bool ipv6, uint16_t vlan_id)
{
	const struct frame_target target = {
		.port = 4433, .vlan_id = vlan_id, .ipv4 = {198, 19, 0, 1}};
	const struct vote vote = {.tenant = tenant,
				  .key_epoch = 1,
				  .interaction = 101,
				  .voter = 77,
				  .choice = 3,
				  .program_time_us = 5000000};
	struct vote_packet packet;
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(tenant_key.key, tenant, 1, 77, voter_key);
	vote_write(&vote, voter_key, &packet);
	frame_bytes = frame_write(&target, 77, 1024, ipv6, &packet, frame);
	cr_assert(vote_view_of_vote(frame, frame + frame_bytes, be16(4433), &view));
	return (struct vote_packet *)view.payload;
}

static bool tag_matches(const struct vote_packet *packet)
{
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(tenant_key.key, 7, 1, 77, voter_key);
	return auth_tag_matches(voter_key, packet, VOTE_TAG_OFFSET, packet->tag);
}

static bool restamp(int64_t shift_us)
{
	struct auth_keys *keys = auth_keys_build(calloc(1, auth_keys_bytes(1)), &tenant_key, 1);
	bool changed = restamp_vote(frame, &view, keys, shift_us);
	free(keys);
	return changed;
}

/* RFC 768 from scratch: over pseudo header and datagram, the sum of a right checksum is 0xFFFF. */
static uint32_t checksum_sum(void)
{
	const uint8_t *l4 = frame + view.at.l4_offset;
	uint32_t udp_bytes = 8 + view.at.payload_bytes, sum = 17 + udp_bytes;
	uint32_t addresses = view.at.ip_version == 4 ? 8 : 32;
	const uint8_t *source = frame + view.at.l3_offset + (view.at.ip_version == 4 ? 12 : 8);
	for (uint32_t i = 0; i < addresses; i += 2)
		sum += (uint32_t)source[i] << 8 | source[i + 1];
	for (uint32_t i = 0; i < udp_bytes; i += 2)
		sum += (uint32_t)l4[i] << 8 | l4[i + 1];
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

Test(restamp, a_good_vote_moves_and_is_signed_again)
{
	const bool ipv6[] = {false, true};
	for (int i = 0; i < 2; i++) {
		struct vote_packet *packet = make_frame(7, ipv6[i], i ? 12 : 0);
		cr_expect_eq(checksum_sum(), 0xFFFF, "as made");
		cr_expect(restamp(1234567));
		cr_expect_eq(be64(packet->program_time_us_be), 6234567);
		cr_expect(tag_matches(packet));
		cr_expect_eq(checksum_sum(), 0xFFFF, "as restamped");
	}
}

Test(restamp, time_may_move_back)
{
	struct vote_packet *packet = make_frame(7, false, 0);
	cr_expect(restamp(-1000000));
	cr_expect_eq(be64(packet->program_time_us_be), 4000000);
	cr_expect(tag_matches(packet));
}

Test(restamp, a_wrong_tag_stays_wrong_by_the_same_bits)
{
	struct vote_packet *packet = make_frame(7, false, 0);
	packet->tag[3] ^= 0x40;
	cr_expect(restamp(1000));
	cr_expect_not(tag_matches(packet));
	packet->tag[3] ^= 0x40;
	cr_expect(tag_matches(packet));
}

Test(restamp, an_unknown_tenant_is_left_as_it_is)
{
	uint8_t before[FRAME_MAX_BYTES];
	make_frame(8, false, 0);
	memcpy(before, frame, frame_bytes);
	cr_expect_not(restamp(1000));
	cr_expect_eq(memcmp(before, frame, frame_bytes), 0);
}

Test(restamp, copies_stay_copies)
{
	uint8_t first[FRAME_MAX_BYTES];
	make_frame(7, false, 0);
	restamp(1000);
	memcpy(first, frame, frame_bytes);
	make_frame(7, false, 0);
	restamp(1000);
	cr_expect_eq(memcmp(first, frame, frame_bytes), 0);
}
