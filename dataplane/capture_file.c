// SPDX-License-Identifier: BSD-3-Clause
/* libpcap with our messages: what it cannot read is named with the packet's number and the remedy.
 */
#include "dataplane/capture_file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct capture_file {
	pcap_t *pcap;
	const char *path;
	unsigned long long packets; /* read so far */
};

static int check_file(const char *path, struct err *err)
{
	struct stat info;
	if (stat(path, &info) != 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return err_set(err, -EINVAL, "%s: is not a file; give a pcap or pcapng file", path);
	if (info.st_size == 0)
		return err_set(err, -EINVAL, "%s: is empty; record the capture again", path);
	return 0;
}

static int check_link_type(const char *path, pcap_t *pcap, struct err *err)
{
	int type = pcap_datalink(pcap);
	const char *name = pcap_datalink_val_to_name(type);
	if (type == DLT_EN10MB)
		return 0;
	return err_set(
		err, -EINVAL,
		"%s: holds link type %s, not Ethernet; record on an Ethernet interface, not on "
		"'any'",
		path, name ? name : "unknown");
}

int capture_file_open(const char *path, struct capture_file **result, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE];
	int rc = check_file(path, err);
	if (rc)
		return rc;
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap) {
		/* libpcap names the file itself where it could not open it. */
		size_t bytes = strlen(path);
		bool named = strncmp(why, path, bytes) == 0 && strncmp(why + bytes, ": ", 2) == 0;
		const char *text = named ? why + bytes + 2 : why;
		return err_set(err, -EINVAL, "%s: cannot be read: %s; give a pcap or pcapng file",
			       path, text);
	}
	rc = check_link_type(path, pcap, err);
	struct capture_file *file = rc ? NULL : calloc(1, sizeof(*file));
	if (rc == 0 && !file)
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
	if (rc) {
		pcap_close(pcap);
		return rc;
	}
	file->pcap = pcap;
	file->path = path;
	*result = file;
	return 0;
}

void capture_file_close(struct capture_file *file)
{
	pcap_close(file->pcap);
	free(file);
}

/*
 * Opened for nanoseconds: tv_usec holds them. A pcap has 32 bits for the seconds, which libpcap
 * takes for a signed number: from 2038 on it would be below 0.
 */
static uint64_t stamp_ns_of(const struct timeval *stamp)
{
	uint64_t seconds = stamp->tv_sec < 0 ? (uint32_t)stamp->tv_sec : (uint64_t)stamp->tv_sec;
	return seconds * 1000000000u + (uint64_t)stamp->tv_usec;
}

int capture_file_read(struct capture_file *file, struct captured_packet *packet, struct err *err)
{
	struct pcap_pkthdr *header;
	int rc = pcap_next_ex(file->pcap, &header, &packet->data);
	if (rc == PCAP_ERROR_BREAK) /* the end of the file */
		return 0;
	if (rc != 1)
		return err_set(
			err, -EINVAL,
			"%s: packet %llu: %s; the file is cut or damaged: copy or record it again",
			file->path, file->packets + 1, pcap_geterr(file->pcap));
	file->packets++;
	packet->bytes = header->caplen;
	packet->wire_bytes = header->len;
	packet->stamp_ns = stamp_ns_of(&header->ts);
	return 1;
}
