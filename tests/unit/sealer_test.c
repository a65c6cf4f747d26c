// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is sealed when: not before it is final, not while it cannot be, again later, and never
 * twice. Time is handed in. The journal is a real one, in a directory of its own.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "dataplane/audit.h"
#include "dataplane/clock.h"
#include "dataplane/core/cast.h"
#include "dataplane/sealer.h"
#include "tests/lib/scratch.h"

#define FOLDER   "acme-101-20231114T221340Z"
#define OPENS_US 1700000000000000ull
#define FINAL_US (OPENS_US + 21000000)

static struct tenant acme = {.id = 7, .name = "acme"};
static const struct keyring tenants = {.tenants = &acme, .tenant_count = 1};
static struct windows *windows;
static struct durable *durable;
static struct sealer *sealer;
static struct err err;
static uint64_t missed;
static struct journal_keep journal_keep;

static uint64_t count_missed(void *context)
{
	(void)context;
	return missed;
}

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static void start(void)
{
	static bool before;
	const struct windows_options windows_options = {
		.voters = 1000,
		.upvotes_per_voter = 8,
		.upvotes = UINT64_MAX,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.missed = count_missed,
		.quiesce = nobody_to_wait_for,
		.seals = true,
	};
	static char journal[PATH_MAX], results[PATH_MAX], key[PATH_MAX];
	snprintf(journal, sizeof(journal), "%s", scratch_path("journal"));
	snprintf(results, sizeof(results), "%s", scratch_path("results"));
	snprintf(key, sizeof(key), "%s", scratch_path("key"));
	const struct durable_options durable_options = {
		.directory = journal, .workers = 1, .segment_bytes = 1 << 20};
	const struct sealer_options sealer_options = {results, key, {0, 0}, journal, journal_keep};
	clock_start();
	cr_assert_eq(windows_create(&windows_options, &windows, &err), 0);
	int rc = durable_open(&durable_options, &tenants, windows, &durable, &err);
	if (!before && (rc == -EPERM || rc == -ENOSYS)) { /* the machine forbids io_uring */
		scratch_remove();
		cr_skip_test("%s", err.text);
	}
	cr_assert_eq(rc, 0, "%s", err.text);
	before = true;
	cr_assert_eq(sealer_open(&sealer_options, windows, durable, &sealer, &err), 0, "%s",
		     err.text);
}

static void stop(void)
{
	sealer_close(sealer);
	cr_assert_eq(durable_stop(durable, &err), 0, "%s", err.text);
	durable_close(durable);
	windows_destroy(windows);
}

static void set_up(void)
{
	scratch_make();
	start();
}

static void tear_down(void)
{
	char command[PATH_MAX + 16];
	stop();
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch_directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(sealer, .init = set_up, .fini = tear_down);

static struct armed_window *arm_at(uint64_t opens_at_us)
{
	struct interaction interaction = {
		.tenant = &acme,
		.id = 101,
		.rules = {.kind = KIND_POLL, .options = 1},
		.question = strdup("Which colour?"),
		.labels = calloc(1, sizeof(char *)),
		.opens_at_us = opens_at_us,
		.duration_us = 20000000,
		.max_delay_us = 1000000,
	};
	interaction.labels[0] = strdup("Red");
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
	return windows_find(windows, 7, 101);
}

static struct armed_window *arm(void)
{
	return arm_at(OPENS_US);
}

/* Answers of so many voters, as a worker takes them. */
static void vote(const struct armed_window *armed, uint32_t voters)
{
	static struct burst burst;
	struct journal_ring *ring = journal_ring(durable_journal(durable), 0);
	journal_online(ring);
	burst.count = burst.room = voters;
	for (uint32_t i = 0; i < voters; i++) {
		const struct record_vote record = {
			.program_time_us = armed->window.opens_at_us,
			.voter = i,
			.interaction = 101,
			.tenant = 7,
		};
		burst.verdict[i] = VERDICT_NONE;
		burst.window[i] = &armed->window;
		burst.vote[i] = (struct vote){.program_time_us = record.program_time_us,
					      .interaction = 101,
					      .voter = i,
					      .tenant = 7};
		journal_put(ring, &record);
	}
	cast_burst(&burst);
	cast_count(&burst, 0);
	journal_report(ring);
	journal_offline(ring);
}

/* The audit of a folder finds so many votes, and no difference. */
static void expect_certified(const char *folder, uint64_t votes)
{
	static char path[PATH_MAX], journal[PATH_MAX];
	struct audit_report report;
	snprintf(path, sizeof(path), "%s/results/%s", scratch_directory, folder);
	snprintf(journal, sizeof(journal), "%s", scratch_path("journal"));
	const struct audit_options options = {path, journal, NULL};
	cr_assert_eq(audit_run(&options, &report, &err), 0, "%s", err.text);
	char *lines = json_dumps(report.differences, 0);
	cr_expect_str_eq(lines, "[]", "%s: %s", folder, lines);
	cr_expect_eq(report.votes, votes);
	free(lines);
	audit_free(&report);
}

/* Steps at this monotonic time until nothing is under way. */
static void seal(uint64_t monotonic_us)
{
	while (sealer_step(sealer, FINAL_US, monotonic_us))
		usleep(1000);
}

static json_int_t stat_of(const char *name)
{
	json_t *stats = sealer_stats(sealer);
	json_int_t value = json_integer_value(json_object_get(stats, name));
	json_decref(stats);
	return value;
}

static json_t *result(void)
{
	json_t *document = json_load_file(scratch_path("results/" FOLDER "/result.json"), 0, NULL);
	cr_assert_not_null(document);
	return document;
}

static int take_out(struct armed_window *armed)
{
	const struct windows_change change = {.out = &armed, .out_count = 1};
	return windows_replace(windows, &change, &err);
}

Test(sealer, a_window_is_sealed_once_it_is_final)
{
	arm();
	windows_settle(windows, FINAL_US - 1);
	seal(0);
	cr_expect_eq(stat_of("sealed"), 0);
	windows_settle(windows, FINAL_US);
	seal(0);
	cr_expect_eq(stat_of("sealed"), 1);
	cr_expect_eq(stat_of("waiting"), 0);
	json_decref(result());
	seal(0);
	cr_expect_eq(stat_of("sealed"), 1);
}

Test(sealer, what_was_sealed_in_an_earlier_life_is_not_sealed_again)
{
	arm();
	windows_settle(windows, FINAL_US);
	seal(0);
	stop();
	start();
	cr_assert_eq(windows_count(windows), 1);
	seal(0);
	cr_expect_eq(stat_of("sealed"), 0);
	cr_expect_eq(stat_of("waiting"), 0);
}

Test(sealer, what_was_not_sealed_in_time_is_sealed_after_a_restart)
{
	arm();
	windows_settle(windows, FINAL_US);
	stop();
	start();
	seal(0);
	cr_expect_eq(stat_of("sealed"), 1);
	json_decref(result());
}

Test(sealer, of_two_windows_with_one_id_each_audit_counts_its_own)
{
	struct armed_window *armed = arm();
	vote(armed, 3);
	windows_settle(windows, FINAL_US);
	seal(0);
	cr_assert_eq(take_out(armed), 0, "%s", err.text);
	stop();
	start();
	armed = arm_at(OPENS_US - 2000000);
	vote(armed, 5);
	windows_settle(windows, FINAL_US);
	seal(0);
	expect_certified(FOLDER, 3);
	expect_certified("acme-101-20231114T221338Z", 5);
	/* It is all in the segments that its manifest names. */
	cr_assert_eq(unlink(scratch_path("journal/0000000000000001.journal")), 0);
	expect_certified("acme-101-20231114T221338Z", 5);
}

Test(sealer, a_failure_is_told_and_tried_again_later)
{
	struct armed_window *armed = arm();
	cr_assert_eq(rmdir(scratch_path("results")), 0);
	windows_settle(windows, FINAL_US);
	seal(1000);
	cr_expect_eq(stat_of("failures"), 1);
	cr_expect_eq(stat_of("waiting"), 1);
	json_t *stats = sealer_stats(sealer);
	cr_expect_not_null(strstr(json_string_value(json_object_get(stats, "failed")),
				  "results: cannot be used: No such file"));
	json_decref(stats);
	seal(1000 + SEALER_RETRY_FIRST_US - 1);
	cr_expect_eq(stat_of("failures"), 1, "too soon");
	seal(1000 + SEALER_RETRY_FIRST_US);
	cr_expect_eq(stat_of("failures"), 2);
	cr_expect_eq(armed->seal, SEAL_FAILED);
	cr_assert_eq(mkdir(scratch_path("results"), 0700), 0);
	seal(1000 + 2 * SEALER_RETRY_FIRST_US);
	cr_expect_eq(stat_of("sealed"), 0, "it waits twice as long then");
	seal(1000 + 3 * SEALER_RETRY_FIRST_US);
	cr_expect_eq(stat_of("sealed"), 1);
	stats = sealer_stats(sealer);
	cr_expect(json_is_null(json_object_get(stats, "failed")));
	json_decref(stats);
}

Test(sealer, a_window_goes_out_when_it_is_sealed_or_that_has_failed)
{
	struct armed_window *armed = arm();
	windows_settle(windows, FINAL_US);
	cr_expect_eq(take_out(armed), -EPERM);
	cr_expect_str_eq(err.text, "acme/101: its result is being sealed; try again in a moment");
	seal(0);
	cr_expect_eq(take_out(armed), 0, "%s", err.text);
	armed = arm();
	windows_settle(windows, FINAL_US);
	seal(0); /* the folder is there already */
	cr_expect_eq(armed->seal, SEAL_FAILED);
	armed->being_sealed = true;
	cr_expect_eq(take_out(armed), -EPERM);
	armed->being_sealed = false;
	cr_expect_eq(take_out(armed), 0, "%s", err.text);
}

Test(sealer, a_window_that_has_no_answers_yet_may_go)
{
	cr_expect_eq(take_out(arm()), 0, "%s", err.text);
}

Test(sealer, latecomers_and_a_reveal_are_no_part_of_it)
{
	struct armed_window *armed = arm();
	windows_settle(windows, FINAL_US);
	tally_lane(&armed->store.tally, 0)->receipts[RECEIPT_LATE] += 5;
	cr_assert_eq(windows_reveal(windows, armed, FINAL_US, &err), 0, "%s", err.text);
	seal(0);
	json_t *document = result();
	const json_t *of = json_array_get(json_object_get(document, "interactions"), 0);
	const json_t *receipts = json_object_get(of, "receipts");
	cr_expect_str_eq(json_string_value(json_object_get(of, "state")), "final");
	cr_expect_eq(json_integer_value(json_object_get(receipts, "late")), 0);
	cr_expect(armed->window.revealed);
	json_decref(document);
}

Test(sealer, packets_missed_before_it_may_have_votes_are_not_counted)
{
	missed = 5;
	struct armed_window *armed = arm();
	missed = 7;
	windows_note_missed(windows, OPENS_US - 1000000);
	missed = 10;
	windows_note_missed(windows, OPENS_US);
	windows_settle(windows, FINAL_US);
	cr_expect_eq(armed->missed, 3);
	missed = 20;
	seal(0);
	json_t *document = result();
	cr_expect_eq(json_integer_value(json_object_get(document, "missed")), 3);
	json_decref(document);
}

/* A start begins a segment of its own. */
static void live_on(int times)
{
	for (int i = 0; i < times; i++) {
		stop();
		start();
	}
}

static uint64_t lowest_segment(void)
{
	uint64_t lowest = UINT64_MAX;
	DIR *list = opendir(scratch_path("journal"));
	for (struct dirent *entry; (entry = readdir(list));) {
		uint64_t segment = strtoull(entry->d_name, NULL, 16);
		if (segment && segment < lowest)
			lowest = segment;
	}
	closedir(list);
	return lowest;
}

/* What a start does when ten days have gone by, with a journal that is kept for one. */
static void remove_old_segments(void)
{
	journal_keep.days = 1;
	live_on(1);
	uint64_t later_us = clock_now_us() + 10 * 86400000000ull;
	while (sealer_step(sealer, later_us, 0))
		usleep(1000);
}

Test(sealer, segments_go_when_all_in_them_is_sealed)
{
	struct audit_report report;
	char folder[PATH_MAX];
	vote(arm(), 5);
	windows_settle(windows, FINAL_US);
	seal(0);
	live_on(8);
	cr_expect_eq(lowest_segment(), 1);
	expect_certified(FOLDER, 5);
	remove_old_segments();
	cr_expect_gt(lowest_segment(), 1);
	live_on(1);
	cr_expect_eq(windows_count(windows), 0, "its sealed result is what is left of it");
	snprintf(folder, sizeof(folder), "%s/results/" FOLDER, scratch_directory);
	const struct audit_options options = {folder, scratch_path("journal"), NULL};
	cr_expect_eq(audit_run(&options, &report, &err), 0);
	char *lines = json_dumps(report.differences, 0);
	cr_expect_not_null(strstr(lines, "that part was removed"), "%s", lines);
	free(lines);
	audit_free(&report);
}

Test(sealer, segments_stay_while_a_window_that_began_there_is_not_sealed)
{
	live_on(4);
	vote(arm_at(clock_now_us()), 5);
	uint64_t armed_in = windows_find(windows, 7, 101)->armed_at.segment;
	live_on(8);
	cr_expect_leq(windows_find(windows, 7, 101)->armed_at.segment, armed_in);
	remove_old_segments();
	cr_expect_gt(lowest_segment(), 1);
	cr_expect_leq(lowest_segment(), armed_in);
	live_on(1);
	cr_assert_eq(windows_count(windows), 1);
	struct tally_sum sum;
	windows_sum(windows, windows_find(windows, 7, 101), clock_now_us(), &sum);
	cr_expect_eq(sum.receipts[RECEIPT_COUNTED], 5);
}
