/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sender's books: one open-addressing table from what a receipt echoes to the datagrams sent.
 *
 * Called by the sender for each frame that comes back, and by tests. It never sends and reads no
 * clock. Whether a receipt is signed by the appliance and can be the answer to a vote is asked of
 * the library for players: what they would drop is wrong here. A receipt echoes connection id,
 * epoch, interaction, voter and revision, but neither choice nor program time, so address and port
 * are part of the key.
 */
#include "perf/receipts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/tw_parts.h"
#include "perf/vote_view.h"
#include "wire/vote_packet.h"

/* Source: splitmix64's finalizer. Fields are big-endian, so what varies may lie in the top bits
 * alone. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) + 0x9E3779B97F4A7C15u;
	hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9u;
	hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBu;
	return hash ^ (hash >> 31);
}

/* A vote_packet and a receipt_packet echo the same bytes at the same places. */
static uint64_t echo_hash(const struct vote_view *view)
{
	const struct vote_packet *packet = (const void *)view->payload;
	uint64_t words[2];
	uint32_t address;
	memcpy(&words[0], &packet->cid, 8);
	memcpy(&words[1], &packet->interaction_be, 8); /* and the voter behind it */
	memcpy(&address, view->address + view->address_bytes - 4, 4);
	uint64_t hash = mix(view->port_be, words[0]);
	hash = mix(hash, words[1]);
	hash = mix(hash, (uint64_t)address << 32 | get_be24(packet->revision_be));
	return mix(hash, packet->key_epoch);
}

static bool same_socket(const struct vote_view *a, const struct vote_view *b)
{
	return a->port_be == b->port_be && a->address_bytes == b->address_bytes &&
	       !memcmp(a->address, b->address, a->address_bytes);
}

/* A record known to hold a vote. */
static void view_record(const struct receipts *receipts, uint32_t record, struct vote_view *view)
{
	uint8_t *data = capture_frame(receipts->capture, record);
	vote_view_of_vote(data, capture_frame_end(receipts->capture, record),
			  receipts->vote_port_be, view);
}

/* The tenant's key of a packet's connection id and epoch, or NULL. */
static const uint8_t *tenant_key(const struct receipts *receipts, const struct vote_packet *packet)
{
	return auth_keys_find(receipts->keys, be16(packet->cid.tenant_be), packet->key_epoch);
}

/* The tag of a VOTE or RECEIPT, which are signed the same way. */
static bool tag_right(const struct receipts *receipts, const void *payload)
{
	const struct vote_packet *packet = payload;
	const uint8_t *key = tenant_key(receipts, packet);
	uint8_t voter_key[AUTH_KEY_BYTES];
	if (!key)
		return false;
	auth_voter_key(key, be16(packet->cid.tenant_be), packet->key_epoch, be32(packet->voter_be),
		       voter_key);
	return tw_siphash_matches(voter_key, payload, VOTE_TAG_OFFSET, packet->tag);
}

/* The datagram with these bytes from this viewer; a new one where there is none yet. */
static uint32_t intern(struct receipts *receipts, uint32_t record, const struct vote_view *view)
{
	uint32_t slot = (uint32_t)echo_hash(view) & receipts->mask;
	for (; receipts->slots[slot]; slot = (slot + 1) & receipts->mask) {
		uint32_t known = receipts->slots[slot] - 1;
		struct vote_view other;
		view_record(receipts, receipts->datagrams[known].record, &other);
		if (same_socket(view, &other) && !memcmp(view->payload, other.payload, VOTE_BYTES))
			return known;
	}
	uint32_t number = receipts->count++;
	bool awaited = !receipts->keys || tag_right(receipts, view->payload);
	receipts->datagrams[number] = (struct datagram){
		.record = record,
		.predecessor = RECEIPTS_NO_DATAGRAM,
		.successor = RECEIPTS_NO_DATAGRAM,
		.status = RECEIPT_NONE,
		.flags = awaited ? DATAGRAM_AWAITED : 0,
	};
	receipts->awaited += awaited;
	receipts->slots[slot] = number + 1;
	return number;
}

static void intern_records(struct receipts *receipts, struct capture *capture)
{
	struct vote_view view;
	for (uint32_t i = 0; i < capture->count; i++) {
		capture->records[i].datagram = RECEIPTS_NO_DATAGRAM;
		if (!vote_view_of_vote(capture_frame(capture, i), capture_frame_end(capture, i),
				       receipts->vote_port_be, &view))
			continue;
		receipts->votes++;
		capture->records[i].datagram = intern(receipts, i, &view);
	}
}

static bool same_answerer(const struct vote_packet *a, const struct vote_packet *b)
{
	return a->cid.tenant_be == b->cid.tenant_be && a->interaction_be == b->interaction_be &&
	       a->voter_be == b->voter_be;
}

/* Links each awaited datagram to the same voter's one before it. `latest`: zeroed, mask + 1 slots.
 */
static void link_predecessors(struct receipts *receipts, uint32_t *latest)
{
	for (uint32_t i = 0; i < receipts->count; i++) {
		struct vote_view view, other;
		if (!(receipts->datagrams[i].flags & DATAGRAM_AWAITED))
			continue;
		view_record(receipts, receipts->datagrams[i].record, &view);
		const struct vote_packet *packet = (const void *)view.payload;
		uint64_t who = (uint64_t)packet->voter_be << 32 | packet->interaction_be;
		uint32_t slot = (uint32_t)mix(packet->cid.tenant_be, who) & receipts->mask;
		for (; latest[slot]; slot = (slot + 1) & receipts->mask) {
			uint32_t earlier = latest[slot] - 1;
			view_record(receipts, receipts->datagrams[earlier].record, &other);
			if (!same_answerer(packet, (const void *)other.payload))
				continue;
			receipts->datagrams[i].predecessor = earlier;
			receipts->datagrams[earlier].successor = i;
			break;
		}
		latest[slot] = i + 1;
	}
}

int receipts_build(struct receipts *receipts, struct capture *capture, const struct auth_keys *keys,
		   uint16_t vote_port_be, struct err *err)
{
	uint64_t slots = 16;
	while (slots < (uint64_t)capture->count * 2 && slots < UINT64_C(1) << 32)
		slots *= 2;
	*receipts = (struct receipts){
		.capture = capture,
		.keys = keys,
		.vote_port_be = vote_port_be,
		.mask = (uint32_t)(slots - 1),
		.slots = calloc(slots, sizeof(uint32_t)),
		.datagrams = malloc((size_t)capture->count * sizeof(struct datagram) + 1),
	};
	uint32_t *latest = calloc(slots, sizeof(uint32_t));
	if (!receipts->slots || !receipts->datagrams || !latest) {
		free(latest);
		receipts_free(receipts);
		return err_set(err, -ENOMEM,
			       "no memory for the receipts of %u frames; split the "
			       "capture",
			       capture->count);
	}
	intern_records(receipts, capture);
	link_predecessors(receipts, latest);
	free(latest);
	return 0;
}

void receipts_free(struct receipts *receipts)
{
	free(receipts->slots);
	free(receipts->datagrams);
	memset(receipts, 0, sizeof(*receipts));
}

/* Where something stands already, it has a name; only a mask can be called like none. */
static bool names_what_stands(const struct receipt_packet *receipt, const struct vote_packet *vote)
{
	return receipt->status != RECEIPT_DUPLICATE || receipt->choice_be != be16(CHOICE_NONE) ||
	       vote->choice_be == be16(CHOICE_NONE);
}

static bool was_sent_with(const struct receipts *receipts, uint32_t number, uint16_t choice_be)
{
	const struct datagram *datagram = &receipts->datagrams[number];
	struct vote_view view;
	view_record(receipts, datagram->record, &view);
	return datagram->sends &&
	       ((const struct vote_packet *)(const void *)view.payload)->choice_be == choice_be;
}

/* Some datagram of this one's voter, sent before or after it, holds the choice. */
static bool may_stand(const struct receipts *receipts, uint32_t number, uint16_t choice_be)
{
	const struct datagram *all = receipts->datagrams;
	for (uint32_t i = number; i != RECEIPTS_NO_DATAGRAM; i = all[i].predecessor)
		if (was_sent_with(receipts, i, choice_be))
			return true;
	for (uint32_t i = all[number].successor; i != RECEIPTS_NO_DATAGRAM; i = all[i].successor)
		if (was_sent_with(receipts, i, choice_be))
			return true;
	return false;
}

/* And can be said where this is asked. */
static bool fits_question(const struct receipts *receipts, uint32_t number,
			  const struct receipt_packet *receipt, const struct vote_packet *vote)
{
	if (!receipts->windows)
		return true;
	const struct window *window = window_table_find(
		receipts->windows, be16(vote->cid.tenant_be), be32(vote->interaction_be));
	if (!window || receipt->status == RECEIPT_UNKNOWN)
		return receipt->status == RECEIPT_UNKNOWN;
	bool valid = kind_choice_is_valid(&window->question, be16(vote->choice_be));
	bool stands = window->identity == ONE_PER_VOTER_ITEM
			      ? receipt->choice_be == vote->choice_be
			      : may_stand(receipts, number, receipt->choice_be);
	bool none = receipt->choice_be == be16(CHOICE_NONE);
	switch (receipt->status) {
	case RECEIPT_COUNTED: return valid;
	case RECEIPT_CHANGED:
		return valid && window->identity == ONE_PER_VOTER_CHANGING &&
		       get_be24(vote->revision_be) > 0;
	case RECEIPT_DUPLICATE: return valid && stands;
	case RECEIPT_BAD_CHOICE: return !valid && (stands || none);
	case RECEIPT_BUSY: return valid && none;
	case RECEIPT_CANCELLED: return stands || none;
	default: return valid && (stands || none);
	}
}

/*
 * The datagram that the receipt fits: one that still waits if there is one, else one that has its
 * receipt. (Captures of others may hold several datagrams that only choice or time tells apart.)
 */
static uint32_t find_datagram(const struct receipts *receipts, const struct vote_view *view)
{
	uint32_t found = RECEIPTS_NO_DATAGRAM;
	uint32_t slot = (uint32_t)echo_hash(view) & receipts->mask;
	for (; receipts->slots[slot]; slot = (slot + 1) & receipts->mask) {
		uint32_t number = receipts->slots[slot] - 1;
		const struct datagram *datagram = &receipts->datagrams[number];
		struct vote_view vote;
		view_record(receipts, datagram->record, &vote);
		if (!datagram->sends || !(datagram->flags & DATAGRAM_AWAITED) ||
		    !same_socket(view, &vote) || !tw_answer_fits(vote.payload, view->payload) ||
		    !names_what_stands((const void *)view->payload, (const void *)vote.payload) ||
		    !fits_question(receipts, number, (const void *)view->payload,
				   (const void *)vote.payload))
			continue;
		found = number;
		if (!(datagram->flags & DATAGRAM_ANSWERED))
			break;
	}
	return found;
}

enum receipt_finding receipts_take(struct receipts *receipts, uint8_t *data, const uint8_t *end,
				   uint32_t *number)
{
	struct vote_view view;
	*number = RECEIPTS_NO_DATAGRAM;
	if (!vote_view_of_receipt(data, end, receipts->vote_port_be, &view))
		return RECEIPT_FINDING_FOREIGN;
	const struct receipt_packet *receipt = (const void *)view.payload;
	if (!receipts->keys || tag_right(receipts, receipt))
		*number = find_datagram(receipts, &view);
	if (*number == RECEIPTS_NO_DATAGRAM) {
		receipts->invalid++;
		return RECEIPT_FINDING_INVALID;
	}
	struct datagram *datagram = &receipts->datagrams[*number];
	bool again = datagram->flags & DATAGRAM_ANSWERED;
	receipts->verified += receipts->keys != NULL;
	receipts->by_status[receipt->status]++;
	datagram->status = receipt->status;
	if (receipt->status == RECEIPT_BUSY)
		return RECEIPT_FINDING_BUSY;
	datagram->flags |= DATAGRAM_ANSWERED;
	receipts->answered += !again;
	return again ? RECEIPT_FINDING_AGAIN : RECEIPT_FINDING_FIRST;
}
