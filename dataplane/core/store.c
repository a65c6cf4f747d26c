// SPDX-License-Identifier: BSD-3-Clause
/* The layout of a window's memory. Called when windows are armed and extended; never for a vote. */
#include "dataplane/core/store.h"

/* Where each part begins; `end` is the size of all. */
struct layout {
	size_t seen;
	size_t pairs;
	size_t ballots;
	size_t ballot_bytes; /* of one second */
	size_t lanes;
	size_t lane_bytes;
	size_t end;
};

static size_t pages(size_t bytes)
{
	return (bytes + STORE_ALIGNMENT - 1) / STORE_ALIGNMENT * STORE_ALIGNMENT;
}

static bool has_pairs(const struct store_plan *plan)
{
	return plan->identity == ONE_PER_VOTER_ITEM;
}

/* Kinds in which a voter's number of answers is not the number of voters. */
static bool has_seen(const struct store_plan *plan)
{
	return has_pairs(plan) || plan->identity == ONE_PER_VOTER_SECOND;
}

/* What the ballot is told of its options. */
static uint32_t ballot_options(const struct store_plan *plan)
{
	bool wide =
		plan->identity == ONE_PER_VOTER_TIMED || plan->identity == ONE_PER_VOTER_CHANGING;
	return wide ? BALLOT_WIDE : kind_answers(&plan->question);
}

static size_t one_ballot_bytes(const struct store_plan *plan)
{
	uint32_t options = ballot_options(plan);
	if (has_pairs(plan))
		return 0;
	return pages(plan->form == BALLOT_DENSE ? ballot_bytes_dense(plan->voters, options)
						: ballot_bytes(plan->voters, options));
}

static struct layout layout_of(const struct store_plan *plan)
{
	struct layout layout;
	uint32_t counters = store_counters(plan, plan->seconds);
	layout.seen = pages(plan->seconds * sizeof(struct ballot));
	layout.pairs = layout.seen + (has_seen(plan) ? pages(voter_set_bytes(plan->voters)) : 0);
	layout.ballots = layout.pairs + (has_pairs(plan) ? pages(upvotes_bytes(plan->pairs)) : 0);
	layout.ballot_bytes = one_ballot_bytes(plan);
	layout.lanes = layout.ballots + layout.ballot_bytes * plan->seconds;
	layout.lane_bytes = tally_bytes(counters, 1);
	layout.end = layout.lanes + pages(layout.lane_bytes * plan->lanes);
	return layout;
}

uint32_t store_counters(const struct store_plan *plan, uint32_t seconds)
{
	return plan->question.options * seconds;
}

size_t store_bytes(const struct store_plan *plan)
{
	return layout_of(plan).end;
}

void store_init(struct store *store, void *memory, const struct store_plan *plan)
{
	struct layout layout = layout_of(plan);
	uint8_t *bytes = memory;
	*store = (struct store){.seconds = plan->seconds, .voters = plan->voters};
	if (has_seen(plan))
		store->seen.words = (uint64_t *)(void *)(bytes + layout.seen);
	if (has_pairs(plan))
		upvotes_init(&store->upvotes, bytes + layout.pairs, upvotes_bytes(plan->pairs));
	else
		store->ballots = memory;
	for (uint32_t i = 0; store->ballots && i < plan->seconds; i++)
		ballot_init(&store->ballots[i], bytes + layout.ballots + i * layout.ballot_bytes,
			    layout.ballot_bytes, plan->voters, ballot_options(plan), plan->form);
	tally_init(&store->tally, bytes + layout.lanes, store_counters(plan, plan->seconds),
		   plan->lanes);
}

/* The lanes, whose ends are not in use while there is room for more seconds. */
static int lane_parts(const struct store_plan *plan, const struct layout *layout, uint32_t from,
		      uint32_t to, int (*use)(void *context, size_t at, size_t bytes),
		      void *context)
{
	/* A lane begins with counts that are not the options'. */
	size_t begin = from ? tally_bytes(store_counters(plan, from), 1) : 0;
	size_t end = tally_bytes(store_counters(plan, to), 1);
	int rc = 0;
	if (begin == 0 && end == layout->lane_bytes)
		return use(context, layout->lanes, layout->lane_bytes * plan->lanes);
	for (uint32_t lane = 0; rc == 0 && lane < plan->lanes && end > begin; lane++)
		rc = use(context, layout->lanes + lane * layout->lane_bytes + begin, end - begin);
	return rc;
}

int store_parts(const struct store_plan *plan, uint32_t from, uint32_t to,
		int (*use)(void *context, size_t at, size_t bytes), void *context)
{
	struct layout layout = layout_of(plan);
	int rc = from ? 0 : use(context, 0, layout.ballots);
	if (rc == 0 && layout.ballot_bytes && to > from)
		rc = use(context, layout.ballots + from * layout.ballot_bytes,
			 (to - from) * layout.ballot_bytes);
	return rc ? rc : lane_parts(plan, &layout, from, to, use, context);
}

static int add_pages(void *context, size_t at, size_t bytes)
{
	size_t *sum = context;
	size_t first = at / STORE_ALIGNMENT * STORE_ALIGNMENT;
	*sum += bytes ? pages(at + bytes) - first : 0;
	return 0;
}

/* All directories are written at once, also those of seconds that are only to come. */
static size_t directories_ahead(const struct store_plan *plan, uint32_t seconds)
{
	if (has_pairs(plan) || plan->form != BALLOT_DENSE || seconds >= plan->seconds)
		return 0;
	return (plan->seconds - seconds) * pages(ballot_directory_bytes(plan->voters));
}

size_t store_memory(const struct store_plan *plan, uint32_t from, uint32_t to)
{
	size_t sum = 0;
	store_parts(plan, from, to, add_pages, &sum);
	return sum + directories_ahead(plan, to) - (from ? directories_ahead(plan, from) : 0);
}

uint64_t store_pool_dry(const struct store *store)
{
	uint64_t times = 0;
	for (uint32_t i = 0; store->ballots && i < store->seconds; i++)
		times += ballot_pool_dry(&store->ballots[i]);
	return times;
}
