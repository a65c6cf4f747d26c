/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A change of a keyring, in two steps: it is made beside the keyring, where it can be saved
 * (keyring_save.h) and can still be dropped; then it is kept, which cannot fail.
 *
 * Whether a tenant's windows allow it, and whether those of an earlier tenant still have its id or
 * name, is the caller's to know. New keys are random bytes of libsodium. One thread.
 */
#ifndef TALLYWIRE_SHOW_KEYRING_CHANGE_H
#define TALLYWIRE_SHOW_KEYRING_CHANGE_H

#include "dataplane/show/keyring.h"

struct keyring_change {
	struct tenant added;          /* with `adds`: the new tenant */
	const struct tenant *retired; /* NULL, or the tenant that goes */
	bool adds;
	uint8_t epoch; /* of the key that comes or goes */
	/* All keys, and whose count no more, as they will be; once the change was kept, as they
	 * were. */
	struct auth_key *keys;
	uint32_t key_count;
	struct auth_voter *revoked;
	uint32_t revoked_count;
	struct auth_keys *table;
	uint32_t room; /* keys that there is memory for */
};

/*
 * Each makes a change and leaves the keyring as it is. The caller ends with keyring_change_free().
 * 0, or with `err` filled in and nothing allocated:
 *   -EEXIST  id or name has another tenant; or all the voter's keys are revoked
 *   -EPERM   the last key or tenant, or a key that is needed to tell which is the newest
 *   -ENOENT  no such epoch, or nothing to restore
 *   -ENOSPC  no id, epoch or place is left
 *   -ENOMEM, -EIO (no randomness), -EPERM also where the memory of keys cannot be locked
 */

/* A tenant with its first key, of epoch 1. `any_id`: the lowest that none has had since the start.
 */
int keyring_change_add(const struct keyring *keyring, const struct tenant *tenant, bool any_id,
		       struct keyring_change *change, struct err *err);
/* A new key for a tenant, with the epoch that follows its newest; the others stay valid. */
int keyring_change_rotate(const struct keyring *keyring, const struct tenant *tenant,
			  struct keyring_change *change, struct err *err);
/* Without one of its keys; not the last one. */
int keyring_change_retire_epoch(const struct keyring *keyring, const struct tenant *tenant,
				uint8_t epoch, struct keyring_change *change, struct err *err);
/* Without the tenant and all its keys. */
int keyring_change_retire(const struct keyring *keyring, const struct tenant *tenant,
			  struct keyring_change *change, struct err *err);

/*
 * The voter's keys, of all epochs that there are, count no more; or count again. A key of a later
 * epoch is another one: so a voter comes back with a new credential. Those of an epoch go with it.
 */
int keyring_change_revoke(const struct keyring *keyring, const struct tenant *tenant,
			  uint32_t voter, struct keyring_change *change, struct err *err);
int keyring_change_restore(const struct keyring *keyring, const struct tenant *tenant,
			   uint32_t voter, struct keyring_change *change, struct err *err);

/* The keyring is as the change says. The keys and the table it had are the change's now. */
void keyring_change_keep(struct keyring *keyring, struct keyring_change *change);

/* Wipes and frees the keys that the change has. */
void keyring_change_free(struct keyring_change *change);

#endif
