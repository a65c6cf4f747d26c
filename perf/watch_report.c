// SPDX-License-Identifier: BSD-3-Clause
/* The books of an audience as text and as JSON. Called by the verb watch, at its end. */
#include "perf/watch_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "dataplane/core/receipt.h"
#include "wire/byte_order.h"

static const char *const states[NOTICE_STATES] = {
	[NOTICE_SCHEDULED] = "scheduled", [NOTICE_OPEN] = "open",
	[NOTICE_CLOSED] = "closed",       [NOTICE_REVEALED] = "revealed",
	[NOTICE_CANCELLED] = "cancelled",
};

static const char *state_of(const struct audience_change *change)
{
	uint8_t state = change->record.state;
	return state && state < NOTICE_STATES ? states[state] : "unknown";
}

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return (double)(to_ns - from_ns) / 1e6;
}

static void print_change(const struct audience *audience, const struct audience_change *change)
{
	uint32_t least, most;
	audience_told(audience, change, &least, &most);
	printf("%u %-9s  told %u of %u viewers, %u to %u times; first to last viewer %.3f ms, to "
	       "the last notice %.3f ms\n",
	       be32(change->record.interaction_be), state_of(change), change->viewers,
	       audience->options.count, least, most,
	       ms_between(change->first_ns, change->first_last_ns),
	       ms_between(change->first_ns, change->last_ns));
}

void watch_report_print(const struct audience *audience, uint64_t missed)
{
	printf("%u viewers, %u subscribed: %" PRIu64 " WATCHes, %" PRIu64 " challenges, %" PRIu64
	       " answers, %" PRIu64 " notices pushed\n",
	       audience->options.count, audience->subscribed, audience->watches,
	       audience->challenges, audience->answers, audience->pushed);
	for (uint32_t i = 0; i < audience->change_count; i++)
		print_change(audience, &audience->changes[i]);
	if (audience->options.votes) {
		printf("%" PRIu64 " votes, %" PRIu64 " with a receipt:", audience->votes,
		       audience->receipted);
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			if (audience->receipts[status])
				printf(" %" PRIu64 " %s", audience->receipts[status],
				       receipt_status_name((enum receipt_status)status));
		putchar('\n');
	}
	printf("%" PRIu64 " bytes out, %" PRIu64 " bytes in; %" PRIu64 " wrong, %" PRIu64
	       " told too soon, %" PRIu64 " missed by the ring\n",
	       audience->bytes_out, audience->bytes_in, audience->wrong, audience->too_soon,
	       missed);
}

static json_t *change_json(const struct audience *audience, const struct audience_change *change)
{
	const struct notice_record *record = &change->record;
	uint32_t least, most;
	audience_told(audience, change, &least, &most);
	return json_pack(
		"{s:I,s:s,s:I,s:I,s:I,s:I,s:f,s:f,s:I,s:I}", "id",
		(json_int_t)be32(record->interaction_be), "state", state_of(change), "viewers",
		(json_int_t)change->viewers, "notices", (json_int_t)change->notices, "least",
		(json_int_t)least, "most", (json_int_t)most, "spread_ms",
		ms_between(change->first_ns, change->first_last_ns), "all_ms",
		ms_between(change->first_ns, change->last_ns), "leader",
		(json_int_t)be16(record->leader_be), "share", (json_int_t)be16(record->share_be));
}

static json_t *receipts_json(const struct audience *audience)
{
	json_t *receipts = json_object();
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		json_object_set_new(receipts, receipt_status_name((enum receipt_status)status),
				    json_integer((json_int_t)audience->receipts[status]));
	return receipts;
}

int watch_report_print_json(const struct audience *audience, uint64_t missed)
{
	json_t *changes = json_array();
	for (uint32_t i = 0; i < audience->change_count; i++)
		json_array_append_new(changes, change_json(audience, &audience->changes[i]));
	json_t *root = json_pack(
		"{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I}", "viewers",
		(json_int_t)audience->options.count, "subscribed", (json_int_t)audience->subscribed,
		"watches", (json_int_t)audience->watches, "challenges",
		(json_int_t)audience->challenges, "answers", (json_int_t)audience->answers,
		"pushed", (json_int_t)audience->pushed, "changes", changes, "votes",
		(json_int_t)audience->votes, "votes_sent", (json_int_t)audience->votes_sent,
		"receipted", (json_int_t)audience->receipted, "receipts", receipts_json(audience),
		"bytes_out", (json_int_t)audience->bytes_out, "bytes_in",
		(json_int_t)audience->bytes_in, "wrong", (json_int_t)audience->wrong, "too_soon",
		(json_int_t)audience->too_soon, "missed", (json_int_t)missed);
	if (!root)
		return -ENOMEM;
	json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(root);
	return 0;
}
