// SPDX-License-Identifier: BSD-3-Clause
/* Frames byte by byte, as the RFCs draw them. Includes nothing of wire/ or ebpf/ on purpose. */
#include "tests/lib/envelope.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t viewer_mac[6] = {0x02, 0, 0, 0, 0, 0x11};
static const uint8_t appliance_mac[6] = {0x02, 0, 0, 0, 0, 0x22};
static const uint8_t viewer_ipv4[4] = {198, 51, 100, 7};
static const uint8_t appliance_ipv4[4] = {203, 0, 113, 1};
static const uint8_t viewer_ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 7, [15] = 0x77};
static const uint8_t appliance_ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x01};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static bool is_ipv6(const struct envelope *envelope)
{
	return envelope->ip_version == 6;
}

static uint32_t source_port(const struct envelope *envelope)
{
	return envelope->source_port ? envelope->source_port : ENVELOPE_VIEWER_PORT;
}

static uint32_t destination_port(const struct envelope *envelope)
{
	return envelope->destination_port ? envelope->destination_port : ENVELOPE_VOTE_PORT;
}

uint32_t envelope_l3(const struct envelope *envelope)
{
	return 14 + 4u * envelope->vlan_tags;
}

uint32_t envelope_l4(const struct envelope *envelope)
{
	return envelope_l3(envelope) + (is_ipv6(envelope) ? 40u : 20u + envelope->option_bytes);
}

uint32_t envelope_payload(const struct envelope *envelope)
{
	return envelope_l4(envelope) + 8;
}

/* RFC 1071, one byte at a time: even bytes are high halves. Folded, not complemented. */
static uint32_t ones_sum(uint32_t sum, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xFFFF) + (sum >> 16);
	}
	return sum;
}

static uint32_t udp_sum(const struct envelope *envelope, const uint8_t *frame, uint32_t udp_bytes)
{
	const uint8_t *l3 = frame + envelope_l3(envelope);
	uint8_t length_and_protocol[4] = {0, 17, (uint8_t)(udp_bytes >> 8), (uint8_t)udp_bytes};
	uint32_t sum = is_ipv6(envelope) ? ones_sum(0, l3 + 8, 32) : ones_sum(0, l3 + 12, 8);
	sum = ones_sum(sum, length_and_protocol, 4);
	return ones_sum(sum, frame + envelope_l4(envelope), udp_bytes);
}

static void put_ethernet(const struct envelope *envelope, uint8_t *frame)
{
	memcpy(frame, appliance_mac, 6);
	memcpy(frame + 6, viewer_mac, 6);
	uint8_t *type = frame + 12;
	for (uint32_t tag = 0; tag < envelope->vlan_tags; tag++, type += 4) {
		put16(type, tag == 0 && envelope->outer_tpid ? envelope->outer_tpid : 0x8100);
		put16(type + 2, 0x6064 + tag); /* priority 3, id 100 and up */
	}
	put16(type, is_ipv6(envelope) ? 0x86DD : 0x0800);
}

static void put_ipv4(const struct envelope *envelope, uint8_t *l3, uint32_t payload_bytes)
{
	uint32_t header_bytes = 20u + envelope->option_bytes;
	memset(l3, 0, header_bytes);
	l3[0] = (uint8_t)(0x40 | header_bytes / 4);
	l3[1] = 0x2E;
	put16(l3 + 2, header_bytes + payload_bytes);
	put16(l3 + 4, 0x1234);
	l3[8] = 57;
	l3[9] = 17;
	memcpy(l3 + 12, viewer_ipv4, 4);
	memcpy(l3 + 16, appliance_ipv4, 4);
	/* Loose source route, the option that must not be followed back. */
	memset(l3 + 20, 0x83, envelope->option_bytes);
	put16(l3 + 10, ~ones_sum(0, l3, header_bytes));
}

static void put_ipv6(uint8_t *l3, uint32_t payload_bytes)
{
	memset(l3, 0, 40);
	l3[0] = 0x6B;
	l3[1] = 0x81;
	l3[3] = 0x55;
	put16(l3 + 4, payload_bytes);
	l3[6] = 17;
	l3[7] = 57;
	memcpy(l3 + 8, viewer_ipv6, 16);
	memcpy(l3 + 24, appliance_ipv6, 16);
}

uint32_t envelope_wrap(const struct envelope *envelope, const void *payload, uint32_t bytes,
		       uint8_t frame[ENVELOPE_MAX_BYTES])
{
	uint8_t *l4 = frame + envelope_l4(envelope);
	uint32_t udp_bytes = 8 + bytes;
	put_ethernet(envelope, frame);
	if (is_ipv6(envelope))
		put_ipv6(frame + envelope_l3(envelope), udp_bytes + envelope->ip_padding);
	else
		put_ipv4(envelope, frame + envelope_l3(envelope), udp_bytes + envelope->ip_padding);
	put16(l4, source_port(envelope));
	put16(l4 + 2, destination_port(envelope));
	put16(l4 + 4, udp_bytes);
	put16(l4 + 6, 0);
	memcpy(l4 + 8, payload, bytes);
	uint32_t checksum = ~udp_sum(envelope, frame, udp_bytes) & 0xFFFF;
	put16(l4 + 6, checksum ? checksum : 0xFFFF);
	uint32_t behind = (uint32_t)envelope->padding + envelope->ip_padding;
	memset(l4 + udp_bytes, 0xEE, behind);
	return envelope_l4(envelope) + udp_bytes + behind;
}

static const char *check_ethernet(const struct envelope *request, const uint8_t *frame)
{
	uint8_t asked[ENVELOPE_MAX_BYTES];
	put_ethernet(request, asked);
	if (memcmp(frame, viewer_mac, 6) != 0 || memcmp(frame + 6, appliance_mac, 6) != 0)
		return "Ethernet addresses are not swapped";
	if (memcmp(frame + 12, asked + 12, envelope_l3(request) - 12) != 0)
		return "VLAN tags or type are not those of the request";
	return NULL;
}

static const char *check_ipv4(const struct envelope *request, const uint8_t *l3, uint32_t bytes)
{
	uint32_t header_bytes = 20u + request->option_bytes;
	if (l3[0] != (0x40 | header_bytes / 4))
		return "IPv4 version or header length changed";
	if (get16(l3 + 2) != bytes)
		return "IPv4 total length is not that of the frame";
	if (get16(l3 + 6) & 0x3FFF)
		return "IPv4 answer is a fragment";
	if (l3[8] < 32 || l3[9] != 17)
		return "IPv4 time to live or protocol is wrong";
	if (memcmp(l3 + 12, appliance_ipv4, 4) != 0 || memcmp(l3 + 16, viewer_ipv4, 4) != 0)
		return "IPv4 addresses are not swapped";
	for (uint32_t i = 20; i < header_bytes; i++)
		if (l3[i] != 0)
			return "IPv4 options are not blank";
	return ones_sum(0, l3, header_bytes) == 0xFFFF ? NULL : "IPv4 checksum is wrong";
}

static const char *check_ipv6(const uint8_t *l3, uint32_t bytes)
{
	if (l3[0] >> 4 != 6)
		return "IPv6 version changed";
	if (get16(l3 + 4) != bytes - 40)
		return "IPv6 payload length is not that of the frame";
	if (l3[7] < 32 || l3[6] != 17)
		return "IPv6 hop limit or next header is wrong";
	if (memcmp(l3 + 8, appliance_ipv6, 16) != 0 || memcmp(l3 + 24, viewer_ipv6, 16) != 0)
		return "IPv6 addresses are not swapped";
	return NULL;
}

const char *envelope_check_answer(const struct envelope *request, const uint8_t *frame,
				  uint32_t bytes, uint32_t *payload_bytes)
{
	uint32_t l3 = envelope_l3(request), l4 = envelope_l4(request);
	if (bytes < l4 + 8)
		return "the answer is shorter than its headers";
	const char *wrong = check_ethernet(request, frame);
	if (wrong)
		return wrong;
	wrong = is_ipv6(request) ? check_ipv6(frame + l3, bytes - l3)
				 : check_ipv4(request, frame + l3, bytes - l3);
	if (wrong)
		return wrong;
	if (get16(frame + l4) != destination_port(request) ||
	    get16(frame + l4 + 2) != source_port(request))
		return "ports are not swapped";
	if (get16(frame + l4 + 4) != bytes - l4)
		return "UDP length is not that of the frame";
	if (get16(frame + l4 + 6) == 0)
		return "UDP checksum is absent";
	if (udp_sum(request, frame, bytes - l4) != 0xFFFF)
		return "UDP checksum is wrong";
	*payload_bytes = bytes - l4 - 8;
	return NULL;
}
