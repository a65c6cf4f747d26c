/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods about the front on live ones: two veth pairs, so that each change goes to two fronts.
 * What their maps hold is looked at directly; who passes is front_lists_test's.
 */
#include <bpf/bpf.h>
#include <unistd.h>
#include "dataplane/control_methods.h"
#include "dataplane/policing.h"
#include "tests/bpf/source_rig.h"
#include "tests/bpf/veth.h"

#define OTHER "police1" /* the second pair's near end */

static struct appliance appliance;
static const struct front_source_limits limits = {.votes_per_s = 1000, .failed_votes = 32};

static void attach(uint32_t port, const char *interface)
{
	struct front_options options = veth_options();
	options.interface = interface;
	options.sources = limits;
	cr_assert_eq(front_attach(&options, &appliance.ports.fronts[port], &err), 0, "%s",
		     err.text);
}

static void open_two(void)
{
	static struct config config;
	veth_open();
	veth_ip("link add " OTHER " type veth peer name far1");
	veth_ip("link set " OTHER " up");
	veth_ip("link set far1 up");
	appliance.ports.config = &config;
	attach(0, veth_name());
	attach(3, OTHER);
	cr_assert_eq(policing_start(&appliance.ports, &err), 0, "%s", err.text);
}

static void close_two(bool keep)
{
	front_detach(appliance.ports.fronts[0], keep);
	front_detach(appliance.ports.fronts[3], keep);
	memset(&appliance.ports, 0, sizeof(appliance.ports));
}

static struct front_sources *sources(uint32_t port)
{
	return front_sources(appliance.ports.fronts[port]);
}

/* Calls the method; a single quote stands for a double one. NULL where it was refused. */
static json_t *call(const char *method, const char *text, struct method_error *error)
{
	char quoted[512];
	snprintf(quoted, sizeof(quoted), "%s", text);
	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	json_t *params = json_loads(quoted, 0, NULL);
	*error = (struct method_error){0};
	json_t *result = method_call(&appliance, CONTROL_STUDIO, method, params, error);
	json_decref(params);
	return result;
}

static void expect(const char *method, const char *params)
{
	struct method_error error;
	json_t *result = call(method, params, &error);
	cr_expect_not_null(result, "%s %s: %s", method, params, error.text.text);
	json_decref(result);
}

static void expect_refused(const char *method, const char *params, int code, const char *reason)
{
	struct method_error error;
	cr_expect_null(call(method, params, &error));
	cr_expect_eq(error.code, code, "%s %s: %s", method, params, error.text.text);
	cr_expect_not_null(strstr(error.text.text, reason), "%s", error.text.text);
}

static const struct front_entry *found(uint32_t port, const char *prefix)
{
	struct prefix wanted = prefix_of(prefix);
	return front_sources_find(sources(port), &wanted);
}

Test(policing, changes_go_to_all_fronts)
{
	open_two();
	expect("front_deny", "{'prefix':'203.0.113.0/24'}");
	expect("front_allow", "{'prefix':'2001:db8::/32','for_ms':600000}");
	for (uint32_t port = 0; port <= 3; port += 3) {
		cr_assert_not_null(found(port, "203.0.113.0/24"));
		cr_expect_eq(found(port, "203.0.113.0/24")->action, FRONT_DENY);
		cr_expect_eq(found(port, "203.0.113.0/24")->expires_ns, 0);
		uint64_t expires_ns = found(port, "2001:db8::/32")->expires_ns;
		cr_expect(expires_ns > now_ns() && expires_ns <= now_ns() + 600 * SECOND_NS);
	}
	expect("front_allow", "{'prefix':'203.0.113.0/24'}");
	expect("front_remove", "{'prefix':'2001:db8::/32'}");
	expect("front_panic", "{'on':true}");
	for (uint32_t port = 0; port <= 3; port += 3) {
		cr_expect_eq(found(port, "203.0.113.0/24")->action, FRONT_ALLOW);
		cr_expect_null(found(port, "2001:db8::/32"));
		cr_expect(front_sources_in_panic(sources(port)));
	}
	expect("front_panic", "{'on':false}");
	cr_expect_not(policing_in_panic(&appliance.ports));
	expect_refused("front_remove", "{'prefix':'10.0.0.0/8'}", -32001, "is on no list");
	close_two(false);
}

Test(policing, one_front_that_refuses_undoes_it_at_the_others)
{
	open_two();
	/* The second front is full, the first one is not. */
	for (uint32_t i = 0; i < FRONT_LISTED_MAX; i++) {
		const struct front_entry entry = {
			{{10, (uint8_t)(i >> 8), (uint8_t)i}, 32, 4}, FRONT_DENY, 0};
		rig_assert(front_sources_list(sources(3), &entry, &err) == 0, "%s", err.text);
	}
	expect_refused("front_deny", "{'prefix':'192.0.2.2'}", -32003, "4096 entries");
	cr_expect_null(found(0, "192.0.2.2"));
	close_two(false);
}

static const char *text_at(const json_t *list, size_t i, const char *name)
{
	const char *text = json_string_value(json_object_get(json_array_get(list, i), name));
	return text ? text : "(none)";
}

Test(policing, the_list_tells_entries_limits_rules_and_sources)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	struct frames_plan plan = from("203.0.113.7", (struct frames_plan){0});
	struct method_error error;
	open_two();
	appliance.config.source_votes_per_s = 1000;
	expect("front_deny", "{'prefix':'203.0.113.0/24'}");
	expect("front_allow", "{'prefix':'2001:db8::/32','for_ms':600000}");
	veth_send(frame, frames_build(&plan, frame), 80);
	json_t *list = call("front_list", "{}", &error);
	cr_assert_not_null(list);
	json_t *entries = json_object_get(list, "entries"), *rules = json_object_get(list, "rules");
	cr_expect_eq(json_array_size(entries), 2);
	cr_expect_str_eq(text_at(entries, 0, "prefix"), "203.0.113.0/24");
	cr_expect_str_eq(text_at(entries, 0, "action"), "deny");
	cr_expect_str_eq(text_at(entries, 0, "expires_at"), "(none)");
	cr_expect_str_eq(text_at(entries, 1, "action"), "allow");
	cr_expect_eq(strlen(text_at(entries, 1, "expires_at")) > 19, true);
	json_t *denied = json_array_get(rules, FRONT_RULE_DENIED);
	cr_expect_str_eq(text_at(rules, FRONT_RULE_DENIED, "rule"), "denied");
	cr_expect_eq(json_integer_value(json_object_get(denied, "packets")), 80);
	cr_expect_str_eq(text_at(json_object_get(denied, "sources"), 0, "source"),
			 "203.0.113.7/32");
	cr_expect_eq(json_array_size(rules), FRONT_RULE_COUNT);
	cr_expect_eq(
		json_integer_value(json_object_get(json_object_get(list, "limits"), "votes_per_s")),
		1000);
	json_decref(list);
	close_two(false);
}

Test(policing, lists_and_panic_outlive_tallyd_and_reach_a_new_front)
{
	open_two();
	expect("front_deny", "{'prefix':'203.0.113.0/24'}");
	expect("front_allow", "{'prefix':'2001:db8::/32','for_ms':600000}");
	expect("front_panic", "{'on':true}");
	uint64_t key = sources(0)->police->key[0];
	close_two(true);
	cr_assert_eq(front_remove(OTHER, VETH_PIN_DIR, &err), 0, "%s", err.text);
	attach(0, veth_name());
	attach(3, OTHER);
	cr_assert_eq(policing_start(&appliance.ports, &err), 0, "%s", err.text);
	cr_expect_eq(sources(0)->police->key[0], key, "joined");
	cr_expect_neq(sources(3)->police->key[0], key, "made anew");
	for (uint32_t port = 0; port <= 3; port += 3) {
		cr_expect_not_null(found(port, "203.0.113.0/24"));
		cr_expect_not_null(found(port, "2001:db8::/32"));
		cr_expect(front_sources_in_panic(sources(port)));
		cr_expect_eq(sources(port)->police->vote_ns, 1000000);
	}
	close_two(false);
}

Test(policing, a_start_that_fails_leaves_the_limits_that_were)
{
	open_two();
	close_two(true);
	struct front_options options = veth_options();
	struct front *front;
	options.sources = (struct front_source_limits){.votes_per_s = 5, .ipv4_bits = 24};
	cr_assert_eq(front_attach(&options, &front, &err), 0, "%s", err.text);
	cr_expect_eq(front_sources(front)->police->vote_ns, 200000000);
	front_abandon(front);
	char path[256];
	uint32_t zero = 0;
	struct front_police police;
	snprintf(path, sizeof(path), VETH_PIN_DIR "/%s/front_police", veth_name());
	int fd = bpf_obj_get(path);
	cr_assert_eq(bpf_map_lookup_elem(fd, &zero, &police), 0);
	close(fd);
	cr_expect_eq(police.vote_ns, 1000000);
	cr_expect_eq(police.failed_ns, 32000000);
	cr_expect_eq(police.ipv4_mask, UINT32_MAX);
	cr_assert_eq(front_remove(veth_name(), VETH_PIN_DIR, &err), 0, "%s", err.text);
	cr_assert_eq(front_remove(OTHER, VETH_PIN_DIR, &err), 0, "%s", err.text);
}

/* A tenant's rules are two of five. */
Test(policing, rules_are_added_up_over_fronts)
{
	uint8_t frame[FRAMES_MAX_BYTES];
	uint64_t packets[FRONT_RULE_COUNT];
	struct front_counts counts;
	struct frames_plan plan = {0};
	open_two();
	expect("front_panic", "{'on':true}");
	veth_send(frame, frames_build(&plan, frame), 10);
	policing_rules(&appliance.ports, packets);
	cr_expect_eq(packets[FRONT_RULE_PANIC], 10);
	cr_expect_eq(packets[FRONT_RULE_SOURCE], 0);
	cr_assert_eq(front_read(appliance.ports.fronts[0], &counts), 0);
	cr_expect_eq(counts.counters[VERDICT_POLICED], 10);
	close_two(false);
}
