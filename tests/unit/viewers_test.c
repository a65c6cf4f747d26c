// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the control thread makes of windows for viewers: boards, rounds, secrets. Time is an input;
 * how far workers have come is the test's to say.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/ballot.h"
#include "dataplane/viewers.h"
#include "wire/byte_order.h"

#define SECOND 1000000ull
#define OPENS  (1000 * SECOND)
#define CLOSES (OPENS + 20 * SECOND)
#define FINAL  (CLOSES + 5 * SECOND)
#define MONO   (77 * SECOND)

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};
static struct tenant zoo = {.id = 8, .name = "zoo", .max_delay_ms = 5000};
static struct windows *windows;
static struct viewers *viewers;
static uint64_t done;
static int waits;
static struct err err;

static uint64_t rounds_done(void *context)
{
	(void)context;
	return done;
}

static void quiesce(void *context)
{
	(void)context;
	waits++;
}

static void set_up(void)
{
	const struct windows_options for_windows = {.voters = 100,
						    .upvotes_per_voter = 4,
						    .upvotes = 300,
						    .memory_bytes = UINT64_MAX,
						    .workers = 1,
						    .quiesce = quiesce};
	cr_assert_eq(windows_create(&for_windows, &windows, &err), 0);
	const struct viewers_options options = {
		.windows = windows, .rounds_done = rounds_done, .quiesce = quiesce};
	cr_assert_eq(viewers_create(&options, MONO, &viewers, &err), 0);
	waits = 0;
}

static void tear_down(void)
{
	viewers_destroy(viewers);
	windows_destroy(windows);
}

TestSuite(viewers, .init = set_up, .fini = tear_down);

static void arm(const struct tenant *tenant, uint32_t id, enum kind kind, uint64_t opens_us)
{
	struct interaction interaction = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = (uint8_t)kind, .max_choices = 2, .options = 3},
		.question = strdup("Which colour?"),
		.labels = calloc(3, sizeof(char *)),
		.opens_at_us = opens_us,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
	};
	for (int i = 0; i < 3; i++)
		interaction.labels[i] = strdup("Red");
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
}

static const struct bulletin *published(void)
{
	return *viewers_published(viewers);
}

static const struct notice *board_of(uint16_t tenant)
{
	return bulletin_board(published(), tenant);
}

/* The last round, which must be of this tenant. */
static const struct notice *last_round(uint16_t tenant)
{
	const struct bulletin *bulletin = published();
	cr_assert_gt(bulletin->round_count, 0);
	const struct bulletin_round *round = &bulletin->rounds[bulletin->round_count - 1];
	cr_assert_eq(round->tenant, tenant);
	return &round->notice;
}

static void expect_record(const struct notice *notice, uint32_t i, uint32_t id, uint8_t state)
{
	cr_assert_lt(i, notice->count);
	cr_expect_eq(be32(notice->records[i].interaction_be), id, "record %u: %u", i,
		     be32(notice->records[i].interaction_be));
	cr_expect_eq(notice->records[i].state, state, "record %u of %u: state %u", i, id,
		     notice->records[i].state);
}

static void look(uint64_t utc_us, int changed)
{
	cr_expect_eq(viewers_look(viewers, utc_us, MONO + utc_us), changed, "at %lu", utc_us);
}

Test(viewers, each_state_is_a_round_and_what_is_between_is_none)
{
	arm(&acme, 101, KIND_POLL, OPENS);
	look(OPENS - 1, 1);
	expect_record(last_round(7), 0, 101, NOTICE_SCHEDULED);
	look(OPENS - 1, 0);
	look(OPENS, 1);
	expect_record(last_round(7), 0, 101, NOTICE_OPEN);
	cr_expect_eq(published()->rounds[1].at_us, MONO + OPENS + VIEWERS_SETTLE_US);
	look(CLOSES - 1, 0);
	look(CLOSES, 1);
	expect_record(last_round(7), 0, 101, NOTICE_CLOSED);
	look(FINAL, 0); /* draining and final are one to viewers */
	struct armed_window *armed = windows_find(windows, 7, 101);
	windows_settle(windows, FINAL);
	cr_assert_eq(windows_reveal(windows, armed, FINAL + 1, &err), 0);
	look(FINAL + 1, 1);
	expect_record(last_round(7), 0, 101, NOTICE_REVEALED);
	expect_record(board_of(7), 0, 101, NOTICE_REVEALED);
	look(FINAL + 2, 0);
	cr_expect_eq(viewers_rounds(viewers), 4);
}

Test(viewers, cancelled_and_extended_are_told)
{
	arm(&acme, 101, KIND_POLL, OPENS);
	struct armed_window *armed = windows_find(windows, 7, 101);
	look(OPENS, 1);
	windows_extend(windows, armed, SECOND, OPENS, &err);
	look(OPENS, 1);
	cr_expect_eq(be64(last_round(7)->records[0].closes_at_us_be), CLOSES + SECOND);
	windows_cancel(windows, armed, OPENS, &err);
	look(OPENS, 1);
	expect_record(last_round(7), 0, 101, NOTICE_CANCELLED);
}

/* Votes for the options, straight into the counters. */
static void count_votes(uint32_t id, const uint64_t votes[3], uint64_t voters)
{
	struct tally_lane *lane = tally_lane(windows_find(windows, 7, id)->window.tally, 0);
	for (int i = 0; i < 3; i++)
		tally_add(&lane->votes[i], votes[i]);
	tally_add(&lane->receipts[RECEIPT_COUNTED], voters);
	tally_add(&lane->voters, voters);
}

static void expect_leader(const struct notice *notice, uint16_t index, uint16_t share)
{
	cr_expect_eq(be16(notice->records[0].leader_be), index, "leader %u",
		     be16(notice->records[0].leader_be));
	cr_expect_eq(be16(notice->records[0].share_be), share, "share %u",
		     be16(notice->records[0].share_be));
}

/* From open to revealed with these votes; nobody hears of them before. */
static void reveal_with(enum kind kind, const uint64_t votes[3], uint64_t voters, uint16_t index,
			uint16_t share)
{
	static const uint64_t moments[] = {OPENS - 1, OPENS, CLOSES, FINAL};
	arm(&acme, 101, kind, OPENS);
	count_votes(101, votes, voters);
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		viewers_look(viewers, moments[i], MONO);
		expect_leader(last_round(7), NOTICE_NO_LEADER, 0);
		expect_leader(board_of(7), NOTICE_NO_LEADER, 0);
	}
	windows_settle(windows, FINAL);
	cr_assert_eq(windows_reveal(windows, windows_find(windows, 7, 101), FINAL + 1, &err), 0);
	look(FINAL + 1, 1);
	expect_leader(last_round(7), index, share);
	expect_leader(board_of(7), index, share);
	look(FINAL + 9, 0); /* nor does what was told change */
}

Test(viewers, who_leads_is_told_with_the_reveal_and_not_before)
{
	reveal_with(KIND_POLL, (uint64_t[]){2, 5, 3}, 10, 1, 5000);
}

Test(viewers, of_several_answers_a_share_is_of_voters)
{
	reveal_with(KIND_MULTI, (uint64_t[]){2, 5, 6}, 8, 2, 7500);
}

Test(viewers, of_no_votes_nobody_leads)
{
	reveal_with(KIND_POLL, (uint64_t[]){0, 0, 0}, 0, NOTICE_NO_LEADER, 0);
}

Test(viewers, a_cancelled_window_never_tells_who_led)
{
	arm(&acme, 101, KIND_POLL, OPENS);
	count_votes(101, (uint64_t[]){2, 5, 3}, 10);
	windows_cancel(windows, windows_find(windows, 7, 101), OPENS + SECOND, &err);
	look(FINAL + SECOND, 1);
	expect_record(last_round(7), 0, 101, NOTICE_CANCELLED);
	expect_leader(last_round(7), NOTICE_NO_LEADER, 0);
}

Test(viewers, tenants_have_boards_and_rounds_of_their_own)
{
	arm(&zoo, 1, KIND_POLL, OPENS);
	arm(&acme, 2, KIND_POLL, OPENS);
	look(OPENS, 2);
	cr_expect_eq(published()->round_count, 2);
	cr_expect_eq(published()->board_count, 2);
	expect_record(board_of(7), 0, 2, NOTICE_OPEN);
	expect_record(board_of(8), 0, 1, NOTICE_OPEN);
	cr_expect_eq(board_of(7)->count, 1);
	cr_expect_eq(board_of(9)->count, 0);
}

Test(viewers, a_board_has_the_seven_that_matter_and_rounds_have_all)
{
	for (uint32_t id = 1; id <= 10; id++)
		arm(&acme, id, KIND_POLL, OPENS + (10 - id) * 60 * SECOND);
	/* 10 is open, 9 to 1 follow in this order. */
	look(OPENS, 10);
	cr_expect_eq(board_of(7)->count, 7);
	for (uint32_t i = 0; i < 7; i++)
		expect_record(board_of(7), i, 10 - i, i ? NOTICE_SCHEDULED : NOTICE_OPEN);
	cr_assert_eq(published()->round_count, 2);
	cr_expect_eq(published()->rounds[0].notice.count, 7);
	cr_expect_eq(published()->rounds[1].notice.count, 3);
	expect_record(&published()->rounds[1].notice, 2, 1, NOTICE_SCHEDULED);
}

Test(viewers, a_window_that_goes_is_off_the_board)
{
	arm(&acme, 1, KIND_POLL, OPENS);
	arm(&acme, 2, KIND_POLL, OPENS);
	look(OPENS - SECOND, 2);
	struct armed_window *out = windows_find(windows, 7, 1);
	const struct windows_change change = {.out = &out, .out_count = 1};
	cr_assert_eq(windows_replace(windows, &change, &err), 0);
	look(OPENS - SECOND, 0);
	cr_expect_eq(board_of(7)->count, 1);
	expect_record(board_of(7), 0, 2, NOTICE_SCHEDULED);
}

Test(viewers, rounds_go_when_every_worker_has_pushed_them)
{
	arm(&acme, 1, KIND_POLL, OPENS);
	look(OPENS - 1, 1);
	look(OPENS, 1);
	cr_expect_eq(published()->first_round, 1);
	cr_expect_eq(published()->round_count, 2);
	done = 2;
	look(CLOSES, 1);
	cr_expect_eq(published()->first_round, 2);
	cr_expect_eq(published()->round_count, 2);
	expect_record(&published()->rounds[0].notice, 0, 1, NOTICE_OPEN);
}

Test(viewers, more_rounds_than_are_kept_push_out_the_oldest)
{
	arm(&acme, 1, KIND_POLL, OPENS);
	struct armed_window *armed = windows_find(windows, 7, 1);
	for (uint32_t i = 0; i < VIEWERS_MAX_ROUNDS + 5; i++) {
		armed->window.closes_at_us++;
		look(OPENS, 1);
	}
	cr_expect_eq(published()->round_count, VIEWERS_MAX_ROUNDS);
	cr_expect_eq(published()->first_round, 6);
	cr_expect_eq(viewers_rounds_lost(viewers), 5);
	cr_expect_eq(viewers_rounds(viewers), VIEWERS_MAX_ROUNDS + 5);
}

Test(viewers, secrets_are_drawn_anew_once_a_minute_and_boards_stay)
{
	arm(&acme, 1, KIND_POLL, OPENS);
	look(OPENS, 1);
	struct cookie_secrets first = published()->secrets;
	viewers_tick(viewers, OPENS, MONO + 60 * SECOND - 1);
	cr_expect_arr_eq(&published()->secrets, &first, sizeof(first));
	viewers_tick(viewers, OPENS, MONO + 60 * SECOND);
	cr_expect_arr_eq(published()->secrets.previous, first.current, AUTH_KEY_BYTES);
	cr_expect_arr_neq(published()->secrets.current, first.current, AUTH_KEY_BYTES);
	expect_record(board_of(7), 0, 1, NOTICE_OPEN);
	cr_expect_eq(published()->round_count, 1);
	viewers_tick(viewers, OPENS, MONO + 61 * SECOND);
	cr_expect_arr_eq(published()->secrets.previous, first.current, AUTH_KEY_BYTES);
}

Test(viewers, workers_are_waited_for_only_when_something_is_published)
{
	arm(&acme, 1, KIND_POLL, OPENS);
	waits = 0;
	look(OPENS, 1);
	cr_expect_eq(waits, 1);
	look(OPENS, 0);
	viewers_tick(viewers, OPENS, MONO + SECOND);
	cr_expect_eq(waits, 1);
}
