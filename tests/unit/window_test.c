// SPDX-License-Identifier: BSD-3-Clause
/* What the clock says of a window, to the microsecond, and the table that finds it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dataplane/core/window.h"

#define SECOND 1000000ull
#define OPENS  1795392000000000ull
#define CLOSES (OPENS + 20 * SECOND)
#define DELAY  (5 * SECOND)

struct state_row {
	const char *name;
	uint64_t now_us;
	enum window_state want;
};

static void expect_states(const struct window *window, const struct state_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum window_state got = window_state(window, rows[i].now_us);
		cr_expect_eq(got, rows[i].want, "%s: %s", rows[i].name, window_state_name(got));
	}
}

static const uint64_t edges[] = {0,      OPENS - 1,          OPENS,          CLOSES - 1,
				 CLOSES, CLOSES + DELAY - 1, CLOSES + DELAY, UINT64_MAX};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

Test(window, state_follows_the_clock)
{
	static const struct state_row rows[] = {
		{"the beginning of time", 0, WINDOW_SCHEDULED},
		{"one before opening", OPENS - 1, WINDOW_SCHEDULED},
		{"opening", OPENS, WINDOW_OPEN},
		{"one before closing", CLOSES - 1, WINDOW_OPEN},
		{"closing", CLOSES, WINDOW_DRAINING},
		{"one before final", CLOSES + DELAY - 1, WINDOW_DRAINING},
		{"final", CLOSES + DELAY, WINDOW_FINAL},
		{"the end of time", UINT64_MAX, WINDOW_FINAL},
	};
	const struct window window = {
		.opens_at_us = OPENS, .closes_at_us = CLOSES, .max_delay_us = DELAY};
	expect_states(&window, rows, sizeof(rows) / sizeof(rows[0]));
	cr_expect_eq(window_final_at_us(&window), CLOSES + DELAY);
}

Test(window, without_delay_there_is_no_draining)
{
	static const struct state_row rows[] = {
		{"one before closing", CLOSES - 1, WINDOW_OPEN},
		{"closing", CLOSES, WINDOW_FINAL},
	};
	const struct window window = {.opens_at_us = OPENS, .closes_at_us = CLOSES};
	expect_states(&window, rows, sizeof(rows) / sizeof(rows[0]));
}

Test(window, revealed_cancelled_and_ended_stay_so_at_any_time)
{
	const struct window ended = {
		.opens_at_us = OPENS, .closes_at_us = CLOSES, .max_delay_us = DELAY, .ended = true};
	const struct window revealed = {.opens_at_us = OPENS,
					.closes_at_us = CLOSES,
					.max_delay_us = DELAY,
					.revealed = true};
	struct window cancelled = revealed;
	cancelled.revealed = false;
	cancelled.cancelled = true;
	for (size_t i = 0; i < EDGES; i++) {
		cr_expect_eq(window_state(&revealed, edges[i]), WINDOW_REVEALED);
		cr_expect_eq(window_state(&cancelled, edges[i]), WINDOW_CANCELLED);
		cr_expect_eq(window_state(&ended, edges[i]), WINDOW_FINAL);
	}
}

Test(window, names_are_those_of_files_and_screens)
{
	cr_expect_str_eq(window_state_name(WINDOW_SCHEDULED), "scheduled");
	cr_expect_str_eq(window_state_name(WINDOW_OPEN), "open");
	cr_expect_str_eq(window_state_name(WINDOW_DRAINING), "draining");
	cr_expect_str_eq(window_state_name(WINDOW_FINAL), "final");
	cr_expect_str_eq(window_state_name(WINDOW_REVEALED), "revealed");
	cr_expect_str_eq(window_state_name(WINDOW_CANCELLED), "cancelled");
}

Test(window, fits_one_cache_line)
{
	cr_expect_eq(sizeof(struct window), 64);
}

static struct window_table *table_of(const struct window *windows, uint32_t count)
{
	size_t bytes = window_table_bytes(count);
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	cr_assert_not_null(memory);
	return window_table_build(memory, windows, count);
}

Test(window, table_of_10000_finds_each_and_no_other)
{
	enum { COUNT = 10000, TENANTS = 10 };
	static struct window windows[COUNT];
	for (uint32_t i = 0; i < COUNT; i++)
		windows[i] = (struct window){
			.tenant = (uint16_t)(i % TENANTS),
			.interaction = i / TENANTS * 65536,
			.question = {.kind = KIND_POLL, .options = (uint16_t)(i + 1)}};
	struct window_table *table = table_of(windows, COUNT);
	cr_expect_eq(table->count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint16_t tenant = windows[i].tenant;
		uint32_t interaction = windows[i].interaction;
		const struct window *found = window_table_find(table, tenant, interaction);
		cr_assert_not_null(found, "window %u", i);
		cr_expect_eq(found->question.options, i + 1);
		cr_expect_eq(found->tenant, tenant);
		cr_expect_eq(found->interaction, interaction);
		cr_expect_null(window_table_find(table, tenant, interaction + 1));
		cr_expect_null(window_table_find(table, tenant + TENANTS, interaction));
	}
	free(table);
}

Test(window, one_id_under_two_tenants_is_two_windows)
{
	const struct window windows[] = {
		{.tenant = 7, .interaction = 101, .question = {.kind = KIND_POLL, .options = 2}},
		{.tenant = 8, .interaction = 101, .question = {.kind = KIND_POLL, .options = 3}},
		{.tenant = 101, .interaction = 7, .question = {.kind = KIND_POLL, .options = 4}},
	};
	struct window_table *table = table_of(windows, 3);
	cr_expect_eq(window_table_find(table, 7, 101)->question.options, 2);
	cr_expect_eq(window_table_find(table, 8, 101)->question.options, 3);
	cr_expect_eq(window_table_find(table, 101, 7)->question.options, 4);
	cr_expect_null(window_table_find(table, 9, 101));
	cr_expect_null(window_table_find(table, 7, 102));
	cr_expect_null(window_table_find(table, 0, 0));
	free(table);
}

Test(window, extreme_ids_are_found)
{
	const struct window windows[] = {
		{.tenant = 0, .interaction = 0, .question = {.kind = KIND_POLL}},
		{.tenant = UINT16_MAX, .interaction = UINT32_MAX, .question = {.kind = KIND_POLL}},
	};
	struct window_table *table = table_of(windows, 2);
	cr_expect_not_null(window_table_find(table, 0, 0));
	cr_expect_not_null(window_table_find(table, UINT16_MAX, UINT32_MAX));
	cr_expect_null(window_table_find(table, 0, UINT32_MAX));
	cr_expect_null(window_table_find(table, UINT16_MAX, 0));
	free(table);
}

Test(window, empty_table_finds_nothing)
{
	struct window_table *table = table_of(NULL, 0);
	for (uint32_t interaction = 0; interaction < 100; interaction++)
		cr_expect_null(window_table_find(table, 7, interaction));
	free(table);
}
