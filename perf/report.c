/* SPDX-License-Identifier: BSD-3-Clause */
/* Adds up what the sender and its receipts saw. Called once, after the last receipt. */
#include "perf/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/core/receipt.h"

void report_make(const struct sender *sender, struct report *report)
{
	const struct receipts *receipts = sender->receipts;
	uint64_t span_ns = sender->last_sent_ns - sender->first_sent_ns;
	*report = (struct report){
		.via = sender->link->ops->name,
		.frames_captured = sender->capture->count,
		.frames_sent = sender->frames_sent,
		.frames_resent = sender->frames_resent,
		.frames_held = sender->frames_held,
		.copies = receipts->votes - receipts->count,
		.awaited = receipts->awaited,
		.answered = receipts->answered,
		.unanswered = receipts->awaited - receipts->answered,
		.verified = receipts->verified,
		.invalid = receipts->invalid,
		.missed = sender->missed,
		.duration_s = (double)span_ns / 1e9,
		.frames_per_s = span_ns ? (double)sender->frames_sent * 1e9 / (double)span_ns : 0,
		.behind_max_ms = (double)sender->behind_max_ns / 1e6,
		.p50_us = latency_quantile_us(&sender->latency, 500),
		.p99_us = latency_quantile_us(&sender->latency, 990),
		.p999_us = latency_quantile_us(&sender->latency, 999),
		.max_us = sender->latency.max_us,
		.interrupted = sender->interrupted,
	};
	memcpy(report->by_status, receipts->by_status, sizeof(report->by_status));
}

void report_print(const struct report *report)
{
	printf("sent       %10" PRIu64 " frames by %s in %.2f s: %.0f frames/s\n",
	       report->frames_sent, report->via, report->duration_s, report->frames_per_s);
	printf("           %10" PRIu64 " in the capture, %" PRIu64 " of them copies; %" PRIu64
	       " held back, %" PRIu64 " resent\n",
	       report->frames_captured, report->copies, report->frames_held, report->frames_resent);
	printf("           %10.1f ms behind the timestamps at most\n", report->behind_max_ms);
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		if (report->by_status[status] || status == RECEIPT_COUNTED)
			printf("%-10s %10" PRIu64 "\n",
			       receipt_status_name((enum receipt_status)status),
			       report->by_status[status]);
	printf("verified   %10" PRIu64 " receipts, %" PRIu64 " invalid\n", report->verified,
	       report->invalid);
	printf("answered   %10" PRIu64 " of %" PRIu64 " datagrams that deserve it, %" PRIu64
	       " unanswered\n",
	       report->answered, report->awaited, report->unanswered);
	if (report->missed)
		printf("missed     %10" PRIu64 " receipts that our ring had no room for\n",
		       report->missed);
	printf("latency    p50 %" PRIu64 " µs, p99 %" PRIu64 " µs, p99.9 %" PRIu64
	       " µs, max %" PRIu64 " µs\n",
	       report->p50_us, report->p99_us, report->p999_us, report->max_us);
}

static json_t *receipts_json(const struct report *report)
{
	json_t *receipts = json_object();
	for (int status = 0; status < RECEIPT_STATUSES; status++)
		json_object_set_new(receipts, receipt_status_name((enum receipt_status)status),
				    json_integer((json_int_t)report->by_status[status]));
	return receipts;
}

int report_print_json(const struct report *report)
{
	json_t *root = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:I, s:I, s:I, s:I, s:I, s:I,"
		" s:{s:I, s:I, s:I, s:I}, s:b}",
		"via", report->via, "frames_captured", (json_int_t)report->frames_captured,
		"frames_sent", (json_int_t)report->frames_sent, "frames_resent",
		(json_int_t)report->frames_resent, "frames_held", (json_int_t)report->frames_held,
		"copies", (json_int_t)report->copies, "duration_s", report->duration_s,
		"frames_per_s", report->frames_per_s, "behind_max_ms", report->behind_max_ms,
		"receipts", receipts_json(report), "verified", (json_int_t)report->verified,
		"invalid", (json_int_t)report->invalid, "awaited", (json_int_t)report->awaited,
		"answered", (json_int_t)report->answered, "unanswered",
		(json_int_t)report->unanswered, "missed", (json_int_t)report->missed, "latency_us",
		"p50", (json_int_t)report->p50_us, "p99", (json_int_t)report->p99_us, "p99.9",
		(json_int_t)report->p999_us, "max", (json_int_t)report->max_us, "interrupted",
		report->interrupted);
	if (!root)
		return -ENOMEM;
	json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(root);
	return 0;
}
