// SPDX-License-Identifier: BSD-3-Clause
/* From a window's store to its files. Called by sealer.c in a thread, and by audit.c. */
#include "dataplane/sealed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/boards.h"
#include "dataplane/seal.h"
#include "dataplane/show/time_text.h"
#include "dataplane/window_results.h"

int sealed_add(struct sealed_files *files, const char *name, char *bytes, size_t count)
{
	if (bytes && files->count == files->room) {
		uint32_t room = files->room ? files->room * 2 : 16;
		struct sealed_file *more = realloc(files->file, room * sizeof(*more));
		if (more) {
			files->file = more;
			files->room = room;
		}
	}
	if (!bytes || files->count == files->room) {
		free(bytes);
		return -ENOMEM;
	}
	struct sealed_file *file = &files->file[files->count++];
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->bytes = bytes;
	file->count = count;
	return 0;
}

void sealed_free(struct sealed_files *files)
{
	for (uint32_t i = 0; i < files->count; i++)
		free(files->file[i].bytes);
	free(files->file);
	*files = (struct sealed_files){0};
}

void sealed_folder(const struct armed_window *armed, char name[SEALED_FOLDER_BYTES])
{
	char text[TIME_TEXT_BYTES], compact[TIME_TEXT_BYTES], *to = compact;
	time_format(armed->window.closes_at_us, text);
	for (const char *from = text; *from; from++)
		if (*from != '-' && *from != ':')
			*to++ = *from;
	*to = '\0';
	snprintf(name, SEALED_FOLDER_BYTES, "%s-%u-%s", armed->interaction.tenant->name,
		 armed->interaction.id, compact);
}

json_t *sealed_result(struct windows *windows, struct armed_window *armed, const char *durability)
{
	struct window before = armed->window;
	uint64_t at_us = window_final_at_us(&armed->window);
	const struct results_wish wish = {
		.now_us = at_us, .top = BOARDS_DEFAULT_TOP, .durability = durability};
	struct tally_sum sum;
	/* Refused latecomers and a reveal come later, and are no part of it. */
	armed->window.revealed = false;
	windows_sum(windows, armed, at_us, &sum);
	memcpy(sum.receipts, armed->final_receipts, sizeof(sum.receipts));
	json_t *result = window_results_one(windows, armed, &wish, &sum);
	armed->window = before;
	return result;
}

/* An option's name in files: a value, or an index. */
static void set_name(const struct question *question, uint32_t index, char name[SEALED_NAME_BYTES])
{
	bool value = question->kind == KIND_SCALE;
	snprintf(name, SEALED_NAME_BYTES, "%s-%u.roaring", value ? "value" : "option",
		 value ? question->first + index : index);
}

static int add_bitmap(struct sealed_files *files, const char *name, roaring_bitmap_t *bitmap)
{
	size_t bytes = 0;
	if (!bitmap)
		return -ENOMEM;
	roaring_bitmap_run_optimize(bitmap);
	roaring_bitmap_shrink_to_fit(bitmap);
	char *file = seal_portable(bitmap, &bytes);
	return sealed_add(files, name, file, bytes);
}

static int add_options(struct sealed_files *files, const struct question *question,
		       roaring_bitmap_t *const *sets)
{
	char name[SEALED_NAME_BYTES];
	int rc = 0;
	for (uint32_t i = 0; i < question->options && rc == 0; i++) {
		set_name(question, i, name);
		rc = add_bitmap(files, name, sets[i]);
	}
	return rc;
}

static void free_sets(roaring_bitmap_t **sets, uint32_t count)
{
	for (uint32_t i = 0; sets && i < count; i++)
		if (sets[i])
			roaring_bitmap_free(sets[i]);
	free(sets);
}

static roaring_bitmap_t **make_sets(uint32_t count)
{
	roaring_bitmap_t **sets = calloc(count + 1, sizeof(*sets));
	for (uint32_t i = 0; sets && i < count; i++)
		if (!(sets[i] = roaring_bitmap_create())) {
			free_sets(sets, count);
			return NULL;
		}
	return sets;
}

/* Of a multi a choice names several options: its voters are in the set of each. */
static int add_masks(const struct armed_window *armed, const struct seal *seal,
		     struct sealed_files *files)
{
	const struct question *question = &armed->window.question;
	roaring_bitmap_t **sets = make_sets(question->options);
	if (!sets)
		return -ENOMEM;
	for (uint32_t i = 0; i < seal->options; i++) {
		uint32_t mask = kind_choice(question, (uint16_t)i);
		if (roaring_bitmap_is_empty(seal->choices[i]))
			continue;
		for (; mask; mask &= mask - 1)
			roaring_bitmap_or_inplace(sets[__builtin_ctz(mask)], seal->choices[i]);
	}
	int rc = add_options(files, question, sets);
	free_sets(sets, question->options);
	return rc;
}

/* One answer per voter, in the first ballot. */
static int add_ballot(const struct armed_window *armed, struct sealed_files *files)
{
	const struct question *question = &armed->window.question;
	struct seal seal;
	int rc = seal_make(armed->window.ballots, kind_answers(question), &seal);
	if (rc)
		return rc;
	if (question->kind == KIND_MULTI)
		rc = add_masks(armed, &seal, files);
	else
		rc = add_options(files, question, seal.choices);
	if (rc == 0)
		rc = add_bitmap(files, SEALED_VOTERS, seal.voters);
	seal_free(&seal);
	return rc;
}

static int add_second(const struct ballot *ballot, uint32_t options, roaring_bitmap_t **sets)
{
	struct seal seal;
	int rc = seal_make(ballot, options, &seal);
	for (uint32_t i = 0; rc == 0 && i < options; i++)
		roaring_bitmap_or_inplace(sets[i], seal.choices[i]);
	if (rc == 0)
		roaring_bitmap_or_inplace(sets[options], seal.voters);
	if (rc == 0)
		seal_free(&seal);
	return rc;
}

/* Who gave a reaction in any second. */
static int add_seconds(const struct armed_window *armed, struct sealed_files *files)
{
	const struct question *question = &armed->window.question;
	uint32_t options = question->options;
	roaring_bitmap_t **sets = make_sets(options + 1u);
	int rc = sets ? 0 : -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < armed->seconds; i++)
		rc = add_second(&armed->store.ballots[i], options, sets);
	if (rc == 0)
		rc = add_options(files, question, sets);
	if (rc == 0)
		rc = add_bitmap(files, SEALED_VOTERS, sets[options]);
	free_sets(sets, options + 1u);
	return rc;
}

/* voter << 16 | item, ascending. */
struct pairs {
	uint64_t *pair;
	uint64_t count;
};

static int by_pair(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;
	return *a < *b ? -1 : *a > *b;
}

static int read_pairs(const struct upvotes *upvotes, struct pairs *pairs)
{
	uint64_t count = 0;
	for (uint64_t i = 0; i < upvotes->count; i++)
		count += upvotes->cells[i] != 0;
	*pairs = (struct pairs){.pair = malloc((count + 1) * sizeof(uint64_t))};
	if (!pairs->pair)
		return -ENOMEM;
	for (uint64_t i = 0; i < upvotes->count; i++)
		if (upvotes->cells[i])
			pairs->pair[pairs->count++] = upvotes->cells[i] - 1;
	qsort(pairs->pair, pairs->count, sizeof(uint64_t), by_pair);
	return 0;
}

static int add_pairs(const struct pairs *pairs, struct sealed_files *files)
{
	size_t bytes = pairs->count * SEALED_PAIR_BYTES;
	char *file = malloc(bytes + 1);
	for (uint64_t i = 0; file && i < pairs->count; i++)
		for (int byte = 0; byte < SEALED_PAIR_BYTES; byte++)
			file[i * SEALED_PAIR_BYTES + (uint64_t)byte] =
				(char)(pairs->pair[i] >> (40 - 8 * byte));
	return sealed_add(files, SEALED_PAIRS, file, bytes);
}

static int add_upvotes(const struct armed_window *armed, struct sealed_files *files)
{
	const struct question *question = &armed->window.question;
	bool by_item = question->options <= SEALED_ITEMS_MOST;
	uint32_t items = by_item ? question->options : 0;
	struct pairs pairs;
	int rc = read_pairs(&armed->store.upvotes, &pairs);
	if (rc)
		return rc;
	roaring_bitmap_t **sets = make_sets(items + 1);
	rc = sets ? 0 : -ENOMEM;
	for (uint64_t i = 0; rc == 0 && i < pairs.count; i++) {
		uint32_t voter = (uint32_t)(pairs.pair[i] >> 16);
		roaring_bitmap_add(sets[items], voter);
		if (by_item)
			roaring_bitmap_add(sets[(uint16_t)pairs.pair[i]], voter);
	}
	if (rc == 0)
		rc = by_item ? add_options(files, question, sets) : add_pairs(&pairs, files);
	if (rc == 0)
		rc = add_bitmap(files, SEALED_VOTERS, sets[items]);
	free_sets(sets, items + 1);
	free(pairs.pair);
	return rc;
}

int sealed_sets(const struct armed_window *armed, struct sealed_files *files)
{
	int rc;
	*files = (struct sealed_files){0};
	switch ((enum kind_identity)armed->window.identity) {
	case ONE_PER_VOTER_SECOND: rc = add_seconds(armed, files); break;
	case ONE_PER_VOTER_ITEM: rc = add_upvotes(armed, files); break;
	default: rc = add_ballot(armed, files); break;
	}
	if (rc)
		sealed_free(files);
	return rc;
}
