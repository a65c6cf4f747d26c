// SPDX-License-Identifier: BSD-3-Clause
/*
 * Books a burst. Called by `tallyreplay make` and the tests for each datagram. It reads the rules
 * anew and shares no code with what counts votes.
 */
#include "perf/burst_account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t counters_of(const struct burst_question *question)
{
	return (size_t)question->rules.options * burst_seconds(question);
}

static bool is_quiz(const struct burst_question *question)
{
	return question->rules.kind == KIND_QUIZ;
}

static bool has_quiz(const struct burst_shape *shape)
{
	for (uint32_t i = 0; i < shape->question_count; i++)
		if (is_quiz(&shape->questions[i]))
			return true;
	return false;
}

int burst_account_make(const struct burst_shape *shape, struct burst_account *account,
		       struct err *err)
{
	size_t counters = 0;
	memset(account, 0, sizeof(*account));
	for (uint32_t i = 0; i < shape->question_count; i++)
		counters += counters_of(&shape->questions[i]);
	account->sums = calloc(shape->question_count, sizeof(*account->sums));
	account->votes = calloc(counters, sizeof(*account->votes));
	if (has_quiz(shape))
		account->points = calloc(shape->voters, sizeof(*account->points));
	if (!account->sums || !account->votes || (has_quiz(shape) && !account->points)) {
		burst_account_free(account);
		return err_set(err, -ENOMEM, "no memory for the known answer of %u interactions",
			       shape->question_count);
	}
	uint64_t *votes = account->votes;
	for (uint32_t i = 0; i < shape->question_count; i++) {
		account->sums[i].tally.votes = votes;
		votes += counters_of(&shape->questions[i]);
	}
	return 0;
}

void burst_account_free(struct burst_account *account)
{
	free(account->sums);
	free(account->votes);
	free(account->points);
	memset(account, 0, sizeof(*account));
}

static bool is_before(const struct burst_score *a, const struct burst_score *b)
{
	return a->points != b->points ? a->points > b->points : a->voter < b->voter;
}

static void board_add(struct burst_board *board, uint32_t voter, uint64_t points)
{
	const struct burst_score score = {.points = points, .voter = voter};
	uint32_t place = board->count;
	if (points == 0)
		return;
	while (place > 0 && is_before(&score, &board->entries[place - 1]))
		place--;
	if (place == BURST_BOARD_ENTRIES)
		return;
	if (board->count < BURST_BOARD_ENTRIES)
		board->count++;
	memmove(&board->entries[place + 1], &board->entries[place],
		(board->count - 1 - place) * sizeof(score));
	board->entries[place] = score;
}

/* A right answer loses half its points over the length of the window. */
static uint64_t points_of(const struct burst_question *question, const struct vote *vote)
{
	uint64_t took_us = vote->program_time_us - question->opens_at_us;
	if (!(question->correct[vote->choice / 64] >> vote->choice % 64 & 1))
		return 0;
	return question->points - question->points * took_us / (2 * question->duration_us);
}

static void add_points(struct burst_account *account, const struct burst_question *question,
		       struct burst_sum *sum, const struct vote *vote)
{
	uint64_t points = points_of(question, vote);
	account->points[vote->voter] += points;
	board_add(&sum->board, vote->voter, points);
}

/* `by` is 1, or -1 for what no longer stands. */
static void add_votes(const struct burst_question *question, struct burst_sum *sum,
		      const struct vote *vote, uint64_t by)
{
	const struct question *rules = &question->rules;
	uint64_t second = 0;
	if (rules->kind == KIND_MULTI) {
		for (uint32_t option = 0; option < rules->options; option++)
			sum->tally.votes[option] += vote->choice >> option & 1 ? by : 0;
		return;
	}
	if (rules->kind == KIND_REACTION)
		second = (vote->program_time_us - question->opens_at_us) / 1000000;
	sum->tally.votes[second * rules->options + vote->choice - rules->first] += by;
}

/* The first answer is taken back: of the same name, but for the kind. */
static void take_back(const struct burst_shape *shape, const struct burst_question *question,
		      struct burst_sum *sum, const struct burst_datagram *datagram)
{
	const struct burst_datagram first = {.answer = datagram->answer, .kind = BURST_FIRST};
	struct burst_content content;
	burst_content(shape, &first, &content);
	add_votes(question, sum, &content.vote, (uint64_t)-1);
}

static void add_changed(const struct burst_shape *shape, const struct burst_question *question,
			struct burst_sum *sum, const struct burst_datagram *datagram,
			const struct vote *vote)
{
	if (!question->revote) {
		sum->tally.receipts[RECEIPT_DUPLICATE]++;
		return;
	}
	sum->tally.receipts[RECEIPT_CHANGED]++;
	take_back(shape, question, sum, datagram);
	add_votes(question, sum, vote, 1);
}

void burst_account_add(const struct burst_shape *shape, struct burst_account *account,
		       const struct burst_datagram *datagram, const struct burst_content *content)
{
	const struct burst_answer answer = burst_answer_of(shape, datagram->answer);
	const struct burst_question *question = answer.question;
	struct burst_sum *sum = &account->sums[question - shape->questions];
	account->total++;
	switch ((enum burst_kind)datagram->kind) {
	case BURST_FIRST:
		sum->tally.receipts[RECEIPT_COUNTED]++;
		sum->tally.voters += answer.nth == 0;
		add_votes(question, sum, &content->vote, 1);
		if (is_quiz(question))
			add_points(account, question, sum, &content->vote);
		break;
	case BURST_RESENT: sum->tally.receipts[RECEIPT_DUPLICATE]++; break;
	case BURST_CHANGED: add_changed(shape, question, sum, datagram, &content->vote); break;
	case BURST_EARLY: sum->tally.receipts[RECEIPT_EARLY]++; break;
	case BURST_LATE: sum->tally.receipts[RECEIPT_LATE]++; break;
	default: account->bad_tag++; break;
	}
}

void burst_account_rank(const struct burst_shape *shape, struct burst_account *account)
{
	for (uint32_t voter = 0; account->points && voter < shape->voters; voter++)
		board_add(&account->board, voter, account->points[voter]);
}
