/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tenants that come, change and go while votes come in: what tallyctl tenant does.
 *
 * A change goes into the keyring file, to the fronts and to the workers, in this order, or nowhere:
 * whatever fails, file and fronts are put back. Workers read the keys in one published table, as
 * they do the windows: stored with release, loaded with acquire before each burst; the old table is
 * wiped and freed when every worker has let go of it.
 *
 * A new key is known to fronts and workers before anybody can be told it, and the older ones stay
 * valid, so no vote is lost between epochs. A key that is retired is refused by the fronts first:
 * the workers still take what came through before.
 *
 * Owned by one thread, the control thread.
 */
#ifndef TALLYWIRE_TENANTS_H
#define TALLYWIRE_TENANTS_H

#include "dataplane/config.h"
#include "dataplane/show/keyring.h"
#include "dataplane/windows.h"

/* What the fronts have to know of the tenants. */
struct tenants_access {
	const struct auth_key *keys; /* whose votes pass */
	uint32_t key_count;
	struct front_budget budgets[KEYRING_MAX_TENANTS]; /* of those with a limit, per interface */
	uint32_t budget_count;
	uint16_t owner_ids[CONFIG_MAX_QUEUES]; /* of config->owners, by index */
};

struct tenants_options {
	struct keyring *keyring;
	const struct config *config; /* the keyring's file, and who owns queues */
	struct windows *windows;     /* those that hold tenants */
	/*
	 * The fronts know keys and budgets so, and no others. Where that fails for one of them it
	 * is called again with what was before.
	 */
	int (*set_fronts)(void *context, const struct tenants_access *access, struct err *err);
	/* Returns when no worker uses a table that was published before the call. */
	void (*quiesce)(void *context);
	void *context; /* of both */
};

struct tenants {
	struct tenants_options options;
	const struct auth_keys *published; /* stored with release, read by workers */
};

/* What comes of add and rotate. Whoever has it wipes it (sodium_memzero) when it was told. */
struct tenant_key {
	const struct tenant *tenant;
	uint8_t epoch;
	uint8_t key[AUTH_KEY_BYTES];
};

/* What a tenant has taken. */
struct tenant_use {
	uint64_t windows;
	uint64_t memory_bytes; /* of their ballots and tallies */
	uint64_t busy;         /* votes that were answered so */
};

/*
 * What the fronts have to know of this keyring. 0, or -ENOENT with `err` filled in where somebody
 * who owns queues ([owners]) is not in it.
 */
int tenants_access(const struct config *config, const struct keyring *keyring,
		   struct tenants_access *access, struct err *err);

/* Publishes the keys that the keyring has. */
void tenants_start(struct tenants *tenants, const struct tenants_options *options);

/* Where workers find the keys: an address that stays. */
const struct auth_keys *const *tenants_published(const struct tenants *tenants);

/*
 * The changes. 0, or a negative errno with `err` filled in and nothing changed: those of
 * keyring_change.h and keyring_save.h, what the fronts said, and
 *   -EBUSY  windows stand in the way, the tenant's own or those of one with its id or name that
 *           was retired before; or the queues that it owns
 */

/* `any_id`: tenant->id has no meaning, one is chosen. */
int tenants_add(struct tenants *tenants, const struct tenant *tenant, bool any_id,
		struct tenant_key *key, struct err *err);
int tenants_rotate(struct tenants *tenants, const struct tenant *tenant, struct tenant_key *key,
		   struct err *err);
/* From its return on, votes signed with that key end as unknown_key. */
int tenants_retire_epoch(struct tenants *tenants, const struct tenant *tenant, uint8_t epoch,
			 struct err *err);
/*
 * The voter's keys, under all that the tenant has, count no more, or count again. From the return
 * of the first on, what is signed with them ends as unknown_key; what stands for the voter stands.
 */
int tenants_revoke(struct tenants *tenants, const struct tenant *tenant, uint32_t voter,
		   struct err *err);
int tenants_restore(struct tenants *tenants, const struct tenant *tenant, uint32_t voter,
		    struct err *err);

/* Neither queues nor windows need the tenant any more; otherwise -EBUSY with what does. */
int tenants_check_idle(struct tenants *tenants, const struct tenant *tenant, uint64_t now_us,
		       struct err *err);
/* Refused while it owns queues or one of its windows is not over (final, revealed or cancelled). */
int tenants_retire(struct tenants *tenants, const struct tenant *tenant, uint64_t now_us,
		   struct err *err);

void tenants_use(const struct tenants *tenants, const struct tenant *tenant, uint64_t now_us,
		 struct tenant_use *use);

#endif
