/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads a capture, packet by packet. Called by `tallyreplay send` before it opens an interface;
 * never writes, and takes nothing from a file that is cut off or not Ethernet.
 */
#include "perf/capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/capture_file.h"
#include "wire/net_headers.h"

/* How much is allocated, beside what is used. */
struct room {
	uint64_t frame_bytes;
	uint64_t records;
};

static bool reserve(struct capture *capture, struct room *room, uint32_t bytes)
{
	if (capture->frame_bytes + bytes > room->frame_bytes) {
		uint64_t wanted = room->frame_bytes * 2 + (1 << 20);
		uint8_t *frames = realloc(capture->frames, wanted);
		if (!frames)
			return false;
		capture->frames = frames;
		room->frame_bytes = wanted;
	}
	if (capture->count == room->records) {
		uint64_t wanted = room->records * 2 + 4096;
		void *records = realloc(capture->records, wanted * sizeof(*capture->records));
		if (!records)
			return false;
		capture->records = records;
		room->records = wanted;
	}
	return true;
}

static int take_record(const char *path, struct capture *capture, struct room *room,
		       const struct captured_packet *packet, struct err *err)
{
	uint32_t number = capture->count + 1;
	if (packet->bytes < packet->wire_bytes)
		return err_set(
			err, -EINVAL,
			"%s: packet %u: only %u of the frame's %u bytes were captured; capture "
			"again with the whole frame (tcpdump -s 0)",
			path, number, packet->bytes, packet->wire_bytes);
	if (packet->bytes < sizeof(struct ethernet_header) ||
	    packet->bytes > CAPTURE_MAX_FRAME_BYTES)
		return err_set(err, -EINVAL,
			       "%s: packet %u: %u bytes are no Ethernet frame; capture again", path,
			       number, packet->bytes);
	if (capture->count == UINT32_MAX - 1)
		return err_set(err, -EFBIG, "%s: packet %u: too many; split the capture", path,
			       number);
	if (!reserve(capture, room, packet->bytes))
		return err_set(err, -ENOMEM, "%s: packet %u: no memory; split the capture", path,
			       number);
	capture->records[capture->count++] = (struct capture_record){
		.stamp_ns = packet->stamp_ns,
		.offset = capture->frame_bytes,
		.bytes = packet->bytes,
	};
	memcpy(capture->frames + capture->frame_bytes, packet->data, packet->bytes);
	capture->frame_bytes += packet->bytes;
	return 0;
}

int capture_load(const char *path, struct capture *capture, struct err *err)
{
	struct capture_file *file;
	struct captured_packet packet;
	struct room room = {0};
	memset(capture, 0, sizeof(*capture));
	int rc = capture_file_open(path, &file, err);
	if (rc)
		return rc;
	while ((rc = capture_file_read(file, &packet, err)) == 1) {
		rc = take_record(path, capture, &room, &packet, err);
		if (rc)
			break;
	}
	if (rc == 0 && capture->count == 0)
		rc = err_set(err, -EINVAL, "%s: holds no packet; capture again", path);
	capture_file_close(file);
	if (rc)
		capture_free(capture);
	return rc;
}

void capture_free(struct capture *capture)
{
	free(capture->frames);
	free(capture->records);
	memset(capture, 0, sizeof(*capture));
}
