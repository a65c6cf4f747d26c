// SPDX-License-Identifier: BSD-3-Clause
/* Frames, one window, workers with a core each; and that every vote was counted as it should. */
#include "perf/bench_worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/core/cycles.h"
#include "perf/bench.h"
#include "perf/frame_write.h"
#include "wire/byte_order.h"

#define TENANT       7
#define INTERACTION  101
#define ARRIVAL_US   (BENCH_OPENS_AT_US + BENCH_DURATION_US)
#define MAX_DELAY_US (BENCH_DURATION_US * 2ull)
#define RING_BURSTS  16 /* filled, then judged: what lies between NIC and worker */
#define SLOT_BYTES   128

static const struct auth_key bench_key = {.tenant = TENANT, .epoch = 1, .key = "benchmark's key"};

/* Where share `part` of `count` things begins. */
static uint32_t share_of(uint32_t count, uint32_t part, uint32_t parts)
{
	return (uint32_t)((uint64_t)count * part / parts);
}

/* Votes that are no voter's second one. */
static uint32_t distinct_of(uint32_t count)
{
	return count - count / BENCH_REPEAT_ONE_IN;
}

static void *take(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("bench: memory");
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

uint32_t *bench_voters_make(uint32_t count, uint32_t parts)
{
	uint64_t state = 42;
	uint32_t distinct = distinct_of(count);
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

void bench_voters_free(uint32_t *voters, uint32_t count)
{
	munmap(voters, count * sizeof(*voters));
}

void bench_frames_open(struct bench_frames *frames, uint32_t count)
{
	*frames = (struct bench_frames){.count = count};
	frames->slots = take((size_t)count * SLOT_BYTES);
}

void bench_frames_close(struct bench_frames *frames)
{
	munmap(frames->slots, (size_t)frames->count * SLOT_BYTES);
}

void bench_frames_make(struct bench_frames *frames, const struct bench_question *question,
		       const uint32_t *voters)
{
	const struct frame_target target = {.port = QUIC_LITE_DEFAULT_PORT,
					    .ipv4 = {198, 18, 255, 1}};
	for (uint32_t i = 0; i < frames->count; i++) {
		struct vote vote = {.interaction = INTERACTION,
				    .voter = voters[i],
				    .tenant = TENANT,
				    .server = 1,
				    .key_epoch = 1};
		struct vote_packet packet;
		uint8_t voter_key[AUTH_KEY_BYTES];
		question->answer(&vote, i);
		auth_voter_key(bench_key.key, TENANT, 1, vote.voter, voter_key);
		vote_write(&vote, voter_key, &packet);
		frames->bytes = frame_write(&target, vote.voter, 40000, false, &packet,
					    frames->slots + (size_t)i * SLOT_BYTES);
	}
}

/* One open window with what it needs; made anew for each run, so that every run counts the same. */
struct stage {
	struct auth_keys *keys;
	struct window_table *table;
	struct store store;
	void *memory;
	size_t memory_bytes;
};

static struct store_plan plan_of(const struct bench_question *question, uint32_t voters,
				 uint32_t workers)
{
	return (struct store_plan){
		.question = question->rules,
		.identity = question->identity,
		.form = BALLOT_DENSE,
		.seconds = question->seconds,
		.voters = voters,
		.pairs = question->identity == ONE_PER_VOTER_ITEM ? voters : 0,
		.lanes = workers,
	};
}

static void stage_open(struct stage *stage, const struct bench_question *question, uint32_t voters,
		       uint32_t workers)
{
	const struct store_plan plan = plan_of(question, voters, workers);
	stage->memory_bytes = store_bytes(&plan);
	stage->memory = take(stage->memory_bytes);
	store_init(&stage->store, stage->memory, &plan);
	const struct window window = {
		.interaction = INTERACTION,
		.tenant = TENANT,
		.question = question->rules,
		.identity = (uint8_t)question->identity,
		.opens_at_us = BENCH_OPENS_AT_US,
		.closes_at_us = BENCH_OPENS_AT_US + BENCH_DURATION_US,
		.max_delay_us = MAX_DELAY_US,
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
	const struct bench_frames *frames;
	uint32_t first;
	uint32_t count;
	uint32_t cpu;
	pthread_barrier_t *start;
	uint64_t cycles; /* in the pipeline */
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
			worker->burst.arrival_us[i] = ARRIVAL_US;
		}
		pipeline_run(&worker->pipeline, &worker->burst);
	}
}

static void wait_for_room(struct worker *worker, uint32_t votes)
{
	struct journal_ring *journal = worker->pipeline.journal;
	while (journal && journal_room(journal) < votes)
		journal_report(journal);
}

static void run_share(struct worker *worker)
{
	const uint32_t ring_slots = RING_BURSTS * BURST_MAX;
	const uint8_t *slots = worker->frames->slots;
	for (uint32_t done = 0; done < worker->count; done += ring_slots) {
		uint32_t filled = worker->count - done;
		filled = filled < ring_slots ? filled : ring_slots;
		memcpy(worker->ring, slots + (size_t)(worker->first + done) * SLOT_BYTES,
		       (size_t)filled * SLOT_BYTES);
		wait_for_room(worker, filled);
		uint64_t begin = cycles_now();
		judge_ring(worker, filled);
		worker->cycles += cycles_now() - begin;
	}
}

static void *worker_thread(void *arg)
{
	struct worker *worker = arg;
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(worker->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	pthread_barrier_wait(worker->start);
	if (worker->pipeline.journal)
		journal_online(worker->pipeline.journal);
	run_share(worker);
	if (worker->pipeline.journal)
		journal_offline(worker->pipeline.journal);
	return NULL;
}

static void worker_start(struct worker *worker, const struct stage *stage, uint32_t number,
			 uint32_t workers, struct journal_ring *journal)
{
	worker->first = share_of(worker->frames->count, number, workers);
	worker->count = share_of(worker->frames->count, number + 1, workers) - worker->first;
	worker->cpu = number;
	worker->pipeline = (struct pipeline){.keys = stage->keys,
					     .windows = stage->table,
					     .counters = &worker->counters,
					     .worker = number,
					     .journal = journal,
					     .vote_port_be = be16(QUIC_LITE_DEFAULT_PORT)};
	if (pthread_create(&worker->thread, NULL, worker_thread, worker)) {
		perror("bench: thread");
		exit(1);
	}
}

double bench_cycles_per_ns(void)
{
	uint64_t from_ns = bench_now_ns(), from = cycles_now();
	while (bench_now_ns() - from_ns < 20000000)
		;
	return (double)(cycles_now() - from) / (double)(bench_now_ns() - from_ns);
}

static void check_counted(const struct stage *stage, const struct bench_frames *frames)
{
	uint32_t counters = stage->store.tally.counters;
	uint64_t *votes = take(counters * sizeof(*votes));
	struct tally_sum sum = {.votes = votes};
	tally_read(&stage->store.tally, counters, &sum);
	munmap(votes, counters * sizeof(*votes));
	uint64_t counted = sum.receipts[RECEIPT_COUNTED];
	uint64_t all = counted + sum.receipts[RECEIPT_DUPLICATE] + sum.receipts[RECEIPT_CHANGED];
	if (counted == distinct_of(frames->count) && all == frames->count)
		return;
	fprintf(stderr, "bench: counted %llu of %llu: the figures mean nothing\n",
		(unsigned long long)counted, (unsigned long long)all);
	exit(1);
}

double bench_workers_run(const struct bench_question *question, const struct bench_frames *frames,
			 uint32_t workers, struct journal_ring *journal, double cycles_per_ns,
			 double *steps)
{
	struct stage stage;
	pthread_barrier_t start;
	struct worker *all = take(workers * sizeof(*all));
	double rate = 0;
	stage_open(&stage, question, distinct_of(frames->count), workers);
	pthread_barrier_init(&start, NULL, workers);
	for (uint32_t i = 0; i < workers; i++) {
		all[i].frames = frames;
		all[i].start = &start;
		worker_start(&all[i], &stage, i, workers, journal);
	}
	for (uint32_t i = 0; i < workers; i++) {
		pthread_join(all[i].thread, NULL);
		rate += all[i].count / ((double)all[i].cycles / cycles_per_ns) * 1e3;
	}
	for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
		steps[step] = (double)all[0].counters.step_cycles[step] / all[0].count;
	check_counted(&stage, frames);
	stage_close(&stage);
	munmap(all, workers * sizeof(*all));
	return rate;
}
