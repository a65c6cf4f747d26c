// SPDX-License-Identifier: BSD-3-Clause
/*
 * The clock over a source that the test turns by hand: steps with and without a window running, how
 * good the clock says it is, and the loop of the control thread that lets it follow.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "dataplane/control.h"
#include "dataplane/core/judge.h"
#include "dataplane/show/time_text.h"
#include "tests/lib/scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ll
#define HOUR            (3600 * SECOND)
#define NOW             1795392000000000ll /* 2026 */
#define BOOTED          (5 * HOUR)         /* what CLOCK_MONOTONIC says then */
#define OPENS           (NOW + 60 * SECOND)
#define CLOSES          (OPENS + 20 * SECOND)
#define FINAL           (CLOSES + 5 * SECOND)

static const struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 5000};

/* The hands of the clocks. */
static struct {
	uint64_t monotonic_us, utc_us;
	int64_t slow_us;    /* what passes between two readings */
	int state, refused; /* of adjtimex: what it returns, or its errno */
	int status;
	long maxerror_us;
	int64_t leap_us; /* a step at the next reading of UTC */
	bool ends_loop;  /* which is the last thing that the control thread does */
} hands;

static uint64_t monotonic(void *context)
{
	cr_assert_eq(context, &hands);
	return hands.monotonic_us;
}

static void pass(int64_t us)
{
	hands.monotonic_us += (uint64_t)us;
	hands.utc_us += (uint64_t)us;
}

static uint64_t utc(void *context)
{
	cr_assert_eq(context, &hands);
	uint64_t read_us = hands.utc_us;
	pass(hands.slow_us);
	return read_us;
}

static int kernel(void *context, struct timex *timex)
{
	cr_assert_eq(context, &hands);
	cr_assert_eq(timex->modes, 0, "it wants to set the clock");
	timex->status = hands.status;
	timex->maxerror = hands.maxerror_us;
	errno = hands.refused;
	return hands.refused ? -1 : hands.state;
}

static const struct clock_source source = {
	.monotonic_us = monotonic,
	.utc_us = utc,
	.adjtimex = kernel,
	.context = &hands,
};

static void start_at(uint64_t monotonic_us, uint64_t utc_us)
{
	memset(&hands, 0, sizeof(hands));
	hands.monotonic_us = monotonic_us;
	hands.utc_us = utc_us;
	hands.status = STA_PLL;
	hands.state = TIME_OK;
	clock_use(&source);
	clock_start();
}

static void step(int64_t us)
{
	hands.utc_us += (uint64_t)us;
}

static struct windows *windows;

/* A worker that still has a burst in hand: how the window looked to it in the first wait. */
static struct {
	bool looks; /* set before, cleared by the first look */
	bool ended;
	enum verdict verdict;
} in_hand;

static void wait_for_worker(void *context)
{
	(void)context;
	if (!in_hand.looks)
		return;
	const struct window *window = window_table_find(*windows_published(windows), 7, 1);
	const struct vote vote = {.program_time_us = CLOSES - 1};
	in_hand.looks = false;
	in_hand.ended = window->ended;
	in_hand.verdict = judge(&vote, window, FINAL - 1);
}

static void set_up(void)
{
	const struct windows_options options = {
		.voters = 1000,
		.memory_bytes = 1u << 24,
		.workers = 1,
		.quiesce = wait_for_worker,
	};
	struct err err;
	cr_assert_eq(windows_create(&options, &windows, &err), 0);
	start_at(BOOTED, NOW);
}

static void tear_down(void)
{
	windows_destroy(windows);
}

TestSuite(clock, .init = set_up, .fini = tear_down, .timeout = 30);

static struct armed_window *arm(uint32_t id, uint64_t opens_at_us)
{
	struct interaction interaction = {
		.tenant = &acme,
		.id = id,
		.rules = {.kind = KIND_POLL, .options = 2},
		.question = strdup("Which colour?"),
		.labels = calloc(2, sizeof(char *)),
		.opens_at_us = opens_at_us,
		.duration_us = 20 * SECOND,
		.max_delay_us = 5 * SECOND,
	};
	struct err err;
	interaction.labels[0] = strdup("Red");
	interaction.labels[1] = strdup("Blue");
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
	return windows_find(windows, 7, id);
}

/* By the table that workers see, at what workers take for now. */
static enum verdict verdict_of(uint32_t id, uint64_t program_time_us)
{
	const struct window *window = window_table_find(*windows_published(windows), 7, id);
	const struct vote vote = {.program_time_us = program_time_us};
	return judge(&vote, window, clock_now_us());
}

static enum window_state state_of(uint32_t id)
{
	return window_state(&windows_find(windows, 7, id)->window, clock_now_us());
}

static const int64_t steps[] = {SECOND, -SECOND, HOUR, -HOUR};

/* Nothing was handed in. */
Test(clock_of_the_system, is_its_utc)
{
	struct clock_quality quality;
	clock_start();
	uint64_t before_us = (uint64_t)time(NULL) * SECOND;
	cr_expect_lt(clock_now_us() - before_us, 60 * SECOND);
	cr_expect(!clock_is_off());
	clock_read_quality(&quality);
	cr_expect_str_eq(quality.source, "system");
	cr_expect_lt(llabs((long long)quality.behind_us), CLOCK_STEP_US);
	cr_expect_eq(quality.synchronised, quality.error_us != CLOCK_ERROR_UNKNOWN);
}

Test(clock, advances_with_the_monotonic_clock)
{
	cr_expect_eq(clock_now_us(), NOW);
	pass(1);
	cr_expect_eq(clock_now_us(), NOW + 1);
	hands.monotonic_us += 41;
	cr_expect_eq(clock_now_us(), NOW + 42);
	step(HOUR);
	cr_expect_eq(clock_now_us(), NOW + 42);
	cr_expect(clock_is_off());
}

/* Goes to `us` of the clock that was started at NOW, and lets it follow if it may. */
static void go_to(uint64_t us)
{
	pass((int64_t)(us - NOW - (hands.monotonic_us - BOOTED)));
	windows_follow_clock(windows);
}

/* The edges of a window at OPENS, each to the microsecond: what it is, what becomes of the first
 * and the last vote. */
static const struct edge {
	uint64_t at_us;
	enum window_state state;
	enum verdict of_first, of_last;
} edges[] = {
	{OPENS - 250001, WINDOW_SCHEDULED, VERDICT_EARLY, VERDICT_EARLY},
	{OPENS - 250000, WINDOW_SCHEDULED, VERDICT_NONE, VERDICT_EARLY},
	{OPENS - 1, WINDOW_SCHEDULED, VERDICT_NONE, VERDICT_EARLY},
	{OPENS, WINDOW_OPEN, VERDICT_NONE, VERDICT_EARLY},
	{OPENS + 5 * SECOND, WINDOW_OPEN, VERDICT_NONE, VERDICT_EARLY},
	{OPENS + 5 * SECOND + 1, WINDOW_OPEN, VERDICT_LATE, VERDICT_EARLY},
	{CLOSES - 250002, WINDOW_OPEN, VERDICT_LATE, VERDICT_EARLY},
	{CLOSES - 250001, WINDOW_OPEN, VERDICT_LATE, VERDICT_NONE},
	{CLOSES - 1, WINDOW_OPEN, VERDICT_LATE, VERDICT_NONE},
	{CLOSES, WINDOW_DRAINING, VERDICT_LATE, VERDICT_NONE},
	{FINAL - 1, WINDOW_DRAINING, VERDICT_LATE, VERDICT_NONE},
};

static void expect_edge(const struct edge *edge, const char *about)
{
	cr_expect_eq(clock_now_us(), edge->at_us, "%s: the clock moved by %lld", about,
		     (long long)(clock_now_us() - edge->at_us));
	cr_expect_eq(state_of(1), edge->state, "%s: %s", about, window_state_name(state_of(1)));
	cr_expect_eq(verdict_of(1, OPENS), edge->of_first, "%s", about);
	cr_expect_eq(verdict_of(1, CLOSES - 1), edge->of_last, "%s", about);
}

/* From each edge on: the step comes there, and no later edge is a microsecond off. */
Test(clock, a_step_moves_no_window_that_runs)
{
	char about[64];
	for (size_t k = 0; k < COUNT_OF(steps); k++)
		for (size_t at = 0; at < COUNT_OF(edges); at++) {
			tear_down();
			set_up();
			arm(1, OPENS);
			for (size_t i = 0; i < COUNT_OF(edges); i++) {
				snprintf(about, sizeof(about), "step %zu at edge %zu, edge %zu", k,
					 at, i);
				go_to(edges[i].at_us);
				step(i == at ? steps[k] : 0);
				cr_expect_eq(windows_follow_clock(windows), 0, "%s", about);
				expect_edge(&edges[i], about);
			}
			/* It is adopted when the window is final, and that stays so. */
			pass(1);
			cr_expect_eq(clock_now_us(), FINAL);
			cr_expect_eq(windows_follow_clock(windows), steps[k]);
			cr_expect_eq(clock_now_us(), hands.utc_us);
			cr_expect_eq(state_of(1), WINDOW_FINAL);
		}
}

Test(clock, a_step_is_adopted_when_no_window_runs)
{
	for (size_t k = 0; k < COUNT_OF(steps); k++) {
		uint64_t opens_us = OPENS + 2 * HOUR;
		uint32_t id = (uint32_t)k + 1;
		start_at(BOOTED, NOW);
		arm(id, opens_us);
		step(steps[k]);
		cr_expect_eq(windows_follow_clock(windows), steps[k]);
		cr_expect_eq((int64_t)clock_now_us(), NOW + steps[k]);
		cr_expect_eq(windows_follow_clock(windows), 0, "it follows twice");
		/* What is scheduled opens at the new UTC, to the microsecond. */
		pass((int64_t)(opens_us - 1 - hands.utc_us));
		cr_expect_eq(state_of(id), WINDOW_SCHEDULED);
		pass(1);
		cr_expect_eq(state_of(id), WINDOW_OPEN);
		cr_expect_eq(verdict_of(id, opens_us), VERDICT_NONE);
		struct err err;
		cr_assert_eq(
			windows_cancel(windows, windows_find(windows, 7, id), clock_now_us(), &err),
			0);
	}
}

Test(clock, a_window_that_a_step_leaps_over_is_over)
{
	arm(1, OPENS);
	step(HOUR);
	cr_expect_eq(windows_follow_clock(windows), HOUR);
	cr_expect_eq(state_of(1), WINDOW_FINAL);
	cr_expect_eq(verdict_of(1, OPENS), VERDICT_LATE);
}

/* Votes that come when a final window's time comes again are late, revealed or not. */
Test(clock, a_step_back_opens_no_final_window_again)
{
	struct err err;
	arm(1, OPENS);
	arm(2, OPENS);
	arm(3, OPENS);
	cr_assert_eq(windows_cancel(windows, windows_find(windows, 7, 3), NOW, &err), 0);
	go_to(FINAL);
	cr_assert_eq(windows_reveal(windows, windows_find(windows, 7, 2), FINAL, &err), 0);
	step(-HOUR);
	cr_expect_eq(windows_follow_clock(windows), -HOUR);
	for (size_t i = 0; i < COUNT_OF(edges); i++) {
		pass((int64_t)(edges[i].at_us - hands.utc_us));
		cr_expect_eq(clock_now_us(), edges[i].at_us);
		cr_expect_eq(state_of(1), WINDOW_FINAL, "edge %zu", i);
		cr_expect_eq(state_of(2), WINDOW_REVEALED, "edge %zu", i);
		cr_expect_eq(state_of(3), WINDOW_CANCELLED, "edge %zu", i);
		for (uint32_t id = 1; id <= 2; id++) {
			cr_expect_neq(verdict_of(id, OPENS), VERDICT_NONE, "edge %zu", i);
			cr_expect_neq(verdict_of(id, CLOSES - 1), VERDICT_NONE, "edge %zu", i);
		}
		cr_expect_eq(verdict_of(3, OPENS), VERDICT_CANCELLED);
	}
	cr_expect_eq(verdict_of(1, CLOSES - 1), VERDICT_LATE);
	cr_expect_eq(windows_extend(windows, windows_find(windows, 7, 1), SECOND, OPENS, &err),
		     -EPERM);
	cr_expect_eq(windows_close(windows, windows_find(windows, 7, 1), OPENS, &err), -EPERM);
	cr_expect_eq(windows_reveal(windows, windows_find(windows, 7, 1), OPENS, &err), 0);
}

Test(clock, a_burst_that_came_in_time_is_judged_before_its_window_ends_for_good)
{
	arm(1, OPENS);
	go_to(FINAL);
	in_hand.looks = true;
	step(-HOUR);
	cr_expect_eq(windows_follow_clock(windows), -HOUR);
	cr_expect(!in_hand.looks, "nobody waited for the worker");
	cr_expect(!in_hand.ended);
	cr_expect_eq(in_hand.verdict, VERDICT_NONE);
}

Test(clock, final_windows_hold_no_later_step_back)
{
	arm(1, OPENS);
	go_to(FINAL);
	step(-HOUR);
	cr_expect_eq(windows_follow_clock(windows), -HOUR);
	pass((int64_t)(OPENS + SECOND - hands.utc_us)); /* where it was open once */
	step(SECOND);
	cr_expect_eq(windows_follow_clock(windows), SECOND);
}

Test(clock, a_cancelled_window_holds_no_step)
{
	struct err err;
	arm(1, OPENS);
	go_to(OPENS);
	cr_assert_eq(windows_cancel(windows, windows_find(windows, 7, 1), OPENS, &err), 0);
	step(HOUR);
	cr_expect_eq(windows_follow_clock(windows), HOUR);
	cr_expect_eq(state_of(1), WINDOW_CANCELLED);
}

Test(clock, it_stays_when_a_window_is_about_to_open)
{
	arm(1, OPENS);
	step(-HOUR);
	pass(OPENS - NOW - WINDOWS_CALM_US);
	cr_expect_eq(windows_follow_clock(windows), 0);
	hands.monotonic_us--;
	hands.utc_us--;
	cr_expect_eq(windows_follow_clock(windows), -HOUR);
}

Test(clock, what_is_nearer_than_a_millisecond_is_no_step)
{
	static const struct {
		int64_t step_us, moved_us;
	} rows[] = {{0, 0},         {1, 0},       {-1, 0},
		    {999, 0},       {-999, 0},    {1000, 1000},
		    {-1000, -1000}, {1001, 1001}, {INT32_MAX, INT32_MAX}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		start_at(BOOTED, NOW);
		step(rows[i].step_us);
		cr_expect_eq(windows_follow_clock(windows), rows[i].moved_us, "row %zu", i);
		cr_expect_eq((int64_t)clock_now_us(), NOW + rows[i].moved_us, "row %zu", i);
	}
}

/* A thread that is put off the CPU between two readings sees UTC at another time. */
Test(clock, a_slow_reading_is_no_step)
{
	struct clock_quality quality;
	hands.slow_us = 4000;
	cr_expect(!clock_is_off());
	step(1000);
	cr_expect(!clock_is_off());
	hands.maxerror_us = 100;
	clock_read_quality(&quality);
	cr_expect_geq(quality.error_us, 2000 + 100, "%llu", (unsigned long long)quality.error_us);
	hands.slow_us = 0;
	cr_expect(clock_is_off());
}

/* 500 ppm for a minute: slewed by the kernel it moves both clocks, and so ours. */
Test(clock, slewing_is_followed_without_a_step)
{
	struct clock_quality quality;
	arm(1, OPENS);
	go_to(OPENS);
	for (int i = 0; i < 60; i++) {
		pass(SECOND + 500);
		cr_expect_eq(windows_follow_clock(windows), 0);
		cr_expect_eq(clock_now_us(), hands.utc_us);
	}
	clock_read_quality(&quality);
	cr_expect_eq(quality.behind_us, 0);
}

/* A UTC that runs away from the monotonic clock is no UTC for an open window. */
Test(clock, utc_that_drifts_away_widens_the_bound_until_it_is_adopted)
{
	struct clock_quality quality;
	hands.maxerror_us = 10;
	arm(1, OPENS);
	go_to(OPENS);
	for (int64_t i = 1; i <= 10; i++) {
		pass(SECOND);
		step(-500);
		cr_expect_eq(windows_follow_clock(windows), 0);
		cr_expect_eq((int64_t)clock_now_us(), OPENS + i * SECOND);
		clock_read_quality(&quality);
		cr_expect_eq(quality.behind_us, -500 * i);
		cr_expect_eq((int64_t)quality.error_us, 10 + 500 * i);
	}
	go_to(FINAL);
	clock_read_quality(&quality);
	cr_expect_eq(quality.behind_us, 0);
	cr_expect_eq(quality.error_us, 10);
}

Test(clock, quality_is_what_the_kernel_says_and_steps_not_taken)
{
	static const struct {
		const char *name;
		int state, refused, status;
		long maxerror_us;
		int64_t step_us;
		bool synchronised;
		uint64_t error_us;
	} rows[] = {
		{"good", TIME_OK, 0, STA_PLL, 1234, 0, true, 1234},
		{"perfect", TIME_OK, 0, STA_PLL | STA_NANO, 0, 0, true, 0},
		{"a second ahead", TIME_OK, 0, STA_PLL, 10, SECOND, true, SECOND + 10},
		{"an hour behind", TIME_OK, 0, STA_PLL, 10, -HOUR, true, HOUR + 10},
		{"before a leap second", TIME_INS, 0, STA_PLL | STA_INS, 5, 0, true, 5},
		{"in a leap second", TIME_OOP, 0, STA_PLL | STA_INS, 5, 0, true, 5},
		{"after a leap second", TIME_WAIT, 0, STA_PLL, 5, 0, true, 5},
		{"never synchronised", TIME_ERROR, 0, STA_UNSYNC, 16000000, 0, false,
		 CLOCK_ERROR_UNKNOWN},
		{"unsynchronised, a step", TIME_ERROR, 0, STA_UNSYNC, 16000000, HOUR, false,
		 CLOCK_ERROR_UNKNOWN},
		{"unsynchronised by its status", TIME_OK, 0, STA_UNSYNC, 10, 0, false,
		 CLOCK_ERROR_UNKNOWN},
		{"faulty hardware", TIME_ERROR, 0, STA_PLL | STA_CLOCKERR, 10, 0, false,
		 CLOCK_ERROR_UNKNOWN},
		{"refused", TIME_OK, EPERM, STA_PLL, 10, 0, false, CLOCK_ERROR_UNKNOWN},
		{"no such call", TIME_OK, ENOSYS, STA_PLL, 10, -SECOND, false, CLOCK_ERROR_UNKNOWN},
		{"a bound below 0", TIME_OK, 0, STA_PLL, -1, 0, false, CLOCK_ERROR_UNKNOWN},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct clock_quality quality;
		start_at(BOOTED, NOW);
		hands.state = rows[i].state;
		hands.refused = rows[i].refused;
		hands.status = rows[i].status;
		hands.maxerror_us = rows[i].maxerror_us;
		step(rows[i].step_us);
		clock_read_quality(&quality);
		cr_expect_str_eq(quality.source, "system");
		cr_expect_eq(quality.synchronised, rows[i].synchronised, "%s", rows[i].name);
		cr_expect_eq(quality.error_us, rows[i].error_us, "%s: %llu", rows[i].name,
			     (unsigned long long)quality.error_us);
		cr_expect_eq(quality.behind_us, rows[i].step_us, "%s", rows[i].name);
		cr_expect_eq(clock_now_us(), NOW, "%s: reading it moved the clock", rows[i].name);
	}
}

/* Who is not synchronised is followed as well: there is no better UTC. */
Test(clock, an_unsynchronised_utc_is_adopted_too)
{
	hands.status = STA_UNSYNC;
	hands.state = TIME_ERROR;
	step(-HOUR);
	cr_expect_eq(windows_follow_clock(windows), -HOUR);
}

Test(clock, works_from_1970_to_the_year_9999)
{
	static const uint64_t starts[] = {0, 1, BOOTED, NOW, TIME_LIMIT_US - 1};
	static const uint64_t booted[] = {0, BOOTED, UINT64_MAX - SECOND};
	for (size_t b = 0; b < COUNT_OF(booted); b++)
		for (size_t i = 0; i < COUNT_OF(starts); i++)
			for (size_t k = 0; k < COUNT_OF(starts); k++) {
				int64_t far_us = (int64_t)(starts[k] - starts[i]);
				struct clock_quality quality;
				start_at(booted[b], starts[i]);
				cr_expect_eq(clock_now_us(), starts[i]);
				pass(5 * SECOND); /* one of the monotonic clocks wraps here */
				cr_expect_eq(clock_now_us(), starts[i] + 5 * SECOND);
				step(far_us);
				clock_read_quality(&quality);
				cr_expect_eq(quality.behind_us, far_us);
				cr_expect_eq(quality.error_us, (uint64_t)llabs(far_us));
				windows_follow_clock(windows);
				cr_expect_lt(llabs((long long)(clock_now_us() - hands.utc_us)),
					     CLOCK_STEP_US);
			}
}

Test(clock, quality_as_json)
{
	static const struct {
		struct clock_quality quality;
		const char *text;
	} rows[] = {
		{{"system", true, 1234, 0},
		 "{\"source\":\"system\",\"synchronised\":true,\"error_us\":1234,\"offset_us\":0}"},
		{{"system", true, HOUR + 1, -HOUR},
		 "{\"source\":\"system\",\"synchronised\":true,\"error_us\":3600000001,"
		 "\"offset_us\":-3600000000}"},
		{{"system", false, CLOCK_ERROR_UNKNOWN, SECOND},
		 "{\"source\":\"system\",\"synchronised\":false,\"error_us\":null,"
		 "\"offset_us\":1000000}"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *object = clock_quality_json(&rows[i].quality);
		char *text = json_dumps(object, JSON_COMPACT);
		cr_expect_str_eq(text, rows[i].text);
		free(text);
		json_decref(object);
	}
	json_t *object = clock_quality_json(&clock_quality_of_capture);
	char *text = json_dumps(object, JSON_COMPACT);
	cr_expect_str_eq(text, "{\"source\":\"capture\",\"synchronised\":false,"
			       "\"error_us\":null,\"offset_us\":0}");
	free(text);
	json_decref(object);
}

/* The loop of the control thread. */

static struct tenant tenants[] = {{.id = 7, .name = "acme", .max_delay_ms = 5000}};
static struct appliance appliance = {.keyring = {.tenants = tenants, .tenant_count = 1}};

/* UTC as the loop reads it: the first reading finds it stepped. */
static uint64_t utc_that_leaps(void *context)
{
	(void)context;
	step(hands.leap_us);
	if (hands.leap_us && hands.ends_loop)
		raise(SIGTERM);
	hands.leap_us = 0;
	return hands.utc_us;
}

static const struct clock_source leaping = {
	.monotonic_us = monotonic,
	.utc_us = utc_that_leaps,
	.adjtimex = kernel,
	.context = &hands,
};

static struct control *open_control(int64_t leap_us, bool ends_loop)
{
	struct control *control;
	struct err err;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL); /* as main() does */
	scratch_make();
	const char *path = scratch_path("socket");
	cr_assert_lt(strlen(path), sizeof(((struct sockaddr_un *)NULL)->sun_path));
	strcpy(appliance.config.control, path);
	appliance.windows = windows;
	cr_assert_eq(control_open(&appliance, &control, &err), 0, "%s", err.text);
	hands.leap_us = leap_us;
	hands.ends_loop = ends_loop;
	clock_use(&leaping);
	return control;
}

static void serve(struct control *control)
{
	struct err err;
	cr_expect_eq(control_serve(control, &err), 0);
	control_close(control);
	scratch_remove();
}

/* Nobody asks for anything: its own tick lets it look. */
Test(clock, the_control_thread_follows_by_itself)
{
	arm(1, OPENS);
	serve(open_control(-HOUR, true));
	cr_expect_eq(clock_now_us(), NOW - HOUR);
}

Test(clock, the_control_thread_leaves_a_running_window_alone)
{
	arm(1, NOW);
	serve(open_control(HOUR, true));
	cr_expect_eq(clock_now_us(), NOW);
}

/* Opens a window now, keeps the answer, and ends the loop. */
static void *ask(void *answer)
{
	static const char request[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"open\",\"params\":{\"tenant\":\"acme\","
		"\"id\":101,\"kind\":\"poll\",\"question\":\"?\",\"options\":[\"a\",\"b\"]}}\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, appliance.config.control);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *file = NULL;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    write(fd, request, strlen(request)) == (ssize_t)strlen(request))
		file = fdopen(fd, "r");
	if (!file || !fgets(answer, 4096, file))
		snprintf(answer, 4096, "no answer: %s", strerror(errno));
	kill(getpid(), SIGTERM);
	return NULL;
}

Test(clock, a_window_that_opens_now_opens_at_the_corrected_utc)
{
	char answer[4096], want[64], at[TIME_TEXT_BYTES];
	struct control *control = open_control(HOUR, false);
	pthread_t asker;
	pthread_create(&asker, NULL, ask, answer);
	serve(control);
	pthread_join(asker, NULL);
	snprintf(want, sizeof(want), "\"opens_at\":\"%s\"", time_format(NOW + HOUR, at));
	cr_expect_not_null(strstr(answer, want), "no %s: %s", want, answer);
}
