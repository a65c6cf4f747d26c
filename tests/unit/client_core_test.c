// SPDX-License-Identifier: BSD-3-Clause
/*
 * The viewer's library against the appliance's own pipeline, over a network that loses, doubles,
 * delays and reorders in both directions: every answer is counted once, each viewer hears so, and
 * each one's idea of the appliance's time is as good as it claims. Time is the test's.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include "client/tw_client.h"
#include "tests/lib/stage.h"

#define VIEWERS       100
#define QUESTIONS     6
#define START_US      UINT64_C(5000000) /* our clock when the windows open */
#define STEP_US       1000
#define WAYS          8192 /* datagrams under way, at most */
#define LOSS_PERCENT  20
#define TWICE_PERCENT 10
#define DELAY_MAX_US  150000
#define WINDOW_US     (20 * STAGE_SECOND)

struct way {
	uint64_t due_us;
	uint32_t viewer;
	uint32_t bytes; /* 0: the place is free */
	bool to_appliance;
	uint8_t datagram[40];
};

static struct stage stage;
static struct tw_client clients[VIEWERS];
static uint64_t votes_at_us[VIEWERS][QUESTIONS]; /* 0: voted */
static enum tw_status heard[VIEWERS][QUESTIONS];
static struct way ways[WAYS];
static uint64_t chance_state = 1;

static uint32_t chance(uint32_t below)
{
	chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((chance_state >> 33) % below);
}

static uint64_t appliance_us(uint64_t now_us)
{
	return STAGE_OPENS_US + now_us - START_US;
}

static void put_under_way(uint64_t now_us, uint32_t viewer, bool to_appliance, const void *bytes)
{
	for (uint32_t i = 0; i < WAYS; i++) {
		if (ways[i].bytes)
			continue;
		ways[i] = (struct way){.due_us = now_us + chance(DELAY_MAX_US),
				       .viewer = viewer,
				       .bytes = 40,
				       .to_appliance = to_appliance};
		memcpy(ways[i].datagram, bytes, 40);
		return;
	}
	cr_assert_fail("more under way than the test has room for");
}

static void travel(uint64_t now_us, uint32_t viewer, bool to_appliance, const void *bytes)
{
	if (chance(100) < LOSS_PERCENT)
		return;
	put_under_way(now_us, viewer, to_appliance, bytes);
	if (chance(100) < TWICE_PERCENT)
		put_under_way(now_us, viewer, to_appliance, bytes);
}

static void judge(uint64_t now_us, const struct way *way)
{
	static struct stage_burst burst;
	const struct envelope envelope = {0};
	stage_burst_start(&burst);
	uint32_t at = stage_burst_add(&burst, &envelope, way->datagram, 40, appliance_us(now_us));
	const char *wrong = stage_play(&stage, way->viewer % STAGE_WORKERS, &burst);
	cr_assert_null(wrong, "%s", wrong);
	if (burst.burst.reply_bytes[at])
		travel(now_us, way->viewer, false,
		       burst.burst.data[at] + envelope_payload(&envelope));
}

static void hear(uint64_t now_us, const struct way *way)
{
	struct tw_event event;
	enum tw_error error =
		tw_client_receive(&clients[way->viewer], way->datagram, 40, now_us, &event);
	/* A second receipt to what has its first is the only thing that is not taken. */
	cr_assert(error == TW_OK || error == TW_ERROR_FOREIGN, "%s", tw_client_error_text(error));
	if (event.kind == TW_EVENT_RECEIPT) {
		cr_assert(event.receipt.final);
		heard[way->viewer][event.receipt.interaction] = event.receipt.status;
	}
}

static void deliver(uint64_t now_us)
{
	for (uint32_t i = 0; i < WAYS; i++) {
		if (!ways[i].bytes || ways[i].due_us > now_us)
			continue;
		const struct way way = ways[i];
		ways[i].bytes = 0;
		if (way.to_appliance)
			judge(now_us, &way);
		else
			hear(now_us, &way);
	}
}

/* Interaction 0 is a poll, 1 a multi, and so on: kind less one. */
static void vote(uint32_t viewer, uint32_t interaction, uint64_t now_us)
{
	const struct tw_vote answer = {.program_time_us = appliance_us(now_us),
				       .end_us = START_US + WINDOW_US + 15 * STAGE_SECOND,
				       .interaction = interaction,
				       .choice = (uint16_t)(1 + viewer % 3),
				       .kind = (enum tw_kind)(interaction + 1)};
	cr_assert_eq(tw_client_vote(&clients[viewer], &answer, now_us), TW_OK);
	votes_at_us[viewer][interaction] = 0;
}

static void act(uint32_t viewer, uint64_t now_us)
{
	uint8_t datagram[TW_CLIENT_DATAGRAM_BYTES];
	struct tw_event event;
	for (uint32_t i = 0; i < QUESTIONS; i++)
		if (votes_at_us[viewer][i] && votes_at_us[viewer][i] <= now_us)
			vote(viewer, i, now_us);
	while (tw_client_next_us(&clients[viewer]) <= now_us) {
		size_t bytes = tw_client_send(&clients[viewer], now_us, datagram, &event);
		cr_assert_eq(event.kind, TW_EVENT_NONE, "viewer %u gave up", viewer);
		if (bytes)
			travel(now_us, viewer, true, datagram);
	}
}

static void open_all(void)
{
	struct stage_window windows[QUESTIONS];
	const struct auth_key key = stage_default_key(7, 1);
	for (uint32_t i = 0; i < QUESTIONS; i++)
		windows[i] = (struct stage_window){
			.tenant = 7,
			.interaction = i,
			.options = 5,
			.voters = VIEWERS,
			.opens_at_us = STAGE_OPENS_US,
			.closes_at_us = STAGE_OPENS_US + WINDOW_US,
			.max_delay_us = 15 * STAGE_SECOND,
			.rules = {.kind = (enum kind)(i + 1),
				  .max_choices = 3,
				  .seconds = 20,
				  .pairs = 1000},
		};
	stage_open(&stage, &key, 1, windows, QUESTIONS);
}

/* Each with its own seed, and answers within the first ten seconds. */
static void open_viewer(uint32_t viewer)
{
	const struct auth_key key = stage_default_key(7, 1);
	struct tw_credential credential = {.connection_id = {7, 0, 1, 0, 7, 0, 0, (uint8_t)viewer},
					   .voter = viewer,
					   .tenant = 7,
					   .epoch = 1};
	auth_voter_key(key.key, 7, 1, viewer, credential.voter_key);
	tw_client_init(&clients[viewer], &credential, viewer);
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		votes_at_us[viewer][i] = START_US + chance(10 * STAGE_SECOND);
		heard[viewer][i] = TW_STATUS_NONE;
	}
}

static void expect_heard(uint32_t viewer)
{
	struct tw_time time;
	const uint64_t now_us = START_US + WINDOW_US + 4 * STAGE_SECOND;
	for (uint32_t i = 0; i < QUESTIONS; i++)
		cr_expect(heard[viewer][i] == TW_STATUS_COUNTED ||
				  heard[viewer][i] == TW_STATUS_DUPLICATE,
			  "viewer %u, interaction %u: %d", viewer, i, heard[viewer][i]);
	cr_expect_eq(tw_client_next_us(&clients[viewer]), TW_CLIENT_NEVER);
	cr_assert(tw_client_time(&clients[viewer], now_us, &time));
	int64_t off_us = (int64_t)(time.appliance_us - appliance_us(now_us));
	cr_expect_leq((uint64_t)llabs(off_us), time.error_us, "viewer %u", viewer);
	cr_expect_leq(time.error_us, DELAY_MAX_US);
}

Test(client_core, every_answer_is_counted_once_through_losses_copies_and_reordering)
{
	uint64_t verdicts[VERDICT_COUNT];
	open_all();
	for (uint32_t viewer = 0; viewer < VIEWERS; viewer++)
		open_viewer(viewer);
	for (uint64_t now_us = START_US; now_us < START_US + WINDOW_US + 4 * STAGE_SECOND;
	     now_us += STEP_US) {
		deliver(now_us);
		for (uint32_t viewer = 0; viewer < VIEWERS; viewer++)
			act(viewer, now_us);
	}
	for (uint32_t viewer = 0; viewer < VIEWERS; viewer++)
		expect_heard(viewer);
	stage_verdicts(&stage, verdicts);
	cr_expect_eq(verdicts[VERDICT_COUNTED], VIEWERS * QUESTIONS);
	cr_expect_gt(verdicts[VERDICT_DUPLICATE], 0, "some came twice");
	cr_expect_eq(verdicts[VERDICT_COUNTED] + verdicts[VERDICT_DUPLICATE],
		     stage_received(&stage), "and nothing else came of any");
	stage_close(&stage);
}
