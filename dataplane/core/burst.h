/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of one burst and what the steps of the pipeline find out about them. */
#ifndef TALLYWIRE_CORE_BURST_H
#define TALLYWIRE_CORE_BURST_H

#include "dataplane/core/auth_batch.h"
#include "dataplane/core/vote.h"
#include "dataplane/core/window.h"
#include "ebpf/classify.h"
#include "wire/verdict.h"

#define BURST_MAX 64

/* Column by column: each step walks along few of them. */
struct burst {
	uint32_t count;
	/* Filled in by the caller. A frame must be writable: its receipt is written over it. */
	uint8_t *data[BURST_MAX];
	uint32_t bytes[BURST_MAX];
	uint64_t arrival_us[BURST_MAX]; /* UTC */
	/* Filled in by the steps. */
	struct frame frame[BURST_MAX];
	enum verdict verdict[BURST_MAX];
	struct vote vote[BURST_MAX];
	struct auth_batch_keys keys; /* of the votes that were worth a hash, by lane */
	uint8_t lane[BURST_MAX];
	const struct window *window[BURST_MAX];
	uint16_t standing[BURST_MAX]; /* the choice that stands afterwards, as it is on the wire */
	uint16_t replaced[BURST_MAX]; /* of VERDICT_CHANGED: the choice that stood before */
	bool new_voter[BURST_MAX];    /* of VERDICT_COUNTED: the voter's first in this window */
	/* So many answers can be recorded; what is beyond is busy. */
	uint32_t room;
	/* For the caller: how many bytes from data[i] on are the reply; 0 where there is none. */
	uint32_t reply_bytes[BURST_MAX];
	/* Replies that tell of an answer may leave when the journal has come to this round. */
	uint64_t release_at;
};

#endif
