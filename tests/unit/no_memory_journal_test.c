// SPDX-License-Identifier: BSD-3-Clause
/*
 * Memory runs out at each allocation while the journal is opened and read back, while a window is
 * armed and made durable, and while one is sealed: once, and for good. What could not be done is
 * said in a line, the journal is none the worse, and what is sealed in the end is what is sealed
 * with memory.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "dataplane/core/cast.h"
#include "dataplane/sealer.h"
#include "tests/lib/disk_sim.h"
#include "tests/lib/kept.h"
#include "tests/lib/no_memory.h"
#include "tests/lib/scratch.h"

#define MOST_ALLOCATIONS 100000
#define SECOND           1000000ull
#define OPENS            (1000 * SECOND)
#define FINAL            (OPENS + 21 * SECOND)
#define VOTERS           40u

/* cr_assert() for inner loops: Criterion reports every assertion, also those that hold. */
#define must(condition, ...)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			cr_assert_fail(__VA_ARGS__);                                               \
	} while (0)

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 1000};
static const struct keyring tenants = {.tenants = &acme, .tenant_count = 1};
static struct disk_sim sim;
static struct windows *windows;
static struct durable *durable;
static struct err err;
static uint64_t now_us;

/* The simulated disk takes memory where a real one takes none: it is given. */
#define SPARED(call)                                                                               \
	no_memory_spare(true);                                                                     \
	__auto_type result = sim.disk.ops->call;                                                   \
	no_memory_spare(false);                                                                    \
	return result

static int spared_buffers(struct disk *disk, void *memory, uint32_t count, uint32_t bytes,
			  struct err *why)
{
	(void)disk;
	SPARED(buffers(&sim.disk, memory, count, bytes, why));
}

static int spared_settle(struct disk *disk, struct err *why)
{
	(void)disk;
	SPARED(settle(&sim.disk, why));
}

static int spared_prepare(struct disk *disk, uint64_t segment, uint64_t bytes, uint64_t tag)
{
	(void)disk;
	SPARED(prepare(&sim.disk, segment, bytes, tag));
}

static int spared_write(struct disk *disk, const struct disk_write *write)
{
	(void)disk;
	SPARED(write(&sim.disk, write));
}

static uint32_t spared_reap(struct disk *disk, struct disk_done *done, uint32_t most,
			    uint32_t wait_us)
{
	(void)disk;
	SPARED(reap(&sim.disk, done, most, wait_us));
}

static void spared_finish(struct disk *disk, uint64_t segment, uint64_t used_bytes)
{
	(void)disk;
	no_memory_spare(true);
	sim.disk.ops->finish(&sim.disk, segment, used_bytes);
	no_memory_spare(false);
}

static int spared_remove(struct disk *disk, uint64_t segment)
{
	(void)disk;
	SPARED(remove(&sim.disk, segment));
}

static int spared_list(struct disk *disk, uint64_t **segments, uint32_t *count, struct err *why)
{
	(void)disk;
	SPARED(list(&sim.disk, segments, count, why));
}

static int64_t spared_read(struct disk *disk, uint64_t segment, uint64_t offset, void *memory,
			   uint32_t bytes)
{
	(void)disk;
	SPARED(read(&sim.disk, segment, offset, memory, bytes));
}

static void spared_name(struct disk *disk, uint64_t segment, char *text, uint32_t bytes)
{
	(void)disk;
	sim.disk.ops->name(&sim.disk, segment, text, bytes);
}

static const struct disk_ops spared_ops = {
	.buffers = spared_buffers,
	.settle = spared_settle,
	.prepare = spared_prepare,
	.write = spared_write,
	.reap = spared_reap,
	.finish = spared_finish,
	.remove = spared_remove,
	.list = spared_list,
	.read = spared_read,
	.name = spared_name,
};
static struct disk spared_disk = {&spared_ops};

static const struct durable_options durable_options = {
	.directory = "simulated", .disk = &spared_disk, .workers = 1, .segment_bytes = 1 << 18};

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static int begin_life(void)
{
	const struct windows_options options = {
		.voters = 1000,
		.upvotes_per_voter = 8,
		.upvotes = 8000,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
		.seals = true,
	};
	int rc = windows_create(&options, &windows, &err);
	if (rc)
		return rc;
	rc = durable_open(&durable_options, &tenants, windows, &durable, &err);
	if (rc)
		windows_destroy(windows);
	return rc;
}

static void end_life(void)
{
	must(durable_stop(durable, &err) == 0, "%s", err.text);
	durable_close(durable);
	windows_destroy(windows);
}

static int arm(uint32_t id)
{
	struct interaction poll = {
		.tenant = &acme,
		.id = id,
		.rules = {.kind = KIND_POLL, .options = 1},
		.question = strdup("Which colour?"),
		.labels = calloc(1, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = 20 * SECOND,
		.max_delay_us = 1 * SECOND,
	};
	if (poll.labels)
		poll.labels[0] = strdup("Red");
	int rc = !poll.question || !poll.labels || !poll.labels[0]
			 ? err_set(&err, -ENOMEM, "no memory for the test's own window")
			 : windows_arm(windows, &poll, 1, &err);
	if (rc && poll.labels)
		interaction_free(&poll);
	else if (rc)
		free(poll.question);
	return rc;
}

/* As a worker takes them. */
static void vote(void)
{
	static struct burst burst;
	const struct armed_window *armed = windows_at(windows, 0);
	struct journal_ring *ring = journal_ring(durable_journal(durable), 0);
	journal_online(ring);
	burst.count = burst.room = VOTERS;
	for (uint32_t i = 0; i < VOTERS; i++) {
		const struct record_vote record = {
			.program_time_us = OPENS, .voter = i, .interaction = 1, .tenant = 7};
		burst.verdict[i] = VERDICT_NONE;
		burst.window[i] = &armed->window;
		burst.vote[i] = (struct vote){
			.program_time_us = OPENS, .interaction = 1, .voter = i, .tenant = 7};
		journal_put(ring, &record);
	}
	cast_burst(&burst);
	cast_count(&burst, 0);
	journal_report(ring);
	journal_offline(ring);
}

/* One life of the appliance lies on the disk: a window with answers. */
static void live_once(void)
{
	disk_sim_open(&sim, 1);
	now_us = OPENS + SECOND;
	kept_use_clock(&now_us);
	must(begin_life() == 0 && arm(1) == 0, "%s", err.text);
	vote();
}

/* What is on the disk comes back: so many windows, and all answers. */
static void expect_back(uint32_t count, uint64_t nth)
{
	struct tally_sum sum;
	must(begin_life() == 0, "allocation %lu: afterwards: %s", nth, err.text);
	must(windows_count(windows) == count, "allocation %lu: %u windows came back", nth,
	     windows_count(windows));
	windows_sum(windows, windows_at(windows, 0), now_us, &sum);
	must(sum.voters == VOTERS, "allocation %lu: %lu voters came back", nth, sum.voters);
	end_life();
}

static void expect_line(int rc, uint64_t nth)
{
	must(rc == -ENOMEM || rc == -EAGAIN, "allocation %lu: %d: %s", nth, rc, err.text);
	must(err.text[0] && !strchr(err.text, '\n'), "allocation %lu: no line", nth);
}

TestSuite(no_memory_journal, .timeout = 120);

static bool refuse_opening(uint64_t nth, bool dry)
{
	live_once();
	end_life();
	no_memory_begin(nth, dry);
	int rc = begin_life();
	bool refused = no_memory_end();
	if (rc)
		expect_line(rc, nth);
	else
		end_life();
	must(rc == 0 || refused, "fails with memory: %s", err.text);
	expect_back(1, nth);
	disk_sim_close(&sim);
	return refused;
}

Test(no_memory_journal, opening_and_reading_back)
{
	for (int dry = 0; dry < 2; dry++) {
		uint64_t nth = 1;
		while (refuse_opening(nth, dry))
			must((nth += dry ? 5 : 1) < MOST_ALLOCATIONS, "no end");
		cr_expect_gt(nth, 20, "hardly an allocation: %lu", nth);
	}
}

/* What was refused is not there after a restart, and what was not, is. */
static bool refuse_arming(uint64_t nth, bool dry)
{
	live_once();
	no_memory_begin(nth, dry);
	int rc = arm(2);
	bool refused = no_memory_end();
	if (rc)
		expect_line(rc, nth);
	must(windows_count(windows) == (rc ? 1 : 2), "allocation %lu: %d, and %u windows", nth, rc,
	     windows_count(windows));
	end_life();
	expect_back(rc ? 1 : 2, nth);
	disk_sim_close(&sim);
	return refused;
}

Test(no_memory_journal, arming)
{
	for (int dry = 0; dry < 2; dry++) {
		uint64_t nth = 1;
		while (refuse_arming(nth, dry))
			must((nth += dry ? 5 : 1) < MOST_ALLOCATIONS, "no end");
		cr_expect_gt(nth, 20, "hardly an allocation: %lu", nth);
	}
}

/* ---- Sealing ---- */

#define FOLDER "acme-1-19700101T001700Z"

static struct sealer *sealer;
static char results[PATH_MAX], key[PATH_MAX];

static void open_results(void)
{
	if (access("/dev/shm", W_OK) == 0)
		strcpy(scratch_directory, "/dev/shm/tallywire-XXXXXX");
	scratch_make();
	strcpy(results, scratch_path("results"));
	strcpy(key, scratch_path("key"));
}

static int open_sealer(void)
{
	const struct sealer_options options = {results, key, {0, 0}, NULL, {0, 0}};
	return sealer_open(&options, windows, durable, &sealer, &err);
}

/* Steps at this monotonic time until nothing is under way. */
static void step(uint64_t monotonic_us)
{
	while (sealer_step(sealer, now_us, monotonic_us))
		sched_yield();
}

/* What lies in a file of the sealed result; the caller frees it. */
static char *sealed_bytes(const char *name, size_t *count)
{
	char folder[PATH_MAX + sizeof(FOLDER) + 1], *bytes;
	snprintf(folder, sizeof(folder), "%s/%s", results, FOLDER);
	must(sealed_dir_read(folder, name, 1 << 20, &bytes, count, &err) == 0, "%s", err.text);
	return bytes;
}

static const char *const sealed_names[] = {SEALED_RESULT, SEALED_VOTERS, "option-0.roaring"};
enum { NAMES = sizeof(sealed_names) / sizeof(sealed_names[0]) };

/* As they are with memory. The manifest says how far the journal had come, which may be further. */
static struct {
	char *bytes;
	size_t count;
} whole[NAMES];

static void compare_sealed(uint64_t nth)
{
	for (int i = 0; i < NAMES; i++) {
		size_t count;
		char *bytes = sealed_bytes(sealed_names[i], &count);
		if (!whole[i].bytes) {
			whole[i].bytes = bytes;
			whole[i].count = count;
			continue;
		}
		must(count == whole[i].count && memcmp(bytes, whole[i].bytes, count) == 0,
		     "allocation %lu: another %s: %.*s", nth, sealed_names[i], (int)count, bytes);
		free(bytes);
	}
}

static bool refuse_sealing(uint64_t nth, bool dry)
{
	live_once();
	no_memory_begin(nth, dry);
	int rc = open_sealer();
	if (rc) {
		no_memory_end();
		expect_line(rc, nth);
		must(open_sealer() == 0, "allocation %lu: afterwards: %s", nth, err.text);
		no_memory_begin(nth, dry);
	}
	now_us = FINAL + SECOND;
	windows_settle(windows, now_us);
	step(0);
	bool refused = no_memory_end();
	/* In a later try, if not at once. */
	for (uint64_t at = 1; windows_at(windows, 0)->seal != SEAL_DONE; at++) {
		must(at < 10, "allocation %lu: never sealed", nth);
		step(at * SEALER_RETRY_MOST_US);
	}
	compare_sealed(nth);
	sealer_close(sealer);
	end_life();
	disk_sim_close(&sim);
	scratch_clear("results/" FOLDER);
	return refused || rc;
}

Test(no_memory_journal, sealing)
{
#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("ASan ends the process where it has no memory to start a thread");
#endif
	open_results();
	refuse_sealing(MOST_ALLOCATIONS, false);
	for (int dry = 0; dry < 2; dry++) {
		uint64_t nth = 1;
		while (refuse_sealing(nth, dry))
			must((nth += dry ? 5 : 1) < MOST_ALLOCATIONS, "no end");
		cr_expect_gt(nth, 20, "hardly an allocation: %lu", nth);
	}
	for (int i = 0; i < NAMES; i++)
		free(whole[i].bytes);
	scratch_clear("results");
	scratch_remove();
}
