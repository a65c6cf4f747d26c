// SPDX-License-Identifier: BSD-3-Clause
/* Every field of a vote drawn by itself, most of them good, so that each rule decides often. */
#include "tests/lib/show_votes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000ull
#define AHEAD  250000ull

/* So few voters meet again and again. */
enum { COLLIDING = 32, REVISIONS = 1 << 24 };

uint64_t show_votes_seed(void)
{
	const char *given = getenv("TALLYWIRE_TEST_SEED");
	return given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uint64_t)clock();
}

void show_votes_open(struct show_votes *votes, const struct model *model, uint64_t seed)
{
	memset(votes, 0, sizeof(*votes));
	votes->model = model;
	votes->state = seed;
}

/* SplitMix64. */
static uint64_t random_number(struct show_votes *votes)
{
	uint64_t z = votes->state += 0x9E3779B97F4A7C15;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

uint64_t show_votes_below(struct show_votes *votes, uint64_t limit)
{
	return random_number(votes) % limit;
}

static bool one_in(struct show_votes *votes, uint32_t times)
{
	return show_votes_below(votes, times) == 0;
}

/* An edge or its neighbour before or behind it; wraps where the edge is 0. */
static uint64_t around(struct show_votes *votes, uint64_t edge)
{
	return edge + show_votes_below(votes, 3) - 1;
}

/* The end of a second since the opening, up to a few behind what the window has or has room for. */
static uint64_t random_second(struct show_votes *votes, const struct model_window *window)
{
	uint64_t seconds = 0;
	if (window->closes_at_us > window->opens_at_us)
		seconds = (window->closes_at_us - window->opens_at_us) / SECOND;
	if (window->plan.kind == MODEL_REACTION && one_in(votes, 4))
		return window->opens_at_us + window->plan.seconds * SECOND;
	return window->opens_at_us + show_votes_below(votes, seconds + 3) * SECOND;
}

/* As far behind the clock or ahead of it as may be, or about the edges of window and second. */
static uint64_t live_program_time(struct show_votes *votes, const struct model_window *window)
{
	uint64_t now_us = votes->now_us;
	switch (show_votes_below(votes, 12)) {
	case 0: return around(votes, now_us + AHEAD);
	case 1: return around(votes, now_us - window->max_delay_us);
	case 2: return around(votes, window->opens_at_us);
	case 3: return around(votes, window->closes_at_us);
	case 4: return around(votes, random_second(votes, window));
	case 5:
	case 6: return now_us + show_votes_below(votes, AHEAD + 1);
	default: return now_us - show_votes_below(votes, window->max_delay_us + 1);
	}
}

static uint64_t random_program_time(struct show_votes *votes, const struct model_window *window)
{
	if (votes->now_us)
		return live_program_time(votes, window);
	uint64_t from = window->opens_at_us - SECOND, to = window->closes_at_us + SECOND;
	switch (show_votes_below(votes, 12)) {
	case 0: return around(votes, window->opens_at_us);
	case 1: return around(votes, window->closes_at_us);
	case 2: return one_in(votes, 2) ? around(votes, 0) : random_number(votes);
	case 3:
	case 4: return around(votes, random_second(votes, window));
	default: return to > from ? from + show_votes_below(votes, to - from) : from;
	}
}

/* Some time from a second before the opening to twice as long as it was planned. */
static uint64_t some_arrival(struct show_votes *votes, const struct model_window *window)
{
	uint64_t planned = window->plan.closes_at_us - window->plan.opens_at_us;
	return window->opens_at_us - SECOND + show_votes_below(votes, 2 * planned + 2 * SECOND);
}

static uint64_t random_arrival(struct show_votes *votes, const struct model_window *window,
			       uint64_t program_time_us)
{
	if (votes->now_us)
		return votes->now_us;
	switch (show_votes_below(votes, 10)) {
	case 0: return around(votes, program_time_us - AHEAD);
	case 1: return around(votes, program_time_us + window->max_delay_us);
	case 2: return around(votes, program_time_us);
	case 3: return one_in(votes, 4) ? around(votes, 0) : some_arrival(votes, window);
	default: return program_time_us + show_votes_below(votes, window->max_delay_us + 1);
	}
}

/* One option as a rule; none, all, too many and options that there are not. */
static uint16_t random_mask(struct show_votes *votes, const struct model_plan *plan)
{
	uint32_t all = (1u << plan->options) - 1;
	switch (show_votes_below(votes, 8)) {
	case 0: return 0;
	case 1: return (uint16_t)all;
	case 2: return (uint16_t)(1u << plan->options | 1);
	case 3: return (uint16_t)random_number(votes);
	case 4: return (uint16_t)((1u << around(votes, plan->max_choices)) - 1);
	case 5: return (uint16_t)(random_number(votes) & all);
	default: return (uint16_t)(1u << show_votes_below(votes, plan->options));
	}
}

static uint16_t random_choice(struct show_votes *votes, const struct model_window *window)
{
	const struct model_plan *plan = &window->plan;
	uint64_t from = plan->kind == MODEL_SCALE ? plan->min : 0;
	uint64_t end = plan->kind == MODEL_SCALE ? plan->max + 1 : plan->options;
	if (one_in(votes, 50))
		return (uint16_t)random_number(votes);
	if (plan->kind == MODEL_MULTI)
		return random_mask(votes, plan);
	if (one_in(votes, 15))
		return (uint16_t)around(votes, one_in(votes, 2) ? from : end);
	/* Few items of many, so that voters meet their own again. */
	if (plan->kind == MODEL_UPVOTE && end > 8 && one_in(votes, 2))
		return (uint16_t)show_votes_below(votes, 8);
	return (uint16_t)(from + show_votes_below(votes, end - from));
}

static uint32_t random_voter(struct show_votes *votes, const struct model_window *window)
{
	uint64_t voters = window->plan.voters;
	if (votes->voters && votes->voters < voters)
		voters = votes->voters;
	if (one_in(votes, 50))
		return (uint32_t)around(votes, voters);
	if (one_in(votes, 100))
		return (uint32_t)random_number(votes);
	return (uint32_t)show_votes_below(votes, voters > COLLIDING && one_in(votes, 3) ? COLLIDING
											: voters);
}

static uint32_t random_revision(struct show_votes *votes)
{
	switch (show_votes_below(votes, 16)) {
	case 0: return (uint32_t)around(votes, REVISIONS) % REVISIONS;
	case 1: return (uint32_t)show_votes_below(votes, REVISIONS);
	case 2:
	case 3:
	case 4:
	case 5:
	case 6: return (uint32_t)show_votes_below(votes, 8);
	default: return 0;
	}
}

/* One of the tenant's epochs. */
static uint8_t random_epoch(struct show_votes *votes, uint32_t tenant)
{
	const struct model *model = votes->model;
	uint64_t first = show_votes_below(votes, model->key_count);
	for (uint32_t i = 0; i < model->key_count; i++) {
		const struct model_key *key = &model->keys[(first + i) % model->key_count];
		if (key->tenant == tenant)
			return (uint8_t)key->epoch;
	}
	abort();
}

/* With the key of its tenant and epoch; those that nobody knows have zeroes. */
static void sign(const struct model *model, struct show_vote *made)
{
	static const uint8_t nobody[AUTH_KEY_BYTES];
	const struct vote *vote = &made->vote;
	const uint8_t *key = nobody;
	uint8_t voter_key[AUTH_KEY_BYTES];
	for (uint32_t i = 0; i < model->key_count; i++)
		if (model->keys[i].tenant == vote->tenant &&
		    model->keys[i].epoch == vote->key_epoch)
			key = model->keys[i].key;
	auth_voter_key(key, vote->tenant, vote->key_epoch, vote->voter, voter_key);
	vote_write(vote, voter_key, (struct vote_packet *)made->bytes);
}

/* Flips a bit: of the tag or what it covers, now and then of what makes a vote well formed. */
static void damage(struct show_votes *votes, struct show_vote *made)
{
	static const uint8_t form[] = {0, 1, 28};
	uint64_t place = show_votes_below(votes, sizeof(made->bytes));
	if (one_in(votes, 4))
		place = form[show_votes_below(votes, sizeof(form))];
	made->bytes[place] ^= (uint8_t)(1 << show_votes_below(votes, 8));
}

static void make(struct show_votes *votes, struct show_vote *made)
{
	made->window = (uint32_t)show_votes_below(votes, votes->model->window_count);
	const struct model_window *window = &votes->model->windows[made->window];
	struct vote *vote = &made->vote;
	vote->tenant = (uint16_t)window->plan.tenant;
	vote->key_epoch = random_epoch(votes, vote->tenant);
	vote->server = (uint16_t)random_number(votes);
	vote->interaction = window->plan.interaction;
	vote->voter = random_voter(votes, window);
	vote->choice = random_choice(votes, window);
	vote->revision = random_revision(votes);
	vote->program_time_us = random_program_time(votes, window);
	if (one_in(votes, 50))
		vote->interaction = (uint32_t)show_votes_below(votes, 5);
	if (one_in(votes, 100))
		vote->tenant = (uint16_t)show_votes_below(votes, 5);
	if (one_in(votes, 100))
		vote->key_epoch = (uint8_t)show_votes_below(votes, 4);
}

/* The voter thinks again: round the earlier revision, at that time or round the next second. */
static void change(struct show_votes *votes, struct show_vote *made)
{
	const struct model_window *window = &votes->model->windows[made->window];
	struct vote *vote = &made->vote;
	vote->revision = (uint32_t)around(votes, vote->revision) % REVISIONS;
	if (one_in(votes, 2))
		vote->choice = random_choice(votes, window);
	if (one_in(votes, 4))
		vote->program_time_us = around(votes, vote->program_time_us);
	else if (one_in(votes, 2))
		vote->program_time_us += SECOND;
}

static struct show_vote *random_past(struct show_votes *votes)
{
	return &votes->past[show_votes_below(votes, votes->past_count)];
}

static void remember(struct show_votes *votes, const struct show_vote *made)
{
	if (votes->past_count < SHOW_VOTES_PAST)
		votes->past[votes->past_count++] = *made;
	else
		*random_past(votes) = *made;
}

void show_votes_next(struct show_votes *votes, uint8_t bytes[40], uint64_t *arrival_us)
{
	struct show_vote made;
	uint64_t how = votes->past_count > 0 ? show_votes_below(votes, 8) : 7;
	memset(&made, 0, sizeof(made));
	if (how < 3)
		made = *random_past(votes);
	else
		make(votes, &made);
	if (how == 2)
		change(votes, &made);
	if (how >= 2) {
		sign(votes->model, &made);
		if (one_in(votes, 40))
			damage(votes, &made);
		remember(votes, &made);
	}
	memcpy(bytes, made.bytes, sizeof(made.bytes));
	const struct model_window *window = &votes->model->windows[made.window];
	*arrival_us = how == 0 && !votes->now_us
			      ? some_arrival(votes, window)
			      : random_arrival(votes, window, made.vote.program_time_us);
}

uint32_t show_votes_command(struct show_votes *votes, struct model *model)
{
	uint32_t place = (uint32_t)show_votes_below(votes, model->window_count);
	struct model_window *window = &model->windows[place];
	uint64_t seconds = (window->plan.closes_at_us - window->plan.opens_at_us) / SECOND;
	switch (show_votes_below(votes, 4)) {
	case 0: window->cancelled = one_in(votes, 4); break;
	case 1: window->max_delay_us = show_votes_below(votes, 7) * SECOND; break;
	default:
		window->closes_at_us = around(
			votes, window->opens_at_us +
				       show_votes_below(votes, seconds * 3 / 2 + 2) * SECOND);
	}
	return place;
}
