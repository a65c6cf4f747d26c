/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Votes and receipts in frames, through the cursor of the front's own classify.h.
 *
 * Called by restamp and receipts for each frame; never verifies a tag.
 */
#include "perf/vote_view.h"

/* Addresses and port of the viewer: the source of a vote, the destination of a receipt. */
static void set_viewer(uint8_t *data, bool is_source, struct vote_view *view)
{
	const uint8_t *l3 = data + view->at.l3_offset;
	const struct udp_header *udp = (const void *)(data + view->at.l4_offset);
	const struct ipv4_header *ipv4 = (const void *)l3;
	const struct ipv6_header *ipv6 = (const void *)l3;
	if (view->at.ip_version == 4)
		view->address = is_source ? ipv4->source : ipv4->destination;
	else
		view->address = is_source ? ipv6->source : ipv6->destination;
	view->address_bytes = view->at.ip_version == 4 ? 4 : 16;
	view->port_be = is_source ? udp->source_port_be : udp->destination_port_be;
	view->payload = data + view->at.payload_offset;
}

bool vote_view_of_vote(uint8_t *data, const uint8_t *end, uint16_t vote_port_be,
		       struct vote_view *view)
{
	if (classify(data, end, vote_port_be, &view->at) != VERDICT_NONE ||
	    view->at.type != VOTE_TYPE)
		return false;
	set_viewer(data, true, view);
	return true;
}

bool vote_view_of_answer(uint8_t *data, const uint8_t *end, uint16_t vote_port_be,
			 struct vote_view *view)
{
	struct cursor c = {.pos = data, .end = end};
	struct ip_view ip;
	uint16_t type = parse_ethernet(&c);
	view->at.l3_offset = (uint16_t)(c.pos - data);
	bool is_udp = type == NET_TYPE_IPV4   ? parse_ipv4(&c, &ip)
		      : type == NET_TYPE_IPV6 ? parse_ipv6(&c, &ip)
					      : false;
	const struct udp_header *udp = (const void *)c.pos;
	if (!is_udp || c.pos + sizeof(*udp) > end || udp->source_port_be != vote_port_be)
		return false;
	uint32_t udp_bytes = be16(udp->bytes_be);
	if (udp_bytes < sizeof(*udp) || c.pos + udp_bytes > end ||
	    ip.payload_bytes < (int32_t)udp_bytes)
		return false;
	view->at.ip_version = ip.version;
	view->at.l4_offset = (uint16_t)(c.pos - data);
	view->at.payload_offset = (uint16_t)(view->at.l4_offset + sizeof(*udp));
	view->at.payload_bytes = (uint16_t)(udp_bytes - sizeof(*udp));
	set_viewer(data, false, view);
	return true;
}

bool vote_view_of_receipt(uint8_t *data, const uint8_t *end, uint16_t vote_port_be,
			  struct vote_view *view)
{
	return vote_view_of_answer(data, end, vote_port_be, view) &&
	       view->at.payload_bytes == VOTE_BYTES;
}
