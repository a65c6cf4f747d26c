/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stage for the pipeline: keys, windows with their ballots and tallies, one pipeline per worker,
 * and bursts to feed it with. Everything is allocated here and checked on the way: each burst that
 * is played must conserve its packets and answer with no more than was asked. For tests only.
 */
#ifndef TALLYWIRE_TESTS_LIB_STAGE_H
#define TALLYWIRE_TESTS_LIB_STAGE_H

#include "dataplane/core/pipeline.h"
#include "tests/lib/envelope.h"

#define STAGE_WORKERS  2
#define STAGE_SECOND   1000000ull
#define STAGE_OPENS_US 1795392000000000ull /* the test vector's program time */

struct stage {
	struct auth_keys *keys;
	struct window *set; /* the windows as given, for stage_publish() */
	uint32_t window_count;
	struct store *stores;
	void **memory; /* the stores' */
	size_t *bytes; /* of it */
	struct store_plan *plans;
	struct window_table *windows;
	struct pipeline_counters *counters; /* STAGE_WORKERS of them */
	struct pipeline pipeline[STAGE_WORKERS];
};

/* What a poll has none of: all zero is a poll. */
struct stage_rules {
	enum kind kind;
	bool revote;
	bool dense; /* ballots in their dense form from the start */
	uint8_t max_choices;
	uint16_t first;
	uint32_t seconds; /* of a reaction */
	uint64_t pairs;   /* of an upvote */
};

/* What the set and the stores are made from. `voters` is the ballot's size. */
struct stage_window {
	uint16_t tenant;
	uint32_t interaction;
	uint16_t options;
	uint32_t voters;
	uint64_t opens_at_us;
	uint64_t closes_at_us;
	uint64_t max_delay_us;
	bool cancelled;
	struct stage_rules rules;
};

void stage_open(struct stage *stage, const struct auth_key *keys, uint32_t key_count,
		const struct stage_window *windows, uint32_t window_count);
void stage_close(struct stage *stage);

/*
 * Counters and windows are as stage_open() left them. What a window keeps is made anew only where
 * it has given a receipt, which is quick enough for a million runs of a fuzzer.
 */
void stage_clear(struct stage *stage);

/* Makes the table anew from stage->set, as the control thread does after a command. */
void stage_publish(struct stage *stage);

/* All verdicts counted so far, by the workers and in the windows' tallies. */
uint64_t stage_verdicts(const struct stage *stage, uint64_t verdicts[VERDICT_COUNT]);
uint64_t stage_received(const struct stage *stage);

/* The key of (tenant, epoch) that stage_default_key() makes is 00 01 02 … with both mixed in. */
struct auth_key stage_default_key(uint16_t tenant, uint8_t epoch);

/* Frames with a copy of how they came in. */
struct stage_burst {
	struct burst burst;
	uint8_t frames[BURST_MAX][ENVELOPE_MAX_BYTES];
	uint8_t before[BURST_MAX][ENVELOPE_MAX_BYTES];
};

void stage_burst_start(struct stage_burst *burst);
/* Adds a frame of this payload; returns its place. */
uint32_t stage_burst_add(struct stage_burst *burst, const struct envelope *envelope,
			 const void *payload, uint32_t bytes, uint64_t arrival_us);
/* Signs the vote with the stage's key of its tenant and epoch and adds it. */
uint32_t stage_burst_vote(struct stage_burst *burst, const struct envelope *envelope,
			  const struct vote *vote, uint64_t arrival_us);

/* The 40 bytes of a vote, signed with stage_default_key(). */
void stage_sign(const struct vote *vote, struct vote_packet *packet);

/* Runs the burst. NULL, or what no burst may ever do: see stage.c for the list. */
const char *stage_play(struct stage *stage, uint32_t worker, struct stage_burst *burst);

#endif
