// SPDX-License-Identifier: BSD-3-Clause
/*
 * Books the receipts of twin votes and compares them. Called by twins.c; it never looks at what the
 * appliance reports of itself: the story's script compares the two.
 */
#include "tests/lib/twin_books.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "dataplane/core/vote.h"
#include "wire/byte_order.h"

int twin_book_open(struct twin_book *book, const struct twin_plan *plan, uint32_t way)
{
	memset(book, 0, sizeof(*book));
	book->plan = plan;
	book->way = way;
	book->twins = calloc(plan->voters, sizeof(*book->twins));
	return book->twins ? 0 : -ENOMEM;
}

void twin_book_close(struct twin_book *book)
{
	free(book->twins);
	book->twins = NULL;
}

uint16_t twin_choice(uint32_t way, uint32_t voter)
{
	return (uint16_t)((voter + way) % TWIN_OPTIONS);
}

static void voter_key(const struct twin_plan *plan, uint32_t voter, uint8_t key[AUTH_KEY_BYTES])
{
	auth_voter_key(plan->key.key, plan->key.tenant, plan->key.epoch, voter, key);
}

void twin_book_vote(struct twin_book *book, uint32_t voter, uint64_t program_time_us,
		    struct vote_packet *packet)
{
	const struct twin_plan *plan = book->plan;
	const struct vote vote = {
		.program_time_us = program_time_us,
		.interaction = plan->interaction,
		.voter = voter,
		.tenant = plan->key.tenant,
		.choice = twin_choice(book->way, voter),
		.key_epoch = plan->key.epoch,
	};
	uint8_t key[AUTH_KEY_BYTES];
	voter_key(plan, voter, key);
	vote_write(&vote, key, packet);
	struct twin *twin = &book->twins[voter];
	twin->sends += twin->sends < UINT8_MAX;
}

static void wrong(struct twin_book *book, uint32_t voter, const char *what)
{
	if (book->wrong++ == 0)
		fprintf(stderr, "twins: way %u, voter %u: %s\n", book->way, voter, what);
}

/* What is wrong with the receipt, or NULL. */
static const char *flaw_of(const struct twin_book *book, const struct receipt_packet *receipt)
{
	const struct twin_plan *plan = book->plan;
	uint32_t voter = be32(receipt->voter_be);
	uint8_t key[AUTH_KEY_BYTES];
	if (receipt->type != RECEIPT_TYPE || be32(receipt->interaction_be) != plan->interaction ||
	    voter >= plan->voters || !book->twins[voter].sends)
		return "a receipt for what was not sent";
	voter_key(plan, voter, key);
	if (!auth_tag_matches(key, receipt, VOTE_TAG_OFFSET, receipt->tag))
		return "a receipt with a wrong tag";
	if (receipt->status != RECEIPT_COUNTED && receipt->status != RECEIPT_DUPLICATE)
		return receipt->status < RECEIPT_STATUSES ? receipt_status_name(receipt->status)
							  : "a status that is none";
	return NULL;
}

void twin_book_receipt(struct twin_book *book, const struct receipt_packet *receipt)
{
	uint32_t voter = be32(receipt->voter_be);
	uint16_t standing = be16(receipt->choice_be);
	const char *flaw = flaw_of(book, receipt);
	book->receipts++;
	if (flaw) {
		wrong(book, voter, flaw);
		return;
	}
	struct twin *twin = &book->twins[voter];
	if (twin->answers && twin->standing != standing)
		wrong(book, voter, "what stands is another choice than before");
	twin->standing = standing;
	twin->counted += receipt->status == RECEIPT_COUNTED && twin->counted < UINT8_MAX;
	if (twin->answers == 0) {
		twin->arrival_us = be64(receipt->arrival_us_be);
		book->answered++;
	}
	twin->answers += twin->answers < UINT8_MAX;
}

/*
 * The way whose vote stands, or -1 where the receipts contradict each other. Where no receipt says
 * `counted`, it was lost: then the vote that stands was sent again and answered `duplicate`.
 */
static int winner_of(const struct twin twins[TWIN_WAYS], uint32_t voter)
{
	if (!twins[0].answers || !twins[1].answers || twins[0].standing != twins[1].standing ||
	    twins[0].counted + twins[1].counted > 1)
		return -1;
	for (int way = 0; way < TWIN_WAYS; way++)
		if (twins[0].standing == twin_choice((uint32_t)way, voter))
			return twins[way].counted == 1 ||
					       (!twins[1 - way].counted && twins[way].sends > 1)
				       ? way
				       : -1;
	return -1;
}

static void judge_voter(const struct twin twins[TWIN_WAYS], uint32_t voter, uint64_t won[TWIN_WAYS],
			struct twin_summary *summary)
{
	int winner = winner_of(twins, voter);
	if (winner < 0) {
		if (summary->wrong++ == 0)
			fprintf(stderr,
				"twins: voter %u: receipts %u and %u, `counted` %u and %u, what "
				"stands %u and %u, sent %u and %u times\n",
				voter, twins[0].answers, twins[1].answers, twins[0].counted,
				twins[1].counted, twins[0].standing, twins[1].standing,
				twins[0].sends, twins[1].sends);
		return;
	}
	won[winner]++;
	summary->counted += twins[winner].counted;
	summary->counted_lost += !twins[winner].counted;
	summary->votes[twins[0].standing]++;
	int64_t lag_us = (int64_t)(twins[0].arrival_us - twins[1].arrival_us);
	summary->close += lag_us >= -TWIN_CLOSE_US && lag_us <= TWIN_CLOSE_US;
}

void twin_books_judge(const struct twin_book *first, const struct twin_book *second,
		      struct twin_summary *summary)
{
	uint32_t voters = first->plan->voters;
	memset(summary, 0, sizeof(*summary));
	for (uint32_t from = 0; from < voters; from += TWIN_BATCH) {
		uint64_t won[TWIN_WAYS] = {0};
		for (uint32_t voter = from; voter < from + TWIN_BATCH && voter < voters; voter++) {
			const struct twin twins[TWIN_WAYS] = {first->twins[voter],
							      second->twins[voter]};
			judge_voter(twins, voter, won, summary);
		}
		summary->batches++;
		summary->mixed_batches += won[0] && won[1];
		summary->won[0] += won[0];
		summary->won[1] += won[1];
	}
}
