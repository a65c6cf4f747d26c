// SPDX-License-Identifier: BSD-3-Clause
/*
 * One swap decides each vote, in a ballot's cell or in a set of pairs. What was decided is counted
 * later, when the receipt is (cast_count): no option ever shows more than was counted.
 */
#include "dataplane/core/cast.h"

#include <string.h>

#include "dataplane/core/ballot_wide.h"
#include "dataplane/core/receipt.h"

/* Where the answer of a reaction goes; NULL where there is no such second, or no room for it. */
static struct ballot *ballot_of_second(const struct window *window, uint64_t program_time_us)
{
	if (program_time_us < window->opens_at_us)
		return NULL;
	uint64_t second = window_second(window, program_time_us);
	return second < window->store->seconds ? &window->ballots[second] : NULL;
}

void cast_prefetch_several(const struct window *window, const struct vote *vote)
{
	const struct store *store = window->store;
	if (vote->voter < store->voters)
		voter_set_prefetch(&store->seen, vote->voter);
	if (window->identity == ONE_PER_VOTER_ITEM) {
		upvotes_prefetch(&store->upvotes, vote->voter, vote->choice);
		return;
	}
	const struct ballot *ballot = ballot_of_second(window, vote->program_time_us);
	if (ballot)
		ballot_prefetch(ballot, vote->voter);
}

static inline enum verdict cast_once(struct burst *burst, uint32_t i, struct ballot *ballot)
{
	const struct vote *vote = &burst->vote[i];
	const struct question *question = &burst->window[i]->question;
	uint16_t standing;
	enum ballot_outcome outcome =
		ballot_cast(ballot, vote->voter, kind_index(question, vote->choice), &standing);
	if (outcome == BALLOT_RECORDED) {
		burst->standing[i] = vote->choice;
		return VERDICT_COUNTED;
	}
	if (outcome == BALLOT_FULL)
		return VERDICT_BUSY;
	burst->standing[i] = kind_choice(question, standing);
	return VERDICT_DUPLICATE;
}

/* The mark is how long the answer took. */
static enum verdict cast_timed(struct burst *burst, uint32_t i)
{
	const struct window *window = burst->window[i];
	const struct vote *vote = &burst->vote[i];
	uint64_t took_us = vote->program_time_us - window->opens_at_us, standing;
	enum ballot_change change =
		ballot_wide_cast(window->ballots, vote->voter,
				 kind_index(&window->question, vote->choice), took_us, &standing);
	if (change == BALLOT_NO_PLACE)
		return VERDICT_BUSY;
	burst->standing[i] = kind_choice(&window->question, ballot_wide_choice(standing));
	return change == BALLOT_FIRST ? VERDICT_COUNTED : VERDICT_DUPLICATE;
}

/* The mark is the revision. */
static enum verdict cast_changing(struct burst *burst, uint32_t i)
{
	const struct window *window = burst->window[i];
	const struct question *question = &window->question;
	const struct vote *vote = &burst->vote[i];
	uint64_t before;
	switch (ballot_wide_raise(window->ballots, vote->voter, kind_index(question, vote->choice),
				  vote->revision, &before)) {
	case BALLOT_NO_PLACE: return VERDICT_BUSY;
	case BALLOT_FIRST: burst->standing[i] = vote->choice; return VERDICT_COUNTED;
	case BALLOT_RAISED:
		burst->standing[i] = vote->choice;
		burst->replaced[i] = kind_choice(question, ballot_wide_choice(before));
		return VERDICT_CHANGED;
	case BALLOT_KEPT: break;
	}
	burst->standing[i] = kind_choice(question, ballot_wide_choice(before));
	return VERDICT_DUPLICATE;
}

static enum verdict cast_second(struct burst *burst, uint32_t i)
{
	const struct window *window = burst->window[i];
	const struct vote *vote = &burst->vote[i];
	struct ballot *ballot = ballot_of_second(window, vote->program_time_us);
	enum verdict verdict = ballot ? cast_once(burst, i, ballot) : VERDICT_BUSY;
	if (verdict == VERDICT_COUNTED)
		burst->new_voter[i] = voter_set_add(&window->store->seen, vote->voter);
	return verdict;
}

static enum verdict cast_item(struct burst *burst, uint32_t i)
{
	const struct store *store = burst->window[i]->store;
	const struct vote *vote = &burst->vote[i];
	if (vote->voter >= store->voters)
		return VERDICT_BUSY;
	enum upvotes_outcome outcome = upvotes_add(&store->upvotes, vote->voter, vote->choice);
	if (outcome == UPVOTES_FULL)
		return VERDICT_BUSY;
	burst->standing[i] = vote->choice;
	if (outcome == UPVOTES_THERE)
		return VERDICT_DUPLICATE;
	burst->new_voter[i] = voter_set_add(&store->seen, vote->voter);
	return VERDICT_COUNTED;
}

static enum verdict cast(struct burst *burst, uint32_t i)
{
	/* What most are, at a branch of its own rather than at the end of an indirect one. */
	if (burst->window[i]->identity == ONE_PER_VOTER)
		return cast_once(burst, i, burst->window[i]->ballots);
	switch ((enum kind_identity)burst->window[i]->identity) {
	case ONE_PER_VOTER: break;
	case ONE_PER_VOTER_CHANGING: return cast_changing(burst, i);
	case ONE_PER_VOTER_TIMED: return cast_timed(burst, i);
	case ONE_PER_VOTER_SECOND: return cast_second(burst, i);
	case ONE_PER_VOTER_ITEM: return cast_item(burst, i);
	}
	return VERDICT_BUSY;
}

/* The index of what stands for this vote's voter (and second), CHOICE_NONE where nothing does. */
static uint16_t standing_index(const struct window *window, const struct vote *vote)
{
	const struct ballot *ballot = window->ballots;
	switch ((enum kind_identity)window->identity) {
	case ONE_PER_VOTER: return ballot_standing(ballot, vote->voter);
	case ONE_PER_VOTER_CHANGING:
	case ONE_PER_VOTER_TIMED:
		return ballot_wide_choice(ballot_wide_standing(ballot, vote->voter));
	case ONE_PER_VOTER_SECOND:
		ballot = ballot_of_second(window, vote->program_time_us);
		return ballot ? ballot_standing(ballot, vote->voter) : CHOICE_NONE;
	case ONE_PER_VOTER_ITEM:
		return kind_choice_is_valid(&window->question, vote->choice) &&
				       upvotes_has(&window->store->upvotes, vote->voter,
						   vote->choice)
			       ? vote->choice
			       : CHOICE_NONE;
	}
	return CHOICE_NONE;
}

static uint16_t standing(const struct window *window, const struct vote *vote)
{
	uint16_t index = standing_index(window, vote);
	return index == CHOICE_NONE ? CHOICE_NONE : kind_choice(&window->question, index);
}

/* What would be a duplicate needs no room, but only casting tells. */
static enum verdict cast_into_room(struct burst *burst, uint32_t i)
{
	if (burst->room == 0)
		return VERDICT_BUSY;
	enum verdict verdict = cast(burst, i);
	if (verdict == VERDICT_COUNTED || verdict == VERDICT_CHANGED)
		burst->room--;
	return verdict;
}

void cast_burst(struct burst *burst)
{
	bool telling = burst->room > 0;
	memset(burst->new_voter, 0, sizeof(burst->new_voter));
	memset(burst->standing, 0xFF, sizeof(burst->standing)); /* CHOICE_NONE */
	for (uint32_t i = 0; i < burst->count; i++) {
		const struct window *window = burst->window[i];
		if (burst->verdict[i] == VERDICT_NONE)
			burst->verdict[i] = cast_into_room(burst, i);
		else if (window && telling)
			burst->standing[i] = standing(window, &burst->vote[i]);
	}
}

/* Every option that a mask names. */
static void count_mask(struct tally_lane *lane, uint32_t mask, uint64_t by)
{
	for (; mask; mask &= mask - 1)
		tally_add(&lane->votes[__builtin_ctz(mask)], by);
}

/* `by` is 1, or -1 for what no longer stands. */
static inline void count_choice(const struct window *window, const struct vote *vote,
				uint16_t choice, struct tally_lane *lane, uint64_t by)
{
	const struct question *question = &window->question;
	if (question->kind == KIND_MULTI) {
		count_mask(lane, choice, by);
		return;
	}
	uint64_t row = window_second(window, vote->program_time_us) * question->options;
	tally_add(&lane->votes[row + kind_index(question, choice)], by);
}

/* What it does to the options and the voters. */
static inline void count_votes(const struct burst *burst, uint32_t i, struct tally_lane *lane)
{
	const struct window *window = burst->window[i];
	const struct vote *vote = &burst->vote[i];
	enum verdict verdict = burst->verdict[i];
	if (verdict == VERDICT_CHANGED)
		count_choice(window, vote, burst->replaced[i], lane, (uint64_t)-1);
	if (verdict == VERDICT_COUNTED || verdict == VERDICT_CHANGED)
		count_choice(window, vote, vote->choice, lane, 1);
	if (burst->new_voter[i])
		tally_add(&lane->voters, 1);
}

void cast_count(const struct burst *burst, uint32_t worker)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		const struct window *window = burst->window[i];
		if (!window)
			continue;
		struct tally_lane *lane = tally_lane(window->tally, worker);
		tally_add(&lane->receipts[receipt_status_of(burst->verdict[i])], 1);
		count_votes(burst, i, lane);
	}
}

bool cast_count_again(const struct burst *burst, uint32_t i, struct tally_lane *lane)
{
	bool first = burst->verdict[i] == VERDICT_COUNTED;
	/* What was replaced may come behind what replaced it: from another worker's ring. */
	bool changes = burst->window[i]->identity == ONE_PER_VOTER_CHANGING;
	if (!first && (!changes || burst->verdict[i] == VERDICT_BUSY))
		return false;
	tally_add(&lane->receipts[first ? RECEIPT_COUNTED : RECEIPT_CHANGED], 1);
	count_votes(burst, i, lane);
	return true;
}
