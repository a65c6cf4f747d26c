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

/* `epoch_items` says which item of this tenant has an epoch, plus one. */
static int read_key(const json_t *value, const char *place, uint16_t tenant, uint16_t *epoch_items,
		    size_t index, struct keyring *keyring, struct err *err)
{
	static const char *const known[] = {"epoch", "key", NULL};
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
	return read_key_bytes(&fields, key);
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

/* How many keys there will be if all is well; what is not well is found later, with its place. */
static size_t count_keys(const json_t *tenants)
{
	size_t keys = 0;
	for (size_t i = 0; i < json_array_size(tenants); i++)
		keys += json_array_size(json_object_get(json_array_get(tenants, i), "keys"));
	return keys;
}

static int take_memory(const struct json_fields *fields, struct keyring *keyring, size_t keys)
{
	void *table = NULL;
	if (keys > FRONT_MAX_KEYS)
		return json_fields_refuse(fields, "tenants",
					  "have %zu keys in all; at most %d are taken", keys,
					  FRONT_MAX_KEYS);
	/* All at once, so that none ever moves. */
	keyring->tenants = calloc(KEYRING_TENANT_ROOM, sizeof(*keyring->tenants));
	keyring->keys = calloc(keys + 1, sizeof(*keyring->keys));
	if (posix_memalign(&table, TABLE_ALIGN_BYTES, auth_keys_bytes((uint32_t)keys)) != 0)
		table = NULL;
	if (!keyring->tenants || !keyring->keys || !table) {
		free(table);
		return json_fields_no_memory(fields, "tenants");
	}
	keyring->table = auth_keys_build(table, keyring->keys, 0);
	return 0;
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
		rc = take_memory(&fields, keyring, count_keys(tenants));
	for (size_t i = 0; !rc && i < json_array_size(tenants); i++) {
		json_place_item(item_place, place, "tenants", i);
		rc = read_tenant(json_array_get(tenants, i), item_place, keyring, err);
	}
	if (!rc)
		auth_keys_build(keyring->table, keyring->keys, keyring->key_count);
	return rc;
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

void keyring_free(struct keyring *keyring)
{
	if (keyring->keys)
		sodium_memzero(keyring->keys, keyring->key_count * sizeof(*keyring->keys));
	if (keyring->table)
		sodium_memzero(keyring->table, auth_keys_bytes(keyring->table->count));
	free(keyring->table);
	free(keyring->keys);
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
