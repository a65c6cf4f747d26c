/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of a result as rows to show: each with its label or value; ranges of values where a
 * scale has many; the leading ones where not all have room. What a kind's rows are follows from its
 * row in dataplane/core/kind.h. Pure but for memory.
 */
#ifndef TALLYWIRE_CTL_CHOICES_H
#define TALLYWIRE_CTL_CHOICES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHOICES_LABEL_BYTES 48
#define CHOICES_MAX_RANGES  20 /* rows of a scale */

struct choice {
	const json_t *option; /* the result's; of a range its first value's */
	const json_t *last;   /* of a range of values its last one's; else `option` */
	size_t index;         /* of `option` among all */
	uint64_t votes;
	bool right; /* the result says so */
};

struct choices {
	struct choice *rows; /* owned */
	size_t count;        /* of rows */
	size_t left_out;     /* how many more there are */
	bool told;         /* the appliance tells votes; to the public it does from the reveal on */
	uint64_t votes;    /* of all options */
	uint64_t most;     /* of one row */
	uint64_t whole;    /* 100 %: all votes, or all voters where each may be for several */
	uint64_t full_bar; /* the votes that fill a bar */
	int longest_label; /* columns, of those in `rows` */
	int longest_votes;
};

/*
 * Of an interaction as docs/files.md has it, to be freed with choices_free(). At most `max_rows`
 * rows, one less where some are left out, as that takes a line to say; 0: no limit. Without memory
 * there are no rows.
 */
void choices_read(const json_t *interaction, size_t max_rows, struct choices *choices);
void choices_free(struct choices *choices);

/* The options that the appliance left out: of very many it tells the leading ones. */
size_t choices_untold(const json_t *interaction);

/* The rows it has without limit, and the line that says how many more there are. */
size_t choices_count(const json_t *interaction);

/* "Red", "7", "21-30"; it may lie in `text`. */
const char *choices_label(const struct choice *choice, char text[CHOICES_LABEL_BYTES]);

#endif
