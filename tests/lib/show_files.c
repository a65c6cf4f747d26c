// SPDX-License-Identifier: BSD-3-Clause
/* Files of a show, by hand. */
#include "tests/lib/show_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "dataplane/show/time_text.h"
#include "tests/lib/model_results.h"

enum { TOP = 10 };

static const char *const kinds[] = {
	[MODEL_POLL] = "poll",   [MODEL_MULTI] = "multi",   [MODEL_QUIZ] = "quiz",
	[MODEL_SCALE] = "scale", [MODEL_UPVOTE] = "upvote", [MODEL_REACTION] = "reaction",
};

static json_t *must(json_t *value)
{
	if (!value)
		abort();
	return value;
}

static json_t *numbers(const uint32_t *from, uint32_t count)
{
	json_t *array = json_array();
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_integer(from[i]));
	return must(array);
}

static json_t *labels(uint32_t count)
{
	json_t *array = json_array();
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, must(json_sprintf("L%u", i)));
	return must(array);
}

static json_t *rules_of(const struct model_plan *plan)
{
	switch (plan->kind) {
	case MODEL_MULTI:
		return json_pack("{so sb si}", "options", labels(plan->options), "revote",
				 plan->revote, "max_choices", (int)plan->max_choices);
	case MODEL_QUIZ:
		return json_pack("{so si so}", "options", labels(plan->options), "points",
				 (int)plan->points, "correct",
				 numbers(plan->correct, plan->correct_count));
	case MODEL_SCALE:
		return json_pack("{si si sb}", "min", (int)plan->min, "max", (int)plan->max,
				 "revote", plan->revote);
	case MODEL_POLL:
		return json_pack("{so sb}", "options", labels(plan->options), "revote",
				 plan->revote);
	case MODEL_UPVOTE:
	case MODEL_REACTION: return json_pack("{so}", "options", labels(plan->options));
	}
	abort();
}

json_t *show_files_interaction(const struct model_plan *plan)
{
	char opens_at[TIME_TEXT_BYTES];
	json_int_t duration_ms = (json_int_t)(plan->closes_at_us - plan->opens_at_us) / 1000;
	json_t *rules = must(rules_of(plan));
	json_t *item = must(json_pack(
		"{so sI ss ss ss sI sI}", "tenant", must(json_sprintf("t%u", plan->tenant)), "id",
		(json_int_t)plan->interaction, "kind", kinds[plan->kind], "question", "Which?",
		"opens_at", time_format(plan->opens_at_us, opens_at), "duration_ms", duration_ms,
		"max_delay_ms", (json_int_t)plan->max_delay_us / 1000));
	json_object_update(item, rules);
	json_decref(rules);
	return item;
}

static json_t *key_of(const struct model_key *key)
{
	char hex[33];
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", key->key[i]);
	return must(json_pack("{si ss}", "epoch", (int)key->epoch, "key", hex));
}

json_t *show_files_keyring(const struct model *model)
{
	json_t *tenants = must(json_array());
	for (uint32_t i = 0; i < model->key_count; i++) {
		uint32_t tenant = model->keys[i].tenant;
		json_t *keys = must(json_array());
		for (uint32_t k = 0; k < model->key_count; k++)
			if (model->keys[k].tenant == tenant)
				json_array_append_new(keys, key_of(&model->keys[k]));
		json_t *item = must(json_pack("{si so so}", "id", (int)tenant, "name",
					      must(json_sprintf("t%u", tenant)), "keys", keys));
		if (i > 0 && model->keys[i - 1].tenant == tenant)
			json_decref(item); /* is there already */
		else
			json_array_append_new(tenants, item);
	}
	return must(json_pack("{so}", "tenants", tenants));
}

__attribute__((format(printf, 2, 3))) static const char *differ(const struct model_window *window,
								const char *format, ...)
{
	static char line[256];
	va_list arguments;
	int at = 0;
	if (window)
		at = snprintf(line, sizeof(line), "result of %u/%u, %s: ", window->plan.tenant,
			      window->plan.interaction, kinds[window->plan.kind]);
	va_start(arguments, format);
	vsnprintf(line + at, sizeof(line) - (size_t)at, format, arguments);
	va_end(arguments);
	return line;
}

/* Of a member that is not there, a number that nothing comes to. */
static uint64_t integer(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);
	return json_is_integer(value) ? (uint64_t)json_integer_value(value) : UINT64_MAX;
}

static const char *same_receipts(const struct model_window *window, const json_t *result)
{
	const json_t *receipts = json_object_get(result, "receipts");
	for (enum verdict verdict = VERDICT_CANCELLED; verdict < VERDICT_COUNT; verdict++)
		if (integer(receipts, verdict_name(verdict)) != window->verdicts[verdict])
			return differ(window, "%" PRIu64 " %s, not %" PRIu64,
				      integer(receipts, verdict_name(verdict)),
				      verdict_name(verdict), window->verdicts[verdict]);
	return NULL;
}

static const char *same_options(const struct model_window *window, const json_t *result)
{
	const json_t *options = json_object_get(result, "options");
	bool scale = window->plan.kind == MODEL_SCALE;
	if (json_array_size(options) != window->counts)
		return differ(window, "%zu options", json_array_size(options));
	for (uint32_t i = 0; i < window->counts; i++) {
		const json_t *option = json_array_get(options, i);
		uint64_t name = integer(option, scale ? "value" : "index");
		if (name != (scale ? window->plan.min : 0) + i)
			return differ(window, "option %u is %" PRIu64, i, name);
		if (integer(option, "votes") != window->votes[i])
			return differ(window, "option %u has %" PRIu64 ", not %" PRIu64, i,
				      integer(option, "votes"), window->votes[i]);
	}
	return NULL;
}

static const char *same_mean(const struct model_window *window, const json_t *result)
{
	const json_t *value = json_object_get(result, "mean");
	double mean;
	if (window->plan.kind != MODEL_SCALE)
		return value ? differ(window, "has a mean") : NULL;
	if (!model_mean(window, &mean))
		return json_is_null(value) ? NULL : differ(window, "the mean of nothing");
	double told = json_real_value(value);
	/* To the last bit. */
	return memcmp(&told, &mean, sizeof(mean)) == 0
		       ? NULL
		       : differ(window, "mean %.17g, not %.17g", told, mean);
}

static const char *same_series(const struct model_window *window, const json_t *result)
{
	const json_t *series = json_object_get(result, "series");
	if (window->plan.kind != MODEL_REACTION)
		return series ? differ(window, "has a series") : NULL;
	if (!json_is_array(series) || json_array_size(series) != model_series_rows(window))
		return differ(window, "%zu rows, not %" PRIu64, json_array_size(series),
			      model_series_rows(window));
	for (size_t row = 0; row < json_array_size(series); row++) {
		const json_t *counts = json_array_get(series, row);
		if (json_array_size(counts) != window->counts)
			return differ(window, "row %zu has %zu counts", row,
				      json_array_size(counts));
		for (uint32_t i = 0; i < window->counts; i++)
			if ((uint64_t)json_integer_value(json_array_get(counts, i)) !=
			    model_series(window, row, i))
				return differ(window, "row %zu, option %u", row, i);
	}
	return NULL;
}

/* Of a quiz, or of a tenant where `window` is NULL. The board is closed. */
static const char *same_entries(const struct model_window *window, struct model_board *board,
				const json_t *entries)
{
	size_t wanted = board->count < TOP ? board->count : TOP;
	const char *wrong = NULL;
	if (!json_is_array(entries) || json_array_size(entries) != wanted)
		wrong = differ(window, "%zu leaders, not %zu", json_array_size(entries), wanted);
	for (size_t i = 0; i < wanted && !wrong; i++) {
		const json_t *entry = json_array_get(entries, i);
		const struct model_entry *want = &board->entries[i];
		if (integer(entry, "voter") != want->voter ||
		    integer(entry, "points") != want->points)
			wrong = differ(window,
				       "place %zu: %" PRIu64 " with %" PRIu64
				       ", not %u with %" PRIu64,
				       i + 1, integer(entry, "voter"), integer(entry, "points"),
				       want->voter, want->points);
	}
	model_board_close(board);
	return wrong;
}

static const char *same_quiz(const struct model_window *window, const json_t *result)
{
	const json_t *leaders = json_object_get(result, "leaderboard");
	struct model_board board;
	if (window->plan.kind != MODEL_QUIZ)
		return leaders ? differ(window, "has leaders") : NULL;
	model_board_of_quiz(&board, window);
	return same_entries(window, &board, leaders);
}

static const json_t *leaderboard_of(const json_t *leaderboards, uint32_t tenant)
{
	char name[16];
	snprintf(name, sizeof(name), "t%u", tenant);
	for (size_t i = 0; i < json_array_size(leaderboards); i++) {
		const json_t *board = json_array_get(leaderboards, i);
		const char *of = json_string_value(json_object_get(board, "tenant"));
		if (of && strcmp(of, name) == 0)
			return board;
	}
	return NULL;
}

static bool has_quizzes(const struct model *model, uint32_t tenant)
{
	for (uint32_t i = 0; i < model->window_count; i++)
		if (model->windows[i].plan.kind == MODEL_QUIZ &&
		    model->windows[i].plan.tenant == tenant)
			return true;
	return false;
}

const char *show_files_same_leaderboards(const struct model *model, const json_t *leaderboards)
{
	const char *wrong = NULL;
	size_t boards = 0;
	for (uint32_t tenant = 0; tenant <= UINT16_MAX && !wrong; tenant++) {
		struct model_board board;
		if (!has_quizzes(model, tenant))
			continue;
		boards++;
		model_board_of_show(&board, model, tenant);
		wrong = same_entries(
			NULL, &board,
			json_object_get(leaderboard_of(leaderboards, tenant), "entries"));
	}
	if (!wrong && json_array_size(leaderboards) != boards)
		wrong = differ(NULL, "%zu leaderboards, not %zu", json_array_size(leaderboards),
			       boards);
	return wrong;
}

const char *show_files_same_result(const struct model_window *window, const json_t *result)
{
	if (integer(result, "id") != window->plan.interaction)
		return differ(window, "has another id");
	if (integer(result, "voters") != model_voters(window))
		return differ(window, "%" PRIu64 " voters, not %" PRIu64, integer(result, "voters"),
			      model_voters(window));
	const char *wrong = same_receipts(window, result);
	if (!wrong)
		wrong = same_options(window, result);
	if (!wrong)
		wrong = same_mean(window, result);
	if (!wrong)
		wrong = same_series(window, result);
	return wrong ? wrong : same_quiz(window, result);
}
