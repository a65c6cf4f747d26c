// SPDX-License-Identifier: BSD-3-Clause
/*
 * From windows to bulletins. Every window's record is made anew and compared with what was told of
 * it last; those that differ make rounds, seven windows at most to each, as that is what fits a
 * notice.
 *
 * What can fail: memory. It is taken before anything counts as told.
 */
#include "dataplane/viewers.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/outcome.h"
#include "wire/byte_order.h"

struct viewers {
	struct viewers_options options;
	const struct bulletin *published; /* stored with release, read by workers */
	struct cookie_secrets secrets;
	uint64_t rotated_us;
	uint64_t windows_seen; /* windows_changes() as the bulletin has it */
	bool behind;           /* the last look failed */
	uint64_t changes;      /* of windows, ever; numbers `shown.changed` */
	uint64_t rounds_lost;
	uint64_t first_round; /* number of rounds[0] */
	uint32_t round_count;
	struct bulletin_round rounds[VIEWERS_MAX_ROUNDS];
};

/* A window while a look lasts. */
struct candidate {
	uint16_t tenant;
	bool changed;
	struct armed_window *armed;
	struct notice_choice choice;
};

static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int order = (a->tenant > b->tenant) - (a->tenant < b->tenant);
	return order ? order : notice_order(&a->choice, &b->choice);
}

/* Where a voter may be for several options, a share is of voters, as everywhere. */
static uint64_t whole_of(const struct window *window, const struct tally_sum *sum,
			 const struct outcome *outcome)
{
	uint64_t votes = 0;
	if (window->identity == ONE_PER_VOTER_ITEM || window->question.kind == KIND_MULTI)
		return sum->voters;
	for (uint32_t i = 0; i < outcome->options; i++)
		votes += outcome->votes[i];
	return votes;
}

static struct notice_leader leader_of(struct windows *windows, struct armed_window *armed,
				      uint64_t utc_us)
{
	struct tally_sum sum;
	struct outcome outcome;
	windows_sum(windows, armed, utc_us, &sum);
	outcome_make(&outcome, &armed->window, &sum, armed->seconds);
	return notice_leader_of(outcome.votes, outcome.options,
				whole_of(&armed->window, &sum, &outcome));
}

/* A result does not change any more once it is revealed, so it is added up once. */
static void make_record(struct windows *windows, struct armed_window *armed, uint64_t utc_us,
			struct notice_record *record)
{
	const struct notice_record *told = &armed->shown.record;
	struct notice_leader leader = {.index = NOTICE_NO_LEADER};
	if (armed->shown.known && told->state == NOTICE_REVEALED)
		leader = (struct notice_leader){be16(told->leader_be), be16(told->share_be)};
	else if (window_state(&armed->window, utc_us) == WINDOW_REVEALED)
		leader = leader_of(windows, armed, utc_us);
	notice_record_make(record, &armed->window, utc_us, &leader);
}

/* All windows, by tenant and by what is told first. Returns how many changed. */
static uint32_t make_candidates(struct viewers *viewers, struct candidate *candidates,
				uint64_t utc_us)
{
	struct windows *windows = viewers->options.windows;
	uint32_t count = windows_count(windows), changed = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct candidate *candidate = &candidates[i];
		struct armed_window *armed = windows_at(windows, i);
		struct notice_record *record = &candidate->choice.record;
		make_record(windows, armed, utc_us, record);
		candidate->tenant = armed->window.tenant;
		candidate->armed = armed;
		candidate->changed = !armed->shown.known ||
				     memcmp(record, &armed->shown.record, sizeof(*record)) != 0;
		changed += candidate->changed;
		candidate->choice.changed =
			candidate->changed ? viewers->changes + changed : armed->shown.changed;
	}
	qsort(candidates, count, sizeof(*candidates), compare_candidates);
	return changed;
}

static void add_record(struct notice *notice, const struct notice_record *record)
{
	notice->records[notice->count++] = *record;
}

/* The first seven of each tenant. `boards` has room for as many as there are windows. */
static uint32_t make_boards(const struct candidate *candidates, uint32_t count,
			    struct bulletin_board *boards)
{
	uint32_t made = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (made == 0 || boards[made - 1].tenant != candidates[i].tenant)
			boards[made++] = (struct bulletin_board){.tenant = candidates[i].tenant};
		struct notice *notice = &boards[made - 1].notice;
		if (notice->count < NOTICE_MAX_RECORDS)
			add_record(notice, &candidates[i].choice.record);
	}
	return made;
}

/* Forgets rounds that every worker has pushed. */
static void prune_rounds(struct viewers *viewers)
{
	uint64_t done = viewers->options.rounds_done(viewers->options.context);
	uint32_t gone = 0;
	while (gone < viewers->round_count && viewers->first_round + gone < done)
		gone++;
	viewers->first_round += gone;
	viewers->round_count -= gone;
	memmove(viewers->rounds, viewers->rounds + gone,
		viewers->round_count * sizeof(viewers->rounds[0]));
}

static struct notice *open_round(struct viewers *viewers, uint16_t tenant, uint64_t at_us)
{
	if (viewers->round_count == VIEWERS_MAX_ROUNDS) {
		memmove(viewers->rounds, viewers->rounds + 1,
			(VIEWERS_MAX_ROUNDS - 1) * sizeof(viewers->rounds[0]));
		viewers->round_count--;
		viewers->first_round++;
		viewers->rounds_lost++;
	}
	struct bulletin_round *round = &viewers->rounds[viewers->round_count++];
	*round = (struct bulletin_round){.at_us = at_us, .tenant = tenant};
	return &round->notice;
}

static void add_rounds(struct viewers *viewers, const struct candidate *candidates, uint32_t count,
		       uint64_t at_us)
{
	struct notice *notice = NULL;
	uint16_t tenant = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (!candidates[i].changed)
			continue;
		if (!notice || tenant != candidates[i].tenant ||
		    notice->count == NOTICE_MAX_RECORDS)
			notice = open_round(viewers, candidates[i].tenant, at_us);
		tenant = candidates[i].tenant;
		add_record(notice, &candidates[i].choice.record);
	}
}

/* One piece of memory: the bulletin, room for `boards`, the rounds that may come to be. */
static struct bulletin *take_bulletin(uint32_t boards, uint32_t rounds)
{
	struct bulletin *bulletin =
		calloc(1, sizeof(*bulletin) + boards * sizeof(struct bulletin_board) +
				  rounds * sizeof(struct bulletin_round));
	if (!bulletin)
		return NULL;
	bulletin->boards = (void *)(bulletin + 1);
	bulletin->rounds = (const void *)(bulletin->boards + boards);
	return bulletin;
}

static void free_bulletin(const struct bulletin *bulletin)
{
	if (!bulletin)
		return;
	sodium_memzero((void *)&bulletin->secrets, sizeof(bulletin->secrets));
	free((void *)bulletin);
}

static void publish(struct viewers *viewers, struct bulletin *bulletin)
{
	const struct bulletin *old = viewers->published;
	bulletin->secrets = viewers->secrets;
	bulletin->first_round = viewers->first_round;
	bulletin->round_count = viewers->round_count;
	memcpy((void *)bulletin->rounds, viewers->rounds,
	       viewers->round_count * sizeof(viewers->rounds[0]));
	__atomic_store_n(&viewers->published, bulletin, __ATOMIC_RELEASE);
	if (old)
		viewers->options.quiesce(viewers->options.context);
	free_bulletin(old);
}

static void note_shown(struct viewers *viewers, const struct candidate *candidates, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!candidates[i].changed)
			continue;
		candidates[i].armed->shown.known = true;
		candidates[i].armed->shown.record = candidates[i].choice.record;
		candidates[i].armed->shown.changed = candidates[i].choice.changed;
		viewers->changes++;
	}
}

int viewers_look(struct viewers *viewers, uint64_t utc_us, uint64_t monotonic_us)
{
	uint32_t count = windows_count(viewers->options.windows);
	struct candidate *candidates = calloc(count + 1, sizeof(*candidates));
	struct bulletin *bulletin = NULL;
	if (candidates) {
		prune_rounds(viewers);
		bulletin = take_bulletin(count, VIEWERS_MAX_ROUNDS);
	}
	viewers->behind = !bulletin;
	if (!bulletin) {
		free(candidates);
		return -ENOMEM;
	}
	uint32_t changed = make_candidates(viewers, candidates, utc_us);
	uint64_t seen = windows_changes(viewers->options.windows);
	if (changed == 0 && seen == viewers->windows_seen) {
		free_bulletin(bulletin);
	} else {
		bulletin->board_count = make_boards(candidates, count, (void *)bulletin->boards);
		add_rounds(viewers, candidates, count, monotonic_us + VIEWERS_SETTLE_US);
		note_shown(viewers, candidates, count);
		viewers->windows_seen = seen;
		publish(viewers, bulletin);
	}
	free(candidates);
	return (int)changed;
}

/* The boards stay as they were. Without memory the secret stays, too, until the next call. */
static void rotate(struct viewers *viewers, uint64_t monotonic_us)
{
	const struct bulletin *old = viewers->published;
	struct bulletin *bulletin = take_bulletin(old->board_count, VIEWERS_MAX_ROUNDS);
	if (!bulletin)
		return;
	bulletin->board_count = old->board_count;
	memcpy((void *)bulletin->boards, old->boards,
	       old->board_count * sizeof(struct bulletin_board));
	memcpy(viewers->secrets.previous, viewers->secrets.current, AUTH_KEY_BYTES);
	randombytes_buf(viewers->secrets.current, AUTH_KEY_BYTES);
	viewers->rotated_us = monotonic_us;
	prune_rounds(viewers);
	publish(viewers, bulletin);
}

void viewers_tick(struct viewers *viewers, uint64_t utc_us, uint64_t monotonic_us)
{
	if (viewers->behind)
		viewers_look(viewers, utc_us, monotonic_us);
	if (monotonic_us - viewers->rotated_us >= COOKIE_ROTATE_US)
		rotate(viewers, monotonic_us);
}

int viewers_create(const struct viewers_options *options, uint64_t monotonic_us,
		   struct viewers **result, struct err *err)
{
	struct viewers *viewers = calloc(1, sizeof(*viewers));
	struct bulletin *bulletin = take_bulletin(0, 0);
	if (!viewers || !bulletin || sodium_init() < 0) {
		free(viewers);
		free(bulletin);
		return err_set(err, -ENOMEM, "viewers: out of memory");
	}
	viewers->options = *options;
	viewers->first_round = 1;
	viewers->rotated_us = monotonic_us;
	randombytes_buf(&viewers->secrets, sizeof(viewers->secrets));
	publish(viewers, bulletin);
	*result = viewers;
	return 0;
}

void viewers_destroy(struct viewers *viewers)
{
	if (!viewers)
		return;
	free_bulletin(viewers->published);
	sodium_memzero(&viewers->secrets, sizeof(viewers->secrets));
	free(viewers);
}

const struct bulletin *const *viewers_published(const struct viewers *viewers)
{
	return &viewers->published;
}

uint64_t viewers_rounds(const struct viewers *viewers)
{
	return viewers->first_round + viewers->round_count - 1;
}

uint64_t viewers_rounds_lost(const struct viewers *viewers)
{
	return viewers->rounds_lost;
}
