/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers by voter and detail (0, an item, or a second): a hash table as textbooks have it, with
 * linear probing and at most half full. Nothing is ever taken out. Running out of memory aborts.
 */
#ifndef TALLYWIRE_TESTS_LIB_MODEL_ANSWERS_H
#define TALLYWIRE_TESTS_LIB_MODEL_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_answer {
	uint64_t detail;
	uint64_t program_time_us;
	uint32_t voter;
	uint32_t revision;
	uint16_t choice;
	bool used; /* the slot holds an answer */
};

struct model_answers {
	size_t slots; /* a power of two */
	size_t count;
	struct model_answer *slot;
};

void model_answers_open(struct model_answers *answers);
void model_answers_close(struct model_answers *answers);

/* NULL where there is none. Holds until the next one is added. */
struct model_answer *model_answers_find(const struct model_answers *answers, uint32_t voter,
					uint64_t detail);

/* Adds an answer that is not there yet; the caller fills in the rest. */
struct model_answer *model_answers_add(struct model_answers *answers, uint32_t voter,
				       uint64_t detail);

#endif
