/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a burst as a capture: plan → content → sign → frame → pcap, and beside it the account.
 * Main thread.
 */
#ifndef TALLYWIRE_PERF_BURST_CAPTURE_H
#define TALLYWIRE_PERF_BURST_CAPTURE_H

#include "perf/burst_account.h"
#include "perf/frame_write.h"

#define BURST_CAPTURE_PATH_BYTES 4096

struct burst_capture {
	const char *path;
	const struct burst_shape *shape; /* checked */
	const struct frame_target *target;
	const uint8_t *tenant_key;
	char partial[BURST_CAPTURE_PATH_BYTES]; /* set: its name until the caller renames it */
};

/*
 * Writes beside `path`, into a file that the caller renames or unlinks; books everything in
 * `account` and ranks it. 0, or a negative errno with `err` and nothing left behind.
 */
int burst_capture_write(struct burst_capture *capture, struct burst_account *account,
			struct err *err);

#endif
