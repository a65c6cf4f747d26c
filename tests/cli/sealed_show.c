// SPDX-License-Identifier: BSD-3-Clause
/*
 * Plays a show of all kinds without packets and without root: votes are cast and put into the
 * journal as a worker does it, windows become final, and are sealed. For tests of what is sealed.
 * Usage: sealed_show DIR [immediate|missed|other]
 * DIR gets `journal`, `results` and `identity.key`; who voted what, audit_test.sh knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "dataplane/core/cast.h"
#include "dataplane/sealer.h"

#define OPENS_US  1700000000000000ull /* long over */
#define EXIT_SKIP 77

static const char *const interactions[] = {
	"{'id':1,'kind':'poll','question':'A, \"b\"?','options':['Red','Green, light','Blue']}",
	"{'id':2,'kind':'poll','question':'Sure?','options':['Yes','No'],'revote':true}",
	"{'id':3,'kind':'multi','question':'Which?','options':['A','B','C','D']}",
	"{'id':4,'kind':'quiz','question':'Even?','options':['Yes','No'],'correct':[0]}",
	"{'id':5,'kind':'scale','question':'How?','min':1,'max':10}",
	"{'id':6,'kind':'upvote','question':'Song?','options':['A','B','C','D','E']}",
	"{'id':7,'kind':'upvote','question':'Songs?','options':[]}",
	"{'id':8,'kind':'reaction','question':'Mood?','options':['X','Y','Z'],'duration_ms':5000}",
};

#define INTERACTIONS (sizeof(interactions) / sizeof(interactions[0]))
#define MANY_ITEMS   2000

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 1000};
static const struct keyring tenants = {.tenants = &acme, .tenant_count = 1};
static struct windows *windows;
static struct journal_ring *ring;
static uint64_t missed;

static void must(int rc, const struct err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "sealed_show: %s\n", err->text);
	/* io_uring may be forbidden where tests run. */
	exit(rc == -EPERM || rc == -ENOSYS ? EXIT_SKIP : 1);
}

static uint64_t count_missed(void *context)
{
	(void)context;
	return missed;
}

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static json_t *interaction(const char *text)
{
	char *copy = strdup(text);
	for (char *at = copy; *at; at++)
		*at = *at == '\'' ? '"' : *at == '"' ? '\'' : *at;
	json_t *object = json_loads(copy, 0, NULL);
	json_t *options = json_object_get(object, "options");
	free(copy);
	json_object_set_new(object, "tenant", json_string("acme"));
	if (options && json_array_size(options) == 0)
		for (int i = 0; i < MANY_ITEMS; i++)
			json_array_append_new(options, json_sprintf("item %d", i));
	return object;
}

static void arm(void)
{
	struct interaction list[INTERACTIONS];
	struct err err;
	for (size_t i = 0; i < INTERACTIONS; i++) {
		json_t *object = interaction(interactions[i]);
		must(interaction_parse(object, "show", &tenants, OPENS_US, &list[i], &err), &err);
		json_decref(object);
	}
	must(windows_arm(windows, list, INTERACTIONS, &err), &err);
}

/* As a worker does it; program time is `after_us` after the opening. */
static void vote(uint32_t id, uint32_t voter, uint16_t choice, uint32_t revision, uint64_t after_us)
{
	static struct burst burst;
	const struct armed_window *armed = windows_find(windows, acme.id, id);
	memset(&burst, 0, sizeof(burst));
	burst.count = burst.room = 1;
	burst.window[0] = &armed->window;
	burst.vote[0] = (struct vote){
		.program_time_us = OPENS_US + after_us,
		.interaction = id,
		.voter = voter,
		.revision = revision,
		.tenant = acme.id,
		.choice = choice,
	};
	cast_burst(&burst);
	cast_count(&burst, 0);
	if (burst.verdict[0] == VERDICT_COUNTED || burst.verdict[0] == VERDICT_CHANGED) {
		while (journal_room(ring) == 0)
			journal_report(ring);
		const struct record_vote record = {
			.program_time_us = OPENS_US + after_us,
			.voter = voter,
			.interaction = id,
			.tenant = acme.id,
			.choice = choice,
			.revision = revision & 0xFFFFFF,
			.changed = burst.verdict[0] == VERDICT_CHANGED,
		};
		journal_put(ring, &record);
	}
	journal_report(ring);
}

static void cast_all(bool one_more)
{
	if (one_more)
		vote(1, 500000, 1, 0, 1);
	for (uint32_t v = 0; v < 3000; v++)
		vote(1, v < 2999 ? v : 900000, (uint16_t)(v % 3), 0, 1);
	vote(1, 5, 0, 0, 1); /* a duplicate */
	for (uint32_t v = 0; v < 100; v++)
		vote(2, v, 0, 0, 1);
	for (uint32_t v = 0; v < 50; v++)
		vote(2, v, 1, 1, 2);
	for (uint32_t v = 0; v < 1000; v++)
		vote(3, v, (uint16_t)(v % 15 + 1), 0, 1);
	for (uint32_t v = 0; v < 200; v++)
		vote(4, v, (uint16_t)(v % 2), 0, v * 1000);
	for (uint32_t v = 0; v < 100; v++)
		vote(5, v, (uint16_t)(v % 10 + 1), 0, 1);
	for (uint32_t v = 0; v < 100; v++) {
		vote(6, v, (uint16_t)(v % 5), 0, 1);
		vote(6, v, (uint16_t)((v + 1) % 5), 0, 1);
		vote(7, v, (uint16_t)(v * 10), 0, 1);
	}
	for (uint32_t v = 0; v < 60; v++)
		for (uint32_t second = 0; second < 2; second++)
			vote(8, v, (uint16_t)((v + second) % 3), 0, second * 1000000);
}

static void make_windows(void)
{
	struct err err;
	const struct windows_options options = {
		.voters = 1000000,
		.upvotes_per_voter = 8,
		.upvotes = UINT64_MAX,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.missed = count_missed,
		.quiesce = nobody_to_wait_for,
		.seals = true,
	};
	must(windows_create(&options, &windows, &err), &err);
}

static void seal_all(struct sealer *sealer)
{
	uint64_t now_us = clock_now_us();
	windows_settle(windows, now_us);
	for (uint32_t i = 0; i < INTERACTIONS;) {
		journal_report(ring);
		sealer_step(sealer, now_us, 0);
		if (windows_at(windows, i)->seal == SEAL_DUE)
			usleep(1000);
		else
			i++;
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";
	struct durable *durable;
	struct sealer *sealer;
	struct err err;
	if (argc < 2 || chdir(argv[1]) != 0)
		return 2;
	const struct durable_options durable_options = {
		.directory = "journal",
		.immediate = strcmp(how, "immediate") == 0,
		.workers = 1,
		.segment_bytes = 1 << 20,
	};
	const struct sealer_options sealer_options = {
		"results", "identity.key", {0, 0}, NULL, {0, 0}};
	clock_start();
	make_windows();
	must(durable_open(&durable_options, &tenants, windows, &durable, &err), &err);
	must(sealer_open(&sealer_options, windows, durable, &sealer, &err), &err);
	ring = journal_ring(durable_journal(durable), 0);
	arm(); /* waits for the journal, which would wait for a worker that is online */
	journal_online(ring);
	cast_all(strcmp(how, "other") == 0);
	missed = strcmp(how, "missed") == 0 ? 3 : 0;
	seal_all(sealer);
	journal_report(ring);
	journal_offline(ring);
	must(durable_stop(durable, &err), &err);
	sealer_close(sealer);
	durable_close(durable);
	windows_destroy(windows);
	return 0;
}
