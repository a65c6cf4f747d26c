/* SPDX-License-Identifier: BSD-3-Clause */
/* The allow and the deny list: who passes, until when, and what a later tallyd finds of them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include "tests/bpf/source_rig.h"

#define ONE "198.51.100.7"

Test(lists, decide_by_the_longest_prefix_of_each_and_deny_over_all)
{
	static const struct {
		const char *what;
		const char *allow[3], *deny[3];
		const char *address;
		int rule; /* FRONT_RULE_COUNT: it passes */
	} rows[] = {
		{"on none", {NULL}, {NULL}, ONE, FRONT_RULE_SOURCE},
		{"allowed", {ONE}, {NULL}, ONE, FRONT_RULE_COUNT},
		{"its network is", {"198.51.100.0/24"}, {NULL}, ONE, FRONT_RULE_COUNT},
		{"all are", {"0.0.0.0/0"}, {NULL}, ONE, FRONT_RULE_COUNT},
		{"its neighbour is", {"198.51.100.6"}, {NULL}, ONE, FRONT_RULE_SOURCE},
		{"denied", {NULL}, {ONE}, ONE, FRONT_RULE_DENIED},
		{"its network is", {NULL}, {"198.51.0.0/16"}, ONE, FRONT_RULE_DENIED},
		{"its neighbour is", {NULL}, {"198.51.100.6/31"}, ONE, FRONT_RULE_DENIED},
		{"beside it", {NULL}, {"198.51.100.8/29"}, ONE, FRONT_RULE_SOURCE},
		{"allowed in a denied network", {ONE}, {"198.51.100.0/24"}, ONE, FRONT_RULE_DENIED},
		{"denied in an allowed one", {"198.51.100.0/24"}, {ONE}, ONE, FRONT_RULE_DENIED},
		{"IPv6 allowed", {"2001:db8::/32"}, {NULL}, "2001:db8::1", FRONT_RULE_COUNT},
		{"longer than a source", {"2001:db8::1"}, {NULL}, "2001:db8::1", FRONT_RULE_COUNT},
		{"and its neighbour", {"2001:db8::1"}, {NULL}, "2001:db8::2", FRONT_RULE_SOURCE},
		{"IPv6 denied", {NULL}, {"2001:db8::/127"}, "2001:db8::1", FRONT_RULE_DENIED},
		{"all of IPv4 denied", {NULL}, {"0.0.0.0/0"}, "2001:db8::1", FRONT_RULE_SOURCE},
		{"all of IPv6 denied", {NULL}, {"::/0"}, "2001:db8::1", FRONT_RULE_DENIED},
		{"and IPv4 not", {NULL}, {"::/0"}, ONE, FRONT_RULE_SOURCE},
	};
	rig_open(true);
	set_hourly(1, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int k = 0; k < 3 && rows[i].allow[k]; k++)
			list(FRONT_ALLOW, rows[i].allow[k], 0);
		for (int k = 0; k < 3 && rows[i].deny[k]; k++)
			list(FRONT_DENY, rows[i].deny[k], 0);
		passing(rows[i].address, 1); /* all the budget that it has */
		uint64_t before = rows[i].rule < FRONT_RULE_COUNT
					  ? rig_rule((enum front_rule)rows[i].rule)
					  : rig_counter(FRONT_STEERED);
		passing(rows[i].address, 10);
		uint64_t after = rows[i].rule < FRONT_RULE_COUNT
					 ? rig_rule((enum front_rule)rows[i].rule)
					 : rig_counter(FRONT_STEERED);
		cr_expect_eq(after - before, 10, "%s (row %zu)", rows[i].what, i);
		for (int k = 0; k < 3 && rows[i].allow[k]; k++)
			cr_expect_eq(unlist(rows[i].allow[k]), 0);
		for (int k = 0; k < 3 && rows[i].deny[k]; k++)
			cr_expect_eq(unlist(rows[i].deny[k]), 0);
	}
	for (int list = 0; list < FRONT_LISTS; list++)
		cr_expect_eq(rig_sources()->police->listed[list], 0);
}

Test(lists, stand_over_panic)
{
	rig_open(true);
	front_sources_panic(rig_sources(), true);
	judged("192.0.2.1", VERDICT_COUNTED, 1);
	list(FRONT_ALLOW, ONE, 0);
	list(FRONT_DENY, "192.0.2.1", 0);
	cr_expect_eq(passing(ONE, 10), 10);
	cr_expect_eq(passing("192.0.2.1", 10), 0);
	cr_expect_eq(rig_rule(FRONT_RULE_DENIED), 10);
}

Test(lists, hold_through_tags_and_options_and_for_negotiation)
{
	static const struct frames_plan plans[] = {
		{.vlan_tags = 1},
		{.vlan_tags = 2, .vlan_type = NET_TYPE_QINQ},
		{.option_words = 10},
		{.payload = FRAMES_WATCH},
		{.payload = FRAMES_LONG, .version = 1, .payload_bytes = 1200},
	};
	rig_open(true);
	list(FRONT_DENY, ONE, 0);
	list(FRONT_DENY, "2001:db8::/64", 0);
	for (size_t i = 0; i < COUNT(plans); i++) {
		cr_expect_eq(flood(from(ONE, plans[i]), 5, VERDICT_POLICED), 5, "plan %zu", i);
		if (!plans[i].option_words)
			cr_expect_eq(flood(from("2001:db8::5", plans[i]), 5, VERDICT_POLICED), 5,
				     "plan %zu, IPv6", i);
	}
	cr_expect_eq(flood(from(ONE, (struct frames_plan){.port = 22}), 5, VERDICT_PASSED), 5,
		     "what is the host's is the host's");
}

Test(lists, expire_in_the_front_and_go_with_the_tick)
{
	struct front_sources *sources = rig_sources();
	rig_open(true);
	uint64_t now = now_ns();
	list(FRONT_DENY, ONE, now + HOUR_NS);
	list(FRONT_DENY, "192.0.2.1", now - SECOND_NS);
	list(FRONT_DENY, "2001:db8::/32", now - SECOND_NS);
	list(FRONT_DENY, "192.0.2.2", 0);
	cr_expect_eq(passing(ONE, 10), 0);
	cr_expect_eq(passing("192.0.2.1", 10), 10, "over, before anybody has taken it off");
	cr_expect_eq(passing("2001:db8::1", 10), 10);
	cr_expect_eq(sources->police->listed[FRONT_DENY4], 3);
	front_sources_tick(sources, now);
	cr_expect_eq(sources->police->listed[FRONT_DENY4], 2);
	cr_expect_eq(sources->police->listed[FRONT_DENY6], 0);
	cr_expect_null(front_sources_find(sources, &(struct prefix){{192, 0, 2, 1}, 32, 4}));
	front_sources_tick(sources, now + HOUR_NS);
	cr_expect_eq(passing(ONE, 10), 10);
	cr_expect_eq(passing("192.0.2.2", 10), 0, "for good");
}

Test(lists, take_a_prefix_again_for_another_time_or_action)
{
	struct front_sources *sources = rig_sources();
	const struct prefix one = {{198, 51, 100, 7}, 32, 4};
	rig_open(true);
	set_hourly(1, 0);
	list(FRONT_DENY, ONE, 0);
	cr_expect_eq(passing(ONE, 10), 0);
	list(FRONT_DENY, ONE, now_ns() + HOUR_NS);
	cr_expect_eq(sources->police->listed[FRONT_DENY4], 1);
	cr_expect_eq(front_sources_packets(sources, front_sources_find(sources, &one)), 10);
	list(FRONT_ALLOW, ONE, 0);
	cr_expect_eq(sources->police->listed[FRONT_DENY4], 0);
	cr_expect_eq(sources->police->listed[FRONT_ALLOW4], 1);
	cr_expect_eq(front_sources_packets(sources, front_sources_find(sources, &one)), 0);
	cr_expect_eq(passing(ONE, 10), 10);
	cr_expect_eq(front_sources_packets(sources, front_sources_find(sources, &one)), 10);
	list(FRONT_DENY, ONE, 0);
	cr_expect_eq(passing(ONE, 10), 0);
	cr_expect_eq(unlist(ONE), 0);
	cr_expect_eq(unlist(ONE), -ENOENT);
	cr_expect_str_eq(err.text,
			 "198.51.100.7/32 is on no list; `tallyctl front list` shows what is");
	cr_expect_eq(unlist("198.51.100.0/24"), -ENOENT);
}

Test(lists, count_the_packets_of_each_entry)
{
	struct front_sources *sources = rig_sources();
	const struct prefix all = {{198, 51, 100}, 24, 4}, one = {{198, 51, 100, 7}, 32, 4};
	rig_open(true);
	list(FRONT_DENY, "198.51.100.0/24", 0);
	list(FRONT_DENY, ONE, 0);
	passing(ONE, 10);
	passing("198.51.100.8", 5);
	cr_expect_eq(front_sources_packets(sources, front_sources_find(sources, &one)), 10);
	cr_expect_eq(front_sources_packets(sources, front_sources_find(sources, &all)), 5);
}

Test(lists, that_are_full_say_so_and_stay_as_they_are)
{
	struct front_sources *sources = rig_sources();
	rig_open(true);
	for (uint32_t i = 0; i < FRONT_LISTED_MAX; i++) {
		const struct front_entry entry = {{{10, (uint8_t)(i >> 8), (uint8_t)i}, 32, 4},
						  i % 2 ? FRONT_ALLOW : FRONT_DENY,
						  0};
		rig_assert(front_sources_list(sources, &entry, &err) == 0, "%s", err.text);
	}
	const struct front_entry further = {prefix_of("2001:db8::/32"), FRONT_DENY, 0};
	cr_expect_eq(front_sources_list(sources, &further, &err), -ENOSPC);
	cr_expect_not_null(strstr(err.text, "2001:db8::/32: the lists have 4096 entries"), "%s",
			   err.text);
	cr_expect_eq(passing("2001:db8::1", 10), 10);
	cr_expect_eq(passing("10.1.2.0", 10), 0);
	cr_expect_eq(unlist("10.1.2.0"), 0);
	cr_expect_eq(front_sources_list(sources, &further, &err), 0);
	cr_expect_eq(passing("2001:db8::1", 10), 0);
}

Test(lists, are_there_for_the_next_tallyd)
{
	struct front_sources *sources = rig_sources(), next;
	const struct prefix one = {{198, 51, 100, 7}, 32, 4};
	uint64_t expires_ns = now_ns() + HOUR_NS;
	rig_open(true);
	list(FRONT_DENY, ONE, expires_ns);
	list(FRONT_ALLOW, "2001:db8::/32", 0);
	list(FRONT_ALLOW, "192.0.2.0/24", 0);
	front_sources_panic(sources, true);
	passing(ONE, 10);
	uint64_t key = sources->police->key[0];
	cr_assert_eq(front_sources_open(&next, rig_object(), &err), 0, "%s", err.text);
	const struct front_entry *entry = front_sources_find(&next, &one);
	cr_assert_not_null(entry);
	cr_expect_eq(entry->action, FRONT_DENY);
	cr_expect_eq(entry->expires_ns, expires_ns);
	cr_expect_eq(front_sources_packets(&next, entry), 10);
	cr_expect_not_null(front_sources_find(&next, &(struct prefix){{192, 0, 2}, 24, 4}));
	cr_expect(front_sources_in_panic(&next));
	cr_expect_eq(next.police->key[0], key, "who has voted is known by this key");
	cr_expect_eq(next.police->listed[FRONT_DENY4], 1);
	cr_expect_eq(next.police->listed[FRONT_ALLOW4], 1);
	front_sources_close(&next);
}

/* A tallyd is killed between the two calls of the kernel that move a prefix. */
Test(lists, that_a_killed_tallyd_left_half_changed_deny)
{
	struct front_sources *sources = rig_sources(), next;
	const struct front_prefix4 key = {32, {198, 51, 100, 7}};
	const struct front_listed value = {.slot = 0};
	rig_open(true);
	list(FRONT_ALLOW, ONE, 0);
	list(FRONT_ALLOW, "192.0.2.1", 0);
	cr_assert_eq(bpf_map_update_elem(sources->list_fds[FRONT_DENY4], &key, &value, BPF_ANY), 0);
	cr_assert_eq(front_sources_open(&next, rig_object(), &err), 0, "%s", err.text);
	cr_expect_eq(next.police->listed[FRONT_DENY4], 1);
	cr_expect_eq(next.police->listed[FRONT_ALLOW4], 1);
	cr_expect_eq(passing(ONE, 10), 0);
	cr_expect_eq(front_sources_find(&next, &(struct prefix){{198, 51, 100, 7}, 32, 4})->action,
		     FRONT_DENY);
	front_sources_close(&next);
}
