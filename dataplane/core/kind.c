// SPDX-License-Identifier: BSD-3-Clause
/* What a valid choice is, for each kind, and which index it is kept under. Called for every vote.
 */
#include "dataplane/core/kind.h"

#include <string.h>

static const struct kind_row rows[KIND_COUNT] = {
#define X(symbol, name, number, fields, members, identity, most)                                   \
	[number] = {#name, fields, members, identity, most},
	KINDS(X)
#undef X
};

const struct kind_row *kind_row(enum kind kind)
{
	return &rows[kind];
}

enum kind kind_by_name(const char *name)
{
	for (int kind = 1; kind < KIND_COUNT; kind++)
		if (strcmp(rows[kind].name, name) == 0)
			return (enum kind)kind;
	return (enum kind)0;
}

/* Bit i of a mask is option i. */
static bool mask_is_valid(const struct question *question, uint16_t mask)
{
	int named = __builtin_popcount(mask);
	return mask >> question->options == 0 && named >= 1 && named <= question->max_choices;
}

bool kind_choice_is_valid(const struct question *question, uint16_t choice)
{
	switch ((enum kind)question->kind) {
	case KIND_MULTI: return mask_is_valid(question, choice);
	case KIND_SCALE:
		return choice >= question->first && choice - question->first < question->options;
	case KIND_POLL:
	case KIND_QUIZ:
	case KIND_UPVOTE:
	case KIND_REACTION: return choice < question->options;
	case KIND_COUNT: break;
	}
	return false;
}

uint32_t kind_answers(const struct question *question)
{
	if (question->kind == KIND_MULTI)
		return (1u << question->options) - 1;
	return question->options;
}

uint16_t kind_index(const struct question *question, uint16_t choice)
{
	/* A mask is never 0, so all of them fit below 65,535. */
	if (question->kind == KIND_MULTI)
		return (uint16_t)(choice - 1);
	return (uint16_t)(choice - question->first);
}

uint16_t kind_choice(const struct question *question, uint16_t index)
{
	if (question->kind == KIND_MULTI)
		return (uint16_t)(index + 1);
	return (uint16_t)(index + question->first);
}
