/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to a vote, written over the vote's own bytes: 40 bytes, as before. */
#ifndef TALLYWIRE_CORE_RECEIPT_H
#define TALLYWIRE_CORE_RECEIPT_H

#include <stdint.h>
#include "wire/byte_order.h"
#include "wire/verdict.h"
#include "wire/vote_packet.h"

/*
 * `packet` is the vote; what is echoed stays, the rest is written, but for the tag: receipts are
 * signed a burst at a time (auth_batch_sign). `choice` is what stands for the voter or CHOICE_NONE,
 * `arrival_us` when the vote came in (UTC).
 */
static inline void receipt_fill(struct vote_packet *packet, enum receipt_status status,
				uint16_t choice, uint64_t arrival_us)
{
	struct receipt_packet *receipt = (void *)packet;
	receipt->type = RECEIPT_TYPE;
	receipt->choice_be = be16(choice);
	receipt->arrival_us_be = be64(arrival_us);
	receipt->status = (uint8_t)status;
}

/* The verdict's place in a receipt, RECEIPT_NONE where it gets no answer. */
static inline enum receipt_status receipt_status_of(enum verdict verdict)
{
	static const uint8_t statuses[VERDICT_COUNT] = {[VERDICT_NONE] = RECEIPT_NONE,
#define X(symbol, name, receipt, text) [VERDICT_##symbol] = RECEIPT_##receipt,
							VERDICTS(X)
#undef X
	};
	return (enum receipt_status)statuses[verdict];
}

const char *receipt_status_name(enum receipt_status status);
const char *verdict_name(enum verdict verdict);
const char *verdict_text(enum verdict verdict);

#endif
