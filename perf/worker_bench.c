// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a worker core does in a second, between port and port: the pipeline over bursts of 64 in
 * memory.
 *
 * `worker.full` is everything from classify to the signed receipt. Frames are copied into a ring of
 * buffers before they are judged, as a NIC would put them there; the copy is not timed. `scale.N`
 * runs N such workers at once over one window. Called by `./run bench`; opens no port, sends
 * nothing.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/core/cycles.h"
#include "dataplane/core/pipeline.h"
#include "perf/bench.h"
#include "perf/frame_write.h"
#include "wire/byte_order.h"

#define VOTERS           1000000u
#define OPTIONS          4
#define TENANT           7
#define INTERACTION      101
#define OPENS_AT_US      1795392000000000ull
#define RING_BURSTS      16 /* filled, then judged: what lies between NIC and worker */
#define SLOT_BYTES       128
#define WORKERS_MAX      64
#define DUPLICATE_ONE_IN 10 /* so many votes are a voter's second one */

static const struct auth_key bench_key = {.tenant = TENANT, .epoch = 1, .key = "benchmark's key"};

/* All frames of a run, in random voter order, in slots of SLOT_BYTES. Read-only once made. */
struct frames {
	uint8_t *slots;
	uint32_t bytes; /* of each */
	uint32_t count;
};

/* Where share `part` of `count` things begins. */
static uint32_t share_of(uint32_t count, uint32_t part, uint32_t parts)
{
	return (uint32_t)((uint64_t)count * part / parts);
}

static void *take(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("worker_bench: memory");
		exit(1);
	}
	return memory;
}

static void shuffle(uint32_t *voters, uint32_t count, uint64_t *state)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)(bench_random(state) % i);
		uint32_t kept = voters[i - 1];
		voters[i - 1] = voters[j];
		voters[j] = kept;
	}
}

/*
 * Voters in `parts` equal stretches, each in random order: worker i of that many has its voters to
 * itself. With one part every worker meets every stretch of voters.
 */
static uint32_t *shuffled_voters(uint32_t count, uint32_t parts)
{
	uint64_t state = 42;
	uint32_t distinct = count - count / DUPLICATE_ONE_IN;
	uint32_t *voters = take(count * sizeof(*voters));
	for (uint32_t part = 0; part < parts; part++) {
		uint32_t from = share_of(count, part, parts), to = share_of(count, part + 1, parts);
		uint32_t least = share_of(distinct, part, parts);
		uint32_t span = share_of(distinct, part + 1, parts) - least;
		for (uint32_t i = from; i < to; i++)
			voters[i] = least + (i - from) % span;
		shuffle(voters + from, to - from, &state);
	}
	return voters;
}

static void make_frames(struct frames *frames, uint32_t count, uint32_t parts)
{
	const struct frame_target target = {.port = QUIC_LITE_DEFAULT_PORT,
					    .ipv4 = {198, 18, 255, 1}};
	uint32_t *voters = shuffled_voters(count, parts);
	frames->count = count;
	frames->slots = take((size_t)count * SLOT_BYTES);
	for (uint32_t i = 0; i < count; i++) {
		struct vote vote = {.program_time_us = OPENS_AT_US + i % 1000000,
				    .interaction = INTERACTION,
				    .voter = voters[i],
				    .tenant = TENANT,
				    .server = 1,
				    .choice = (uint16_t)(voters[i] % OPTIONS),
				    .key_epoch = 1};
		struct vote_packet packet;
		uint8_t voter_key[AUTH_KEY_BYTES];
		auth_voter_key(bench_key.key, TENANT, 1, vote.voter, voter_key);
		vote_write(&vote, voter_key, &packet);
		frames->bytes = frame_write(&target, vote.voter, 40000, false, &packet,
					    frames->slots + (size_t)i * SLOT_BYTES);
	}
	munmap(voters, count * sizeof(*voters));
}

/* One open window with what it needs; made anew for each run, so that every run counts the same. */
struct stage {
	struct auth_keys *keys;
	struct window_table *table;
	struct store store;
	void *memory;
	size_t memory_bytes;
};

static void stage_open(struct stage *stage, uint32_t workers)
{
	const struct store_plan plan = {
		.question = {.kind = KIND_POLL, .options = OPTIONS},
		.identity = ONE_PER_VOTER,
		.form = BALLOT_DENSE,
		.seconds = 1,
		.voters = VOTERS,
		.lanes = workers,
	};
	stage->memory_bytes = store_bytes(&plan);
	stage->memory = take(stage->memory_bytes);
	store_init(&stage->store, stage->memory, &plan);
	const struct window window = {
		.interaction = INTERACTION,
		.tenant = TENANT,
		.question = plan.question,
		.identity = (uint8_t)plan.identity,
		.opens_at_us = OPENS_AT_US,
		.closes_at_us = OPENS_AT_US + 20000000,
		.max_delay_us = 5000000,
		.store = &stage->store,
		.ballots = stage->store.ballots,
		.tally = &stage->store.tally,
	};
	stage->keys = auth_keys_build(take(auth_keys_bytes(1)), &bench_key, 1);
	stage->table = window_table_build(take(window_table_bytes(1)), &window, 1);
}

static void stage_close(struct stage *stage)
{
	munmap(stage->memory, stage->memory_bytes);
	munmap(stage->keys, auth_keys_bytes(1));
	munmap(stage->table, window_table_bytes(1));
}

/* One worker's share of the frames and what it took. Each thread writes its own only. */
struct worker {
	struct pipeline pipeline;
	struct pipeline_counters counters;
	struct burst burst;
	uint8_t ring[RING_BURSTS * BURST_MAX][SLOT_BYTES];
	const struct frames *frames;
	uint32_t first;
	uint32_t count;
	uint32_t cpu;
	pthread_barrier_t *start;
	uint64_t cycles;  /* in the pipeline */
	uint64_t wall_ns; /* with the copies */
	pthread_t thread;
} __attribute__((aligned(128)));

static void judge_ring(struct worker *worker, uint32_t filled)
{
	for (uint32_t from = 0; from < filled; from += BURST_MAX) {
		uint32_t count = filled - from < BURST_MAX ? filled - from : BURST_MAX;
		worker->burst.count = count;
		for (uint32_t i = 0; i < count; i++) {
			worker->burst.data[i] = worker->ring[from + i];
			worker->burst.bytes[i] = worker->frames->bytes;
			worker->burst.arrival_us[i] = OPENS_AT_US + 1000000;
		}
		pipeline_run(&worker->pipeline, &worker->burst);
	}
}

static void run_share(struct worker *worker)
{
	const uint32_t ring_slots = RING_BURSTS * BURST_MAX;
	const uint8_t *slots = worker->frames->slots;
	uint64_t begin_ns = bench_now_ns();
	for (uint32_t done = 0; done < worker->count; done += ring_slots) {
		uint32_t filled = worker->count - done;
		filled = filled < ring_slots ? filled : ring_slots;
		memcpy(worker->ring, slots + (size_t)(worker->first + done) * SLOT_BYTES,
		       (size_t)filled * SLOT_BYTES);
		uint64_t begin = cycles_now();
		judge_ring(worker, filled);
		worker->cycles += cycles_now() - begin;
	}
	worker->wall_ns = bench_now_ns() - begin_ns;
}

static void *worker_thread(void *arg)
{
	struct worker *worker = arg;
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(worker->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	pthread_barrier_wait(worker->start);
	run_share(worker);
	return NULL;
}

/* How many cycles a nanosecond has, measured against the clock. */
static double cycles_per_ns(void)
{
	uint64_t from_ns = bench_now_ns(), from = cycles_now();
	while (bench_now_ns() - from_ns < 20000000)
		;
	return (double)(cycles_now() - from) / (double)(bench_now_ns() - from_ns);
}

static void check_counted(const struct stage *stage, const struct frames *frames)
{
	uint64_t votes[OPTIONS];
	struct tally_sum sum = {.votes = votes};
	tally_read(&stage->store.tally, OPTIONS, &sum);
	uint64_t counted = sum.receipts[RECEIPT_COUNTED];
	uint64_t all = counted + sum.receipts[RECEIPT_DUPLICATE];
	if (counted == frames->count - frames->count / DUPLICATE_ONE_IN && all == frames->count)
		return;
	fprintf(stderr, "worker_bench: counted %llu of %llu: the figures mean nothing\n",
		(unsigned long long)counted, (unsigned long long)all);
	exit(1);
}

/*
 * All frames once, shared out among `workers` threads. `per_core` gets the M votes/s of the
 * pipeline alone on each core, added up; `steps` the cycles per vote of each step, of worker 0.
 */
static double run_once(const struct frames *frames, uint32_t workers, double ghz, double *steps)
{
	struct stage stage;
	pthread_barrier_t start;
	struct worker *all = take(workers * sizeof(*all));
	double rate = 0;
	stage_open(&stage, workers);
	pthread_barrier_init(&start, NULL, workers);
	for (uint32_t i = 0; i < workers; i++) {
		struct worker *worker = &all[i];
		worker->frames = frames;
		worker->first = share_of(frames->count, i, workers);
		worker->count = share_of(frames->count, i + 1, workers) - worker->first;
		worker->cpu = i;
		worker->start = &start;
		worker->pipeline = (struct pipeline){.keys = stage.keys,
						     .windows = stage.table,
						     .counters = &worker->counters,
						     .worker = i,
						     .vote_port_be = be16(QUIC_LITE_DEFAULT_PORT)};
		if (pthread_create(&worker->thread, NULL, worker_thread, worker)) {
			perror("worker_bench: thread");
			exit(1);
		}
	}
	for (uint32_t i = 0; i < workers; i++) {
		pthread_join(all[i].thread, NULL);
		rate += all[i].count / ((double)all[i].cycles / ghz) * 1e3;
	}
	for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
		steps[step] = (double)all[0].counters.step_cycles[step] / all[0].count;
	check_counted(&stage, frames);
	stage_close(&stage);
	munmap(all, workers * sizeof(*all));
	return rate;
}

static void print_steps(const struct bench_series *steps)
{
	printf("cycles per vote by step:");
	for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
		printf(" %s %.1f", pipeline_step_name((enum pipeline_step)step),
		       bench_median(&steps[step]));
	printf("\n");
}

/* The series of one number of workers. */
struct scale {
	struct bench_series own;    /* each worker has its own stretch of voters */
	struct bench_series shared; /* all workers meet in all stretches */
	char own_name[24];
	char shared_name[24];
};

static void measure(struct scale *scale, uint32_t workers, uint32_t runs, double ghz,
		    struct bench_series *steps)
{
	struct frames own, shared;
	make_frames(&own, VOTERS, workers);
	make_frames(&shared, VOTERS, 1);
	for (uint32_t run = 0; run < runs; run++) {
		double step_cycles[PIPELINE_STEP_COUNT];
		bench_add(&scale->own, run_once(&own, workers, ghz, step_cycles));
		for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
			bench_add(&steps[step], step_cycles[step]);
		bench_add(&scale->shared, run_once(&shared, workers, ghz, step_cycles));
	}
	munmap(own.slots, (size_t)VOTERS * SLOT_BYTES);
	munmap(shared.slots, (size_t)VOTERS * SLOT_BYTES);
	snprintf(scale->own_name, sizeof(scale->own_name), "scale.%u", workers);
	snprintf(scale->shared_name, sizeof(scale->shared_name), "scale.%u.shared", workers);
}

int main(int argc, char **argv)
{
	static struct scale scales[WORKERS_MAX];
	static struct bench_series steps[WORKERS_MAX][PIPELINE_STEP_COUNT];
	struct bench_row rows[2 * WORKERS_MAX + 1];
	struct bench_options options;
	size_t row_count = 0;
	if (bench_options(argc, argv, 5, &options))
		return 2;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t workers_max = cpus < WORKERS_MAX ? (uint32_t)cpus : WORKERS_MAX;
	double ghz = cycles_per_ns();
	workers_max = WORKER_SCALES ? workers_max : 1;
	for (uint32_t i = 0; i < workers_max; i++)
		measure(&scales[i], i + 1, options.runs, ghz, steps[i]);
	rows[row_count++] = bench_row(WORKER_ROW, "M votes/s", &scales[0].own,
				      "one core, bursts of 64 in memory, classify to receipt");
	for (uint32_t i = 0; WORKER_SCALES && i < workers_max; i++) {
		rows[row_count++] = bench_row(scales[i].own_name, "M votes/s", &scales[i].own,
					      "that many cores, one window, voters of their own");
		rows[row_count++] = bench_row(scales[i].shared_name, "M votes/s", &scales[i].shared,
					      "the same, voters all over on every core");
	}
	if (!options.json)
		print_steps(steps[0]);
	bench_print(rows, row_count, options.json);
	return 0;
}
