/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The known answer of a burst against the slow reading of the rules: a show of all kinds, every
 * datagram signed and judged by the model, and all that results hold must be the same.
 */
#include <criterion/criterion.h>
#include "perf/burst_account.h"
#include "tests/lib/model_results.h"

#define OPENS_US  UINT64_C(1767225600000000)
#define VOTERS    1500
#define QUESTIONS 10
#define SECOND    1000000u

static const struct auth_key key = {.tenant = 7, .epoch = 1, .key = {3, 1, 4}};

static const uint64_t second_is_right[KIND_MAX_OPTIONS / 64] = {1 << 1};
static const uint64_t ends_are_right[KIND_MAX_OPTIONS / 64] = {1 << 0 | 1 << 3};
static const uint32_t second_list[] = {1}, ends_list[] = {0, 3};

static const struct question poll = {.kind = KIND_POLL, .options = 3};
static const struct question multi = {.kind = KIND_MULTI, .options = 5, .max_choices = 3};
static const struct question quiz = {.kind = KIND_QUIZ, .options = 4};
static const struct question scale = {.kind = KIND_SCALE, .first = 11, .options = 90};
static const struct question upvote = {.kind = KIND_UPVOTE, .options = 7};
static const struct question reaction = {.kind = KIND_REACTION, .options = 2};

struct show {
	struct burst_shape shape;
	struct burst_question questions[QUESTIONS];
	struct burst_plan plan;
	struct burst_account account;
	struct model model;
};

static struct burst_question question(uint32_t id, const struct question *rules, bool revote,
				      uint64_t duration_us)
{
	return (struct burst_question){
		.id = id,
		.rules = *rules,
		.revote = revote,
		.opens_at_us = OPENS_US + id * 700000,
		.duration_us = duration_us,
		.max_delay_us = 5000000,
		.per_voter = 1,
	};
}

static void fill_questions(struct burst_question *questions)
{
	questions[0] = question(10, &poll, false, 20 * SECOND);
	questions[1] = question(11, &poll, true, 20 * SECOND);
	questions[2] = question(2, &multi, false, 15 * SECOND);
	questions[3] = question(3, &multi, true, 15 * SECOND);
	questions[4] = question(4, &quiz, false, 20 * SECOND);
	questions[5] = question(5, &quiz, false, 7500000);
	questions[6] = question(6, &scale, false, 20 * SECOND);
	questions[7] = question(7, &scale, true, 20 * SECOND);
	questions[8] = question(8, &upvote, false, 20 * SECOND);
	questions[9] = question(9, &reaction, false, 6300000);
	questions[4].points = 1000;
	questions[4].correct = second_is_right;
	questions[5].points = 777;
	questions[5].correct = ends_are_right;
	questions[8].per_voter = 4;
	questions[9].per_voter = 3;
}

static void plan_window(struct model *model, const struct burst_question *question)
{
	const struct question *rules = &question->rules;
	model_add_window(model,
			 &(struct model_plan){
				 .kind = (enum model_kind)rules->kind,
				 .tenant = key.tenant,
				 .interaction = question->id,
				 .options = rules->options,
				 .min = rules->first,
				 .max = rules->first + rules->options - 1u,
				 .max_choices = rules->max_choices,
				 .revote = question->revote,
				 .points = question->points,
				 .correct_count = question->points == 777 ? 2 : 1,
				 .correct = question->points == 777 ? ends_list : second_list,
				 .opens_at_us = question->opens_at_us,
				 .closes_at_us = question->opens_at_us + question->duration_us,
				 .max_delay_us = question->max_delay_us,
				 .voters = VOTERS,
				 .pairs = VOTERS * 7,
				 .seconds = burst_seconds(question),
			 });
}

static void judge(struct show *show, const struct burst_datagram *datagram)
{
	struct burst_content content;
	struct vote_packet packet;
	uint8_t voter_key[AUTH_KEY_BYTES], receipt[VOTE_BYTES];
	uint64_t tag;
	burst_content(&show->shape, datagram, &content);
	auth_voter_key(key.key, key.tenant, key.epoch, content.vote.voter, voter_key);
	vote_write(&content.vote, voter_key, &packet);
	memcpy(&tag, packet.tag, sizeof(tag));
	tag ^= content.tag_damage;
	memcpy(packet.tag, &tag, sizeof(tag));
	model_judge(&show->model, (const uint8_t *)&packet, datagram->arrival_us, receipt);
	burst_account_add(&show->shape, &show->account, datagram, &content);
}

static void play(struct show *show)
{
	struct err err;
	*show = (struct show){
		.shape =
			{
				.voters = VOTERS,
				.questions = show->questions,
				.question_count = QUESTIONS,
				.tenant = key.tenant,
				.key_epoch = key.epoch,
				.delay_min_us = 200000,
				.delay_max_us = 3000000,
				.first_second_ppm = 600000,
				.share_ppm = {0, 200000, 200000, 20000, 30000, 30000},
				.seed = 5,
			},
	};
	fill_questions(show->questions);
	model_open(&show->model);
	model_add_key(&show->model, key.tenant, key.epoch, key.key);
	for (uint32_t i = 0; i < QUESTIONS; i++)
		plan_window(&show->model, &show->questions[i]);
	cr_assert_eq(burst_shape_check(&show->shape, &err), 0, "%s", err.text);
	cr_assert_eq(burst_plan_make(&show->shape, &show->plan, &err), 0, "%s", err.text);
	cr_assert_eq(burst_account_make(&show->shape, &show->account, &err), 0, "%s", err.text);
	for (uint64_t i = 0; i < show->plan.count; i++)
		judge(show, &show->plan.datagrams[i]);
	burst_account_rank(&show->shape, &show->account);
}

static void end(struct show *show)
{
	burst_plan_free(&show->plan);
	burst_account_free(&show->account);
	model_close(&show->model);
}

static void expect_receipts(const struct model_window *window, const struct tally_sum *sum,
			    uint32_t id)
{
	static const struct {
		enum verdict verdict;
		enum receipt_status status;
	} rows[] = {
		{VERDICT_COUNTED, RECEIPT_COUNTED},
		{VERDICT_CHANGED, RECEIPT_CHANGED},
		{VERDICT_DUPLICATE, RECEIPT_DUPLICATE},
		{VERDICT_EARLY, RECEIPT_EARLY},
		{VERDICT_LATE, RECEIPT_LATE},
		{VERDICT_BUSY, RECEIPT_BUSY},
		{VERDICT_BAD_CHOICE, RECEIPT_BAD_CHOICE},
		{VERDICT_CANCELLED, RECEIPT_CANCELLED},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(sum->receipts[rows[i].status], window->verdicts[rows[i].verdict],
			     "%u: receipts %d", id, rows[i].status);
}

static void expect_votes(const struct model_window *window, const struct burst_question *question,
			 const struct tally_sum *sum)
{
	uint32_t seconds = burst_seconds(question), options = question->rules.options;
	for (uint32_t i = 0; i < seconds * options; i++) {
		uint64_t want = question->rules.kind == KIND_REACTION
					? model_series(window, i / options, i % options)
					: window->votes[i];
		cr_expect_eq(sum->votes[i], want, "%u: votes[%u]", question->id, i);
	}
}

static void expect_board(const struct model_board *want, const struct burst_board *board)
{
	cr_assert_eq(board->count, BURST_BOARD_ENTRIES);
	cr_assert_geq(want->count, board->count);
	for (uint32_t i = 0; i < board->count; i++) {
		cr_expect_eq(board->entries[i].voter, want->entries[i].voter, "place %u", i);
		cr_expect_eq(board->entries[i].points, want->entries[i].points, "place %u", i);
	}
}

Test(burst_account, it_is_what_the_rules_come_to)
{
	static struct show show;
	play(&show);
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		const struct model_window *window = &show.model.windows[i];
		const struct tally_sum *sum = &show.account.sums[i].tally;
		cr_expect_eq(sum->voters, model_voters(window));
		expect_receipts(window, sum, show.questions[i].id);
		expect_votes(window, &show.questions[i], sum);
	}
	cr_expect_eq(show.account.bad_tag, show.model.verdicts[VERDICT_BAD_TAG]);
	cr_expect_eq(show.account.total, show.plan.count);
	end(&show);
}

Test(burst_account, boards_are_those_of_the_rules)
{
	static struct show show;
	struct model_board board;
	play(&show);
	for (uint32_t i = 4; i <= 5; i++) {
		model_board_of_quiz(&board, &show.model.windows[i]);
		expect_board(&board, &show.account.sums[i].board);
		model_board_close(&board);
	}
	model_board_of_show(&board, &show.model, key.tenant);
	expect_board(&board, &show.account.board);
	model_board_close(&board);
	end(&show);
}

Test(burst_account, a_show_meets_every_receipt_that_a_burst_is_for)
{
	static struct show show;
	uint64_t met[RECEIPT_STATUSES] = {0};
	play(&show);
	for (uint32_t i = 0; i < QUESTIONS; i++)
		for (int status = 0; status < RECEIPT_STATUSES; status++)
			met[status] += show.account.sums[i].tally.receipts[status];
	cr_expect_eq(met[RECEIPT_COUNTED], VOTERS * (8 + 4 + 3));
	cr_expect_gt(met[RECEIPT_CHANGED], 0);
	cr_expect_gt(met[RECEIPT_DUPLICATE], 0);
	cr_expect_gt(met[RECEIPT_EARLY], 0);
	cr_expect_gt(met[RECEIPT_LATE], 0);
	cr_expect_gt(show.account.bad_tag, 0);
	end(&show);
}
