// SPDX-License-Identifier: BSD-3-Clause
/*
 * The registry of windows: armed all or none, within its memory; changed only as their state
 * allows; and a table that workers may still read is not freed. Runs under ASan too, which sees the
 * last.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/show/time_text.h"
#include "dataplane/windows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull
#define OPENS           (1000 * SECOND)
#define CLOSES          (OPENS + 20 * SECOND)
#define FINAL           (CLOSES + 5 * SECOND)
#define MANY            100000 /* voters, where nothing is said of them */
#define NO_LIMIT        UINT64_MAX

static const struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};
static const struct tenant zoo = {.id = 8, .name = "zoo", .max_delay_ms = 5000};

/* What the workers hold while windows change: the hook of quiesce looks at it. */
static struct workers {
	struct windows *windows;
	const struct window_table *held; /* published before the change */
	int waits;
	uint32_t held_count;     /* windows of the held table, read during the last wait */
	uint64_t held_closes_at; /* of acme/1 there; 0 where it is not */
	bool held_was_published; /* the change had not been published when it was waited for */
} workers;

/* Reads the old table as a worker would, until this returns. */
static void wait_for_workers(void *context)
{
	cr_assert_eq(context, &workers);
	workers.waits++;
	if (!workers.held)
		return;
	const struct window *window = window_table_find(workers.held, 7, 1);
	workers.held_count = workers.held->count;
	workers.held_closes_at = window ? window->closes_at_us : 0;
	workers.held_was_published = *windows_published(workers.windows) == workers.held;
}

static struct windows *create(uint64_t voters, uint64_t memory_bytes, uint32_t lanes)
{
	const struct windows_options options = {
		.voters = voters,
		.memory_bytes = memory_bytes,
		.workers = lanes,
		.quiesce = wait_for_workers,
		.quiesce_context = &workers,
	};
	struct windows *windows;
	struct err err;
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
	memset(&workers, 0, sizeof(workers));
	workers.windows = windows;
	return windows;
}

static struct interaction plan(const struct tenant *tenant, uint32_t id, uint16_t options)
{
	struct interaction interaction = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = KIND_POLL, .options = options},
		.question = strdup("Which colour?"),
		.labels = calloc(options, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
	};
	for (uint16_t i = 0; i < options; i++)
		interaction.labels[i] = strdup("Red");
	return interaction;
}

static void arm(struct windows *windows, const struct tenant *tenant, uint32_t id, uint16_t options)
{
	struct interaction interaction = plan(tenant, id, options);
	struct err err;
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
}

/* A registry with one window, acme/1, of two options. */
static struct windows *create_one(void)
{
	struct windows *windows = create(MANY, NO_LIMIT, 2);
	arm(windows, &acme, 1, 2);
	return windows;
}

static uint32_t published_count(const struct windows *windows)
{
	return (*windows_published(windows))->count;
}

Test(windows, a_new_registry_is_empty)
{
	struct windows *windows = create(MANY, NO_LIMIT, 1);
	cr_expect_eq(windows_count(windows), 0);
	cr_expect_eq(published_count(windows), 0);
	cr_expect_null(windows_find(windows, 7, 1));
	windows_destroy(windows);
	windows_destroy(NULL);
}

Test(windows, an_armed_window_is_what_was_planned)
{
	struct windows *windows = create(MANY, NO_LIMIT, 3);
	struct interaction interaction = plan(&acme, 4294967295u, 300);
	struct interaction zero = {0};
	struct err err;
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0);
	cr_expect_eq(memcmp(&interaction, &zero, sizeof(zero)), 0, "not taken over");
	struct armed_window *armed = windows_find(windows, 7, 4294967295u);
	cr_assert_not_null(armed);
	cr_expect_eq(armed, windows_at(windows, 0));
	cr_expect_str_eq(armed->interaction.question, "Which colour?");
	cr_expect_eq(armed->window.tenant, 7);
	cr_expect_eq(armed->window.interaction, 4294967295u);
	cr_expect_eq(armed->window.question.kind, KIND_POLL);
	cr_expect_eq(armed->window.question.options, 300);
	cr_expect_eq(armed->window.opens_at_us, OPENS);
	cr_expect_eq(armed->window.closes_at_us, CLOSES);
	cr_expect_eq(armed->window.max_delay_us, FINAL - CLOSES);
	cr_expect_not(armed->window.cancelled || armed->window.revealed);
	cr_expect_eq(armed->store.ballots->voters, MANY);
	cr_expect_eq(armed->store.tally.lanes, 3);
	cr_expect_eq(armed->store.tally.counters, 300);
	const struct window *seen = window_table_find(*windows_published(windows), 7, 4294967295u);
	cr_expect_eq(memcmp(seen, &armed->window, sizeof(*seen)), 0);
	windows_destroy(windows);
}

Test(windows, tenants_do_not_share_ids)
{
	struct windows *windows = create_one();
	arm(windows, &zoo, 1, 2);
	cr_expect_neq(windows_find(windows, 7, 1), windows_find(windows, 8, 1));
	cr_expect_eq(windows_find(windows, 8, 1)->interaction.tenant, &zoo);
	cr_expect_null(windows_find(windows, 9, 1));
	cr_expect_null(windows_find(windows, 7, 2));
	windows_destroy(windows);
}

Test(windows, windows_are_listed_in_the_order_they_were_armed)
{
	struct windows *windows = create(10, NO_LIMIT, 1);
	for (uint32_t i = 0; i < 500; i++)
		arm(windows, &acme, (i * 7919) % 500, 2);
	cr_expect_eq(windows_count(windows), 500);
	for (uint32_t i = 0; i < 500; i++) {
		uint32_t id = (i * 7919) % 500;
		cr_expect_eq(windows_at(windows, i)->interaction.id, id);
		cr_expect_eq(windows_find(windows, 7, id), windows_at(windows, i));
	}
	windows_destroy(windows);
}

Test(windows, none_of_a_set_is_armed_when_one_id_is_in_use)
{
	struct windows *windows = create_one();
	const struct window_table *before = *windows_published(windows);
	struct interaction set[] = {plan(&acme, 2, 2), plan(&acme, 1, 2), plan(&acme, 3, 2)};
	struct err err;
	int waits = workers.waits;
	cr_expect_eq(windows_arm(windows, set, 3, &err), -EEXIST);
	cr_expect_str_eq(err.text, "acme/1: the id is in use; choose another");
	cr_expect_eq(windows_count(windows), 1);
	cr_expect_eq(*windows_published(windows), before);
	cr_expect_eq(workers.waits, waits);
	cr_expect_null(windows_find(windows, 7, 2));
	for (size_t i = 0; i < COUNT_OF(set); i++) {
		cr_expect_str_eq(set[i].question, "Which colour?", "no longer the caller's");
		interaction_free(&set[i]);
	}
	arm(windows, &acme, 2, 2);
	windows_destroy(windows);
}

Test(windows, an_id_stays_in_use_for_ever)
{
	struct windows *windows = create_one();
	struct interaction again = plan(&acme, 1, 2);
	struct err err;
	cr_assert_eq(windows_cancel(windows, windows_find(windows, 7, 1), OPENS, &err), 0);
	cr_expect_eq(windows_arm(windows, &again, 1, &err), -EEXIST);
	interaction_free(&again);
	windows_destroy(windows);
}

Test(windows, arming_nothing_changes_nothing)
{
	struct windows *windows = create_one();
	struct err err;
	cr_expect_eq(windows_arm(windows, NULL, 0, &err), 0);
	cr_expect_eq(windows_count(windows), 1);
	cr_expect_eq(published_count(windows), 1);
	windows_destroy(windows);
}

/*
 * Pages of the ballot, then pages of the lanes. A ballot is its directory, a line, and for each
 * 65,536 voters a KiB of arrays and the cells.
 */
static uint64_t window_bytes(uint64_t voters, uint16_t options, uint32_t lanes)
{
	uint64_t cell_bits = options < 16 ? 4 : options < 256 ? 8 : 16;
	uint64_t containers = (voters + 65535) / 65536;
	uint64_t directory = (containers * 4 + 63) / 64 * 64;
	uint64_t ballot = directory + 64 + containers * (1024 + 65536 / 8 * cell_bits);
	uint64_t lane = (10 * 8 + options * 8ull + 127) / 128 * 128;
	return 4096 + (ballot + 4095) / 4096 * 4096 + (lane * lanes + 4095) / 4096 * 4096;
}

static const struct size_row {
	uint64_t voters;
	uint16_t options;
	uint32_t lanes;
} size_rows[] = {
	{1, 1, 1},      {8192, 2, 1},   {8193, 2, 1},     {8192, 15, 1},   {8192, 16, 1},
	{4096, 255, 4}, {4096, 256, 4}, {2049, 1024, 64}, {1000000, 4, 2},
};

Test(windows, the_limit_is_exact_to_the_byte)
{
	for (size_t i = 0; i < COUNT_OF(size_rows); i++) {
		const struct size_row *row = &size_rows[i];
		uint64_t bytes = window_bytes(row->voters, row->options, row->lanes);
		for (uint64_t less = 0; less < 2; less++) {
			struct windows *windows = create(row->voters, 3 * bytes - less, row->lanes);
			struct interaction third = plan(&acme, 3, row->options);
			struct err err = {""};
			arm(windows, &acme, 1, row->options);
			arm(windows, &acme, 2, row->options);
			cr_expect_eq(windows_arm(windows, &third, 1, &err), less ? -ENOMEM : 0,
				     "row %zu, %d less: %s", i, (int)less, err.text);
			cr_expect_eq(windows_count(windows), less ? 2 : 3);
			interaction_free(&third);
			windows_destroy(windows);
		}
	}
}

Test(windows, none_of_a_set_is_armed_when_not_all_have_room)
{
	uint64_t bytes = window_bytes(MANY, 2, 2);
	struct windows *windows = create(MANY, 3 * bytes - 1, 2);
	struct interaction set[] = {plan(&acme, 2, 2), plan(&acme, 3, 2)};
	struct err err;
	arm(windows, &acme, 1, 2);
	cr_expect_eq(windows_arm(windows, set, 2, &err), -ENOMEM);
	cr_expect_eq(strncmp(err.text, "acme/3: needs ", 14), 0, "%s", err.text);
	cr_expect_not_null(strstr(err.text, "[windows] memory_mb"), "%s", err.text);
	cr_expect_eq(windows_count(windows), 1);
	/* What the refused ones took is there again. */
	cr_expect_eq(windows_arm(windows, set, 1, &err), 0, "%s", err.text);
	interaction_free(&set[1]);
	windows_destroy(windows);
}

Test(windows, a_window_larger_than_all_memory_is_refused)
{
	static const uint64_t limits[] = {0, 1, 4095, 4096};
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct windows *windows = create(1ull << 32, limits[i], 64);
		struct interaction interaction = plan(&acme, 1, 1024);
		struct err err;
		cr_expect_eq(windows_arm(windows, &interaction, 1, &err), -ENOMEM);
		interaction_free(&interaction);
		windows_destroy(windows);
	}
}

/* Puts the window into a state; times are chosen so that `now` decides the rest. */
struct moment {
	const char *name;
	uint64_t now_us;
	bool cancelled;
	bool revealed;
};

static const struct moment moments[] = {
	{"scheduled, long before", 0, false, false},
	{"scheduled, at its end", OPENS - 1, false, false},
	{"open, at its begin", OPENS, false, false},
	{"open, at its end", CLOSES - 1, false, false},
	{"draining, at its begin", CLOSES, false, false},
	{"draining, at its end", FINAL - 1, false, false},
	{"final, at its begin", FINAL, false, false},
	{"final, long after", FINAL + 1000 * SECOND, false, false},
	{"revealed", FINAL, false, true},
	{"cancelled", OPENS, true, false},
	{"cancelled, long after", FINAL, true, false},
};

typedef int act(struct windows *windows, struct armed_window *armed, uint64_t now_us,
		struct err *err);

static int extend_by_second(struct windows *windows, struct armed_window *armed, uint64_t now_us,
			    struct err *err)
{
	return windows_extend(windows, armed, SECOND, now_us, err);
}

/* What is allowed at which moment: docs/control.md. One letter a moment, in their order. */
static const struct act_row {
	const char *done; /* in the message: "... can be closed" */
	act *act;
	const char *allowed;
} act_rows[] = {
	{"closed", windows_close, "--yy-------"},
	{"extended", extend_by_second, "yyyyyy-----"},
	{"cancelled", windows_cancel, "yyyyyy-----"},
	{"revealed", windows_reveal, "------yy---"},
};

static struct armed_window *bring_to(struct windows *windows, const struct moment *moment)
{
	struct armed_window *armed = windows_find(windows, 7, 1);
	struct err err;
	if (moment->cancelled)
		cr_assert_eq(windows_cancel(windows, armed, OPENS, &err), 0);
	if (moment->revealed)
		cr_assert_eq(windows_reveal(windows, armed, FINAL, &err), 0);
	return armed;
}

static void try_act(const struct act_row *row, const struct moment *moment, bool allowed)
{
	struct windows *windows = create_one();
	struct armed_window *armed = bring_to(windows, moment);
	const struct window_table *before = *windows_published(windows);
	struct window was = armed->window;
	struct err err = {""};
	int rc = row->act(windows, armed, moment->now_us, &err);
	cr_expect_eq(rc, allowed ? 0 : -EPERM, "%s when %s: %d", row->done, moment->name, rc);
	if (!allowed) {
		cr_expect_eq(memcmp(&was, &armed->window, sizeof(was)), 0, "changed");
		cr_expect_eq(*windows_published(windows), before, "published");
		cr_expect_eq(strncmp(err.text, "acme/1 is ", 10), 0, "%s", err.text);
		cr_expect_not_null(strstr(err.text, row->done), "%s", err.text);
		cr_expect_not_null(
			strstr(err.text, window_state_name(window_state(&was, moment->now_us))),
			"%s", err.text);
	}
	windows_destroy(windows);
}

Test(windows, each_act_is_done_in_its_states_and_in_no_other)
{
	for (size_t i = 0; i < COUNT_OF(act_rows); i++)
		for (size_t j = 0; j < COUNT_OF(moments); j++)
			try_act(&act_rows[i], &moments[j], act_rows[i].allowed[j] == 'y');
}

static const struct window *seen_by_workers(const struct windows *windows)
{
	return window_table_find(*windows_published(windows), 7, 1);
}

Test(windows, close_ends_the_window_now)
{
	struct windows *windows = create_one();
	struct armed_window *armed = windows_find(windows, 7, 1);
	struct err err;
	cr_assert_eq(windows_close(windows, armed, OPENS + 3, &err), 0);
	cr_expect_eq(seen_by_workers(windows)->closes_at_us, OPENS + 3);
	cr_expect_eq(seen_by_workers(windows)->max_delay_us, FINAL - CLOSES);
	cr_expect_eq(window_state(&armed->window, OPENS + 3), WINDOW_DRAINING);
	cr_expect_eq(windows_close(windows, armed, OPENS + 4, &err), -EPERM);
	windows_destroy(windows);
}

Test(windows, extend_moves_the_close_and_can_open_again)
{
	struct windows *windows = create_one();
	struct armed_window *armed = windows_find(windows, 7, 1);
	struct err err;
	cr_assert_eq(windows_extend(windows, armed, 7 * SECOND, CLOSES + SECOND, &err), 0);
	cr_expect_eq(seen_by_workers(windows)->closes_at_us, CLOSES + 7 * SECOND);
	cr_expect_eq(seen_by_workers(windows)->opens_at_us, OPENS);
	cr_expect_eq(window_state(&armed->window, CLOSES + SECOND), WINDOW_OPEN);
	windows_destroy(windows);
}

Test(windows, no_window_is_open_for_more_than_a_day)
{
	struct windows *windows = create_one();
	struct armed_window *armed = windows_find(windows, 7, 1);
	uint64_t rest = INTERACTION_MAX_DURATION_MS * 1000ull - (CLOSES - OPENS);
	struct err err;
	cr_expect_eq(windows_extend(windows, armed, rest + 1, OPENS, &err), -EPERM);
	cr_expect_eq(windows_extend(windows, armed, UINT64_MAX - CLOSES + OPENS, OPENS, &err),
		     -EPERM);
	cr_expect_eq(windows_extend(windows, armed, UINT64_MAX, OPENS, &err), -EPERM);
	cr_expect_eq(armed->window.closes_at_us, CLOSES);
	cr_expect_eq(windows_extend(windows, armed, rest, OPENS, &err), 0, "%s", err.text);
	cr_expect_eq(windows_extend(windows, armed, 1, OPENS, &err), -EPERM);
	windows_destroy(windows);
}

Test(windows, no_window_is_extended_beyond_the_times_that_can_be_written)
{
	struct windows *windows = create(MANY, NO_LIMIT, 1);
	struct interaction last = plan(&acme, 1, 2);
	last.opens_at_us = TIME_LIMIT_US - 25 * SECOND - 2;
	struct err err;
	cr_assert_eq(windows_arm(windows, &last, 1, &err), 0);
	struct armed_window *armed = windows_at(windows, 0);
	cr_expect_eq(windows_extend(windows, armed, 2, OPENS, &err), -EPERM);
	cr_expect_eq(windows_extend(windows, armed, 1, OPENS, &err), 0);
	windows_destroy(windows);
}

Test(windows, cancel_and_reveal_reach_the_workers)
{
	struct windows *windows = create_one();
	struct armed_window *armed = windows_find(windows, 7, 1);
	struct err err;
	cr_assert_eq(windows_reveal(windows, armed, FINAL, &err), 0);
	cr_expect(seen_by_workers(windows)->revealed);
	windows_destroy(windows);
	windows = create_one();
	armed = windows_find(windows, 7, 1);
	cr_assert_eq(windows_cancel(windows, armed, OPENS, &err), 0);
	cr_expect(seen_by_workers(windows)->cancelled);
	windows_destroy(windows);
}

/* Remembers the table that is published now as one that a worker holds. */
static void hold(struct windows *windows)
{
	workers.held = *windows_published(windows);
	workers.held_count = UINT32_MAX;
	workers.waits = 0;
}

Test(windows, a_table_is_whole_until_its_readers_have_let_go)
{
	struct windows *windows = create(MANY, NO_LIMIT, 1);
	struct err err;
	hold(windows);
	arm(windows, &acme, 1, 2);
	cr_expect_eq(workers.waits, 1);
	cr_expect_eq(workers.held_count, 0);
	cr_expect_not(workers.held_was_published);

	hold(windows);
	arm(windows, &acme, 2, 2);
	cr_expect_eq(workers.waits, 1);
	cr_expect_eq(workers.held_count, 1);
	cr_expect_eq(workers.held_closes_at, CLOSES);
	cr_expect_not(workers.held_was_published);

	hold(windows);
	cr_assert_eq(windows_close(windows, windows_find(windows, 7, 1), OPENS, &err), 0);
	cr_expect_eq(workers.waits, 1);
	cr_expect_eq(workers.held_count, 2);
	cr_expect_eq(workers.held_closes_at, CLOSES, "the old table has changed");
	cr_expect_eq(seen_by_workers(windows)->closes_at_us, OPENS);
	cr_expect_not(workers.held_was_published);
	windows_destroy(windows);
}

Test(windows, ballots_and_counts_survive_every_change)
{
	struct windows *windows = create_one();
	struct armed_window *armed = windows_find(windows, 7, 1);
	uint16_t standing;
	struct err err;
	cr_assert_eq(ballot_cast(seen_by_workers(windows)->ballots, 42, 1, &standing),
		     BALLOT_RECORDED);
	for (uint32_t id = 2; id < 200; id++)
		arm(windows, &acme, id, 2);
	cr_assert_eq(windows_extend(windows, armed, SECOND, OPENS, &err), 0);
	cr_assert_eq(windows_close(windows, armed, OPENS, &err), 0);
	cr_expect_eq(windows_find(windows, 7, 1), armed, "moved");
	cr_expect_eq(seen_by_workers(windows)->ballots, armed->store.ballots);
	cr_expect_eq(seen_by_workers(windows)->tally, &armed->store.tally);
	cr_expect_eq(ballot_cast(seen_by_workers(windows)->ballots, 42, 0, &standing),
		     BALLOT_STANDS);
	cr_expect_eq(standing, 1);
	windows_destroy(windows);
}

Test(windows, every_cell_and_lane_of_a_window_is_its_own)
{
	struct windows *windows = create(4097, NO_LIMIT, 3);
	uint64_t votes[KIND_MAX_OPTIONS];
	struct tally_sum sum;
	uint16_t standing;
	arm(windows, &acme, 1, 1024);
	arm(windows, &acme, 2, 1024);
	struct armed_window *armed = windows_at(windows, 0), *other = windows_at(windows, 1);
	for (uint32_t voter = 0; voter < 4097; voter++)
		cr_assert_eq(ballot_cast(armed->store.ballots, voter, 1023, &standing),
			     BALLOT_RECORDED);
	cr_expect_eq(ballot_cast(armed->store.ballots, 4097, 1023, &standing), BALLOT_FULL);
	windows_sum(windows, armed, OPENS, &sum);
	for (int i = 0; i < 1024; i++)
		cr_assert_eq(sum.votes[i], 0, "the ballot reaches into the tally");
	for (uint32_t lane = 0; lane < 3; lane++) {
		tally_add(&tally_lane(&armed->store.tally, lane)->votes[1023], lane + 1);
		tally_add(&tally_lane(&armed->store.tally, lane)->receipts[RECEIPT_COUNTED],
			  lane + 1);
	}
	cr_expect_eq(ballot_count(armed->store.ballots, votes, 1024), 4097);
	windows_sum(windows, armed, OPENS, &sum);
	cr_expect_eq(sum.votes[1023], 6);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], 6);
	windows_sum(windows, other, OPENS, &sum);
	cr_expect_eq(sum.votes[1023], 0);
	cr_expect_eq(ballot_count(other->store.ballots, votes, 1024), 0);
	windows_destroy(windows);
}

/* The first sum of a window that is over waits for bursts that began in time; no other sum waits.
 */
Test(windows, the_first_sum_after_the_end_waits_for_the_workers)
{
	struct windows *windows = create_one();
	struct armed_window *armed = windows_find(windows, 7, 1);
	struct tally_sum sum;
	workers.held = NULL;
	workers.waits = 0;
	windows_sum(windows, armed, OPENS, &sum);
	windows_sum(windows, armed, FINAL - 1, &sum);
	cr_expect_eq(workers.waits, 0);
	windows_sum(windows, armed, FINAL, &sum);
	cr_expect_eq(workers.waits, 1);
	windows_sum(windows, armed, FINAL + 1, &sum);
	cr_expect_eq(workers.waits, 1);
	windows_destroy(windows);
}

/* However many windows end together. */
Test(windows, settling_waits_once_for_all_that_are_over)
{
	struct windows *windows = create(MANY, NO_LIMIT, 1);
	struct tally_sum sum;
	for (uint32_t id = 1; id <= 3; id++)
		arm(windows, &acme, id, 2);
	workers.held = NULL;
	workers.waits = 0;
	windows_settle(windows, FINAL - 1);
	cr_expect_eq(workers.waits, 0);
	windows_settle(windows, FINAL);
	cr_expect_eq(workers.waits, 1);
	windows_settle(windows, FINAL);
	for (uint32_t i = 0; i < 3; i++)
		windows_sum(windows, windows_at(windows, i), FINAL, &sum);
	cr_expect_eq(workers.waits, 1, "a sum waits for what is settled");
	windows_destroy(windows);
}

Test(windows, the_next_change_is_the_first_edge_of_any)
{
	static const struct {
		uint64_t now_us, next_us;
	} rows[] = {
		{0, OPENS - SECOND},          {OPENS - SECOND - 1, OPENS - SECOND},
		{OPENS - SECOND, OPENS},      {OPENS - 1, OPENS},
		{OPENS, CLOSES - SECOND},     {CLOSES - SECOND, CLOSES},
		{CLOSES, FINAL - SECOND},     {FINAL - SECOND, FINAL},
		{FINAL - 1, FINAL},           {FINAL, UINT64_MAX},
		{UINT64_MAX - 1, UINT64_MAX},
	};
	struct windows *windows = create_one();
	struct interaction earlier = plan(&zoo, 1, 2);
	struct err err;
	earlier.opens_at_us -= SECOND;
	cr_assert_eq(windows_arm(windows, &earlier, 1, &err), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(windows_next_change_us(windows, rows[i].now_us), rows[i].next_us,
			     "row %zu", i);
	/* The clock has no more to say of a window that is cancelled. */
	cr_assert_eq(windows_cancel(windows, windows_find(windows, 8, 1), OPENS, &err), 0);
	cr_expect_eq(windows_next_change_us(windows, OPENS), CLOSES);
	cr_assert_eq(windows_cancel(windows, windows_find(windows, 7, 1), OPENS, &err), 0);
	cr_expect_eq(windows_next_change_us(windows, 0), UINT64_MAX);
	windows_destroy(windows);
}

Test(windows, memory_that_is_taken_at_once_is_zeroed_too)
{
	const struct windows_options options = {.voters = 1 << 20,
						.memory_bytes = NO_LIMIT,
						.workers = 1,
						.prefault = true,
						.quiesce = wait_for_workers,
						.quiesce_context = &workers};
	struct windows *windows;
	struct err err;
	uint64_t votes[2];
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
	workers.windows = windows;
	arm(windows, &acme, 1, 2);
	cr_expect_eq(ballot_count(windows_at(windows, 0)->store.ballots, votes, 2), 0);
	windows_destroy(windows);
}
