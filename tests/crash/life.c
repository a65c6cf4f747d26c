// SPDX-License-Identifier: BSD-3-Clause
/* The loop is worker.c's, with rings of shared memory in place of a port. */
#include "tests/crash/life.h"

#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "dataplane/core/ballot_wide.h"
#include "dataplane/durable.h"
#include "dataplane/worker_waiting.h"
#include "tests/lib/stage.h"

#define WAITING 4096 /* a power of two */
#define SECOND  1000000ull

static const struct envelope plain = {.ip_version = 4};
static struct tenant tenant = {.id = LIFE_TENANT, .name = "acme", .max_delay_ms = 600000};
static const struct keyring keyring = {.tenants = &tenant, .tenant_count = 1};

static struct life_shared *shared;
static struct stage stage;
static struct windows *windows;
static struct durable *durable;
static bool stopping;

static struct role {
	pthread_t thread;
	uint32_t worker;
	uint64_t passes;
	struct waiting waiting;
	struct waiting_reply places[WAITING];
	struct stage_burst burst;
} roles[LIFE_WORKERS];

_Noreturn static void end_with(const char *what)
{
	snprintf(shared->wrong, sizeof(shared->wrong), "%s", what);
	_exit(1);
}

/* Each worker has let go of what it held. */
static void wait_for_workers(void *context)
{
	(void)context;
	for (uint32_t i = 0; i < LIFE_WORKERS && roles[i].thread; i++) {
		uint64_t until = __atomic_load_n(&roles[i].passes, __ATOMIC_ACQUIRE) + 2;
		while (__atomic_load_n(&roles[i].passes, __ATOMIC_ACQUIRE) < until)
			sched_yield();
	}
}

static uint32_t take_votes(struct role *role)
{
	struct life_ring *in = &shared->in[role->worker];
	uint64_t head = __atomic_load_n(&in->head, __ATOMIC_ACQUIRE);
	stage_burst_start(&role->burst);
	for (; in->tail < head && role->burst.burst.count < BURST_MAX; in->tail++)
		stage_burst_add(&role->burst, &plain, in->votes[in->tail % LIFE_SLOTS], 40,
				clock_now_us());
	return role->burst.burst.count;
}

/* Where the viewers do not read, receipts are lost, as on any network. */
static void send(const struct role *role, const void *receipt)
{
	struct life_ring *out = &shared->out[role->worker];
	if (out->head - __atomic_load_n(&out->tail, __ATOMIC_ACQUIRE) == LIFE_SLOTS)
		return;
	memcpy(out->votes[out->head % LIFE_SLOTS], receipt, 40);
	__atomic_store_n(&out->head, out->head + 1, __ATOMIC_RELEASE);
}

static void answer(struct role *role)
{
	const struct burst *burst = &role->burst.burst;
	for (uint32_t i = 0; i < burst->count; i++) {
		const uint8_t *receipt = role->burst.frames[i] + envelope_payload(&plain);
		if (!burst->reply_bytes[i])
			continue;
		if (!pipeline_reply_waits(burst, i)) {
			send(role, receipt);
			continue;
		}
		void *copy = malloc(40);
		if (!copy)
			end_with("out of memory");
		memcpy(copy, receipt, 40);
		waiting_put(&role->waiting, copy, burst->release_at);
	}
}

static void release(struct role *role)
{
	struct rte_mbuf *receipts[BURST_MAX];
	uint64_t round = journal_durable(stage.pipeline[role->worker].journal);
	uint16_t count = waiting_take(&role->waiting, round, receipts, BURST_MAX);
	for (uint16_t i = 0; i < count; i++) {
		send(role, receipts[i]);
		free(receipts[i]);
	}
}

static void *work(void *arg)
{
	struct role *role = arg;
	struct pipeline *pipeline = &stage.pipeline[role->worker];
	journal_online(pipeline->journal);
	while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		uint32_t count = take_votes(role);
		pipeline->windows = __atomic_load_n(windows_published(windows), __ATOMIC_ACQUIRE);
		pipeline->full = waiting_room(&role->waiting) < count;
		if (count) {
			pipeline_run(pipeline, &role->burst.burst);
			answer(role);
		} else {
			journal_report(pipeline->journal);
			sched_yield();
		}
		release(role);
		__atomic_store_n(&role->passes, role->passes + 1, __ATOMIC_RELEASE);
	}
	journal_offline(pipeline->journal);
	return NULL;
}

static struct interaction poll_of(uint32_t id)
{
	struct interaction poll = {
		.tenant = &tenant,
		.id = id,
		.rules = {.kind = KIND_POLL, .max_choices = 1, .options = LIFE_OPTIONS},
		.revote = id == LIFE_CHANGES,
		.question = strdup("?"),
		.labels = calloc(LIFE_OPTIONS, sizeof(char *)),
		.opens_at_us = shared->opens_at_us,
		.duration_us = 3600 * SECOND,
		.max_delay_us = 600 * SECOND,
	};
	for (int i = 0; i < LIFE_OPTIONS; i++)
		poll.labels[i] = strdup("an option");
	return poll;
}

static void arm(void)
{
	struct interaction polls[] = {poll_of(LIFE_ONCE), poll_of(LIFE_CHANGES)};
	struct err err;
	if (windows_arm(windows, polls, LIFE_WINDOWS, &err))
		end_with(err.text);
}

static uint16_t standing(const struct window *window, uint32_t voter)
{
	return window->identity == ONE_PER_VOTER_CHANGING
		       ? ballot_wide_choice(ballot_wide_standing(window->ballots, voter))
		       : ballot_standing(window->ballots, voter);
}

/* What this life has read back, for the viewers to judge. */
static void tell(uint32_t id)
{
	struct armed_window *armed = windows_find(windows, LIFE_TENANT, id);
	struct tally_sum sum;
	uint64_t extended = (armed->window.closes_at_us - shared->opens_at_us) / SECOND - 3600;
	windows_sum(windows, armed, clock_now_us(), &sum);
	memcpy(shared->votes[id - 1], sum.votes, sizeof(shared->votes[0]));
	shared->counted[id - 1] = sum.receipts[RECEIPT_COUNTED];
	for (uint32_t voter = 0; voter < LIFE_VOTERS; voter++)
		shared->standing[id - 1][voter] = standing(&armed->window, voter);
	if (id != LIFE_CHANGES)
		return;
	/* The last one may be there and not have been answered. */
	if (extended != shared->extended && extended != shared->extended + 1)
		end_with("an extension is lost");
	shared->extended = extended;
}

static void begin(const char *directory)
{
	const struct durable_options options = {
		.directory = directory, .workers = LIFE_WORKERS, .segment_bytes = 1 << 20};
	const struct windows_options room = {
		.voters = LIFE_VOTERS,
		.upvotes_per_voter = 1,
		.memory_bytes = UINT64_MAX,
		.workers = LIFE_WORKERS,
		.quiesce = wait_for_workers,
	};
	const struct auth_key key = stage_default_key(LIFE_TENANT, 1);
	struct err err;
	stage_open(&stage, &key, 1, NULL, 0);
	clock_start();
	if (windows_create(&room, &windows, &err) ||
	    durable_open(&options, &keyring, windows, &durable, &err))
		end_with(err.text);
	if (windows_count(windows) == 0)
		arm();
	tell(LIFE_ONCE);
	tell(LIFE_CHANGES);
}

static void start_workers(void)
{
	for (uint32_t i = 0; i < LIFE_WORKERS; i++) {
		struct role *role = &roles[i];
		role->worker = i;
		role->waiting = (struct waiting){
			.replies = role->places, .mask = WAITING - 1, .limit = WAITING};
		stage.pipeline[i].journal = journal_ring(durable_journal(durable), i);
		if (pthread_create(&role->thread, NULL, work, role))
			end_with("no thread");
	}
}

/* The control thread: a command now and then. */
static void control(void)
{
	struct armed_window *armed = windows_find(windows, LIFE_TENANT, LIFE_CHANGES);
	struct err err;
	bool failed = journal_failed(durable_journal(durable), &err);
	__atomic_store_n(&shared->failed, failed, __ATOMIC_RELEASE);
	if (__atomic_exchange_n(&shared->resume, false, __ATOMIC_ACQ_REL))
		journal_resume(durable_journal(durable));
	if (!failed && shared->extended < 20000 &&
	    windows_extend(windows, armed, SECOND, clock_now_us(), &err) == 0)
		shared->extended++;
	usleep(500);
}

_Noreturn void life_run(struct life_shared *memory, const char *directory)
{
	struct err err;
	shared = memory;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin(directory);
	start_workers();
	__atomic_store_n(&shared->ready, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE))
		control();
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < LIFE_WORKERS; i++)
		pthread_join(roles[i].thread, NULL);
	if (durable_stop(durable, &err))
		end_with(err.text);
	durable_close(durable);
	_exit(0);
}
