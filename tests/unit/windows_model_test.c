// SPDX-License-Identifier: BSD-3-Clause
/*
 * Live shows against a slow and obvious model: windows of all kinds in the real registry, votes
 * that arrive as the clock goes on, with program times up to 250 ms ahead of it, and a producer who
 * opens, extends, closes, cancels, reveals and replaces meanwhile. Every verdict and receipt, every
 * command's answer, and all that a window keeps must be the same, as long as it is there; also
 * where the appliance ends in the middle of it and reads its journal back.
 *
 * TALLYWIRE_TEST_VOTES=… says how many votes at least, TALLYWIRE_TEST_SEED=… repeats a run.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "dataplane/window_results.h"
#include "dataplane/windows.h"
#include "tests/lib/kept.h"
#include "tests/lib/model_kinds.h"
#include "tests/lib/model_results.h"
#include "tests/lib/model_same.h"
#include "tests/lib/scratch.h"
#include "tests/lib/show_files.h"
#include "tests/lib/show_plans.h"
#include "tests/lib/show_votes.h"
#include "tests/lib/stage.h"

#define SECOND    STAGE_SECOND
#define BEGINS    (SHOW_PLANS_OPENS_US - 2 * SECOND)
#define ENDS      (SHOW_PLANS_OPENS_US + 60 * SECOND)
#define ALL_FINAL (ENDS + 86400 * SECOND)
#define AHEAD     250000ull
#define UNTOUCHED 300000ull /* before its opening, a window may be moved */

enum { VOTES = 200000, STEP_US = 20000, COMMAND_EVERY = 25, VOTERS = 3000, UPVOTES_EACH = 30 };

static struct tenant tenants[] = {
	{.id = 1, .name = "t1"},
	{.id = 2, .name = "t2", .limits = {.voters = 100}},
	{.id = 3, .name = "t3", .limits = {.voters = 2000}},
};
static const struct keyring keyring = {.tenants = tenants, .tenant_count = 3};

static struct stage stage; /* keys and pipelines; it has no windows of its own */
static struct stage_burst burst;
static struct windows *windows;
static struct model model;
static struct show_votes votes;
static uint64_t seed, now_us, past[VERDICT_COUNT];

/* What has come up: a comparison in which a thing does not has not compared it. */
static uint64_t met[VERDICT_COUNT], behind_the_close, in_further_seconds;
static struct {
	uint64_t close, extend, cancel, reveal, open;
} done;

/* Where shows are kept: the journal of this life, and how often there was a life before. */
static bool keeping;
static struct kept kept;
static uint64_t restarts, refusals_back;

static uint64_t below(uint64_t limit)
{
	return show_votes_below(&votes, limit);
}

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static uint64_t seconds_of(uint64_t duration_us)
{
	return (duration_us + SECOND - 1) / SECOND;
}

/* The room that a window has here, as docs/architecture.md and windows.h have it. */
static struct model_plan with_room(const struct model_plan *plan)
{
	struct model_plan roomy = *plan;
	uint64_t limit = tenants[plan->tenant - 1].limits.voters;
	roomy.voters = limit ? limit : VOTERS;
	roomy.seconds = (uint32_t)seconds_of(plan->closes_at_us - plan->opens_at_us) *
				WINDOWS_EXTENSION_TIMES +
			WINDOWS_EXTENSION_SECONDS;
	return roomy;
}

static struct interaction interaction_of(const struct model_plan *plan)
{
	struct interaction interaction;
	struct err err;
	json_t *item = show_files_interaction(plan);
	cr_assert_eq(interaction_parse(item, "plan", &keyring, 0, &interaction, &err), 0, "%s",
		     err.text);
	json_decref(item);
	return interaction;
}

static struct armed_window *armed_of(const struct model_plan *plan)
{
	struct armed_window *armed =
		windows_find(windows, (uint16_t)plan->tenant, plan->interaction);
	cr_assert_not_null(armed);
	return armed;
}

/* Pairs have at least the room that was stated. */
static void learn_pairs(struct model_window *window)
{
	const struct armed_window *armed = armed_of(&window->plan);
	window->plan.pairs = armed->store.upvotes.count;
	cr_assert_geq(window->plan.pairs, armed->plan.pairs);
}

static void start_journal(void)
{
	const struct durable_options options = {.directory = scratch_path("journal"),
						.workers = STAGE_WORKERS,
						.segment_bytes = 1 << 20};
	struct err err;
	int rc = keeping ? kept_start(&kept, &options, &keyring, windows, stage.pipeline, &err) : 0;
	if (rc == -EPERM || rc == -ENOSYS)
		cr_skip_test("%s", err.text);
	cr_assert_eq(rc, 0, "seed %lu: %s", seed, err.text);
}

static void create_windows(bool prefault)
{
	const struct windows_options options = {
		.voters = VOTERS,
		.upvotes_per_voter = UPVOTES_EACH,
		.upvotes = UINT64_MAX,
		.memory_bytes = UINT64_MAX,
		.workers = STAGE_WORKERS,
		.prefault = prefault,
		.quiesce = nobody_to_wait_for,
	};
	struct err err;
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
	start_journal();
}

static void arm_windows(void)
{
	struct interaction interactions[MODEL_MAX_WINDOWS];
	struct err err;
	for (uint32_t i = 0; i < show_plans_count; i++) {
		const struct model_plan plan = with_room(&show_plans[i]);
		model_add_window(&model, &plan);
		interactions[i] = interaction_of(&plan);
	}
	cr_assert_eq(windows_arm(windows, interactions, show_plans_count, &err), 0, "%s", err.text);
	for (uint32_t i = 0; i < show_plans_count; i++)
		learn_pairs(&model.windows[i]);
	kept_online(&kept, true);
}

static void open_show(bool prefault)
{
	struct auth_key keys[SHOW_PLANS_KEYS];
	model_open(&model);
	for (uint32_t i = 0; i < SHOW_PLANS_KEYS; i++) {
		keys[i] = stage_default_key(show_plans_keys[i].tenant, show_plans_keys[i].epoch);
		model_add_key(&model, keys[i].tenant, keys[i].epoch, keys[i].key);
	}
	stage_open(&stage, keys, SHOW_PLANS_KEYS, NULL, 0);
	show_votes_open(&votes, &model, seed);
	memset(past, 0, sizeof(past));
	now_us = BEGINS;
	kept_use_clock(&now_us);
	create_windows(prefault);
	arm_windows();
}

static void close_show(void)
{
	struct err err;
	cr_assert_eq(kept_stop(&kept, &err), 0, "%s", err.text);
	windows_destroy(windows);
	stage_close(&stage);
	model_close(&model);
}

static void learn_refusals(uint64_t verdicts[VERDICT_COUNT], const uint64_t *receipts)
{
	for (enum verdict v = VERDICT_CANCELLED; v < VERDICT_COUNT; v++) {
		uint64_t back = receipts[receipt_status_of(v)];
		if (v == VERDICT_COUNTED || v == VERDICT_CHANGED)
			continue;
		cr_expect_leq(back, verdicts[v], "seed %lu: %s", seed, verdict_name(v));
		verdicts[v] = back;
		refusals_back += back;
	}
}

/* Refused votes are known of windows that were final; all else is as it was. */
static void restart(bool prefault)
{
	struct err err;
	cr_assert_eq(kept_stop(&kept, &err), 0, "%s", err.text);
	windows_destroy(windows);
	create_windows(prefault);
	learn_refusals(past, windows_past_receipts(windows));
	for (uint32_t i = 0; i < model.window_count; i++) {
		struct tally_sum sum;
		tally_read(&armed_of(&model.windows[i].plan)->store.tally, 0, &sum);
		learn_refusals(model.windows[i].verdicts, sum.receipts);
	}
	cr_expect_eq(windows_count(windows), model.window_count);
	kept_online(&kept, true);
	restarts++;
}

static void compare(uint32_t i, const uint8_t vote[VOTE_BYTES])
{
	static const struct envelope plain = {.ip_version = 4};
	uint8_t receipt[VOTE_BYTES];
	enum verdict want = model_judge(&model, vote, now_us, receipt);
	enum verdict got = burst.burst.verdict[i];
	met[want]++;
	if (got != want)
		cr_assert_fail("seed %lu: %s instead of %s", seed, verdict_name(got),
			       verdict_name(want));
	if (burst.burst.reply_bytes[i] == 0)
		return;
	if (memcmp(burst.frames[i] + envelope_payload(&plain), receipt, VOTE_BYTES) != 0)
		cr_assert_fail("seed %lu: another receipt for %s", seed, verdict_name(want));
}

static void play_one_burst(uint32_t worker)
{
	static const struct envelope plain = {.ip_version = 4};
	uint8_t bytes[BURST_MAX][VOTE_BYTES];
	uint32_t count = 1 + (uint32_t)below(BURST_MAX);
	votes.now_us = now_us;
	stage_burst_start(&burst);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t arrival_us;
		show_votes_next(&votes, bytes[i], &arrival_us);
		stage_burst_add(&burst, &plain, bytes[i], VOTE_BYTES, arrival_us);
	}
	kept_await_room(&kept);
	stage.pipeline[worker].windows = *windows_published(windows);
	const char *wrong = stage_play(&stage, worker, &burst);
	if (wrong)
		cr_assert_fail("seed %lu: %s", seed, wrong);
	for (uint32_t i = 0; i < count; i++)
		compare(i, bytes[i]);
}

/*
 * The show goes on to where a second of the window begins, or a µs beside it: votes of that second
 * are there by then.
 */
static void play_to_second(const struct model_window *window)
{
	if (now_us < window->opens_at_us)
		return;
	uint64_t second = seconds_of(now_us + 2 - window->opens_at_us);
	uint64_t begins_us = window->opens_at_us + second * SECOND;
	uint64_t from_us = begins_us - 1 - below(AHEAD);
	kept_online(&kept, true);
	for (now_us = from_us > now_us ? from_us : now_us; now_us + STEP_US < begins_us;
	     now_us += below(STEP_US))
		play_one_burst((uint32_t)below(STAGE_WORKERS));
	kept_online(&kept, false);
	now_us = begins_us - 1 + below(3);
}

static void close_one(struct model_window *window, struct armed_window *armed)
{
	struct err err;
	if (below(4))
		play_to_second(window);
	int rc = windows_close(windows, armed, now_us, &err);
	cr_expect_eq(rc, model_end(window, now_us) ? 0 : -EPERM, "seed %lu", seed);
	done.close += rc == 0;
	if (rc == 0 && window->plan.kind == MODEL_REACTION)
		behind_the_close +=
			model_series_rows(window) >
			model_seconds_between(window->opens_at_us, window->closes_at_us);
}

/* A reaction has no more seconds than it was armed for. */
static void extend_one(struct model_window *window, struct armed_window *armed)
{
	static const uint64_t by_us[] = {1, 400000, SECOND, 2300000, 10 * SECOND, 70 * SECOND};
	uint64_t by = by_us[below(sizeof(by_us) / sizeof(by_us[0]))];
	uint64_t length = window->closes_at_us + by - window->opens_at_us;
	struct err err;
	bool room =
		window->plan.kind != MODEL_REACTION || seconds_of(length) <= window->plan.seconds;
	int rc = windows_extend(windows, armed, by, now_us, &err);
	cr_expect_eq(rc, room && model_extend(window, now_us, by) ? 0 : -EPERM, "seed %lu", seed);
	done.extend += rc == 0;
}

/* Nothing happens to a window whose first votes may be there. */
static void open_one(struct model_window *window, struct armed_window *armed)
{
	struct err err;
	bool may = model_state(window, now_us) == MODEL_SCHEDULED;
	cr_expect_eq(windows_open_now(windows, armed, now_us, &err), may ? 0 : -EPERM, "seed %lu",
		     seed);
	if (!may || window->opens_at_us <= now_us + UNTOUCHED)
		return;
	done.open++;
	window->closes_at_us -= window->opens_at_us - now_us;
	window->opens_at_us = now_us;
}

static void cancel_one(struct model_window *window, struct armed_window *armed)
{
	struct err err;
	int rc = windows_cancel(windows, armed, now_us, &err);
	cr_expect_eq(rc, model_cancel(window, now_us) ? 0 : -EPERM, "seed %lu", seed);
	done.cancel += rc == 0;
}

static void reveal_one(struct model_window *window, struct armed_window *armed)
{
	struct err err;
	int rc = windows_reveal(windows, armed, now_us, &err);
	cr_expect_eq(rc, model_reveal(window, now_us) ? 0 : -EPERM, "seed %lu", seed);
	done.reveal += rc == 0;
}

/* Another comes in its place, under its id or a new one. */
static void replace_one(struct model_window *window, struct armed_window *armed)
{
	uint32_t place = (uint32_t)(window - model.windows);
	struct model_plan plan = show_plans[place];
	uint64_t lasts_us = plan.closes_at_us - plan.opens_at_us;
	struct err err;
	for (uint32_t v = 0; v < VERDICT_COUNT; v++)
		past[v] += window->verdicts[v];
	plan = with_room(&plan);
	plan.interaction = window->plan.interaction + (below(2) ? 1000 : 0);
	plan.opens_at_us = now_us + below(4 * SECOND);
	plan.closes_at_us = plan.opens_at_us + lasts_us;
	struct interaction interaction = interaction_of(&plan);
	const struct windows_change wanted = {
		.out = &armed, .out_count = 1, .interactions = &interaction, .count = 1};
	cr_assert_eq(windows_replace(windows, &wanted, &err), 0, "%s", err.text);
	model_replace_window(&model, place, &plan);
	learn_pairs(window);
}

/* Whether a command is of more interest for this window than for most. */
static bool is_wanted(const struct model_window *window, uint64_t wanted)
{
	enum model_state state = model_state(window, now_us);
	switch (wanted) {
	case 0: return state == MODEL_SCHEDULED;
	case 1: return state == MODEL_DRAINING && window->plan.kind == MODEL_QUIZ;
	default: return state == MODEL_OPEN && window->plan.kind == MODEL_REACTION;
	}
}

static struct model_window *random_window(void)
{
	uint64_t from = below(model.window_count), wanted = below(8);
	for (uint32_t i = 0; i < model.window_count && wanted < 6; i++) {
		struct model_window *window = &model.windows[(from + i) % model.window_count];
		if (is_wanted(window, wanted))
			return window;
	}
	return &model.windows[from];
}

static void command_one(void)
{
	struct model_window *window = random_window();
	struct armed_window *armed = armed_of(&window->plan);
	/* A quiz that everybody has answered is the one to withdraw. */
	bool withdraw = is_wanted(window, 1) && below(3) == 0;
	/* A reaction is to come to its further seconds before it is closed, as a rule. */
	uint64_t length_us = window->plan.closes_at_us - window->plan.opens_at_us;
	bool goes_on = is_wanted(window, 2) && now_us < window->opens_at_us + length_us && below(3);
	switch (withdraw ? 0 : below(16)) {
	case 0: cancel_one(window, armed); break;
	case 1:
	case 2:
	case 3: replace_one(window, armed); break;
	case 4:
	case 5: open_one(window, armed); break;
	case 6: reveal_one(window, armed); break;
	case 7:
	case 8:
	case 9:
	case 10: (goes_on ? extend_one : close_one)(window, armed); break;
	default: extend_one(window, armed);
	}
}

static void random_command(void)
{
	kept_online(&kept, false);
	command_one();
	kept_online(&kept, true);
}

/* Whether an extension has brought a reaction more seconds, and they votes. */
static bool has_further(const struct model_window *window)
{
	const struct model_plan *plan = &window->plan;
	uint64_t planned = seconds_of(plan->closes_at_us - plan->opens_at_us);
	uint64_t room = plan->kind == MODEL_REACTION ? plan->seconds : 0;
	for (uint64_t second = planned; second < room; second++)
		for (uint32_t option = 0; option < window->counts; option++)
			if (model_series(window, second, option) > 0)
				return true;
	return false;
}

static void expect_same_window(const struct model_window *window)
{
	struct armed_window *armed = armed_of(&window->plan);
	struct tally_sum sum;
	windows_sum(windows, armed, now_us, &sum);
	in_further_seconds += has_further(window);
	cr_expect_eq(armed->window.opens_at_us, window->opens_at_us, "seed %lu", seed);
	cr_expect_eq(armed->window.closes_at_us, window->closes_at_us, "seed %lu", seed);
	cr_expect_eq((int)window_state(&armed->window, now_us), (int)model_state(window, now_us),
		     "seed %lu", seed);
	const char *wrong = model_same_sum(window, &sum, armed->seconds);
	if (!wrong)
		wrong = model_same_outcome(window, &armed->window, &sum, armed->seconds);
	if (!wrong)
		wrong = model_same_answers(window, &armed->window);
	cr_expect_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
}

static const struct results_wish *wish(void)
{
	static struct results_wish wish = {.top = BOARDS_DEFAULT_TOP};
	wish.now_us = now_us;
	return &wish;
}

/* Points and place of a voter, in a quiz and in the show. */
static void expect_same_standing(const struct model_window *window, struct armed_window *quiz,
				 uint32_t voter)
{
	for (enum board_scope scope = BOARD_QUIZ; scope <= BOARD_SHOW; scope++) {
		const struct board_of of = {windows, quiz, scope};
		struct board_standing standing;
		struct model_board board;
		if (scope == BOARD_QUIZ)
			model_board_of_quiz(&board, window);
		else
			model_board_of_show(&board, &model, window->plan.tenant);
		size_t place = model_board_rank(&board, voter);
		uint64_t points = place ? board.entries[place - 1].points : 0;
		cr_assert_eq(boards_standing(&of, voter, now_us, &standing), 0);
		cr_expect(
			standing.place == place && standing.points == points,
			"seed %lu: voter %u of %u/%u has %lu points and place %lu, not %lu and %zu",
			seed, voter, window->plan.tenant, window->plan.interaction, standing.points,
			standing.place, points, place);
		model_board_close(&board);
	}
}

/*
 * What is told of a window. A board may be older than the last votes while its quiz runs, so it is
 * compared when that is over.
 */
static void expect_same_result(const struct model_window *window)
{
	struct armed_window *armed = armed_of(&window->plan);
	struct tally_sum sum;
	windows_sum(windows, armed, now_us, &sum);
	json_t *result = window_results_one(windows, armed, wish(), &sum);
	bool runs = model_state(window, now_us) < MODEL_FINAL;
	if (window->plan.kind != MODEL_QUIZ || !runs) {
		const char *wrong = show_files_same_result(window, result);
		cr_expect_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
	}
	json_decref(result);
	for (uint32_t i = 0; i < 4 && window->plan.kind == MODEL_QUIZ; i++)
		expect_same_standing(window, armed, (uint32_t)below(window->plan.voters + 1));
}

/* Made now and then while the show runs, and kept; the last one is looked at. */
static json_t *make_leaderboards(void)
{
	json_t *leaderboards = json_array();
	for (uint32_t i = 0; i < model.window_count; i++) {
		struct armed_window *armed = armed_of(&model.windows[i].plan);
		if (boards_is_quiz(armed) && boards_first_of_show(windows, armed) == armed)
			cr_assert(window_results_add_leaderboard(windows, armed, wish(),
								 leaderboards));
	}
	return leaderboards;
}

static void expect_same_leaderboards(void)
{
	json_t *leaderboards = make_leaderboards();
	const char *wrong = show_files_same_leaderboards(&model, leaderboards);
	cr_expect_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
	json_decref(leaderboards);
}

static void expect_same_past(void)
{
	const uint64_t *receipts = windows_past_receipts(windows);
	for (enum verdict v = VERDICT_CANCELLED; v < VERDICT_COUNT; v++)
		cr_expect_eq(receipts[receipt_status_of(v)], past[v], "seed %lu: %s", seed,
			     verdict_name(v));
}

/* While the show runs; results take longer to make than votes to be judged. */
static void look(const struct model_window *window)
{
	expect_same_window(window);
	if (below(8) == 0) {
		expect_same_result(window);
		json_decref(make_leaderboards());
	}
}

static uint64_t play_show(bool prefault)
{
	open_show(prefault);
	for (uint32_t bursts = 0; now_us < ENDS; bursts++) {
		play_one_burst(bursts % STAGE_WORKERS);
		now_us += below(STEP_US);
		if (bursts % COMMAND_EVERY == COMMAND_EVERY - 1) {
			random_command();
			look(&model.windows[below(model.window_count)]);
		}
		if (keeping && below(500) == 0)
			restart(prefault);
	}
	if (keeping)
		restart(prefault);
	now_us = ALL_FINAL;
	for (uint32_t i = 0; i < model.window_count; i++) {
		expect_same_window(&model.windows[i]);
		expect_same_result(&model.windows[i]);
	}
	expect_same_leaderboards();
	expect_same_past();
	uint64_t played = stage_received(&stage);
	close_show();
	return played;
}

static void expect_all_met(void)
{
	for (enum verdict v = VERDICT_CANCELLED; v < VERDICT_COUNT; v++)
		cr_expect_gt(met[v], 100, "seed %lu: %lu %s", seed, met[v], verdict_name(v));
	const uint64_t counts[] = {done.close, done.extend, done.cancel, done.reveal, done.open};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		cr_expect_gt(counts[i], 0, "seed %lu: command %zu", seed, i);
}

static void play(bool prefault)
{
	const char *asked = getenv("TALLYWIRE_TEST_VOTES");
	uint64_t wanted = (asked ? strtoull(asked, NULL, 0) : VOTES) / 2;
	seed = show_votes_seed() + prefault;
	/* Nearly every show brings both a few times. */
	for (uint64_t played = 0; played <= wanted || !behind_the_close || !in_further_seconds;
	     seed++)
		played += play_show(prefault);
	expect_all_met();
}

/* Half of the votes each. */
Test(windows_model, shows_agree_over_growing_ballots, .timeout = 600)
{
	play(false);
}

Test(windows_model, shows_agree_over_memory_that_is_taken_at_once, .timeout = 600)
{
	play(true);
}

/* One show; each life of it reads back what those before have counted. */
Test(windows_model, shows_that_are_kept_go_on_after_each_end, .timeout = 600)
{
	seed = show_votes_seed();
	keeping = true;
	scratch_make();
	play_show(false);
	cr_expect_gt(restarts, 3, "seed %lu", seed);
	cr_expect_gt(refusals_back, 0, "seed %lu", seed);
	scratch_clear("journal");
	scratch_remove();
}
