/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keyring file: tenants, their keys by epoch, their defaults. docs/files.md has the format.
 * The file is secret: refused when anybody but its owner may read it. Keys are wiped on free.
 */
#ifndef TALLYWIRE_SHOW_KEYRING_H
#define TALLYWIRE_SHOW_KEYRING_H

#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/err.h"

#define KEYRING_NAME_BYTES       64 /* longest tenant name, with its end */
#define KEYRING_MAX_TENANTS      1024
#define KEYRING_DEFAULT_DELAY_MS 5000
#define KEYRING_MAX_DELAY_MS     600000
#define KEYRING_MAX_FILE_BYTES   (16u << 20)

/* What one tenant may take; 0: no limit of its own. */
struct tenant_limits {
	uint64_t votes_per_s;
	uint64_t voters; /* voter numbers per window */
	uint64_t windows;
	uint64_t memory_mb; /* of all its windows */
};

struct tenant {
	uint16_t id;
	char name[KEYRING_NAME_BYTES]; /* letters, digits, '-', '_', '.' */
	uint32_t max_delay_ms;
	struct tenant_limits limits;
};

struct keyring {
	struct tenant *tenants;
	uint32_t tenant_count;
	struct auth_key *keys; /* of all tenants */
	uint32_t key_count;
	struct auth_keys *table; /* the same keys, for auth_keys_find() */
};

/*
 * Reads and checks the whole file. 0, or a negative errno with `err` filled in ("FILE: place:
 * reason; remedy") and nothing allocated.
 */
int keyring_load(const char *path, struct keyring *keyring, struct err *err);
void keyring_free(struct keyring *keyring);

const struct tenant *keyring_tenant_by_name(const struct keyring *keyring, const char *name);
const struct tenant *keyring_tenant_by_id(const struct keyring *keyring, uint16_t id);
/* The tenant's key of its highest epoch, which new credentials use; never NULL for a loaded tenant.
 */
const struct auth_key *keyring_newest_key(const struct keyring *keyring, uint16_t tenant_id);

#endif
