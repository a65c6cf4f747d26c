// SPDX-License-Identifier: BSD-3-Clause
/* Files of a show, by hand. */
#include "tests/lib/show_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "dataplane/show/time_text.h"
#include "tests/lib/model_results.h"

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
	int at = snprintf(line, sizeof(line), "result of %u/%u, %s: ", window->plan.tenant,
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
	return wrong;
}
