/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends a capture and takes the receipts, in one loop on one thread.
 *
 *   records in order, when due ──► batch ──► link ──► … ──► receipts ──► latency, books
 *      │ an earlier answer waits        ▲
 *      └──► held ───────────────────────┤   (only with until_receipted)
 *           outstanding, unanswered ────┘
 *
 * The first pass is true to the timestamps. With until_receipted it goes on as a player does: what
 * has no receipt is sent again, and a changed answer waits until the earlier one has its receipt.
 * A flood passes through the capture again and again until it is stopped.
 */
#ifndef TALLYWIRE_PERF_SENDER_H
#define TALLYWIRE_PERF_SENDER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "perf/capture.h"
#include "perf/latency.h"
#include "perf/link.h"
#include "perf/receipts.h"

struct sender_options {
	double speed;        /* 1: true to the timestamps; 0: as fast as it goes */
	uint64_t start_ns;   /* when the first frame is due, UTC */
	uint64_t timeout_ns; /* without a new receipt, after which the rest is missing */
	uint32_t rounds;     /* how often a datagram may be resent; 0: no limit */
	uint32_t in_flight;  /* most datagrams on their way at once, with until_receipted */
	bool until_receipted;
	bool flood;    /* from the beginning again until `stop`; not with until_receipted */
	bool progress; /* a line a second on stderr */
};

/* A queue of numbers that never holds more than it was made for. */
struct number_queue {
	uint32_t *numbers;
	uint32_t room;
	uint32_t head; /* the place of the oldest */
	uint32_t count;
};

struct sender {
	const struct sender_options *options;
	const struct capture *capture;
	struct receipts *receipts;
	struct link *link;
	volatile sig_atomic_t *stop; /* set by a signal: end early, or end the flood */

	uint64_t now_ns;                 /* of this turn of the loop, UTC */
	uint32_t next;                   /* record */
	struct number_queue held;        /* records that wait for an earlier answer's receipt */
	struct number_queue outstanding; /* datagrams by their last send, oldest first */
	uint32_t aged;      /* the first this many of `outstanding` are no longer in flight */
	uint32_t in_flight; /* sent lately and unanswered */
	double latency_us;  /* smoothed */

	struct link_frame batch[LINK_BATCH];
	uint32_t batch_datagrams[LINK_BATCH];
	uint32_t batch_count;

	/* What came of it. */
	struct latency latency;
	uint64_t frames_sent;   /* resends included */
	uint64_t frames_resent; /* beyond the capture's own */
	uint64_t frames_held;   /* sent later than due, for an earlier answer's sake */
	uint64_t behind_max_ns; /* how far a frame of the first pass was behind its due time */
	uint64_t first_sent_ns;
	uint64_t last_sent_ns;
	uint64_t last_news_ns; /* a first receipt, or a frame of the first pass */
	uint64_t missed;       /* receipts that the link's ring had no room for */
	bool interrupted;
};

/* Everything handed in must outlive the sender. 0 or -ENOMEM. */
int sender_open(struct sender *sender, const struct sender_options *options,
		const struct capture *capture, struct receipts *receipts, struct link *link,
		volatile sig_atomic_t *stop, struct err *err);
void sender_close(struct sender *sender);

/* Runs to the end. 0, also where receipts are missing; -errno where the link failed. */
int sender_run(struct sender *sender, struct err *err);

/* CLOCK_REALTIME in ns: receipts are stamped by the same clock. */
uint64_t sender_now_ns(void);

#endif
