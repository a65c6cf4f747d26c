/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where every packet went, and what each core does. Control thread; workers are never stopped for
 * it.
 *
 * Conservation holds in every snapshot because of the order of reading: verdicts first, then
 * losses, then what was received. A packet is counted as received before it is judged.
 */
#ifndef TALLYWIRE_STATS_H
#define TALLYWIRE_STATS_H

#include <jansson.h>
#include "dataplane/appliance.h"
#include "dataplane/show/results.h"

/*
 * Fills in the counts of everything that no window counts, `missed`, `received`, and in_flight:
 * what is received and neither here nor among `window_receipts`, the receipts of all windows,
 * which must have been read before the call.
 */
void stats_datagrams(const struct appliance *appliance, uint64_t window_receipts,
		     struct datagram_counts *counts);

/* The receipts of all windows, by status, added to `receipts`. Returns their sum. */
uint64_t stats_receipts(const struct appliance *appliance, uint64_t receipts[RECEIPT_STATUSES]);

/* The result of the control method `stats` (docs/control.md). NULL when out of memory. */
json_t *stats_json(const struct appliance *appliance, uint64_t now_us);

#endif
