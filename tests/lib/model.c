// SPDX-License-Identifier: BSD-3-Clause
/* The rules one after the other, and the receipt. Nothing here is fast. */
#include "tests/lib/model.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/model_kinds.h"

/* The fields of a vote by their byte numbers, first to last. */
static uint64_t field(const uint8_t *vote, int first, int last)
{
	uint64_t value = 0;
	for (int i = first; i <= last; i++)
		value = value * 256 + vote[i];
	return value;
}

static void put_field(uint8_t *packet, int first, int last, uint64_t value)
{
	for (int i = last; i >= first; i--, value /= 256)
		packet[i] = (uint8_t)(value % 256);
}

void model_open(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

static void window_close(struct model_window *window)
{
	model_answers_close(&window->answers);
	model_answers_close(&window->seen);
	free(window->votes);
	free(window->series);
}

void model_close(struct model *model)
{
	for (uint32_t i = 0; i < model->window_count; i++)
		window_close(&model->windows[i]);
}

void model_add_key(struct model *model, uint32_t tenant, uint32_t epoch, const uint8_t key[16])
{
	if (model->key_count == MODEL_MAX_KEYS)
		abort();
	struct model_key *added = &model->keys[model->key_count++];
	added->tenant = tenant;
	added->epoch = epoch;
	memcpy(added->key, key, 16);
}

static uint64_t *zeroes(size_t count)
{
	uint64_t *numbers = calloc(count, sizeof(*numbers));
	if (!numbers)
		abort();
	return numbers;
}

static void window_open(struct model_window *added, const struct model_plan *plan)
{
	memset(added, 0, sizeof(*added));
	added->plan = *plan;
	added->opens_at_us = plan->opens_at_us;
	added->closes_at_us = plan->closes_at_us;
	added->max_delay_us = plan->max_delay_us;
	added->counts = model_counts_of(plan);
	added->votes = zeroes(added->counts);
	if (plan->kind == MODEL_REACTION)
		added->series = zeroes((size_t)plan->seconds * added->counts);
	model_answers_open(&added->answers);
	model_answers_open(&added->seen);
}

struct model_window *model_add_window(struct model *model, const struct model_plan *plan)
{
	if (model->window_count == MODEL_MAX_WINDOWS)
		abort();
	struct model_window *added = &model->windows[model->window_count++];
	window_open(added, plan);
	return added;
}

void model_replace_window(struct model *model, uint32_t place, const struct model_plan *plan)
{
	window_close(&model->windows[place]);
	window_open(&model->windows[place], plan);
}

static const struct model_key *find_key(const struct model *model, uint64_t tenant, uint64_t epoch)
{
	for (uint32_t i = 0; i < model->key_count; i++)
		if (model->keys[i].tenant == tenant && model->keys[i].epoch == epoch)
			return &model->keys[i];
	return NULL;
}

static struct model_window *find_window(struct model *model, uint64_t tenant, uint64_t interaction)
{
	for (uint32_t i = 0; i < model->window_count; i++)
		if (model->windows[i].plan.tenant == tenant &&
		    model->windows[i].plan.interaction == interaction)
			return &model->windows[i];
	return NULL;
}

/* K_v = SipHash128(K_t[epoch], tenant:2, epoch:1, 0x4B, voter:4) */
static void derive(const struct model_key *key, uint64_t voter, uint8_t voter_key[16])
{
	uint8_t input[8];
	put_field(input, 0, 1, key->tenant);
	put_field(input, 2, 2, key->epoch);
	put_field(input, 3, 3, 0x4B);
	put_field(input, 4, 7, voter);
	crypto_shorthash_siphashx24(voter_key, input, 8, key->key);
}

static void tag_of(const uint8_t voter_key[16], const uint8_t *packet, uint8_t tag[8])
{
	uint8_t hash[16];
	crypto_shorthash_siphashx24(hash, packet, 32, voter_key);
	memcpy(tag, hash, 8);
}

/* Rules 7 to 13. */
static enum verdict judge_in(struct model_window *window, const struct model_vote *vote,
			     uint64_t now_us)
{
	__int128 now = now_us;
	__int128 program_time = vote->program_time_us;

	if (window->cancelled)
		return VERDICT_CANCELLED;
	if (!model_choice_is_valid(window, vote->choice))
		return VERDICT_BAD_CHOICE;
	if (program_time > now + 250 * 1000)
		return VERDICT_EARLY;
	if (program_time < window->opens_at_us)
		return VERDICT_EARLY;
	if (program_time >= window->closes_at_us)
		return VERDICT_LATE;
	if (now - program_time > window->max_delay_us)
		return VERDICT_LATE;
	return model_cast(window, vote);
}

static int status_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_COUNTED: return 0;
	case VERDICT_CHANGED: return 1;
	case VERDICT_DUPLICATE: return 2;
	case VERDICT_EARLY: return 3;
	case VERDICT_LATE: return 4;
	case VERDICT_UNKNOWN: return 5;
	case VERDICT_BAD_CHOICE: return 6;
	case VERDICT_CANCELLED: return 7;
	case VERDICT_BUSY: return 8;
	default: abort();
	}
}

static void answer(uint16_t choice, const uint8_t *vote, uint64_t now_us, enum verdict verdict,
		   const uint8_t voter_key[16], uint8_t receipt[40])
{
	memcpy(receipt, vote, 40);
	put_field(receipt, 0, 0, 0x42);
	put_field(receipt, 10, 11, choice);
	put_field(receipt, 20, 27, now_us);
	put_field(receipt, 28, 28, (uint64_t)status_of(verdict));
	tag_of(voter_key, receipt, receipt + 32);
}

static struct model_vote fields_of(const uint8_t *vote)
{
	return (struct model_vote){
		.tenant = (uint16_t)field(vote, 4, 5),
		.choice = (uint16_t)field(vote, 10, 11),
		.interaction = (uint32_t)field(vote, 12, 15),
		.voter = (uint32_t)field(vote, 16, 19),
		.program_time_us = field(vote, 20, 27),
		.revision = (uint32_t)field(vote, 29, 31),
	};
}

/* Rules 3 to 5; the key of the voter where all is well. */
static enum verdict authenticate(const struct model *model, const uint8_t *vote,
				 uint8_t voter_key[16])
{
	uint8_t tag[8];
	if (vote[0] != 0x41 || vote[28] != 0 || vote[1] % 32 != 7)
		return VERDICT_MALFORMED;
	const struct model_key *key = find_key(model, field(vote, 4, 5), field(vote, 9, 9));
	if (!key)
		return VERDICT_UNKNOWN_KEY;
	derive(key, field(vote, 16, 19), voter_key);
	tag_of(voter_key, vote, tag);
	return memcmp(tag, vote + 32, 8) == 0 ? VERDICT_NONE : VERDICT_BAD_TAG;
}

enum verdict model_judge(struct model *model, const uint8_t vote[40], uint64_t now_us,
			 uint8_t receipt[40])
{
	uint8_t voter_key[16];
	enum verdict verdict = authenticate(model, vote, voter_key);
	if (verdict != VERDICT_NONE) {
		model->verdicts[verdict]++;
		return verdict;
	}
	struct model_vote fields = fields_of(vote);
	struct model_window *window = find_window(model, fields.tenant, fields.interaction);
	verdict = window ? judge_in(window, &fields, now_us) : VERDICT_UNKNOWN;
	(window ? window->verdicts : model->verdicts)[verdict]++;
	uint16_t choice = window ? model_standing(window, &fields) : MODEL_NO_CHOICE;
	answer(choice, vote, now_us, verdict, voter_key, receipt);
	return verdict;
}

enum model_state model_state(const struct model_window *window, uint64_t now_us)
{
	if (window->cancelled)
		return MODEL_CANCELLED;
	if (window->revealed)
		return MODEL_REVEALED;
	if (now_us < window->opens_at_us)
		return MODEL_SCHEDULED;
	if (now_us < window->closes_at_us)
		return MODEL_OPEN;
	if (now_us < (__int128)window->closes_at_us + window->max_delay_us)
		return MODEL_DRAINING;
	return MODEL_FINAL;
}

static bool is_before_final(const struct model_window *window, uint64_t now_us)
{
	enum model_state state = model_state(window, now_us);
	return state == MODEL_SCHEDULED || state == MODEL_OPEN || state == MODEL_DRAINING;
}

bool model_end(struct model_window *window, uint64_t now_us)
{
	if (model_state(window, now_us) != MODEL_OPEN)
		return false;
	window->closes_at_us = now_us;
	return true;
}

bool model_extend(struct model_window *window, uint64_t now_us, uint64_t by_us)
{
	if (!is_before_final(window, now_us))
		return false;
	window->closes_at_us += by_us;
	return true;
}

bool model_cancel(struct model_window *window, uint64_t now_us)
{
	if (!is_before_final(window, now_us))
		return false;
	window->cancelled = true;
	return true;
}

bool model_reveal(struct model_window *window, uint64_t now_us)
{
	if (model_state(window, now_us) != MODEL_FINAL)
		return false;
	window->revealed = true;
	return true;
}
