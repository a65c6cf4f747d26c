// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where the control thread and the workers meet, with real threads: windows are armed, extended,
 * closed and cancelled while two workers judge by the published table, and the old table is freed
 * when both have let go of it; keys come and go in the same way; snapshots are taken meanwhile, and
 * none may show more packets judged than received. Runs under TSan, which sees a table freed too
 * early and an order that is not kept.
 *
 * And the clock that both read is set.
 *
 * The workers are worker_run() without a port: the same loads, the pipeline, the same RCU.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/stats.h"
#include "tests/lib/scratch.h"
#include "tests/lib/stage.h"

#define WORKERS     2
#define TEMPLATES   16  /* bursts that every worker plays over and over */
#define WINDOWS     40  /* armed one after the other */
#define SNAPSHOTS   200 /* after each change; they cost nothing */
#define KEY_CHANGES 10
#define VOTERS      (TEMPLATES * BURST_MAX)
#define SECOND      STAGE_SECOND
#define OPENS       STAGE_OPENS_US
#define SEEN        (OPENS + 2 * SECOND)
#define NOW         (OPENS + 3 * SECOND)

static const struct tenant acme = {.id = 7, .name = "acme"};
static const struct envelope plain = {.ip_version = 4};

/* Written before the workers start. */
static struct stage stage; /* for its keys */
static struct stage_burst templates[TEMPLATES];
static struct appliance appliance;
static struct port_queue queue; /* of a port without a front */

static struct role {
	pthread_t thread;
	struct worker worker;
	struct stage_burst burst;
	const char *wrong; /* read when the thread has ended */
} roles[WORKERS];

/* A table that a worker holds: whole, and never one with fewer windows than the last. */
static const char *check_table(const struct window_table *table, uint32_t *count)
{
	uint32_t windows = 0;
	for (uint32_t i = 0; i <= table->mask; i++) {
		const struct window *window = &table->slots[i];
		if (window->question.kind == 0)
			continue;
		windows++;
		if (window->question.kind != KIND_POLL || window->opens_at_us != OPENS ||
		    window->closes_at_us < NOW || window->ballots->voters != VOTERS)
			return "a window is not what was armed";
	}
	if (windows != table->count || windows < *count)
		return "windows are missing in the table";
	*count = windows;
	return NULL;
}

static void play(struct role *role, const struct stage_burst *template)
{
	struct burst *burst = &role->burst.burst;
	burst->count = template->burst.count;
	for (uint32_t i = 0; i < burst->count; i++) {
		burst->data[i] = role->burst.frames[i];
		burst->bytes[i] = template->burst.bytes[i];
		burst->arrival_us[i] = NOW;
		memcpy(burst->data[i], template->frames[i], burst->bytes[i]);
	}
	pipeline_run(&role->worker.pipeline, burst);
}

static void *work(void *arg)
{
	struct role *role = arg;
	struct worker *worker = &role->worker;
	unsigned int thread = worker->pipeline.worker;
	uint32_t count = 0;
	rte_rcu_qsbr_thread_online(worker->rcu, thread);
	for (uint32_t i = 0; !__atomic_load_n(&worker->stop, __ATOMIC_RELAXED); i++) {
		worker->pipeline.keys = __atomic_load_n(worker->published_keys, __ATOMIC_ACQUIRE);
		worker->pipeline.windows = __atomic_load_n(worker->published, __ATOMIC_ACQUIRE);
		const char *wrong = check_table(worker->pipeline.windows, &count);
		if (wrong)
			role->wrong = wrong;
		play(role, &templates[i % TEMPLATES]);
		rte_rcu_qsbr_quiescent(worker->rcu, thread);
	}
	rte_rcu_qsbr_thread_offline(worker->rcu, thread);
	return NULL;
}

/* Returns once every worker that runs has begun so many bursts more. */
static void await_bursts(uint64_t bursts)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		const uint64_t *counter = &roles[i].worker.counters.bursts;
		uint64_t until = tally_get(counter) + bursts;
		while (tally_get(counter) < until && !roles[i].worker.stop)
			sched_yield();
	}
}

/*
 * rte_rcu_qsbr_synchronize(), by its halves in headers: TSan cannot look into the library. Before
 * it begins the workers meet the new table, so that nothing but its own store brings them its
 * contents.
 */
static void wait_for_workers(void *rcu)
{
	await_bursts(2);
	rte_rcu_qsbr_check(rcu, rte_rcu_qsbr_start(rcu), true);
}

/* Each voter has one vote, in one of the windows; an eighth of the tags is wrong. */
static void make_templates(void)
{
	for (uint32_t t = 0; t < TEMPLATES; t++) {
		stage_burst_start(&templates[t]);
		for (uint32_t i = 0; i < BURST_MAX; i++) {
			struct vote vote = {.tenant = 7,
					    .server = 1,
					    .key_epoch = 1,
					    .interaction = 1 + (t * BURST_MAX + i) % WINDOWS,
					    .voter = t * BURST_MAX + i,
					    .choice = (uint16_t)(i % 2),
					    .program_time_us = SEEN};
			stage_burst_vote(&templates[t], &plain, &vote, NOW);
			if (i % 8 == 7)
				templates[t].frames[i][envelope_payload(&plain) + VOTE_BYTES - 1] ^=
					1;
		}
	}
}

static void start_worker(uint32_t i)
{
	struct worker *worker = &roles[i].worker;
	worker->pipeline = stage.pipeline[i];
	worker->pipeline.counters = &worker->counters;
	worker->published = windows_published(appliance.windows);
	worker->published_keys = tenants_published(&appliance.tenants);
	worker->queue = &queue;
	worker->rcu = appliance.rcu;
	appliance.workers[i] = worker;
	rte_rcu_qsbr_thread_register(appliance.rcu, i);
	cr_assert_eq(pthread_create(&roles[i].thread, NULL, work, &roles[i]), 0);
}

static int no_fronts(void *context, const struct tenants_access *access, struct err *err)
{
	(void)context, (void)access, (void)err;
	return 0;
}

/* A keyring file with this one key. */
static void start_tenants(const struct auth_key *key)
{
	char digits[2 * AUTH_KEY_BYTES + 1], text[256];
	struct err err;
	const struct tenants_options options = {
		.keyring = &appliance.keyring,
		.config = &appliance.config,
		.windows = appliance.windows,
		.set_fronts = no_fronts,
		.quiesce = wait_for_workers,
		.context = appliance.rcu,
	};
	sodium_bin2hex(digits, sizeof(digits), key->key, sizeof(key->key));
	snprintf(text, sizeof(text),
		 "{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,\"key\":\"%s\"}]"
		 "}]}",
		 digits);
	strcpy(appliance.config.keyring, scratch_text("keyring.json", text, 0600));
	cr_assert_eq(keyring_load(appliance.config.keyring, &appliance.keyring, &err), 0, "%s",
		     err.text);
	tenants_start(&appliance.tenants, &options);
}

static void set_up(void)
{
	const struct auth_key key = stage_default_key(7, 1);
	const struct stage_window none = {7, 1, 2, 1, OPENS, NOW, 0, false, {0}};
	struct err err;
	size_t bytes = rte_rcu_qsbr_get_memsize(WORKERS);
	stage_open(&stage, &key, 1, &none, 1);
	make_templates();
	appliance.rcu = aligned_alloc(RTE_CACHE_LINE_SIZE, (bytes + 63) / 64 * 64);
	cr_assert_not_null(appliance.rcu);
	cr_assert_eq(rte_rcu_qsbr_init(appliance.rcu, WORKERS), 0);
	const struct windows_options options = {
		.voters = VOTERS,
		.memory_bytes = UINT64_MAX,
		.workers = WORKERS,
		.quiesce = wait_for_workers,
		.quiesce_context = appliance.rcu,
	};
	cr_assert_eq(windows_create(&options, &appliance.windows, &err), 0);
	scratch_make();
	start_tenants(&key);
	appliance.worker_count = WORKERS;
	for (uint32_t i = 0; i < WORKERS; i++)
		start_worker(i);
}

static void stop_workers(void)
{
	for (uint32_t i = 0; i < WORKERS; i++)
		worker_stop(&roles[i].worker);
	for (uint32_t i = 0; i < WORKERS; i++) {
		pthread_join(roles[i].thread, NULL);
		cr_expect_null(roles[i].wrong, "%s", roles[i].wrong ? roles[i].wrong : "");
	}
}

static void tear_down(void)
{
	windows_destroy(appliance.windows);
	keyring_free(&appliance.keyring);
	scratch_remove();
	free(appliance.rcu);
	stage_close(&stage);
}

TestSuite(threads, .init = set_up, .fini = tear_down);

/* The control thread's view, as `stats` and `results` take it. */
static void take_snapshot(struct datagram_counts *counts)
{
	uint64_t receipts[RECEIPT_STATUSES] = {0};
	uint64_t of_windows = stats_receipts(&appliance, receipts), sum = of_windows;
	stats_datagrams(&appliance, of_windows, counts);
	for (int i = 0; i < VERDICT_COUNT; i++)
		sum += counts->verdicts[i];
	cr_assert(sum <= counts->received, "%lu judged of %lu received", sum, counts->received);
	cr_assert_eq(counts->in_flight, counts->received - sum);
}

static void take_snapshots(int number)
{
	struct datagram_counts counts;
	for (int i = 0; i < number; i++)
		take_snapshot(&counts);
}

static void arm(uint32_t id)
{
	struct interaction interaction = {
		.tenant = &acme,
		.id = id,
		.rules = {.kind = KIND_POLL, .options = 2},
		.question = strdup("Which colour?"),
		.labels = calloc(2, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = 20 * SECOND,
		.max_delay_us = 5 * SECOND,
	};
	struct err err;
	cr_assert_eq(windows_arm(appliance.windows, &interaction, 1, &err), 0, "%s", err.text);
}

/* What may follow: an extension, an end in time, or a withdrawal. */
static void change(uint32_t id)
{
	struct armed_window *armed = windows_find(appliance.windows, 7, id);
	struct err err;
	cr_assert_eq(windows_extend(appliance.windows, armed, SECOND, NOW, &err), 0);
	if (id % 3 == 0)
		cr_assert_eq(windows_close(appliance.windows, armed, NOW, &err), 0);
	if (id % 5 == 0)
		cr_assert_eq(windows_cancel(appliance.windows, armed, NOW, &err), 0);
}

/* When the workers have ended: every voter of a window that was not cancelled stands once. */
static void expect_each_voter_once(uint32_t id)
{
	struct armed_window *armed = windows_find(appliance.windows, 7, id);
	uint64_t wanted = 0, in_ballot[2];
	struct tally_sum sum;
	windows_sum(appliance.windows, armed, NOW, &sum);
	const uint64_t *votes = sum.votes;
	for (uint32_t voter = 0; voter < VOTERS; voter++)
		wanted += voter % WINDOWS == id - 1 && voter % 8 != 7;
	if (armed->window.cancelled)
		cr_expect_leq(votes[0] + votes[1], wanted);
	else
		cr_expect_eq(votes[0] + votes[1], wanted, "acme/%u: %lu", id, votes[0] + votes[1]);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], votes[0] + votes[1]);
	cr_expect_eq(ballot_count(armed->store.ballots, in_ballot, 2), votes[0] + votes[1]);
}

Test(threads, windows_change_while_workers_judge_by_them)
{
	struct datagram_counts counts;
	for (uint32_t id = 1; id <= WINDOWS; id++) {
		arm(id);
		take_snapshots(SNAPSHOTS);
		change(id);
		await_bursts(2);
	}
	await_bursts(2 * TEMPLATES); /* by then each worker has played all after the last change */
	stop_workers();
	take_snapshot(&counts);
	cr_expect_eq(counts.in_flight, 0);
	for (uint32_t id = 1; id <= WINDOWS; id++)
		expect_each_voter_once(id);
}

Test(threads, no_snapshot_has_more_judged_than_received)
{
	struct datagram_counts counts;
	arm(1);
	await_bursts(1);
	take_snapshots(100 * SNAPSHOTS);
	stop_workers();
	take_snapshot(&counts);
	cr_expect_eq(counts.in_flight, 0);
	cr_expect_gt(counts.verdicts[VERDICT_BAD_TAG], 0);
}

/* Keys come and go; the one that signs the votes stays, and no vote is taken for another's. */
Test(threads, keys_change_while_workers_judge_by_them)
{
	struct datagram_counts counts;
	struct tenant_key key;
	struct err err;
	const struct tenant *tenant = keyring_tenant_by_name(&appliance.keyring, "acme");
	for (uint32_t id = 1; id <= WINDOWS; id++)
		arm(id);
	for (int i = 0; i < KEY_CHANGES; i++) {
		cr_assert_eq(tenants_rotate(&appliance.tenants, tenant, &key, &err), 0, "%s",
			     err.text);
		take_snapshots(SNAPSHOTS);
		cr_assert_eq(tenants_retire_epoch(&appliance.tenants, tenant, key.epoch, &err), 0,
			     "%s", err.text);
	}
	await_bursts(2 * TEMPLATES);
	stop_workers();
	take_snapshot(&counts);
	cr_expect_eq(counts.in_flight, 0);
	cr_expect_eq(counts.verdicts[VERDICT_UNKNOWN_KEY], 0);
	cr_expect_eq(counts.verdicts[VERDICT_BAD_TAG] * 8, counts.received);
	for (uint32_t id = 1; id <= WINDOWS; id++)
		expect_each_voter_once(id);
}

/* The clock's one word: the control thread sets it while a worker reads. */

#define WRONG_UTC   1000000ull
#define RIGHT_UTC   OPENS
#define CORRECTIONS 2000

static uint64_t system_utc_us; /* the control thread's */

static uint64_t stopped(void *context)
{
	(void)context;
	return 5;
}

static uint64_t read_utc(void *context)
{
	(void)context;
	return system_utc_us;
}

static const struct clock_source stopped_source = {.monotonic_us = stopped, .utc_us = read_utc};
static bool readings_end;
static uint64_t readings;

static void *read_clock(void *wrong)
{
	while (!__atomic_load_n(&readings_end, __ATOMIC_RELAXED)) {
		uint64_t now_us = clock_now_us();
		if (now_us != WRONG_UTC && now_us != RIGHT_UTC)
			*(uint64_t *)wrong = now_us;
		__atomic_store_n(&readings, readings + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

Test(threads_clock, a_reader_sees_utc_before_or_after_a_correction_and_nothing_else)
{
	pthread_t reader;
	uint64_t wrong = 0;
	system_utc_us = WRONG_UTC;
	clock_use(&stopped_source);
	clock_start();
	pthread_create(&reader, NULL, read_clock, &wrong);
	for (int i = 0; i < CORRECTIONS; i++) {
		uint64_t before = __atomic_load_n(&readings, __ATOMIC_RELAXED);
		system_utc_us = i % 2 ? WRONG_UTC : RIGHT_UTC;
		cr_assert(clock_follow() != 0);
		while (__atomic_load_n(&readings, __ATOMIC_RELAXED) == before)
			sched_yield();
	}
	__atomic_store_n(&readings_end, true, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
	cr_expect_eq(wrong, 0, "%lu", wrong);
}
