// SPDX-License-Identifier: BSD-3-Clause
/* Address space for all that a window may become; memory for what it is. Control thread. */
#include "dataplane/windows_room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/boards.h"

#define SECOND_US 1000000u
#define PAGE      ((size_t)4096)

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* In how many seconds a window of this length is divided. */
static uint32_t seconds_of(enum kind_identity identity, uint64_t duration_us)
{
	if (identity != ONE_PER_VOTER_SECOND)
		return 1;
	return (uint32_t)((duration_us + SECOND_US - 1) / SECOND_US);
}

/* With all extensions there is room for; no window lasts longer than a day. */
static uint32_t seconds_room(const struct windows_options *options, enum kind_identity identity,
			     uint64_t duration_us)
{
	uint32_t seconds = seconds_of(identity, duration_us);
	uint64_t day = INTERACTION_MAX_DURATION_MS / 1000;
	if (identity != ONE_PER_VOTER_SECOND || options->fixed)
		return seconds;
	return (uint32_t)lower(
		(uint64_t)seconds * WINDOWS_EXTENSION_TIMES + WINDOWS_EXTENSION_SECONDS, day);
}

static uint64_t voters_of(const struct windows_options *options, const struct tenant *tenant)
{
	uint64_t limit = tenant->limits.voters;
	return limit ? lower(limit, options->voters) : options->voters;
}

/* No voter can be for more items than there are. */
static uint64_t pairs_of(const struct windows_options *options, uint64_t voters, uint32_t items)
{
	return lower(options->upvotes, voters * lower(items, options->upvotes_per_voter));
}

static struct store_plan plan_of(const struct windows_options *options,
				 const struct interaction *interaction)
{
	enum kind_identity identity = interaction_identity(interaction);
	uint64_t voters = voters_of(options, interaction->tenant);
	return (struct store_plan){
		.question = interaction->rules,
		.identity = identity,
		/* Memory that is taken in any case is used as it is fastest. */
		.form = options->prefault ? BALLOT_DENSE : BALLOT_GROWING,
		.seconds = seconds_room(options, identity, interaction->duration_us),
		.voters = voters,
		.pairs = identity == ONE_PER_VOTER_ITEM
				 ? pairs_of(options, voters, interaction->rules.options)
				 : 0,
		.lanes = options->workers,
	};
}

uint64_t windows_room_memory(const struct windows_options *options,
			     const struct interaction *interaction)
{
	struct store_plan plan = plan_of(options, interaction);
	return store_memory(&plan, 0, seconds_of(plan.identity, interaction->duration_us));
}

/* Memory there and then, or -ENOMEM. Pages on the edges may be touched already. */
static int populate(void *context, size_t at, size_t bytes)
{
	const struct armed_window *armed = context;
	size_t from = at / PAGE * PAGE, to = (at + bytes + PAGE - 1) / PAGE * PAGE;
	if (from == to)
		return 0;
	return madvise((char *)armed->memory + from, to - from, MADV_POPULATE_WRITE) ? -ENOMEM : 0;
}

static int take_seconds(const struct windows_options *options, struct armed_window *armed,
			uint32_t seconds, struct err *err)
{
	size_t bytes = store_memory(&armed->plan, armed->seconds, seconds);
	if (options->prefault &&
	    store_parts(&armed->plan, armed->seconds, seconds, populate, armed))
		return err_set(err, -ENOMEM, "%s/%u: cannot take %zu MiB of memory for it",
			       armed->interaction.tenant->name, armed->interaction.id, bytes >> 20);
	armed->memory_bytes += bytes;
	armed->seconds = seconds;
	return 0;
}

static int map_store(struct armed_window *armed, struct err *err)
{
	size_t bytes = store_bytes(&armed->plan);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return err_set(err, -ENOMEM, "%s/%u: cannot take %zu MiB of address space: %s",
			       armed->interaction.tenant->name, armed->interaction.id, bytes >> 20,
			       strerror(errno));
	armed->memory = memory;
	armed->mapped_bytes = bytes;
	return 0;
}

static void fill_window(struct armed_window *armed)
{
	const struct interaction *interaction = &armed->interaction;
	armed->window = (struct window){
		.interaction = interaction->id,
		.tenant = interaction->tenant->id,
		.question = interaction->rules,
		.identity = (uint8_t)armed->plan.identity,
		.opens_at_us = interaction->opens_at_us,
		.closes_at_us = interaction->opens_at_us + interaction->duration_us,
		.max_delay_us = interaction->max_delay_us,
		.store = &armed->store,
		.ballots = armed->store.ballots,
		.tally = &armed->store.tally,
	};
}

int windows_room_take(const struct windows_options *options, const struct interaction *interaction,
		      struct armed_window **result, struct err *err)
{
	struct armed_window *armed = aligned_alloc(64, (sizeof(*armed) + 63) / 64 * 64);
	if (!armed)
		return err_set(err, -ENOMEM, "out of memory");
	memset(armed, 0, sizeof(*armed));
	armed->interaction = *interaction;
	armed->plan = plan_of(options, interaction);
	uint32_t counters = store_counters(&armed->plan, armed->plan.seconds);
	armed->votes = calloc(counters, sizeof(*armed->votes));
	int rc = armed->votes ? map_store(armed, err) : err_set(err, -ENOMEM, "out of memory");
	if (rc)
		goto err_free;
	rc = take_seconds(options, armed,
			  seconds_of(armed->plan.identity, interaction->duration_us), err);
	if (rc)
		goto err_free;
	store_init(&armed->store, armed->memory, &armed->plan);
	fill_window(armed);
	*result = armed;
	return 0;

err_free:
	windows_room_give_back(armed);
	return rc;
}

void windows_room_give_back(struct armed_window *armed)
{
	if (armed->memory)
		munmap(armed->memory, armed->mapped_bytes);
	boards_forget(armed);
	free(armed->votes);
	free(armed);
}

static uint32_t seconds_until(const struct armed_window *armed, uint64_t closes_at_us)
{
	return seconds_of(armed->plan.identity, closes_at_us - armed->window.opens_at_us);
}

uint64_t windows_room_needed(const struct armed_window *armed, uint64_t closes_at_us)
{
	uint32_t seconds = seconds_until(armed, closes_at_us);
	return seconds > armed->seconds ? store_memory(&armed->plan, armed->seconds, seconds) : 0;
}

int windows_room_extend(const struct windows_options *options, struct armed_window *armed,
			uint64_t closes_at_us, struct err *err)
{
	uint32_t seconds = seconds_until(armed, closes_at_us);
	if (seconds > armed->plan.seconds)
		return err_set(err, -EPERM, "%s/%u has room for %u seconds and no more",
			       armed->interaction.tenant->name, armed->interaction.id,
			       armed->plan.seconds);
	return seconds > armed->seconds ? take_seconds(options, armed, seconds, err) : 0;
}
