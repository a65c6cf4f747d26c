// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tenants and keys that come and go in a keyring: what is refused changes nothing, what is kept is
 * found, and pointers to tenants stay good whatever happens to others.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/show/keyring_change.h"
#include "wire/front_maps.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct keyring keyring;
static struct err err;

/* acme (7) and zoo (0), each with a key of epoch 1. */
static void set_up(void)
{
	static const uint16_t ids[] = {7, 0};
	static const char *const names[] = {"acme", "zoo"};
	keyring.tenants = calloc(KEYRING_TENANT_ROOM, sizeof(*keyring.tenants));
	keyring.room = COUNT_OF(ids);
	keyring.keys = keyring_keys_take(keyring.room);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct tenant *tenant = &keyring.tenants[keyring.tenant_count++];
		tenant->id = ids[i];
		strcpy(tenant->name, names[i]);
		keyring.keys[keyring.key_count++] =
			(struct auth_key){.tenant = ids[i], .epoch = 1, .used = true, .key = {9}};
	}
	keyring.table = keyring_table_create(keyring.keys, keyring.key_count, NULL, 0);
}

static void tear_down(void)
{
	keyring_free(&keyring);
}

TestSuite(keyring_change, .init = set_up, .fini = tear_down);

static const struct tenant *named(const char *name)
{
	return keyring_tenant_by_name(&keyring, name);
}

static void keep(int rc, struct keyring_change *change)
{
	cr_assert_eq(rc, 0, "%s", err.text);
	keyring_change_keep(&keyring, change);
	keyring_change_free(change);
}

static int add(const char *name, int id, struct keyring_change *change)
{
	struct tenant tenant = {.id = (uint16_t)id, .max_delay_ms = 5};
	strcpy(tenant.name, name);
	return keyring_change_add(&keyring, &tenant, id < 0, change, &err);
}

static const struct tenant *add_kept(const char *name, int id)
{
	struct keyring_change change;
	keep(add(name, id, &change), &change);
	return named(name);
}

static uint8_t rotate_kept(const char *name)
{
	struct keyring_change change;
	int rc = keyring_change_rotate(&keyring, named(name), &change, &err);
	uint8_t epoch = change.epoch;
	keep(rc, &change);
	return epoch;
}

static void retire_epoch_kept(const char *name, uint8_t epoch)
{
	struct keyring_change change;
	keep(keyring_change_retire_epoch(&keyring, named(name), epoch, &change, &err), &change);
}

static void retire_kept(const char *name)
{
	struct keyring_change change;
	keep(keyring_change_retire(&keyring, named(name), &change, &err), &change);
}

static void expect_refused(int rc, int wanted, const char *reason)
{
	cr_expect_eq(rc, wanted, "%d %s", rc, err.text);
	cr_expect_not_null(strstr(err.text, reason), "no '%s': %s", reason, err.text);
	cr_expect_null(strchr(err.text, '\n'));
}

/* Every key is in the table and nothing else is. */
static void check_table(void)
{
	cr_expect_eq(keyring.table->count, keyring.key_count);
	for (uint32_t i = 0; i < keyring.key_count; i++) {
		const struct auth_key *key = &keyring.keys[i];
		const uint8_t *found = auth_keys_find(keyring.table, key->tenant, key->epoch);
		cr_assert_not_null(found);
		cr_expect_arr_eq(found, key->key, AUTH_KEY_BYTES);
	}
}

Test(keyring_change, a_tenant_comes_with_a_random_key_of_epoch_1)
{
	const struct tenant *kino = add_kept("kino", 9);
	const struct tenant *bar = add_kept("bar", 10);
	cr_assert_not_null(kino);
	cr_expect_eq(kino->id, 9);
	cr_expect_eq(kino->max_delay_ms, 5);
	const uint8_t *key = auth_keys_find(keyring.table, 9, 1);
	cr_assert_not_null(key);
	cr_expect_neq(memcmp(key, auth_keys_find(keyring.table, bar->id, 1), AUTH_KEY_BYTES), 0);
	cr_expect_neq(memcmp(key, (uint8_t[AUTH_KEY_BYTES]){0}, AUTH_KEY_BYTES), 0);
	check_table();
}

Test(keyring_change, the_lowest_id_that_none_has_or_had_is_chosen)
{
	cr_expect_eq(add_kept("a", -1)->id, 1); /* 0 is zoo's */
	cr_expect_eq(add_kept("b", -1)->id, 2);
	retire_kept("a");
	cr_expect_eq(add_kept("c", -1)->id, 3, "the windows of a may be there still");
	add_kept("d", 4);
	cr_expect_eq(add_kept("e", -1)->id, 5);
}

Test(keyring_change, ids_and_names_have_one_tenant_each)
{
	struct keyring_change change;
	expect_refused(add("acme", 9, &change), -EEXIST, "already, as id 7");
	expect_refused(add("acme", -1, &change), -EEXIST, "already, as id 7");
	expect_refused(add("kino", 7, &change), -EEXIST, "id 7 is acme's");
	cr_expect_eq(keyring.tenant_count, 2);
	check_table();
}

Test(keyring_change, what_is_dropped_has_changed_nothing)
{
	struct keyring_change change;
	const struct keyring before = keyring;
	cr_assert_eq(add("kino", 9, &change), 0);
	keyring_change_free(&change);
	cr_assert_eq(keyring_change_rotate(&keyring, named("acme"), &change, &err), 0);
	keyring_change_free(&change);
	cr_assert_eq(keyring_change_retire(&keyring, named("acme"), &change, &err), 0);
	keyring_change_free(&change);
	cr_expect_eq(memcmp(&before, &keyring, sizeof(before)), 0);
	cr_expect_not_null(named("acme"));
	cr_expect_null(named("kino"));
	check_table();
}

Test(keyring_change, what_a_change_had_is_wiped)
{
	struct keyring_change change;
	cr_assert_eq(add("kino", 9, &change), 0);
	keyring_change_keep(&keyring, &change);
	/* Now the change has what the keyring had. */
	cr_expect_eq(change.key_count, 2);
	cr_expect_not_null(auth_keys_find(change.table, 7, 1));
	cr_expect_null(auth_keys_find(change.table, 9, 1));
	keyring_change_free(&change);
	cr_expect_null(change.keys);
	cr_expect_null(change.table);
}

Test(keyring_change, a_rotated_tenant_has_both_keys)
{
	uint8_t old[AUTH_KEY_BYTES];
	memcpy(old, auth_keys_find(keyring.table, 7, 1), sizeof(old));
	cr_expect_eq(rotate_kept("acme"), 2);
	cr_expect_arr_eq(auth_keys_find(keyring.table, 7, 1), old, sizeof(old));
	cr_expect_neq(memcmp(auth_keys_find(keyring.table, 7, 2), old, sizeof(old)), 0);
	cr_expect_eq(keyring_newest_key(&keyring, 7)->epoch, 2);
	retire_epoch_kept("acme", 1);
	cr_expect_null(auth_keys_find(keyring.table, 7, 1));
	cr_expect_not_null(auth_keys_find(keyring.table, 7, 2));
	cr_expect_not_null(auth_keys_find(keyring.table, 0, 1), "another tenant's key went too");
	check_table();
}

Test(keyring_change, epochs_go_round_and_round)
{
	for (int i = 2; i < 600; i++) {
		cr_assert_eq(rotate_kept("acme"), i % KEYRING_EPOCHS);
		retire_epoch_kept("acme", (uint8_t)((i - 1) % KEYRING_EPOCHS));
		cr_assert_eq(keyring_newest_key(&keyring, 7)->epoch, i % KEYRING_EPOCHS);
	}
	check_table();
}

Test(keyring_change, when_every_epoch_has_a_key_there_is_no_next)
{
	struct keyring_change change;
	for (int i = 1; i < KEYRING_EPOCHS; i++)
		rotate_kept("acme");
	expect_refused(keyring_change_rotate(&keyring, named("acme"), &change, &err), -ENOSPC,
		       "all 256 epochs");
	cr_expect_eq(keyring.key_count, KEYRING_EPOCHS + 1);
	rotate_kept("zoo");
}

/* 254, 255, 0: without 255 nothing would tell that 0 is newer than 254. */
Test(keyring_change, old_epochs_go_first_where_they_go_round)
{
	struct keyring_change change;
	for (int i = 2; i <= KEYRING_EPOCHS; i++) {
		rotate_kept("acme");
		if (i < KEYRING_EPOCHS - 1)
			retire_epoch_kept("acme", (uint8_t)(i - 1));
	}
	cr_assert_eq(keyring_newest_key(&keyring, 7)->epoch, 0);
	expect_refused(keyring_change_retire_epoch(&keyring, named("acme"), 255, &change, &err),
		       -EPERM, "254 would pass for newer than 0: retire 254 first");
	cr_expect_null(change.keys);
	check_table();
	retire_epoch_kept("acme", 254);
	retire_epoch_kept("acme", 255);
	cr_expect_eq(keyring_newest_key(&keyring, 7)->epoch, 0);
}

Test(keyring_change, the_newest_epoch_can_go_too)
{
	rotate_kept("acme");
	retire_epoch_kept("acme", 2);
	cr_expect_eq(keyring_newest_key(&keyring, 7)->epoch, 1);
}

Test(keyring_change, the_last_key_and_the_last_tenant_stay)
{
	struct keyring_change change;
	expect_refused(keyring_change_retire_epoch(&keyring, named("acme"), 1, &change, &err),
		       -EPERM, "only key");
	expect_refused(keyring_change_retire_epoch(&keyring, named("acme"), 2, &change, &err),
		       -ENOENT, "no key of epoch 2");
	retire_kept("zoo");
	expect_refused(keyring_change_retire(&keyring, named("acme"), &change, &err), -EPERM,
		       "only tenant");
	check_table();
}

Test(keyring_change, a_retired_tenant_is_remembered_and_not_found)
{
	const struct tenant *acme = named("acme");
	retire_kept("acme");
	cr_expect_null(named("acme"));
	cr_expect_null(keyring_tenant_by_id(&keyring, 7));
	cr_expect_null(keyring_newest_key(&keyring, 7));
	cr_expect_null(auth_keys_find(keyring.table, 7, 1));
	cr_expect_str_eq(acme->name, "acme");
	cr_expect(acme->retired);
	const struct tenant *heir = add_kept("acme", 7);
	cr_expect_neq(heir, acme);
	cr_expect_eq(named("acme"), heir);
	cr_expect(acme->retired);
	check_table();
}

Test(keyring_change, pointers_stay_good_until_the_room_is_used_up)
{
	const struct tenant *acme = named("acme");
	struct keyring_change change;
	char name[KEYRING_NAME_BYTES];
	for (int i = 2; i < KEYRING_TENANT_ROOM; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		add_kept(name, -1);
		retire_kept(name);
	}
	cr_expect_eq(named("acme"), acme);
	cr_expect_str_eq(acme->name, "acme");
	expect_refused(add("one", -1, &change), -ENOSPC, "restart it");
	cr_expect_eq(rotate_kept("acme"), 2);
}

Test(keyring_change, tenants_and_keys_have_a_limit)
{
	struct keyring_change change;
	char name[KEYRING_NAME_BYTES];
	for (int i = 2; i < KEYRING_MAX_TENANTS; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		add_kept(name, -1);
	}
	expect_refused(add("one", -1, &change), -ENOSPC, "1024 tenants");
	for (int i = 0; keyring.key_count < FRONT_MAX_KEYS; i++) {
		snprintf(name, sizeof(name), "t%d", 2 + i % 1000);
		rotate_kept(name);
	}
	expect_refused(keyring_change_rotate(&keyring, named("acme"), &change, &err), -ENOSPC,
		       "4096 keys");
	check_table();
}
