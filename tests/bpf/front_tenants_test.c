/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys, budgets and owners of queues: packet in, verdict out, and who it is counted for.
 *
 * Time is an input here: a batch of votes costs an hour, so what passes is the allowance and no
 * more, and an hour passes by setting the time back up to which the budget is spent.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include "tests/bpf/rig.h"
#include "tests/lib/frames.h"
#include "wire/byte_order.h"

#define HOUR_NS      3600000000000ull
#define SECOND_NS    1000000000ull
#define NONE         FRONT_NO_OWNER
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY(tenant_, epoch_)                                                                       \
	{                                                                                          \
		.tenant = (tenant_), .epoch = (epoch_)                                             \
	}

static struct err err;

static void set_keys(const struct auth_key *keys, uint32_t count)
{
	cr_assert_eq(front_tenants_set_keys(rig_tenants(), keys, count, &err), 0, "%s", err.text);
}

static void stay_on(int cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	/* Fails on a machine that lacks this CPU: then two run on one. */
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/*
 * Tenants 7, 8 and 9, an epoch each. The test stays on one CPU: what is left of a batch is good on
 * that one only.
 */
static void open_three(void)
{
	static const struct auth_key keys[] = {{.tenant = 7, .epoch = FRAMES_EPOCH},
					       {.tenant = 8, .epoch = FRAMES_EPOCH},
					       {.tenant = 9, .epoch = FRAMES_EPOCH}};
	stay_on(sched_getcpu());
	rig_open(true);
	set_keys(keys, COUNT(keys));
}

static void set_budgets(const struct front_budget *budgets, uint32_t count)
{
	cr_assert_eq(front_tenants_set_budgets(rig_tenants(), budgets, count, &err), 0, "%s",
		     err.text);
}

static struct front_tenant *row_of(uint16_t tenant)
{
	uint32_t row = rig_tenants()->rows->row[be16(tenant)];
	cr_assert_neq(row, 0, "tenant %u has no row", tenant);
	return &rig_tenants()->tenants[row];
}

/* A budget of `batch_votes` an hour, with an allowance of `batches` hours, all of it unused. */
static struct front_tenant *set_hourly(uint16_t tenant, uint32_t batch_votes, uint32_t batches)
{
	struct front_tenant *row = row_of(tenant);
	row->batch_ns = HOUR_NS;
	row->allowance_ns = batches * HOUR_NS;
	row->batch_votes = batch_votes;
	row->spent_ns = 0;
	row->limit = FRONT_LIMITED | (row->limit + 1);
	return row;
}

static uint64_t policed_of(uint16_t tenant)
{
	uint64_t policed;
	cr_assert_eq(front_tenants_read_policed(rig_tenants(), tenant, &policed), 0);
	return policed;
}

static void flood(struct frames_plan plan, uint32_t times)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	rig_flood(frame, frames_build(&plan, frame), times);
}

/* The kernel's monotonic clock, which the front reads too. */
static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* How many of `times` votes of the tenant pass. */
static uint64_t passing(uint16_t tenant, uint32_t times)
{
	uint64_t before = rig_counter(FRONT_STEERED);
	flood((struct frames_plan){.tenant = tenant}, times);
	return rig_counter(FRONT_STEERED) - before;
}

Test(budget, is_turned_into_batches_and_an_allowance)
{
	/* An eighth of a second is 125,000,000 ns. */
	static const struct {
		uint64_t votes_per_s;
		uint32_t batch_votes;
		uint64_t batch_ns, allowance_ns;
	} rows[] = {
		{0, 0, 0, 0},
		{1, 1, 1000000000, 64000000000},
		{3, 1, 333333334, 21333333376},
		{100, 1, 10000000, 640000000},
		{512, 1, 1953125, 125000000},
		{1000, 1, 1000000, 125000000},
		{16383, 1, 61039, 125000000},
		{16384, 2, 122071, 125000000},
		{1000000, 64, 64000, 125000000},
		{20000000, 64, 3200, 125000000},
		{64000000000, 64, 1, 125000000},
		{UINT64_MAX, 64, 1, 125000000},
	};
	rig_open(true);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct front_budget budget = {FRAMES_TENANT, rows[i].votes_per_s};
		set_budgets(NULL, 0);
		memset(row_of(FRAMES_TENANT), 0, offsetof(struct front_tenant, tenant_be));
		set_budgets(&budget, 1);
		const struct front_tenant *row = row_of(FRAMES_TENANT);
		unsigned long long rate = rows[i].votes_per_s;
		cr_expect_eq(row->batch_votes, rows[i].batch_votes, "%llu/s", rate);
		cr_expect_eq(row->batch_ns, rows[i].batch_ns, "%llu/s", rate);
		cr_expect_eq(row->allowance_ns, rows[i].allowance_ns, "%llu/s", rate);
		cr_expect(row->limit & FRONT_LIMITED, "%llu/s", rate);
	}
}

Test(budget, lets_its_allowance_pass_and_polices_the_rest)
{
	static const struct {
		uint32_t batch_votes, batches;
		uint64_t pass;
	} rows[] = {
		{0, 1, 0}, {1, 1, 1}, {1, 64, 64}, {5, 4, 20}, {64, 1, 64}, {64, 3, 192},
	};
	open_three();
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t before = policed_of(7), counter = rig_counter(VERDICT_POLICED);
		set_hourly(7, rows[i].batch_votes, rows[i].batches);
		cr_expect_eq(passing(7, 500), rows[i].pass, "row %zu", i);
		cr_expect_eq(policed_of(7) - before, 500 - rows[i].pass, "row %zu", i);
		cr_expect_eq(rig_counter(VERDICT_POLICED) - counter, 500 - rows[i].pass, "row %zu",
			     i);
		cr_expect_eq(passing(8, 100), 100, "row %zu: another tenant", i);
	}
	cr_expect_eq(policed_of(8), 0);
	cr_expect_eq(rig_steered(0), rig_counter(FRONT_STEERED));
}

Test(budget, grows_again_with_time_up_to_its_allowance)
{
	open_three();
	struct front_tenant *row = set_hourly(7, 10, 4);
	cr_expect_eq(passing(7, 100), 40);
	row->spent_ns -= HOUR_NS;
	cr_expect_eq(passing(7, 100), 10, "an hour later");
	row->spent_ns -= 2 * HOUR_NS;
	cr_expect_eq(passing(7, 15), 15, "two hours later");
	cr_expect_eq(passing(7, 100), 5, "what the CPU had left of its batch");
	row->spent_ns -= 1000 * HOUR_NS;
	cr_expect_eq(passing(7, 100), 40, "no more than the allowance after any time");
}

/* What the program, the row and user space make of a rate, a second's grain and all. */
Test(budget, of_one_vote_a_second_lets_64_pass_at_once)
{
	const struct front_budget budgets[] = {{8, 1}};
	open_three();
	uint64_t from_ns = now_ns();
	set_budgets(budgets, 1);
	uint64_t pass = passing(8, 1000);
	cr_expect_geq(pass, 64);
	cr_expect_leq(pass, 64 + (now_ns() - from_ns) / SECOND_NS);
	cr_expect_eq(policed_of(8), 1000 - pass);
}

Test(budget, holds_for_who_is_listed_and_for_nobody_else)
{
	static const struct {
		const char *what;
		struct front_budget budgets[2];
		uint32_t count;
		uint64_t pass[3]; /* of 100 votes of tenants 7, 8 and 9 */
	} rows[] = {
		{"no budget", {{0}}, 0, {100, 100, 100}},
		{"nothing for 7", {{7, 0}}, 1, {0, 100, 100}},
		{"nothing for 9 and 8, out of order", {{9, 0}, {8, 0}}, 2, {100, 0, 0}},
		{"plenty for 7", {{7, 1000000000000}}, 1, {100, 100, 100}},
		{"plenty for 7, nothing for 8", {{7, 1000000000000}, {8, 0}}, 2, {100, 0, 100}},
		{"a tenant that has no key", {{77, 0}}, 1, {100, 100, 100}},
		{"no budget again", {{0}}, 0, {100, 100, 100}},
	};
	uint64_t dropped = 0;
	open_three();
	for (size_t i = 0; i < COUNT(rows); i++) {
		set_budgets(rows[i].budgets, rows[i].count);
		for (uint16_t tenant = 7; tenant <= 9; tenant++) {
			uint64_t before = policed_of(tenant), pass = passing(tenant, 100);
			cr_expect_eq(pass, rows[i].pass[tenant - 7], "%s: %u: %u pass",
				     rows[i].what, tenant, (unsigned int)pass);
			cr_expect_eq(policed_of(tenant) - before, 100 - pass, "%s: %u",
				     rows[i].what, tenant);
			dropped += 100 - pass;
		}
	}
	cr_expect_eq(rig_counter(VERDICT_POLICED), dropped);
	cr_expect_eq(policed_of(77), 0, "a tenant that the front does not know");
}

Test(budget, is_spent_by_votes_and_watches_with_a_known_key_only)
{
	open_three();
	set_hourly(7, 1, 10);
	flood((struct frames_plan){.payload_bytes = 39}, 50);
	flood((struct frames_plan){.key_epoch = 2}, 50);
	flood((struct frames_plan){.port = 53}, 50);
	flood((struct frames_plan){.payload = FRAMES_LONG, .version = 1, .payload_bytes = 1200}, 1);
	flood((struct frames_plan){.payload = FRAMES_WATCH}, 4);
	cr_expect_eq(passing(7, 50), 6);
	cr_expect_eq(policed_of(7), 44);
	cr_expect_eq(rig_counter(VERDICT_UNKNOWN_KEY), 50);
	cr_expect_eq(rig_counter(VERDICT_MALFORMED), 50);
	cr_expect_eq(rig_counter(VERDICT_PASSED), 50);
}

Test(budget, is_one_for_all_epochs_of_a_tenant)
{
	const struct auth_key keys[] = {{.tenant = 7, .epoch = 1}, {.tenant = 7, .epoch = 2}};
	rig_open(true);
	set_keys(keys, 2);
	set_hourly(7, 1, 10);
	flood((struct frames_plan){.key_epoch = 2}, 7);
	cr_expect_eq(passing(7, 50), 3);
}

Test(budget, of_before_is_worth_nothing_after_a_change)
{
	const struct front_budget nothing = {7, 0}, slow = {7, 1};
	open_three();
	set_hourly(7, 64, 1);
	cr_expect_eq(passing(7, 1), 1, "63 are left on this CPU");
	set_budgets(&nothing, 1);
	cr_expect_eq(passing(7, 100), 0);

	set_budgets(&slow, 1);
	uint32_t limit = row_of(7)->limit;
	set_budgets(&slow, 1);
	cr_expect_eq(row_of(7)->limit, limit, "set again it is not another one");
}

Test(budget, waits_for_its_tenant_and_outlives_its_keys)
{
	const struct front_budget nothing[] = {{7, 0}, {10, 0}};
	const struct auth_key seven = KEY(7, FRAMES_EPOCH), other = KEY(10, FRAMES_EPOCH);
	open_three();
	set_budgets(nothing, 2);
	cr_expect_eq(passing(7, 10), 0);
	set_keys(&other, 1);
	cr_expect_eq(passing(10, 10), 0, "it came after its budget");
	cr_expect_eq(policed_of(10), 10);
	cr_expect_eq(policed_of(7), 10, "counts stay when the last key goes");
	set_keys(&seven, 1);
	cr_expect_eq(passing(7, 10), 0, "so does the budget");
}

Test(budget, list_with_a_tenant_twice_is_refused_and_changes_nothing)
{
	const struct front_budget nothing = {7, 0}, twice[] = {{8, 1}, {7, 5}, {8, 0}};
	open_three();
	set_budgets(&nothing, 1);
	cr_expect_eq(front_tenants_set_budgets(rig_tenants(), twice, 3, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "tenant 8 has two budgets"), "%s", err.text);
	cr_expect_eq(front_tenants_set_budgets(rig_tenants(), twice, FRONT_TENANT_IDS + 1, &err),
		     -E2BIG);
	cr_expect_eq(passing(7, 10), 0);
	cr_expect_eq(passing(8, 10), 10);
}

struct flooder {
	uint16_t tenant;
	int cpu;
	uint32_t times;
	atomic_bool ended;
};

static void *run_flooder(void *argument)
{
	struct flooder *flooder = argument;
	const struct frames_plan plan = {.tenant = flooder->tenant};
	uint8_t frame[FRAMES_MAX_BYTES];
	stay_on(flooder->cpu);
	rig_flood(frame, frames_build(&plan, frame), flooder->times);
	atomic_store(&flooder->ended, true);
	return NULL;
}

/* Both CPUs at once, `times` votes of tenant 7 each; returns how many passed. */
static uint64_t passing_on_two_cpus(uint32_t times)
{
	struct flooder flooders[] = {{7, 0, times, false}, {7, 1, times, false}};
	uint64_t before = rig_counter(FRONT_STEERED);
	pthread_t threads[2];
	for (int cpu = 0; cpu < 2; cpu++)
		cr_assert_eq(pthread_create(&threads[cpu], NULL, run_flooder, &flooders[cpu]), 0);
	for (int cpu = 0; cpu < 2; cpu++)
		pthread_join(threads[cpu], NULL);
	return rig_counter(FRONT_STEERED) - before;
}

/* Each CPU sends more than all may send together, so no batch stays unspent on any. */
Test(budget, holds_exactly_over_all_cpus)
{
	static const struct {
		uint32_t batch_votes, batches;
	} rows[] = {{1, 1000}, {7, 5000}, {64, 2000}};
	open_three();
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t policed = policed_of(7);
		uint64_t pass = (uint64_t)rows[i].batch_votes * rows[i].batches;
		set_hourly(7, rows[i].batch_votes, rows[i].batches);
		cr_expect_eq(passing_on_two_cpus(300000), pass, "row %zu", i);
		cr_expect_eq(policed_of(7) - policed, 600000 - pass, "row %zu", i);
	}
}

/*
 * Both CPUs want the next 200 ns as soon as they are over. However often and whoever wins: the time
 * that was taken is the time of what passed, and none of it is yet to come.
 */
Test(budget, is_charged_for_what_passes_and_for_nothing_else)
{
	open_three();
	struct front_tenant *row = set_hourly(7, 1, 1);
	row->batch_ns = 200;
	uint64_t start_ns = row->spent_ns = FRONT_CLOCK_START_NS + now_ns();
	uint64_t pass = passing_on_two_cpus(1000000);
	cr_expect_eq(row->spent_ns - start_ns, pass * 200);
	cr_expect_leq(row->spent_ns, FRONT_CLOCK_START_NS + now_ns());
}

Test(keys, may_be_changed_both_ways)
{
	static const struct {
		const char *what;
		struct auth_key keys[3];
		uint32_t count;
		bool pass[5]; /* of the votes below */
	} rows[] = {
		{"7/1", {KEY(7, 1)}, 1, {1, 0, 0, 0, 0}},
		{"an epoch more", {KEY(7, 1), KEY(7, 2)}, 2, {1, 1, 0, 0, 0}},
		{"the first goes", {KEY(7, 2)}, 1, {0, 1, 0, 0, 0}},
		{"the last epoch of the last tenant",
		 {KEY(7, 2), KEY(65535, 255)},
		 2,
		 {0, 1, 0, 1, 0}},
		{"no tenant is special", {KEY(0, 1), KEY(8, 1)}, 2, {0, 0, 1, 0, 0}},
		{"nobody", {{0}}, 0, {0, 0, 0, 0, 0}},
		{"a key twice", {KEY(7, 1), KEY(7, 1)}, 2, {1, 0, 0, 0, 0}},
		{"7 the other way round", {KEY(0x0700, 1)}, 1, {0, 0, 0, 0, 1}},
		{"7/1 again", {KEY(7, 1)}, 1, {1, 0, 0, 0, 0}},
	};
	static const struct frames_plan votes[5] = {{.tenant = 7, .key_epoch = 1},
						    {.tenant = 7, .key_epoch = 2},
						    {.tenant = 8, .key_epoch = 1},
						    {.tenant = 65535, .key_epoch = 255},
						    {.tenant = 0x0700, .key_epoch = 1}};
	rig_open(true);
	for (size_t i = 0; i < COUNT(rows); i++) {
		set_keys(rows[i].keys, rows[i].count);
		for (size_t vote = 0; vote < 5; vote++) {
			uint32_t counter =
				rows[i].pass[vote] ? (uint32_t)FRONT_STEERED : VERDICT_UNKNOWN_KEY;
			uint64_t before = rig_counter(counter);
			flood(votes[vote], 1);
			cr_expect_eq(rig_counter(counter), before + 1, "%s: vote %zu", rows[i].what,
				     vote);
		}
	}
}

Test(keys, of_tenant_0_and_epoch_0_are_keys_like_others)
{
	const struct auth_key key = {.tenant = 0, .epoch = 0};
	uint8_t frame[FRAMES_MAX_BYTES];
	struct frames_plan plan = {0};
	rig_open(true);
	uint32_t bytes = frames_build(&plan, frame);
	struct vote_packet *vote = (void *)(frame + bytes - VOTE_BYTES);
	vote->cid.tenant_be = 0;
	vote->key_epoch = 0;
	rig_flood(frame, bytes, 1);
	cr_expect_eq(rig_counter(VERDICT_UNKNOWN_KEY), 1);
	set_keys(&key, 1);
	rig_flood(frame, bytes, 1);
	cr_expect_eq(rig_counter(FRONT_STEERED), 1);
}

Test(keys, in_both_sets_never_miss_a_packet)
{
	static const struct auth_key one[] = {{.tenant = 7, .epoch = 1}, {.tenant = 8, .epoch = 1}};
	static const struct auth_key other[] = {
		{.tenant = 7, .epoch = 2}, {.tenant = 9, .epoch = 1}, {.tenant = 7, .epoch = 1}};
	struct flooder flooder = {7, 0, 1000000, false};
	pthread_t thread;
	rig_open(true);
	pthread_create(&thread, NULL, run_flooder, &flooder);
	do {
		set_keys(other, 3);
		set_keys(one, 2);
	} while (!atomic_load(&flooder.ended));
	pthread_join(thread, NULL);
	cr_expect_eq(rig_counter(FRONT_STEERED), 1000000);
	cr_expect_eq(rig_counter(VERDICT_UNKNOWN_KEY), 0);
}

static void set_many(uint16_t first, uint32_t count)
{
	static struct auth_key keys[FRONT_MAX_KEYS];
	for (uint32_t i = 0; i < count; i++)
		keys[i] = (struct auth_key){.tenant = (uint16_t)(first + i), .epoch = FRAMES_EPOCH};
	set_keys(keys, count);
}

Test(keys, replace_a_full_set_by_another_full_set)
{
	rig_open(true);
	for (uint16_t first = 1; first < 5 * FRONT_MAX_KEYS; first += FRONT_MAX_KEYS) {
		const struct front_budget nothing = {first, 0};
		set_budgets(&nothing, 1);
		set_many(first, FRONT_MAX_KEYS);
		cr_expect_eq(passing(first, 5), 0, "%u has no budget", first);
		cr_expect_eq(policed_of(first), 5, "%u: not an earlier tenant's", first);
		cr_expect_eq(passing(first + 1, 5), 5);
		cr_expect_eq(passing(first + FRONT_MAX_KEYS - 1, 5), 5);
		if (first > FRONT_MAX_KEYS) {
			cr_expect_eq(passing(first - 1, 5), 0, "of the set before");
			cr_expect_eq(policed_of(first - FRONT_MAX_KEYS), 5, "counts stay");
		}
	}
	cr_expect_eq(policed_of(1), 0, "counts go with the row, when another tenant needs it");
}

Test(keys, that_do_not_fit_are_refused_and_change_nothing)
{
	static struct auth_key keys[FRONT_MAX_KEYS + 1];
	const struct auth_key newcomer = {.tenant = 60000, .epoch = 1};
	open_three();
	cr_expect_eq(front_tenants_set_keys(rig_tenants(), keys, COUNT(keys), &err), -E2BIG);
	cr_expect_not_null(strstr(err.text, "4097 keys in the keyring"), "%s", err.text);
	cr_expect_eq(passing(7, 3), 3);

	/* Maps that somebody else wrote: every row is somebody's who has a key. */
	struct front_tenants *tenants = rig_tenants();
	for (uint32_t row = 4; row < FRONT_TENANT_ROWS; row++) {
		tenants->tenants[row].tenant_be = be16((uint16_t)(100 + row));
		tenants->tenants[row].epochs[0] = 2;
		tenants->rows->row[be16((uint16_t)(100 + row))] = (uint16_t)row;
	}
	cr_expect_eq(front_tenants_set_keys(tenants, &newcomer, 1, &err), -ENOSPC);
	cr_expect_not_null(strstr(err.text, "--unprepare"), "%s", err.text);
	cr_expect_eq(passing(7, 3), 3);
	cr_expect_eq(passing(60000, 3), 0);
}

Test(owner, takes_votes_of_its_own_tenant_only)
{
	static const struct {
		const char *what;
		uint32_t owner; /* of queue 0; queue 1 is tenant 9's */
		uint16_t tenant;
		uint32_t queue;
		uint32_t counter;
	} rows[] = {
		{"a queue of nobody takes 7", NONE, 7, 0, FRONT_STEERED},
		{"and 8", NONE, 8, 0, FRONT_STEERED},
		{"its own", 7, 7, 0, FRONT_STEERED},
		{"another's", 7, 8, 0, VERDICT_POLICED},
		{"the owner changes", 8, 7, 0, VERDICT_POLICED},
		{"to whom it is now", 8, 8, 0, FRONT_STEERED},
		{"an owner without a key", 77, 7, 0, VERDICT_POLICED},
		{"tenant 0 is no free queue", 0, 7, 0, VERDICT_POLICED},
		{"7 the other way round", 0x0700, 7, 0, VERDICT_POLICED},
		{"no key, though it is the owner", 77, 77, 0, VERDICT_UNKNOWN_KEY},
		{"free again", NONE, 7, 0, FRONT_STEERED},
		{"the other queue's owner", 7, 9, 1, FRONT_MISSED},
		{"on the other queue", 7, 7, 1, VERDICT_POLICED},
		{"with this one free", NONE, 7, 1, VERDICT_POLICED},
	};
	open_three();
	rig_open_queues();
	cr_assert_eq(front_tenants_set_owner(rig_tenants(), 1, 9, &err), 0);
	cr_assert_eq(front_tenants_set_owner(rig_tenants(), 63, 9, &err), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct frames_plan plan = {.tenant = rows[i].tenant};
		uint8_t frame[FRAMES_MAX_BYTES];
		uint32_t bytes = frames_build(&plan, frame);
		uint64_t before = rig_counter(rows[i].counter),
			 policed = policed_of(rows[i].tenant);
		cr_assert_eq(front_tenants_set_owner(rig_tenants(), 0, rows[i].owner, &err), 0);
		int action = rig_run_on(rows[i].queue, frame, bytes);
		cr_expect_eq(action, rows[i].counter == FRONT_STEERED ? XDP_REDIRECT : XDP_DROP,
			     "%s: %s", rows[i].what, rig_action_name(action));
		cr_expect_eq(rig_counter(rows[i].counter), before + 1, "%s", rows[i].what);
		cr_expect_eq(policed_of(rows[i].tenant) - policed,
			     rows[i].counter == VERDICT_POLICED, "%s", rows[i].what);
	}
}

Test(owner, that_drops_a_vote_takes_nothing_off_its_tenants_budget)
{
	open_three();
	set_hourly(7, 1, 10);
	cr_assert_eq(front_tenants_set_owner(rig_tenants(), 0, 8, &err), 0);
	cr_expect_eq(passing(7, 50), 0);
	cr_assert_eq(front_tenants_set_owner(rig_tenants(), 0, NONE, &err), 0);
	cr_expect_eq(passing(7, 50), 10);
	cr_expect_eq(policed_of(7), 90);
	cr_expect_eq(policed_of(8), 0, "the owner");
}

Test(owner, of_no_queue_or_no_tenant_is_refused)
{
	open_three();
	cr_expect_eq(front_tenants_set_owner(rig_tenants(), 64, 7, &err), -ERANGE);
	cr_expect_not_null(strstr(err.text, "queue 64"), "%s", err.text);
	cr_expect_eq(front_tenants_set_owner(rig_tenants(), 0, 65536, &err), -ERANGE);
	cr_expect_not_null(strstr(err.text, "65536"), "%s", err.text);
	cr_expect_eq(passing(7, 5), 5);
}
