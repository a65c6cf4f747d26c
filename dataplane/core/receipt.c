// SPDX-License-Identifier: BSD-3-Clause
/* The words for verdicts and receipts. What is done for every vote is inline in receipt.h. */
#include "dataplane/core/receipt.h"

struct verdict_row {
	const char *name;
	const char *text;
};

static const struct verdict_row verdict_rows[VERDICT_COUNT] = {
	[VERDICT_NONE] = {"none", "not decided yet"},
#define X(symbol, name, receipt, text) [VERDICT_##symbol] = {#name, text},
	VERDICTS(X)
#undef X
};

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
		if (receipt_status_of((enum verdict)verdict) == status)
			return verdict_rows[verdict].name;
	return "none";
}
