// SPDX-License-Identifier: BSD-3-Clause
/*
 * One life of the appliance writes its journal, the next reads it: what comes back, what is refused
 * and with which line, and that a command which could not be kept did not happen. Whole shows are
 * in windows_model_test.c. Runs under ASan too.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk_sim.h"
#include "tests/lib/kept.h"
#include "tests/lib/scratch.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND          1000000ull
#define OPENS           (1000 * SECOND)
#define NOW             (OPENS + 2 * SECOND)
#define CLOSES          (OPENS + 20 * SECOND)
#define FINAL           (CLOSES + 5 * SECOND)

static struct tenant tenants[] = {
	{.id = 7, .name = "acme", .max_delay_ms = 5000},
	{.id = 8, .name = "zoo", .max_delay_ms = 5000},
};
static struct keyring keyring = {.tenants = tenants, .tenant_count = 2};

static struct disk_sim sim;
static struct windows *windows;
static struct pipeline pipeline;
static struct kept kept;
static struct durable_options options = {
	.directory = "simulated", .workers = 1, .segment_bytes = 1 << 20};
static uint64_t voters = 1000, now_us = NOW;
static struct err err;

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static void set_clock(uint64_t at_us)
{
	now_us = at_us;
	kept_use_clock(&now_us);
}

static int begin_life(void)
{
	const struct windows_options room = {
		.voters = voters,
		.upvotes_per_voter = 4,
		.upvotes = 3000,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
	};
	cr_assert_eq(windows_create(&room, &windows, &err), 0);
	return kept_start(&kept, &options, &keyring, windows, &pipeline, &err);
}

static void begin(void)
{
	cr_assert_eq(begin_life(), 0, "%s", err.text);
}

static void end(void)
{
	cr_assert_eq(kept_stop(&kept, &err), 0, "%s", err.text);
	windows_destroy(windows);
}

static void live_again(void)
{
	end();
	begin();
}

static void expect_refused(int code, const char *says)
{
	cr_expect_eq(begin_life(), code, "%s", err.text);
	cr_expect_not_null(strstr(err.text, says), "no '%s': %s", says, err.text);
	cr_expect_null(strchr(err.text, '\n'));
	windows_destroy(windows);
}

static void set_up(void)
{
	scratch_make();
	disk_sim_open(&sim, 1);
	set_clock(NOW);
	options.disk = &sim.disk;
	begin();
}

/* The last life is still there. */
static void tear_down(void)
{
	disk_sim_close(&sim);
	scratch_remove();
}

TestSuite(durable, .init = set_up, .fini = tear_down, .timeout = 60);

static struct interaction poll_of(const struct tenant *tenant, uint32_t id, bool revote)
{
	struct interaction poll = {
		.tenant = tenant,
		.id = id,
		.rules = {.kind = KIND_POLL, .max_choices = 1, .options = 2},
		.revote = revote,
		.show = strdup("saturday"),
		.question = strdup("Which colour?"),
		.labels = calloc(2, sizeof(char *)),
		.opens_at_us = OPENS,
		.duration_us = CLOSES - OPENS,
		.max_delay_us = FINAL - CLOSES,
	};
	poll.labels[0] = strdup("Red");
	poll.labels[1] = strdup("Blue");
	return poll;
}

static int arm_of(const struct tenant *tenant, uint32_t id, bool revote)
{
	struct interaction poll = poll_of(tenant, id, revote);
	int rc = windows_arm(windows, &poll, 1, &err);
	interaction_free(&poll);
	return rc;
}

static void arm(uint32_t id)
{
	cr_assert_eq(arm_of(&tenants[0], id, false), 0, "%s", err.text);
}

static struct armed_window *window_of(uint32_t id)
{
	struct armed_window *armed = windows_find(windows, 7, id);
	cr_assert_not_null(armed, "acme/%u is gone", id);
	return armed;
}

static int take_out(uint32_t id)
{
	struct armed_window *out[] = {window_of(id)};
	const struct windows_change wanted = {.out = out, .out_count = 1};
	return windows_replace(windows, &wanted, &err);
}

/* As a worker that has cast it. */
static void put(struct record_vote vote)
{
	vote.tenant = vote.tenant ? vote.tenant : 7;
	vote.interaction = vote.interaction ? vote.interaction : 1;
	vote.program_time_us = vote.program_time_us ? vote.program_time_us : NOW;
	journal_online(pipeline.journal);
	journal_put(pipeline.journal, &vote);
	journal_report(pipeline.journal);
	journal_offline(pipeline.journal);
}

static void expect_sum(uint32_t id, uint64_t counted, uint64_t changed, uint64_t red, uint64_t blue)
{
	struct tally_sum sum;
	windows_sum(windows, window_of(id), now_us, &sum);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], counted);
	cr_expect_eq(sum.receipts[RECEIPT_CHANGED], changed);
	cr_expect_eq(sum.voters, counted);
	cr_expect_eq(sum.votes[0], red);
	cr_expect_eq(sum.votes[1], blue);
}

static enum window_state state_of(uint32_t id)
{
	return window_state(&window_of(id)->window, now_us);
}

/* ---- What comes back ---- */

Test(durable, a_journal_that_is_not_there_is_an_empty_one)
{
	cr_expect_eq(windows_count(windows), 0);
	live_again();
	cr_expect_eq(windows_count(windows), 0);
	end();
}

Test(durable, three_lives_have_one_window)
{
	arm(1);
	put((struct record_vote){.voter = 1, .choice = 1});
	live_again();
	expect_sum(1, 1, 0, 0, 1);
	cr_expect_eq(state_of(1), WINDOW_OPEN);
	cr_expect_str_eq(window_of(1)->interaction.show, "saturday");
	cr_expect_eq(windows_extend(windows, window_of(1), 5 * SECOND, now_us, &err), 0);
	put((struct record_vote){.voter = 2});
	live_again();
	expect_sum(1, 2, 0, 1, 1);
	cr_expect_eq(window_of(1)->window.closes_at_us, CLOSES + 5 * SECOND);
	cr_expect_eq(windows_earlier_receipts(windows), 2);
	end();
}

Test(durable, a_change_without_its_first_answer_is_the_first)
{
	cr_assert_eq(arm_of(&tenants[0], 1, true), 0);
	put((struct record_vote){.voter = 1, .choice = 1, .revision = 3, .changed = 1});
	put((struct record_vote){.voter = 2, .choice = 0, .revision = 2, .changed = 1});
	put((struct record_vote){.voter = 2, .choice = 1});
	live_again();
	expect_sum(1, 2, 1, 1, 1);
	end();
}

Test(durable, a_second_answer_is_not_counted)
{
	arm(1);
	put((struct record_vote){.voter = 1, .choice = 1});
	put((struct record_vote){.voter = 1, .choice = 0});
	live_again();
	expect_sum(1, 1, 0, 0, 1);
	end();
}

Test(durable, votes_of_windows_that_went_are_not_counted)
{
	arm(1);
	put((struct record_vote){.voter = 1});
	cr_assert_eq(take_out(1), 0, "%s", err.text);
	arm(1);
	put((struct record_vote){.voter = 2, .choice = 1});
	live_again();
	expect_sum(1, 1, 0, 0, 1);
	end();
}

/* Its last counts were kept, and the machine came up with a clock of last week. */
Test(durable, what_was_final_stays_it_though_the_clock_goes_back)
{
	arm(1);
	arm(2);
	put((struct record_vote){.voter = 1});
	struct tally_lane *lane = tally_lane(&window_of(1)->store.tally, 0);
	tally_add(&lane->receipts[RECEIPT_LATE], 9);
	set_clock(FINAL);
	expect_sum(1, 0, 0, 0, 0); /* the vote was cast by nobody here */
	end();
	set_clock(NOW);
	begin();
	cr_expect_eq(state_of(1), WINDOW_FINAL);
	cr_expect_eq(state_of(2), WINDOW_FINAL, "by the time of the last event");
	struct tally_sum sum;
	windows_sum(windows, window_of(1), now_us, &sum);
	cr_expect_eq(sum.receipts[RECEIPT_LATE], 9);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], 1);
	end();
}

Test(durable, votes_whose_receipts_did_not_wait_are_remembered)
{
	arm(1);
	arm(2);
	put((struct record_vote){.voter = 1, .interaction = 1});
	end();
	options.immediate = true;
	begin();
	put((struct record_vote){.voter = 2, .interaction = 2});
	end();
	options.immediate = false;
	begin();
	cr_expect(!window_of(1)->immediate);
	cr_expect(window_of(2)->immediate);
	end();
}

/* ---- Commands that cannot be kept ---- */

static int close_it(void)
{
	return windows_close(windows, window_of(1), now_us, &err);
}

static int extend_it(void)
{
	return windows_extend(windows, window_of(1), SECOND, now_us, &err);
}

static int cancel_it(void)
{
	return windows_cancel(windows, window_of(1), now_us, &err);
}

static int arm_another(void)
{
	return arm_of(&tenants[0], 2, false);
}

static int take_it_out(void)
{
	return take_out(1);
}

static int put_another_in_its_place(void)
{
	struct armed_window *out[] = {window_of(1)};
	struct interaction poll = poll_of(&tenants[0], 1, true);
	const struct windows_change wanted = {
		.out = out, .out_count = 1, .interactions = &poll, .count = 1};
	int rc = windows_replace(windows, &wanted, &err);
	interaction_free(&poll);
	return rc;
}

static void expect_as_before(const char *what)
{
	cr_expect_eq(windows_count(windows), 1, "%s", what);
	cr_expect_eq(state_of(1), WINDOW_OPEN, "%s", what);
	cr_expect_eq(window_of(1)->window.closes_at_us, CLOSES, "%s", what);
	cr_expect(!window_of(1)->interaction.revote, "%s", what);
}

static const struct {
	const char *what;
	int (*command)(void);
} commands[] = {
	{"close", close_it},   {"extend", extend_it},   {"cancel", cancel_it},
	{"open", arm_another}, {"unload", take_it_out}, {"load", put_another_in_its_place},
};

Test(durable, a_command_that_the_disk_does_not_take_in_time_did_not_happen)
{
	arm(1);
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		end();
		options.wait_ms = 1;
		begin();
		__atomic_store_n(&sim.stalls, true, __ATOMIC_RELEASE);
		cr_expect_eq(commands[i].command(), -ETIMEDOUT, "%s", commands[i].what);
		cr_expect_not_null(strstr(err.text, "nothing has changed"), "%s", err.text);
		expect_as_before(commands[i].what);
		__atomic_store_n(&sim.stalls, false, __ATOMIC_RELEASE);
		end();
		options.wait_ms = 0;
		begin();
		expect_as_before(commands[i].what);
	}
	end();
}

Test(durable, a_command_that_cannot_be_kept_did_not_happen)
{
	arm(1);
	put((struct record_vote){.voter = 1, .choice = 1});
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		live_again();
		sim.fail_percent = 100;
		cr_expect_lt(commands[i].command(), 0, "%s", commands[i].what);
		cr_expect_not_null(strstr(err.text, "Input/output error"), "%s", err.text);
		expect_as_before(commands[i].what);
		cr_expect_lt(commands[i].command(), 0, "%s again", commands[i].what);
		sim.fail_percent = 0;
		journal_resume(durable_journal(kept.durable));
		cr_expect_eq(durable_note_key(kept.durable, 7, 1, true, &err), 0, "%s", err.text);
		expect_as_before(commands[i].what);
		live_again();
		expect_as_before(commands[i].what);
		expect_sum(1, 1, 0, 0, 1);
	}
	end();
}

Test(durable, stats_say_where_it_is_and_what_is_wrong)
{
	const char *directory, *ack;
	int windows_back, counted;
	json_t *failed;
	arm(1);
	put((struct record_vote){.voter = 1});
	live_again();
	json_t *stats = durable_stats(kept.durable);
	cr_assert_eq(json_unpack(stats, "{s:s,s:s,s:o,s:{s:i,s:i}}", "directory", &directory, "ack",
				 &ack, "failed", &failed, "recovered", "windows", &windows_back,
				 "counted", &counted),
		     0);
	cr_expect_str_eq(directory, "simulated");
	cr_expect_str_eq(ack, "durable");
	cr_expect(json_is_null(failed));
	cr_expect(windows_back == 1 && counted == 1);
	json_decref(stats);
	sim.fail_percent = 100;
	cr_expect_lt(close_it(), 0);
	stats = durable_stats(kept.durable);
	const char *why = json_string_value(json_object_get(stats, "failed"));
	cr_expect(why && strstr(why, "Input/output error"));
	cr_expect_eq(json_integer_value(json_object_get(stats, "failures")), 1);
	json_decref(stats);
	sim.fail_percent = 0;
	journal_resume(durable_journal(kept.durable));
	end();
}

/* ---- Starts that are refused ---- */

Test(durable, a_tenant_that_the_keyring_lacks_is_missed)
{
	cr_assert_eq(arm_of(&tenants[1], 101, false), 0);
	end();
	keyring.tenant_count = 1;
	expect_refused(-ENOENT, "1 windows are of tenants that the keyring lacks, the first is "
				"8/101 of zoo; put the tenant back");
	keyring.tenant_count = 2;
	tenants[1].id = 9;
	expect_refused(-ENOENT, "8/101 of zoo");
	tenants[1].id = 8;
	begin();
	struct armed_window *out[] = {windows_find(windows, 8, 101)};
	const struct windows_change wanted = {.out = out, .out_count = 1};
	cr_assert_eq(windows_replace(windows, &wanted, &err), 0);
	end();
	keyring.tenant_count = 1;
	begin();
	cr_expect_eq(windows_count(windows), 0);
	end();
}

Test(durable, a_vote_that_cannot_be_is_refused)
{
	static const struct record_vote wrong[] = {
		{.voter = 1, .choice = 2},
		{.voter = 1, .program_time_us = OPENS - 1},
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		arm(1);
		put(wrong[i]);
		end();
		expect_refused(-EPROTO, "a vote of acme/1 that its window cannot have taken; to "
					"start without it, move the directory");
		disk_sim_close(&sim);
		disk_sim_open(&sim, i);
		begin();
	}
	end();
}

Test(durable, a_vote_without_room_is_refused)
{
	arm(1);
	put((struct record_vote){.voter = 999});
	end();
	voters = 100;
	expect_refused(-EPROTO, "raise [windows] voters");
	voters = 1000;
	begin();
	expect_sum(1, 1, 0, 1, 0);
	end();
}

/* The last block says that those before it were durable. */
Test(durable, a_journal_that_has_lost_acknowledged_votes_is_refused)
{
	arm(1);
	put((struct record_vote){.voter = 1});
	cr_assert_eq(durable_note_key(kept.durable, 7, 1, true, &err), 0);
	cr_assert_eq(durable_note_key(kept.durable, 7, 2, true, &err), 0);
	end();
	disk_sim_file(&sim, 1)->now[2 * JOURNAL_PAGE_BYTES + 100] ^= 1;
	expect_refused(-EPROTO, "simulated/1: block 3 at 8192");
	disk_sim_file(&sim, 1)->now[2 * JOURNAL_PAGE_BYTES + 100] ^= 1;
	begin();
	expect_sum(1, 1, 0, 1, 0);
	end();
}

static void expect_directory_refused(const char *path, const char *says)
{
	options.directory = path;
	begin_life();
	cr_expect_null(kept.durable);
	cr_expect_not_null(strstr(err.text, path), "%s", err.text);
	cr_expect_not_null(strstr(err.text, says), "no '%s': %s", says, err.text);
	windows_destroy(windows);
}

Test(durable, a_directory_that_cannot_be_used_is_named)
{
	char path[PATH_MAX];
	end();
	options.disk = NULL;
	strcpy(path, scratch_path("no/journal"));
	expect_directory_refused(path, "cannot be made: No such file");
	strcpy(path, scratch_text("file", "x", 0600));
	expect_directory_refused(path, "Not a directory");
	expect_directory_refused("/proc/journal", "cannot be made");
	remove(path);
}

Test(durable, a_directory_is_one_process_s)
{
	char path[PATH_MAX];
	struct windows *first;
	struct kept other;
	end();
	strcpy(path, scratch_path("journal"));
	options.disk = NULL;
	options.directory = path;
	int rc = begin_life();
	if (rc == -EPERM || rc == -ENOSYS)
		cr_skip_test("%s", err.text);
	cr_assert_eq(rc, 0, "%s", err.text);
	arm(1);
	first = windows;
	other = kept;
	expect_refused(-EBUSY, "is another tallyd writing its journal there?");
	kept = other;
	windows = first;
	end();
	begin();
	cr_expect_eq(windows_count(windows), 1);
	end();
	scratch_clear("journal");
}
