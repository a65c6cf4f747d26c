// SPDX-License-Identifier: BSD-3-Clause
/*
 * Changes of a keyring: everything that can fail is done before anything is different. Called by
 * tallyd when tenants change. Touches no file, publishes nothing.
 */
#include "dataplane/show/keyring_change.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "wire/front_maps.h"

#define FIRST_EPOCH       1
#define TABLE_ALIGN_BYTES 64

void keyring_change_free(struct keyring_change *change)
{
	if (change->keys)
		sodium_memzero(change->keys, change->key_count * sizeof(*change->keys));
	if (change->table)
		sodium_memzero(change->table, auth_keys_bytes(change->table->count));
	free(change->keys);
	free(change->table);
	*change = (struct keyring_change){0};
}

/* Room for so many keys, and a table of none. */
static int take_memory(struct keyring_change *change, uint32_t keys, struct err *err)
{
	void *table = NULL;
	if (posix_memalign(&table, TABLE_ALIGN_BYTES, auth_keys_bytes(keys)) != 0)
		table = NULL;
	change->keys = calloc(keys + 1, sizeof(*change->keys));
	if (!change->keys || !table) {
		free(change->keys);
		free(table);
		change->keys = NULL;
		return err_set(err, -ENOMEM, "keyring: out of memory; nothing has changed");
	}
	change->table = auth_keys_build(table, NULL, 0);
	return 0;
}

/* The keys that stay: all but one tenant's, of one epoch or (-1) of every one. */
static void copy_keys(const struct keyring *keyring, const struct tenant *without, int epoch,
		      struct keyring_change *change)
{
	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct auth_key *key = &keyring->keys[i];
		bool goes =
			without && key->tenant == without->id && (epoch < 0 || key->epoch == epoch);
		if (!goes)
			change->keys[change->key_count++] = *key;
	}
}

/* The keyring's keys and a new one. */
static int add_key(const struct keyring *keyring, uint16_t tenant, uint8_t epoch,
		   struct keyring_change *change, struct err *err)
{
	if (keyring->key_count >= FRONT_MAX_KEYS)
		return err_set(
			err, -ENOSPC,
			"the keyring has %u keys, as many as it can: retire old epochs first",
			keyring->key_count);
	if (sodium_init() < 0)
		return err_set(err, -EIO, "no random numbers for a new key on this machine");
	int rc = take_memory(change, keyring->key_count + 1, err);
	if (rc)
		return rc;
	copy_keys(keyring, NULL, -1, change);
	struct auth_key *key = &change->keys[change->key_count++];
	*key = (struct auth_key){.tenant = tenant, .epoch = epoch, .used = true};
	randombytes_buf(key->key, sizeof(key->key));
	auth_keys_build(change->table, change->keys, change->key_count);
	change->epoch = epoch;
	return 0;
}

/* The keyring's keys without some. */
static int drop_keys(const struct keyring *keyring, const struct tenant *without, int epoch,
		     struct keyring_change *change, struct err *err)
{
	int rc = take_memory(change, keyring->key_count, err);
	if (rc)
		return rc;
	copy_keys(keyring, without, epoch, change);
	auth_keys_build(change->table, change->keys, change->key_count);
	return 0;
}

static uint32_t living(const struct keyring *keyring)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < keyring->tenant_count; i++)
		count += !keyring->tenants[i].retired;
	return count;
}

/* The lowest id that no tenant of the keyring has or had; there are more ids than tenants. */
static uint16_t free_id(const struct keyring *keyring)
{
	bool taken[KEYRING_TENANT_ROOM + 1] = {false};
	uint16_t id = 0;
	for (uint32_t i = 0; i < keyring->tenant_count; i++)
		if (keyring->tenants[i].id < KEYRING_TENANT_ROOM)
			taken[keyring->tenants[i].id] = true;
	while (taken[id])
		id++;
	return id;
}

static int check_added(const struct keyring *keyring, const struct tenant *added, struct err *err)
{
	const struct tenant *twin = keyring_tenant_by_name(keyring, added->name);
	if (twin)
		return err_set(err, -EEXIST, "%s: the keyring has this tenant already, as id %u",
			       twin->name, twin->id);
	twin = keyring_tenant_by_id(keyring, added->id);
	if (twin)
		return err_set(err, -EEXIST, "%s: id %u is %s's; choose another", added->name,
			       added->id, twin->name);
	if (living(keyring) >= KEYRING_MAX_TENANTS)
		return err_set(err, -ENOSPC,
			       "%s: the keyring has %d tenants, as many as it can; retire one",
			       added->name, KEYRING_MAX_TENANTS);
	if (keyring->tenant_count >= KEYRING_TENANT_ROOM)
		return err_set(err, -ENOSPC,
			       "%s: %d tenants came and went since tallyd started, as many as it "
			       "can remember; restart it",
			       added->name, KEYRING_TENANT_ROOM);
	return 0;
}

int keyring_change_add(const struct keyring *keyring, const struct tenant *tenant, bool any_id,
		       struct keyring_change *change, struct err *err)
{
	*change = (struct keyring_change){.added = *tenant, .adds = true};
	if (any_id)
		change->added.id = free_id(keyring);
	change->added.retired = false;
	int rc = check_added(keyring, &change->added, err);
	return rc ? rc : add_key(keyring, change->added.id, FIRST_EPOCH, change, err);
}

int keyring_change_rotate(const struct keyring *keyring, const struct tenant *tenant,
			  struct keyring_change *change, struct err *err)
{
	const struct auth_key *newest = keyring_newest_key(keyring, tenant->id);
	uint8_t next = (uint8_t)((newest->epoch + 1) % KEYRING_EPOCHS);
	*change = (struct keyring_change){0};
	if (auth_keys_find(keyring->table, tenant->id, next))
		return err_set(err, -ENOSPC, "%s: all %d epochs have a key: retire old ones first",
			       tenant->name, KEYRING_EPOCHS);
	return add_key(keyring, tenant->id, next, change, err);
}

/*
 * Where epochs have gone on from 255 with 0, the order of what is left shows only as long as there
 * is no gap: the older ones go first.
 */
static int check_newest(const struct keyring *keyring, const struct tenant *tenant, uint8_t epoch,
			const struct keyring_change *change, struct err *err)
{
	const struct keyring after = {.keys = change->keys, .key_count = change->key_count};
	const struct auth_key *before = keyring_newest_key(keyring, tenant->id);
	const struct auth_key *newest = keyring_newest_key(&after, tenant->id);
	if (before->epoch == epoch || newest->epoch == before->epoch)
		return 0;
	return err_set(err, -EPERM,
		       "%s: without epoch %u, %u would pass for newer than %u: retire %u first",
		       tenant->name, epoch, newest->epoch, before->epoch, newest->epoch);
}

int keyring_change_retire_epoch(const struct keyring *keyring, const struct tenant *tenant,
				uint8_t epoch, struct keyring_change *change, struct err *err)
{
	uint32_t keys = 0;
	for (uint32_t i = 0; i < keyring->key_count; i++)
		keys += keyring->keys[i].tenant == tenant->id;
	*change = (struct keyring_change){0};
	if (!auth_keys_find(keyring->table, tenant->id, epoch))
		return err_set(err, -ENOENT,
			       "%s: no key of epoch %u; `tallyctl tenant list` shows "
			       "its epochs",
			       tenant->name, epoch);
	if (keys == 1)
		return err_set(err, -EPERM,
			       "%s: epoch %u is its only key: rotate first, or retire the tenant",
			       tenant->name, epoch);
	int rc = drop_keys(keyring, tenant, epoch, change, err);
	if (rc)
		return rc;
	change->epoch = epoch;
	rc = check_newest(keyring, tenant, epoch, change, err);
	if (rc)
		keyring_change_free(change);
	return rc;
}

int keyring_change_retire(const struct keyring *keyring, const struct tenant *tenant,
			  struct keyring_change *change, struct err *err)
{
	*change = (struct keyring_change){.retired = tenant};
	if (living(keyring) == 1)
		return err_set(err, -EPERM,
			       "%s is the only tenant: a keyring has one at least; add another "
			       "first, or stop tallyd",
			       tenant->name);
	return drop_keys(keyring, tenant, -1, change, err);
}

void keyring_change_keep(struct keyring *keyring, struct keyring_change *change)
{
	const struct keyring before = *keyring;
	if (change->adds)
		keyring->tenants[keyring->tenant_count++] = change->added;
	if (change->retired)
		keyring->tenants[change->retired - keyring->tenants].retired = true;
	keyring->keys = change->keys;
	keyring->key_count = change->key_count;
	keyring->table = change->table;
	change->keys = before.keys;
	change->key_count = before.key_count;
	change->table = before.table;
}
