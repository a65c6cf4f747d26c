/* SPDX-License-Identifier: BSD-3-Clause */
/* What `tallyreplay watch` prints: for people, or as JSON. Main thread. */
#ifndef TALLYWIRE_PERF_WATCH_REPORT_H
#define TALLYWIRE_PERF_WATCH_REPORT_H

#include "perf/audience.h"

void watch_report_print(const struct audience *audience, uint64_t missed);
/* -ENOMEM when there is no memory for it. */
int watch_report_print_json(const struct audience *audience, uint64_t missed);

#endif
