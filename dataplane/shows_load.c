// SPDX-License-Identifier: BSD-3-Clause
/*
 * Loading a show: what its rundown says is compared with what is armed, item by item, and only then
 * done, in one step. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/json_fields.h"
#include "dataplane/show/time_text.h"
#include "dataplane/shows.h"

/* ---- What differs between two plans ---- */

static bool same_kind(const struct interaction *a, const struct interaction *b)
{
	return a->rules.kind == b->rules.kind;
}

static bool same_question(const struct interaction *a, const struct interaction *b)
{
	return strcmp(a->question, b->question) == 0;
}

static bool same_options(const struct interaction *a, const struct interaction *b)
{
	if (!a->labels != !b->labels)
		return false;
	if (a->labels && a->rules.options != b->rules.options)
		return false;
	for (uint32_t i = 0; a->labels && i < a->rules.options; i++)
		if (strcmp(a->labels[i], b->labels[i]) != 0)
			return false;
	return true;
}

static bool same_min(const struct interaction *a, const struct interaction *b)
{
	return a->rules.first == b->rules.first;
}

/* Where there are labels, same_options() has looked at it. */
static bool same_max(const struct interaction *a, const struct interaction *b)
{
	return a->labels || b->labels ||
	       a->rules.first + a->rules.options == b->rules.first + b->rules.options;
}

static bool same_opens_at(const struct interaction *a, const struct interaction *b)
{
	return a->opens_at_us == b->opens_at_us;
}

static bool same_duration(const struct interaction *a, const struct interaction *b)
{
	return a->duration_us == b->duration_us;
}

static bool same_max_delay(const struct interaction *a, const struct interaction *b)
{
	return a->max_delay_us == b->max_delay_us;
}

static bool same_revote(const struct interaction *a, const struct interaction *b)
{
	return a->revote == b->revote;
}

static bool same_max_choices(const struct interaction *a, const struct interaction *b)
{
	return a->rules.max_choices == b->rules.max_choices;
}

static bool same_correct(const struct interaction *a, const struct interaction *b)
{
	return memcmp(a->correct, b->correct, sizeof(a->correct)) == 0;
}

static bool same_points(const struct interaction *a, const struct interaction *b)
{
	return a->points == b->points;
}

/* By the names in rundowns, in the order of docs/files.md. */
static const struct {
	const char *name;
	bool (*same)(const struct interaction *a, const struct interaction *b);
} plan_fields[] = {
	{"kind", same_kind},
	{"question", same_question},
	{"options", same_options},
	{"min", same_min},
	{"max", same_max},
	{"opens_at", same_opens_at},
	{"duration_ms", same_duration},
	{"max_delay_ms", same_max_delay},
	{"revote", same_revote},
	{"max_choices", same_max_choices},
	{"correct", same_correct},
	{"points", same_points},
};

#define PLAN_FIELDS      (sizeof(plan_fields) / sizeof(plan_fields[0]))
#define DIFFERENCE_BYTES 160 /* all names, with commas */

/* The names of the fields that differ; false: none does. */
static bool difference(const struct interaction *a, const struct interaction *b,
		       char names[DIFFERENCE_BYTES])
{
	names[0] = 0;
	for (size_t i = 0; i < PLAN_FIELDS; i++) {
		if (plan_fields[i].same(a, b))
			continue;
		strcat(names, names[0] ? ", " : "");
		strcat(names, plan_fields[i].name);
	}
	return names[0] != 0;
}

/* ---- What is refused: one line about all of it ---- */

#define MORE_BYTES 32 /* "; and 4294967295 more" */

struct refusals {
	struct err *err;
	size_t used;   /* of err's text */
	int rc;        /* of the first */
	uint32_t more; /* that did not fit; after one, no other is tried */
};

__attribute__((format(printf, 4, 5))) static void
refuse(struct refusals *refusals, int rc, const struct interaction *about, const char *format, ...)
{
	char item[ERR_TEXT_BYTES], why[ERR_TEXT_BYTES / 2];
	const char *begin = refusals->rc ? "; " : "nothing is loaded: ";
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	int length = snprintf(item, sizeof(item), "%s%s/%u %s", begin, about->tenant->name,
			      about->id, why);
	if (!refusals->rc)
		refusals->rc = rc;
	if (refusals->more || refusals->used + (size_t)length + MORE_BYTES > ERR_TEXT_BYTES) {
		refusals->more++;
		return;
	}
	strcpy(refusals->err->text + refusals->used, item);
	refusals->used += (size_t)length;
}

static int refusals_end(const struct refusals *refusals)
{
	if (refusals->more)
		snprintf(refusals->err->text + refusals->used, MORE_BYTES, "; and %u more",
			 refusals->more);
	return refusals->rc;
}

/* ---- The comparison ---- */

struct comparison {
	const struct shows_loading *loading;
	const char *show;
	uint64_t now_us;
	struct armed_window **out;
	uint32_t out_count;
	uint32_t in_count; /* the rundown's first so many are to be armed */
	struct shows_changes *changes;
	struct refusals refusals;
};

static uint64_t closes_at(const struct interaction *interaction)
{
	return interaction->opens_at_us + interaction->duration_us;
}

int shows_check_not_over(const struct interaction *interaction, uint64_t now_us, struct err *err)
{
	char closed[TIME_TEXT_BYTES];
	if (closes_at(interaction) > now_us)
		return 0;
	return err_set(err, -EINVAL, "%s/%u: opens_at: its window is over already (it closed %s)",
		       interaction->tenant->name, interaction->id,
		       time_format(closes_at(interaction), closed));
}

static const char *state_text(const struct armed_window *armed, uint64_t now_us)
{
	enum window_state state = window_state(&armed->window, now_us);
	return state == WINDOW_SCHEDULED ? "about to open" : window_state_name(state);
}

/* Moves the item to those that are to be armed, which come first. */
static void take_in(struct comparison *c, struct rundown *rundown, uint32_t i)
{
	struct interaction item = rundown->interactions[i];
	char closed[TIME_TEXT_BYTES];
	if (closes_at(&item) <= c->now_us) {
		refuse(&c->refusals, -EINVAL, &item,
		       "has an opens_at whose window is over already (it closed %s)",
		       time_format(closes_at(&item), closed));
		return;
	}
	c->changes->memory_bytes += windows_memory_of(c->loading->windows, &item);
	rundown->interactions[i] = rundown->interactions[c->in_count];
	rundown->interactions[c->in_count++] = item;
}

static void refuse_foreign(struct comparison *c, const struct interaction *item,
			   const struct armed_window *there)
{
	char shown[JSON_PRINTABLE_BYTES];
	if (there->interaction.show)
		refuse(&c->refusals, -EEXIST, item, "has an id that is in use by show \"%s\"",
		       json_printable(there->interaction.show, shown));
	else
		refuse(&c->refusals, -EEXIST, item,
		       "has an id that is in use by a window opened by hand");
}

/* One item of the rundown: new, as before, or otherwise. */
static void compare_item(struct comparison *c, struct rundown *rundown, uint32_t i)
{
	struct interaction *item = &rundown->interactions[i];
	char names[DIFFERENCE_BYTES];
	struct armed_window *there = windows_find(c->loading->windows, item->tenant->id, item->id);
	if (!there) {
		c->changes->armed++;
		take_in(c, rundown, i);
		return;
	}
	if (!there->interaction.show || strcmp(there->interaction.show, c->show) != 0) {
		refuse_foreign(c, item, there);
		return;
	}
	there->planned = true;
	if (!difference(&there->interaction, item, names)) {
		c->changes->kept++;
		interaction_free(item);
	} else if (windows_untouched(there, c->now_us)) {
		c->changes->replaced++;
		c->out[c->out_count++] = there;
		take_in(c, rundown, i);
	} else {
		refuse(&c->refusals, -EPERM, item, "is %s and differs in %s",
		       state_text(there, c->now_us), names);
	}
}

/* A window of the show that its rundown no longer has; what was opened by hand it never had. */
static void compare_missing(struct comparison *c, struct armed_window *there)
{
	if (there->interaction.by_hand)
		return;
	if (windows_untouched(there, c->now_us)) {
		c->changes->removed++;
		c->out[c->out_count++] = there;
	} else {
		refuse(&c->refusals, -EPERM, &there->interaction, "is %s and missing",
		       state_text(there, c->now_us));
	}
}

static int compare(struct comparison *c, struct rundown *rundown)
{
	struct windows *windows = c->loading->windows;
	for (uint32_t i = 0; i < rundown->count; i++)
		compare_item(c, rundown, i);
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		struct armed_window *there = windows_at(windows, i);
		const char *show = there->interaction.show;
		if (show && strcmp(show, c->show) == 0 && !there->planned)
			compare_missing(c, there);
		there->planned = false;
	}
	return refusals_end(&c->refusals);
}

/* ---- Doing it ---- */

static int name_show(const struct comparison *c, struct rundown *rundown, struct err *err)
{
	for (uint32_t i = 0; i < c->in_count; i++) {
		rundown->interactions[i].show = strdup(c->show);
		if (!rundown->interactions[i].show)
			return err_set(err, -ENOMEM, "out of memory; nothing has changed");
	}
	return 0;
}

/* Taking memory may last: what goes out must not have begun to count meanwhile. */
static int check_untouched(void *context, struct err *err)
{
	const struct comparison *c = context;
	uint64_t now_us = c->loading->now_us();
	for (uint32_t i = 0; i < c->out_count; i++)
		if (!windows_untouched(c->out[i], now_us))
			return err_set(
				err, -EPERM,
				"nothing is loaded: %s/%u is about to open and was to be "
				"replaced or taken out; its turn came while memory was taken",
				c->out[i]->interaction.tenant->name, c->out[i]->interaction.id);
	return 0;
}

int shows_load(const struct shows_loading *loading, struct rundown *rundown,
	       struct shows_changes *changes, struct err *err)
{
	struct comparison c = {
		.loading = loading,
		.show = rundown->show,
		.now_us = loading->now_us(),
		.changes = changes,
		.refusals = {.err = err},
	};
	*changes = (struct shows_changes){0};
	c.out = calloc((size_t)windows_count(loading->windows) + 1, sizeof(struct armed_window *));
	if (!c.out)
		return err_set(err, -ENOMEM, "out of memory; nothing has changed");
	int rc = compare(&c, rundown);
	if (rc == 0)
		rc = name_show(&c, rundown, err);
	const struct windows_change change = {
		.out = c.out,
		.out_count = c.out_count,
		.interactions = rundown->interactions,
		.count = c.in_count,
		.last_check = check_untouched,
		.context = &c,
	};
	if (rc == 0)
		rc = loading->dry_run ? windows_check(loading->windows, &change, err)
				      : windows_replace(loading->windows, &change, err);
	free(c.out);
	return rc;
}
