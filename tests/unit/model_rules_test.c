// SPDX-License-Identifier: BSD-3-Clause
/* The model by itself: every kind of window with answers worked out by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/vote.h"
#include "tests/lib/model.h"
#include "tests/lib/model_results.h"
#include "tests/lib/vector.h"
#include "wire/vote_packet.h"

#define SECOND 1000000ll
#define OPENS  1795392000000000ll
#define CLOSES (OPENS + 20 * SECOND)
#define DELAY  (5 * SECOND)
#define NONE   MODEL_NO_CHOICE

static struct model model;
static struct model_window *window;

/* A vote of tenant 7; times are µs after the opening. Without `now` it arrives at once. */
struct row {
	uint32_t voter;
	uint16_t choice;
	int64_t seen_us;
	uint32_t revision;
	enum verdict want;
	uint16_t stands;
	int64_t later_us; /* the arrival, after the program time */
};

static void set_up(void)
{
	model_open(&model);
	model_add_key(&model, 7, 1, vector_tenant_key);
	window = NULL;
}

static void tear_down(void)
{
	model_close(&model);
}

TestSuite(model_rules, .init = set_up, .fini = tear_down);

static struct model_plan plan_of(enum model_kind kind, uint32_t interaction)
{
	return (struct model_plan){
		.kind = kind,
		.tenant = 7,
		.interaction = interaction,
		.options = 4,
		.opens_at_us = OPENS,
		.closes_at_us = CLOSES,
		.max_delay_us = DELAY,
		.voters = 100,
		.pairs = UINT64_MAX,
		.seconds = 60,
	};
}

/* What a receipt says beside status and choice. */
static void expect_receipt(const struct vote *vote, const uint8_t sent[40],
			   const uint8_t receipt[40], uint64_t now_us)
{
	uint8_t key[AUTH_KEY_BYTES];
	uint64_t clock_us = 0;
	for (int i = 20; i < 28; i++)
		clock_us = clock_us << 8 | receipt[i];
	auth_voter_key(vector_tenant_key, 7, 1, vote->voter, key);
	cr_expect_eq(receipt[0], 0x42);
	cr_expect_arr_eq(receipt + 1, sent + 1, 9);
	cr_expect_arr_eq(receipt + 12, sent + 12, 8);
	cr_expect_eq(clock_us, now_us);
	cr_expect_arr_eq(receipt + 29, sent + 29, 3);
	cr_expect(auth_tag_matches(key, receipt, 32, receipt + 32));
}

static void expect_row(const struct row *row, size_t place)
{
	static const uint8_t status[VERDICT_COUNT] = {
		[VERDICT_COUNTED] = 0,    [VERDICT_CHANGED] = 1,   [VERDICT_DUPLICATE] = 2,
		[VERDICT_EARLY] = 3,      [VERDICT_LATE] = 4,      [VERDICT_UNKNOWN] = 5,
		[VERDICT_BAD_CHOICE] = 6, [VERDICT_CANCELLED] = 7, [VERDICT_BUSY] = 8,
	};
	const struct vote vote = {
		.tenant = 7,
		.key_epoch = 1,
		.server = 1,
		.interaction = window->plan.interaction,
		.voter = row->voter,
		.choice = row->choice,
		.revision = row->revision,
		.program_time_us = (uint64_t)(OPENS + row->seen_us),
	};
	uint8_t key[AUTH_KEY_BYTES], sent[40], receipt[40];
	uint64_t now_us = vote.program_time_us + (uint64_t)row->later_us;
	uint64_t before = window->verdicts[row->want];
	auth_voter_key(vector_tenant_key, 7, 1, vote.voter, key);
	vote_write(&vote, key, (struct vote_packet *)sent);
	enum verdict got = model_judge(&model, sent, now_us, receipt);
	cr_assert_eq(got, row->want, "row %zu: verdict %d", place, got);
	cr_expect_eq(window->verdicts[row->want], before + 1, "row %zu", place);
	cr_expect_eq(receipt[28], status[got], "row %zu: status %d", place, receipt[28]);
	uint16_t stands = (uint16_t)(receipt[10] << 8 | receipt[11]);
	cr_expect_eq(stands, row->stands, "row %zu: %u stands", place, stands);
	expect_receipt(&vote, sent, receipt, now_us);
}

static void expect_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_row(&rows[i], i);
}

#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof(rows[0]))

static void expect_votes(const uint64_t *want, uint32_t count)
{
	cr_assert_eq(window->counts, count);
	for (uint32_t i = 0; i < count; i++)
		cr_expect_eq(window->votes[i], want[i], "option %u has %lu", i, window->votes[i]);
}

#define EXPECT_VOTES(...)                                                                          \
	expect_votes((const uint64_t[]){__VA_ARGS__},                                              \
		     sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

Test(model_rules, test_vector_is_authentic_and_its_interaction_unknown)
{
	uint8_t vote[40], receipt[40];
	from_hex(vector_vote, vote);
	cr_expect_eq(model_judge(&model, vote, OPENS, receipt), VERDICT_UNKNOWN);
	cr_expect_eq(receipt[28], 5);
	cr_expect_eq(receipt[10] << 8 | receipt[11], NONE);
	static const struct {
		int place;
		uint8_t value;
		enum verdict want;
	} rows[] = {
		{0, 0x42, VERDICT_MALFORMED}, {1, 0x06, VERDICT_MALFORMED},
		{28, 1, VERDICT_MALFORMED},   {5, 6, VERDICT_UNKNOWN_KEY},
		{9, 2, VERDICT_UNKNOWN_KEY},  {11, 3, VERDICT_BAD_TAG},
		{39, 0x3c, VERDICT_BAD_TAG},  {1, 0x27, VERDICT_BAD_TAG},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		from_hex(vector_vote, vote);
		vote[rows[i].place] = rows[i].value;
		cr_expect_eq(model_judge(&model, vote, OPENS, receipt), rows[i].want, "row %zu", i);
	}
	cr_expect_eq(model.verdicts[VERDICT_UNKNOWN], 1);
	cr_expect_eq(model.verdicts[VERDICT_MALFORMED], 3);
	cr_expect_eq(model.verdicts[VERDICT_UNKNOWN_KEY], 2);
	cr_expect_eq(model.verdicts[VERDICT_BAD_TAG], 3);
}

Test(model_rules, poll)
{
	static const struct row rows[] = {
		{1, 2, 0, 0, VERDICT_COUNTED, 2, 0},
		{1, 3, 1, 9, VERDICT_DUPLICATE, 2, 0},
		{2, 3, 20 * SECOND - 1, 0, VERDICT_COUNTED, 3, DELAY},
		{3, 0, 20 * SECOND - 1, 0, VERDICT_LATE, NONE, DELAY + 1},
		{3, 0, 20 * SECOND, 0, VERDICT_LATE, NONE, 0},
		{3, 0, -1, 0, VERDICT_EARLY, NONE, 0},
		{3, 0, 5, 0, VERDICT_COUNTED, 0, -250000},
		{4, 0, 5, 0, VERDICT_EARLY, NONE, -250001},
		{99, 3, 5, 0, VERDICT_COUNTED, 3, 0},
		{100, 3, 5, 0, VERDICT_BUSY, NONE, 0},
		/* Refused, but something stands. */
		{1, 4, 5, 0, VERDICT_BAD_CHOICE, 2, 0},
		{1, 1, -1, 0, VERDICT_EARLY, 2, 0},
		{1, 1, 20 * SECOND, 0, VERDICT_LATE, 2, 0},
		/* The earlier rule decides: choice before time, early before late. */
		{1, 4, -1, 0, VERDICT_BAD_CHOICE, 2, 0},
		{1, 1, -1, 0, VERDICT_EARLY, 2, DELAY + 1},
	};
	struct model_plan plan = plan_of(MODEL_POLL, 101);
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
	EXPECT_VOTES(1, 0, 1, 2);
	cr_expect_eq(model_voters(window), 4);
	static const struct row cancelled[] = {
		{1, 9, -1, 0, VERDICT_CANCELLED, 2, 0},
		{50, 1, 5, 0, VERDICT_CANCELLED, NONE, 0},
	};
	window->cancelled = true;
	EXPECT_ROWS(cancelled);
	EXPECT_VOTES(1, 0, 1, 2);
}

Test(model_rules, poll_with_revote)
{
	static const struct row rows[] = {
		{1, 2, 0, 7, VERDICT_COUNTED, 2, 0},
		{1, 3, 1, 6, VERDICT_DUPLICATE, 2, 0},
		{1, 3, 1, 7, VERDICT_DUPLICATE, 2, 0},
		{1, 3, 1, 8, VERDICT_CHANGED, 3, 0},
		{1, 3, 1, 9, VERDICT_CHANGED, 3, 0},
		{1, 0, 1, 9, VERDICT_DUPLICATE, 3, 0},
		{1, 0, 20 * SECOND, 10, VERDICT_LATE, 3, 0},
		{1, 2, 1, 0x010000, VERDICT_CHANGED, 2, 0},
		{1, 0, 1, 0xFFFFFF, VERDICT_CHANGED, 0, 0},
		{1, 1, 1, 0xFFFFFF, VERDICT_DUPLICATE, 0, 0},
		{2, 0, 1, 0, VERDICT_COUNTED, 0, 0},
		{100, 0, 1, 3, VERDICT_BUSY, NONE, 0},
	};
	struct model_plan plan = plan_of(MODEL_POLL, 101);
	plan.revote = true;
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
	EXPECT_VOTES(2, 0, 0, 0);
	cr_expect_eq(model_voters(window), 2);
}

Test(model_rules, multi)
{
	static const struct row rows[] = {
		{1, 0x5, 0, 0, VERDICT_COUNTED, 0x5, 0},
		{2, 0x8, 0, 0, VERDICT_COUNTED, 0x8, 0},
		{3, 0, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{3, 0x7, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{3, 0x10, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{3, 0x8001, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{1, 0x6, 0, 1, VERDICT_CHANGED, 0x6, 0},
		{1, 0x1, 0, 1, VERDICT_DUPLICATE, 0x6, 0},
		{1, 0xF, 0, 2, VERDICT_BAD_CHOICE, 0x6, 0},
	};
	struct model_plan plan = plan_of(MODEL_MULTI, 102);
	plan.max_choices = 2;
	plan.revote = true;
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
	EXPECT_VOTES(0, 1, 1, 1);
	cr_expect_eq(model_voters(window), 2);
}

Test(model_rules, multi_of_sixteen)
{
	static const struct row rows[] = {
		{1, 0xFFFF, 0, 0, VERDICT_COUNTED, 0xFFFF, 0},
		{1, 0x8000, 0, 1, VERDICT_DUPLICATE, 0xFFFF, 0},
		{2, 0x8000, 0, 0, VERDICT_COUNTED, 0x8000, 0},
	};
	struct model_plan plan = plan_of(MODEL_MULTI, 102);
	plan.options = plan.max_choices = 16;
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
	EXPECT_VOTES(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2);
}

Test(model_rules, scale)
{
	static const struct row rows[] = {
		{1, 9, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{1, 10, 0, 0, VERDICT_COUNTED, 10, 0},
		{2, 13, 0, 0, VERDICT_COUNTED, 13, 0},
		{3, 14, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{3, 13, 0, 0, VERDICT_COUNTED, 13, 0},
		{4, 11, 0, 0, VERDICT_COUNTED, 11, 0},
		{4, 10, 0, 1, VERDICT_CHANGED, 10, 0},
	};
	double mean = 0;
	struct model_plan plan = plan_of(MODEL_SCALE, 103);
	plan.min = 10;
	plan.max = 13;
	plan.revote = true;
	window = model_add_window(&model, &plan);
	cr_expect_not(model_mean(window, &mean));
	EXPECT_ROWS(rows);
	EXPECT_VOTES(2, 0, 0, 2);
	cr_expect(model_mean(window, &mean));
	cr_expect_eq(mean, 11.5);
}

Test(model_rules, scale_up_to_the_last_value)
{
	static const struct row rows[] = {
		{1, 65534, 0, 0, VERDICT_COUNTED, 65534, 0},
		{2, 65535, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{2, 64511, 0, 0, VERDICT_COUNTED, 64511, 0},
		{3, 64510, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
	};
	struct model_plan plan = plan_of(MODEL_SCALE, 103);
	plan.min = 64511;
	plan.max = 65534;
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
	cr_expect_eq(window->counts, 1024);
	cr_expect_eq(window->votes[0], 1);
	cr_expect_eq(window->votes[1023], 1);
}

Test(model_rules, upvote)
{
	static const struct row rows[] = {
		{1, 0, 0, 0, VERDICT_COUNTED, 0, 0},
		{1, 3, 0, 0, VERDICT_COUNTED, 3, 0},
		{1, 3, 1, 9, VERDICT_DUPLICATE, 3, 0},
		{1, 2, -1, 0, VERDICT_EARLY, NONE, 0},
		{1, 3, -1, 0, VERDICT_EARLY, 3, 0},
		{1, 4, 1, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{2, 3, 1, 0, VERDICT_COUNTED, 3, 0},
		{100, 3, 1, 0, VERDICT_BUSY, NONE, 0},
		/* The fourth pair is the last that there is room for. */
		{2, 1, 1, 0, VERDICT_COUNTED, 1, 0},
		{3, 1, 1, 0, VERDICT_BUSY, NONE, 0},
		{2, 3, 1, 0, VERDICT_DUPLICATE, 3, 0},
		{2, 0, 1, 0, VERDICT_BUSY, NONE, 0},
	};
	struct model_plan plan = plan_of(MODEL_UPVOTE, 104);
	plan.pairs = 4;
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
	EXPECT_VOTES(1, 1, 0, 2);
	cr_expect_eq(model_voters(window), 2);
}

Test(model_rules, upvote_of_the_last_item)
{
	static const struct row rows[] = {
		{1, 65534, 0, 0, VERDICT_COUNTED, 65534, 0},
		{1, 65535, 0, 0, VERDICT_BAD_CHOICE, NONE, 0},
	};
	struct model_plan plan = plan_of(MODEL_UPVOTE, 104);
	plan.options = 65535;
	window = model_add_window(&model, &plan);
	EXPECT_ROWS(rows);
}

static void expect_series(uint64_t rows, const uint64_t *want)
{
	cr_assert_eq(model_series_rows(window), rows, "%lu rows", model_series_rows(window));
	for (uint64_t i = 0; i < rows * window->counts; i++) {
		uint64_t second = i / window->counts;
		uint32_t option = (uint32_t)(i % window->counts);
		cr_expect_eq(model_series(window, second, option), want[i], "second %lu, option %u",
			     second, option);
	}
}

/* Two options, 2.5 s, room for four seconds. */
static void add_reaction(void)
{
	struct model_plan plan = plan_of(MODEL_REACTION, 105);
	plan.options = 2;
	plan.closes_at_us = OPENS + 5 * SECOND / 2;
	plan.seconds = 4;
	window = model_add_window(&model, &plan);
}

Test(model_rules, reaction)
{
	static const struct row rows[] = {
		{1, 0, 0, 0, VERDICT_COUNTED, 0, 0},
		{1, 1, SECOND - 1, 1, VERDICT_DUPLICATE, 0, 0},
		{1, 1, SECOND, 0, VERDICT_COUNTED, 1, 0},
		{2, 1, 5 * SECOND / 2 - 1, 0, VERDICT_COUNTED, 1, 0},
		{2, 1, 5 * SECOND / 2, 0, VERDICT_LATE, 1, 0},
		{2, 1, 3 * SECOND - 1, 0, VERDICT_LATE, 1, 0},
		{2, 1, 3 * SECOND, 0, VERDICT_LATE, NONE, 0},
		{2, 2, 2 * SECOND, 0, VERDICT_BAD_CHOICE, 1, 0},
		{2, 2, SECOND, 0, VERDICT_BAD_CHOICE, NONE, 0},
		{1, 0, -1, 0, VERDICT_EARLY, NONE, 0},
		{1, 1, 0, 0, VERDICT_EARLY, 0, -SECOND},
		{100, 0, 0, 0, VERDICT_BUSY, NONE, 0},
	};
	add_reaction();
	EXPECT_ROWS(rows);
	EXPECT_VOTES(1, 2);
	cr_expect_eq(model_voters(window), 2);
	expect_series(3, (const uint64_t[]){1, 0, 0, 1, 0, 1});
}

Test(model_rules, reaction_that_is_extended_and_ended)
{
	static const struct row extended[] = {
		{1, 1, 2 * SECOND, 0, VERDICT_COUNTED, 1, 0},
		{1, 0, 4 * SECOND - 1, 0, VERDICT_COUNTED, 0, 0},
		{1, 0, 4 * SECOND, 0, VERDICT_BUSY, NONE, 0},
	};
	static const struct row ended[] = {
		{2, 0, SECOND - 1, 0, VERDICT_COUNTED, 0, 0},
		/* Behind the end, what was counted before still stands. */
		{1, 0, 2 * SECOND, 0, VERDICT_LATE, 1, 0},
		{1, 1, 3 * SECOND, 0, VERDICT_LATE, 0, 0},
		{1, 0, 4 * SECOND, 0, VERDICT_LATE, NONE, 0},
	};
	add_reaction();
	cr_expect(model_extend(window, OPENS, 2 * SECOND));
	EXPECT_ROWS(extended);
	expect_series(5, (const uint64_t[]){0, 0, 0, 0, 0, 1, 1, 0, 0, 0});
	cr_expect(model_end(window, OPENS + SECOND));
	EXPECT_ROWS(ended);
	expect_series(4, (const uint64_t[]){1, 0, 0, 0, 0, 1, 1, 0});
}

static const uint32_t correct[] = {1, 3};

static struct model_window *add_quiz(uint32_t interaction, uint32_t points)
{
	struct model_plan plan = plan_of(MODEL_QUIZ, interaction);
	plan.correct = correct;
	plan.correct_count = 2;
	plan.points = points;
	plan.revote = true; /* not for a quiz */
	return model_add_window(&model, &plan);
}

static void expect_board(const struct model_board *board, const struct model_entry *want,
			 size_t count)
{
	cr_assert_eq(board->count, count, "%zu scored", board->count);
	for (size_t i = 0; i < count; i++) {
		cr_expect_eq(board->entries[i].voter, want[i].voter, "place %zu: voter %u", i + 1,
			     board->entries[i].voter);
		cr_expect_eq(board->entries[i].points, want[i].points, "place %zu: %lu points",
			     i + 1, board->entries[i].points);
		cr_expect_eq(model_board_rank(board, want[i].voter), i + 1);
	}
}

#define EXPECT_BOARD(board, ...)                                                                   \
	expect_board(board, (const struct model_entry[]){__VA_ARGS__},                             \
		     sizeof((const struct model_entry[]){__VA_ARGS__}) /                           \
			     sizeof(struct model_entry))

/* Full points at once, half of them at the end. */
static const struct row quiz_rows[] = {
	{9, 1, 0, 0, VERDICT_COUNTED, 1, 0},
	{8, 3, 10 * SECOND, 0, VERDICT_COUNTED, 3, 0},
	{7, 1, 20 * SECOND - 1, 0, VERDICT_COUNTED, 1, 0},
	{6, 0, 0, 0, VERDICT_COUNTED, 0, 0},
	{5, 1, 39999, 0, VERDICT_COUNTED, 1, 0},
	{4, 1, 40000, 0, VERDICT_COUNTED, 1, 0},
	{6, 1, 1, 1, VERDICT_DUPLICATE, 0, 0},
};

Test(model_rules, quiz)
{
	struct model_board board;
	window = add_quiz(106, 1000);
	EXPECT_ROWS(quiz_rows);
	EXPECT_VOTES(1, 4, 0, 1);
	/* 39,999 µs cost floor(0.999975), 40,000 cost 1, the last µs floor(499.999975). */
	model_board_of_quiz(&board, window);
	EXPECT_BOARD(&board, {1000, 5}, {1000, 9}, {999, 4}, {750, 8}, {501, 7});
	cr_expect_eq(model_board_rank(&board, 6), 0);
	cr_expect_eq(model_board_rank(&board, 1), 0);
	model_board_close(&board);
	cr_expect_eq(model_points(window, 8), 750);
	cr_expect_eq(model_points(window, 6), 0);
	cr_expect_eq(model_points(window, 99), 0);
}

Test(model_rules, quiz_points_follow_the_window)
{
	static const struct {
		uint64_t closes_at_us;
		uint64_t points[5]; /* of voters 9, 8, 7, 6, 4 */
	} rows[] = {
		{OPENS + 20 * SECOND, {1000, 750, 501, 0, 999}},
		{OPENS + 40 * SECOND, {1000, 875, 751, 0, 1000}},
		{OPENS + 10 * SECOND, {1000, 500, 1, 0, 998}},
		{OPENS + 5 * SECOND, {1000, 0, 0, 0, 996}},
		{OPENS + 4 * SECOND, {1000, 0, 0, 0, 995}},
		{OPENS + 1, {1000, 0, 0, 0, 0}},
		{OPENS, {1000, 1000, 1000, 0, 1000}},
		{OPENS - 1, {1000, 1000, 1000, 0, 1000}},
	};
	static const uint32_t voters[] = {9, 8, 7, 6, 4};
	window = add_quiz(106, 1000);
	EXPECT_ROWS(quiz_rows);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		window->closes_at_us = rows[i].closes_at_us;
		for (size_t v = 0; v < 5; v++)
			cr_expect_eq(model_points(window, voters[v]), rows[i].points[v],
				     "row %zu, voter %u: %lu", i, voters[v],
				     model_points(window, voters[v]));
	}
}

Test(model_rules, quiz_points_do_not_overflow)
{
	static const struct row rows[] = {{1, 1, 86400ll * 365 * SECOND, 0, VERDICT_COUNTED, 1, 0}};
	window = add_quiz(106, UINT32_MAX);
	window->closes_at_us = OPENS + 2 * 86400ull * 365 * SECOND;
	EXPECT_ROWS(rows);
	/* A quarter of 4,294,967,295 is 1,073,741,823.75. */
	cr_expect_eq(model_points(window, 1), 4294967295u - 1073741823u);
}

Test(model_rules, show_sums_the_quizzes_of_a_tenant)
{
	static const struct row second[] = {
		{8, 1, 10 * SECOND, 0, VERDICT_COUNTED, 1, 0},
		{3, 1, 0, 0, VERDICT_COUNTED, 1, 0},
	};
	struct model_board board;
	struct model_plan plan = plan_of(MODEL_QUIZ, 106);
	struct model_window *quiz[2];
	plan.tenant = 8;
	quiz[0] = window = add_quiz(106, 1000);
	EXPECT_ROWS(quiz_rows);
	quiz[1] = window = add_quiz(107, 334);
	EXPECT_ROWS(second);
	window = model_add_window(&model, &plan);
	/* 334 − floor(83.5) */
	cr_expect_eq(model_points(quiz[1], 8), 251);

	model_board_of_show(&board, &model, 7);
	EXPECT_BOARD(&board, {1001, 8}, {1000, 5}, {1000, 9}, {999, 4}, {501, 7}, {334, 3});
	model_board_close(&board);
	quiz[0]->cancelled = true;
	model_board_of_show(&board, &model, 7);
	EXPECT_BOARD(&board, {334, 3}, {251, 8});
	model_board_close(&board);
	model_board_of_show(&board, &model, 8);
	cr_expect_eq(board.count, 0);
	cr_expect_eq(model_board_rank(&board, 3), 0);
	model_board_close(&board);
}

Test(model_rules, states_follow_the_clock)
{
	static const struct {
		uint64_t now_us;
		enum model_state want;
	} rows[] = {
		{0, MODEL_SCHEDULED},          {OPENS - 1, MODEL_SCHEDULED},
		{OPENS, MODEL_OPEN},           {CLOSES - 1, MODEL_OPEN},
		{CLOSES, MODEL_DRAINING},      {CLOSES + DELAY - 1, MODEL_DRAINING},
		{CLOSES + DELAY, MODEL_FINAL}, {UINT64_MAX, MODEL_FINAL},
	};
	struct model_plan plan = plan_of(MODEL_POLL, 101);
	window = model_add_window(&model, &plan);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(model_state(window, rows[i].now_us), rows[i].want, "row %zu", i);
}

Test(model_rules, commands_are_taken_in_their_states)
{
	static const struct {
		uint64_t now_us;
		bool end, extend, cancel, reveal;
	} rows[] = {
		{OPENS - 1, false, true, true, false},
		{OPENS, true, true, true, false},
		{CLOSES, false, true, true, false},
		{CLOSES + DELAY, false, false, false, true},
	};
	struct model_plan plan = plan_of(MODEL_POLL, 101);
	struct model_window changed;
	window = model_add_window(&model, &plan);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t now_us = rows[i].now_us;
		changed = *window;
		cr_expect_eq(model_end(&changed, now_us), rows[i].end, "row %zu", i);
		cr_expect_eq(changed.closes_at_us, rows[i].end ? now_us : CLOSES, "row %zu", i);
		changed = *window;
		cr_expect_eq(model_extend(&changed, now_us, 3), rows[i].extend, "row %zu", i);
		cr_expect_eq(changed.closes_at_us, CLOSES + (rows[i].extend ? 3 : 0), "row %zu", i);
		changed = *window;
		cr_expect_eq(model_cancel(&changed, now_us), rows[i].cancel, "row %zu", i);
		cr_expect_eq(model_state(&changed, now_us) == MODEL_CANCELLED, rows[i].cancel);
		changed = *window;
		cr_expect_eq(model_reveal(&changed, now_us), rows[i].reveal, "row %zu", i);
		cr_expect_eq(model_state(&changed, now_us) == MODEL_REVEALED, rows[i].reveal);
	}
}
