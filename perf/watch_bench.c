// SPDX-License-Identifier: BSD-3-Clause
/*
 * What telling viewers costs a core: a million subscribers of one tenant, told of an opening three
 * times as a worker does it, batch by batch, into frames as they lie in packet buffers. Called by
 * people and `./run bench`; perf/README.md says what the rows mean.
 *
 * Finding subscribers and keys, heads, records, tags and checksums are in it; handing frames to a
 * port is not. CPU time counts, so that a neighbour does no harm.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/push.h"
#include "perf/bench.h"
#include "wire/byte_order.h"

#define VIEWERS 1000000u
#define TENANT  7
#define FRAMES  2048 /* buffers in turn, as a ring of a port has */
#define STRIDE  4096 /* from buffer to buffer: those of AF_XDP */
#define RUNS    7
#define BEGIN   1000000u /* µs; any time */

_Static_assert(VIEWERS % PUSH_BATCH == 0, "the last batch has no last frame");

struct work {
	struct auth_keys *keys;
	struct watch watch;
	struct bulletin bulletin;
	struct bulletin_round round;
	uint8_t *frames;
	uint32_t next_frame;
};

static struct work work;

/* As a WATCH over IPv4 leaves it: the addresses differ, all else does not matter here. */
static void subscribe(uint32_t voter)
{
	struct subscriber viewer = {
		.voter_be = be32(voter),
		.cid = {.rotation_length = CONNECTION_ID_LENGTH_BITS, .tenant_be = be16(TENANT)},
		.key_epoch = 1,
		.ip_version = 4,
		.l3_offset = 14,
		.head_bytes = 14 + 20 + 8,
	};
	struct ipv4_header *ip = (void *)(viewer.head + viewer.l3_offset);
	ip->version_words = 0x45;
	memcpy(ip->destination, &viewer.voter_be, sizeof(ip->destination));
	subscribers_put(&work.watch.subscribers, &viewer, BEGIN);
}

static int work_make(void)
{
	static const struct auth_key key = {.tenant = TENANT, .epoch = 1, .key = "watch_bench key"};
	size_t table_bytes = (subscribers_bytes(VIEWERS) + 4095) / 4096 * 4096;
	void *memory = aligned_alloc(4096, table_bytes);
	void *keys = calloc(1, auth_keys_bytes(1));
	work.frames = aligned_alloc(4096, (size_t)FRAMES * STRIDE);
	if (!memory || !keys || !work.frames)
		return -ENOMEM;
	memset(work.frames, 0, (size_t)FRAMES * STRIDE);
	work.keys = auth_keys_build(keys, &key, 1);
	subscribers_init(&work.watch.subscribers, memory, VIEWERS);
	for (uint32_t voter = 0; voter < VIEWERS; voter++)
		subscribe(voter);
	work.round = (struct bulletin_round){.at_us = BEGIN, .tenant = TENANT};
	work.round.notice.count = 1;
	work.round.notice.records[0].state = NOTICE_OPEN;
	work.bulletin =
		(struct bulletin){.rounds = &work.round, .round_count = 1, .first_round = 1};
	work.watch.bulletin = &work.bulletin;
	return 0;
}

/* The last frame of a batch is looked at: what is fast must be right, too. */
static bool last_is_right(const struct push_batch *batch)
{
	uint32_t last = batch->count - 1;
	const struct subscriber *viewer = &work.watch.subscribers.entries[batch->entry[last]];
	const uint8_t *payload = batch->frames[last] + viewer->head_bytes;
	uint32_t covered = notice_covered(&work.round.notice);
	uint8_t voter_key[AUTH_KEY_BYTES];
	auth_voter_key(auth_keys_find(work.keys, TENANT, 1), TENANT, 1, be32(viewer->voter_be),
		       voter_key);
	return auth_tag_matches(voter_key, payload, covered, payload + covered);
}

/* All viewers told so many times. The seconds of CPU it took; below 0 where a tag was wrong. */
static double tell_all(uint32_t times)
{
	struct push push = {0};
	struct push_batch batch = {.room = PUSH_BATCH, .clock_us = BEGIN, .keys = work.keys};
	/* The second and third time are due right behind the first, where they are wanted. */
	work.watch.now_us = BEGIN + (times - 1) * (uint64_t)PUSH_APART_US;
	for (uint32_t i = 0; i < VIEWERS; i++)
		work.watch.subscribers.entries[i].notices = SUBSCRIBER_NOTICES;
	uint64_t told = 0, from_ns = bench_cpu_ns();
	while (push_is_due(&push, &work.watch)) {
		for (uint32_t i = 0; i < PUSH_BATCH; i++)
			batch.frames[i] =
				work.frames + (size_t)(work.next_frame++ % FRAMES) * STRIDE;
		push_build(&push, &work.watch, &batch);
		push_done(&push, &work.watch, &batch, batch.count);
		told += batch.count;
	}
	double seconds = (double)(bench_cpu_ns() - from_ns) / 1e9;
	return told == (uint64_t)times * VIEWERS && last_is_right(&batch) ? seconds : -1;
}

static int measure(struct bench_series *rate, struct bench_series *first, struct bench_series *all)
{
	double once = tell_all(1), thrice = tell_all(PUSH_TIMES);
	if (once < 0 || thrice < 0) {
		fprintf(stderr, "watch_bench: not every viewer was told, or a tag is wrong\n");
		return -EINVAL;
	}
	bench_add(rate, PUSH_TIMES * (VIEWERS / 1e6) / thrice);
	bench_add(first, once);
	bench_add(all, thrice);
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench_series rate, first, all, slow;
	struct bench_options options;
	if (bench_options(argc, argv, RUNS, &options))
		return 2;
	if (work_make()) {
		fprintf(stderr, "watch_bench: no memory for %u subscribers\n", VIEWERS);
		return 1;
	}
	enum auth_backend best = auth_batch_best();
	for (uint32_t i = 0; i < options.runs; i++) {
		auth_batch_use(best);
		if (measure(&rate, &first, &all))
			return 1;
		auth_batch_use(AUTH_LIBSODIUM);
		bench_add(&slow, VIEWERS / 1e6 / tell_all(1));
	}
	const struct bench_row rows[] = {
		bench_row("watch.notices", "M notices/s", &rate, auth_backend_name(best)),
		bench_row("watch.notices.libsodium", "M notices/s", &slow, "one tag at a time"),
		bench_row("watch.opening.first", "s", &first, "a million subscribers, told once"),
		bench_row("watch.opening", "s", &all, "told three times, as they are"),
	};
	bench_print(rows, sizeof(rows) / sizeof(rows[0]), options.json);
	return 0;
}
