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
};

/*
 * Writes beside `path`, into `partial`, which the caller renames or unlinks; books everything in
 * `account` and ranks it. 0, or a negative errno with `err` and nothing left behind.
 */
int burst_capture_write(const struct burst_capture *capture, struct burst_account *account,
			char partial[BURST_CAPTURE_PATH_BYTES], struct err *err);

#endif
