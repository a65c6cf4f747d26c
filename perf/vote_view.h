/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds votes in frames to be sent, and receipts in frames that come back. Pure; any thread.
 */
#ifndef TALLYWIRE_PERF_VOTE_VIEW_H
#define TALLYWIRE_PERF_VOTE_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include "ebpf/classify.h"

/* The viewer's side of a datagram: where a vote comes from, where its receipt goes. */
struct vote_view {
	const uint8_t *address; /* 4 or 16 bytes */
	uint8_t address_bytes;
	uint16_t port_be;
	uint8_t *payload; /* at.payload_bytes of it */
	struct frame at;  /* where things lie in the frame */
};

/* The frame holds a well-formed vote to `vote_port_be`. */
bool vote_view_of_vote(uint8_t *data, const uint8_t *end, uint16_t vote_port_be,
		       struct vote_view *view);

/* The frame came from UDP port `vote_port_be` and holds 40 bytes, whatever they say. */
bool vote_view_of_receipt(uint8_t *data, const uint8_t *end, uint16_t vote_port_be,
			  struct vote_view *view);

/* The frame came from UDP port `vote_port_be`, whatever it holds. */
bool vote_view_of_answer(uint8_t *data, const uint8_t *end, uint16_t vote_port_be,
			 struct vote_view *view);

#endif
