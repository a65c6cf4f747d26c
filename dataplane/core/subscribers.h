/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is to be told of windows: one worker's table of a fixed size. Each entry holds what a frame
 * to that viewer begins with, and whose it is; no key, since that is derived again each time.
 *
 * An entry lives for 30 s and is renewed by each WATCH. All live equally long, so they expire in
 * the order of their renewals, and a list in that order finds the expired ones at its end. When all
 * places are taken by entries that live, a further viewer gets none, and nobody loses theirs.
 *
 *   buckets[hash of tenant and voter] ─► entry ─► entry       entries[0 .. end): in use or free
 *                                        older ◄─► newer      free ─► entry ─► entry
 *
 * One thread, the worker's; memory is handed in and not freed here. Time is any clock in µs that
 * does not go back.
 */
#ifndef TALLYWIRE_CORE_SUBSCRIBERS_H
#define TALLYWIRE_CORE_SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ebpf/classify.h"
#include "wire/watch_packet.h"

#define SUBSCRIBER_LIVES_US  30000000u
#define SUBSCRIBERS_OF_VOTER 4 /* at once: their own oldest makes way for a fifth */
/* So many notices are pushed to a subscriber until the next WATCH: 60 KiB at the very most. */
#define SUBSCRIBER_NOTICES 256
/* Ethernet, two VLAN tags, IPv6, UDP. */
#define SUBSCRIBER_HEAD_BYTES (14 + 2 * 4 + 40 + 8)
#define SUBSCRIBER_NONE       UINT32_MAX
#define SUBSCRIBERS_ALIGN     128

struct subscriber {
	/* Filled in by whoever subscribes. */
	uint32_t voter_be;
	struct connection_id cid; /* with the tenant */
	uint8_t key_epoch;
	uint8_t ip_version;
	uint8_t l3_offset;                   /* of IP, without options, and so of UDP behind it */
	uint8_t head_bytes;                  /* up to the payload */
	uint8_t head[SUBSCRIBER_HEAD_BYTES]; /* lengths and checksums have no meaning */
	/* The table's. */
	bool used;
	uint16_t notices; /* that may be pushed yet */
	uint32_t next;    /* in its bucket, or among the free ones */
	uint32_t older;   /* by the last renewal */
	uint32_t newer;
	uint64_t renewed_us;
} __attribute__((aligned(SUBSCRIBERS_ALIGN)));

struct subscribers {
	struct subscriber *entries;
	uint32_t *buckets;
	uint32_t mask;  /* buckets - 1 */
	uint32_t room;  /* entries */
	uint32_t end;   /* from here on none was ever in use */
	uint32_t count; /* in use; some may have expired */
	uint32_t free;  /* the first */
	uint32_t oldest;
	uint32_t newest;
};

enum subscribed {
	SUBSCRIBED, /* from now on */
	SUBSCRIBED_AGAIN,
	SUBSCRIBED_NOT, /* no room */
};

/* Memory for a table of `room` entries, 1 at least. */
size_t subscribers_bytes(uint32_t room);

/* `memory`: subscribers_bytes(room), SUBSCRIBERS_ALIGN aligned. */
void subscribers_init(struct subscribers *table, void *memory, uint32_t room);

/* The viewer's next 30 s. Who comes from the same address and port for the same voter is the same.
 */
enum subscribed subscribers_put(struct subscribers *table, const struct subscriber *viewer,
				uint64_t now_us);

/* Frees entries that have expired, but no more than `most`. */
void subscribers_expire(struct subscribers *table, uint64_t now_us, uint32_t most);

/* Frees an entry that is in use. */
void subscribers_drop(struct subscribers *table, uint32_t index);

static inline bool subscriber_lives(const struct subscriber *viewer, uint64_t now_us)
{
	return viewer->used && now_us - viewer->renewed_us < SUBSCRIBER_LIVES_US;
}

/*
 * Completes the frame of a viewer around the payload of `payload_bytes` at
 * `frame` + viewer->head_bytes, which adds up to `payload_sum` (checksum_words). Returns its
 * length.
 */
uint32_t subscriber_frame(const struct subscriber *viewer, uint32_t payload_bytes,
			  uint64_t payload_sum, uint8_t *frame);

_Static_assert(sizeof(struct subscriber) == SUBSCRIBERS_ALIGN, "an entry is two cache lines");

#endif
