// SPDX-License-Identifier: BSD-3-Clause
/*
 * The one ladder: each rung takes something, and each failure steps down from where it stands.
 *
 * config → keyring → fronts → EAL → devices → no longer root → windows → journal → sealer → viewers
 * → workers → sandbox. Fronts come before EAL, since AF_XDP sockets join the program that they
 * find; they go last, so no vote falls through to the host. Root is given up before the first byte
 * of a journal is read, and before io_uring makes a thread: such a thread would stay root's.
 */
#include "dataplane/appliance.h"

#include <assert.h>
#include <errno.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/clock.h"
#include "dataplane/show/key_memory.h"
#include "dataplane/control.h"
#include "dataplane/durable.h"
#include "dataplane/eal.h"
#include "dataplane/policing.h"
#include "dataplane/sandbox.h"
#include "dataplane/sealer.h"
#include "dataplane/stats.h"

/* Each worker says in a line of its own that it let go of a table. */
static_assert(sizeof(struct rte_rcu_qsbr_cnt) == RTE_CACHE_LINE_SIZE, "RCU counters share a line");

/* For windows and tenants: every worker has passed a point at which it held no table. Control
 * thread. */
static void wait_for_workers(void *context)
{
	struct appliance *appliance = context;
	if (appliance->rcu)
		rte_rcu_qsbr_synchronize(appliance->rcu, RTE_QSBR_THRID_INVALID);
}

static uint64_t count_missed(void *context)
{
	struct datagram_counts counts;
	stats_datagrams(context, 0, &counts);
	return counts.missed;
}

static int make_windows(struct appliance *appliance, struct err *err)
{
	const struct windows_options options = {
		.voters = appliance->config.voters,
		.upvotes_per_voter = appliance->config.upvotes,
		.upvotes = UINT64_MAX,
		.memory_bytes = appliance->config.windows_mb << 20,
		.workers = appliance->ports.queue_count,
		.prefault = true,
		.missed = count_missed,
		.quiesce = wait_for_workers,
		.quiesce_context = appliance,
		.seals = appliance->config.ack != ACK_NONE,
	};
	return windows_create(&options, &appliance->windows, err);
}

static int set_fronts(void *context, const struct tenants_access *access, struct err *err)
{
	struct appliance *appliance = context;
	return ports_set_tenants(&appliance->ports, access, err);
}

static void start_tenants(struct appliance *appliance)
{
	const struct tenants_options options = {
		.keyring = &appliance->keyring,
		.config = &appliance->config,
		.windows = appliance->windows,
		.set_fronts = set_fronts,
		.quiesce = wait_for_workers,
		.context = appliance,
	};
	tenants_start(&appliance->tenants, &options);
}

static int make_rcu(struct appliance *appliance, struct err *err)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(appliance->ports.queue_count);
	appliance->rcu = rte_zmalloc("rcu", bytes, WORKER_ALIGN);
	if (!appliance->rcu || rte_rcu_qsbr_init(appliance->rcu, appliance->ports.queue_count)) {
		rte_free(appliance->rcu);
		appliance->rcu = NULL;
		return err_set(err, -ENOMEM, "workers: out of memory");
	}
	return 0;
}

static int open_durable(struct appliance *appliance, struct err *err)
{
	const struct config *config = &appliance->config;
	const struct durable_options options = {
		.directory = config->journal_dir,
		.immediate = config->ack == ACK_IMMEDIATE,
		.workers = appliance->ports.queue_count,
		.segment_bytes = config->segment_mb << 20,
	};
	if (config->ack == ACK_NONE)
		return 0;
	return durable_open(&options, &appliance->keyring, appliance->windows, &appliance->durable,
			    err);
}

static int open_sealer(struct appliance *appliance, struct err *err)
{
	const struct config *config = &appliance->config;
	const struct sealer_options options = {
		.directory = config->results_dir,
		.identity = config->identity,
		.keep = {config->keep_days, config->keep_mb},
		.journal = config->journal_dir,
		.journal_keep = {config->journal_days, config->journal_mb},
	};
	if (!appliance->durable)
		return 0;
	return sealer_open(&options, appliance->windows, appliance->durable, &appliance->sealer,
			   err);
}

/* What every worker has pushed. */
static uint64_t rounds_done(void *context)
{
	const struct appliance *appliance = context;
	uint64_t done = UINT64_MAX;
	for (uint32_t i = 0; i < appliance->worker_count; i++) {
		uint64_t worker = tally_get(&appliance->workers[i]->watch.counters.rounds_done);
		done = worker < done ? worker : done;
	}
	return done;
}

static int open_viewers(struct appliance *appliance, struct err *err)
{
	const struct viewers_options options = {
		.windows = appliance->windows,
		.rounds_done = rounds_done,
		.quiesce = wait_for_workers,
		.context = appliance,
	};
	if (appliance->config.subscribers == 0)
		return 0;
	return viewers_create(&options, clock_monotonic_us(), &appliance->viewers, err);
}

/*
 * What a device may hold of a queue's buffers at a time: what an AF_XDP socket receives into
 * (2,048), what is sent and not given back yet (2,048), the pool's cache. With none left to receive
 * into a socket receives nothing, so nothing is sent, and nothing given back.
 */
#define DEVICE_MBUFS (2048 + 2048 + 512)

static int make_waiting(struct worker *worker, uint64_t mbufs, int node)
{
	uint32_t places = BURST_MAX;
	worker->waiting.limit = (uint32_t)(mbufs - DEVICE_MBUFS);
	while (places < worker->waiting.limit)
		places *= 2;
	worker->waiting.mask = places - 1;
	worker->waiting.replies = rte_zmalloc_socket(
		"waiting", places * sizeof(struct waiting_reply), WORKER_ALIGN, node);
	return worker->waiting.replies ? 0 : -ENOMEM;
}

/* Where all memory of a table is there before the first viewer. */
static int make_watch(struct appliance *appliance, struct worker *worker, struct err *err)
{
	uint32_t room = (uint32_t)appliance->config.subscribers;
	size_t bytes = subscribers_bytes(room);
	if (!appliance->viewers)
		return 0;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		return err_set(err, -ENOMEM,
			       "[watch] subscribers: no memory for %u viewers of queue %u (%zu "
			       "MiB): lower it",
			       room, worker->pipeline.worker, bytes >> 20);
	subscribers_init(&worker->watch.subscribers, memory, room);
	worker->published_bulletin = viewers_published(appliance->viewers);
	worker->pipeline.watch = &worker->watch;
	return 0;
}

static void free_watch(const struct worker *worker)
{
	const struct subscribers *table = &worker->watch.subscribers;
	if (worker->pipeline.watch)
		munmap(table->entries, subscribers_bytes(table->room));
}

static void set_rests(struct worker *worker)
{
	static const uint32_t work_us[] = {
		[EAL_CORE_SHARED] = WORKER_SHARE_US,
		[EAL_CORE_ORDINARY] = WORKER_WORK_US,
		[EAL_CORE_ISOLATED] = 0,
	};
	enum eal_core core = eal_core_of(worker->lcore);
	worker->shares_core = core == EAL_CORE_SHARED;
	worker->work_cycles = rte_get_tsc_hz() / 1000000 * work_us[core];
}

static int make_worker(struct appliance *appliance, uint32_t index, struct err *err)
{
	int node = appliance->ports.queues[index].node;
	struct worker *worker = rte_zmalloc_socket("worker", sizeof(*worker), WORKER_ALIGN, node);
	if (!worker)
		return err_set(err, -ENOMEM, "workers: out of memory");
	appliance->workers[appliance->worker_count++] = worker;
	if (make_waiting(worker, appliance->config.mbufs, node))
		return err_set(err, -ENOMEM, "workers: out of memory");
	int rc = key_memory_lock(&worker->burst.keys, sizeof(worker->burst.keys));
	if (rc)
		return err_set(err, rc, "workers: the memory of keys cannot be locked: %s; %s",
			       strerror(-rc), KEY_MEMORY_REMEDY);
	worker->ports = &appliance->ports;
	worker->queue = &appliance->ports.queues[index];
	worker->published = windows_published(appliance->windows);
	worker->published_keys = tenants_published(&appliance->tenants);
	worker->rcu = appliance->rcu;
	worker->lcore = eal_worker_lcore(index);
	set_rests(worker);
	worker->pipeline = (struct pipeline){
		.counters = &worker->counters,
		.worker = index,
		.vote_port_be = be16((uint16_t)appliance->config.vote_port),
	};
	if (appliance->durable)
		worker->pipeline.journal = journal_ring(durable_journal(appliance->durable), index);
	worker->wait = appliance->config.ack == ACK_DURABLE;
	struct front *front = appliance->ports.fronts[worker->queue->port];
	if (front)
		worker->pipeline.feedback = front_sources_feedback(front_sources(front));
	return make_watch(appliance, worker, err);
}

/* The workers have ended; what they put into their rings is written yet. */
static void stop_durable(struct appliance *appliance)
{
	struct err err;
	if (appliance->durable && durable_stop(appliance->durable, &err))
		fprintf(stderr, "tallyd: %s\n", err.text);
}

static void stop_workers(struct appliance *appliance)
{
	for (uint32_t i = 0; i < appliance->worker_count; i++)
		worker_stop(appliance->workers[i]);
	rte_eal_mp_wait_lcore();
	stop_durable(appliance);
	for (uint32_t i = 0; i < appliance->worker_count; i++) {
		worker_finish(appliance->workers[i]);
		free_watch(appliance->workers[i]);
		sodium_memzero(&appliance->workers[i]->burst.keys,
			       sizeof(appliance->workers[i]->burst.keys));
		rte_free(appliance->workers[i]->waiting.replies);
		rte_free(appliance->workers[i]);
	}
	rte_free(appliance->rcu);
	appliance->rcu = NULL;
	appliance->worker_count = 0;
}

static int start_workers(struct appliance *appliance, struct err *err)
{
	uint32_t count = appliance->ports.queue_count;
	int rc = make_rcu(appliance, err);
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = make_worker(appliance, i, err);
	for (uint32_t i = 0; i < count && rc == 0; i++) {
		struct worker *worker = appliance->workers[i];
		rc = rte_eal_remote_launch(worker_run, worker, worker->lcore);
		if (rc)
			err_set(err, rc, "worker %u does not start on lcore %u: %s", i,
				worker->lcore, strerror(-rc));
	}
	if (rc)
		stop_workers(appliance);
	return rc;
}

/* What is read and listened to before root is given up: files are the user's already. */
static int open_files(struct appliance *appliance, struct tenants_access *access, struct err *err)
{
	const struct privileges *privileges = &appliance->privileges;
	privileges_files_as_user(privileges);
	int rc = keyring_load(appliance->config.keyring, &appliance->keyring, err);
	if (rc == 0)
		rc = keyring_lock(&appliance->keyring, err);
	if (rc == 0)
		rc = tenants_access(&appliance->config, &appliance->keyring, access, err);
	if (rc == 0)
		rc = control_open(appliance, &appliance->control, err);
	privileges_files_as_root(privileges);
	if (rc)
		keyring_free(&appliance->keyring);
	return privileges_explain(privileges, rc, err);
}

/* Everything that wants root: what is opened here is used without it. */
static int open_devices(struct appliance *appliance, const char *program,
			const struct tenants_access *access, struct err *err)
{
	int rc = ports_attach_fronts(&appliance->ports, &appliance->config, access, err);
	if (rc)
		return rc;
	rc = policing_start(&appliance->ports, err);
	if (rc == 0)
		rc = eal_start(&appliance->config, program, err);
	if (rc)
		goto err_restore_fronts;
	rc = ports_start(&appliance->ports, err);
	if (rc)
		goto err_eal_stop;
	return 0;

err_eal_stop:
	eal_stop();
err_restore_fronts:
	ports_restore_fronts(&appliance->ports);
	return rc;
}

static void close_devices(struct appliance *appliance)
{
	ports_stop(&appliance->ports);
	eal_stop();
	ports_restore_fronts(&appliance->ports);
}

/* Windows, journal, results, workers: nothing of it wants root. */
static int start_counting(struct appliance *appliance, struct err *err)
{
	int rc = make_windows(appliance, err);
	if (rc)
		return rc;
	start_tenants(appliance);
	rc = open_durable(appliance, err);
	if (rc)
		goto err_windows_destroy;
	rc = open_sealer(appliance, err);
	if (rc)
		goto err_durable_close;
	rc = open_viewers(appliance, err);
	if (rc)
		goto err_sealer_close;
	rc = start_workers(appliance, err);
	if (rc)
		goto err_viewers_destroy;
	return 0;

err_viewers_destroy:
	viewers_destroy(appliance->viewers);
err_sealer_close:
	sealer_close(appliance->sealer);
err_durable_close:
	durable_close(appliance->durable);
err_windows_destroy:
	windows_destroy(appliance->windows);
	return privileges_explain(&appliance->privileges, rc, err);
}

static void stop_counting(struct appliance *appliance)
{
	sealer_close(appliance->sealer);
	stop_workers(appliance);
	viewers_destroy(appliance->viewers);
	durable_close(appliance->durable);
	windows_destroy(appliance->windows);
}

static int look_up(struct appliance *appliance, const char *config_path, struct err *err)
{
	int rc = config_load(config_path, &appliance->config, err);
	if (rc == 0)
		rc = privileges_find(&appliance->config, &appliance->privileges, err);
	if (rc == 0)
		rc = privileges_begin(&appliance->privileges, err);
	if (rc == 0)
		rc = notify_open(&appliance->notify, err);
	watchdog_start(&appliance->watchdog, appliance->notify.timeout_us);
	return rc;
}

int appliance_start(struct appliance *appliance, const char *config_path, const char *program,
		    struct err *err)
{
	struct tenants_access access;
	memset(appliance, 0, sizeof(*appliance));
	clock_start();
	int rc = look_up(appliance, config_path, err);
	if (rc == 0)
		rc = open_files(appliance, &access, err);
	if (rc)
		return rc;
	rc = open_devices(appliance, program, &access, err);
	if (rc)
		goto err_close_files;
	rc = privileges_drop(&appliance->privileges, err);
	if (rc)
		goto err_close_devices;
	rc = start_counting(appliance, err);
	if (rc)
		goto err_close_devices;
	rc = appliance->privileges.drops ? sandbox_close(err) : 0;
	if (rc)
		goto err_stop_counting;
	return 0;

err_stop_counting:
	stop_counting(appliance);
err_close_devices:
	close_devices(appliance);
err_close_files:
	control_close(appliance->control);
	keyring_free(&appliance->keyring);
	return rc;
}

void appliance_stop(struct appliance *appliance)
{
	control_close(appliance->control);
	stop_counting(appliance);
	if (!appliance->privileges.drops) {
		ports_stop(&appliance->ports);
		eal_stop();
		ports_detach_fronts(&appliance->ports, appliance->config.front_keep);
	}
	keyring_free(&appliance->keyring);
	notify_close(&appliance->notify);
}
