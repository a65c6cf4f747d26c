/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources for the tests of the front: votes from addresses written as text, budgets in which a vote
 * costs an hour, so that no time passes by itself, and the feedback of a worker that never ran.
 */
#ifndef TALLYWIRE_TESTS_BPF_SOURCE_RIG_H
#define TALLYWIRE_TESTS_BPF_SOURCE_RIG_H

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>
#include "ebpf/source.h"
#include "tests/bpf/rig.h"
#include "tests/lib/frames.h"

#define HOUR_NS      3600000000000ull
#define SECOND_NS    1000000000ull
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct err err;

static inline struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	rig_assert(prefix_parse(text, &prefix, &err) == 0, "%s", err.text);
	return prefix;
}

/* A plan whose frames come from this address. */
static inline struct frames_plan from(const char *address, struct frames_plan plan)
{
	struct prefix prefix = prefix_of(address);
	plan.ip_version = prefix.ip_version;
	memcpy(plan.source, prefix.address, sizeof(plan.source));
	return plan;
}

static inline uint64_t flood(struct frames_plan plan, uint32_t times, uint32_t counter)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	uint32_t bytes = frames_build(&plan, frame);
	uint64_t before = rig_counter(counter);
	rig_flood(frame, bytes, times);
	return rig_counter(counter) - before;
}

/* How many of so many votes from this address pass. */
static inline uint64_t passing(const char *address, uint32_t times)
{
	return flood(from(address, (struct frames_plan){0}), times, FRONT_STEERED);
}

/* `votes` may come at once from a source, and then one an hour. */
static inline struct front_police *set_hourly(uint64_t votes, uint64_t failed_votes)
{
	const struct front_source_limits limits = {.votes_per_s = 1};
	front_sources_set_limits(rig_sources(), &limits);
	struct front_police *police = rig_sources()->police;
	police->allowance_ns = votes * HOUR_NS;
	police->failed_ns = failed_votes * HOUR_NS;
	police->vote_ns = HOUR_NS;
	return police;
}

static inline uint64_t hash_of(const char *address)
{
	struct frames_plan plan = from(address, (struct frames_plan){0});
	struct source whole = {.ip_version = plan.ip_version};
	memcpy(whole.address, plan.source, sizeof(plan.source));
	struct source cut = source_cut(&whole, rig_sources()->police);
	return source_hash(&cut, rig_sources()->police->key);
}

static inline uint64_t *bucket_of(const char *address, uint32_t row)
{
	return &rig_sources()->buckets[source_bucket(hash_of(address), row)];
}

/* Sets the source's buckets back, as if hours had passed. */
static inline void let_pass(const char *address, uint64_t hours)
{
	for (uint32_t row = 0; row < 2; row++)
		*bucket_of(address, row) -= hours * HOUR_NS;
}

/* What the worker makes of so many votes from there that end so. */
static inline void judged(const char *address, enum verdict verdict, uint32_t times)
{
	static struct burst burst;
	uint8_t frame[FRAMES_MAX_BYTES];
	struct frames_plan plan = from(address, (struct frames_plan){0});
	struct front_feedback feedback = front_sources_feedback(rig_sources());
	uint32_t bytes = frames_build(&plan, frame);
	burst.count = 1;
	burst.data[0] = frame;
	classify(frame, frame + bytes, be16(FRAMES_PORT), &burst.frame[0]);
	burst.verdict[0] = verdict;
	for (uint32_t i = 0; i < times; i++)
		feedback_burst(&feedback, &burst);
}

/* The kernel's monotonic clock. */
static inline uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static inline void list(enum front_action action, const char *prefix, uint64_t expires_ns)
{
	const struct front_entry entry = {prefix_of(prefix), action, expires_ns};
	rig_assert(front_sources_list(rig_sources(), &entry, &err) == 0, "%s", err.text);
}

static inline int unlist(const char *text)
{
	struct prefix prefix = prefix_of(text);
	return front_sources_unlist(rig_sources(), &prefix, &err);
}

#endif
