/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges a capture offline, with the pipeline that the workers run. The packets' own time stamps
 * are the clock, so the same capture gives the same result every time. No root, no EAL, no huge
 * pages.
 */
#ifndef TALLYWIRE_REPLAY_H
#define TALLYWIRE_REPLAY_H

#include <stdint.h>
#include "dataplane/core/err.h"

struct replay_options {
	const char *capture; /* pcap or pcapng, Ethernet */
	const char *keyring;
	const char *rundown;
	const char *results; /* where the results document goes; "-": standard output */
	uint16_t vote_port;
};

struct replay_summary {
	uint64_t packets;
	uint64_t counted;
	uint64_t voters;     /* voter numbers that had room: 2^32 unless memory forbade it */
	uint64_t elapsed_us; /* for reading and judging the capture */
};

/* 0, or a negative errno with `err` filled in; no results file is written then. */
int replay_run(const struct replay_options *options, struct replay_summary *summary,
	       struct err *err);

#endif
