// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads the keyring file and answers who a tenant is. Called at start, and by tools that sign
 * votes. Never prints a key, never puts one into a message, and leaves no copy of its own behind on
 * free.
 */
#include "dataplane/show/keyring.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/show/key_memory.h"
#include "dataplane/show/json_fields.h"
#include "wire/front_maps.h"

#define KEY_DIGITS        (2 * AUTH_KEY_BYTES)
#define TABLE_ALIGN_BYTES 64

static int read_key_bytes(const struct json_fields *fields, struct auth_key *key)
{
	const char *digits;
	size_t decoded = 0;
	int rc = json_fields_string(fields, "key", &digits);
	if (rc)
		return rc;
	if (strlen(digits) != KEY_DIGITS || sodium_hex2bin(key->key, sizeof(key->key), digits,
							   KEY_DIGITS, NULL, &decoded, NULL) != 0)
		return json_fields_refuse(fields, "key", "is no key; give exactly %d hex digits",
					  KEY_DIGITS);
	return 0;
}

static int compare_voters(const void *left, const void *right)
{
	const struct auth_voter *a = left, *b = right;
	return (a->voter > b->voter) - (a->voter < b->voter);
}

static int check_differ(const struct json_fields *fields, struct auth_voter *voters, size_t count)
{
	qsort(voters, count, sizeof(*voters), compare_voters);
	for (size_t i = 1; i < count; i++)
		if (voters[i].voter == voters[i - 1].voter)
			return json_fields_refuse(fields, "revoked",
						  "names voter %" PRIu32 " twice; once is enough",
						  voters[i].voter);
	return 0;
}

/* Whose key of this epoch counts no more. */
static int read_revoked(const struct json_fields *fields, const struct auth_key *key,
			struct keyring *keyring)
{
	struct auth_voter *voters = keyring->revoked + keyring->revoked_count;
	const json_t *list = json_object_get(fields->object, "revoked");
	size_t i;
	json_t *item;
	if (!list)
		return 0;
	int rc = json_fields_array(fields, "revoked", 0, KEYRING_MAX_REVOKED, &list);
	if (rc)
		return rc;
	json_array_foreach ((json_t *)list, i, item) {
		json_int_t voter = json_is_integer(item) ? json_integer_value(item) : -1;
		if (voter < 0 || voter > UINT32_MAX)
			return json_fields_refuse(fields, "revoked",
						  "[%zu] is no voter; give whole numbers from 0 "
						  "to %" PRIu32,
						  i, UINT32_MAX);
		voters[i] = (struct auth_voter){key->tenant, key->epoch, (uint32_t)voter};
	}
	keyring->revoked_count += (uint32_t)i;
	return check_differ(fields, voters, i);
}

/* `epoch_items` says which item of this tenant has an epoch, plus one. */
static int read_key(const json_t *value, const char *place, uint16_t tenant, uint16_t *epoch_items,
		    size_t index, struct keyring *keyring, struct err *err)
{
	static const char *const known[] = {"epoch", "key", "revoked", NULL};
	struct json_fields fields;
	uint64_t epoch;
	int rc = json_fields_begin(&fields, value, place, known, err);
	if (!rc)
		rc = json_fields_integer(&fields, "epoch", 0, KEYRING_EPOCHS - 1, &epoch);
	if (rc)
		return rc;
	if (epoch_items[epoch])
		return json_fields_refuse(
			&fields, "epoch",
			"%" PRIu64 " is the epoch of keys[%d] too; epochs of a tenant differ",
			epoch, epoch_items[epoch] - 1);
	epoch_items[epoch] = (uint16_t)(index + 1);
	struct auth_key *key = &keyring->keys[keyring->key_count++];
	*key = (struct auth_key){.tenant = tenant, .epoch = (uint8_t)epoch, .used = true};
	rc = read_key_bytes(&fields, key);
	return rc ? rc : read_revoked(&fields, key, keyring);
}

static int read_keys(const struct json_fields *tenant_fields, uint16_t tenant,
		     struct keyring *keyring)
{
	uint16_t epoch_items[KEYRING_EPOCHS] = {0};
	char place[JSON_PLACE_BYTES];
	const json_t *keys;
	int rc = json_fields_array(tenant_fields, "keys", 1, KEYRING_EPOCHS, &keys);
	for (size_t i = 0; !rc && i < json_array_size(keys); i++) {
		json_place_item(place, tenant_fields->place, "keys", i);
		rc = read_key(json_array_get(keys, i), place, tenant, epoch_items, i, keyring,
			      tenant_fields->err);
	}
	return rc;
}

static int read_name(const struct json_fields *fields, struct tenant *tenant)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *name;
	int rc = json_fields_text(fields, "name", KEYRING_NAME_BYTES - 1, &name);
	if (rc)
		return rc;
	if (name[strspn(name, allowed)] != '\0')
		return json_fields_refuse(
			fields, "name",
			"has other characters than A-Z a-z 0-9 . _ -; use those only");
	strcpy(tenant->name, name);
	return 0;
}

static int read_limits(const struct json_fields *tenant_fields, struct tenant_limits *limits)
{
	static const char *const known[] = {
#define X(limit, most) #limit,
		TENANT_LIMITS(X)
#undef X
			NULL};
	const json_t *value = json_object_get(tenant_fields->object, "limits");
	char place[JSON_PLACE_BYTES];
	struct json_fields fields;
	int rc = 0;
	if (!value)
		return 0;
	json_place_member(place, tenant_fields->place, "limits");
	rc = json_fields_begin(&fields, value, place, known, tenant_fields->err);
#define X(limit, most)                                                                             \
	if (!rc)                                                                                   \
		rc = json_fields_optional_integer(&fields, #limit, 1, most, &limits->limit);
	TENANT_LIMITS(X)
#undef X
	return rc;
}

int tenant_parse(const struct json_fields *fields, struct tenant *tenant)
{
	uint64_t max_delay_ms = KEYRING_DEFAULT_DELAY_MS;
	*tenant = (struct tenant){0};
	int rc = read_name(fields, tenant);
	if (!rc)
		rc = json_fields_optional_integer(fields, "max_delay_ms", 0, KEYRING_MAX_DELAY_MS,
						  &max_delay_ms);
	tenant->max_delay_ms = (uint32_t)max_delay_ms;
	return rc ? rc : read_limits(fields, &tenant->limits);
}

/* No earlier tenant has this one's id or name. */
static int check_unique(const struct json_fields *fields, const struct keyring *keyring,
			const struct tenant *tenant)
{
	const struct tenant *twin = keyring_tenant_by_id(keyring, tenant->id);
	if (twin)
		return json_fields_refuse(fields, "id",
					  "%u is the id of tenants[%td] too; ids differ",
					  tenant->id, twin - keyring->tenants);
	twin = keyring_tenant_by_name(keyring, tenant->name);
	if (twin)
		return json_fields_refuse(fields, "name",
					  "%s is the name of tenants[%td] too; names differ",
					  tenant->name, twin - keyring->tenants);
	return 0;
}

static int read_tenant(const json_t *value, const char *place, struct keyring *keyring,
		       struct err *err)
{
	static const char *const known[] = {"id", "name", "keys", "max_delay_ms", "limits", NULL};
	struct json_fields fields;
	struct tenant tenant;
	uint64_t id = 0;
	int rc = json_fields_begin(&fields, value, place, known, err);
	if (!rc)
		rc = json_fields_integer(&fields, "id", 0, UINT16_MAX, &id);
	if (!rc)
		rc = tenant_parse(&fields, &tenant);
	if (rc)
		return rc;
	tenant.id = (uint16_t)id;
	rc = check_unique(&fields, keyring, &tenant);
	if (rc)
		return rc;
	keyring->tenants[keyring->tenant_count++] = tenant;
	return read_keys(&fields, tenant.id, keyring);
}

/* How many there will be if all is well; what is not well is found later, with its place. */
static void count_keys(const json_t *tenants, size_t *keys, size_t *revoked)
{
	*keys = *revoked = 0;
	for (size_t i = 0; i < json_array_size(tenants); i++) {
		const json_t *list = json_object_get(json_array_get(tenants, i), "keys");
		*keys += json_array_size(list);
		for (size_t k = 0; k < json_array_size(list); k++)
			*revoked += json_array_size(
				json_object_get(json_array_get(list, k), "revoked"));
	}
}

static int take_memory(const struct json_fields *fields, const json_t *tenants,
		       struct keyring *keyring)
{
	size_t keys, revoked;
	count_keys(tenants, &keys, &revoked);
	if (keys > FRONT_MAX_KEYS)
		return json_fields_refuse(fields, "tenants",
					  "have %zu keys in all; at most %d are taken", keys,
					  FRONT_MAX_KEYS);
	if (revoked > KEYRING_MAX_REVOKED)
		return json_fields_refuse(fields, "tenants",
					  "have %zu revoked voters in all; at most %d are taken",
					  revoked, KEYRING_MAX_REVOKED);
	/* All at once, so that none ever moves. */
	keyring->tenants = calloc(KEYRING_TENANT_ROOM, sizeof(*keyring->tenants));
	keyring->keys = keyring_keys_take((uint32_t)keys);
	keyring->room = (uint32_t)keys;
	keyring->revoked = calloc(revoked + 1, sizeof(*keyring->revoked));
	if (!keyring->tenants || !keyring->keys || !keyring->revoked)
		return json_fields_no_memory(fields, "tenants");
	return 0;
}

struct auth_keys *keyring_table_create(const struct auth_key *keys, uint32_t key_count,
				       const struct auth_voter *revoked, uint32_t revoked_count)
{
	void *table = key_memory_take(auth_keys_bytes(key_count)), *set = NULL;
	if (!table)
		return NULL;
	if (revoked_count &&
	    posix_memalign(&set, TABLE_ALIGN_BYTES, auth_revoked_bytes(revoked_count)) != 0) {
		key_memory_give(table, auth_keys_bytes(key_count));
		return NULL;
	}
	struct auth_keys *built = auth_keys_build(table, keys, key_count);
	if (set)
		built->revoked = auth_revoked_build(set, revoked, revoked_count);
	return built;
}

void keyring_table_destroy(struct auth_keys *table)
{
	if (!table)
		return;
	free(table->revoked);
	key_memory_give(table, auth_keys_bytes(table->count));
}

static int read_keyring(const json_t *root, const char *place, struct keyring *keyring,
			struct err *err)
{
	static const char *const known[] = {"tenants", NULL};
	struct json_fields fields;
	char item_place[JSON_PLACE_BYTES];
	const json_t *tenants;
	int rc = json_fields_begin(&fields, root, place, known, err);
	if (!rc)
		rc = json_fields_array(&fields, "tenants", 1, KEYRING_MAX_TENANTS, &tenants);
	if (!rc)
		rc = take_memory(&fields, tenants, keyring);
	for (size_t i = 0; !rc && i < json_array_size(tenants); i++) {
		json_place_item(item_place, place, "tenants", i);
		rc = read_tenant(json_array_get(tenants, i), item_place, keyring, err);
	}
	if (rc)
		return rc;
	keyring->table = keyring_table_create(keyring->keys, keyring->key_count, keyring->revoked,
					      keyring->revoked_count);
	return keyring->table ? 0 : json_fields_no_memory(&fields, "tenants");
}

int keyring_load(const char *path, struct keyring *keyring, struct err *err)
{
	char place[JSON_PLACE_BYTES];
	json_t *root;
	*keyring = (struct keyring){0};
	int rc = json_fields_load(path, KEYRING_MAX_FILE_BYTES, true, &root, err);
	if (rc)
		return rc;
	json_place_root(place, path);
	rc = read_keyring(root, place, keyring, err);
	json_fields_unload(root, true);
	if (rc)
		keyring_free(keyring);
	return rc;
}

struct auth_key *keyring_keys_take(uint32_t keys)
{
	return key_memory_take(keys * sizeof(struct auth_key));
}

void keyring_keys_give(struct auth_key *memory, uint32_t keys)
{
	key_memory_give(memory, keys * sizeof(struct auth_key));
}

int keyring_keys_lock(const struct auth_key *keys, uint32_t room, const struct auth_keys *table,
		      struct err *err)
{
	int rc = key_memory_lock(keys, room ? room * sizeof(*keys) : 1);
	if (rc == 0)
		rc = key_memory_lock(table, auth_keys_bytes(table->count));
	return rc ? err_set(err, rc, "keyring: the memory of the keys cannot be locked: %s; %s",
			    strerror(-rc), KEY_MEMORY_REMEDY)
		  : 0;
}

int keyring_lock(struct keyring *keyring, struct err *err)
{
	int rc = keyring_keys_lock(keyring->keys, keyring->room, keyring->table, err);
	keyring->locked = rc == 0;
	return rc;
}

void keyring_free(struct keyring *keyring)
{
	keyring_keys_give(keyring->keys, keyring->room);
	keyring_table_destroy(keyring->table);
	free(keyring->revoked);
	free(keyring->tenants);
	*keyring = (struct keyring){0};
}

const struct tenant *keyring_tenant_by_name(const struct keyring *keyring, const char *name)
{
	for (uint32_t i = 0; i < keyring->tenant_count; i++)
		if (!keyring->tenants[i].retired && strcmp(keyring->tenants[i].name, name) == 0)
			return &keyring->tenants[i];
	return NULL;
}

const struct tenant *keyring_tenant_by_id(const struct keyring *keyring, uint16_t id)
{
	for (uint32_t i = 0; i < keyring->tenant_count; i++)
		if (!keyring->tenants[i].retired && keyring->tenants[i].id == id)
			return &keyring->tenants[i];
	return NULL;
}

const struct auth_key *keyring_newest_key(const struct keyring *keyring, uint16_t tenant_id)
{
	const struct auth_key *by_epoch[KEYRING_EPOCHS] = {NULL};
	int newest = -1;
	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct auth_key *key = &keyring->keys[i];
		if (key->tenant != tenant_id)
			continue;
		by_epoch[key->epoch] = key;
		if (key->epoch > newest)
			newest = key->epoch;
	}
	if (newest < 0)
		return NULL;
	/* Nothing follows the highest, unless that is 255: then 0 does. */
	for (int i = 0; i < KEYRING_EPOCHS && by_epoch[(newest + 1) % KEYRING_EPOCHS]; i++)
		newest = (newest + 1) % KEYRING_EPOCHS;
	return by_epoch[newest];
}
