// SPDX-License-Identifier: BSD-3-Clause
/*
 * A change of tenants is in the file, at the fronts and before the workers, in this order, or
 * nowhere; and keys that a worker may still read are not touched. Runs under ASan too, which sees
 * the last. The fronts and the workers are played here.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include "dataplane/tenants.h"
#include "tests/lib/scratch.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define FILE_TEXT                                                                                  \
	"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,\"key\":\"" KEY "\"}]}," \
	"{\"id\":8,\"name\":\"zoo\",\"keys\":[{\"epoch\":1,\"key\":\"" KEY "\"}]}]}"
#define OPENS  1000000000ull
#define CLOSES (OPENS + 20000000)
#define FINAL  (CLOSES + 5000000)

static struct config config;
static struct keyring keyring;
static struct windows *windows;
static struct tenants tenants;
static struct err err;

/* What fronts and workers saw, and how often the fronts are to fail. */
static struct {
	int failures;
	int fronts_set;
	uint32_t front_keys;
	uint32_t budgets;
	struct front_budget last_budget;
	bool front_has_new;  /* tenant 7, epoch 2 */
	bool file_was_ahead; /* the file said so when the fronts were told */
	const struct auth_keys *held;
	int waits;
	bool front_was_ahead; /* of the workers */
	bool held_is_whole;   /* during the wait, after the change was published */
} seen;

static bool file_has(uint16_t tenant, uint8_t epoch)
{
	struct keyring file;
	struct err flaw;
	cr_assert_eq(keyring_load(config.keyring, &file, &flaw), 0, "%s", flaw.text);
	bool has = auth_keys_find(file.table, tenant, epoch) != NULL;
	keyring_free(&file);
	return has;
}

static int set_fronts(void *context, const struct tenants_access *access, struct err *flaw)
{
	cr_assert_eq(context, &seen);
	seen.fronts_set++;
	seen.front_keys = access->key_count;
	seen.budgets = access->budget_count;
	seen.last_budget = access->budgets[access->budget_count ? access->budget_count - 1 : 0];
	seen.front_has_new = false;
	for (uint32_t i = 0; i < access->key_count; i++)
		seen.front_has_new |= access->keys[i].tenant == 7 && access->keys[i].epoch == 2;
	seen.file_was_ahead = file_has(7, 2) == seen.front_has_new;
	if (seen.failures && seen.failures--)
		return err_set(flaw, -EIO, "tally0: the front is gone");
	return 0;
}

/* Reads the old table as a worker would, until this returns. */
static void wait_for_workers(void *context)
{
	cr_assert_eq(context, &seen);
	seen.waits++;
	if (!seen.held)
		return;
	cr_expect_neq(*tenants_published(&tenants), seen.held, "waited before it was published");
	seen.front_was_ahead =
		seen.front_has_new == (auth_keys_find(*tenants_published(&tenants), 7, 2) != NULL);
	const uint8_t *key = auth_keys_find(seen.held, 7, 1);
	seen.held_is_whole = key && key[0] == 0 && key[15] == 15;
}

static void set_up(void)
{
	const struct windows_options window_options = {
		.voters = 100,
		.memory_bytes = 1 << 20,
		.workers = 1,
		.quiesce = wait_for_workers,
		.quiesce_context = &seen,
	};
	const struct tenants_options options = {
		.keyring = &keyring,
		.config = &config,
		.set_fronts = set_fronts,
		.quiesce = wait_for_workers,
		.context = &seen,
	};
	scratch_make();
	strcpy(config.keyring, scratch_text("keyring.json", FILE_TEXT, 0600));
	cr_assert_eq(keyring_load(config.keyring, &keyring, &err), 0, "%s", err.text);
	cr_assert_eq(windows_create(&window_options, &windows, &err), 0);
	tenants_start(&tenants, &options);
	tenants.options.windows = windows;
}

static void tear_down(void)
{
	windows_destroy(windows);
	keyring_free(&keyring);
	scratch_remove();
}

TestSuite(tenants, .init = set_up, .fini = tear_down);

static const struct tenant *named(const char *name)
{
	return keyring_tenant_by_name(&keyring, name);
}

static void arm(const char *tenant, uint32_t id)
{
	char label[] = "a";
	struct interaction interaction = {.tenant = named(tenant),
					  .id = id,
					  .rules = {.kind = KIND_POLL, .options = 1},
					  .labels = malloc(sizeof(char *)),
					  .question = strdup("?"),
					  .opens_at_us = OPENS,
					  .duration_us = CLOSES - OPENS,
					  .max_delay_us = FINAL - CLOSES};
	interaction.labels[0] = strdup(label);
	seen.held = NULL;
	cr_assert_eq(windows_arm(windows, &interaction, 1, &err), 0, "%s", err.text);
}

static void expect_refused(int rc, int wanted, const char *reason)
{
	cr_expect_eq(rc, wanted, "%d %s", rc, err.text);
	cr_expect_not_null(strstr(err.text, reason), "no '%s': %s", reason, err.text);
	cr_expect_null(strchr(err.text, '\n'));
}

Test(tenants, a_new_key_is_in_the_file_then_at_the_fronts_then_at_the_workers)
{
	struct tenant_key key;
	seen.held = *tenants_published(&tenants);
	cr_assert_eq(tenants_rotate(&tenants, named("acme"), &key, &err), 0, "%s", err.text);
	cr_expect(seen.file_was_ahead);
	cr_expect(seen.front_was_ahead);
	cr_expect(seen.held_is_whole, "the old table was touched before the workers let go");
	cr_expect_eq(seen.fronts_set, 1);
	cr_expect_eq(seen.waits, 1);
	cr_expect_eq(key.tenant, named("acme"));
	cr_expect_eq(key.epoch, 2);
	const struct auth_keys *published = *tenants_published(&tenants);
	cr_expect_arr_eq(key.key, auth_keys_find(published, 7, 2), AUTH_KEY_BYTES);
	cr_expect_not_null(auth_keys_find(published, 7, 1));
	cr_expect_eq(scratch_count(), 1);
}

Test(tenants, a_retired_epoch_is_gone_everywhere)
{
	struct tenant_key key;
	cr_assert_eq(tenants_rotate(&tenants, named("acme"), &key, &err), 0);
	seen.held = *tenants_published(&tenants);
	cr_assert_eq(tenants_retire_epoch(&tenants, named("acme"), 1, &err), 0, "%s", err.text);
	cr_expect(seen.held_is_whole);
	cr_expect_eq(seen.front_keys, 2);
	cr_expect_null(auth_keys_find(*tenants_published(&tenants), 7, 1));
	cr_expect_not_null(auth_keys_find(*tenants_published(&tenants), 7, 2));
	cr_expect_not(file_has(7, 1));
	cr_expect(file_has(7, 2));
}

Test(tenants, a_tenant_comes_and_goes)
{
	struct tenant_key key;
	const struct tenant wish = {.name = "kino", .limits = {.windows = 3, .votes_per_s = 50}};
	cr_assert_eq(tenants_add(&tenants, &wish, true, &key, &err), 0, "%s", err.text);
	cr_expect_eq(key.tenant->id, 0);
	cr_expect_eq(key.epoch, 1);
	cr_expect_eq(key.tenant->limits.windows, 3);
	cr_expect_arr_eq(key.key, auth_keys_find(*tenants_published(&tenants), 0, 1),
			 AUTH_KEY_BYTES);
	cr_expect(file_has(0, 1));
	cr_expect_eq(seen.budgets, 1);
	cr_expect_eq(seen.last_budget.tenant, 0);
	cr_expect_eq(seen.last_budget.votes_per_s, 50);
	cr_assert_eq(tenants_retire(&tenants, named("kino"), OPENS, &err), 0, "%s", err.text);
	cr_expect_null(auth_keys_find(*tenants_published(&tenants), 0, 1));
	cr_expect_not(file_has(0, 1));
	cr_expect_null(named("kino"));
}

/* Every change, with fronts that fail: file, keyring, table and fronts are as they were. */
Test(tenants, what_the_fronts_refuse_is_undone)
{
	struct tenant_key key;
	const struct tenant wish = {.name = "kino"};
	cr_assert_eq(tenants_rotate(&tenants, named("acme"), &key, &err), 0);
	const struct auth_keys *published = *tenants_published(&tenants);
	const struct keyring before = keyring;
	for (int change = 0; change < 4; change++) {
		int rc = 0;
		seen.failures = 1;
		seen.fronts_set = 0;
		switch (change) {
		case 0: rc = tenants_add(&tenants, &wish, true, &key, &err); break;
		case 1: rc = tenants_rotate(&tenants, named("acme"), &key, &err); break;
		case 2: rc = tenants_retire_epoch(&tenants, named("acme"), 1, &err); break;
		case 3: rc = tenants_retire(&tenants, named("acme"), OPENS, &err); break;
		}
		expect_refused(rc, -EIO, "tally0: the front is gone; nothing has changed");
		cr_expect_eq(seen.fronts_set, 2, "the fronts were not set back");
		cr_expect_eq(seen.front_keys, 3);
		cr_expect_eq(*tenants_published(&tenants), published);
		cr_expect_eq(memcmp(&keyring, &before, sizeof(before)), 0);
		cr_expect(file_has(7, 1) && file_has(7, 2) && file_has(8, 1) && !file_has(7, 3) &&
			  !file_has(0, 1));
		cr_expect_eq(scratch_count(), 1);
	}
	cr_expect_eq(tenants_retire(&tenants, named("acme"), OPENS, &err), 0, "%s", err.text);
}

Test(tenants, fronts_that_cannot_be_set_back_are_told_of)
{
	struct tenant_key key;
	seen.failures = 2;
	expect_refused(tenants_rotate(&tenants, named("acme"), &key, &err), -EIO,
		       "the fronts could not be put back: restart tallyd");
	cr_expect_not(file_has(7, 2));
}

Test(tenants, what_cannot_be_saved_reaches_nobody)
{
	struct tenant_key key;
	scratch_text("keyring.json", "{}", 0600);
	expect_refused(tenants_rotate(&tenants, named("acme"), &key, &err), -ESTALE,
		       "was changed since tallyd read it");
	cr_expect_eq(seen.fronts_set + seen.waits, 0);
	cr_expect_null(auth_keys_find(*tenants_published(&tenants), 7, 2));
}

Test(tenants, a_tenant_is_retired_when_its_windows_are_over)
{
	arm("acme", 101);
	arm("zoo", 5);
	expect_refused(tenants_retire(&tenants, named("acme"), OPENS - 1, &err), -EBUSY,
		       "acme/101 is scheduled");
	expect_refused(tenants_retire(&tenants, named("acme"), OPENS, &err), -EBUSY, "is open");
	expect_refused(tenants_retire(&tenants, named("acme"), CLOSES, &err), -EBUSY,
		       "is draining");
	cr_expect(file_has(7, 1));
	cr_assert_eq(tenants_retire(&tenants, named("acme"), FINAL, &err), 0, "%s", err.text);
	/* Its window is still there, with its name. */
	cr_expect_str_eq(windows_find(windows, 7, 101)->interaction.tenant->name, "acme");
}

Test(tenants, nobody_passes_for_a_retired_tenant_whose_windows_are_there)
{
	struct tenant_key key;
	const struct tenant same_id = {.id = 7, .name = "kino"};
	const struct tenant same_name = {.id = 9, .name = "acme"};
	arm("acme", 101);
	cr_assert_eq(tenants_retire(&tenants, named("acme"), FINAL, &err), 0, "%s", err.text);
	expect_refused(tenants_add(&tenants, &same_id, false, &key, &err), -EBUSY,
		       "id 7 still has windows of acme");
	expect_refused(tenants_add(&tenants, &same_name, true, &key, &err), -EBUSY,
		       "windows of the tenant that had this name");
	cr_assert_eq(tenants_add(&tenants, &(struct tenant){.name = "kino"}, true, &key, &err), 0);
	cr_expect_eq(key.tenant->id, 0);
	/* Without windows an id and a name can come back. */
	cr_assert_eq(tenants_retire(&tenants, named("kino"), FINAL, &err), 0);
	cr_assert_eq(tenants_add(&tenants, &(struct tenant){.name = "kino"}, false, &key, &err), 0,
		     "%s", err.text);
	cr_expect_eq(named("kino")->id, 0);
}

Test(tenants, who_owns_queues_stays_and_must_be_there)
{
	struct tenants_access access;
	config.owner_count = 1;
	strcpy(config.owners[0].tenant, "zoo");
	strcpy(config.owners[0].text, "a:2-3");
	cr_expect_eq(tenants_access(&config, &keyring, &access, &err), 0);
	cr_expect_eq(access.owner_ids[0], 8);
	expect_refused(tenants_retire(&tenants, named("zoo"), OPENS, &err), -EBUSY,
		       "zoo owns queues");
	strcpy(config.owners[0].tenant, "kino");
	expect_refused(tenants_access(&config, &keyring, &access, &err), -ENOENT,
		       "[owners] kino = a:2-3: the keyring");
}

Test(tenants, use_is_what_its_windows_come_to)
{
	struct tenant_use use;
	arm("acme", 101);
	arm("acme", 102);
	arm("zoo", 5);
	tally_add(
		&tally_lane(&windows_find(windows, 7, 102)->store.tally, 0)->receipts[RECEIPT_BUSY],
		9);
	tenants_use(&tenants, named("acme"), OPENS, &use);
	cr_expect_eq(use.windows, 2);
	cr_expect_eq(use.memory_bytes, 2 * windows_find(windows, 7, 101)->memory_bytes);
	cr_expect_eq(use.busy, 9);
	tenants_use(&tenants, named("zoo"), OPENS, &use);
	cr_expect_eq(use.windows, 1);
	cr_expect_eq(use.busy, 0);
}
