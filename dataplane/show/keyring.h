/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keyring: tenants, their keys by epoch, their defaults and limits. docs/files.md has the
 * file's format. The file is secret: refused when anybody but its owner may read it. Keys are wiped
 * on free.
 *
 * Pointers to tenants stay valid until keyring_free(), whatever is added or retired meanwhile
 * (keyring_change.h): windows hold them. One thread changes a keyring and reads it.
 */
#ifndef TALLYWIRE_SHOW_KEYRING_H
#define TALLYWIRE_SHOW_KEYRING_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/auth.h"
#include "dataplane/core/err.h"

#define KEYRING_NAME_BYTES       64 /* longest tenant name, with its end */
#define KEYRING_MAX_TENANTS      1024
#define KEYRING_TENANT_ROOM      4096 /* in memory: with those that were retired since the start */
#define KEYRING_EPOCHS           256  /* from 0; 0 follows the last */
#define KEYRING_DEFAULT_DELAY_MS 5000
#define KEYRING_MAX_DELAY_MS     600000
#define KEYRING_MAX_REVOKED      65536 /* voters' keys, of all tenants and epochs */
#define KEYRING_MAX_FILE_BYTES   (16u << 20)

/* X(limit, most): the members of "limits", each from 1 to `most` */
#define TENANT_LIMITS(X)                                                                           \
	X(votes_per_s, 1000000000)                                                                 \
	X(voters, 4294967296)                                                                      \
	X(windows, 1000000)                                                                        \
	X(memory_mb, 16777216)

/* What a tenant may use at most; 0: no limit of its own. */
struct tenant_limits {
	uint64_t votes_per_s;
	uint64_t voters;    /* voter numbers of each window, from 0 */
	uint64_t windows;   /* armed at once */
	uint64_t memory_mb; /* for ballots and tallies of all its windows */
};

struct tenant {
	uint16_t id;
	char name[KEYRING_NAME_BYTES]; /* letters, digits, '-', '_', '.' */
	uint32_t max_delay_ms;
	struct tenant_limits limits;
	bool retired; /* since the start: no longer in the file, only windows still know it */
};

struct keyring {
	struct tenant *tenants; /* room for KEYRING_TENANT_ROOM */
	uint32_t tenant_count;  /* with those that are retired */
	struct auth_key *keys;  /* of all tenants */
	uint32_t key_count;
	struct auth_voter *revoked; /* in no order, each once, each under one of the keys */
	uint32_t revoked_count;
	struct auth_keys *table; /* both once more, for auth_keys_find() and auth_is_revoked() */
	uint32_t room;           /* keys that there is memory for */
	bool locked;             /* keyring_lock() was asked for: holds for changes too */
};

/*
 * Reads and checks the whole file. 0, or a negative errno with `err` filled in ("FILE: place:
 * reason; remedy") and nothing allocated.
 */
int keyring_load(const char *path, struct keyring *keyring, struct err *err);
void keyring_free(struct keyring *keyring);

/*
 * For who serves: the keys' memory is locked (key_memory.h), or the start is refused. Other
 * tools read a keyring without. 0, or a negative errno with `err` filled in.
 */
int keyring_lock(struct keyring *keyring, struct err *err);

/* Memory for so many keys, zeroed, and locked where that is allowed; NULL: none. Wiped when given
 * back. */
struct auth_key *keyring_keys_take(uint32_t keys);
void keyring_keys_give(struct auth_key *memory, uint32_t keys);

/* keyring_lock() for keys and table that are no keyring's yet. */
int keyring_keys_lock(const struct auth_key *keys, uint32_t room, const struct auth_keys *table,
		      struct err *err);

/* The table of a keyring; NULL where memory is short. What is destroyed is wiped. */
struct auth_keys *keyring_table_create(const struct auth_key *keys, uint32_t key_count,
				       const struct auth_voter *revoked, uint32_t revoked_count);
void keyring_table_destroy(struct auth_keys *table);

/* A tenant that is not retired, or NULL. */
const struct tenant *keyring_tenant_by_name(const struct keyring *keyring, const char *name);
const struct tenant *keyring_tenant_by_id(const struct keyring *keyring, uint16_t id);

/*
 * The tenant's newest key, which new credentials use; NULL where there is no such tenant. That is
 * the one of the highest epoch or, where epochs have come to 255 and gone on with 0, the last one
 * after it without a gap.
 */
const struct auth_key *keyring_newest_key(const struct keyring *keyring, uint16_t tenant_id);

struct json_fields;

/*
 * Reads what describes a tenant wherever it is written: `name`, and optional `max_delay_ms` and
 * `limits`. The id and what is unknown are the caller's. 0, or -EINVAL with the fields' err filled
 * in.
 */
int tenant_parse(const struct json_fields *fields, struct tenant *tenant);

#endif
