// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is sealed when. Called by the control loop; work() alone runs in another thread, on a window
 * that is settled, and on a job that nobody else touches until `done`.
 */
#include "dataplane/sealer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/show/key_memory.h"
#include "dataplane/manifest.h"
#include "dataplane/show/clock_quality.h"
#include "dataplane/show/json_fields.h"

#define DAY_US 86400000000ull

/* One window, or none: then only old results are removed. */
struct job {
	pthread_t thread;
	bool running;
	bool done; /* set by the thread, with release */
	struct armed_window *armed;
	struct armed_window view; /* as it is now: a reveal may come while the thread reads */
	json_t *result;           /* result.json; the thread's while it runs */
	struct manifest manifest;
	char folder[SEALED_FOLDER_BYTES];
	uint64_t now_s;
	uint64_t journal_floor; /* segments below it may go */
	int rc;
	struct err err;
};

struct sealer {
	struct sealer_options options;
	struct windows *windows;
	struct durable *durable;
	struct identity identity;
	struct job job;
	uint64_t retry_at_us;
	uint64_t retry_us;
	uint64_t prune_at_us;
	uint64_t sealed;
	uint64_t failures;
	uint64_t waiting;
	struct err failure; /* empty: none */
};

int sealer_open(const struct sealer_options *options, struct windows *windows,
		struct durable *durable, struct sealer **result, struct err *err)
{
	struct sealer *sealer = key_memory_take(sizeof(*sealer)); /* it holds the secret half */
	if (!sealer)
		return err_set(err, -ENOMEM, "results: out of memory");
	int rc = key_memory_lock(sealer, sizeof(*sealer));
	if (rc) {
		key_memory_give(sealer, sizeof(*sealer));
		return err_set(err, rc, "%s: the memory of the key cannot be locked: %s; %s",
			       options->identity, strerror(-rc), KEY_MEMORY_REMEDY);
	}
	sealer->options = *options;
	sealer->windows = windows;
	sealer->durable = durable;
	rc = identity_open(options->identity, &sealer->identity, err);
	if (rc == 0)
		rc = sealed_dir_open(options->directory, err);
	if (rc) {
		sealer_close(sealer);
		return rc;
	}
	*result = sealer;
	return 0;
}

static int add_result(const json_t *result, struct sealed_files *files)
{
	char *text = json_fields_dump(result, JSON_INDENT(2));
	return sealed_add(files, SEALED_RESULT, text, text ? strlen(text) : 0);
}

static void make_files(const struct sealer *sealer, struct job *job)
{
	struct sealed_files files;
	job->rc = sealed_sets(&job->view, &files);
	if (job->rc == 0)
		job->rc = add_result(job->result, &files);
	if (job->rc == 0)
		job->rc = manifest_add(&job->manifest, &sealer->identity, &files);
	if (job->rc)
		err_set(&job->err, job->rc, "%s: no memory to seal it", job->folder);
	else
		job->rc =
			sealed_dir_write(sealer->options.directory, job->folder, &files, &job->err);
	sealed_free(&files);
}

/* The window is sealed all the same where that fails. */
static void remove_old(const struct sealer *sealer, const struct job *job)
{
	const struct sealer_options *options = &sealer->options;
	struct err err = {""};
	if (sealed_dir_prune(options->directory, &options->keep, job->now_s, &err) < 0)
		fprintf(stderr, "tallyd: %s\n", err.text);
	if (options->journal && journal_prune(options->journal, job->journal_floor,
					      &options->journal_keep, job->now_s, &err) < 0)
		fprintf(stderr, "tallyd: %s\n", err.text);
}

static void *work(void *context)
{
	struct sealer *sealer = context;
	struct job *job = &sealer->job;
	if (job->armed)
		make_files(sealer, job);
	if (job->rc == 0)
		remove_old(sealer, job);
	__atomic_store_n(&job->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void fail(struct sealer *sealer, const struct err *err, uint64_t monotonic_us)
{
	if (strcmp(sealer->failure.text, err->text) != 0)
		fprintf(stderr,
			"tallyd: %s; the result stays in memory, and is sealed when that can be "
			"done\n",
			err->text);
	sealer->failure = *err;
	sealer->failures++;
	sealer->retry_us = sealer->retry_us ? sealer->retry_us * 2 : SEALER_RETRY_FIRST_US;
	if (sealer->retry_us > SEALER_RETRY_MOST_US)
		sealer->retry_us = SEALER_RETRY_MOST_US;
	sealer->retry_at_us = monotonic_us + sealer->retry_us;
}

static void end_job(struct sealer *sealer, uint64_t monotonic_us)
{
	struct job *job = &sealer->job;
	pthread_join(job->thread, NULL);
	json_decref(job->result);
	if (job->armed) {
		job->armed->being_sealed = false;
		job->armed->seal = job->rc ? SEAL_FAILED : SEAL_DONE;
		sealer->sealed += job->rc == 0;
	}
	if (job->rc) {
		fail(sealer, &job->err, monotonic_us);
	} else if (job->armed) {
		sealer->failure.text[0] = '\0';
		sealer->retry_us = 0;
	}
	*job = (struct job){0};
}

/* What is not sealed needs the journal from its arming on, and so does the one of this job. */
static uint64_t journal_floor(const struct sealer *sealer)
{
	uint64_t floor = durable_floor(sealer->durable);
	for (uint32_t i = 0; i < windows_count(sealer->windows); i++) {
		const struct armed_window *armed = windows_at(sealer->windows, i);
		if (armed->seal != SEAL_DONE && armed->armed_at.segment < floor)
			floor = armed->armed_at.segment;
	}
	return floor;
}

/* False where no thread can be made. */
static bool begin_job(struct sealer *sealer, uint64_t now_us, uint64_t monotonic_us)
{
	struct job *job = &sealer->job;
	job->now_s = now_us / 1000000;
	job->journal_floor = journal_floor(sealer);
	job->running = pthread_create(&job->thread, NULL, work, sealer) == 0;
	if (job->running) {
		if (job->armed)
			job->armed->being_sealed = true;
		sealer->prune_at_us = monotonic_us + SEALER_PRUNE_US;
		return true;
	}
	json_decref(job->result);
	*job = (struct job){0};
	return false;
}

/* result.json: the one interaction, the clock, how durable it is. A new reference. */
static json_t *make_result(struct sealer *sealer, struct armed_window *armed, bool immediate)
{
	struct clock_quality quality;
	const char *durability = immediate ? "immediate" : "durable";
	clock_read_quality(&quality);
	json_t *result = sealed_result(sealer->windows, armed, durability);
	return json_pack("{s:[o],s:I,s:o,s:s}", "interactions", result, "missed",
			 (json_int_t)armed->missed, "clock", clock_quality_json(&quality),
			 "durability", durability);
}

static int prepare_job(struct sealer *sealer, struct armed_window *armed,
		       const struct windows_place *last, struct err *err)
{
	struct job *job = &sealer->job;
	bool immediate = armed->immediate || durable_is_immediate(sealer->durable);
	*job = (struct job){.armed = armed, .view = *armed};
	sealed_folder(armed, job->folder);
	manifest_describe(armed, immediate, last, &job->manifest);
	job->result = make_result(sealer, armed, immediate);
	return job->result ? 0 : err_set(err, -ENOMEM, "%s: no memory to seal it", job->folder);
}

/* In an earlier life it was sealed, and may have been removed since, being too old. */
static bool is_done(const struct sealer *sealer, const struct armed_window *armed, uint64_t now_us)
{
	char folder[SEALED_FOLDER_BYTES];
	uint64_t days = sealer->options.keep.days;
	if (!armed->maybe_sealed)
		return false;
	if (days && armed->window.closes_at_us + days * DAY_US < now_us)
		return true;
	sealed_folder(armed, folder);
	return sealed_dir_has(sealer->options.directory, folder);
}

/* The first window that is to be sealed; how many there are is noted. */
static struct armed_window *find_due(struct sealer *sealer, uint64_t now_us)
{
	struct armed_window *due = NULL;
	sealer->waiting = 0;
	for (uint32_t i = 0; i < windows_count(sealer->windows); i++) {
		struct armed_window *armed = windows_at(sealer->windows, i);
		if (!armed->settled || armed->seal == SEAL_DONE)
			continue;
		if (is_done(sealer, armed, now_us)) {
			armed->seal = SEAL_DONE;
			continue;
		}
		/* Others are not kept waiting by one that has failed. */
		if (!due || (due->seal == SEAL_FAILED && armed->seal == SEAL_DUE))
			due = armed;
		sealer->waiting++;
	}
	return due;
}

static int reach_mark(struct sealer *sealer, struct armed_window *armed, struct windows_place *last,
		      struct err *err)
{
	int rc = windows_keep_final(sealer->windows, armed, err);
	if (rc)
		return rc;
	if (!armed->seal_mark)
		armed->seal_mark = durable_mark(sealer->durable);
	return durable_reached(sealer->durable, armed->seal_mark, last, err);
}

static bool seal_next(struct sealer *sealer, struct armed_window *armed, uint64_t now_us,
		      uint64_t monotonic_us)
{
	struct windows_place last;
	struct err err = {""};
	int rc = reach_mark(sealer, armed, &last, &err);
	if (rc == -EAGAIN)
		return true;
	if (rc == 0)
		rc = prepare_job(sealer, armed, &last, &err);
	if (rc == 0 && begin_job(sealer, now_us, monotonic_us))
		return true;
	if (rc == 0)
		err_set(&err, -EAGAIN, "no thread to seal %s/%u with",
			armed->interaction.tenant->name, armed->interaction.id);
	armed->seal = SEAL_FAILED;
	fail(sealer, &err, monotonic_us);
	return false;
}

bool sealer_step(struct sealer *sealer, uint64_t now_us, uint64_t monotonic_us)
{
	struct job *job = &sealer->job;
	if (job->running && !__atomic_load_n(&job->done, __ATOMIC_ACQUIRE))
		return true;
	if (job->running)
		end_job(sealer, monotonic_us);
	struct armed_window *due = find_due(sealer, now_us);
	if (due && (due->seal == SEAL_DUE || monotonic_us >= sealer->retry_at_us))
		return seal_next(sealer, due, now_us, monotonic_us);
	if (!due && monotonic_us >= sealer->prune_at_us)
		return begin_job(sealer, now_us, monotonic_us);
	return false;
}

void sealer_close(struct sealer *sealer)
{
	if (!sealer)
		return;
	if (sealer->job.running)
		end_job(sealer, 0);
	identity_close(&sealer->identity);
	key_memory_give(sealer, sizeof(*sealer));
}

const struct identity *sealer_identity(const struct sealer *sealer)
{
	return &sealer->identity;
}

json_t *sealer_stats(const struct sealer *sealer)
{
	const char *failed = sealer->failure.text[0] ? sealer->failure.text : NULL;
	return json_pack("{s:s,s:I,s:I,s:s?,s:I}", "directory", sealer->options.directory, "sealed",
			 (json_int_t)sealer->sealed, "waiting", (json_int_t)sealer->waiting,
			 "failed", failed, "failures", (json_int_t)sealer->failures);
}
