// SPDX-License-Identifier: BSD-3-Clause
/*
 * Writes the keyring file. Called by tallyd when tenants change. The text is made in memory that is
 * wiped, and by our own hand: a library's would leave keys in buffers that we cannot reach.
 */
#include "dataplane/show/keyring_save.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/show/key_memory.h"

#define TEMP_NAMES    100
#define FRAME_BYTES   64  /* of the file, around its tenants */
#define TENANT_BYTES  512 /* of one, without its keys */
#define KEY_BYTES     96
#define REVOKED_BYTES 32 /* of an epoch's list, without its voters */
#define VOTER_BYTES   12

struct text {
	char *bytes;
	size_t used;
	size_t room;
};

/* The room was reckoned: it always fits. */
__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	text->used +=
		(size_t)vsnprintf(text->bytes + text->used, text->room - text->used, format, args);
	va_end(args);
}

static void put_revoked(struct text *text, const struct auth_key *key,
			const struct keyring_change *change)
{
	const char *before = ", \"revoked\": [", *end = "";
	for (uint32_t i = 0; i < change->revoked_count; i++) {
		const struct auth_voter *voter = &change->revoked[i];
		if (voter->tenant != key->tenant || voter->epoch != key->epoch)
			continue;
		put(text, "%s%" PRIu32, before, voter->voter);
		before = ", ";
		end = "]";
	}
	put(text, "%s", end);
}

static void put_key(struct text *text, const struct auth_key *key,
		    const struct keyring_change *change)
{
	put(text, "{\"epoch\": %u, \"key\": \"", key->epoch);
	sodium_bin2hex(text->bytes + text->used, text->room - text->used, key->key,
		       sizeof(key->key));
	text->used += 2 * sizeof(key->key);
	put(text, "\"");
	put_revoked(text, key, change);
	put(text, "}");
}

static void put_limits(struct text *text, const struct tenant_limits *limits)
{
	const char *before = ",\n      \"limits\": {";
	const char *end = "";
#define X(limit, most)                                                                             \
	if (limits->limit) {                                                                       \
		put(text, "%s\"" #limit "\": %" PRIu64, before, limits->limit);                    \
		before = ", ";                                                                     \
		end = "}";                                                                         \
	}
	TENANT_LIMITS(X)
#undef X
	put(text, "%s", end);
}

static void put_tenant(struct text *text, const struct tenant *tenant,
		       const struct keyring_change *change)
{
	const char *before = "\n";
	put(text, "%s    {\n      \"id\": %u,\n      \"name\": \"%s\",\n      \"keys\": [",
	    text->bytes[text->used - 1] == '[' ? "\n" : ",\n", tenant->id, tenant->name);
	for (uint32_t i = 0; i < change->key_count; i++) {
		if (change->keys[i].tenant != tenant->id)
			continue;
		put(text, "%s        ", before);
		put_key(text, &change->keys[i], change);
		before = ",\n";
	}
	put(text, "\n      ],\n      \"max_delay_ms\": %" PRIu32, tenant->max_delay_ms);
	put_limits(text, &tenant->limits);
	put(text, "\n    }");
}

static int make_text(const struct keyring *keyring, const struct keyring_change *change,
		     struct text *text)
{
	*text = (struct text){.room = FRAME_BYTES + (keyring->tenant_count + 1u) * TENANT_BYTES +
				      change->key_count * (size_t)(KEY_BYTES + REVOKED_BYTES) +
				      change->revoked_count * (size_t)VOTER_BYTES};
	text->bytes = key_memory_take(text->room);
	if (!text->bytes)
		return -ENOMEM;
	put(text, "{\n  \"tenants\": [");
	for (uint32_t i = 0; i < keyring->tenant_count; i++) {
		const struct tenant *tenant = &keyring->tenants[i];
		if (!tenant->retired && tenant != change->retired)
			put_tenant(text, tenant, change);
	}
	if (change->adds)
		put_tenant(text, &change->added, change);
	put(text, "\n  ]\n}\n");
	return 0;
}

static int write_all(int fd, const struct text *text)
{
	size_t done = 0;
	while (done < text->used) {
		ssize_t wrote = write(fd, text->bytes + done, text->used - done);
		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0)
			done += (size_t)wrote;
	}
	return 0;
}

/* The bytes on the disk, the mode, and the owner that the old file has. */
static int fill_file(int fd, const struct text *text, const char *like)
{
	struct stat old;
	if (stat(like, &old) != 0 || fchmod(fd, 0600) != 0)
		return -errno;
	/* A group that only root could give has no access anyway. */
	if (fchown(fd, old.st_uid, old.st_gid) != 0 && (errno != EPERM || old.st_uid != geteuid()))
		return -errno;
	int rc = write_all(fd, text);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	return rc;
}

/* A new file beside `path`; its name is the caller's to free. The descriptor, or a negative errno.
 */
static int create_beside(const char *path, char **name)
{
	int rc = -EEXIST;
	for (int i = 0; i < TEMP_NAMES && rc == -EEXIST; i++) {
		if (asprintf(name, "%s.%ld-%d.tmp", path, (long)getpid(), i) < 0) {
			*name = NULL;
			return -ENOMEM;
		}
		rc = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (rc >= 0)
			return rc;
		rc = -errno;
		free(*name);
		*name = NULL;
	}
	return rc;
}

static int write_beside(const struct keyring *keyring, const struct keyring_change *change,
			struct keyring_save *save)
{
	struct text text;
	int rc = make_text(keyring, change, &text);
	if (rc)
		return rc;
	int fd = create_beside(save->path, &save->beside);
	rc = fd < 0 ? fd : fill_file(fd, &text, save->path);
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = -errno;
	key_memory_give(text.bytes, text.room);
	return rc;
}

static bool same_tenant(const struct tenant *a, const struct tenant *b)
{
	return a->id == b->id && strcmp(a->name, b->name) == 0 &&
	       a->max_delay_ms == b->max_delay_ms &&
	       memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0;
}

static bool same_keyring(const struct keyring *keyring, const struct keyring *file)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < keyring->tenant_count; i++) {
		if (keyring->tenants[i].retired)
			continue;
		if (at == file->tenant_count ||
		    !same_tenant(&keyring->tenants[i], &file->tenants[at++]))
			return false;
	}
	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct auth_key *key = &keyring->keys[i];
		const uint8_t *other = auth_keys_find(file->table, key->tenant, key->epoch);
		if (!other || sodium_memcmp(key->key, other, sizeof(key->key)) != 0)
			return false;
	}
	for (uint32_t i = 0; i < keyring->revoked_count; i++) {
		const struct auth_voter *voter = &keyring->revoked[i];
		if (!auth_is_revoked(file->table, voter->tenant, voter->epoch, voter->voter))
			return false;
	}
	return at == file->tenant_count && keyring->key_count == file->key_count &&
	       keyring->revoked_count == file->revoked_count;
}

/* Does the file still say what the keyring says? `name` is its name for the message. */
static int check_unchanged(const struct keyring *keyring, const char *path, const char *name,
			   struct err *err)
{
	struct keyring file;
	int rc = keyring_load(path, &file, err);
	if (rc == -ENOMEM)
		return rc;
	bool same = rc == 0 && same_keyring(keyring, &file);
	keyring_free(&file);
	if (same)
		return 0;
	return err_set(err, -ESTALE,
		       "%s: was changed since tallyd read it: nothing was saved; undo that change, "
		       "or restart tallyd to take it",
		       name);
}

/* The two files change places, and that is on the disk. */
static int exchange(const struct keyring_save *save)
{
	char directory[PATH_MAX];
	snprintf(directory, sizeof(directory), "%s", save->path);
	int fd = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = renameat2(AT_FDCWD, save->beside, AT_FDCWD, save->path, RENAME_EXCHANGE) ? -errno
											  : 0;
	if (rc == 0 && fsync(fd) != 0) {
		rc = -errno;
		renameat2(AT_FDCWD, save->beside, AT_FDCWD, save->path, RENAME_EXCHANGE);
	}
	close(fd);
	return rc;
}

/* Puts back what the file was. Where that fails, both files stay: neither is ours to delete. */
static int put_back(struct keyring_save *save)
{
	int rc = exchange(save);
	if (rc) {
		free(save->beside);
		save->beside = NULL;
	}
	return rc;
}

static void let_go(struct keyring_save *save)
{
	if (save->beside)
		unlink(save->beside);
	free(save->beside);
	free(save->path);
	*save = (struct keyring_save){0};
}

/* Looks at the old file once more when nobody can edit it under its name any longer. */
static int replace(const struct keyring *keyring, struct keyring_save *save, struct err *err)
{
	int rc = exchange(save);
	if (rc == -EINVAL || rc == -ENOSYS)
		return err_set(err, rc,
			       "%s: its file system cannot exchange two files: nothing was saved; "
			       "keep the keyring on another, such as ext4 or xfs",
			       save->path);
	if (rc)
		return err_set(err, rc, "%s: cannot be replaced: %s; nothing was saved", save->path,
			       strerror(-rc));
	rc = check_unchanged(keyring, save->beside, save->path, err);
	if (rc)
		put_back(save);
	return rc;
}

int keyring_save(const char *path, const struct keyring *keyring,
		 const struct keyring_change *change, struct keyring_save *save, struct err *err)
{
	*save = (struct keyring_save){.path = realpath(path, NULL)};
	if (!save->path && errno == ENOMEM)
		return err_set(err, -ENOMEM, "%s: no memory to replace it; nothing was saved",
			       path);
	if (!save->path)
		return err_set(err, -ESTALE,
			       "%s: is gone since tallyd read it (%s): nothing was saved; put it "
			       "back",
			       path, strerror(errno));
	int rc = check_unchanged(keyring, save->path, save->path, err);
	if (rc == 0) {
		rc = write_beside(keyring, change, save);
		if (rc)
			err_set(err, rc,
				"%s: cannot be written beside itself: %s; nothing was saved",
				save->path, strerror(-rc));
	}
	if (rc == 0)
		rc = replace(keyring, save, err);
	if (rc)
		let_go(save);
	return rc;
}

void keyring_save_keep(struct keyring_save *save)
{
	let_go(save);
}

int keyring_save_undo(struct keyring_save *save)
{
	int rc = put_back(save);
	let_go(save);
	return rc;
}
