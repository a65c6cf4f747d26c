// SPDX-License-Identifier: BSD-3-Clause
/* What a valid choice is, for each kind at its limits, and the way to an index and back: every
 * choice there is on the wire is tried. */
#include <criterion/criterion.h>
#include <string.h>
#include "dataplane/core/ballot.h"
#include "dataplane/core/kind.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define WIRE_CHOICES    65536u

static const struct row {
	struct question question; /* kind, max_choices, first, options */
	uint32_t valid;           /* so many of all choices */
	uint16_t lowest;
	uint16_t highest;
} rows[] = {
	{{KIND_POLL, 0, 0, 1}, 1, 0, 0},
	{{KIND_POLL, 0, 0, 2}, 2, 0, 1},
	{{KIND_POLL, 0, 0, 1024}, 1024, 0, 1023},
	{{KIND_QUIZ, 0, 0, 1}, 1, 0, 0},
	{{KIND_QUIZ, 0, 0, 1024}, 1024, 0, 1023},
	{{KIND_REACTION, 0, 0, 1024}, 1024, 0, 1023},
	{{KIND_UPVOTE, 0, 0, 1}, 1, 0, 0},
	{{KIND_UPVOTE, 0, 0, 65535}, 65535, 0, 65534},
	{{KIND_SCALE, 0, 0, 1}, 1, 0, 0},
	{{KIND_SCALE, 0, 5, 6}, 6, 5, 10},
	{{KIND_SCALE, 0, 64511, 1024}, 1024, 64511, 65534},
	{{KIND_SCALE, 0, 65534, 1}, 1, 65534, 65534},
	{{KIND_MULTI, 1, 0, 1}, 1, 1, 1},
	{{KIND_MULTI, 1, 0, 4}, 4, 1, 8},
	{{KIND_MULTI, 2, 0, 4}, 4 + 6, 1, 12},
	{{KIND_MULTI, 4, 0, 4}, 15, 1, 15},
	{{KIND_MULTI, 1, 0, 16}, 16, 1, 0x8000},
	{{KIND_MULTI, 15, 0, 16}, 65534, 1, 0xFFFE},
	{{KIND_MULTI, 16, 0, 16}, 65535, 1, 0xFFFF},
};

Test(kind, so_many_choices_are_valid_and_the_first_and_the_last_are_these)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint32_t valid = 0, lowest = WIRE_CHOICES, highest = 0;
		for (uint32_t choice = 0; choice < WIRE_CHOICES; choice++) {
			if (!kind_choice_is_valid(&rows[i].question, (uint16_t)choice))
				continue;
			valid++;
			lowest = lowest == WIRE_CHOICES ? choice : lowest;
			highest = choice;
		}
		cr_expect_eq(valid, rows[i].valid, "row %zu: %u", i, valid);
		cr_expect_eq(lowest, rows[i].lowest, "row %zu: %u", i, lowest);
		cr_expect_eq(highest, rows[i].highest, "row %zu: %u", i, highest);
	}
}

/* Each valid choice has an index of its own below kind_answers(), which fits a ballot. */
Test(kind, a_choice_is_kept_under_an_index_and_comes_back)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct question *question = &rows[i].question;
		static bool taken[WIRE_CHOICES];
		memset(taken, 0, sizeof(taken));
		cr_expect_leq(kind_answers(question), (uint32_t)BALLOT_MAX_OPTIONS, "row %zu", i);
		for (uint32_t choice = 0; choice < WIRE_CHOICES; choice++) {
			if (!kind_choice_is_valid(question, (uint16_t)choice))
				continue;
			uint16_t index = kind_index(question, (uint16_t)choice);
			cr_assert_lt(index, kind_answers(question), "row %zu: %u", i, choice);
			cr_assert_not(taken[index], "row %zu: %u", i, choice);
			taken[index] = true;
			cr_assert_eq(kind_choice(question, index), choice, "row %zu", i);
		}
	}
}

Test(kind, names_and_numbers_are_these)
{
	static const struct {
		const char *name;
		int number;
	} kinds[] = {{"poll", 1},  {"multi", 2},  {"quiz", 3},
		     {"scale", 4}, {"upvote", 5}, {"reaction", 6}};
	cr_expect_eq(KIND_COUNT, COUNT_OF(kinds) + 1);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		cr_expect_eq((int)kind_by_name(kinds[i].name), kinds[i].number);
		cr_expect_str_eq(kind_row((enum kind)kinds[i].number)->name, kinds[i].name);
	}
	static const char *const others[] = {"", "Poll", "poll ", "pol", "polls", "vote"};
	for (size_t i = 0; i < COUNT_OF(others); i++)
		cr_expect_eq((int)kind_by_name(others[i]), 0, "\"%s\"", others[i]);
}
