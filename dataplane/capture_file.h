/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture, packet by packet, through libpcap: pcap with µs or ns stamps in either byte order, or
 * pcapng; Ethernet only. --replay judges what it reads, tallyreplay sends it. One thread per file.
 */
#ifndef TALLYWIRE_CAPTURE_FILE_H
#define TALLYWIRE_CAPTURE_FILE_H

#include <stdint.h>
#include "dataplane/core/err.h"

struct capture_file;

struct captured_packet {
	const uint8_t *data; /* valid until the next read */
	uint32_t bytes;      /* that were captured */
	uint32_t wire_bytes; /* that the packet had; more than `bytes` where it was cut */
	uint64_t stamp_ns;   /* UTC */
};

/* 0, or a negative errno with `err`: missing, empty, no capture, another link type. */
int capture_file_open(const char *path, struct capture_file **file, struct err *err);
void capture_file_close(struct capture_file *file);

/* 1: a packet; 0: the end; a negative errno with `err` ("FILE: packet N: …") where it is damaged.
 */
int capture_file_read(struct capture_file *file, struct captured_packet *packet, struct err *err);

#endif
