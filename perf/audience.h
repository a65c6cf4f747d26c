/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Viewers who watch: each asks, takes its cookie, keeps its subscription, votes when told that a
 * window is open, and keeps books on what it was told. Datagrams in, datagrams out; time is handed
 * in. Pure; one thread.
 */
#ifndef TALLYWIRE_PERF_AUDIENCE_H
#define TALLYWIRE_PERF_AUDIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/err.h"
#include "wire/verdict.h"
#include "wire/watch_packet.h"

#define AUDIENCE_MAX_VIEWERS 4000000u
#define AUDIENCE_WINDOWS     64  /* told apart; what is told of further ones is not in the books */
#define AUDIENCE_CHANGES     512 /* the same */
#define AUDIENCE_NOBODY      UINT32_MAX

struct audience_options {
	uint16_t tenant;
	uint16_t server;
	uint8_t key_epoch;
	const uint8_t *tenant_key;
	uint32_t first; /* voter */
	uint32_t count;
	uint64_t every_ns; /* from an answer to the next WATCH */
	bool spoof;        /* no cookie ever comes back */
	bool votes;
	uint16_t choice;
};

struct viewer {
	uint64_t watch_due_ns;
	uint64_t vote_due_ns;
	uint64_t program_us; /* of the vote under way */
	uint64_t known;      /* windows, a bit each */
	uint64_t to_vote;    /* in these, one after the other */
	uint64_t voted;      /* in these, or to be */
	uint8_t cookie[COOKIE_BYTES];
	bool subscribed; /* was answered with a NOTICE at least once */
	uint8_t asked;   /* so many WATCHes may yet be answered, copies too */
	bool voting;
	uint8_t voting_in; /* number of the window */
	uint8_t watch_tries;
	uint8_t vote_tries;
};

struct audience_window {
	uint32_t interaction;
	uint64_t opens_at_us;
};

/* A state, or times, that a window came to have. */
struct audience_change {
	struct notice_record record;
	uint64_t notices; /* pushed */
	uint32_t viewers; /* who had one at least */
	uint64_t first_ns;
	uint64_t first_last_ns; /* when the last viewer had its first one */
	uint64_t last_ns;
	uint8_t *told; /* how often, by viewer */
};

struct audience {
	struct audience_options options;
	struct viewer *viewers;
	struct audience_window windows[AUDIENCE_WINDOWS];
	uint32_t window_count;
	struct audience_change changes[AUDIENCE_CHANGES];
	uint32_t change_count;
	/* What came of it. */
	uint32_t subscribed; /* viewers */
	uint64_t watches;    /* sent */
	uint64_t challenges;
	uint64_t answers; /* NOTICEs to WATCHes */
	uint64_t pushed;  /* the others */
	uint64_t votes;   /* begun */
	uint64_t votes_sent;
	uint64_t receipts[RECEIPT_STATUSES];
	uint64_t receipted; /* votes */
	uint64_t wrong;     /* tag, form or address: not what this viewer was to be told */
	uint64_t too_soon;  /* told who leads before the reveal */
	uint64_t bytes_out;
	uint64_t bytes_in;
};

/* 0 or -ENOMEM with `err`. */
int audience_open(struct audience *audience, const struct audience_options *options,
		  struct err *err);
void audience_close(struct audience *audience);

/*
 * What viewer `i` (from 0) has to send now: its bytes, WATCH_BYTES at most; 0: nothing. It counts
 * as sent.
 */
uint32_t audience_next(struct audience *audience, uint32_t i, uint64_t now_ns,
		       uint8_t payload[WATCH_BYTES]);

/*
 * A datagram that came from the vote port to viewer `i`; AUDIENCE_NOBODY: to none of ours. True if
 * the viewer has something to send at once.
 */
bool audience_take(struct audience *audience, uint32_t i, const uint8_t *payload, uint32_t bytes,
		   uint64_t arrival_ns);

/* The fewest and most pushed notices that any viewer had of a change. */
void audience_told(const struct audience *audience, const struct audience_change *change,
		   uint32_t *least, uint32_t *most);

#endif
