/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Results as files and clients see them; docs/files.md has the format. The same inputs give the
 * same JSON, byte for byte. Control thread or --replay; never a worker.
 */
#ifndef TALLYWIRE_SHOW_RESULTS_H
#define TALLYWIRE_SHOW_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/core/outcome.h"
#include "dataplane/core/score.h"
#include "dataplane/core/tally.h"
#include "dataplane/core/window.h"
#include "dataplane/show/rundown.h"

/* Where the packets went that no window counts, and how many there were. */
struct datagram_counts {
	uint64_t received;
	uint64_t verdicts[VERDICT_COUNT]; /* passed … unknown; the rest is the windows' */
	uint64_t missed;                  /* lost before a worker saw them; not part of received */
	uint64_t in_flight;               /* received and not judged yet */
};

/*
 * What a brief result has of much: so many options where there are more than any kind but upvote
 * can have, and so many counts of a series.
 */
#define RESULTS_MANY_OPTIONS  KIND_MAX_OPTIONS
#define RESULTS_BRIEF_OPTIONS 100
#define RESULTS_BRIEF_COUNTS  16384

/* How much of it is told. */
enum results_extent {
	RESULTS_WHOLE,
	RESULTS_BRIEF,       /* of many options those that lead, of a long series its latest rows */
	RESULTS_BRIEF_BLIND, /* the same, but which options those are says nothing of the votes */
};

/* All that is told of one interaction. */
struct result {
	const struct interaction *interaction;
	const struct window *window;
	const struct tally_sum *sum; /* its voters and receipts */
	const struct outcome *outcome;
	struct score_board leaders; /* of a quiz: as many as are to be told */
	enum results_extent extent;
	uint64_t now_us;
	const char *durability; /* of the votes: durable, immediate, failed; NULL: none */
};

/* One interaction's result, a new reference; NULL only when out of memory. */
json_t *results_interaction(const struct result *result);

/* The entries of a leaderboard: [{"voter":…,"points":…}, …]. NULL only when out of memory. */
json_t *results_leaders(const struct score_board *board);

/*
 * The leaderboard of a show: {"tenant":…,"entries":…}, and with `with_show` its "show" between
 * them, null where there is none. NULL only when out of memory.
 */
json_t *results_leaderboard(const struct interaction *interaction, bool with_show,
			    const struct score_board *board);

/* The "datagrams" object. `live`: with in_flight, as a snapshot of a running appliance has it. */
json_t *results_datagrams(const struct datagram_counts *counts, bool live);

/* The parts of a document; NULL where memory was short for one. */
struct results_parts {
	json_t *interactions;
	bool has_quizzes;     /* then there is something to make leaderboards of */
	json_t *leaderboards; /* left out, and may be NULL, without quizzes */
	json_t *datagrams;
	json_t *clock;          /* clock_quality_json() */
	const char *durability; /* as of a result */
};

/* The whole document. Steals all references; NULL only when out of memory. */
json_t *results_document(const struct results_parts *parts);

/*
 * Writes beside `path` and renames, so that a reader sees the old file or the whole new one. A
 * `path` that is there and no regular file (a link, a device) is refused. 0, or a negative errno
 * with `err` filled in and nothing left behind. Where file sizes are limited, SIGXFSZ is the
 * caller's to ignore.
 */
int results_save(const char *path, const json_t *document, struct err *err);

#endif
