/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Budgets of sources, panic and talkers: packet in, verdict out, and which rule it is counted for.
 * Time is an input: a vote costs an hour.
 */
#include <sched.h>
#include <stdlib.h>
#include "tests/bpf/source_rig.h"

#define ONE "198.51.100.7"
#define SIX "2001:db8:1:2300::7"

Test(sources, limits_become_times)
{
	static const struct {
		struct front_source_limits limits;
		uint64_t vote_ns, allowance_ns, failed_ns;
	} rows[] = {
		{{.votes_per_s = 0, .burst = 10, .failed_votes = 32}, 0, 50000000, 0},
		{{.votes_per_s = 1}, 1000000000, 1000000000, 0},
		{{.votes_per_s = 20000, .failed_votes = 32}, 50000, 1000000000, 1600000},
		{{.votes_per_s = 20000, .burst = 60000}, 50000, 3000000000, 0},
		{{.votes_per_s = 1000000, .burst = 1}, 1000, 50000000, 0},
		{{.votes_per_s = 3, .burst = 3, .failed_votes = 1},
		 333333334,
		 1000000002,
		 333333334},
		{{.votes_per_s = 1000000000, .failed_votes = 1000000}, 1, 1000000000, 1000000},
	};
	rig_open(true);
	const struct front_police *police = rig_sources()->police;
	for (size_t i = 0; i < COUNT(rows); i++) {
		front_sources_set_limits(rig_sources(), &rows[i].limits);
		cr_expect_eq(police->vote_ns, rows[i].vote_ns, "row %zu", i);
		cr_expect_eq(police->allowance_ns, rows[i].allowance_ns, "row %zu", i);
		cr_expect_eq(police->failed_ns, rows[i].failed_ns, "row %zu", i);
	}
	cr_expect(police->tick_ns >= 1000000 && police->tick_ns <= 10000000);
}

Test(sources, have_no_limit_unless_one_is_set)
{
	rig_open(true);
	cr_expect_eq(passing(ONE, 100000), 100000);
	cr_expect_eq(rig_counter(VERDICT_POLICED), 0);
}

Test(sources, let_their_allowance_pass_and_no_more)
{
	static const struct {
		const char *what;
		const char *address;
		struct frames_plan plan;
	} rows[] = {
		{"IPv4", "192.0.2.1", {0}},
		{"IPv6", "2001:db8:0:100::1", {0}},
		{"behind a VLAN tag", "192.0.2.2", {.vlan_tags = 1}},
		{"behind two", "2001:db8:0:200::1", {.vlan_tags = 2}},
		{"with options", "192.0.2.3", {.option_words = 10}},
		{"a watch", "192.0.2.4", {.payload = FRAMES_WATCH}},
		{"the lowest address", "0.0.0.1", {0}},
		{"the highest", "255.255.255.255", {0}},
	};
	rig_open(true);
	set_hourly(10, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct frames_plan plan = from(rows[i].address, rows[i].plan);
		uint64_t before = rig_rule(FRONT_RULE_SOURCE);
		cr_expect_eq(flood(plan, 50, FRONT_STEERED), 10, "%s", rows[i].what);
		cr_expect_eq(rig_rule(FRONT_RULE_SOURCE) - before, 40, "%s", rows[i].what);
	}
	cr_expect_eq(rig_counter(VERDICT_POLICED), rig_rule(FRONT_RULE_SOURCE));
}

Test(sources, pay_for_negotiation_too_and_not_for_what_is_dropped_anyway)
{
	const struct frames_plan unknown = from(ONE, (struct frames_plan){.tenant = 9}),
				 malformed = from(ONE, (struct frames_plan){.payload_bytes = 39}),
				 elsewhere = from(ONE, (struct frames_plan){.port = 53}),
				 version = from(ONE, (struct frames_plan){.payload = FRAMES_LONG,
									  .version = 1,
									  .payload_bytes = 1200});
	rig_open(true);
	set_hourly(10, 0);
	cr_expect_eq(flood(unknown, 20, VERDICT_UNKNOWN_KEY), 20);
	cr_expect_eq(flood(malformed, 20, VERDICT_MALFORMED), 20);
	cr_expect_eq(flood(elsewhere, 20, VERDICT_PASSED), 20);
	for (int i = 0; i < 4; i++) /* an answer takes its question's place, so one by one */
		cr_expect_eq(flood(version, 1, VERDICT_NEGOTIATED), 1);
	cr_expect_eq(passing(ONE, 50), 6);
	cr_expect_eq(flood(version, 1, VERDICT_NEGOTIATED), 0);
	cr_expect_eq(flood(elsewhere, 20, VERDICT_PASSED), 20, "the host's own, whoever sends it");
}

Test(sources, get_back_what_time_gives_and_pay_nothing_for_what_is_dropped)
{
	rig_open(true);
	set_hourly(10, 0);
	cr_expect_eq(passing(ONE, 100), 10);
	let_pass(ONE, 3);
	cr_expect_eq(passing(ONE, 100), 3);
	let_pass(ONE, 1000);
	cr_expect_eq(passing(ONE, 100), 10, "never more than the allowance");
}

Test(sources, are_prefixes_of_the_length_that_is_set)
{
	static const struct {
		uint8_t ipv4_bits, ipv6_bits;
		const char *one, *other;
		bool same;
	} rows[] = {
		{0, 0, "192.0.2.1", "192.0.2.2", false},
		{24, 0, "192.0.2.1", "192.0.2.255", true},
		{24, 0, "192.0.2.1", "192.0.3.1", false},
		{8, 0, "10.1.2.3", "10.255.0.1", true},
		{0, 0, "2001:db8:0:100::1", "2001:db8:0:1ff:ffff::1", true},
		{0, 0, "2001:db8:0:100::1", "2001:db8:0:200::1", false},
		{0, 64, "2001:db8:0:100::1", "2001:db8:0:101::1", false},
		{0, 128, "2001:db8::1", "2001:db8::2", false},
		{0, 128, "2001:db8::1", "2001:db8::1", true},
		{0, 16, "2001:db8::1", "2001:db9::1", true},
	};
	rig_open(true);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct front_source_limits limits = {.ipv4_bits = rows[i].ipv4_bits,
							   .ipv6_bits = rows[i].ipv6_bits};
		struct front_police *police = rig_sources()->police;
		memset(rig_sources()->buckets, 0, FRONT_BUCKETS * sizeof(uint64_t));
		front_sources_set_limits(rig_sources(), &limits);
		police->allowance_ns = 10 * HOUR_NS;
		police->vote_ns = HOUR_NS;
		cr_expect_eq(passing(rows[i].one, 10), 10, "row %zu", i);
		cr_expect_eq(passing(rows[i].other, 10), rows[i].same ? 0 : 10, "row %zu", i);
	}
}

Test(sources, are_forgotten_when_prefixes_get_another_length)
{
	const struct front_source_limits shorter = {.ipv4_bits = 24};
	rig_open(true);
	set_hourly(10, 0);
	cr_expect_eq(passing(ONE, 50), 10);
	judged(ONE, VERDICT_COUNTED, 1);
	front_sources_set_limits(rig_sources(), &shorter);
	for (uint32_t i = 0; i < FRONT_BUCKETS; i++)
		rig_assert(rig_sources()->buckets[i] == 0, "bucket %u", i);
	for (uint32_t i = 0; i < 2 * FRONT_VOTED_WORDS; i++)
		rig_assert(rig_sources()->voted[i] == 0, "word %u", i);
}

Test(sources, lose_votes_by_others_only_where_both_buckets_are_empty)
{
	rig_open(true);
	set_hourly(10, 0);
	cr_expect_eq(passing(ONE, 1), 1);
	const uint64_t full = *bucket_of(ONE, 0);
	*bucket_of(ONE, 0) += 9 * HOUR_NS;
	cr_expect_eq(passing(ONE, 50), 9, "the second is enough");
	*bucket_of(ONE, 0) = full;
	cr_expect_eq(passing(ONE, 50), 9, "the first is enough");
	cr_expect_eq(passing(ONE, 50), 0);
}

Test(sources, that_are_spoofed_take_nothing_from_a_good_one)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	struct frames_random random = {1};
	struct frames_plan plan = {0};
	rig_open(true);
	set_hourly(100, 32);
	/* As many as a row has buckets: one each, on average; no two rows have the same neighbours.
	 */
	for (uint32_t i = 0; i < FRONT_BUCKET_ROW; i++) {
		for (int k = 0; k < 4; k++)
			plan.source[k] = (uint8_t)(1 + frames_below(&random, 250));
		rig_flood(frame, frames_build(&plan, frame), 1);
	}
	cr_expect_eq(rig_counter(FRONT_STEERED), FRONT_BUCKET_ROW, "each within its budget");
	cr_expect_geq(passing(ONE, 200), 90);
}

Test(failed, votes_cost_a_source_that_never_voted_so_much_more)
{
	rig_open(true);
	set_hourly(100, 32);
	cr_expect_eq(passing(ONE, 1), 1);
	judged(ONE, VERDICT_BAD_TAG, 1);
	cr_expect_eq(passing(ONE, 200), 100 - 1 - 32);
	cr_expect_eq(passing(SIX, 1), 1);
	judged(SIX, VERDICT_BAD_TAG, 2);
	cr_expect_eq(passing(SIX, 200), 100 - 1 - 64);
	cr_expect_eq(passing("198.51.100.8", 200), 100, "another source");
}

Test(failed, votes_are_owed_for_an_allowance_and_no_longer)
{
	rig_open(true);
	set_hourly(100, 32);
	cr_expect_eq(passing(ONE, 1), 1);
	judged(ONE, VERDICT_BAD_TAG, 100000);
	cr_expect_eq(passing(ONE, 10), 0);
	let_pass(ONE, 100);
	cr_expect_eq(passing(ONE, 10), 0);
	let_pass(ONE, 2);
	cr_expect_geq(passing(ONE, 10), 1);
}

Test(failed, votes_cost_a_source_nothing_more_that_has_voted)
{
	rig_open(true);
	set_hourly(100, 32);
	judged(ONE, VERDICT_COUNTED, 1);
	cr_expect_eq(passing(ONE, 1), 1);
	judged(ONE, VERDICT_BAD_TAG, 1000);
	cr_expect_eq(passing(ONE, 200), 99);
	judged(SIX, VERDICT_CHANGED, 1);
	cr_expect_eq(passing(SIX, 1), 1);
	judged(SIX, VERDICT_BAD_TAG, 1000);
	cr_expect_eq(passing(SIX, 200), 99);
}

Test(failed, votes_cost_nothing_where_that_is_set)
{
	rig_open(true);
	set_hourly(100, 0);
	cr_expect_eq(passing(ONE, 1), 1);
	judged(ONE, VERDICT_BAD_TAG, 1000);
	cr_expect_eq(passing(ONE, 200), 99);
}

Test(panic, lets_only_those_pass_who_have_voted)
{
	static const struct {
		const char *address;
		enum verdict verdict;
		bool passes;
	} rows[] = {
		{"192.0.2.1", VERDICT_COUNTED, true},    {"192.0.2.2", VERDICT_CHANGED, true},
		{"192.0.2.3", VERDICT_DUPLICATE, false}, {"192.0.2.4", VERDICT_BAD_TAG, false},
		{"192.0.2.5", VERDICT_UNKNOWN, false},   {"192.0.2.6", VERDICT_LATE, false},
		{"192.0.2.7", VERDICT_BUSY, false},      {"192.0.2.8", VERDICT_WATCH, false},
		{"2001:db8::1", VERDICT_COUNTED, true},  {"2001:db8:1::1", VERDICT_BAD_TAG, false},
	};
	rig_open(true);
	for (size_t i = 0; i < COUNT(rows); i++)
		judged(rows[i].address, rows[i].verdict, 1);
	for (size_t i = 0; i < COUNT(rows); i++)
		cr_expect_eq(passing(rows[i].address, 10), 10, "without panic: row %zu", i);
	front_sources_panic(rig_sources(), true);
	cr_expect(front_sources_in_panic(rig_sources()));
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t before = rig_rule(FRONT_RULE_PANIC);
		uint64_t pass = passing(rows[i].address, 10);
		cr_expect_eq(pass, rows[i].passes ? 10 : 0, "row %zu", i);
		cr_expect_eq(rig_rule(FRONT_RULE_PANIC) - before, 10 - pass, "row %zu", i);
	}
	front_sources_panic(rig_sources(), false);
	cr_expect_eq(passing("192.0.2.4", 10), 10);
}

Test(panic, keeps_budgets_in_force)
{
	rig_open(true);
	set_hourly(10, 0);
	judged(ONE, VERDICT_COUNTED, 1);
	front_sources_panic(rig_sources(), true);
	cr_expect_eq(passing(ONE, 50), 10);
	cr_expect_eq(rig_rule(FRONT_RULE_SOURCE), 40);
}

Test(panic, takes_few_strangers_for_voters)
{
	uint32_t taken = 0;
	rig_open(true);
	/* A hundred thousand sources have voted, random ones ask. */
	struct front_feedback feedback = front_sources_feedback(rig_sources());
	uint64_t hash = 1;
	for (uint32_t i = 0; i < 100000; i++) {
		hash = hash * 6364136223846793005ull + 1442695040888963407ull;
		feedback.voted[source_voted_word(hash, 0)] |= source_voted_bits(hash);
	}
	front_sources_panic(rig_sources(), true);
	for (uint32_t i = 0; i < 2000; i++) {
		struct frames_plan plan = {.source = {11, (uint8_t)(i >> 8), (uint8_t)i, 1}};
		taken += flood(plan, 1, FRONT_STEERED) == 1;
	}
	cr_expect_lt(taken, 20, "%u of 2000", taken);
}

Test(panic, knows_who_voted_for_one_to_two_generations)
{
	struct front_sources *sources = rig_sources();
	uint64_t time = now_ns();
	rig_open(true);
	front_sources_tick(sources, time);
	judged(ONE, VERDICT_COUNTED, 1);
	front_sources_panic(sources, true);
	front_sources_tick(sources, time + 10 * FRONT_GENERATION_NS);
	cr_expect_eq(passing(ONE, 1), 1, "nothing is forgotten while panic is on");
	front_sources_panic(sources, false);
	front_sources_tick(sources, time += FRONT_GENERATION_NS);
	judged(SIX, VERDICT_COUNTED, 1);
	front_sources_panic(sources, true);
	cr_expect_eq(passing(ONE, 1), 1, "a generation later");
	front_sources_panic(sources, false);
	front_sources_tick(sources, time + FRONT_GENERATION_NS - 1);
	front_sources_tick(sources, time += FRONT_GENERATION_NS);
	front_sources_panic(sources, true);
	cr_expect_eq(passing(ONE, 1), 0, "two generations later");
	cr_expect_eq(passing(SIX, 1), 1, "who voted in between");
}

/* The sources of a rule, most first. */
static int top(enum front_rule rule, struct front_top *list, uint32_t most)
{
	int count = front_sources_top(rig_sources(), rule, list, most);
	cr_assert_geq(count, 0);
	return count;
}

static void expect_top(const struct front_top *row, const char *prefix, uint64_t packets)
{
	char text[PREFIX_TEXT_BYTES];
	cr_expect_str_eq(prefix_format(&row->source, text), prefix);
	cr_expect_eq(row->packets, packets, "%s: %llu", prefix, (unsigned long long)row->packets);
}

Test(talkers, are_those_who_are_dropped_most_by_each_rule)
{
	struct front_top list[4];
	rig_open(true);
	set_hourly(8, 0);
	cr_expect_eq(top(FRONT_RULE_SOURCE, list, 4), 0);
	passing("192.0.2.1", 8 + 800);
	passing("192.0.2.2", 8 + 1600);
	passing(SIX, 8 + 80);
	cr_assert_eq(top(FRONT_RULE_SOURCE, list, 4), 3);
	expect_top(&list[0], "192.0.2.2/32", 1600);
	expect_top(&list[1], "192.0.2.1/32", 800);
	expect_top(&list[2], "2001:db8:1:2300::/56", 80);
	cr_expect_eq(top(FRONT_RULE_SOURCE, list, 1), 1);
	cr_expect_eq(top(FRONT_RULE_PANIC, list, 4), 0);
	front_sources_panic(rig_sources(), true);
	passing("192.0.2.1", 160);
	cr_assert_eq(top(FRONT_RULE_PANIC, list, 4), 1);
	expect_top(&list[0], "192.0.2.1/32", 160);
}

Test(talkers, of_tenants_rules_are_told_too)
{
	const struct front_budget nothing = {FRAMES_TENANT, 0};
	struct front_top list[4];
	rig_open(true);
	cr_assert_eq(front_tenants_set_budgets(rig_tenants(), &nothing, 1, &err), 0);
	cr_expect_eq(passing(ONE, 800), 0);
	cr_expect_eq(rig_rule(FRONT_RULE_TENANT), 800);
	cr_assert_eq(top(FRONT_RULE_TENANT, list, 4), 1);
	expect_top(&list[0], ONE "/32", 800);
	cr_assert_eq(front_tenants_set_budgets(rig_tenants(), NULL, 0, &err), 0);
	cr_assert_eq(front_tenants_set_owner(rig_tenants(), 0, 8, &err), 0);
	cr_expect_eq(passing(SIX, 800), 0);
	cr_expect_eq(rig_rule(FRONT_RULE_QUEUE), 800);
	cr_assert_eq(top(FRONT_RULE_QUEUE, list, 4), 1);
	expect_top(&list[0], "2001:db8:1:2300::/56", 800);
}

Test(talkers, keep_their_place_among_any_number_of_others)
{
	struct front_top list[1];
	uint8_t frame[FRAMES_MAX_BYTES];
	struct frames_plan other = {.source = {11}}, one = from(ONE, (struct frames_plan){0});
	cpu_set_t here;
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here); /* each CPU samples for itself */
	rig_open(true);
	front_sources_panic(rig_sources(), true);
	/* One packet of eight is looked at: seven of others, then one of its own or of others. */
	for (uint32_t i = 0; i < 40000; i++) {
		other.source[1] = (uint8_t)(i >> 16);
		other.source[2] = (uint8_t)(i >> 8);
		other.source[3] = (uint8_t)i;
		bool is_one = i % 80 == 0;
		rig_flood(frame, frames_build(is_one ? &one : &other, frame), 1);
	}
	cr_assert_eq(top(FRONT_RULE_PANIC, list, 1), 1);
	char text[PREFIX_TEXT_BYTES];
	cr_expect_str_eq(prefix_format(&list[0].source, text), ONE "/32");
	struct front_top *all = calloc(1000000, sizeof(*all));
	int places = FRONT_TALKER_PLACES * rig_sources()->cpus;
	cr_expect_leq(top(FRONT_RULE_PANIC, all, 1000000), places, "the memory is bounded");
	free(all);
}
