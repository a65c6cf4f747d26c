/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kinds of questions. A row here says which fields of a rundown a kind has, what its result
 * holds and how its answers are kept; what a valid choice is, and how a choice becomes an index
 * from 0 and back, is said below, inline for every vote. Everything else follows from the row, so a
 * further kind touches this room and, if it needs a field or a member that no kind had before,
 * dataplane/show/.
 *
 * Pure; any thread.
 */
#ifndef TALLYWIRE_CORE_KIND_H
#define TALLYWIRE_CORE_KIND_H

#include <stdbool.h>
#include <stdint.h>

#define KIND_MAX_OPTIONS      1024
#define KIND_MAX_ITEMS        65535 /* of an upvote */
#define KIND_MAX_MASK_OPTIONS 16    /* of a multi: bits of a choice */
#define KIND_MAX_VALUE        65534 /* of a scale: 0xFFFF on the wire means no choice */

/* Fields that not every kind has. */
enum kind_field {
	FIELD_OPTIONS = 1 << 0,     /* labels */
	FIELD_RANGE = 1 << 1,       /* min and max, in place of options */
	FIELD_MAX_CHOICES = 1 << 2, /* how many options one answer may name */
	FIELD_CORRECT = 1 << 3,     /* which options are right, and points for them */
	FIELD_REVOTE = 1 << 4,      /* answers may be changed */
};

/* What a result holds beside the votes of each option. */
enum kind_member {
	MEMBER_MEAN = 1 << 0,        /* of the values, by their votes */
	MEMBER_LEADERBOARD = 1 << 1, /* who scored most */
	MEMBER_SERIES = 1 << 2,      /* the votes of each option, by the second of the window */
};

/* How answers are told apart, and so where they are kept (dataplane/core/store.h). */
enum kind_identity {
	ONE_PER_VOTER,
	ONE_PER_VOTER_CHANGING, /* and a higher revision replaces it: any of those with revote */
	ONE_PER_VOTER_TIMED,    /* and how long it took is kept with it */
	ONE_PER_VOTER_SECOND,   /* one in each second of the window */
	ONE_PER_VOTER_ITEM,     /* one for each item */
};

/*
 * X(symbol, name in files, number on the wire, fields, members, identity, most options)
 * In the order of their numbers, from 1.
 */
#define KINDS(X)                                                                                   \
	X(POLL, poll, 1, FIELD_OPTIONS | FIELD_REVOTE, 0, ONE_PER_VOTER, KIND_MAX_OPTIONS)         \
	X(MULTI, multi, 2, FIELD_OPTIONS | FIELD_MAX_CHOICES | FIELD_REVOTE, 0, ONE_PER_VOTER,     \
	  KIND_MAX_MASK_OPTIONS)                                                                   \
	X(QUIZ, quiz, 3, FIELD_OPTIONS | FIELD_CORRECT, MEMBER_LEADERBOARD, ONE_PER_VOTER_TIMED,   \
	  KIND_MAX_OPTIONS)                                                                        \
	X(SCALE, scale, 4, FIELD_RANGE | FIELD_REVOTE, MEMBER_MEAN, ONE_PER_VOTER,                 \
	  KIND_MAX_OPTIONS)                                                                        \
	X(UPVOTE, upvote, 5, FIELD_OPTIONS, 0, ONE_PER_VOTER_ITEM, KIND_MAX_ITEMS)                 \
	X(REACTION, reaction, 6, FIELD_OPTIONS, MEMBER_SERIES, ONE_PER_VOTER_SECOND,               \
	  KIND_MAX_OPTIONS)

enum kind {
#define X(symbol, name, number, fields, members, identity, most) KIND_##symbol = number,
	KINDS(X)
#undef X
		KIND_COUNT /* and one: 0 is no kind */
};

struct kind_row {
	const char *name;
	unsigned int fields;  /* enum kind_field */
	unsigned int members; /* enum kind_member */
	enum kind_identity identity;
	uint32_t most_options; /* or values, or items */
};

/* The row of a kind that is one. */
const struct kind_row *kind_row(enum kind kind);

/* By the name in files; 0 where there is no such kind. */
enum kind kind_by_name(const char *name);

/* What rule 8 needs to know of a question. */
struct question {
	uint8_t kind;        /* enum kind */
	uint8_t max_choices; /* multi: how many options an answer may name */
	uint16_t first;      /* scale: the smallest value; else 0 */
	uint16_t options;    /* how many options, values or items there are */
};

/*
 * How many different answers a voter can give: indexes are below it. At most BALLOT_MAX_OPTIONS.
 */
uint32_t kind_answers(const struct question *question);

/* Bit i of a mask is option i. */
static inline bool kind_mask_is_valid(const struct question *question, uint16_t mask)
{
	int named = __builtin_popcount(mask);
	return mask >> question->options == 0 && named >= 1 && named <= question->max_choices;
}

/* Rule 8. What is no mask counts from `first` on; below it, the difference wraps and is too large.
 */
static inline bool kind_choice_is_valid(const struct question *question, uint16_t choice)
{
	if (question->kind == KIND_MULTI)
		return kind_mask_is_valid(question, choice);
	return (uint32_t)choice - question->first < question->options;
}

/* The choice whose index is 0. A mask is never 0, so all of them fit below 65,535. */
static inline uint16_t kind_least_choice(const struct question *question)
{
	return question->kind == KIND_MULTI ? 1 : question->first;
}

/* A valid choice as an index from 0, and back: what is kept, and what is on the wire. */
static inline uint16_t kind_index(const struct question *question, uint16_t choice)
{
	return (uint16_t)(choice - kind_least_choice(question));
}

static inline uint16_t kind_choice(const struct question *question, uint16_t index)
{
	return (uint16_t)(index + kind_least_choice(question));
}

#endif
