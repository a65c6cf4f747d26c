// SPDX-License-Identifier: BSD-3-Clause
/*
 * Signs, frames and writes the datagrams of a plan. Called by `tallyreplay make`. It never asks the
 * judge what becomes of a datagram, and nothing stands under the capture's name before it is whole.
 */
#include "perf/burst_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL_NAMES 100

/* Signs, frames and writes one datagram. */
static void dump_datagram(pcap_dumper_t *dumper, const struct burst_capture *capture,
			  const struct burst_datagram *datagram,
			  const struct burst_content *content)
{
	const struct vote *vote = &content->vote;
	uint8_t voter_key[AUTH_KEY_BYTES], frame[FRAME_MAX_BYTES];
	struct vote_packet packet;
	uint64_t tag;
	auth_voter_key(capture->tenant_key, vote->tenant, vote->key_epoch, vote->voter, voter_key);
	vote_write(vote, voter_key, &packet);
	memcpy(&tag, packet.tag, sizeof(tag));
	tag ^= content->tag_damage;
	memcpy(packet.tag, &tag, sizeof(tag));
	uint32_t bytes = frame_write(capture->target, vote->voter, content->source_port,
				     content->ipv6, &packet, frame);
	struct pcap_pkthdr header = {
		.ts = {.tv_sec = (time_t)(datagram->arrival_us / 1000000),
		       .tv_usec = (suseconds_t)(datagram->arrival_us % 1000000)},
		.caplen = bytes,
		.len = bytes,
	};
	pcap_dump((u_char *)dumper, &header, frame);
}

static int dump_plan(FILE *file, const struct burst_capture *capture, const struct burst_plan *plan,
		     struct burst_account *account, struct err *err)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dumper = pcap ? pcap_dump_fopen(pcap, file) : NULL;
	int rc = 0;
	if (!dumper) {
		rc = err_set(err, -ENOMEM, "%s: cannot begin the capture: %s", capture->path,
			     pcap ? pcap_geterr(pcap) : "out of memory");
		fclose(file);
		goto err_close_pcap;
	}
	for (uint64_t i = 0; i < plan->count && !ferror(file); i++) {
		struct burst_content content;
		burst_content(capture->shape, &plan->datagrams[i], &content);
		dump_datagram(dumper, capture, &plan->datagrams[i], &content);
		burst_account_add(capture->shape, account, &plan->datagrams[i], &content);
	}
	if (pcap_dump_flush(dumper) || ferror(file))
		rc = err_set(err, -EIO, "%s: %s; free some space or choose another place",
			     capture->path, strerror(errno));
	pcap_dump_close(dumper);
err_close_pcap:
	if (pcap)
		pcap_close(pcap);
	return rc;
}

/* A new file that nobody else has, beside the capture's name; NULL with `err`. */
static FILE *create_beside(struct burst_capture *capture, struct err *err)
{
	const char *path = capture->path;
	struct stat target;
	FILE *file = NULL;
	int fd = -1;
	/* A link or a device stays as it is: the rename would put a file in its place. */
	if (lstat(path, &target) == 0 && !S_ISREG(target.st_mode)) {
		err_set(err, -EINVAL,
			"%s: is there and is not a regular file; name a file for the capture",
			path);
		return NULL;
	}
	errno = EEXIST;
	for (int i = 0; i < PARTIAL_NAMES && fd < 0 && errno == EEXIST; i++) {
		if (snprintf(capture->partial, sizeof(capture->partial), "%s.%d.partial", path,
			     i) >= BURST_CAPTURE_PATH_BYTES)
			errno = ENAMETOOLONG;
		else
			fd = open(capture->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	if (fd >= 0)
		file = fdopen(fd, "wb");
	if (!file)
		err_set(err, -errno, "%s: %s; choose a place that can be written", path,
			strerror(errno));
	return file;
}

int burst_capture_write(struct burst_capture *capture, struct burst_account *account,
			struct err *err)
{
	struct burst_plan plan;
	FILE *file = create_beside(capture, err);
	if (!file)
		return -EIO;
	setvbuf(file, NULL, _IOFBF, 1 << 20);
	int rc = burst_plan_make(capture->shape, &plan, err);
	if (rc) {
		fclose(file);
		unlink(capture->partial);
		return rc;
	}
	rc = dump_plan(file, capture, &plan, account, err);
	burst_account_rank(capture->shape, account);
	burst_plan_free(&plan);
	if (rc)
		unlink(capture->partial);
	return rc;
}
