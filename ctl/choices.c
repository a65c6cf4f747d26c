// SPDX-License-Identifier: BSD-3-Clause
/* Which rows a result has, and what they add up to. view.c prints them. */
#include "ctl/choices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/reply.h"
#include "ctl/text.h"
#include "dataplane/core/kind.h"

/* What the rows of a kind are like. A kind that is not known is shown as the result has it. */
struct likeness {
	bool several; /* a voter may be for several, so shares are of voters */
	bool ranked;  /* the leading ones first */
	bool values;  /* numbers, which can be put together; bars are a histogram */
};

static struct likeness likeness_of(const json_t *interaction)
{
	enum kind kind = kind_by_name(reply_text(interaction, "kind"));
	if (!kind)
		return (struct likeness){0};
	const struct kind_row *row = kind_row(kind);
	bool items = row->identity == ONE_PER_VOTER_ITEM;
	return (struct likeness){
		.several = items || row->fields & FIELD_MAX_CHOICES,
		.ranked = items,
		.values = row->fields & FIELD_RANGE,
	};
}

/* How many values a row has, 1, 2, 5, 10, 20, …, so that there are no more rows than `most`. */
static size_t range_width(size_t values, size_t most)
{
	static const size_t steps[] = {1, 2, 5};
	for (size_t decade = 1;; decade *= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if ((values + decade * steps[i] - 1) / (decade * steps[i]) <= most)
				return decade * steps[i];
}

static size_t most_ranges(size_t max_rows)
{
	return max_rows && max_rows < CHOICES_MAX_RANGES ? max_rows : CHOICES_MAX_RANGES;
}

size_t choices_untold(const json_t *interaction)
{
	size_t told = json_array_size(json_object_get(interaction, "options"));
	uint64_t total = reply_count(interaction, "options_total");
	return total > told ? (size_t)total - told : 0;
}

size_t choices_count(const json_t *interaction)
{
	size_t count = json_array_size(json_object_get(interaction, "options"));
	if (!likeness_of(interaction).values)
		return count + (choices_untold(interaction) > 0);
	size_t width = range_width(count, CHOICES_MAX_RANGES);
	return (count + width - 1) / width;
}

/* One row for `width` options each. */
static void fill_rows(const json_t *options, size_t width, struct choices *choices)
{
	size_t i;
	json_t *option;
	json_array_foreach (options, i, option) {
		struct choice *row = &choices->rows[i / width];
		if (i % width == 0)
			*row = (struct choice){.option = option, .index = i};
		row->last = option;
		row->votes += reply_count(option, "votes");
		choices->votes += reply_count(option, "votes");
		choices->told |= json_object_get(option, "votes") != NULL;
		choices->count = i / width + 1;
	}
}

static void mark_right(const json_t *interaction, struct choices *choices)
{
	size_t i;
	const json_t *index;
	json_array_foreach (json_object_get(interaction, "correct"), i, index) {
		json_int_t right = json_integer_value(index);
		if (json_is_integer(index) && right >= 0 && (size_t)right < choices->count)
			choices->rows[right].right = true;
	}
}

/* More votes first, among equals as they were asked. */
static int compare_rows(const void *left, const void *right)
{
	const struct choice *a = left, *b = right;
	if (a->votes != b->votes)
		return a->votes < b->votes ? 1 : -1;
	return (a->index > b->index) - (a->index < b->index);
}

/* `untold` is how many more there are than rows. */
static void cut_rows(size_t max_rows, size_t untold, bool ranked, struct choices *choices)
{
	bool cut = max_rows && choices->count + (untold > 0) > max_rows;
	if (choices->count && choices->told && (ranked || cut))
		qsort(choices->rows, choices->count, sizeof(*choices->rows), compare_rows);
	choices->left_out = untold;
	if (!cut)
		return;
	choices->left_out += choices->count - (max_rows - 1);
	choices->count = max_rows - 1;
}

static void measure_rows(struct choices *choices)
{
	char number[TEXT_NUMBER_BYTES], text[CHOICES_LABEL_BYTES];
	for (size_t i = 0; i < choices->count; i++) {
		const struct choice *row = &choices->rows[i];
		int label = text_width(choices_label(row, text));
		int votes = (int)strlen(text_number(row->votes, number));
		if (row->votes > choices->most)
			choices->most = row->votes;
		if (label > choices->longest_label)
			choices->longest_label = label;
		if (votes > choices->longest_votes)
			choices->longest_votes = votes;
	}
}

void choices_read(const json_t *interaction, size_t max_rows, struct choices *choices)
{
	struct likeness likeness = likeness_of(interaction);
	const json_t *options = json_object_get(interaction, "options");
	size_t count = json_array_size(options);
	size_t width = likeness.values ? range_width(count, most_ranges(max_rows)) : 1;
	*choices = (struct choices){.rows = calloc(count + 1, sizeof(*choices->rows))};
	if (!choices->rows)
		return;
	fill_rows(options, width, choices);
	mark_right(interaction, choices);
	cut_rows(max_rows, choices_untold(interaction), likeness.ranked, choices);
	measure_rows(choices);
	choices->whole = likeness.several ? reply_count(interaction, "voters") : choices->votes;
	/* Small shares of many are told apart beside the largest one, not beside the whole. */
	choices->full_bar = likeness.ranked || likeness.values ? choices->most : choices->whole;
}

void choices_free(struct choices *choices)
{
	free(choices->rows);
	choices->rows = NULL;
}

/* A scale's options have a value where the others have a label. */
static const char *option_label(const json_t *option, char text[CHOICES_LABEL_BYTES])
{
	const char *label = json_string_value(json_object_get(option, "label"));
	if (label)
		return label;
	const json_t *value = json_object_get(option, "value");
	snprintf(text, CHOICES_LABEL_BYTES, "%lld",
		 (long long)json_integer_value(value ? value : json_object_get(option, "index")));
	return text;
}

const char *choices_label(const struct choice *choice, char text[CHOICES_LABEL_BYTES])
{
	const char *label = option_label(choice->option, text);
	if (choice->last == choice->option)
		return label;
	size_t used = strlen(text);
	snprintf(text + used, CHOICES_LABEL_BYTES - used, "-%lld",
		 (long long)json_integer_value(json_object_get(choice->last, "value")));
	return text;
}
