// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz target: any bytes as a keyring file. It is refused with one line, or every tenant and key of
 * it can be found again.
 */
#include <string.h>

#include "dataplane/show/keyring.h"
#include "tests/fuzz/file_input.h"

static void check_loaded(const struct keyring *keyring)
{
	MUST(keyring->tenant_count <= KEYRING_MAX_TENANTS);
	for (uint32_t i = 0; i < keyring->tenant_count; i++) {
		const struct tenant *tenant = &keyring->tenants[i];
		MUST(keyring_tenant_by_name(keyring, tenant->name) == tenant);
		MUST(keyring_tenant_by_id(keyring, tenant->id) == tenant);
		MUST(keyring_newest_key(keyring, tenant->id));
		MUST(tenant->max_delay_ms <= KEYRING_MAX_DELAY_MS);
		MUST(!tenant->retired);
#define X(limit, most) MUST(tenant->limits.limit <= most);
		TENANT_LIMITS(X)
#undef X
	}
	for (uint32_t i = 0; i < keyring->key_count; i++) {
		const struct auth_key *key = &keyring->keys[i];
		const uint8_t *found = auth_keys_find(keyring->table, key->tenant, key->epoch);
		MUST(found && memcmp(found, key->key, AUTH_KEY_BYTES) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct file_input file;
	struct keyring keyring;
	struct err err = {""};
	file_input_make(&file, bytes, count);
	int rc = keyring_load(file.path, &keyring, &err);
	file_input_close(&file);
	if (rc == 0) {
		check_loaded(&keyring);
		keyring_free(&keyring);
		return 0;
	}
	MUST(rc < 0 && err.text[0] && !strchr(err.text, '\n'));
	return 0;
}
