/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the receipts of twin votes say. Each voter votes twice, once on each of two ways, with two
 * different answers; one is counted, and both receipts name its choice. Kept by twins.c; sends and
 * receives nothing itself.
 */
#ifndef TALLYWIRE_TESTS_LIB_TWIN_BOOKS_H
#define TALLYWIRE_TESTS_LIB_TWIN_BOOKS_H

#include <stdint.h>
#include "dataplane/core/auth.h"
#include "wire/vote_packet.h"

#define TWIN_WAYS    2
#define TWIN_OPTIONS 4
#define TWIN_BATCH   128 /* voters whose votes are put into both queues at a time */

#define TWIN_CLOSE_US 20 /* about as long as a worker has a burst in hand */

/* What is voted on and who signs. Set once, read by all threads. */
struct twin_plan {
	struct auth_key key; /* the tenant's newest */
	uint32_t interaction;
	uint32_t voters; /* numbered from 0 */
	uint16_t port_be;
};

/* One vote and its receipts. */
struct twin {
	uint64_t arrival_us; /* when its worker received it, by its first receipt */
	uint16_t standing;   /* the choice that its receipts name */
	uint8_t sends;
	uint8_t answers; /* receipts, at most 255 of them told apart */
	uint8_t counted; /* receipts that say `counted` */
};

/* The votes of one way. Written by that way's thread only, judged when it has ended. */
struct twin_book {
	const struct twin_plan *plan;
	struct twin *twins; /* one per voter */
	uint32_t way;
	uint32_t answered; /* voters with a receipt */
	uint64_t receipts; /* all of them, copies included */
	uint64_t resent;   /* votes sent again for want of a receipt */
	uint64_t wrong; /* receipts that are wrong in themselves; a line on stderr for the first */
} __attribute__((aligned(128)));

/* What all receipts come to. */
struct twin_summary {
	uint64_t votes[TWIN_OPTIONS]; /* voters whose receipts name this choice */
	uint64_t won[TWIN_WAYS];      /* voters whose vote on this way stands */
	uint64_t counted;             /* receipts */
	uint64_t counted_lost; /* voters whose `counted` was lost on its way, then asked again */
	uint64_t batches;
	uint64_t mixed_batches; /* both ways won voters: the two workers were in it at once */
	uint64_t close;         /* voters whose votes were received within TWIN_CLOSE_US */
	uint64_t wrong;         /* voters whose receipts contradict each other */
};

/* 0 or -ENOMEM. Undone by twin_book_close(). */
int twin_book_open(struct twin_book *book, const struct twin_plan *plan, uint32_t way);
void twin_book_close(struct twin_book *book);

/* The answer that a voter gives on a way; another one on each. */
uint16_t twin_choice(uint32_t way, uint32_t voter);

/* Signs the voter's vote on this way, at this program time, and books that it is sent. */
void twin_book_vote(struct twin_book *book, uint32_t voter, uint64_t program_time_us,
		    struct vote_packet *packet);

/* Verifies and books 40 bytes that came from the vote port. */
void twin_book_receipt(struct twin_book *book, const struct receipt_packet *receipt);

/* Compares both books, voter by voter. */
void twin_books_judge(const struct twin_book *first, const struct twin_book *second,
		      struct twin_summary *summary);

#endif
