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

#define FIRST_EPOCH 1

void keyring_change_free(struct keyring_change *change)
{
	keyring_keys_give(change->keys, change->room);
	keyring_table_destroy(change->table);
	free(change->revoked);
	*change = (struct keyring_change){0};
}

static int no_memory(struct keyring_change *change, struct err *err)
{
	keyring_change_free(change);
	return err_set(err, -ENOMEM, "keyring: out of memory; nothing has changed");
}

/* Room for what the keyring has and so much more. */
static int take_memory(struct keyring_change *change, const struct keyring *keyring,
		       uint32_t more_keys, uint32_t more_revoked, struct err *err)
{
	change->room = keyring->key_count + more_keys;
	change->keys = keyring_keys_take(change->room);
	change->revoked =
		calloc(keyring->revoked_count + more_revoked + 1, sizeof(*change->revoked));
	return change->keys && change->revoked ? 0 : no_memory(change, err);
}

/* What is locked in the keyring is locked here. */
static int make_table(struct keyring_change *change, const struct keyring *keyring, struct err *err)
{
	struct err why;
	change->table = keyring_table_create(change->keys, change->key_count, change->revoked,
					     change->revoked_count);
	if (!change->table)
		return no_memory(change, err);
	int rc = keyring->locked
			 ? keyring_keys_lock(change->keys, change->room, change->table, &why)
			 : 0;
	if (rc)
		keyring_change_free(change);
	return rc ? err_set(err, rc, "%s; nothing has changed", why.text) : 0;
}

static bool is_of(const struct tenant *tenant, int epoch, uint16_t key_tenant, uint8_t key_epoch)
{
	return tenant && key_tenant == tenant->id && (epoch < 0 || key_epoch == epoch);
}

/* What stays: all but one tenant's, of one epoch or (-1) of every one. */
static void copy_keys(const struct keyring *keyring, const struct tenant *without, int epoch,
		      struct keyring_change *change)
{
	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct auth_key *key = &keyring->keys[i];
		if (!is_of(without, epoch, key->tenant, key->epoch))
			change->keys[change->key_count++] = *key;
	}
	for (uint32_t i = 0; i < keyring->revoked_count; i++) {
		const struct auth_voter *voter = &keyring->revoked[i];
		if (!is_of(without, epoch, voter->tenant, voter->epoch))
			change->revoked[change->revoked_count++] = *voter;
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
	int rc = take_memory(change, keyring, 1, 0, err);
	if (rc)
		return rc;
	copy_keys(keyring, NULL, -1, change);
	struct auth_key *key = &change->keys[change->key_count++];
	*key = (struct auth_key){.tenant = tenant, .epoch = epoch, .used = true};
	randombytes_buf(key->key, sizeof(key->key));
	change->epoch = epoch;
	return make_table(change, keyring, err);
}

/* The keyring's keys without some. */
static int drop_keys(const struct keyring *keyring, const struct tenant *without, int epoch,
		     struct keyring_change *change, struct err *err)
{
	int rc = take_memory(change, keyring, 0, 0, err);
	if (rc)
		return rc;
	copy_keys(keyring, without, epoch, change);
	return make_table(change, keyring, err);
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

/* Under each of the tenant's keys. */
static void add_revoked(const struct keyring *keyring, const struct tenant *tenant, uint32_t voter,
			struct keyring_change *change)
{
	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct auth_key *key = &keyring->keys[i];
		if (key->tenant == tenant->id &&
		    !auth_is_revoked(keyring->table, tenant->id, key->epoch, voter))
			change->revoked[change->revoked_count++] =
				(struct auth_voter){tenant->id, key->epoch, voter};
	}
}

int keyring_change_revoke(const struct keyring *keyring, const struct tenant *tenant,
			  uint32_t voter, struct keyring_change *change, struct err *err)
{
	*change = (struct keyring_change){0};
	int rc = take_memory(change, keyring, 0, KEYRING_EPOCHS, err);
	if (rc)
		return rc;
	copy_keys(keyring, NULL, -1, change);
	add_revoked(keyring, tenant, voter, change);
	if (change->revoked_count == keyring->revoked_count)
		rc = err_set(err, -EEXIST,
			     "%s: voter %u is revoked already, under all its tenant's keys",
			     tenant->name, voter);
	else if (change->revoked_count > KEYRING_MAX_REVOKED)
		rc = err_set(err, -ENOSPC,
			     "the keyring has %u revoked voters' keys and takes %d: rotate the "
			     "key, and retire the old epoch and those revoked under it",
			     keyring->revoked_count, KEYRING_MAX_REVOKED);
	if (rc == 0)
		return make_table(change, keyring, err);
	keyring_change_free(change);
	return rc;
}

int keyring_change_restore(const struct keyring *keyring, const struct tenant *tenant,
			   uint32_t voter, struct keyring_change *change, struct err *err)
{
	uint32_t left = 0;
	*change = (struct keyring_change){0};
	int rc = take_memory(change, keyring, 0, 0, err);
	if (rc)
		return rc;
	copy_keys(keyring, NULL, -1, change);
	for (uint32_t i = 0; i < change->revoked_count; i++)
		if (change->revoked[i].tenant != tenant->id || change->revoked[i].voter != voter)
			change->revoked[left++] = change->revoked[i];
	change->revoked_count = left;
	if (left < keyring->revoked_count)
		return make_table(change, keyring, err);
	keyring_change_free(change);
	return err_set(err, -ENOENT,
		       "%s: voter %u is not revoked; `tallyctl voter list %s` shows who is",
		       tenant->name, voter, tenant->name);
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
	keyring->revoked = change->revoked;
	keyring->revoked_count = change->revoked_count;
	keyring->table = change->table;
	keyring->room = change->room;
	change->keys = before.keys;
	change->key_count = before.key_count;
	change->revoked = before.revoked;
	change->revoked_count = before.revoked_count;
	change->table = before.table;
	change->room = before.room;
}
