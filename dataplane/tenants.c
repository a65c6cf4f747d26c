// SPDX-License-Identifier: BSD-3-Clause
/* Carries changes of tenants to the file, the fronts and the workers. Control thread only. */
#include "dataplane/tenants.h"

#include <errno.h>
#include <string.h>

#include "dataplane/show/keyring_change.h"
#include "dataplane/show/keyring_save.h"

static void add_budget(struct tenants_access *access, const struct tenant *tenant)
{
	if (tenant->limits.votes_per_s)
		access->budgets[access->budget_count++] = (struct front_budget){
			.tenant = tenant->id, .votes_per_s = tenant->limits.votes_per_s};
}

int tenants_access(const struct config *config, const struct keyring *keyring,
		   struct tenants_access *access, struct err *err)
{
	*access = (struct tenants_access){.keys = keyring->keys, .key_count = keyring->key_count};
	for (uint32_t i = 0; i < keyring->tenant_count; i++)
		if (!keyring->tenants[i].retired)
			add_budget(access, &keyring->tenants[i]);
	for (uint32_t i = 0; i < config->owner_count; i++) {
		const struct owner_config *owner = &config->owners[i];
		const struct tenant *tenant = keyring_tenant_by_name(keyring, owner->tenant);
		if (!tenant)
			return err_set(err, -ENOENT,
				       "[owners] %s = %s: the keyring %s has no such tenant",
				       owner->tenant, owner->text, config->keyring);
		access->owner_ids[i] = tenant->id;
	}
	return 0;
}

/* Tells the fronts of the keyring as it is or, with `change`, as it will be. */
static int set_fronts(const struct tenants *tenants, const struct keyring_change *change,
		      struct err *err)
{
	static struct tenants_access access; /* control thread only */
	const struct tenants_options *options = &tenants->options;
	int rc = tenants_access(options->config, options->keyring, &access, err);
	if (rc)
		return rc;
	if (change) {
		access.keys = change->keys;
		access.key_count = change->key_count;
	}
	/* The budget of one who goes stays until the next change: without keys it limits nobody. */
	if (change && change->adds)
		add_budget(&access, &change->added);
	return options->set_fronts(options->context, &access, err);
}

void tenants_start(struct tenants *tenants, const struct tenants_options *options)
{
	tenants->options = *options;
	tenants->published = options->keyring->table;
}

const struct auth_keys *const *tenants_published(const struct tenants *tenants)
{
	return &tenants->published;
}

/* The fronts have refused: what they and the file had before is put back. */
static int undo(struct tenants *tenants, struct keyring_save *save, int rc, struct err *err)
{
	struct err why = *err, again;
	int fronts = set_fronts(tenants, NULL, &again);
	int file = keyring_save_undo(save);
	if (fronts || file)
		return err_set(err, rc, "%s; and the %s could not be put back: restart tallyd",
			       why.text, file ? "keyring" : "fronts");
	return err_set(err, rc, "%s; nothing has changed", why.text);
}

/* The file first, since that fails most; the workers last, since they cannot fail. */
static int carry_out(struct tenants *tenants, struct keyring_change *change, struct err *err)
{
	const struct tenants_options *options = &tenants->options;
	struct keyring_save save;
	int rc = keyring_save(options->config->keyring, options->keyring, change, &save, err);
	if (rc == 0) {
		rc = set_fronts(tenants, change, err);
		if (rc)
			rc = undo(tenants, &save, rc, err);
	}
	if (rc) {
		keyring_change_free(change);
		return rc;
	}
	keyring_change_keep(options->keyring, change);
	__atomic_store_n(&tenants->published, options->keyring->table, __ATOMIC_RELEASE);
	options->quiesce(options->context);
	keyring_change_free(change);
	keyring_save_keep(&save);
	return 0;
}

static void take_key(const struct keyring *keyring, uint16_t id, uint8_t epoch,
		     struct tenant_key *key)
{
	key->tenant = keyring_tenant_by_id(keyring, id);
	key->epoch = epoch;
	memcpy(key->key, auth_keys_find(keyring->table, id, epoch), sizeof(key->key));
}

/* Windows stay where they are when their tenant is retired; nobody may pass for it. */
static int check_no_heir(struct tenants *tenants, const struct tenant *tenant, struct err *err)
{
	struct windows *windows = tenants->options.windows;
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		const struct tenant *other = windows_at(windows, i)->interaction.tenant;
		if (!other->retired)
			continue;
		if (other->id == tenant->id)
			return err_set(err, -EBUSY,
				       "%s: id %u still has windows of %s, which was retired; "
				       "choose another id, or restart tallyd",
				       tenant->name, tenant->id, other->name);
		if (strcmp(other->name, tenant->name) == 0)
			return err_set(err, -EBUSY,
				       "%s: there are still windows of the tenant that had this "
				       "name and was retired; choose another, or restart tallyd",
				       tenant->name);
	}
	return 0;
}

int tenants_add(struct tenants *tenants, const struct tenant *tenant, bool any_id,
		struct tenant_key *key, struct err *err)
{
	struct keyring *keyring = tenants->options.keyring;
	struct keyring_change change;
	int rc = keyring_change_add(keyring, tenant, any_id, &change, err);
	if (rc)
		return rc;
	uint16_t id = change.added.id;
	uint8_t epoch = change.epoch;
	rc = check_no_heir(tenants, &change.added, err);
	if (rc) {
		keyring_change_free(&change);
		return rc;
	}
	rc = carry_out(tenants, &change, err);
	if (rc == 0)
		take_key(keyring, id, epoch, key);
	return rc;
}

int tenants_rotate(struct tenants *tenants, const struct tenant *tenant, struct tenant_key *key,
		   struct err *err)
{
	struct keyring *keyring = tenants->options.keyring;
	struct keyring_change change;
	int rc = keyring_change_rotate(keyring, tenant, &change, err);
	if (rc)
		return rc;
	uint8_t epoch = change.epoch;
	rc = carry_out(tenants, &change, err);
	if (rc == 0)
		take_key(keyring, tenant->id, epoch, key);
	return rc;
}

int tenants_retire_epoch(struct tenants *tenants, const struct tenant *tenant, uint8_t epoch,
			 struct err *err)
{
	struct keyring_change change;
	int rc = keyring_change_retire_epoch(tenants->options.keyring, tenant, epoch, &change, err);
	return rc ? rc : carry_out(tenants, &change, err);
}

int tenants_revoke(struct tenants *tenants, const struct tenant *tenant, uint32_t voter,
		   struct err *err)
{
	struct keyring_change change;
	int rc = keyring_change_revoke(tenants->options.keyring, tenant, voter, &change, err);
	return rc ? rc : carry_out(tenants, &change, err);
}

int tenants_restore(struct tenants *tenants, const struct tenant *tenant, uint32_t voter,
		    struct err *err)
{
	struct keyring_change change;
	int rc = keyring_change_restore(tenants->options.keyring, tenant, voter, &change, err);
	return rc ? rc : carry_out(tenants, &change, err);
}

int tenants_check_idle(struct tenants *tenants, const struct tenant *tenant, uint64_t now_us,
		       struct err *err)
{
	struct windows *windows = tenants->options.windows;
	const struct config *config = tenants->options.config;
	for (uint32_t i = 0; i < config->owner_count; i++)
		if (strcmp(config->owners[i].tenant, tenant->name) == 0)
			return err_set(err, -EBUSY,
				       "%s owns queues: take it out of [owners] in the "
				       "configuration and restart tallyd first",
				       tenant->name);
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		const struct armed_window *armed = windows_at(windows, i);
		enum window_state state = window_state(&armed->window, now_us);
		if (armed->interaction.tenant == tenant && state < WINDOW_FINAL)
			return err_set(err, -EBUSY,
				       "%s/%u is %s: a tenant is retired when all its windows are "
				       "final or cancelled",
				       tenant->name, armed->interaction.id,
				       window_state_name(state));
	}
	return 0;
}

int tenants_retire(struct tenants *tenants, const struct tenant *tenant, uint64_t now_us,
		   struct err *err)
{
	struct keyring_change change;
	int rc = tenants_check_idle(tenants, tenant, now_us, err);
	if (rc == 0)
		rc = keyring_change_retire(tenants->options.keyring, tenant, &change, err);
	return rc ? rc : carry_out(tenants, &change, err);
}

void tenants_use(const struct tenants *tenants, const struct tenant *tenant, uint64_t now_us,
		 struct tenant_use *use)
{
	struct windows *windows = tenants->options.windows;
	*use = (struct tenant_use){0};
	for (uint32_t i = 0; i < windows_count(windows); i++) {
		struct armed_window *armed = windows_at(windows, i);
		struct tally_sum sum;
		if (armed->interaction.tenant != tenant)
			continue;
		windows_sum(windows, armed, now_us, &sum);
		use->windows++;
		use->memory_bytes += armed->memory_bytes;
		use->busy += sum.receipts[RECEIPT_BUSY];
	}
}
