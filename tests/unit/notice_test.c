// SPDX-License-Identifier: BSD-3-Clause
/* What a notice says of a window in each state, who leads, which windows come first. */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/notice.h"
#include "wire/byte_order.h"

#define SECOND 1000000ull
#define OPENS  (1000 * SECOND)
#define CLOSES (OPENS + 20 * SECOND)
#define FINAL  (CLOSES + 5 * SECOND)

static const struct window window = {
	.interaction = 101,
	.tenant = 7,
	.question = {.kind = KIND_SCALE, .first = 1, .options = 10},
	.opens_at_us = OPENS,
	.closes_at_us = CLOSES,
	.max_delay_us = FINAL - CLOSES,
};
static const struct notice_leader leader = {.index = 3, .share = 4711};

static struct notice_record record_at(uint64_t now_us, bool cancelled, bool revealed)
{
	struct window changed = window;
	struct notice_record record;
	changed.cancelled = cancelled;
	changed.revealed = revealed;
	notice_record_make(&record, &changed, now_us, &leader);
	return record;
}

Test(notice, states_are_those_of_the_wire)
{
	static const struct {
		uint64_t now_us;
		bool cancelled, revealed;
		uint8_t state;
	} rows[] = {
		{OPENS - 1, false, false, 1},  {OPENS, false, false, 2},
		{CLOSES - 1, false, false, 2}, {CLOSES, false, false, 3},
		{FINAL, false, false, 3},      {FINAL + 1, false, true, 4},
		{OPENS - 1, true, false, 5},   {OPENS, true, false, 5},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct notice_record record =
			record_at(rows[i].now_us, rows[i].cancelled, rows[i].revealed);
		bool told = rows[i].state == 4;
		cr_expect_eq(record.state, rows[i].state, "row %zu: %u", i, record.state);
		/* The embargo: whatever is handed in, nobody hears who leads before the reveal. */
		cr_expect_eq(be16(record.leader_be), told ? 3 : 0xFFFF, "row %zu", i);
		cr_expect_eq(be16(record.share_be), told ? 4711 : 0, "row %zu", i);
	}
}

Test(notice, a_record_byte_by_byte)
{
	static const uint8_t want[28] = {0,    0,    0,    101,  2,    4,    0, 10, 0, 0,
					 0,    0,    0x3B, 0x9A, 0xCA, 0,    0, 0,  0, 0,
					 0x3C, 0xCB, 0xF7, 0,    0xFF, 0xFF, 0, 0};
	struct notice_record record = record_at(OPENS, false, false);
	cr_expect_arr_eq(&record, want, sizeof(want));
}

Test(notice, the_first_of_those_with_most_votes_leads)
{
	static const struct {
		uint64_t votes[3], whole;
		uint16_t index, share;
	} rows[] = {
		{{0, 0, 0}, 0, 0xFFFF, 0},
		{{1, 0, 0}, 1, 0, 10000},
		{{5, 7, 7}, 19, 1, 3684},
		{{1, 1, 1}, 3, 0, 3333},
		{{0, 0, 1}, 1000000, 2, 0},
		{{9, 10, 0}, 10, 1, 10000},
		{{0, 1ull << 48, 0}, 1ull << 49, 1, 5000},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct notice_leader found = notice_leader_of(rows[i].votes, 3, rows[i].whole);
		cr_expect_eq(found.index, rows[i].index, "row %zu: %u", i, found.index);
		cr_expect_eq(found.share, rows[i].share, "row %zu: %u", i, found.share);
	}
}

static struct notice_choice choice(uint8_t state, uint64_t opens, uint64_t closes, uint64_t changed)
{
	return (struct notice_choice){
		.record = {.state = state,
			   .opens_at_us_be = be64(opens),
			   .closes_at_us_be = be64(closes)},
		.changed = changed,
	};
}

Test(notice, open_ones_come_first_then_what_is_next_then_what_was_last)
{
	/* In the order they must have. */
	const struct notice_choice ordered[] = {
		choice(2, 5, 90, 1),    choice(2, 1, 95, 9),    choice(2, 2, 95, 3),
		choice(1, 100, 200, 2), choice(1, 110, 120, 8), choice(4, 1, 2, 12),
		choice(3, 50, 60, 11),  choice(5, 1, 2, 7),
	};
	const int count = sizeof(ordered) / sizeof(ordered[0]);
	for (int a = 0; a < count; a++)
		for (int b = 0; b < count; b++) {
			int order = notice_order(&ordered[a], &ordered[b]);
			cr_expect((order > 0) - (order < 0) == (a > b) - (a < b), "%d and %d: %d",
				  a, b, order);
		}
}

Test(notice, seven_windows_fill_236_bytes)
{
	struct notice notice = {.count = NOTICE_MAX_RECORDS};
	cr_expect_eq(notice_bytes(&notice), 236);
	cr_expect_leq(notice_bytes(&notice), NOTICE_MAX_BYTES);
	notice.count = 0;
	cr_expect_eq(notice_bytes(&notice), 40);
}
