/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet in, verdict out: the rules of docs/quic-lite.md that the kernel front decides, a frame a
 * row. Each row also runs through classify() as user space compiles it.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>
#include "ebpf/classify.h"
#include "tests/bpf/rig.h"
#include "tests/lib/frames.h"

#define CUT(bytes) .frame_bytes = (bytes)
#define LONG(version_, payload_bytes_)                                                             \
	.payload = FRAMES_LONG, .version = (version_), .payload_bytes = (payload_bytes_),          \
	.destination_id_bytes = 8, .source_id_bytes = 5

struct row {
	const char *what;
	struct frames_plan plan;
	uint32_t counter; /* enum verdict or enum front_counter */
};

/* clang-format off */
static const struct row rows[] = {
	{"a vote", {0}, FRONT_STEERED},
	{"a watch", {.payload = FRAMES_WATCH}, FRONT_STEERED},
	{"behind one VLAN tag", {.vlan_tags = 1}, FRONT_STEERED},
	{"behind two VLAN tags", {.vlan_tags = 2}, FRONT_STEERED},
	{"behind 802.1ad and 802.1Q tags", {.vlan_tags = 2, .vlan_type = NET_TYPE_QINQ}, FRONT_STEERED},
	{"behind three VLAN tags", {.vlan_tags = 3}, VERDICT_PASSED},
	{"IPv4 with one word of options", {.option_words = 1}, FRONT_STEERED},
	{"IPv4 with ten words of options", {.option_words = 10}, FRONT_STEERED},
	{"IPv6", {.ip_version = 6}, FRONT_STEERED},
	{"IPv6 behind two tags", {.ip_version = 6, .vlan_tags = 2}, FRONT_STEERED},
	{"padding behind the datagram", {.padding_bytes = 18}, FRONT_STEERED},
	{"don't-fragment is no fragment", {.fragment = IPV4_DONT_FRAGMENT}, FRONT_STEERED},
	{"UDP length below the IP payload: padding", {.payload_bytes = 48, .udp_bytes_more = -8}, FRONT_STEERED},

	{"ARP", {.ether_type = 0x0806}, VERDICT_PASSED},
	{"TCP", {.l4_proto = 6}, VERDICT_PASSED},
	{"another port", {.port = 4434}, VERDICT_PASSED},
	{"IPv6 with destination options", {.ip_version = 6, .l4_proto = 60}, VERDICT_PASSED},
	{"IPv6 fragment header", {.ip_version = 6, .l4_proto = 44}, VERDICT_PASSED},
	{"IPv4 type over an IPv6 header", {.ip_version = 6, .ether_type = NET_TYPE_IPV4}, VERDICT_PASSED},
	{"a later fragment", {.fragment = 5}, VERDICT_PASSED},
	{"a later fragment, more to come", {.fragment = IPV4_MORE_FRAGMENTS | 5}, VERDICT_PASSED},
	{"cut: Ethernet only", {CUT(14)}, VERDICT_PASSED},
	{"cut inside the tag", {.vlan_tags = 1, CUT(16)}, VERDICT_PASSED},
	{"cut inside the IPv4 header", {CUT(14 + 19)}, VERDICT_PASSED},
	{"cut inside the options", {.option_words = 4, CUT(14 + 30)}, VERDICT_PASSED},
	{"cut inside the IPv6 header", {.ip_version = 6, CUT(14 + 39)}, VERDICT_PASSED},
	{"cut inside the ports", {CUT(14 + 20 + 3)}, VERDICT_PASSED},

	{"cut behind the ports", {CUT(14 + 20 + 4)}, VERDICT_MALFORMED},
	{"cut inside the vote", {CUT(14 + 20 + 8 + 39)}, VERDICT_MALFORMED},
	{"IPv6, cut inside the vote", {.ip_version = 6, CUT(14 + 40 + 8 + 39)}, VERDICT_MALFORMED},
	{"a first fragment", {.fragment = IPV4_MORE_FRAGMENTS}, VERDICT_MALFORMED},
	{"IP length beyond the frame", {.ip_bytes_more = 1}, VERDICT_MALFORMED},
	{"IPv6 length beyond the frame", {.ip_version = 6, .ip_bytes_more = 1}, VERDICT_MALFORMED},
	{"IP length below its header", {.ip_bytes_more = -60}, VERDICT_MALFORMED},
	{"UDP length beyond the IP payload", {.udp_bytes_more = 1, .padding_bytes = 1}, VERDICT_MALFORMED},
	{"IP length a byte short of the vote", {.ip_bytes_more = -1}, VERDICT_MALFORMED},
	{"IPv6 length a byte short of the vote", {.ip_version = 6, .ip_bytes_more = -1}, VERDICT_MALFORMED},
	{"UDP length below 8", {.udp_bytes_more = -41}, VERDICT_MALFORMED},
	{"UDP without payload", {.udp_bytes_more = -40}, VERDICT_MALFORMED},
	{"39 bytes", {.payload_bytes = 39}, VERDICT_MALFORMED},
	{"41 bytes", {.payload_bytes = 41}, VERDICT_MALFORMED},
	{"a watch of 255 bytes", {.payload = FRAMES_WATCH, .payload_bytes = 255}, VERDICT_MALFORMED},
	{"a watch of 40 bytes", {.payload = FRAMES_WATCH, .payload_bytes = 40}, VERDICT_MALFORMED},
	{"a vote of 256 bytes", {.payload_bytes = 256}, VERDICT_MALFORMED},
	{"a receipt", {.poke_at = 0, .poke_mask = VOTE_TYPE ^ RECEIPT_TYPE}, VERDICT_MALFORMED},
	{"without the fixed bit", {.poke_at = 0, .poke_mask = 0x40}, VERDICT_MALFORMED},
	{"byte 28 not 0", {.poke_at = 28, .poke_mask = 1}, VERDICT_MALFORMED},
	{"connection id length 7", {.poke_at = 1, .poke_mask = 1}, VERDICT_MALFORMED},
	{"connection id of the seventh rotation", {.poke_at = 1, .poke_mask = 0xC0}, FRONT_STEERED},
	{"revision 255", {.poke_at = 31, .poke_mask = 0xFF}, FRONT_STEERED},

	{"another tenant", {.tenant = 8}, VERDICT_UNKNOWN_KEY},
	{"tenant 1792, 7 in the other byte order", {.tenant = 0x0700}, VERDICT_UNKNOWN_KEY},
	{"another epoch", {.key_epoch = 2}, VERDICT_UNKNOWN_KEY},
	{"another tenant's watch", {.payload = FRAMES_WATCH, .tenant = 8}, VERDICT_UNKNOWN_KEY},

	{"QUIC 1, 1200 bytes", {LONG(1, 1200)}, VERDICT_NEGOTIATED},
	{"QUIC 1, 1199 bytes", {LONG(1, 1199)}, VERDICT_MALFORMED},
	{"QUIC 1, 1200 bytes by UDP, 1208 by IP", {LONG(1, 1208), .udp_bytes_more = -8}, VERDICT_NEGOTIATED},
	{"QUIC 1, 1199 bytes by UDP, 1207 by IP", {LONG(1, 1207), .udp_bytes_more = -8}, VERDICT_MALFORMED},
	{"QUIC 1 without the fixed bit", {LONG(1, 1200), .poke_at = 0, .poke_mask = 0x40}, VERDICT_NEGOTIATED},
	{"QUIC 1 in a first fragment", {LONG(1, 1200), .fragment = IPV4_MORE_FRAGMENTS}, VERDICT_NEGOTIATED},
	{"QUIC 1 in a cut frame", {LONG(1, 1200), CUT(1200)}, VERDICT_MALFORMED},
	{"QUIC 1, IP length a byte short of it", {LONG(1, 1200), .ip_bytes_more = -1}, VERDICT_MALFORMED},
	{"QUIC 1, UDP length 7", {LONG(1, 1200), .udp_bytes_more = -1201}, VERDICT_MALFORMED},
	{"version 0", {LONG(0, 1200)}, VERDICT_MALFORMED},
	{"our version", {LONG(QUIC_LITE_VERSION, 1200)}, VERDICT_MALFORMED},
	{"our next version", {LONG(QUIC_LITE_VERSION + 1, 1200)}, VERDICT_NEGOTIATED},
	{"a short header of 1200 bytes", {.payload_bytes = 1200}, VERDICT_MALFORMED},
	{"QUIC 1 to another port", {LONG(1, 1200), .port = 443}, VERDICT_PASSED},
};
/* clang-format on */

/* What the front does with a packet that ends in this counter. */
static int action_of(uint32_t counter)
{
	return counter == VERDICT_PASSED       ? XDP_PASS
	       : counter == VERDICT_NEGOTIATED ? XDP_TX
	       : counter == FRONT_STEERED      ? XDP_REDIRECT
					       : XDP_DROP;
}

/* What classify() says to it; from rule 4 on it is not asked. */
static enum verdict verdict_of(uint32_t counter)
{
	bool past_rule_3 = counter >= VERDICT_COUNT || counter == VERDICT_UNKNOWN_KEY;
	return past_rule_3 ? VERDICT_NONE : (enum verdict)counter;
}

static uint64_t all_counters(void)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < FRONT_COUNTERS; i++)
		sum += rig_counter(i);
	return sum;
}

static void check_row(const struct row *row, uint32_t counter)
{
	uint8_t sent[FRAMES_MAX_BYTES], out[FRAMES_MAX_BYTES];
	uint32_t out_bytes, bytes = frames_build(&row->plan, sent);
	uint64_t before = rig_counter(counter), all_before = all_counters();
	int action = rig_run(sent, bytes, out, &out_bytes);

	cr_expect_eq(action, action_of(counter), "%s: %s", row->what, rig_action_name(action));
	cr_expect_eq(rig_counter(counter), before + 1, "%s: its counter did not move", row->what);
	cr_expect_eq(all_counters(), all_before + 1, "%s: counted elsewhere too", row->what);
	if (action != XDP_TX)
		cr_expect(out_bytes == bytes && memcmp(out, sent, bytes) == 0, "%s: changed",
			  row->what);
}

Test(front, judges_each_frame_by_its_rule)
{
	rig_open(true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i], rows[i].counter);
	cr_expect_eq(rig_steered(0), rig_counter(FRONT_STEERED));
}

Test(front, drops_and_counts_votes_without_a_socket)
{
	rig_open(false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i], rows[i].counter == FRONT_STEERED ? (uint32_t)FRONT_MISSED
								     : rows[i].counter);
	cr_expect_eq(rig_steered(0), 0);
}

Test(classify, judges_the_same_rows_in_user_space)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t sent[FRAMES_MAX_BYTES];
		struct frame frame;
		uint32_t bytes = frames_build(&rows[i].plan, sent);
		enum verdict verdict = classify(sent, sent + bytes, be16(FRAMES_PORT), &frame);
		cr_expect_eq(verdict, verdict_of(rows[i].counter), "%s: %d", rows[i].what, verdict);
	}
}
