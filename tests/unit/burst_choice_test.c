/* SPDX-License-Identifier: BSD-3-Clause */
/* Choices of a burst: valid whatever is drawn, and another one where there is another. */
#include <criterion/criterion.h>
#include "perf/burst_choice.h"

#define DRAWS 2000

static uint64_t next_bits(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state ^ *state >> 29;
}

static const struct row {
	const char *name;
	struct question rules;
	bool has_other;
} rows[] = {
	{"poll", {.kind = KIND_POLL, .options = 4}, true},
	{"poll of one", {.kind = KIND_POLL, .options = 1}, false},
	{"poll of many", {.kind = KIND_POLL, .options = 1024}, true},
	{"quiz", {.kind = KIND_QUIZ, .options = 2}, true},
	{"reaction", {.kind = KIND_REACTION, .options = 3}, true},
	{"scale", {.kind = KIND_SCALE, .first = 1, .options = 10}, true},
	{"scale of one", {.kind = KIND_SCALE, .first = 7, .options = 1}, false},
	{"scale at the end", {.kind = KIND_SCALE, .first = 64511, .options = 1024}, true},
	{"multi", {.kind = KIND_MULTI, .options = 5, .max_choices = 3}, true},
	{"multi of all", {.kind = KIND_MULTI, .options = 16, .max_choices = 16}, true},
	{"multi of one", {.kind = KIND_MULTI, .options = 1, .max_choices = 1}, false},
	{"multi, one of two", {.kind = KIND_MULTI, .options = 2, .max_choices = 1}, true},
	{"upvote", {.kind = KIND_UPVOTE, .options = 65535}, false},
};

Test(burst_choice, every_choice_is_valid_and_another_one_differs)
{
	uint64_t state = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct question *rules = &rows[i].rules;
		for (int draw = 0; draw < DRAWS; draw++) {
			uint64_t bits = next_bits(&state);
			uint16_t first = burst_choice_first(rules, bits, (uint64_t)draw, 0, 1);
			uint16_t other = burst_choice_other(rules, next_bits(&state), first);
			uint16_t any = burst_choice_any(rules, next_bits(&state));
			cr_assert(kind_choice_is_valid(rules, first), "%s", rows[i].name);
			cr_assert(kind_choice_is_valid(rules, other), "%s", rows[i].name);
			cr_assert(kind_choice_is_valid(rules, any), "%s", rows[i].name);
			cr_assert_eq(first != other, rows[i].has_other, "%s", rows[i].name);
		}
	}
}

Test(burst_choice, the_ends_of_what_is_drawn_are_valid_too)
{
	const uint64_t ends[] = {0, 1, UINT32_MAX, 1ull << 32, UINT64_MAX};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t end = 0; end < sizeof(ends) / sizeof(ends[0]); end++) {
			const struct question *rules = &rows[i].rules;
			uint16_t first = burst_choice_first(rules, ends[end], UINT32_MAX, 0, 1);
			cr_expect(kind_choice_is_valid(rules, first), "%s", rows[i].name);
			cr_expect(kind_choice_is_valid(rules, burst_choice_any(rules, ends[end])),
				  "%s", rows[i].name);
			cr_expect(kind_choice_is_valid(rules,
						       burst_choice_other(rules, ends[end], first)),
				  "%s", rows[i].name);
		}
}

Test(burst_choice, a_mask_names_one_to_max_choices_and_all_of_these_occur)
{
	const struct question rules = {.kind = KIND_MULTI, .options = 6, .max_choices = 4};
	uint32_t seen[7] = {0}, options = 0;
	uint64_t state = 1;
	for (int draw = 0; draw < DRAWS; draw++) {
		uint16_t mask = burst_choice_any(&rules, next_bits(&state));
		seen[__builtin_popcount(mask)]++;
		options |= mask;
	}
	cr_expect_eq(seen[0] + seen[5] + seen[6], 0);
	for (int named = 1; named <= 4; named++)
		cr_expect_gt(seen[named], DRAWS / 8, "%d named", named);
	cr_expect_eq(options, 63);
}
