// SPDX-License-Identifier: BSD-3-Clause
/*
 * A show replayed from its files against a slow and obvious model: a capture of random votes for
 * windows of all kinds, its keyring and its rundown go in; every number of the results that come
 * out must be the model's.
 *
 * TALLYWIRE_TEST_VOTES=… says how many votes. The seed is printed on failure;
 * TALLYWIRE_TEST_SEED=… repeats that run.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/receipt.h"
#include "dataplane/replay.h"
#include "tests/lib/scratch.h"
#include "tests/lib/show_files.h"
#include "tests/lib/show_plans.h"
#include "tests/lib/show_votes.h"
#include "tests/lib/stage.h"

#define SECOND 1000000ull

/* Most voters have low numbers: each that has not takes a page of memory in a window or more. */
enum { VOTES = 50000, VOTERS = 5000 };

struct sent {
	uint8_t bytes[VOTE_BYTES];
	uint64_t arrival_us;
};

static struct model model;
static struct show_votes votes;
static struct sent *sent;
static uint64_t count, seed;

/* A window's room is what --replay gives: as good as all there is. */
static void set_up(void)
{
	const char *asked = getenv("TALLYWIRE_TEST_VOTES");
	scratch_make();
	count = asked ? strtoull(asked, NULL, 0) : VOTES;
	seed = show_votes_seed();
	sent = calloc(count, sizeof(*sent));
	model_open(&model);
	for (uint32_t i = 0; i < SHOW_PLANS_KEYS; i++) {
		struct auth_key key =
			stage_default_key(show_plans_keys[i].tenant, show_plans_keys[i].epoch);
		model_add_key(&model, key.tenant, key.epoch, key.key);
	}
	for (uint32_t i = 0; i < show_plans_count; i++) {
		struct model_plan plan = show_plans[i];
		plan.voters = 1ull << 32;
		plan.pairs = UINT64_MAX;
		plan.seconds = 24;
		model_add_window(&model, &plan);
	}
	show_votes_open(&votes, &model, seed);
	votes.voters = VOTERS;
}

static void tear_down(void)
{
	free(sent);
	model_close(&model);
	scratch_remove();
}

/* Numbers of a file in the order of this machine, which the capture's magic tells. */
static void put(FILE *file, uint32_t number)
{
	if (fwrite(&number, sizeof(number), 1, file) != 1)
		abort();
}

/* Stamps have 32 bits of seconds: what would arrive later wraps. */
static void write_packet(FILE *file, struct sent *vote)
{
	static const struct envelope plain = {.ip_version = 4};
	uint8_t frame[ENVELOPE_MAX_BYTES];
	uint32_t bytes = envelope_wrap(&plain, vote->bytes, VOTE_BYTES, frame);
	vote->arrival_us %= (1ull << 32) * SECOND;
	put(file, (uint32_t)(vote->arrival_us / SECOND));
	put(file, (uint32_t)(vote->arrival_us % SECOND));
	put(file, bytes);
	put(file, bytes);
	if (fwrite(frame, bytes, 1, file) != 1)
		abort();
}

static void write_capture(void)
{
	static const uint32_t header[] = {0xA1B2C3D4, 4u << 16 | 2, 0, 0, 65535, 1};
	FILE *file = fopen(scratch_path("votes.pcap"), "w");
	for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++)
		put(file, header[i]);
	for (uint64_t i = 0; i < count; i++) {
		show_votes_next(&votes, sent[i].bytes, &sent[i].arrival_us);
		write_packet(file, &sent[i]);
	}
	cr_assert_eq(fclose(file), 0);
}

static void write_json(const char *name, json_t *json)
{
	char *text = json_dumps(json, 0);
	scratch_text(name, text, 0600);
	free(text);
	json_decref(json);
}

static void write_files(void)
{
	json_t *interactions = json_array();
	for (uint32_t i = 0; i < model.window_count; i++)
		json_array_append_new(interactions, show_files_interaction(&model.windows[i].plan));
	write_json("rundown.json",
		   json_pack("{ss so}", "show", "all kinds", "interactions", interactions));
	write_json("keyring.json", show_files_keyring(&model));
	write_capture();
}

static json_t *replay(void)
{
	static char paths[4][PATH_MAX];
	static const char *const names[] = {"votes.pcap", "keyring.json", "rundown.json",
					    "results.json"};
	struct replay_summary summary;
	struct err err;
	json_error_t where;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		strcpy(paths[i], scratch_path(names[i]));
	const struct replay_options options = {
		.capture = paths[0],
		.keyring = paths[1],
		.rundown = paths[2],
		.results = paths[3],
		.vote_port = ENVELOPE_VOTE_PORT,
	};
	cr_assert_eq(replay_run(&options, &summary, &err), 0, "%s", err.text);
	cr_assert_eq(summary.packets, count);
	cr_assert_eq(summary.voters, 1ull << 32, "too little memory for this test");
	json_t *results = json_load_file(paths[3], 0, &where);
	cr_assert_not_null(results, "%s", where.text);
	return results;
}

static uint64_t datagrams(const json_t *results, const char *member)
{
	const json_t *counts = json_object_get(results, "datagrams");
	return (uint64_t)json_integer_value(json_object_get(counts, member));
}

static void expect_same(const json_t *results)
{
	const json_t *interactions = json_object_get(results, "interactions");
	cr_assert_eq(json_array_size(interactions), model.window_count);
	for (uint32_t i = 0; i < model.window_count; i++) {
		const char *wrong =
			show_files_same_result(&model.windows[i], json_array_get(interactions, i));
		cr_expect_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
	}
	const char *wrong =
		show_files_same_leaderboards(&model, json_object_get(results, "leaderboards"));
	cr_expect_null(wrong, "seed %lu: %s", seed, wrong ? wrong : "");
	cr_expect_eq(datagrams(results, "received"), count, "seed %lu", seed);
	for (enum verdict v = VERDICT_PASSED; v <= VERDICT_UNKNOWN; v++)
		cr_expect_eq(datagrams(results, verdict_name(v)), model.verdicts[v], "seed %lu: %s",
			     seed, verdict_name(v));
}

Test(replay_model, results_are_the_models, .init = set_up, .fini = tear_down, .timeout = 600)
{
	uint8_t receipt[VOTE_BYTES];
	write_files();
	json_t *results = replay();
	for (uint64_t i = 0; i < count; i++)
		model_judge(&model, sent[i].bytes, sent[i].arrival_us, receipt);
	expect_same(results);
	json_decref(results);
}
