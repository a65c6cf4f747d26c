// SPDX-License-Identifier: BSD-3-Clause
/* Writes and reads manifest.json. Called by sealer.c in a thread, and by audit.c. */
#include "dataplane/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "dataplane/show/json_fields.h"

#define MOST_PAIRS (1ull << 40)
#define SUM_BYTES  ((MANIFEST_SUM_BYTES - 1) / 2)

void manifest_hash(const void *bytes, size_t count, struct manifest_file *file)
{
	XXH128_canonical_t canonical;
	uint8_t sum[SUM_BYTES];
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, count));
	sodium_bin2hex(file->xxh3, sizeof(file->xxh3), canonical.digest, sizeof(canonical.digest));
	crypto_generichash(sum, sizeof(sum), bytes, count, NULL, 0);
	sodium_bin2hex(file->blake2b, sizeof(file->blake2b), sum, sizeof(sum));
	file->bytes = count;
}

void manifest_describe(const struct armed_window *armed, bool immediate,
		       const struct windows_place *last, struct manifest *manifest)
{
	*manifest = (struct manifest){
		.tenant_id = armed->window.tenant,
		.id = armed->window.interaction,
		.voter_numbers = armed->plan.voters,
		.pairs = armed->plan.pairs,
		.missed = armed->missed,
		.immediate = immediate,
		.first = armed->armed_at,
		.last = *last,
	};
	snprintf(manifest->tenant, sizeof(manifest->tenant), "%s", armed->interaction.tenant->name);
}

static json_t *files_json(const struct sealed_files *files)
{
	json_t *list = json_array();
	for (uint32_t i = 0; list && i < files->count; i++) {
		struct manifest_file file;
		manifest_hash(files->file[i].bytes, files->file[i].count, &file);
		json_t *item = json_pack("{s:s,s:I,s:s,s:s}", "name", files->file[i].name, "bytes",
					 (json_int_t)file.bytes, "xxh3_128", file.xxh3,
					 "blake2b_256", file.blake2b);
		if (json_array_append_new(list, item) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *manifest_json(const struct manifest *manifest, const struct identity *identity,
			     const struct sealed_files *files)
{
	char hex[IDENTITY_HEX_BYTES];
	json_t *list = files_json(files);
	identity_hex(identity->public, hex);
	if (!list)
		return NULL;
	return json_pack("{s:i,s:s,s:i,s:I,s:I,s:I,s:b,s:I,s:b,s:{s:I,s:I,s:I,s:I},s:o,s:s}",
			 "format", MANIFEST_FORMAT, "tenant", manifest->tenant, "tenant_id",
			 manifest->tenant_id, "id", (json_int_t)manifest->id, "voter_numbers",
			 (json_int_t)manifest->voter_numbers, "pairs", (json_int_t)manifest->pairs,
			 "certifiable", manifest->missed == 0 && !manifest->immediate, "missed",
			 (json_int_t)manifest->missed, "immediate", manifest->immediate, "journal",
			 "first_segment", (json_int_t)manifest->first.segment, "first_sequence",
			 (json_int_t)manifest->first.sequence, "last_segment",
			 (json_int_t)manifest->last.segment, "last_sequence",
			 (json_int_t)manifest->last.sequence, "files", list, "identity", hex);
}

int manifest_add(const struct manifest *manifest, const struct identity *identity,
		 struct sealed_files *files)
{
	json_t *json = manifest_json(manifest, identity, files);
	char *text = json ? json_fields_dump(json, JSON_INDENT(2)) : NULL;
	uint8_t *signature = malloc(IDENTITY_SIGNATURE_BYTES);
	json_decref(json);
	if (!text || !signature) {
		free(text);
		free(signature);
		return -ENOMEM;
	}
	size_t bytes = strlen(text);
	identity_sign(identity, text, bytes, signature);
	int rc = sealed_add(files, MANIFEST_NAME, text, bytes);
	if (rc) {
		free(signature);
		return rc;
	}
	return sealed_add(files, MANIFEST_SIGNATURE, (char *)signature, IDENTITY_SIGNATURE_BYTES);
}

/* A name of a file in the directory itself. */
static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t bytes = strlen(name);
	return bytes && bytes < SEALED_NAME_BYTES && name[0] != '.' &&
	       name[strspn(name, allowed)] == '\0' && strcmp(name, MANIFEST_NAME) != 0 &&
	       strcmp(name, MANIFEST_SIGNATURE) != 0;
}

static int read_hex(const struct json_fields *fields, const char *name, char *hex, size_t bytes)
{
	const char *text;
	int rc = json_fields_string(fields, name, &text);
	if (rc)
		return rc;
	if (strlen(text) != bytes - 1 || text[strspn(text, "0123456789abcdef")] != '\0')
		return json_fields_refuse(fields, name, "is not %zu hex digits", bytes - 1);
	memcpy(hex, text, bytes);
	return 0;
}

static int read_file(const json_t *value, const char *place, struct manifest_file *file,
		     struct err *err)
{
	static const char *const known[] = {"name", "bytes", "xxh3_128", "blake2b_256", NULL};
	struct json_fields fields;
	const char *name = NULL;
	int rc = json_fields_begin(&fields, value, place, known, err);
	if (!rc)
		rc = json_fields_string(&fields, "name", &name);
	if (!rc && !is_name(name))
		rc = json_fields_refuse(&fields, "name", "is no name of a sealed file");
	if (!rc)
		rc = json_fields_integer(&fields, "bytes", 0, INT64_MAX, &file->bytes);
	if (!rc)
		rc = read_hex(&fields, "xxh3_128", file->xxh3, sizeof(file->xxh3));
	if (!rc)
		rc = read_hex(&fields, "blake2b_256", file->blake2b, sizeof(file->blake2b));
	if (!rc)
		snprintf(file->name, sizeof(file->name), "%s", name);
	return rc;
}

static int read_files(const struct json_fields *fields, struct manifest *manifest)
{
	char place[JSON_PLACE_BYTES];
	const json_t *list;
	int rc = json_fields_array(fields, "files", 1, MANIFEST_MAX_FILES, &list);
	if (rc)
		return rc;
	manifest->files = calloc(json_array_size(list), sizeof(*manifest->files));
	if (!manifest->files)
		return json_fields_no_memory(fields, "files");
	for (size_t i = 0; !rc && i < json_array_size(list); i++) {
		json_place_item(place, fields->place, "files", i);
		rc = read_file(json_array_get(list, i), place,
			       &manifest->files[manifest->file_count++], fields->err);
	}
	return rc;
}

static int read_journal(const struct json_fields *outer, struct manifest *manifest)
{
	static const char *const known[] = {"first_segment", "first_sequence", "last_segment",
					    "last_sequence", NULL};
	struct json_fields fields;
	char place[JSON_PLACE_BYTES];
	json_place_member(place, outer->place, "journal");
	int rc = json_fields_begin(&fields, json_object_get(outer->object, "journal"), place, known,
				   outer->err);
	if (!rc)
		rc = json_fields_integer(&fields, known[0], 0, INT64_MAX, &manifest->first.segment);
	if (!rc)
		rc = json_fields_integer(&fields, known[1], 0, INT64_MAX,
					 &manifest->first.sequence);
	if (!rc)
		rc = json_fields_integer(&fields, known[2], 0, INT64_MAX, &manifest->last.segment);
	if (!rc)
		rc = json_fields_integer(&fields, known[3], 0, INT64_MAX, &manifest->last.sequence);
	return rc;
}

static int read_boolean(const struct json_fields *fields, const char *name, bool *value)
{
	const json_t *member = json_object_get(fields->object, name);
	if (!json_is_boolean(member))
		return json_fields_refuse(fields, name, "is not true or false");
	*value = json_is_true(member);
	return 0;
}

static int read_window(const struct json_fields *fields, struct manifest *manifest)
{
	const char *tenant;
	uint64_t tenant_id = 0, id = 0, format;
	bool certifiable = false;
	int rc = json_fields_integer(fields, "format", MANIFEST_FORMAT, MANIFEST_FORMAT, &format);
	if (!rc)
		rc = json_fields_text(fields, "tenant", KEYRING_NAME_BYTES - 1, &tenant);
	if (!rc)
		snprintf(manifest->tenant, sizeof(manifest->tenant), "%s", tenant);
	if (!rc)
		rc = json_fields_integer(fields, "tenant_id", 0, UINT16_MAX, &tenant_id);
	if (!rc)
		rc = json_fields_integer(fields, "id", 0, UINT32_MAX, &id);
	if (!rc)
		rc = json_fields_integer(fields, "voter_numbers", 1, 1ull << 32,
					 &manifest->voter_numbers);
	if (!rc)
		rc = json_fields_integer(fields, "pairs", 0, MOST_PAIRS, &manifest->pairs);
	if (!rc)
		rc = read_boolean(fields, "certifiable", &certifiable);
	if (!rc)
		rc = json_fields_integer(fields, "missed", 0, INT64_MAX, &manifest->missed);
	if (!rc)
		rc = read_boolean(fields, "immediate", &manifest->immediate);
	if (!rc && certifiable != (manifest->missed == 0 && !manifest->immediate))
		rc = json_fields_refuse(fields, "certifiable",
					"is not what missed and immediate say");
	manifest->tenant_id = (uint16_t)tenant_id;
	manifest->id = (uint32_t)id;
	return rc;
}

static int read_manifest(const json_t *root, struct manifest *manifest, struct err *err)
{
	static const char *const known[] = {
		"format", "tenant",      "tenant_id", "id",        "voter_numbers",
		"pairs",  "certifiable", "missed",    "immediate", "journal",
		"files",  "identity",    NULL};
	char place[JSON_PLACE_BYTES], hex[IDENTITY_HEX_BYTES];
	struct json_fields fields;
	json_place_root(place, MANIFEST_NAME);
	int rc = json_fields_begin(&fields, root, place, known, err);
	if (!rc)
		rc = read_window(&fields, manifest);
	if (!rc)
		rc = read_journal(&fields, manifest);
	if (!rc)
		rc = read_hex(&fields, "identity", hex, sizeof(hex));
	if (!rc)
		rc = identity_parse(hex, manifest->identity);
	return rc ? rc : read_files(&fields, manifest);
}

int manifest_parse(const char *text, size_t bytes, struct manifest *manifest, struct err *err)
{
	json_error_t flaw;
	bool no_memory;
	json_t *root = json_fields_parse(text, bytes, JSON_REJECT_DUPLICATES, &flaw, &no_memory);
	*manifest = (struct manifest){0};
	if (no_memory)
		return err_set(err, -ENOMEM, MANIFEST_NAME ": no memory to parse it");
	if (!root)
		return err_set(err, -EINVAL, MANIFEST_NAME ": line %d, column %d: not valid JSON",
			       flaw.line, flaw.column);
	int rc = read_manifest(root, manifest, err);
	json_decref(root);
	if (rc)
		manifest_free(manifest);
	return rc;
}

void manifest_free(struct manifest *manifest)
{
	free(manifest->files);
	manifest->files = NULL;
	manifest->file_count = 0;
}

const char *manifest_uncertifiable(const struct manifest *manifest, struct err *text)
{
	if (!manifest->missed && !manifest->immediate)
		return NULL;
	if (!manifest->missed)
		err_set(text, 0, "its receipts did not wait for the journal");
	else
		err_set(text, 0, "%" PRIu64 " packets were missed while its window was open%s",
			manifest->missed,
			manifest->immediate ? ", and its receipts did not wait for the journal"
					    : "");
	return text->text;
}
