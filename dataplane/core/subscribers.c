// SPDX-License-Identifier: BSD-3-Clause
/* The table of those who are told. Called by one worker: for a WATCH, and while it pushes. */
#include "dataplane/core/subscribers.h"

#include <string.h>

#include "dataplane/core/slots.h"
#include "ebpf/reply.h"

size_t subscribers_bytes(uint32_t room)
{
	return room * sizeof(struct subscriber) + slots_for(room) / 2 * sizeof(uint32_t);
}

void subscribers_init(struct subscribers *table, void *memory, uint32_t room)
{
	uint32_t buckets = slots_for(room) / 2;
	*table = (struct subscribers){
		.entries = memory,
		.buckets = (void *)((uint8_t *)memory + room * sizeof(struct subscriber)),
		.mask = buckets - 1,
		.room = room,
		.free = SUBSCRIBER_NONE,
		.oldest = SUBSCRIBER_NONE,
		.newest = SUBSCRIBER_NONE,
	};
	memset(memory, 0, room * sizeof(struct subscriber));
	for (uint32_t i = 0; i < buckets; i++)
		table->buckets[i] = SUBSCRIBER_NONE;
}

static uint32_t *bucket_of(const struct subscribers *table, const struct subscriber *viewer)
{
	uint64_t key = (uint64_t)viewer->cid.tenant_be << 32 | viewer->voter_be;
	return &table->buckets[slots_hash(key) & table->mask];
}

static bool same_voter(const struct subscriber *a, const struct subscriber *b)
{
	return a->voter_be == b->voter_be && a->cid.tenant_be == b->cid.tenant_be;
}

/* Both addresses and both ports, which lie side by side. */
static bool same_address(const struct subscriber *a, const struct subscriber *b)
{
	uint32_t from = a->ip_version == 4 ? offsetof(struct ipv4_header, source)
					   : offsetof(struct ipv6_header, source);
	uint32_t bytes = a->ip_version == 4 ? 2 * 4 + 4 : 2 * 16 + 4;
	return a->ip_version == b->ip_version &&
	       memcmp(a->head + a->l3_offset + from, b->head + b->l3_offset + from, bytes) == 0;
}

/* Out of the list of renewals. */
static void unlink_age(struct subscribers *table, const struct subscriber *entry)
{
	if (entry->older == SUBSCRIBER_NONE)
		table->oldest = entry->newer;
	else
		table->entries[entry->older].newer = entry->newer;
	if (entry->newer == SUBSCRIBER_NONE)
		table->newest = entry->older;
	else
		table->entries[entry->newer].older = entry->older;
}

/* At its new end. */
static void link_newest(struct subscribers *table, uint32_t index)
{
	struct subscriber *entry = &table->entries[index];
	entry->newer = SUBSCRIBER_NONE;
	entry->older = table->newest;
	if (table->newest == SUBSCRIBER_NONE)
		table->oldest = index;
	else
		table->entries[table->newest].newer = index;
	table->newest = index;
}

void subscribers_drop(struct subscribers *table, uint32_t index)
{
	struct subscriber *entry = &table->entries[index];
	uint32_t *link = bucket_of(table, entry);
	while (*link != index)
		link = &table->entries[*link].next;
	*link = entry->next;
	unlink_age(table, entry);
	entry->used = false;
	entry->next = table->free;
	table->free = index;
	if (--table->count == 0) {
		/* Nobody left: no walk need go over the places of those who were there. */
		table->end = 0;
		table->free = SUBSCRIBER_NONE;
	}
}

void subscribers_expire(struct subscribers *table, uint64_t now_us, uint32_t most)
{
	for (; most > 0 && table->oldest != SUBSCRIBER_NONE; most--) {
		if (subscriber_lives(&table->entries[table->oldest], now_us))
			return;
		subscribers_drop(table, table->oldest);
	}
}

/* Writes the viewer's own part, and gives it 30 s more. */
static void renew(struct subscribers *table, uint32_t index, const struct subscriber *viewer,
		  uint64_t now_us)
{
	struct subscriber *entry = &table->entries[index];
	entry->voter_be = viewer->voter_be;
	entry->cid = viewer->cid;
	entry->key_epoch = viewer->key_epoch;
	entry->ip_version = viewer->ip_version;
	entry->l3_offset = viewer->l3_offset;
	entry->head_bytes = viewer->head_bytes;
	memcpy(entry->head, viewer->head, sizeof(entry->head));
	entry->notices = SUBSCRIBER_NOTICES;
	entry->renewed_us = now_us;
	link_newest(table, index);
}

/* The viewer's entry, or SUBSCRIBER_NONE; then a voter who has as many as may be loses the oldest.
 */
static uint32_t find(struct subscribers *table, const struct subscriber *viewer)
{
	uint32_t own = 0, oldest = SUBSCRIBER_NONE;
	for (uint32_t i = *bucket_of(table, viewer); i != SUBSCRIBER_NONE;
	     i = table->entries[i].next) {
		const struct subscriber *entry = &table->entries[i];
		if (!same_voter(entry, viewer))
			continue;
		if (same_address(entry, viewer))
			return i;
		own++;
		if (oldest == SUBSCRIBER_NONE ||
		    entry->renewed_us < table->entries[oldest].renewed_us)
			oldest = i;
	}
	if (own >= SUBSCRIBERS_OF_VOTER)
		subscribers_drop(table, oldest);
	return SUBSCRIBER_NONE;
}

/* A place that is free, or whose viewer's time is over. */
static uint32_t take_place(struct subscribers *table, uint64_t now_us)
{
	if (table->free == SUBSCRIBER_NONE && table->end == table->room)
		subscribers_expire(table, now_us, 1);
	uint32_t index = table->free;
	if (index != SUBSCRIBER_NONE)
		table->free = table->entries[index].next;
	else if (table->end < table->room)
		index = table->end++;
	return index;
}

enum subscribed subscribers_put(struct subscribers *table, const struct subscriber *viewer,
				uint64_t now_us)
{
	uint32_t index = find(table, viewer);
	if (index != SUBSCRIBER_NONE) {
		unlink_age(table, &table->entries[index]);
		renew(table, index, viewer, now_us);
		return SUBSCRIBED_AGAIN;
	}
	index = take_place(table, now_us);
	if (index == SUBSCRIBER_NONE)
		return SUBSCRIBED_NOT;
	uint32_t *bucket = bucket_of(table, viewer);
	table->entries[index].next = *bucket;
	*bucket = index;
	table->entries[index].used = true;
	table->count++;
	renew(table, index, viewer, now_us);
	return SUBSCRIBED;
}

uint32_t subscriber_frame(const struct subscriber *viewer, uint32_t payload_bytes,
			  uint64_t payload_sum, uint8_t *frame)
{
	uint8_t *l3 = frame + viewer->l3_offset;
	uint16_t udp_bytes = (uint16_t)(sizeof(struct udp_header) + payload_bytes);
	uint64_t sum = payload_sum + 2u * be16(udp_bytes) + be16(NET_PROTO_UDP);
	memcpy(frame, viewer->head, viewer->head_bytes);
	struct udp_header *udp = (void *)(frame + viewer->head_bytes - sizeof(*udp));
	if (viewer->ip_version == 4) {
		struct ipv4_header *ip = (void *)l3;
		ip->total_bytes_be = be16((uint16_t)(sizeof(*ip) + udp_bytes));
		ip->checksum = 0;
		ip->checksum = checksum_fold(checksum_words(0, l3, sizeof(*ip) / 4));
		sum = checksum_words(
			sum,
			viewer->head + viewer->l3_offset + offsetof(struct ipv4_header, source), 3);
	} else {
		struct ipv6_header *ip = (void *)l3;
		ip->payload_bytes_be = be16(udp_bytes);
		sum = checksum_words(
			sum,
			viewer->head + viewer->l3_offset + offsetof(struct ipv6_header, source), 9);
	}
	udp->bytes_be = be16(udp_bytes);
	uint16_t checksum = checksum_fold(sum);
	udp->checksum = checksum ? checksum : 0xFFFF;
	return viewer->head_bytes + payload_bytes;
}
