// SPDX-License-Identifier: BSD-3-Clause
/* Rules 6 to 10, to the microsecond, and their order. */
#include <criterion/criterion.h>

#include "dataplane/core/judge.h"
#include "dataplane/core/receipt.h"

#define SECOND 1000000ull
#define OPENS  1795392000000000ull
#define CLOSES (OPENS + 20 * SECOND)
#define DELAY  (5 * SECOND)
#define AHEAD  250000ull

static struct window poll(void)
{
	return (struct window){
		.interaction = 101,
		.tenant = 7,
		.question = {.kind = KIND_POLL, .options = 4},
		.opens_at_us = OPENS,
		.closes_at_us = CLOSES,
		.max_delay_us = DELAY,
	};
}

struct time_row {
	const char *name;
	uint64_t program_time_us;
	uint64_t now_us;
	enum verdict want;
};

static void expect_rows(const struct window *window, const struct time_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct vote vote = {.program_time_us = rows[i].program_time_us};
		enum verdict got = judge(&vote, window, rows[i].now_us);
		cr_expect_eq(got, rows[i].want, "%s: %s", rows[i].name, verdict_name(got));
	}
}

#define EXPECT_ROWS(window, rows) expect_rows(window, rows, sizeof(rows) / sizeof(rows[0]))

Test(judge, edges_of_the_window)
{
	static const struct time_row rows[] = {
		{"one before opening", OPENS - 1, OPENS, VERDICT_EARLY},
		{"one before opening, seen later", OPENS - 1, OPENS + SECOND, VERDICT_EARLY},
		{"at opening", OPENS, OPENS, VERDICT_NONE},
		{"at opening, our clock behind", OPENS, OPENS - AHEAD, VERDICT_NONE},
		{"middle", OPENS + 10 * SECOND, OPENS + 10 * SECOND, VERDICT_NONE},
		{"one before closing", CLOSES - 1, CLOSES - 1, VERDICT_NONE},
		{"one before closing, arrived after it", CLOSES - 1, CLOSES, VERDICT_NONE},
		{"one before closing, last admissible", CLOSES - 1, CLOSES - 1 + DELAY,
		 VERDICT_NONE},
		{"one before closing, too long after", CLOSES - 1, CLOSES + DELAY, VERDICT_LATE},
		{"at closing", CLOSES, CLOSES, VERDICT_LATE},
		{"at closing, arrived before it", CLOSES, CLOSES - 1, VERDICT_LATE},
		{"one after closing", CLOSES + 1, CLOSES + 1, VERDICT_LATE},
	};
	struct window window = poll();
	EXPECT_ROWS(&window, rows);
}

Test(judge, edges_of_the_clock)
{
	static const uint64_t seen = OPENS + 7 * SECOND;
	const struct time_row rows[] = {
		{"250 ms ahead", seen + AHEAD, seen, VERDICT_NONE},
		{"250 ms and 1 µs ahead", seen + AHEAD + 1, seen, VERDICT_EARLY},
		{"an hour ahead of a frozen clock", seen, seen - 3600 * SECOND, VERDICT_EARLY},
		{"no delay", seen, seen, VERDICT_NONE},
		{"max_delay behind", seen, seen + DELAY, VERDICT_NONE},
		{"max_delay and 1 µs behind", seen, seen + DELAY + 1, VERDICT_LATE},
		{"our clock at 0", seen, 0, VERDICT_EARLY},
		{"our clock at its end", seen, UINT64_MAX, VERDICT_LATE},
		{"our clock 100 ms before its end", seen, UINT64_MAX - 100000, VERDICT_LATE},
	};
	struct window window = poll();
	EXPECT_ROWS(&window, rows);
}

Test(judge, extreme_program_times)
{
	static const struct time_row rows[] = {
		{"0", 0, OPENS + SECOND, VERDICT_EARLY},
		{"1", 1, OPENS + SECOND, VERDICT_EARLY},
		{"half", 1ull << 63, OPENS + SECOND, VERDICT_EARLY},
		{"the largest", UINT64_MAX, OPENS + SECOND, VERDICT_EARLY},
		{"the largest, our clock there too", UINT64_MAX, UINT64_MAX, VERDICT_LATE},
		{"the largest, our clock 250 ms before", UINT64_MAX, UINT64_MAX - AHEAD,
		 VERDICT_LATE},
		{"the largest less 1, our clock there", UINT64_MAX - 1, UINT64_MAX, VERDICT_LATE},
		{"0 at 0", 0, 0, VERDICT_EARLY},
	};
	struct window window = poll();
	EXPECT_ROWS(&window, rows);
}

/* The clock was set back after it was final: its time comes again, its votes do not. */
Test(judge, a_window_that_has_ended_admits_nothing)
{
	static const struct time_row rows[] = {
		{"one before opening", OPENS - 1, OPENS, VERDICT_EARLY},
		{"ahead", OPENS + AHEAD + 1, OPENS, VERDICT_EARLY},
		{"at opening", OPENS, OPENS, VERDICT_LATE},
		{"middle", OPENS + 10 * SECOND, OPENS + 10 * SECOND, VERDICT_LATE},
		{"one before closing", CLOSES - 1, CLOSES - 1, VERDICT_LATE},
		{"one before closing, last admissible", CLOSES - 1, CLOSES - 1 + DELAY,
		 VERDICT_LATE},
		{"at closing", CLOSES, CLOSES, VERDICT_LATE},
	};
	struct window window = poll();
	window.ended = true;
	EXPECT_ROWS(&window, rows);
}

Test(judge, a_window_without_delay_admits_the_same_microsecond_only)
{
	static const struct time_row rows[] = {
		{"same", OPENS, OPENS, VERDICT_NONE},
		{"one behind", OPENS, OPENS + 1, VERDICT_LATE},
		{"ahead", OPENS + 1, OPENS, VERDICT_NONE},
	};
	struct window window = poll();
	window.max_delay_us = 0;
	EXPECT_ROWS(&window, rows);
}

Test(judge, an_endless_delay_admits_all_that_was_seen_in_the_window)
{
	static const struct time_row rows[] = {
		{"at opening", OPENS, UINT64_MAX - AHEAD, VERDICT_NONE},
		{"one before closing", CLOSES - 1, UINT64_MAX - AHEAD, VERDICT_NONE},
		{"at closing", CLOSES, UINT64_MAX - AHEAD, VERDICT_LATE},
	};
	struct window window = poll();
	window.max_delay_us = UINT64_MAX;
	EXPECT_ROWS(&window, rows);
}

Test(judge, an_empty_window_admits_nothing)
{
	static const struct time_row rows[] = {
		{"one before", OPENS - 1, OPENS, VERDICT_EARLY},
		{"at both edges", OPENS, OPENS, VERDICT_LATE},
	};
	struct window window = poll();
	window.closes_at_us = OPENS;
	EXPECT_ROWS(&window, rows);
}

Test(judge, choices_of_a_poll_are_its_options)
{
	static const struct {
		uint16_t options;
		uint16_t choice;
		enum verdict want;
	} rows[] = {
		{4, 0, VERDICT_NONE},         {4, 3, VERDICT_NONE},
		{4, 4, VERDICT_BAD_CHOICE},   {4, 255, VERDICT_BAD_CHOICE},
		{4, 256, VERDICT_BAD_CHOICE}, {4, UINT16_MAX, VERDICT_BAD_CHOICE},
		{1, 0, VERDICT_NONE},         {1, 1, VERDICT_BAD_CHOICE},
		{1024, 1023, VERDICT_NONE},   {1024, 1024, VERDICT_BAD_CHOICE},
		{65534, 65533, VERDICT_NONE}, {65534, 65534, VERDICT_BAD_CHOICE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct window window = poll();
		window.question.options = rows[i].options;
		const struct vote vote = {.choice = rows[i].choice, .program_time_us = OPENS};
		cr_expect_eq(judge(&vote, &window, OPENS), rows[i].want, "choice %u of %u",
			     rows[i].choice, rows[i].options);
	}
}

Test(judge, no_window_is_unknown_whatever_the_vote_says)
{
	const struct vote good = {.program_time_us = OPENS};
	const struct vote bad = {.program_time_us = UINT64_MAX, .choice = UINT16_MAX};
	cr_expect_eq(judge(&good, NULL, OPENS), VERDICT_UNKNOWN);
	cr_expect_eq(judge(&bad, NULL, OPENS), VERDICT_UNKNOWN);
}

/* Each row breaks its own rule and, where it can, all the later ones. */
Test(judge, the_first_rule_that_matches_decides)
{
	static const struct {
		const char *name;
		bool cancelled;
		uint16_t choice;
		uint64_t program_time_us;
		uint64_t now_us;
		enum verdict want;
	} rows[] = {
		{"all", true, 4, OPENS - 1, CLOSES + DELAY, VERDICT_CANCELLED},
		{"cancelled, bad choice", true, 4, OPENS, OPENS, VERDICT_CANCELLED},
		{"cancelled, early", true, 0, OPENS - 1, OPENS, VERDICT_CANCELLED},
		{"cancelled, late", true, 0, CLOSES, CLOSES, VERDICT_CANCELLED},
		{"cancelled only", true, 0, OPENS, OPENS, VERDICT_CANCELLED},
		{"bad choice, early, late", false, 4, OPENS - 1, CLOSES + DELAY,
		 VERDICT_BAD_CHOICE},
		{"bad choice, early", false, 4, OPENS - 1, OPENS, VERDICT_BAD_CHOICE},
		{"bad choice, late", false, 4, CLOSES, CLOSES, VERDICT_BAD_CHOICE},
		{"early by opens_at, late by delay", false, 0, OPENS - 1, OPENS + DELAY,
		 VERDICT_EARLY},
		{"early by clock, late by closes_at", false, 0, CLOSES, CLOSES - AHEAD - 1,
		 VERDICT_EARLY},
		{"late by closes_at and by delay", false, 0, CLOSES, CLOSES + DELAY + 1,
		 VERDICT_LATE},
		{"none", false, 0, OPENS, OPENS, VERDICT_NONE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct window window = poll();
		window.cancelled = rows[i].cancelled;
		const struct vote vote = {.choice = rows[i].choice,
					  .program_time_us = rows[i].program_time_us};
		enum verdict got = judge(&vote, &window, rows[i].now_us);
		cr_expect_eq(got, rows[i].want, "%s: %s", rows[i].name, verdict_name(got));
	}
}

Test(judge, revision_and_voter_do_not_matter)
{
	struct window window = poll();
	const struct vote vote = {
		.program_time_us = OPENS, .revision = 0xFFFFFF, .voter = UINT32_MAX};
	cr_expect_eq(judge(&vote, &window, OPENS), VERDICT_NONE);
}
