// SPDX-License-Identifier: BSD-3-Clause
/*
 * capture → pipeline → results, in one thread. Every window is armed before the first packet; after
 * the last one the clock runs on until all windows are final.
 *
 * A ballot here has room for every voter number there is. Its memory is only reserved, and the
 * kernel gives pages as voters appear.
 */
#include "dataplane/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/capture_file.h"
#include "dataplane/clock.h"
#include "dataplane/core/pipeline.h"
#include "dataplane/show/clock_quality.h"
#include "dataplane/show/keyring.h"
#include "dataplane/show/results.h"
#include "dataplane/show/rundown.h"
#include "dataplane/window_results.h"
#include "dataplane/windows.h"

#define ALL_VOTERS    (1ull << 32)
#define FEWEST_VOTERS (1ull << 20)
/* Ethernet with two tags and the longest IPv4 packet; what lies beyond can only be padding. */
#define FRAME_MAX_BYTES (22 + 65535)
#define SLOT_BYTES      65600

struct replay {
	const struct replay_options *options;
	struct keyring keyring;
	struct rundown rundown;
	struct windows *windows;
	struct pipeline_counters counters;
	struct burst burst;
	uint8_t *slots; /* BURST_MAX frames of SLOT_BYTES: a burst outlives the next read */
};

/* Nobody else reads the table. */
static void nobody_to_wait_for(void *context)
{
	(void)context;
}

/* No capture of this size holds more votes: each comes with its headers. */
#define FEWEST_VOTE_BYTES (14 + 20 + 8 + VOTE_BYTES)
static uint64_t most_packets(const char *path)
{
	struct stat file;
	return stat(path, &file) == 0 ? (uint64_t)file.st_size / FEWEST_VOTE_BYTES : 0;
}

static int try_to_arm(struct replay *replay, uint64_t voters, struct err *err)
{
	const struct windows_options options = {
		.voters = voters,
		.fixed = true,
		.upvotes_per_voter = KIND_MAX_ITEMS,
		.upvotes = most_packets(replay->options->capture),
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.prefault = false,
		.quiesce = nobody_to_wait_for,
	};
	int rc = windows_create(&options, &replay->windows, err);
	if (rc)
		return rc;
	rc = windows_arm(replay->windows, replay->rundown.interactions, replay->rundown.count, err);
	if (rc) {
		windows_destroy(replay->windows);
		replay->windows = NULL;
	}
	return rc;
}

/*
 * Room for every voter number if the address space has it; many interactions, or a limit on the
 * process, may leave less. Voters beyond are answered busy, and the summary says so.
 */
static int arm_windows(struct replay *replay, struct replay_summary *summary, struct err *err)
{
	int rc = -ENOMEM;
	summary->voters = ALL_VOTERS * 2;
	while (rc == -ENOMEM && summary->voters > FEWEST_VOTERS) {
		summary->voters /= 2;
		rc = try_to_arm(replay, summary->voters, err);
	}
	return rc;
}

static void keep_packet(struct replay *replay, const struct captured_packet *packet)
{
	struct burst *burst = &replay->burst;
	uint32_t i = burst->count++;
	burst->data[i] = replay->slots + (size_t)i * SLOT_BYTES;
	burst->bytes[i] = packet->bytes < FRAME_MAX_BYTES ? packet->bytes : FRAME_MAX_BYTES;
	burst->arrival_us[i] = packet->stamp_ns / 1000;
	memcpy(burst->data[i], packet->data, burst->bytes[i]);
}

/* Fills the burst. Returns how many packets it holds, or a negative errno. */
static int read_burst(struct replay *replay, struct capture_file *file, struct err *err)
{
	struct captured_packet packet;
	int rc = 1;
	replay->burst.count = 0;
	while (replay->burst.count < BURST_MAX && (rc = capture_file_read(file, &packet, err)) == 1)
		keep_packet(replay, &packet);
	return rc < 0 ? rc : (int)replay->burst.count;
}

static int judge_capture(struct replay *replay, struct err *err)
{
	struct capture_file *file;
	const struct pipeline pipeline = {
		.keys = replay->keyring.table,
		.windows = *windows_published(replay->windows),
		.counters = &replay->counters,
		.vote_port_be = be16(replay->options->vote_port),
	};
	int count = capture_file_open(replay->options->capture, &file, err);
	if (count)
		return count;
	while ((count = read_burst(replay, file, err)) > 0)
		pipeline_run(&pipeline, &replay->burst);
	capture_file_close(file);
	return count;
}

/* Adds the window's result, and with the first quiz of its show that one's leaderboard. */
static bool add_result(struct replay *replay, struct armed_window *armed, uint64_t now_us,
		       struct results_parts *parts, struct replay_summary *summary)
{
	const struct results_wish wish = {.now_us = now_us, .top = BOARDS_DEFAULT_TOP};
	struct tally_sum sum;
	windows_sum(replay->windows, armed, now_us, &sum);
	summary->counted += sum.receipts[RECEIPT_COUNTED];
	if (json_array_append_new(parts->interactions,
				  window_results_one(replay->windows, armed, &wish, &sum)))
		return false;
	if (!boards_is_quiz(armed))
		return true;
	parts->has_quizzes = true;
	return boards_first_of_show(replay->windows, armed) != armed ||
	       window_results_add_leaderboard(replay->windows, armed, &wish, parts->leaderboards);
}

/* When the last window is final. */
static uint64_t end_us(const struct replay *replay)
{
	uint64_t end = 0;
	for (uint32_t i = 0; i < windows_count(replay->windows); i++) {
		uint64_t final_at_us = window_final_at_us(&windows_at(replay->windows, i)->window);
		end = final_at_us > end ? final_at_us : end;
	}
	return end;
}

static json_t *make_results(struct replay *replay, struct replay_summary *summary)
{
	struct datagram_counts counts = {.received = replay->counters.received};
	struct results_parts parts = {.interactions = json_array(), .leaderboards = json_array()};
	uint64_t now_us = end_us(replay);
	bool whole = true;
	memcpy(counts.verdicts, replay->counters.verdicts, sizeof(counts.verdicts));
	summary->packets = counts.received;
	for (uint32_t i = 0; i < windows_count(replay->windows) && whole; i++)
		whole = add_result(replay, windows_at(replay->windows, i), now_us, &parts, summary);
	parts.datagrams = results_datagrams(&counts, false);
	parts.clock = clock_quality_json(&clock_quality_of_capture);
	json_t *document = results_document(&parts);
	if (whole)
		return document;
	json_decref(document);
	return NULL;
}

static int write_results(const char *path, const json_t *document, struct err *err)
{
	if (!document)
		return err_set(err, -ENOMEM, "results: out of memory");
	if (strcmp(path, "-") != 0)
		return results_save(path, document, err);
	if (json_dumpf(document, stdout, JSON_INDENT(2)) || putchar('\n') == EOF || fflush(stdout))
		return err_set(err, -EIO, "standard output: cannot be written: %s",
			       strerror(errno));
	return 0;
}

static int run_loaded(struct replay *replay, struct replay_summary *summary, struct err *err)
{
	int rc = arm_windows(replay, summary, err);
	if (rc)
		return rc;
	uint64_t begin_us = clock_now_us();
	rc = judge_capture(replay, err);
	summary->elapsed_us = clock_now_us() - begin_us;
	if (rc)
		return rc;
	json_t *document = make_results(replay, summary);
	rc = write_results(replay->options->results, document, err);
	json_decref(document);
	return rc;
}

int replay_run(const struct replay_options *options, struct replay_summary *summary,
	       struct err *err)
{
	memset(summary, 0, sizeof(*summary));
	struct replay *replay = aligned_alloc(64, sizeof(*replay));
	uint8_t *slots = malloc((size_t)BURST_MAX * SLOT_BYTES);
	int rc = 0;
	if (!replay || !slots) {
		rc = err_set(err, -ENOMEM, "replay: out of memory");
		goto out;
	}
	memset(replay, 0, sizeof(*replay));
	replay->options = options;
	replay->slots = slots;
	rc = keyring_load(options->keyring, &replay->keyring, err);
	if (rc)
		goto out;
	rc = rundown_load(options->rundown, &replay->keyring, &replay->rundown, err);
	if (rc)
		goto err_keyring_free;
	rc = run_loaded(replay, summary, err);
	windows_destroy(replay->windows);
	rundown_free(&replay->rundown);
err_keyring_free:
	keyring_free(&replay->keyring);
out:
	free(slots);
	free(replay);
	return rc;
}
