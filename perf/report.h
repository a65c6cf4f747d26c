/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run of `tallyreplay send` came to: a table for people, JSON for scripts. Main thread. */
#ifndef TALLYWIRE_PERF_REPORT_H
#define TALLYWIRE_PERF_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include "perf/sender.h"

struct report {
	const char *via;
	uint64_t frames_captured;
	uint64_t frames_sent;
	uint64_t frames_resent;
	uint64_t frames_held;
	uint64_t copies; /* votes of the capture with the bytes of an earlier one */
	uint64_t awaited;
	uint64_t answered;
	uint64_t unanswered;
	uint64_t verified;
	uint64_t invalid;
	uint64_t missed;
	uint64_t by_status[RECEIPT_STATUSES];
	double duration_s; /* first send to last */
	double frames_per_s;
	double behind_max_ms; /* how far the first pass fell behind the timestamps */
	uint64_t p50_us, p99_us, p999_us, max_us; /* last send to first receipt */
	bool interrupted;
};

void report_make(const struct sender *sender, struct report *report);
void report_print(const struct report *report);
/* 0, or -ENOMEM. */
int report_print_json(const struct report *report);

#endif
