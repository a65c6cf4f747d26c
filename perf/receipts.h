/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which datagrams of a capture deserve a receipt, which have one, and whether it is right.
 *
 * Copies of the same bytes are one datagram: a receipt to any of them answers it. With keys, a
 * datagram deserves a receipt when its tag is right, and each receipt's tag is verified; without
 * keys every vote is presumed good and tags are taken as they come. With `windows`, set after
 * receipts_build(), a receipt must be one that its kind of question gives, and the choice that
 * stands one that this voter's datagrams of this capture hold; nobody else may vote for these
 * voters. One thread.
 */
#ifndef TALLYWIRE_PERF_RECEIPTS_H
#define TALLYWIRE_PERF_RECEIPTS_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/err.h"
#include "dataplane/core/window.h"
#include "perf/capture.h"
#include "wire/verdict.h"

#define RECEIPTS_NO_DATAGRAM UINT32_MAX

enum datagram_flag {
	DATAGRAM_AWAITED = 1,   /* deserves a receipt */
	DATAGRAM_ANSWERED = 2,  /* has one that is no `busy` */
	DATAGRAM_IN_FLIGHT = 4, /* the sender's: sent, and not yet given up for lost */
	DATAGRAM_GIVEN_UP = 8,  /* the sender's: sent as often as it may be */
};

/* One distinct vote. The sender writes sent_ns, sends, resends and its flags, receipts the rest. */
struct datagram {
	uint64_t sent_ns; /* when it was sent last, UTC; 0: never */
	uint32_t record;  /* its first record in the capture */
	/* The same voter's datagram before it, which an answer must have reached first. */
	uint32_t predecessor;
	uint32_t successor; /* the one after it */
	uint16_t sends;     /* copies included */
	uint16_t resends;   /* for want of a receipt */
	uint8_t status;     /* of its latest receipt; RECEIPT_NONE before */
	uint8_t flags;
};

struct receipts {
	struct datagram *datagrams;
	uint32_t count;
	uint32_t awaited;
	uint32_t answered;                    /* of those awaited */
	uint32_t votes;                       /* records that hold a vote, copies included */
	uint64_t by_status[RECEIPT_STATUSES]; /* receipts that are right */
	uint64_t verified;                    /* tags found right */
	uint64_t invalid;
	const struct capture *capture;
	const struct auth_keys *keys;       /* NULL: nothing can be verified */
	const struct window_table *windows; /* what is asked; NULL: nobody says */
	uint32_t *slots;                    /* datagram + 1, by what a receipt echoes; 0: empty */
	uint32_t mask;
	uint16_t vote_port_be;
};

enum receipt_finding {
	RECEIPT_FINDING_FOREIGN, /* no receipt: not 40 bytes from the vote port */
	RECEIPT_FINDING_INVALID, /* a receipt that is wrong, or to nothing that we sent */
	RECEIPT_FINDING_BUSY,    /* right, and says: again, after a pause */
	RECEIPT_FINDING_FIRST,   /* right, and the first of its datagram */
	RECEIPT_FINDING_AGAIN,   /* right, and its datagram had one */
};

/*
 * Finds the distinct votes of `capture`, which must outlive the table, and writes their numbers
 * into its records. `keys` may be NULL. 0 or -ENOMEM with nothing allocated.
 */
int receipts_build(struct receipts *receipts, struct capture *capture, const struct auth_keys *keys,
		   uint16_t vote_port_be, struct err *err);
void receipts_free(struct receipts *receipts);

/*
 * Takes the frame [data, end) that came in, and counts it. `datagram` gets the number of the one it
 * answers, or RECEIPTS_NO_DATAGRAM.
 */
enum receipt_finding receipts_take(struct receipts *receipts, uint8_t *data, const uint8_t *end,
				   uint32_t *datagram);

/* An earlier, different answer of this voter waits for its receipt: this one must not go out yet.
 */
static inline bool receipts_blocked(const struct receipts *receipts, uint32_t datagram)
{
	uint32_t earlier = receipts->datagrams[datagram].predecessor;
	return earlier != RECEIPTS_NO_DATAGRAM &&
	       !(receipts->datagrams[earlier].flags & (DATAGRAM_ANSWERED | DATAGRAM_GIVEN_UP));
}

#endif
