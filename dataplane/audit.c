// SPDX-License-Identifier: BSD-3-Clause
/*
 * Signature, hashes, then a count of the journal into a window of its own, whose files are compared
 * with those that are there. Called by `tallyctl audit`.
 */
#include "dataplane/audit.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <roaring/roaring.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/disk_uring.h"
#include "dataplane/portable.h"
#include "dataplane/recover.h"
#include "dataplane/sealed_dir.h"
#include "dataplane/show/json_fields.h"

#define FILE_MOST ((size_t)1 << 33)

struct audit {
	const struct audit_options *options;
	struct audit_report *report;
	const struct manifest *manifest;
};

__attribute__((format(printf, 2, 3))) static void differ(struct audit *audit, const char *format,
							 ...)
{
	struct err line;
	va_list args;
	va_start(args, format);
	vsnprintf(line.text, sizeof(line.text), format, args);
	va_end(args);
	if (json_array_size(audit->report->differences) < AUDIT_MOST_DIFFERENCES)
		json_array_append_new(audit->report->differences, json_string(line.text));
}

static void check_signature(struct audit *audit, const char *text, size_t bytes)
{
	char *signature, hex[IDENTITY_HEX_BYTES];
	size_t count;
	struct err err;
	const uint8_t *identity = audit->options->identity;
	if (identity && memcmp(identity, audit->manifest->identity, IDENTITY_PUBLIC_BYTES) != 0) {
		identity_hex(audit->manifest->identity, hex);
		differ(audit, MANIFEST_NAME ": signed by another appliance: %s", hex);
	}
	if (sealed_dir_read(audit->options->folder, MANIFEST_SIGNATURE, IDENTITY_SIGNATURE_BYTES,
			    &signature, &count, &err)) {
		differ(audit, "%s", err.text);
		return;
	}
	if (count != IDENTITY_SIGNATURE_BYTES ||
	    !identity_verify(identity ? identity : audit->manifest->identity, text, bytes,
			     (const uint8_t *)signature))
		differ(audit, MANIFEST_SIGNATURE ": is not the signature of " MANIFEST_NAME
						 " by that appliance");
	free(signature);
}

static const struct manifest_file *find_listed(const struct manifest *manifest, const char *name)
{
	for (uint32_t i = 0; i < manifest->file_count; i++)
		if (strcmp(manifest->files[i].name, name) == 0)
			return &manifest->files[i];
	return NULL;
}

static const struct sealed_file *find_file(const struct sealed_files *files, const char *name)
{
	for (uint32_t i = 0; i < files->count; i++)
		if (strcmp(files->file[i].name, name) == 0)
			return &files->file[i];
	return NULL;
}

static void check_hash(struct audit *audit, const struct manifest_file *listed,
		       const struct sealed_file *file)
{
	struct manifest_file now;
	manifest_hash(file->bytes, file->count, &now);
	if (now.bytes != listed->bytes)
		differ(audit, "%s: has %" PRIu64 " bytes, the manifest says %" PRIu64, listed->name,
		       now.bytes, listed->bytes);
	else if (strcmp(now.xxh3, listed->xxh3) != 0 || strcmp(now.blake2b, listed->blake2b) != 0)
		differ(audit, "%s: was changed: its hash is not the manifest's", listed->name);
}

/* All that the manifest lists and that can be read. */
static int read_files(struct audit *audit, struct sealed_files *files)
{
	const struct manifest *manifest = audit->manifest;
	struct err err;
	for (uint32_t i = 0; i < manifest->file_count; i++) {
		const struct manifest_file *listed = &manifest->files[i];
		char *bytes;
		size_t count;
		if (sealed_dir_read(audit->options->folder, listed->name, FILE_MOST, &bytes, &count,
				    &err)) {
			differ(audit, "%s", err.text);
			continue;
		}
		if (sealed_add(files, listed->name, bytes, count))
			return -ENOMEM;
		check_hash(audit, listed, &files->file[files->count - 1]);
	}
	return 0;
}

static void check_strangers(struct audit *audit)
{
	DIR *list = opendir(audit->options->folder);
	for (struct dirent *entry; list && (entry = readdir(list));) {
		const char *name = entry->d_name;
		char shown[JSON_PRINTABLE_BYTES];
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    strcmp(name, MANIFEST_NAME) == 0 || strcmp(name, MANIFEST_SIGNATURE) == 0 ||
		    find_listed(audit->manifest, name))
			continue;
		differ(audit, "%s: is not in the manifest", json_printable(name, shown));
	}
	if (list)
		closedir(list);
}

static void show_value(const json_t *value, char text[64])
{
	char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	snprintf(text, 64, "%s", dump ? dump : "nothing");
	free(dump);
}

/* `place`: where in result.json. Containers are compared member by member. */
static void compare_json(struct audit *audit, const char *place, const json_t *sealed,
			 const json_t *counted)
{
	char deeper[JSON_PLACE_BYTES], left[64], right[64];
	const char *key;
	const json_t *value;
	if (json_equal(sealed, counted))
		return;
	if (json_is_object(sealed) && json_is_object(counted)) {
		json_object_foreach ((json_t *)counted, key, value) {
			json_place_member(deeper, place, key);
			compare_json(audit, deeper, json_object_get(sealed, key), value);
		}
		json_object_foreach ((json_t *)sealed, key, value)
			if (!json_object_get(counted, key))
				differ(audit, "%s.%s: is not counted", place, key);
		return;
	}
	if (json_is_array(sealed) && json_is_array(counted) &&
	    json_array_size(sealed) == json_array_size(counted)) {
		for (size_t i = 0; i < json_array_size(counted); i++) {
			snprintf(deeper, sizeof(deeper), "%.200s[%zu]", place, i);
			compare_json(audit, deeper, json_array_get(sealed, i),
				     json_array_get(counted, i));
		}
		return;
	}
	show_value(sealed, left);
	show_value(counted, right);
	differ(audit, "%s: sealed as %s, the journal has %s", place, left, right);
}

/* 0 or -ENOMEM. */
static int compare_result(struct audit *audit, const struct sealed_files *files,
			  const json_t *counted, const struct armed_window *armed)
{
	const struct sealed_file *file = find_file(files, SEALED_RESULT);
	json_error_t flaw;
	bool no_memory;
	if (!file)
		return 0; /* said already, unless the manifest does not name it */
	json_t *document = json_fields_parse(file->bytes, file->count, JSON_REJECT_DUPLICATES,
					     &flaw, &no_memory);
	if (no_memory)
		return -ENOMEM;
	const json_t *list = json_object_get(document, "interactions");
	if (json_array_size(list) != 1) {
		differ(audit, SEALED_RESULT ": is not the result of one interaction");
	} else {
		compare_json(audit, SEALED_RESULT ": interaction", json_array_get(list, 0),
			     counted);
		json_t *missed = json_integer((json_int_t)armed->missed);
		compare_json(audit, SEALED_RESULT ": missed", json_object_get(document, "missed"),
			     missed);
		json_decref(missed);
	}
	json_decref(document);
	return 0;
}

static void compare_sets(struct audit *audit, const struct sealed_file *sealed,
			 const struct sealed_file *counted)
{
	bool sound = portable_is_sound(sealed->bytes, sealed->count);
	roaring_bitmap_t *left =
		sound ? roaring_bitmap_portable_deserialize_safe(sealed->bytes, sealed->count)
		      : NULL;
	roaring_bitmap_t *right =
		roaring_bitmap_portable_deserialize_safe(counted->bytes, counted->count);
	if (!left || !right)
		differ(audit, "%s: is no Roaring bitmap", sealed->name);
	else
		differ(audit,
		       "%s: %" PRIu64 " voters are in it that the journal does not have, %" PRIu64
		       " of the journal's are not",
		       sealed->name, roaring_bitmap_andnot_cardinality(left, right),
		       roaring_bitmap_andnot_cardinality(right, left));
	if (left)
		roaring_bitmap_free(left);
	if (right)
		roaring_bitmap_free(right);
}

static void compare_files(struct audit *audit, const struct sealed_files *files,
			  const struct sealed_files *counted)
{
	for (uint32_t i = 0; i < counted->count; i++) {
		const struct sealed_file *again = &counted->file[i];
		const struct sealed_file *file = find_file(files, again->name);
		if (!find_listed(audit->manifest, again->name))
			differ(audit, "%s: belongs to the result, and the manifest lacks it",
			       again->name);
		if (!file || (file->count == again->count &&
			      memcmp(file->bytes, again->bytes, file->count) == 0))
			continue;
		if (strcmp(again->name, SEALED_PAIRS) == 0)
			differ(audit, "%s: sealed with %zu pairs, the journal has %zu others",
			       again->name, file->count / SEALED_PAIR_BYTES,
			       again->count / SEALED_PAIR_BYTES);
		else
			compare_sets(audit, file, again);
	}
	if (!find_listed(audit->manifest, SEALED_RESULT))
		differ(audit, SEALED_RESULT ": belongs to the result, and the manifest lacks it");
}

/* What the manifest says of the window, beside what is in the files. */
static void compare_manifest(struct audit *audit, const struct armed_window *armed)
{
	const struct manifest *manifest = audit->manifest;
	if (manifest->tenant_id != armed->window.tenant)
		differ(audit, MANIFEST_NAME ": tenant_id: sealed as %u, the journal has %u",
		       manifest->tenant_id, armed->window.tenant);
	if (manifest->missed != armed->missed)
		differ(audit,
		       MANIFEST_NAME ": missed: sealed as %" PRIu64 ", the journal has %" PRIu64,
		       manifest->missed, armed->missed);
	if (armed->immediate && !manifest->immediate)
		differ(audit, MANIFEST_NAME
		       ": immediate: sealed as false, and the journal says that receipts did not "
		       "wait for it");
}

/* The window as counted again, made into files. */
static int compare_window(struct audit *audit, struct windows *windows, struct armed_window *armed,
			  const struct sealed_files *files)
{
	struct sealed_files counted;
	struct tally_sum sum;
	/* What FINAL says of refused votes, and what was counted of others. */
	tally_read(&armed->store.tally, 0, &sum);
	memcpy(armed->final_receipts, sum.receipts, sizeof(armed->final_receipts));
	audit->report->voters = sum.voters;
	audit->report->votes = sum.receipts[RECEIPT_COUNTED] + sum.receipts[RECEIPT_CHANGED];
	json_t *result =
		sealed_result(windows, armed, audit->manifest->immediate ? "immediate" : "durable");
	int rc = result ? sealed_sets(armed, &counted) : -ENOMEM;
	if (rc == 0) {
		const json_t *voters = json_object_get(result, "voters");
		audit->report->voters = (uint64_t)json_integer_value(voters);
		rc = compare_result(audit, files, result, armed);
		compare_files(audit, files, &counted);
		compare_manifest(audit, armed);
		sealed_free(&counted);
	}
	json_decref(result);
	return rc;
}

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static int make_windows(const struct manifest *manifest, struct windows **windows, struct err *err)
{
	const struct windows_options options = {
		.voters = manifest->voter_numbers,
		.upvotes_per_voter = KIND_MAX_ITEMS,
		.upvotes = manifest->pairs,
		.memory_bytes = UINT64_MAX,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
	};
	return windows_create(&options, windows, err);
}

static void look_at_window(struct audit *audit, const struct armed_window *armed)
{
	if (!armed)
		differ(audit,
		       "journal: %s/%u is not armed in blocks %" PRIu64 " to %" PRIu64
		       ": that part was removed, or this is another's journal",
		       audit->manifest->tenant, audit->manifest->id,
		       audit->manifest->first.sequence, audit->manifest->last.sequence);
	else if (!armed->settled)
		differ(audit, "journal: %s/%u is not final in blocks %" PRIu64 " to %" PRIu64,
		       audit->manifest->tenant, audit->manifest->id,
		       audit->manifest->first.sequence, audit->manifest->last.sequence);
}

static int count_into(struct audit *audit, struct disk *disk, struct windows *windows,
		      const struct sealed_files *files)
{
	const struct manifest *manifest = audit->manifest;
	struct tenant tenant = {0};
	struct keyring tenants = {.tenants = &tenant};
	const struct recover_scope scope = {
		&tenants, manifest->tenant, manifest->id, manifest->first, manifest->last,
	};
	struct recovery recovery;
	struct err err;
	int rc = recover_part(disk, &scope, windows, &recovery, &err);
	audit->report->read = recovery.journal.votes;
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		differ(audit, "journal: %s", err.text);
	struct armed_window *armed = windows_count(windows) ? windows_at(windows, 0) : NULL;
	look_at_window(audit, armed);
	return armed ? compare_window(audit, windows, armed, files) : 0;
}

static int count_again(struct audit *audit, const struct sealed_files *files)
{
	struct windows *windows = NULL;
	struct disk *disk;
	struct stat info;
	struct err err;
	/* Opening a disk makes its directory. */
	if (stat(audit->options->journal, &info) != 0) {
		differ(audit, "journal: %s: cannot be read: %s", audit->options->journal,
		       strerror(errno));
		return 0;
	}
	int rc = disk_uring_open(audit->options->journal, &disk, &err);
	if (rc) {
		differ(audit, "journal: %s", err.text);
		return 0;
	}
	rc = make_windows(audit->manifest, &windows, &err);
	if (rc == 0)
		rc = count_into(audit, disk, windows, files);
	windows_destroy(windows);
	disk_uring_close(disk);
	return rc;
}

static int run(struct audit *audit)
{
	struct sealed_files files = {0};
	struct err err;
	char *text;
	size_t bytes;
	if (sealed_dir_read(audit->options->folder, MANIFEST_NAME, MANIFEST_MAX_BYTES, &text,
			    &bytes, &err)) {
		differ(audit, "%s", err.text);
		return 0;
	}
	int rc = manifest_parse(text, bytes, &audit->report->manifest, &err);
	if (rc) {
		free(text);
		differ(audit, "%s", err.text);
		return rc == -ENOMEM ? rc : 0;
	}
	check_signature(audit, text, bytes);
	free(text);
	rc = read_files(audit, &files);
	if (rc == 0) {
		check_strangers(audit);
		rc = count_again(audit, &files);
	}
	sealed_free(&files);
	return rc;
}

int audit_run(const struct audit_options *options, struct audit_report *report, struct err *err)
{
	*report = (struct audit_report){.differences = json_array()};
	struct audit audit = {options, report, &report->manifest};
	int rc = report->differences ? run(&audit) : -ENOMEM;
	if (rc == 0)
		return 0;
	audit_free(report);
	return err_set(err, rc, "%s: no memory to count it again", options->folder);
}

void audit_free(struct audit_report *report)
{
	json_decref(report->differences);
	report->differences = NULL;
	manifest_free(&report->manifest);
}
