// SPDX-License-Identifier: BSD-3-Clause
/*
 * What changes is told at once: by the clock, whose passing is an input here, and by commands. What
 * control.c does when its timer fires is played by tell().
 */
#include <sys/timerfd.h>
#include "dataplane/transitions.h"
#include "tests/lib/control_peer.h"

#define SECOND 1000000ull
#define OPENS  (4000000000ull * SECOND) /* far from any clock: only handed in */
#define CLOSES (OPENS + 20 * SECOND)
#define FINAL  (CLOSES + 5 * SECOND)

TestSuite(transitions, .init = set_up, .fini = tear_down);

static uint32_t look(uint64_t now_us)
{
	return transitions_look(appliance.windows, now_us, &client, 1);
}

static void tell(void)
{
	look(clock_now_us());
	settle();
}

static void arm_window(const struct tenant *tenant, uint32_t id, uint64_t opens_us)
{
	struct interaction interaction = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = KIND_POLL, .options = 1},
		.question = strdup("Which colour?"),
		.labels = calloc(1, sizeof(char *)),
		.opens_at_us = opens_us,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
	};
	struct err err;
	interaction.labels[0] = strdup("Red");
	cr_assert_eq(windows_arm(appliance.windows, &interaction, 1, &err), 0, "%s", err.text);
}

/* Lets so much of acme/1's time pass: its edges come nearer instead of the clock. */
static void pass(uint64_t us)
{
	struct armed_window *armed = windows_find(appliance.windows, 7, 1);
	armed->window.opens_at_us -= us;
	armed->window.closes_at_us -= us;
}

static void subscribe(const char *params)
{
	expect_done("subscribe", params);
	json_decref(hear_live());
}

static const char *state_of(const json_t *live)
{
	static char state[32];
	const json_t *windows = json_object_get(json_object_get(live, "params"), "interactions");
	cr_assert_eq(json_array_size(windows), 1);
	snprintf(state, sizeof(state), "%s", string_of(json_array_get(windows, 0), "state"));
	return state;
}

/* Exactly one notification came, and says this. */
static void expect_told(const char *state)
{
	json_t *live = hear();
	cr_assert_not_null(live, "nothing was told of %s", state);
	cr_expect_str_eq(string_of(live, "method"), "live");
	cr_expect_str_eq(state_of(live), state);
	json_decref(live);
	cr_expect_null(hear(), "told twice");
}

Test(transitions, each_edge_is_a_change_and_nothing_between_is)
{
	static const struct {
		uint64_t now_us;
		uint32_t changed;
	} rows[] = {
		{OPENS - SECOND, 2}, /* new ones */
		{OPENS - 1, 0},      {OPENS, 1},     {OPENS + 1, 0}, {CLOSES - 1, 0},
		{CLOSES, 1},         {FINAL - 1, 0}, {FINAL, 2},     {FINAL + SECOND, 0},
	};
	arm_window(&tenants[0], 1, OPENS);
	arm_window(&tenants[0], 2, FINAL); /* opens as the other ends */
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(look(rows[i].now_us), rows[i].changed, "row %zu", i);
}

Test(transitions, a_final_window_is_settled_before_it_is_told)
{
	arm_window(&tenants[0], 1, OPENS);
	look(FINAL - 1);
	cr_expect_not(windows_at(appliance.windows, 0)->settled);
	look(FINAL);
	cr_expect(windows_at(appliance.windows, 0)->settled);
}

Test(transitions, only_subscribers_of_the_window_are_noted)
{
	static const char unsubscribe[] =
		"{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"method\":\"unsubscribe\"}\n";
	static const struct {
		const char *params;
		bool hears;
	} rows[] = {
		{"{}", true},
		{"{'tenant':'acme'}", true},
		{"{'tenant':'acme','id':1}", true},
		{"{'tenant':'acme','id':2}", false},
		{"{'tenant':'zoo'}", false},
	};
	arm_window(&tenants[0], 1, OPENS);
	arm_window(&tenants[0], 2, OPENS - SECOND);
	look(OPENS - 1);
	cr_expect_not(client->push_due, "it has not subscribed");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		look(OPENS - 1);
		client->push_due = false;
		subscribe(rows[i].params);
		cr_expect_eq(look(OPENS), 1);
		cr_expect_eq(client->push_due, rows[i].hears, "%s", rows[i].params);
		client->push_due = false;
	}
	subscribe("{}");
	look(CLOSES);
	cr_assert_gt(send(peer, unsubscribe, sizeof(unsubscribe) - 1, 0), 0);
	settle();
	json_t *answer = hear();
	cr_expect_str_eq(string_of(answer, "id"), "q1", "its line came first");
	json_decref(answer);
	cr_expect_null(hear());
	cr_expect_not(client->push_due);
	look(FINAL);
	cr_expect_not(client->push_due, "it has unsubscribed");
}

/* Once a second is its rate; the end does not wait for that. */
static void hear_a_window_through(enum control_role role)
{
	disconnect_client();
	connect_as(role);
	arm_window(&tenants[0], 1, clock_now_us() + 3600 * SECOND);
	subscribe("{'rate_hz':1}");
	tell();
	expect_told("scheduled");
	pass(3600 * SECOND);
	tell();
	expect_told("open");
	pass(CLOSES - OPENS);
	tell();
	expect_told("draining");
	pass(FINAL - CLOSES);
	tell();
	expect_told("final");
	tell();
	cr_expect_null(hear(), "nothing has changed");
}

Test(transitions, the_studio_hears_of_each_state_at_once)
{
	hear_a_window_through(CONTROL_STUDIO);
}

Test(transitions, the_public_hears_of_each_state_at_once)
{
	hear_a_window_through(CONTROL_PUBLIC);
}

static void expect_command_told(const char *method, const char *params, const char *state)
{
	uint64_t changes = windows_changes(appliance.windows);
	expect_done(method, params);
	cr_expect_gt(windows_changes(appliance.windows), changes, "%s", method);
	tell();
	expect_told(state);
}

Test(transitions, each_command_that_changes_a_window_is_told)
{
	expect_done("subscribe", "{'rate_hz':1}");
	json_decref(hear_live());
	expect_command_told("open",
			    "{'tenant':'acme','id':1,'kind':'poll','question':'?','options':['a'],"
			    "'duration_ms':3600000,'max_delay_ms':0}",
			    "open");
	expect_command_told("extend", "{'tenant':'acme','id':1,'by_ms':1}", "open");
	expect_command_told("close", "{'tenant':'acme','id':1}", "final");
	expect_command_told("reveal", "{'tenant':'acme','id':1}", "revealed");
	expect_done("unsubscribe", "");
	expect_done("subscribe", "{'rate_hz':1,'tenant':'zoo'}");
	json_decref(hear_live());
	expect_command_told("load",
			    "{'show':'s','interactions':[{'tenant':'zoo','id':1,'kind':'poll',"
			    "'question':'?','options':['a'],'opens_at':'2999-01-01T00:00:00Z'}]}",
			    "scheduled");
	expect_command_told("cancel", "{'tenant':'zoo','id':1}", "cancelled");
}

Test(transitions, what_only_asks_changes_nothing)
{
	static const char *const methods[] = {"list", "results", "stats", "subscribe"};
	arm_window(&tenants[0], 1, OPENS);
	uint64_t changes = windows_changes(appliance.windows);
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		expect_done(methods[i], "");
	cr_expect_eq(windows_changes(appliance.windows), changes);
}

/* It is told when there is room, and then of how things stand. */
Test(transitions, who_does_not_read_is_told_later)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stats\"}\n";
	arm_window(&tenants[0], 1, clock_now_us() + 3600 * SECOND);
	subscribe("{'rate_hz':1}");
	look(clock_now_us());
	client->push_due = false;
	while (send(peer, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1)
		while (serve_once())
			;
	cr_assert(client_wants_write(client));
	pass(3600 * SECOND);
	look(clock_now_us());
	size_t waiting = client->out.end - client->out.start;
	cr_expect_not(client_has_work(client));
	cr_expect_eq(client->out.end - client->out.start, waiting);
	cr_expect(client->push_due);
	json_t *last = NULL, *next;
	settle();
	while ((next = hear())) {
		json_decref(last);
		last = next;
	}
	cr_expect_str_eq(string_of(last, "method"), "live");
	cr_expect_str_eq(state_of(last), "open");
	json_decref(last);
	cr_expect_not(client->push_due);
}

/* How long the timer still runs, in µs rounded up; 0 where it is off. Where it has fired, `most`.
 */
static uint64_t wait_us(int timer_fd, uint64_t most)
{
	struct itimerspec timer;
	cr_assert_eq(timerfd_gettime(timer_fd, &timer), 0);
	uint64_t left_ns =
		(uint64_t)timer.it_value.tv_sec * 1000000000u + (uint64_t)timer.it_value.tv_nsec;
	return left_ns == 0 && is_ready(timer_fd, POLLIN) ? most : (left_ns + 999) / 1000;
}

Test(transitions, the_timer_waits_for_the_next_edge_and_a_second_at_most)
{
	static const struct {
		uint64_t now_us, least, most;
	} rows[] = {
		{OPENS - 3600 * SECOND, 1, SECOND},
		{OPENS - SECOND / 2, 1, SECOND / 2},
		{OPENS - 1, 1, 1},
		{CLOSES - SECOND / 4, 1, SECOND / 4},
		{FINAL, 0, 0},
	};
	int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	transitions_arm(timer_fd, appliance.windows, OPENS);
	cr_expect_eq(wait_us(timer_fd, 1), 0, "it runs without a window");
	arm_window(&tenants[0], 1, OPENS);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		transitions_arm(timer_fd, appliance.windows, rows[i].now_us);
		uint64_t left_us = wait_us(timer_fd, rows[i].most);
		cr_expect(left_us >= rows[i].least && left_us <= rows[i].most, "row %zu: %llu", i,
			  (unsigned long long)left_us);
	}
	close(timer_fd);
}
