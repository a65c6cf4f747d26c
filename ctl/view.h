/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interaction's result as people see it: heading, countdown, a bar per option, and what
 * its kind has beside them. results and watch print it. The result is a JSON object as
 * docs/files.md has it; counts that are missing, as the public socket tells none before the reveal,
 * are not shown, and what else is missing is "".
 */
#ifndef TALLYWIRE_CTL_VIEW_H
#define TALLYWIRE_CTL_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define VIEW_COUNTDOWN_BYTES 64
#define VIEW_MIN_BAR         8

/* Columns of one option's row: "  LABEL  BAR  VOTES  PERCENT". */
struct view_layout {
	int label;
	int bar; /* 0: too narrow for bars */
	int votes;
};

/* Shares `columns` out between the longest label, the longest number and the bar. */
struct view_layout view_layout(int columns, int longest_label, int longest_votes);

/* A bar of `columns`, filled by `part` of `whole`, in eighths of a column (or '#' without UTF-8).
 */
void view_bar(FILE *out, uint64_t part, uint64_t whole, int columns, bool utf8);

/*
 * "opens in 2.5s", "16.8s left", "final in 4.1s", … `final_at_us` 0: not known.
 * `state` is the window's, by name. Returns `text`.
 */
char *view_countdown(const char *state, uint64_t now_us, uint64_t opens_at_us,
		     uint64_t closes_at_us, uint64_t final_at_us, char text[VIEW_COUNTDOWN_BYTES]);

/* "0.4s", "59.9s", "1:00", "1:02:03", "2d 01:02:03". Returns `text`. */
char *view_duration(uint64_t duration_us, char text[VIEW_COUNTDOWN_BYTES]);

/* What watch knows beside the result; zeroes where nobody watches. */
struct view_live {
	uint64_t now_us;
	uint64_t final_at_us;
	uint64_t votes_per_second;
	bool moving; /* print votes_per_second */
};

/*
 * Heading, numbers, bars, leaderboard; ends with an empty line. In at most `max_lines` (0: no
 * limit), as far as they are enough for the heading and a few rows: the leading options then, and
 * how many more there are.
 */
void view_interaction(FILE *out, const json_t *interaction, const struct view_live *live,
		      int columns, size_t max_lines);

/* The lines that this takes without limit. */
size_t view_lines(const json_t *interaction);

/* The document's leaderboards, at most `max_places` lines of each (0: no limit). */
void view_leaderboards(FILE *out, const json_t *document, int columns, size_t max_places);

/* The same as one line, for logs. */
void view_line(FILE *out, const json_t *interaction, const struct view_live *live);

/* What can make a result less than certain: missed packets, durability. Nothing where all is well.
 */
void view_cautions(FILE *out, const json_t *document);

/* True where nothing of this state changes any more: final, revealed, cancelled. */
bool view_is_settled(const char *state);

#endif
