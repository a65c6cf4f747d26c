/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Where a packet can end. One row gives the verdict, its counter, the receipt it is answered with
 * and its row in docs/counters.md. Every packet received ends in exactly one of these.
 *
 * The order is the order of the rules in docs/quic-lite.md: the first that matches decides.
 */
#ifndef TALLYWIRE_WIRE_VERDICT_H
#define TALLYWIRE_WIRE_VERDICT_H

/* The status byte of a receipt. Verdicts without an answer carry RECEIPT_NONE. */
enum receipt_status {
	RECEIPT_COUNTED = 0,
	RECEIPT_CHANGED = 1,
	RECEIPT_DUPLICATE = 2,
	RECEIPT_EARLY = 3,
	RECEIPT_LATE = 4,
	RECEIPT_UNKNOWN = 5,
	RECEIPT_BAD_CHOICE = 6,
	RECEIPT_CANCELLED = 7,
	RECEIPT_BUSY = 8,
	RECEIPT_STATUSES = 9,
	RECEIPT_NONE = 255,
};

/* X(symbol, counter name, receipt status, what it means) */
#define VERDICTS(X)                                                                                \
	X(PASSED, passed, NONE, "not a vote datagram: left to the host's own network stack")       \
	X(NEGOTIATED, negotiated, NONE,                                                            \
	  "another QUIC version: answered with the version we speak")                              \
	X(POLICED, policed, NONE, "dropped by a rate limit of the front")                          \
	X(MALFORMED, malformed, NONE, "came to the vote port but is no well-formed vote")          \
	X(UNKNOWN_KEY, unknown_key, NONE, "tenant or key epoch is not in the keyring")             \
	X(BAD_TAG, bad_tag, NONE, "the tag does not match: forged or damaged")                     \
	X(WATCH, watch, NONE, "an authentic request to be told of windows")                        \
	X(UNKNOWN, unknown, UNKNOWN, "the tenant has no such interaction")                         \
	X(CANCELLED, cancelled, CANCELLED, "the producer withdrew the question")                   \
	X(BAD_CHOICE, bad_choice, BAD_CHOICE, "not an answer to this question")                    \
	X(EARLY, early, EARLY, "before the window opened, or ahead of our clock")                  \
	X(LATE, late, LATE, "after the window closed, or too long after the frame was shown")      \
	X(DUPLICATE, duplicate, DUPLICATE, "this voter's answer is recorded already")              \
	X(CHANGED, changed, CHANGED, "a higher revision replaced the earlier answer")              \
	X(BUSY, busy, BUSY, "memory or journal could not take it: nothing recorded")               \
	X(COUNTED, counted, COUNTED, "the answer stands")

/* VERDICT_NONE: not decided yet, the next step looks at it. */
enum verdict {
	VERDICT_NONE = 0,
#define X(symbol, name, receipt, text) VERDICT_##symbol,
	VERDICTS(X)
#undef X
		VERDICT_COUNT
};

#endif
