// SPDX-License-Identifier: BSD-3-Clause
/* Sums over counters. Called wherever a result is made, by the control thread and --replay. */
#include "dataplane/core/outcome.h"

static bool row_has_count(const struct outcome *outcome, uint64_t row)
{
	for (uint32_t i = 0; i < outcome->options; i++)
		if (outcome->series[row * outcome->options + i])
			return true;
	return false;
}

/* Votes that came before an early close stay counted, and so do their seconds. */
static void make_series(struct outcome *outcome, const struct window *window, uint32_t seconds)
{
	uint64_t rows = window_seconds(window);
	outcome->rows = seconds;
	while (outcome->rows > rows && !row_has_count(outcome, outcome->rows - 1))
		outcome->rows--;
	for (uint32_t i = 0; i < outcome->options; i++)
		outcome->totals[i] = 0;
	for (uint64_t row = 0; row < outcome->rows; row++)
		for (uint32_t i = 0; i < outcome->options; i++)
			outcome->totals[i] += outcome->series[row * outcome->options + i];
	outcome->votes = outcome->totals;
}

static void make_mean(struct outcome *outcome, const struct question *question)
{
	uint64_t sum = 0, votes = 0;
	for (uint16_t i = 0; i < outcome->options; i++) {
		sum += outcome->votes[i] * kind_choice(question, i);
		votes += outcome->votes[i];
	}
	outcome->has_mean = votes > 0;
	outcome->mean = votes ? (double)sum / (double)votes : 0;
}

void outcome_make(struct outcome *outcome, const struct window *window, const struct tally_sum *sum,
		  uint32_t seconds)
{
	unsigned int members = kind_row((enum kind)window->question.kind)->members;
	outcome->options = window->question.options;
	outcome->votes = outcome->series = sum->votes;
	outcome->rows = 0;
	outcome->has_mean = false;
	outcome->mean = 0;
	if (members & MEMBER_SERIES)
		make_series(outcome, window, seconds);
	if (members & MEMBER_MEAN)
		make_mean(outcome, &window->question);
}

uint32_t outcome_leading(const struct outcome *outcome, uint32_t *leading, uint32_t room)
{
	const uint64_t *votes = outcome->votes;
	uint32_t count = 0;
	for (uint32_t i = 0; i < outcome->options && room; i++) {
		if (count == room && votes[i] <= votes[leading[room - 1]])
			continue;
		uint32_t at = count < room ? count++ : room - 1;
		for (; at > 0 && votes[leading[at - 1]] < votes[i]; at--)
			leading[at] = leading[at - 1];
		leading[at] = i;
	}
	return count;
}
