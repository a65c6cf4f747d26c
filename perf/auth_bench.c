// SPDX-License-Identifier: BSD-3-Clause
/*
 * What authentication costs a core: the three hashes of a vote (voter key, its tag, the receipt's
 * tag) by each backend of auth_batch.h, over bursts of 64 votes of several tenants, as frames lie
 * in buffers. Called by people and `./run bench`; perf/README.md says what the rows mean.
 *
 * Reading and comparing the tags is in it, finding tenant keys and writing receipts is not.
 * Backends take turns of the same length; CPU time counts, so that a neighbour harms none of them.
 */
#include <string.h>

#include "dataplane/core/auth_batch.h"
#include "dataplane/core/cycles.h"
#include "perf/bench.h"
#include "wire/vote_packet.h"

#define BURSTS  32 /* different ones */
#define VOTES   (BURSTS * AUTH_BATCH_MAX)
#define TENANTS 4   /* keys in use at a time */
#define STRIDE  128 /* bytes from frame to frame */
#define HEADERS 42  /* before a vote: Ethernet, IPv4, UDP */
#define RUNS    25
#define RUN_NS  8000000u  /* of each backend, whatever it gets done */
#define WARM_NS 50000000u /* before the first run: clocks and wide units wake up */

struct work {
	uint8_t frames[VOTES][STRIDE] __attribute__((aligned(64)));
	uint8_t tenant_keys[TENANTS][AUTH_KEY_BYTES];
	const void *messages[VOTES];
	const uint8_t *keys_of[VOTES];
};

static struct work work;

static void work_make(void)
{
	uint64_t state = 1;
	for (uint32_t i = 0; i < TENANTS; i++)
		for (uint32_t j = 0; j < AUTH_KEY_BYTES; j++)
			work.tenant_keys[i][j] = (uint8_t)bench_random(&state);
	for (uint32_t i = 0; i < VOTES; i++) {
		for (uint32_t j = 0; j < STRIDE; j++)
			work.frames[i][j] = (uint8_t)bench_random(&state);
		work.messages[i] = work.frames[i] + HEADERS;
		work.keys_of[i] = work.tenant_keys[bench_random(&state) % TENANTS];
	}
}

/* One burst, in two calls as the pipeline makes them. How many tags were right. */
static uint32_t burst_run(uint32_t first, uint64_t receipt_tags[AUTH_BATCH_MAX])
{
	struct auth_batch_keys keys;
	uint64_t tags[AUTH_BATCH_MAX];
	const void *const *messages = work.messages + first;
	uint32_t right = 0;
	auth_batch_open(AUTH_BATCH_MAX, work.keys_of + first, messages, &keys, tags);
	for (uint32_t i = 0; i < AUTH_BATCH_MAX; i++) {
		const struct vote_packet *packet = messages[i];
		uint64_t tag;
		memcpy(&tag, packet->tag, sizeof(tag));
		right += (tag ^ tags[i]) == 0;
	}
	auth_batch_sign(AUTH_BATCH_MAX, &keys, messages, receipt_tags);
	return right;
}

struct cost {
	struct bench_series rate, ns, cycles;
};

/* Cycles of the time stamp counter, as `tallyctl stats` shows them; a core's own may be faster. */
static double cycles_per_ns(void)
{
	uint64_t from_ns = bench_now_ns(), from = cycles_now(), now_ns;
	do
		now_ns = bench_now_ns();
	while (now_ns - from_ns < WARM_NS);
	return (double)(cycles_now() - from) / (double)(now_ns - from_ns);
}

/* All bursts over and over for at least `wanted_ns`; ns of CPU a vote. */
static double run(uint64_t wanted_ns)
{
	uint64_t receipt_tags[AUTH_BATCH_MAX];
	uint64_t votes = 0, from = bench_cpu_ns(), until = bench_now_ns() + wanted_ns;
	uint32_t right = 0;
	do {
		for (uint32_t first = 0; first < VOTES; first += AUTH_BATCH_MAX) {
			right += burst_run(first, receipt_tags);
			bench_keep(receipt_tags);
		}
		votes += VOTES;
	} while (bench_now_ns() < until);
	uint64_t cpu_ns = bench_cpu_ns() - from;
	bench_keep(&right);
	return (double)cpu_ns / (double)votes;
}

/* A turn of each backend that this machine has; then how many times as fast the best was. */
static void take_turns(struct cost costs[AUTH_BACKENDS], struct bench_series *times, double tsc)
{
	double ns[AUTH_BACKENDS] = {0};
	for (int backend = 0; backend < AUTH_BACKENDS; backend++) {
		if (auth_batch_use((enum auth_backend)backend))
			continue;
		ns[backend] = run(RUN_NS);
		bench_add(&costs[backend].rate, 1e3 / ns[backend]);
		bench_add(&costs[backend].ns, ns[backend]);
		bench_add(&costs[backend].cycles, ns[backend] * tsc);
	}
	bench_add(times, ns[AUTH_LIBSODIUM] / ns[auth_batch_best()]);
}

static const char *const names[AUTH_BACKENDS + 1][3] = {
	[AUTH_LIBSODIUM] = {"auth.libsodium", "auth.libsodium.ns", "auth.libsodium.cycles"},
	[AUTH_AVX2] = {"auth.avx2", "auth.avx2.ns", "auth.avx2.cycles"},
	[AUTH_AVX512] = {"auth.avx512", "auth.avx512.ns", "auth.avx512.cycles"},
	[AUTH_BACKENDS] = {"auth.simd", "auth.simd.ns", "auth.simd.cycles"},
};

static size_t add_rows(struct bench_row *rows, const char *const name[3], const struct cost *cost,
		       const char *note)
{
	rows[0] = bench_row(name[0], "M votes/s", &cost->rate, note);
	rows[1] = bench_row(name[1], "ns/vote", &cost->ns, NULL);
	rows[2] = bench_row(name[2], "cycles/vote", &cost->cycles, NULL);
	return 3;
}

int main(int argc, char **argv)
{
	static struct cost costs[AUTH_BACKENDS];
	static struct bench_series times;
	struct bench_row rows[3 * (AUTH_BACKENDS + 1) + 1];
	struct bench_options options;
	size_t count = 0;
	if (bench_options(argc, argv, RUNS, &options))
		return 2;
	work_make();
	run(WARM_NS);
	double tsc = cycles_per_ns();
	for (uint32_t i = 0; i < options.runs; i++)
		take_turns(costs, &times, tsc);
	for (int backend = 0; backend < AUTH_BACKENDS; backend++)
		if (costs[backend].ns.count)
			count += add_rows(rows + count, names[backend], &costs[backend],
					  "voter key, tag, receipt tag");
	enum auth_backend best = auth_batch_best();
	count +=
		add_rows(rows + count, names[AUTH_BACKENDS], &costs[best], auth_backend_name(best));
	rows[count++] = bench_row("auth.ratio", "of libsodium", &times, "auth.simd, run by run");
	bench_print(rows, count, options.json);
	return 0;
}
