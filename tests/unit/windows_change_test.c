// SPDX-License-Identifier: BSD-3-Clause
/*
 * Windows taken out as others are armed, opened by hand, extended second by second; the limits of
 * the appliance and of tenants on all of it. Runs under ASan too.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "dataplane/windows.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull
#define OPENS           (1000 * SECOND)
#define CLOSES          (OPENS + 20 * SECOND)
#define FINAL           (CLOSES + 5 * SECOND)
#define VOTERS          1000
#define NO_LIMIT        UINT64_MAX
#define PAGE            4096u

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};
static struct tenant zoo = {.id = 8, .name = "zoo", .max_delay_ms = 5000};

static struct windows_options options = {
	.voters = VOTERS,
	.upvotes_per_voter = 4,
	.upvotes = 3000,
	.memory_bytes = NO_LIMIT,
	.workers = 3,
	.prefault = true,
};
static struct windows *windows;
static struct err err;

/* The table that workers hold while the next one is published, and the window they look into. */
static struct {
	const struct window_table *held;
	uint32_t interaction;
	int waits;
} workers;

/* A worker still counts into the old window, after its successor has been published. */
static void count_into_held(void *context)
{
	(void)context;
	workers.waits++;
	if (!workers.held)
		return;
	const struct window *window = window_table_find(workers.held, 7, workers.interaction);
	cr_assert_not_null(window);
	struct tally_lane *lane = tally_lane(window->tally, 2);
	tally_add(&lane->receipts[RECEIPT_EARLY], 1);
}

static void set_up(void)
{
	options.quiesce = count_into_held;
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
}

static void create_with(uint64_t memory_bytes)
{
	windows_destroy(windows);
	options.memory_bytes = memory_bytes;
	set_up();
}

static void tear_down(void)
{
	windows_destroy(windows);
}

TestSuite(windows_change, .init = set_up, .fini = tear_down);

static struct interaction plan(const struct tenant *tenant, uint32_t id, enum kind kind)
{
	struct interaction interaction = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = (uint8_t)kind, .max_choices = 1, .options = 3},
		.question = strdup("Which colour?"),
		.labels = calloc(3, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
	};
	for (int i = 0; i < 3; i++)
		interaction.labels[i] = strdup("Red");
	return interaction;
}

static struct armed_window *arm(const struct tenant *tenant, uint32_t id, enum kind kind)
{
	struct interaction interaction = plan(tenant, id, kind);
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
	return windows_find(windows, tenant->id, id);
}

static struct armed_window *arm_seconds(uint32_t id, uint64_t duration_us)
{
	struct interaction interaction = plan(&acme, id, KIND_REACTION);
	interaction.duration_us = duration_us;
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
	return windows_find(windows, 7, id);
}

static void expect_ids(const uint32_t *ids, uint32_t count)
{
	cr_assert_eq(windows_count(windows), count);
	cr_assert_eq((*windows_published(windows))->count, count);
	for (uint32_t i = 0; i < count; i++) {
		cr_expect_eq(windows_at(windows, i)->interaction.id, ids[i], "place %u", i);
		cr_expect_eq(windows_find(windows, 7, ids[i]), windows_at(windows, i));
	}
}

/* ---- Out and in ---- */

Test(windows_change, windows_go_and_come_in_one_step)
{
	struct armed_window *out[2];
	for (uint32_t id = 1; id <= 4; id++)
		arm(&acme, id, KIND_POLL);
	out[0] = windows_find(windows, 7, 2);
	out[1] = windows_find(windows, 7, 1);
	struct interaction in[] = {plan(&acme, 9, KIND_POLL), plan(&acme, 2, KIND_QUIZ)};
	const struct windows_change change = {out, 2, in, 2, NULL, NULL, NULL};
	int waits = workers.waits;
	cr_assert_eq(windows_replace(windows, &change, &err), 0, "%s", err.text);
	cr_expect_eq(workers.waits, waits + 1, "workers saw something between");
	expect_ids((const uint32_t[]){3, 4, 9, 2}, 4);
	cr_expect_eq(windows_find(windows, 7, 2)->interaction.rules.kind, KIND_QUIZ);
	cr_expect_null(in[0].question, "not taken over");
}

Test(windows_change, a_window_that_goes_counts_until_workers_have_let_go)
{
	struct armed_window *armed = arm(&acme, 1, KIND_POLL);
	tally_add(&tally_lane(&armed->store.tally, 0)->receipts[RECEIPT_EARLY], 40);
	const struct windows_change change = {.out = &armed, .out_count = 1};
	workers.held = *windows_published(windows);
	workers.interaction = 1;
	cr_assert_eq(windows_replace(windows, &change, &err), 0);
	workers.held = NULL;
	cr_expect_eq(windows_past_receipts(windows)[RECEIPT_EARLY], 41, "lost the last one");
	cr_expect_eq(windows_memory(windows), 0);
}

static int refuse(void *context, struct err *why)
{
	cr_expect_eq(windows_count(windows), *(uint32_t *)context, "something has changed");
	return err_set(why, -EPERM, "no more");
}

static void expect_called_off(const struct windows_change *change, int rc, const char *reason)
{
	const struct window_table *table = *windows_published(windows);
	uint64_t memory = windows_memory(windows);
	uint32_t count = windows_count(windows);
	cr_expect_eq(windows_replace(windows, change, &err), rc, "%s", err.text);
	cr_expect_not_null(strstr(err.text, reason), "%s", err.text);
	cr_expect_eq(*windows_published(windows), table);
	cr_expect_eq(windows_memory(windows), memory);
	cr_expect_eq(windows_count(windows), count);
	for (uint32_t i = 0; i < count; i++)
		cr_expect_not(windows_at(windows, i)->leaving);
	for (uint32_t i = 0; i < change->count; i++)
		cr_expect_str_eq(change->interactions[i].question, "Which colour?");
}

Test(windows_change, what_is_called_off_leaves_all_as_it_was)
{
	struct armed_window *first = arm(&acme, 1, KIND_POLL);
	uint32_t count = 2;
	arm(&acme, 2, KIND_POLL);
	struct interaction in[] = {plan(&acme, 1, KIND_POLL), plan(&acme, 2, KIND_POLL)};
	struct windows_change change = {&first, 1, in, 2, NULL, NULL, NULL};
	expect_called_off(&change, -EEXIST, "acme/2: the id is in use");
	cr_expect_eq(windows_check(windows, &change, &err), -EEXIST);
	change.count = 1;
	cr_expect_eq(windows_check(windows, &change, &err), 0);
	change.last_check = refuse;
	change.context = &count;
	expect_called_off(&change, -EPERM, "no more");
	change.last_check = NULL;
	cr_expect_eq(windows_replace(windows, &change, &err), 0);
	interaction_free(&in[1]);
}

Test(windows_change, only_what_is_in_the_way_is_in_the_way)
{
	struct armed_window *first = arm(&acme, 1, KIND_POLL);
	create_with(2 * first->memory_bytes);
	first = arm(&acme, 1, KIND_POLL);
	arm(&acme, 2, KIND_POLL);
	struct interaction in[] = {plan(&acme, 3, KIND_POLL), plan(&acme, 4, KIND_POLL)};
	struct windows_change change = {&first, 1, in, 2, NULL, NULL, NULL};
	expect_called_off(&change, -ENOMEM, "acme/4: needs ");
	change.count = 1;
	cr_expect_eq(windows_replace(windows, &change, &err), 0, "%s", err.text);
	cr_expect_eq(windows_memory_free(windows), 0);
	interaction_free(&in[1]);
}

/* ---- Opened by hand ---- */

static uint64_t when_memory_is_there(void)
{
	return OPENS + 3 * SECOND;
}

Test(windows_change, a_window_that_opens_now_does_so_when_its_memory_is_there)
{
	for (enum kind kind = KIND_POLL; kind < KIND_COUNT; kind++) {
		struct interaction set[] = {plan(&acme, 10 + kind, kind),
					    plan(&zoo, 10 + kind, kind)};
		const struct windows_change change = {
			.interactions = set, .count = 2, .opens_now = when_memory_is_there};
		struct armed_window *before = arm(&acme, 20 + kind, kind);
		cr_assert_eq(windows_replace(windows, &change, &err), 0, "%s", err.text);
		cr_expect_eq(before->window.opens_at_us, OPENS);
		for (uint16_t tenant = 7; tenant <= 8; tenant++) {
			const struct window *window =
				window_table_find(*windows_published(windows), tenant, 10 + kind);
			cr_assert_not_null(window);
			cr_expect_eq(window->opens_at_us, OPENS + 3 * SECOND);
			cr_expect_eq(window->closes_at_us, CLOSES + 3 * SECOND);
			cr_expect_eq(
				windows_find(windows, tenant, 10 + kind)->interaction.opens_at_us,
				OPENS + 3 * SECOND);
		}
	}
}

Test(windows_change, a_window_opened_by_hand_is_open_as_long_as_planned)
{
	struct armed_window *armed = arm(&acme, 1, KIND_QUIZ);
	uint64_t now_us = OPENS - 300001; /* the last moment at which nobody can have answered */
	cr_expect(windows_untouched(armed, now_us));
	cr_assert_eq(windows_open_now(windows, armed, now_us, &err), 0);
	const struct window *seen = window_table_find(*windows_published(windows), 7, 1);
	cr_expect_eq(seen->opens_at_us, now_us);
	cr_expect_eq(seen->closes_at_us, now_us + 20 * SECOND);
	cr_expect_eq(armed->interaction.opens_at_us, OPENS, "the plan has changed");
	cr_expect_not(windows_untouched(armed, now_us));
	cr_expect_eq(windows_open_now(windows, armed, now_us, &err), -EPERM);
	cr_expect_str_eq(err.text, "acme/1 is open: only a scheduled window can be opened");
}

Test(windows_change, a_window_about_to_open_is_left_as_it_is)
{
	static const uint64_t before_us[] = {300000, 250000, 1};
	for (size_t i = 0; i < COUNT_OF(before_us); i++) {
		struct armed_window *armed = arm(&acme, (uint32_t)i, KIND_QUIZ);
		const struct window_table *table = *windows_published(windows);
		cr_expect_not(windows_untouched(armed, OPENS - before_us[i]));
		cr_expect_eq(windows_open_now(windows, armed, OPENS - before_us[i], &err), 0);
		cr_expect_eq(armed->window.opens_at_us, OPENS);
		cr_expect_eq(*windows_published(windows), table);
	}
}

Test(windows_change, what_is_not_scheduled_is_not_opened)
{
	static const uint64_t moments_us[] = {OPENS, CLOSES - 1, CLOSES, FINAL};
	struct armed_window *armed = arm(&acme, 1, KIND_POLL);
	for (size_t i = 0; i < COUNT_OF(moments_us); i++)
		cr_expect_eq(windows_open_now(windows, armed, moments_us[i], &err), -EPERM);
	cr_assert_eq(windows_cancel(windows, armed, 0, &err), 0);
	cr_expect_eq(windows_open_now(windows, armed, 0, &err), -EPERM);
	cr_expect_str_eq(err.text, "acme/1 is cancelled: only a scheduled window can be opened");
}

/* An extension that came before stays. */
Test(windows_change, an_extended_window_opens_for_its_new_length)
{
	struct armed_window *armed = arm(&acme, 1, KIND_REACTION);
	cr_assert_eq(windows_extend(windows, armed, 7 * SECOND, 0, &err), 0);
	cr_assert_eq(windows_open_now(windows, armed, 5 * SECOND, &err), 0);
	cr_expect_eq(armed->window.closes_at_us - armed->window.opens_at_us, 27 * SECOND);
	cr_expect_eq(armed->seconds, 27);
}

/* ---- Extended second by second ---- */

/* Pages of the window's memory that are there. */
static uint64_t resident_bytes(const struct armed_window *armed)
{
	size_t pages = armed->mapped_bytes / PAGE;
	unsigned char *there = calloc(pages, 1);
	uint64_t bytes = 0;
	cr_assert_eq(mincore(armed->memory, armed->mapped_bytes, there), 0);
	for (size_t i = 0; i < pages; i++)
		bytes += there[i] & 1 ? PAGE : 0;
	free(there);
	return bytes;
}

static void expect_memory(const struct armed_window *armed, uint32_t seconds)
{
	cr_expect_eq(armed->seconds, seconds, "%u seconds", armed->seconds);
	cr_expect_eq(windows_memory(windows), armed->memory_bytes);
	cr_expect_geq(armed->memory_bytes, resident_bytes(armed), "%u seconds: %zu counted, %lu",
		      seconds, armed->memory_bytes, resident_bytes(armed));
}

Test(windows_change, all_memory_of_every_kind_is_counted)
{
	for (enum kind kind = KIND_POLL; kind < KIND_COUNT; kind++) {
		struct interaction interaction = plan(&acme, 1, kind);
		uint64_t foreseen = windows_memory_of(windows, &interaction);
		interaction_free(&interaction);
		struct armed_window *armed = arm(&acme, 1, kind);
		cr_expect_eq(armed->memory_bytes, foreseen, "%s", kind_row(kind)->name);
		cr_expect_geq(armed->memory_bytes, resident_bytes(armed), "%s: %zu counted, %lu",
			      kind_row(kind)->name, armed->memory_bytes, resident_bytes(armed));
		cr_expect_eq(windows_memory(windows), foreseen);
		const struct windows_change change = {.out = &armed, .out_count = 1};
		cr_assert_eq(windows_replace(windows, &change, &err), 0);
		cr_expect_eq(windows_memory(windows), 0);
	}
}

Test(windows_change, seconds_take_their_memory_when_they_come)
{
	struct armed_window *armed = arm_seconds(1, 3 * SECOND + 1);
	uint64_t before = armed->memory_bytes;
	expect_memory(armed, 4);
	cr_assert_eq(windows_extend(windows, armed, SECOND - 1, OPENS, &err), 0);
	cr_expect_eq(armed->memory_bytes, before, "the fourth second was there");
	for (uint32_t seconds = 5; seconds <= 4 * 2 + 60; seconds++) {
		cr_assert_eq(windows_extend(windows, armed, SECOND, OPENS, &err), 0, "%s",
			     err.text);
		expect_memory(armed, seconds);
	}
	cr_expect_eq(windows_extend(windows, armed, 1000, OPENS, &err), -EPERM);
	cr_expect_str_eq(err.text, "acme/1 has room for 68 seconds and no more");
	expect_memory(armed, 68);
	cr_expect_eq(armed->window.closes_at_us, OPENS + 68 * SECOND);
}

/* In one go, or one by one: it comes to the same but for pages that lanes share. */
Test(windows_change, an_extension_counts_what_it_takes)
{
	struct armed_window *armed = arm_seconds(1, 2 * SECOND);
	uint64_t two = armed->memory_bytes;
	cr_assert_eq(windows_extend(windows, armed, 8 * SECOND, OPENS, &err), 0);
	uint64_t ten = armed->memory_bytes;
	cr_expect_gt(ten, two + 8ull * VOTERS / 2);
	expect_memory(armed, 10);
}

Test(windows_change, an_early_close_keeps_the_seconds_and_extending_uses_them)
{
	struct armed_window *armed = arm_seconds(1, 10 * SECOND);
	uint64_t before = armed->memory_bytes;
	cr_assert_eq(windows_close(windows, armed, OPENS + 3 * SECOND, &err), 0);
	cr_expect_eq(window_seconds(&armed->window), 3);
	cr_assert_eq(windows_extend(windows, armed, 7 * SECOND, OPENS + 3 * SECOND, &err), 0);
	cr_expect_eq(armed->memory_bytes, before, "paid twice");
	cr_assert_eq(windows_extend(windows, armed, SECOND, OPENS + 3 * SECOND, &err), 0);
	cr_expect_gt(armed->memory_bytes, before);
	expect_memory(armed, 11);
}

Test(windows_change, an_extension_beyond_the_room_is_refused_and_changes_nothing)
{
	struct armed_window *armed = arm_seconds(1, 2 * SECOND);
	uint64_t two = armed->memory_bytes;
	cr_assert_eq(windows_extend(windows, armed, SECOND, OPENS, &err), 0);
	uint64_t three = armed->memory_bytes;
	create_with(three - 1);
	armed = arm_seconds(1, 2 * SECOND);
	const struct window_table *table = *windows_published(windows);
	cr_expect_eq(windows_extend(windows, armed, SECOND, OPENS, &err), -ENOMEM);
	cr_expect_not_null(strstr(err.text, "[windows] memory_mb"), "%s", err.text);
	cr_expect_eq(*windows_published(windows), table);
	cr_expect_eq(windows_memory(windows), two);
	expect_memory(armed, 2);
	create_with(three);
	armed = arm_seconds(1, 2 * SECOND);
	cr_expect_eq(windows_extend(windows, armed, SECOND, OPENS, &err), 0, "%s", err.text);
	cr_expect_eq(windows_memory_free(windows), 0);
}

Test(windows_change, what_does_not_fit_is_told_with_what_makes_it_smaller)
{
	static const struct {
		enum kind kind;
		const char *smaller;
	} rows[] = {
		{KIND_POLL, "memory_mb or lower [windows] voters"},
		{KIND_QUIZ, "memory_mb or lower [windows] voters"},
		{KIND_UPVOTE, "memory_mb or lower [windows] upvotes or voters"},
		{KIND_REACTION, "memory_mb or lower [windows] voters, or ask for a shorter time"},
	};
	create_with(4096);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct interaction interaction = plan(&acme, 1, rows[i].kind);
		cr_expect_eq(windows_arm(windows, &interaction, 1, &err), -ENOMEM);
		const char *told = strstr(err.text, "memory_mb");
		cr_expect_str_eq(told ? told : err.text, rows[i].smaller, "row %zu", i);
		interaction_free(&interaction);
	}
}

/* A replay extends nothing, and has voters by the billion: what is not needed is not set aside. */
Test(windows_change, without_extensions_there_is_no_room_for_them)
{
	options.fixed = true;
	create_with(NO_LIMIT);
	struct armed_window *armed = arm_seconds(1, 3 * SECOND + 1);
	cr_expect_eq(armed->plan.seconds, 4);
	cr_expect_eq(armed->store.seconds, 4);
	cr_expect_eq(windows_extend(windows, armed, SECOND - 1, OPENS, &err), 0, "%s", err.text);
	cr_expect_eq(windows_extend(windows, armed, 1, OPENS, &err), -EPERM);
	cr_expect_str_eq(err.text, "acme/1 has room for 4 seconds and no more");
}

/* Kinds without seconds need nothing for being open longer. */
Test(windows_change, other_kinds_are_extended_without_room)
{
	for (enum kind kind = KIND_POLL; kind < KIND_REACTION; kind++) {
		create_with(NO_LIMIT);
		uint64_t bytes = arm(&acme, 1, kind)->memory_bytes;
		create_with(bytes);
		struct armed_window *armed = arm(&acme, 1, kind);
		cr_expect_eq(windows_extend(windows, armed, 3600 * SECOND, OPENS, &err), 0);
		cr_expect_eq(windows_memory(windows), bytes);
	}
}

/* Program time may run 250 ms ahead: such a vote was counted before its window closed early. */
Test(windows_change, votes_ahead_of_an_early_close_keep_their_second)
{
	struct armed_window *armed = arm_seconds(1, 10 * SECOND);
	struct tally_lane *lane = tally_lane(&armed->store.tally, 1);
	struct tally_sum sum;
	tally_add(&lane->votes[2 * 3 + 1], 5); /* second 2, option 1 */
	tally_add(&lane->votes[3 * 3 + 1], 2); /* second 3 */
	cr_assert_eq(windows_close(windows, armed, OPENS + 2900000, &err), 0);
	windows_sum(windows, armed, OPENS + 3 * SECOND, &sum);
	cr_expect_eq(sum.votes[2 * 3 + 1], 5);
	cr_expect_eq(sum.votes[3 * 3 + 1], 2);
}

Test(windows_change, a_window_closed_as_it_opened_has_one_second)
{
	struct armed_window *armed = arm_seconds(1, 10 * SECOND);
	struct tally_sum sum;
	tally_add(&tally_lane(&armed->store.tally, 0)->votes[0], 1);
	cr_assert_eq(windows_close(windows, armed, OPENS, &err), 0);
	cr_expect_eq(window_seconds(&armed->window), 1);
	windows_sum(windows, armed, OPENS, &sum);
	cr_expect_eq(sum.votes[0], 1);
}

/* ---- Limits of tenants ---- */

Test(windows_change, a_tenant_has_so_many_windows_and_no_more)
{
	zoo.limits.windows = 2;
	for (uint32_t id = 1; id <= 9; id++)
		arm(&acme, id, KIND_POLL);
	arm(&zoo, 1, KIND_POLL);
	struct interaction in[] = {plan(&acme, 20, KIND_POLL), plan(&zoo, 2, KIND_POLL),
				   plan(&acme, 21, KIND_POLL), plan(&zoo, 3, KIND_POLL)};
	struct windows_change change = {.interactions = in, .count = 4};
	expect_called_off(&change, -ENOMEM, "zoo/3: zoo may have 2 windows and has them");
	change.count = 3;
	cr_expect_eq(windows_replace(windows, &change, &err), 0, "%s", err.text);
	interaction_free(&in[3]);
}

Test(windows_change, a_tenants_windows_take_so_much_and_no_more)
{
	acme.limits.memory_mb = 1;
	uint64_t bytes = arm(&acme, 1, KIND_QUIZ)->memory_bytes; /* half a MiB and a little */
	cr_expect_gt(bytes, 512u << 10);
	struct interaction in[] = {plan(&zoo, 2, KIND_QUIZ), plan(&acme, 2, KIND_QUIZ)};
	struct windows_change change = {.interactions = in, .count = 2};
	expect_called_off(&change, -ENOMEM, "acme/2: with it acme would take ");
	change.count = 1;
	cr_expect_eq(windows_replace(windows, &change, &err), 0, "%s", err.text);
	interaction_free(&in[1]);
}

Test(windows_change, a_tenants_share_holds_for_extensions_too)
{
	acme.limits.memory_mb = 1;
	struct armed_window *armed = arm_seconds(1, 5 * SECOND);
	uint64_t memory;
	int rc;
	do {
		memory = armed->memory_bytes;
		rc = windows_extend(windows, armed, SECOND, OPENS, &err);
	} while (rc == 0);
	cr_expect_eq(rc, -ENOMEM, "%s", err.text);
	cr_expect_not_null(strstr(err.text, "more than its 1 MiB"), "%s", err.text);
	cr_expect_eq(armed->memory_bytes, memory);
	cr_expect_leq(memory, 1u << 20);
	cr_expect_gt(memory, (1u << 20) - (64u << 10), "refused too early: %lu", memory);
	acme.limits.memory_mb = 2;
	cr_expect_eq(windows_extend(windows, armed, SECOND, OPENS, &err), 0, "%s", err.text);
}

Test(windows_change, a_tenants_voters_are_the_lower_of_both_limits)
{
	static const uint64_t rows[][2] = {{0, VOTERS}, {10, 10}, {VOTERS + 1, VOTERS}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		acme.limits.voters = rows[i][0];
		struct armed_window *armed = arm(&acme, (uint32_t)i, KIND_POLL);
		cr_expect_eq(armed->store.voters, rows[i][1]);
		cr_expect_eq(armed->store.ballots->voters, rows[i][1]);
	}
}

/* ---- Upvotes ---- */

Test(windows_change, an_upvote_has_room_by_voters_items_and_the_appliances_limit)
{
	static const struct {
		uint64_t voters;
		uint16_t items;
		uint64_t pairs;
	} rows[] = {
		{10, 3, 30},     /* no voter can be for more than there are */
		{10, 65535, 40}, /* four of them on average */
		{1000, 65535, 3000}, {1000, 3, 3000}, {750, 4, 3000}, {749, 4, 2996}, {1, 1, 1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct interaction interaction = plan(&acme, (uint32_t)i, KIND_UPVOTE);
		interaction_free(&interaction);
		interaction = (struct interaction){
			.tenant = &acme,
			.id = (uint32_t)i,
			.rules = {.kind = KIND_UPVOTE, .options = rows[i].items},
			.opens_at_us = OPENS,
			.duration_us = SECOND,
		};
		acme.limits.voters = rows[i].voters;
		cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
		const struct armed_window *armed = windows_find(windows, 7, (uint32_t)i);
		cr_expect_eq(armed->plan.pairs, rows[i].pairs, "row %zu: %lu", i,
			     armed->plan.pairs);
		cr_expect_geq(armed->store.upvotes.count, rows[i].pairs * 3 / 2);
		cr_expect_null(armed->store.ballots);
	}
}

Test(windows_change, voters_of_an_upvote_are_those_that_were_seen)
{
	struct armed_window *armed = arm(&acme, 1, KIND_UPVOTE);
	struct tally_sum sum;
	struct tally_lane *lane = tally_lane(&armed->store.tally, 0);
	tally_add(&lane->receipts[RECEIPT_COUNTED], 5);
	tally_add(&lane->voters, 2);
	windows_sum(windows, armed, OPENS, &sum);
	cr_expect_eq(sum.voters, 2);
	armed = arm(&acme, 2, KIND_POLL);
	tally_add(&tally_lane(&armed->store.tally, 0)->receipts[RECEIPT_COUNTED], 5);
	windows_sum(windows, armed, OPENS, &sum);
	cr_expect_eq(sum.voters, 5);
}
