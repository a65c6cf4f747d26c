// SPDX-License-Identifier: BSD-3-Clause
/* Fills in receipts, and knows which verdict is answered with which. Never sends anything. */
#include "dataplane/core/receipt.h"

#include "wire/byte_order.h"

void receipt_fill(struct vote_packet *packet, enum receipt_status status, uint16_t choice,
		  uint64_t arrival_us)
{
	struct receipt_packet *receipt = (void *)packet;
	receipt->type = RECEIPT_TYPE;
	receipt->choice_be = be16(choice);
	receipt->arrival_us_be = be64(arrival_us);
	receipt->status = (uint8_t)status;
}

struct verdict_row {
	const char *name;
	const char *text;
	enum receipt_status receipt;
};

static const struct verdict_row verdict_rows[VERDICT_COUNT] = {
	[VERDICT_NONE] = {"none", "not decided yet", RECEIPT_NONE},
#define X(symbol, name, receipt, text) [VERDICT_##symbol] = {#name, text, RECEIPT_##receipt},
	VERDICTS(X)
#undef X
};

enum receipt_status receipt_status_of(enum verdict verdict)
{
	return verdict_rows[verdict].receipt;
}

const char *verdict_name(enum verdict verdict)
{
	return verdict_rows[verdict].name;
}

const char *verdict_text(enum verdict verdict)
{
	return verdict_rows[verdict].text;
}

const char *receipt_status_name(enum receipt_status status)
{
	if (status == RECEIPT_NONE)
		return "none";
	for (int verdict = VERDICT_NONE + 1; verdict < VERDICT_COUNT; verdict++)
		if (verdict_rows[verdict].receipt == status)
			return verdict_rows[verdict].name;
	return "none";
}
