/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture in memory: all frames in one stretch, one record each. pcap with µs or ns stamps in
 * either byte order, and pcapng; Ethernet only, whole frames only. Main thread; read-only once
 * loaded but for the frames' own bytes.
 */
#ifndef TALLYWIRE_PERF_CAPTURE_H
#define TALLYWIRE_PERF_CAPTURE_H

#include <stdint.h>
#include "dataplane/core/err.h"

#define CAPTURE_MAX_FRAME_BYTES 65535

struct capture_record {
	uint64_t stamp_ns; /* UTC */
	uint64_t offset;   /* into the frames */
	uint32_t bytes;
	uint32_t datagram; /* which distinct datagram it is, or RECEIPTS_NO_DATAGRAM; set by
			      receipts */
};

struct capture {
	uint8_t *frames;
	uint64_t frame_bytes;
	struct capture_record *records;
	uint32_t count;
};

/*
 * Loads all of the file. 0, or a negative errno with "FILE: packet N: …; remedy" and nothing
 * allocated.
 */
int capture_load(const char *path, struct capture *capture, struct err *err);
void capture_free(struct capture *capture);

static inline uint8_t *capture_frame(const struct capture *capture, uint32_t record)
{
	return capture->frames + capture->records[record].offset;
}

static inline const uint8_t *capture_frame_end(const struct capture *capture, uint32_t record)
{
	return capture_frame(capture, record) + capture->records[record].bytes;
}

#endif
