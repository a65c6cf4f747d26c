// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: a sealed result, good once, of which bytes change the files, with the manifest's
 * hashes and signature as they were or made anew by somebody else; then it is read and counted
 * again as `tallyctl audit` does. Its journal is a real one, written at the first run.
 *
 * Whatever was changed: the audit ends, with lines and not with an error; what was changed behind
 * the signature differs; and what another key signed is not certified as the appliance's own, nor
 * are sets that are not the journal's.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/audit.h"
#include "dataplane/clock.h"
#include "dataplane/core/cast.h"
#include "dataplane/sealer.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/must.h"
#include "tests/lib/scratch.h"

#define OPENS_US  1700000000000000ull /* long over */
#define MAX_FILES 16
#define EXIT_SKIP 77
#define ROOM      65536

static struct tenant acme = {.id = 7, .name = "acme", .max_delay_ms = 1000};
static const struct keyring tenants = {.tenants = &acme, .tenant_count = 1};
static struct windows *windows;
static struct journal_ring *ring;

static char folder[PATH_MAX + SEALED_FOLDER_BYTES], journal[PATH_MAX], results[PATH_MAX];
static uint8_t own_identity[IDENTITY_PUBLIC_BYTES];
static struct identity stranger;

/* The files as they were sealed, and as this run has them. */
static struct file {
	char name[SEALED_NAME_BYTES];
	size_t count, now_count;
	uint8_t bytes[ROOM], now[ROOM];
} files[MAX_FILES];
static uint32_t file_count;

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static void clean_up(void)
{
	char command[PATH_MAX + 16];
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch_directory);
	if (system(command) != 0)
		fprintf(stderr, "sealed_fuzz: %s is left\n", scratch_directory);
}

static void arm(void)
{
	static const char *const texts[] = {
		"{\"tenant\":\"acme\",\"id\":1,\"kind\":\"poll\",\"question\":\"?\",\"options\":"
		"[\"a\",\"b\"],\"duration_ms\":20000}",
	};
	struct interaction interaction;
	struct err err;
	json_t *json = json_loads(texts[0], 0, NULL);
	MUST(interaction_parse(json, "sealed", &tenants, OPENS_US, &interaction, &err) == 0);
	json_decref(json);
	MUST(windows_arm(windows, &interaction, 1, &err) == 0);
}

/* As a worker does it. */
static void vote(uint32_t voter, uint16_t choice)
{
	static struct burst burst;
	memset(&burst, 0, sizeof(burst));
	burst.count = burst.room = 1;
	burst.window[0] = &windows_at(windows, 0)->window;
	burst.vote[0] = (struct vote){.program_time_us = OPENS_US + 1,
				      .interaction = 1,
				      .voter = voter,
				      .tenant = acme.id,
				      .choice = choice};
	cast_burst(&burst);
	cast_count(&burst, 0);
	const struct record_vote record = {.program_time_us = OPENS_US + 1,
					   .voter = voter,
					   .interaction = 1,
					   .tenant = acme.id,
					   .choice = choice};
	journal_put(ring, &record);
	journal_report(ring);
}

static void seal(struct sealer *sealer)
{
	uint64_t now_us = clock_now_us();
	windows_settle(windows, now_us);
	while (windows_at(windows, 0)->seal == SEAL_DUE) {
		journal_report(ring);
		sealer_step(sealer, now_us, 0);
		usleep(1000);
	}
	MUST(windows_at(windows, 0)->seal == SEAL_DONE);
}

static void make_windows(void)
{
	struct err err;
	const struct windows_options options = {
		.voters = 1000,
		.upvotes_per_voter = 1,
		.upvotes = 1,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
		.seals = true,
	};
	clock_start();
	MUST(windows_create(&options, &windows, &err) == 0);
}

static void open_journal(struct durable **durable)
{
	struct err err;
	const struct durable_options options = {
		.directory = journal, .workers = 1, .segment_bytes = 1 << 20};
	int rc = durable_open(&options, &tenants, windows, durable, &err);
	if (rc == -EPERM || rc == -ENOSYS) { /* the machine forbids io_uring */
		printf("SKIP: %s\n", err.text);
		fflush(stdout);
		clean_up();
		_exit(EXIT_SKIP); /* libFuzzer takes exit() for a fault */
	}
	MUST(rc == 0);
}

static void play_show(void)
{
	struct durable *durable;
	struct sealer *sealer;
	struct err err;
	char key[PATH_MAX];
	snprintf(key, sizeof(key), "%s", scratch_path("key"));
	const struct sealer_options options = {results, key, {0, 0}, NULL, {0, 0}};
	make_windows();
	open_journal(&durable);
	MUST(sealer_open(&options, windows, durable, &sealer, &err) == 0);
	memcpy(own_identity, sealer_identity(sealer)->public, sizeof(own_identity));
	ring = journal_ring(durable_journal(durable), 0);
	arm(); /* waits for the journal, which would wait for a worker that is online */
	journal_online(ring);
	for (uint32_t voter = 0; voter < 100; voter++)
		vote(voter, voter % 3 == 0);
	seal(sealer);
	sealed_folder(windows_at(windows, 0), folder + strlen(folder));
	journal_offline(ring);
	MUST(durable_stop(durable, &err) == 0);
	sealer_close(sealer);
	durable_close(durable);
	windows_destroy(windows);
}

static void load_file(const char *name)
{
	struct file *file = &files[file_count++];
	struct err err;
	char *bytes;
	MUST(file_count <= MAX_FILES && strlen(name) < sizeof(file->name));
	strcpy(file->name, name);
	MUST(sealed_dir_read(folder, name, ROOM, &bytes, &file->count, &err) == 0);
	memcpy(file->bytes, bytes, file->count);
	free(bytes);
}

static void begin(void)
{
	struct err err;
	struct dirent **entries;
	if (access("/dev/shm", W_OK) == 0)
		strcpy(scratch_directory, "/dev/shm/tallywire-XXXXXX");
	scratch_make();
	atexit(clean_up);
	strcpy(journal, scratch_path("journal"));
	strcpy(results, scratch_path("results"));
	strcpy(folder, results);
	strcat(folder, "/");
	play_show();
	MUST(identity_open(scratch_path("stranger"), &stranger, &err) == 0);
	int count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			load_file(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	MUST(file_count >= 4);
}

static struct file *file_named(const char *name)
{
	for (uint32_t i = 0; i < file_count; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	abort();
}

/* Changes some bytes of a file, cuts it, or adds to it. */
static void patch(struct input *input, struct file *file)
{
	uint8_t how = take8(input);
	for (uint32_t left = how & 7; left && file->now_count; left--) {
		uint32_t at = take16(input) % (uint32_t)file->now_count;
		file->now[at] = take8(input);
	}
	if (how & 0x08)
		file->now_count = take16(input) % (uint32_t)(file->now_count + 1);
	if (how & 0x10)
		file->now_count += take_bytes(input, file->now + file->now_count, 16);
}

/* A manifest that fits the files as they are now, signed by somebody who is not the appliance. */
static void seal_again(void)
{
	struct manifest manifest;
	struct sealed_files now = {0};
	struct err err;
	struct file *text = file_named(MANIFEST_NAME), *signature = file_named(MANIFEST_SIGNATURE);
	MUST(manifest_parse((char *)text->bytes, text->count, &manifest, &err) == 0);
	for (uint32_t i = 0; i < file_count; i++) {
		char *copy = malloc(files[i].now_count + 1);
		if (&files[i] == text || &files[i] == signature) {
			free(copy);
			continue;
		}
		memcpy(copy, files[i].now, files[i].now_count);
		MUST(sealed_add(&now, files[i].name, copy, files[i].now_count) == 0);
	}
	MUST(manifest_add(&manifest, &stranger, &now) == 0);
	text->now_count = now.file[now.count - 2].count;
	memcpy(text->now, now.file[now.count - 2].bytes, text->now_count);
	signature->now_count = now.file[now.count - 1].count;
	memcpy(signature->now, now.file[now.count - 1].bytes, signature->now_count);
	sealed_free(&now);
	manifest_free(&manifest);
}

static bool is_changed(const struct file *file)
{
	return file->count != file->now_count || memcmp(file->bytes, file->now, file->count) != 0;
}

static void write_files(void)
{
	int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (uint32_t i = 0; i < file_count; i++) {
		int fd = openat(directory, files[i].name, O_WRONLY | O_TRUNC | O_CLOEXEC);
		MUST(fd >= 0);
		MUST(write(fd, files[i].now, files[i].now_count) == (ssize_t)files[i].now_count);
		close(fd);
	}
	close(directory);
}

/* How many differences the audit finds; `identity`: who has to have signed, or NULL. */
static size_t audit(const uint8_t *identity)
{
	const struct audit_options options = {folder, journal, identity};
	struct audit_report report;
	struct err err;
	size_t i, found;
	json_t *line;
	MUST(audit_run(&options, &report, &err) == 0);
	found = json_array_size(report.differences);
	MUST(found <= AUDIT_MOST_DIFFERENCES + 1);
	json_array_foreach (report.differences, i, line)
		MUST(json_string_length(line) && !strchr(json_string_value(line), '\n'));
	audit_free(&report);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct input input = {.pos = bytes, .end = bytes + count};
	bool any = false, sets = false;
	if (!file_count)
		begin();
	uint8_t how = take8(&input);
	for (uint32_t i = 0; i < file_count; i++) {
		memcpy(files[i].now, files[i].bytes, files[i].count);
		files[i].now_count = files[i].count;
	}
	for (uint32_t left = how % 4; left; left--)
		patch(&input, &files[take8(&input) % file_count]);
	if (how & 0x80)
		seal_again();
	for (uint32_t i = 0; i < file_count; i++) {
		any = any || is_changed(&files[i]);
		sets = sets || (is_changed(&files[i]) && strstr(files[i].name, ".roaring"));
	}
	write_files();
	MUST((audit(own_identity) == 0) == !any);
	if (sets)
		MUST(audit(NULL) > 0);
	return 0;
}
