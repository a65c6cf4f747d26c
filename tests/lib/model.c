// SPDX-License-Identifier: BSD-3-Clause
/* The specification once more, one rule after the other. Nothing here is fast. */
#include "tests/lib/model.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

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

void model_close(struct model *model)
{
	for (uint32_t i = 0; i < model->window_count; i++)
		free(model->windows[i].answers);
}

void model_add_key(struct model *model, uint32_t tenant, uint32_t epoch, const uint8_t key[16])
{
	struct model_key *added = &model->keys[model->key_count++];
	added->tenant = tenant;
	added->epoch = epoch;
	memcpy(added->key, key, 16);
}

struct model_window *model_add_window(struct model *model, uint32_t tenant, uint32_t interaction,
				      uint32_t options, uint32_t voters)
{
	struct model_window *added = &model->windows[model->window_count++];
	added->tenant = tenant;
	added->interaction = interaction;
	added->options = options;
	added->voters = voters;
	added->answers = malloc(voters * sizeof(*added->answers));
	if (!added->answers)
		abort();
	for (uint32_t i = 0; i < voters; i++)
		added->answers[i] = -1;
	return added;
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
		if (model->windows[i].tenant == tenant &&
		    model->windows[i].interaction == interaction)
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

/* Rules 7 to 13 for a poll; the answer is recorded where it counts. */
static enum verdict judge_in(struct model_window *window, const uint8_t *vote, uint64_t now_us)
{
	__int128 now = now_us;
	__int128 program_time = field(vote, 20, 27);
	uint64_t choice = field(vote, 10, 11);
	uint64_t voter = field(vote, 16, 19);

	if (window->cancelled)
		return VERDICT_CANCELLED;
	if (choice >= window->options)
		return VERDICT_BAD_CHOICE;
	if (program_time > now + 250 * 1000)
		return VERDICT_EARLY;
	if (program_time < window->opens_at_us)
		return VERDICT_EARLY;
	if (program_time >= window->closes_at_us)
		return VERDICT_LATE;
	if (now - program_time > window->max_delay_us)
		return VERDICT_LATE;
	if (voter >= window->voters)
		return VERDICT_BUSY;
	if (window->answers[voter] != -1)
		return VERDICT_DUPLICATE;
	window->answers[voter] = (int32_t)choice;
	window->votes[choice]++;
	return VERDICT_COUNTED;
}

static int status_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_COUNTED: return 0;
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

static void answer(const struct model_window *window, const uint8_t *vote, uint64_t now_us,
		   enum verdict verdict, const uint8_t voter_key[16], uint8_t receipt[40])
{
	uint64_t voter = field(vote, 16, 19);
	uint64_t choice = 0xFFFF;
	if (window && voter < window->voters && window->answers[voter] != -1)
		choice = (uint64_t)window->answers[voter];
	memcpy(receipt, vote, 40);
	put_field(receipt, 0, 0, 0x42);
	put_field(receipt, 10, 11, choice);
	put_field(receipt, 20, 27, now_us);
	put_field(receipt, 28, 28, (uint64_t)status_of(verdict));
	tag_of(voter_key, receipt, receipt + 32);
}

enum verdict model_judge(struct model *model, const uint8_t vote[40], uint64_t now_us,
			 uint8_t receipt[40])
{
	uint8_t voter_key[16], tag[8];
	if (vote[0] != 0x41 || vote[28] != 0 || vote[1] % 32 != 7) {
		model->verdicts[VERDICT_MALFORMED]++;
		return VERDICT_MALFORMED;
	}
	const struct model_key *key = find_key(model, field(vote, 4, 5), field(vote, 9, 9));
	if (!key) {
		model->verdicts[VERDICT_UNKNOWN_KEY]++;
		return VERDICT_UNKNOWN_KEY;
	}
	derive(key, field(vote, 16, 19), voter_key);
	tag_of(voter_key, vote, tag);
	if (memcmp(tag, vote + 32, 8) != 0) {
		model->verdicts[VERDICT_BAD_TAG]++;
		return VERDICT_BAD_TAG;
	}
	struct model_window *window = find_window(model, field(vote, 4, 5), field(vote, 12, 15));
	enum verdict verdict = window ? judge_in(window, vote, now_us) : VERDICT_UNKNOWN;
	(window ? window->verdicts : model->verdicts)[verdict]++;
	answer(window, vote, now_us, verdict, voter_key, receipt);
	return verdict;
}
