// SPDX-License-Identifier: BSD-3-Clause
/* A list of members, each with the moment from which on it may be told. */
#include "dataplane/public_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What the public may know, from less to more: it exists, it is asked, it is revealed. */
enum openness { PLANNED, ASKED, REVEALED };

struct member {
	const char *name;
	enum openness from;
};

/* A cancelled window is as one that was never asked. */
static const struct {
	const char *state;
	enum openness openness;
} states[] = {
	{"open", ASKED},
	{"draining", ASKED},
	{"final", ASKED},
	{"revealed", REVEALED},
};

static const struct member window_members[] = {
	{"tenant", PLANNED},
	{"id", PLANNED},
	{"kind", PLANNED},
	{"state", PLANNED},
	{"question", ASKED},
	{"opens_at", PLANNED},
	{"closes_at", PLANNED},
	{"final_at", PLANNED},
	{"voters", REVEALED},
	{"mean", REVEALED},
	{"series", REVEALED},
	{"correct", REVEALED},
	{"leaderboard", REVEALED},
	{"min", ASKED},
	{"max", ASKED},
	{"options_total", ASKED},
	{"series_from", REVEALED},
};

static const struct member leaderboard_members[] = {
	{"tenant", REVEALED},
	{"show", REVEALED},
};

static const struct member entry_members[] = {
	{"voter", REVEALED},
	{"points", REVEALED},
};

/* Of an option with its votes; `list` has labels only, which are texts. */
static const struct member option_members[] = {
	{"index", ASKED},
	{"value", ASKED},
	{"label", ASKED},
	{"votes", REVEALED},
};

static enum openness openness_of(const json_t *window)
{
	const char *state = json_string_value(json_object_get(window, "state"));
	for (size_t i = 0; state && i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].state, state) == 0)
			return states[i].openness;
	return PLANNED;
}

/* Puts a copy of each member that may be told into `to`. False when out of memory. */
static bool tell(json_t *to, const json_t *from, const struct member *members, size_t count,
		 enum openness openness)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(from, members[i].name);
		if (value && members[i].from <= openness &&
		    json_object_set_new(to, members[i].name, json_deep_copy(value)) != 0)
			return false;
	}
	return true;
}

static json_t *view_option(const json_t *option, enum openness openness)
{
	if (json_is_string(option))
		return json_deep_copy(option);
	json_t *view = json_object();
	if (tell(view, option, option_members, sizeof(option_members) / sizeof(option_members[0]),
		 openness))
		return view;
	json_decref(view);
	return NULL;
}

/* Of each item its view; NULL when out of memory. */
static json_t *view_each(const json_t *items, json_t *(*view_item)(const json_t *, enum openness),
			 enum openness openness)
{
	json_t *view = json_array(), *item;
	size_t i;
	json_array_foreach (items, i, item) {
		if (json_array_append_new(view, view_item(item, openness)) != 0) {
			json_decref(view);
			return NULL;
		}
	}
	return view;
}

json_t *public_view(const json_t *window)
{
	enum openness openness = openness_of(window);
	const json_t *options = json_object_get(window, "options");
	json_t *view = json_object();
	bool whole = tell(view, window, window_members,
			  sizeof(window_members) / sizeof(window_members[0]), openness);
	if (whole && json_is_array(options) && openness >= ASKED)
		whole = json_object_set_new(view, "options",
					    view_each(options, view_option, openness)) == 0;
	if (whole)
		return view;
	json_decref(view);
	return NULL;
}

static json_t *view_entry(const json_t *entry, enum openness openness)
{
	json_t *view = json_object();
	if (tell(view, entry, entry_members, sizeof(entry_members) / sizeof(entry_members[0]),
		 openness))
		return view;
	json_decref(view);
	return NULL;
}

static json_t *view_leaderboard(const json_t *leaderboard, enum openness openness)
{
	const json_t *entries = json_object_get(leaderboard, "entries");
	json_t *view = json_object();
	if (tell(view, leaderboard, leaderboard_members,
		 sizeof(leaderboard_members) / sizeof(leaderboard_members[0]), openness) &&
	    json_object_set_new(view, "entries", view_each(entries, view_entry, openness)) == 0)
		return view;
	json_decref(view);
	return NULL;
}

json_t *public_leaderboards(const json_t *leaderboards)
{
	return view_each(leaderboards, view_leaderboard, REVEALED);
}
