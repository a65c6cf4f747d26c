// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: any bytes as a capture, pcap or pcapng. Reading it ends, with its end or with one
 * line, and every byte of every packet can be read and judged.
 */
#include <string.h>

#include "dataplane/capture_file.h"
#include "ebpf/classify.h"
#include "tests/fuzz/file_input.h"

static void check_packet(const struct captured_packet *packet)
{
	volatile uint8_t sum = 0;
	struct frame frame = {0};
	for (uint32_t i = 0; i < packet->bytes; i++)
		sum = (uint8_t)(sum + packet->data[i]);
	enum verdict verdict = classify(packet->data, packet->data + packet->bytes,
					be16(QUIC_LITE_DEFAULT_PORT), &frame);
	if (verdict == VERDICT_NONE)
		MUST((uint32_t)frame.payload_offset + frame.payload_bytes <= packet->bytes);
}

static void check_line(int rc, const struct err *err, const char *path)
{
	MUST(rc < 0 && strncmp(err->text, path, strlen(path)) == 0 && !strchr(err->text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct file_input input;
	struct capture_file *file;
	struct captured_packet packet;
	struct err err = {""};
	file_input_make(&input, bytes, count);
	int rc = capture_file_open(input.path, &file, &err);
	if (rc == 0) {
		/* A packet has a header, so there are no more than bytes. */
		size_t packets = 0;
		for (; (rc = capture_file_read(file, &packet, &err)) == 1; packets++)
			check_packet(&packet);
		MUST(packets <= count);
		capture_file_close(file);
	}
	if (rc)
		check_line(rc, &err, input.path);
	file_input_close(&input);
	return 0;
}
