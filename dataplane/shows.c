// SPDX-License-Identifier: BSD-3-Clause
/* Which windows a show has, and taking it out. Loading is in shows_load.c. */
#include "dataplane/shows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/json_fields.h"

static bool is_of(const struct armed_window *armed, const char *show)
{
	return armed->interaction.show && strcmp(armed->interaction.show, show) == 0;
}

/* The next window from `from` on that is of this show (NULL: of any); or NULL. */
static struct armed_window *find_from(const struct windows *windows, const char *show,
				      uint32_t from)
{
	for (uint32_t i = from; i < windows_count(windows); i++) {
		struct armed_window *armed = windows_at(windows, i);
		if (show ? is_of(armed, show) : armed->interaction.show != NULL)
			return armed;
	}
	return NULL;
}

#define MOST_LISTED (ERR_TEXT_BYTES / 4) /* names with a blank and quotes */

static bool is_listed(const char *const *listed, uint32_t count, const char *show)
{
	/* Its windows mostly follow each other: the last one first. */
	while (count--)
		if (strcmp(listed[count], show) == 0)
			return true;
	return false;
}

/* Names until the line is full. A show is named at its first window. */
static void list_shows(const struct windows *windows, struct err *err)
{
	char shown[JSON_PRINTABLE_BYTES];
	const char *listed[MOST_LISTED];
	uint32_t count = 0;
	size_t used = strlen(err->text);
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		const char *show = windows_at(windows, i)->interaction.show;
		if (!show || is_listed(listed, count, show))
			continue;
		if (used + sizeof(shown) + 8 > sizeof(err->text)) {
			snprintf(err->text + used, sizeof(err->text) - used, " …");
			return;
		}
		listed[count++] = show;
		used += (size_t)snprintf(err->text + used, sizeof(err->text) - used, " \"%s\"",
					 json_printable(show, shown));
	}
}

int shows_find(const struct windows *windows, const char *named, const char **show, struct err *err)
{
	char shown[JSON_PRINTABLE_BYTES];
	const struct armed_window *first = find_from(windows, named, 0);
	if (!first && named)
		return err_set(err, -ENOENT, "\"%s\": no such show is loaded",
			       json_printable(named, shown));
	if (!first)
		return err_set(err, -ENOENT, "no show is loaded; `tallyctl load` loads one");
	*show = first->interaction.show;
	if (named)
		return 0;
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		const struct armed_window *armed = windows_at(windows, i);
		if (!armed->interaction.show || is_of(armed, *show))
			continue;
		err_set(err, -EINVAL, "params.show: is missing and several are loaded; name one:");
		list_shows(windows, err);
		return -EINVAL;
	}
	return 0;
}

struct place {
	struct armed_window *armed;
	uint32_t index;
};

static int by_opening(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	uint64_t a_us = a->armed->window.opens_at_us, b_us = b->armed->window.opens_at_us;
	if (a_us != b_us)
		return a_us < b_us ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

struct armed_window **shows_windows(const struct windows *windows, const char *show,
				    uint32_t *count)
{
	struct place *places = calloc((size_t)windows_count(windows) + 1, sizeof(*places));
	struct armed_window **list = calloc((size_t)windows_count(windows) + 1, sizeof(*list));
	*count = 0;
	for (uint32_t i = 0; places && list && i < windows_count(windows); i++)
		if (is_of(windows_at(windows, i), show))
			places[(*count)++] = (struct place){windows_at(windows, i), i};
	if (places && list) {
		qsort(places, *count, sizeof(*places), by_opening);
		for (uint32_t i = 0; i < *count; i++)
			list[i] = places[i].armed;
	} else {
		free(list);
		list = NULL;
	}
	free(places);
	return list;
}

uint64_t shows_memory(const struct windows *windows, const char *show)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < windows_count(windows); i++)
		if (is_of(windows_at(windows, i), show))
			bytes += windows_at(windows, i)->memory_bytes;
	return bytes;
}

struct armed_window *shows_next(const struct windows *windows, const char *show, uint64_t now_us)
{
	struct armed_window *next = NULL;
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		struct armed_window *armed = windows_at(windows, i);
		if (!is_of(armed, show) || window_state(&armed->window, now_us) != WINDOW_SCHEDULED)
			continue;
		if (!next || armed->window.opens_at_us < next->window.opens_at_us)
			next = armed;
	}
	return next;
}

/* Votes are coming in, or may be. */
static int check_at_rest(const struct armed_window *armed, uint64_t now_us, struct err *err)
{
	char shown[JSON_PRINTABLE_BYTES];
	enum window_state state = window_state(&armed->window, now_us);
	bool opens = state == WINDOW_SCHEDULED && !windows_untouched(armed, now_us);
	if (state != WINDOW_OPEN && state != WINDOW_DRAINING && !opens)
		return 0;
	return err_set(err, -EPERM,
		       "%s/%u is %s: \"%s\" is unloaded once it is final, or cancel it first",
		       armed->interaction.tenant->name, armed->interaction.id,
		       opens ? "about to open" : window_state_name(state),
		       json_printable(armed->interaction.show, shown));
}

int shows_unload(struct windows *windows, const char *show, uint64_t now_us, struct err *err)
{
	uint32_t count;
	struct armed_window **out = shows_windows(windows, show, &count);
	int rc = out ? 0 : err_set(err, -ENOMEM, "out of memory; nothing has changed");
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = check_at_rest(out[i], now_us, err);
	const struct windows_change change = {.out = out, .out_count = count};
	if (rc == 0)
		rc = windows_replace(windows, &change, err);
	free(out);
	return rc;
}
