// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where the control thread and the workers meet over notices, with real threads: bulletins are
 * published and freed while two workers push from them and say how far they have come. Everybody
 * hears of every change three times. Runs under TSan, which sees a bulletin freed too early.
 *
 * Time is a number that the control thread moves on; waiting for workers is counting their turns.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/push.h"
#include "dataplane/viewers.h"
#include "tests/lib/stage.h"
#include "tests/lib/watch_peer.h"

#define WORKERS 2
#define VIEWERS 40 /* of each worker */
#define CHANGES 40 /* three times that is a subscription's share, and more would not be */
#define SECOND  STAGE_SECOND
#define OPENS   STAGE_OPENS_US

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};
static struct windows *windows;
static struct viewers *viewers;
static struct auth_keys *keys;
static uint64_t now_us; /* stored by the control thread */
static bool stop;       /* the same */

static struct role {
	pthread_t thread;
	struct watch watch;
	struct push push;
	uint64_t turns; /* stored by the worker, read by the control thread */
	uint64_t heard;
	const char *wrong; /* read when the thread has ended */
	void *memory;
	uint8_t frames[PUSH_BATCH][PUSH_FRAME_BYTES];
} roles[WORKERS];

static void check_batch(struct role *role, const struct push_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct subscriber *viewer = &role->watch.subscribers.entries[batch->entry[i]];
		const struct watch_peer peer = {7, 1, be32(viewer->voter_be)};
		struct watch_peer_notice notice;
		const char *wrong =
			watch_peer_notice(&peer, batch->frames[i] + viewer->head_bytes,
					  batch->bytes[i] - viewer->head_bytes, &notice);
		if (wrong)
			role->wrong = wrong;
		role->heard++;
	}
}

static void *work(void *arg)
{
	struct role *role = arg;
	struct push_batch batch = {.room = PUSH_BATCH, .clock_us = OPENS, .keys = keys};
	for (uint32_t i = 0; i < PUSH_BATCH; i++)
		batch.frames[i] = role->frames[i];
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		role->watch.bulletin =
			__atomic_load_n(viewers_published(viewers), __ATOMIC_ACQUIRE);
		role->watch.now_us = __atomic_load_n(&now_us, __ATOMIC_ACQUIRE);
		if (push_is_due(&role->push, &role->watch)) {
			push_build(&role->push, &role->watch, &batch);
			check_batch(role, &batch);
			push_done(&role->push, &role->watch, &batch, batch.count);
		} else {
			sched_yield();
		}
		tally_add(&role->turns, 1);
	}
	return NULL;
}

/* Two turns on, each worker has let go of what it held. */
static void quiesce(void *context)
{
	(void)context;
	for (uint32_t i = 0; i < WORKERS; i++) {
		uint64_t until = tally_get(&roles[i].turns) + 2;
		while (roles[i].thread && tally_get(&roles[i].turns) < until)
			sched_yield();
	}
}

static uint64_t rounds_done(void *context)
{
	uint64_t done = UINT64_MAX;
	(void)context;
	for (uint32_t i = 0; i < WORKERS; i++) {
		uint64_t worker = tally_get(&roles[i].watch.counters.rounds_done);
		done = worker < done ? worker : done;
	}
	return done;
}

static void arm_window(void)
{
	struct err err;
	struct interaction interaction = {
		.tenant = &acme,
		.id = 101,
		.rules = {.kind = KIND_POLL, .options = 1},
		.question = strdup("Which colour?"),
		.labels = calloc(1, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = 20 * SECOND,
	};
	interaction.labels[0] = strdup("Red");
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
}

static void start_worker(struct role *role)
{
	role->memory =
		aligned_alloc(SUBSCRIBERS_ALIGN, (subscribers_bytes(VIEWERS) + 127) / 128 * 128);
	subscribers_init(&role->watch.subscribers, role->memory, VIEWERS);
	for (uint32_t voter = 0; voter < VIEWERS; voter++) {
		const struct subscriber viewer = {
			.voter_be = be32(voter),
			.cid = {.rotation_length = 7,
				.server_be = be16(1),
				.tenant_be = be16(7),
				.lane = {0, 0, (uint8_t)voter}},
			.key_epoch = 1,
			.ip_version = 4,
			.l3_offset = 14,
			.head_bytes = 42,
		};
		subscribers_put(&role->watch.subscribers, &viewer, now_us);
	}
	pthread_create(&role->thread, NULL, work, role);
}

Test(viewers_threads, bulletins_change_while_workers_push_from_them)
{
	const struct auth_key key = stage_default_key(7, 1);
	const struct windows_options for_windows = {
		.voters = 100, .memory_bytes = UINT64_MAX, .workers = 1, .quiesce = quiesce};
	const struct viewers_options options = {.rounds_done = rounds_done, .quiesce = quiesce};
	struct viewers_options with = options;
	struct err err;
	keys = auth_keys_build(calloc(1, auth_keys_bytes(1)), &key, 1);
	cr_assert_eq(windows_create(&for_windows, &windows, &err), 0);
	with.windows = windows;
	cr_assert_eq(viewers_create(&with, 0, &viewers, &err), 0);
	arm_window();
	now_us = 1000 * SECOND;
	for (uint32_t i = 0; i < WORKERS; i++)
		start_worker(&roles[i]);
	for (uint32_t i = 0; i < CHANGES; i++) {
		windows_find(windows, 7, 101)->window.closes_at_us++;
		viewers_look(viewers, OPENS, now_us);
		viewers_tick(viewers, OPENS, i * 60 * SECOND);
		__atomic_store_n(&now_us, now_us + 200 * 1000, __ATOMIC_RELEASE);
	}
	while (rounds_done(NULL) <= CHANGES)
		sched_yield();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < WORKERS; i++) {
		pthread_join(roles[i].thread, NULL);
		cr_expect_null(roles[i].wrong, "worker %u: %s", i, roles[i].wrong);
		cr_expect_eq(roles[i].heard, VIEWERS * CHANGES * 3, "worker %u", i);
		free(roles[i].memory);
		roles[i].thread = 0;
	}
	cr_expect_eq(viewers_rounds_lost(viewers), 0);
	viewers_destroy(viewers);
	windows_destroy(windows);
	free(keys);
}
