/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One question of a show, as the studio plans it: what is asked, of whom, when, and what counts as
 * an answer. docs/files.md has its JSON, which is an item of a rundown and also what the control
 * method `open` takes. Which fields it may have follows from its kind (dataplane/core/kind.h). Any
 * thread.
 */
#ifndef TALLYWIRE_SHOW_INTERACTION_H
#define TALLYWIRE_SHOW_INTERACTION_H

#include <jansson.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/kind.h"
#include "dataplane/show/keyring.h"

#define INTERACTION_MAX_QUESTION_BYTES  1000 /* UTF-8, without the end */
#define INTERACTION_MAX_LABEL_BYTES     200
#define INTERACTION_DEFAULT_DURATION_MS 20000
#define INTERACTION_MAX_DURATION_MS     86400000 /* a day */
#define INTERACTION_DEFAULT_POINTS      1000
#define INTERACTION_MAX_POINTS          1000000

/* Owned by whoever parsed it. */
struct interaction {
	const struct tenant *tenant; /* in the keyring, which must outlive it */
	uint32_t id;
	struct question rules; /* its kind, and what a valid choice is */
	bool revote;
	char *show;   /* that it belongs to; NULL: none */
	bool by_hand; /* `open` put it there, no rundown: a reload does not miss it */
	char *question;
	char **labels; /* rules.options of them; NULL: the options are values (a scale) */
	uint64_t opens_at_us;
	uint64_t duration_us;
	uint64_t max_delay_us;                   /* the tenant's unless given */
	uint32_t points;                         /* of a quiz: for a correct answer at once */
	uint64_t correct[KIND_MAX_OPTIONS / 64]; /* of a quiz: bit i: option i is right */
};

/*
 * One interaction. Where the object has no `opens_at`, `default_opens_at_us` is taken; 0 means that
 * `opens_at` is required. `place` names the object in messages ("interactions[3]").
 * -ENOENT: the tenant is not in the keyring; -EINVAL: anything else that is wrong; -ENOMEM.
 */
int interaction_parse(const json_t *object, const char *place, const struct keyring *keyring,
		      uint64_t default_opens_at_us, struct interaction *interaction,
		      struct err *err);
void interaction_free(struct interaction *interaction);

/*
 * The interaction as a rundown has it, from which interaction_parse() makes the same again, and
 * `show` where it has one. NULL when out of memory.
 */
json_t *interaction_json(const struct interaction *interaction);

/* Sets `options`, the labels, or `min` and `max` of a scale. What memory is short for stays out. */
void interaction_set_options(json_t *object, const struct interaction *interaction);

/* How its answers are told apart. */
enum kind_identity interaction_identity(const struct interaction *interaction);

#endif
