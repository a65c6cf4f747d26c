// SPDX-License-Identifier: BSD-3-Clause
/* The table of the model's answers. */
#include "tests/lib/model_answers.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 16 };

static void allocate(struct model_answers *answers, size_t slots)
{
	answers->slots = slots;
	answers->count = 0;
	answers->slot = calloc(slots, sizeof(*answers->slot));
	if (!answers->slot)
		abort();
}

void model_answers_open(struct model_answers *answers)
{
	allocate(answers, FIRST_SLOTS);
}

void model_answers_close(struct model_answers *answers)
{
	free(answers->slot);
}

/* The slot of this answer, or the free one where it would go. */
static struct model_answer *place_of(const struct model_answers *answers, uint32_t voter,
				     uint64_t detail)
{
	uint64_t hash = (voter + detail * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93;
	hash ^= hash >> 32;
	for (size_t i = hash & (answers->slots - 1);; i = (i + 1) & (answers->slots - 1)) {
		struct model_answer *slot = &answers->slot[i];
		if (!slot->used || (slot->voter == voter && slot->detail == detail))
			return slot;
	}
}

struct model_answer *model_answers_find(const struct model_answers *answers, uint32_t voter,
					uint64_t detail)
{
	struct model_answer *slot = place_of(answers, voter, detail);
	return slot->used ? slot : NULL;
}

static void grow(struct model_answers *answers)
{
	struct model_answers old = *answers;
	allocate(answers, old.slots * 2);
	for (size_t i = 0; i < old.slots; i++) {
		const struct model_answer *slot = &old.slot[i];
		if (!slot->used)
			continue;
		*place_of(answers, slot->voter, slot->detail) = *slot;
		answers->count++;
	}
	free(old.slot);
}

struct model_answer *model_answers_add(struct model_answers *answers, uint32_t voter,
				       uint64_t detail)
{
	if (answers->count * 2 >= answers->slots)
		grow(answers);
	struct model_answer *slot = place_of(answers, voter, detail);
	if (slot->used)
		abort();
	answers->count++;
	*slot = (struct model_answer){.voter = voter, .detail = detail, .used = true};
	return slot;
}
