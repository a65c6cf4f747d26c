// SPDX-License-Identifier: BSD-3-Clause
/*
 * Results as JSON, and results files. Called by the control thread and at the end of --replay, with
 * counts that were read elsewhere. Never counts anything, never asks for the time.
 */
#include "dataplane/show/results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/receipt.h"
#include "dataplane/show/time_text.h"

#define NO_JOURNAL "none" /* the votes outlive nothing */

#define TEMP_NAMES 100

/* The order of the receipts object. */
static const enum verdict receipt_order[] = {
	VERDICT_COUNTED, VERDICT_CHANGED,    VERDICT_DUPLICATE, VERDICT_EARLY,
	VERDICT_LATE,    VERDICT_BAD_CHOICE, VERDICT_CANCELLED, VERDICT_BUSY,
};

/* An object under construction. `failed` once memory was short; further members are then dropped.
 */
struct object {
	json_t *json;
	bool failed;
};

static struct object object_begin(void)
{
	json_t *json = json_object();
	return (struct object){json, json == NULL};
}

/* Takes the reference to `value`, which may be NULL: out of memory. */
static void put(struct object *object, const char *key, json_t *value)
{
	if (json_object_set_new(object->json, key, value) != 0)
		object->failed = true;
}

static void put_count(struct object *object, const char *key, uint64_t count)
{
	put(object, key, json_integer((json_int_t)count));
}

static void put_time(struct object *object, const char *key, uint64_t time_us)
{
	char text[TIME_TEXT_BYTES];
	put(object, key, json_string(time_format(time_us, text)));
}

/* The finished object, or NULL with everything given back. */
static json_t *object_end(const struct object *object)
{
	if (!object->failed)
		return object->json;
	json_decref(object->json);
	return NULL;
}

/* Of a scale, which has no labels, the option is its value. */
static json_t *option_result(const struct interaction *interaction, uint16_t index, uint64_t votes)
{
	struct object option = object_begin();
	if (interaction->labels) {
		put_count(&option, "index", index);
		put(&option, "label", json_string(interaction->labels[index]));
	} else {
		put_count(&option, "value", kind_choice(&interaction->rules, index));
	}
	put_count(&option, "votes", votes);
	return object_end(&option);
}

/* Takes the reference to `value`, as put() does. False, and `array` given back, out of memory. */
static bool append(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value) == 0)
		return true;
	json_decref(*array);
	*array = NULL;
	return false;
}

static bool leaves_options_out(const struct result *result)
{
	return result->extent != RESULTS_WHOLE && result->outcome->options > RESULTS_MANY_OPTIONS;
}

/* Which options are told, where some are left out. */
static uint32_t choose_options(const struct result *result, uint32_t chosen[RESULTS_BRIEF_OPTIONS])
{
	if (result->extent == RESULTS_BRIEF)
		return outcome_leading(result->outcome, chosen, RESULTS_BRIEF_OPTIONS);
	for (uint32_t i = 0; i < RESULTS_BRIEF_OPTIONS; i++)
		chosen[i] = i;
	return RESULTS_BRIEF_OPTIONS;
}

static json_t *option_results(const struct result *result)
{
	const struct outcome *outcome = result->outcome;
	uint32_t chosen[RESULTS_BRIEF_OPTIONS];
	bool some = leaves_options_out(result);
	uint32_t count = some ? choose_options(result, chosen) : outcome->options;
	json_t *options = json_array();
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = some ? chosen[i] : i;
		if (!append(&options, option_result(result->interaction, (uint16_t)index,
						    outcome->votes[index])))
			break;
	}
	return options;
}

static json_t *mean_result(const struct outcome *outcome)
{
	return outcome->has_mean ? json_real(outcome->mean) : json_null();
}

static json_t *series_row(const uint64_t *counts, uint32_t options)
{
	json_t *row = json_array();
	for (uint32_t i = 0; i < options; i++)
		if (!append(&row, json_integer((json_int_t)counts[i])))
			break;
	return row;
}

/* The rows from `from` on, `to` not among them. */
static json_t *series_rows(const struct outcome *outcome, uint64_t from, uint64_t to)
{
	json_t *series = json_array();
	for (uint64_t row = from; row < to; row++)
		if (!append(&series,
			    series_row(outcome->series + row * outcome->options, outcome->options)))
			break;
	return series;
}

/* How many of its seconds have begun; one more, as votes may run ahead of the time. */
static uint64_t rows_begun(const struct result *result)
{
	uint64_t opens_at_us = result->window->opens_at_us, rows = result->outcome->rows;
	uint64_t passed_us = result->now_us > opens_at_us ? result->now_us - opens_at_us : 0;
	uint64_t begun = passed_us / 1000000u + 2;
	return begun < rows ? begun : rows;
}

/* Where rows are left out, `series_from` is the second of the first one. */
static void put_series(struct object *object, const struct result *result)
{
	const struct outcome *outcome = result->outcome;
	uint64_t most = RESULTS_BRIEF_COUNTS / outcome->options, to = outcome->rows;
	if (result->extent == RESULTS_WHOLE || outcome->rows <= most) {
		put(object, "series", series_rows(outcome, 0, to));
		return;
	}
	to = rows_begun(result);
	uint64_t from = to > most ? to - most : 0;
	put(object, "series", series_rows(outcome, from, to));
	put_count(object, "series_from", from);
}

static json_t *correct_result(const struct interaction *interaction)
{
	json_t *correct = json_array();
	for (uint32_t i = 0; i < interaction->rules.options; i++)
		if (interaction->correct[i / 64] >> i % 64 & 1 &&
		    !append(&correct, json_integer(i)))
			break;
	return correct;
}

static json_t *leader(const struct score_entry *entry)
{
	struct object leader = object_begin();
	put_count(&leader, "voter", entry->voter);
	put_count(&leader, "points", entry->points);
	return object_end(&leader);
}

json_t *results_leaders(const struct score_board *board)
{
	json_t *leaders = json_array();
	for (uint32_t i = 0; i < board->count; i++)
		if (!append(&leaders, leader(&board->entries[i])))
			break;
	return leaders;
}

json_t *results_leaderboard(const struct interaction *interaction, bool with_show,
			    const struct score_board *board)
{
	struct object leaderboard = object_begin();
	put(&leaderboard, "tenant", json_string(interaction->tenant->name));
	if (with_show)
		put(&leaderboard, "show",
		    interaction->show ? json_string(interaction->show) : json_null());
	put(&leaderboard, "entries", results_leaders(board));
	return object_end(&leaderboard);
}

/* What not every kind has. */
static void put_members(struct object *object, const struct result *result)
{
	const struct kind_row *row = kind_row((enum kind)result->interaction->rules.kind);
	if (row->members & MEMBER_MEAN)
		put(object, "mean", mean_result(result->outcome));
	if (row->members & MEMBER_SERIES)
		put_series(object, result);
	if (row->fields & FIELD_CORRECT)
		put(object, "correct", correct_result(result->interaction));
	if (row->members & MEMBER_LEADERBOARD)
		put(object, "leaderboard", results_leaders(&result->leaders));
}

static json_t *receipt_counts(const struct tally_sum *sum)
{
	struct object receipts = object_begin();
	for (size_t i = 0; i < sizeof(receipt_order) / sizeof(receipt_order[0]); i++) {
		enum verdict verdict = receipt_order[i];
		put_count(&receipts, verdict_name(verdict),
			  sum->receipts[receipt_status_of(verdict)]);
	}
	return object_end(&receipts);
}

json_t *results_interaction(const struct result *result)
{
	const struct interaction *interaction = result->interaction;
	const struct window *window = result->window;
	struct object object = object_begin();
	put(&object, "tenant", json_string(interaction->tenant->name));
	put_count(&object, "id", interaction->id);
	put(&object, "kind", json_string(kind_row((enum kind)interaction->rules.kind)->name));
	put(&object, "state", json_string(window_state_name(window_state(window, result->now_us))));
	put(&object, "question", json_string(interaction->question));
	put_time(&object, "opens_at", window->opens_at_us);
	put_time(&object, "closes_at", window->closes_at_us);
	put_count(&object, "voters", result->sum->voters);
	put(&object, "options", option_results(result));
	if (leaves_options_out(result))
		put_count(&object, "options_total", result->outcome->options);
	put_members(&object, result);
	put(&object, "receipts", receipt_counts(result->sum));
	put(&object, "durability",
	    json_string(result->durability ? result->durability : NO_JOURNAL));
	return object_end(&object);
}

json_t *results_datagrams(const struct datagram_counts *counts, bool live)
{
	struct object datagrams = object_begin();
	put_count(&datagrams, "received", counts->received);
	for (enum verdict verdict = VERDICT_PASSED; verdict <= VERDICT_UNKNOWN; verdict++)
		put_count(&datagrams, verdict_name(verdict), counts->verdicts[verdict]);
	put_count(&datagrams, "missed", counts->missed);
	if (live)
		put_count(&datagrams, "in_flight", counts->in_flight);
	return object_end(&datagrams);
}

json_t *results_document(const struct results_parts *parts)
{
	struct object document = object_begin();
	put(&document, "interactions", parts->interactions);
	if (parts->has_quizzes)
		put(&document, "leaderboards", parts->leaderboards);
	else
		json_decref(parts->leaderboards);
	put(&document, "datagrams", parts->datagrams);
	put(&document, "clock", parts->clock);
	put(&document, "durability",
	    json_string(parts->durability ? parts->durability : NO_JOURNAL));
	return object_end(&document);
}

/* A new file that nobody else has, or NULL with errno. */
static FILE *create_new(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return NULL;
	FILE *file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		unlink(name);
	}
	return file;
}

/* The same, in the directory of `path`; its name is then the caller's to free. */
static FILE *create_beside(const char *path, char **name)
{
	FILE *file = NULL;
	errno = EEXIST;
	for (int i = 0; i < TEMP_NAMES && !file && errno == EEXIST; i++) {
		if (asprintf(name, "%s.%ld-%d.tmp", path, (long)getpid(), i) < 0) {
			errno = ENOMEM;
			return NULL;
		}
		file = create_new(*name);
		if (!file)
			free(*name);
	}
	return file;
}

/* All of it on the disk, and the file closed. 0 or a negative errno. */
static int write_and_close(FILE *file, const json_t *document)
{
	int rc = 0;
	errno = EIO;
	if (json_dumpf(document, file, JSON_INDENT(2)) != 0 || fputc('\n', file) == EOF ||
	    fflush(file) != 0 || fsync(fileno(file)) != 0)
		rc = -errno;
	if (fclose(file) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* A link or a device is left as it is: the rename would put a file in its place. */
static int check_target(const char *path, struct err *err)
{
	struct stat target;
	if (lstat(path, &target) == 0 && !S_ISREG(target.st_mode))
		return err_set(
			err, -EINVAL,
			"%s: is there and is not a regular file; name a file for the results",
			path);
	return 0;
}

int results_save(const char *path, const json_t *document, struct err *err)
{
	char *temp;
	int rc = check_target(path, err);
	if (rc)
		return rc;
	FILE *file = create_beside(path, &temp);
	if (!file)
		return err_set(err, -errno, "%s: cannot be created: %s; check its directory", path,
			       strerror(errno));
	rc = write_and_close(file, document);
	if (rc == 0 && rename(temp, path) != 0)
		rc = -errno;
	if (rc) {
		unlink(temp);
		err_set(err, rc, "%s: cannot be written: %s; no results were saved", path,
			strerror(-rc));
	}
	free(temp);
	return rc;
}
