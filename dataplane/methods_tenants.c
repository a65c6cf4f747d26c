// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tenants through the control socket. A key is told once, by the method that made it: whoever asked
 * hands it to the tenant's login service. Called through the table in control_methods.c.
 */
#include "dataplane/methods.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "dataplane/clock.h"
#include "dataplane/durable.h"
#include "dataplane/show/json_fields.h"

static json_t *refuse(struct method_error *error, int rc)
{
	error->code = answer_code_of(rc);
	return NULL;
}

static int find_tenant(struct appliance *appliance, const struct json_fields *fields,
		       const struct tenant **tenant)
{
	char shown[JSON_PRINTABLE_BYTES];
	const char *name;
	int rc = json_fields_string(fields, "tenant", &name);
	if (rc)
		return rc;
	*tenant = keyring_tenant_by_name(&appliance->keyring, name);
	if (!*tenant)
		return err_set(
			fields->err, -ENOENT,
			"%s: no such tenant in the keyring; `tallyctl tenant list` shows all",
			json_printable(name, shown));
	return 0;
}

/* In ascending order. */
static json_t *epochs_json(const struct keyring *keyring, uint16_t tenant)
{
	json_t *list = json_array();
	for (int epoch = 0; epoch < KEYRING_EPOCHS; epoch++)
		if (auth_keys_find(keyring->table, tenant, (uint8_t)epoch))
			json_array_append_new(list, json_integer(epoch));
	return list;
}

static json_t *limits_json(const struct tenant_limits *limits)
{
	json_t *object = json_object();
#define X(limit, most)                                                                             \
	if (limits->limit)                                                                         \
		json_object_set_new(object, #limit, json_integer((json_int_t)limits->limit));
	TENANT_LIMITS(X)
#undef X
	return object;
}

static json_t *tenant_json(const struct appliance *appliance, const struct tenant *tenant,
			   uint64_t now_us)
{
	const struct keyring *keyring = &appliance->keyring;
	struct tenant_use use;
	tenants_use(&appliance->tenants, tenant, now_us, &use);
	return json_pack("{s:s,s:i,s:o,s:i,s:I,s:o,s:I,s:I,s:I,s:I}", "name", tenant->name, "id",
			 tenant->id, "epochs", epochs_json(keyring, tenant->id), "newest_epoch",
			 keyring_newest_key(keyring, tenant->id)->epoch, "max_delay_ms",
			 (json_int_t)tenant->max_delay_ms, "limits", limits_json(&tenant->limits),
			 "windows", (json_int_t)use.windows, "memory_bytes",
			 (json_int_t)use.memory_bytes, "busy", (json_int_t)use.busy, "policed",
			 (json_int_t)ports_policed(&appliance->ports, tenant->id));
}

json_t *method_tenants(struct appliance *appliance, const json_t *params,
		       struct method_error *error)
{
	static const char *const none[] = {NULL};
	struct json_fields fields;
	uint64_t now_us = clock_now_us();
	int rc = params ? json_fields_begin(&fields, params, "params", none, &error->text) : 0;
	if (rc)
		return refuse(error, rc);
	json_t *list = json_array();
	for (uint32_t i = 0; i < appliance->keyring.tenant_count; i++)
		if (!appliance->keyring.tenants[i].retired)
			json_array_append_new(
				list,
				tenant_json(appliance, &appliance->keyring.tenants[i], now_us));
	return json_pack("{s:o}", "tenants", list);
}

/* The one time that a key is told. */
static json_t *tell_key(struct tenant_key *key)
{
	char digits[2 * AUTH_KEY_BYTES + 1];
	sodium_bin2hex(digits, sizeof(digits), key->key, sizeof(key->key));
	json_t *told = json_pack("{s:s,s:i,s:i,s:s}", "tenant", key->tenant->name, "id",
				 key->tenant->id, "epoch", key->epoch, "key", digits);
	sodium_memzero(digits, sizeof(digits));
	sodium_memzero(key, sizeof(*key));
	return told;
}

/*
 * In the journal: which key counts from now on, or no more. It does so by then, so what cannot be
 * written is told to the operator and undoes nothing.
 */
static void note_key(struct appliance *appliance, uint16_t tenant, uint8_t epoch, bool added)
{
	struct err err;
	if (appliance->durable && durable_note_key(appliance->durable, tenant, epoch, added, &err))
		fprintf(stderr, "tallyd: %s\n", err.text);
}

json_t *method_tenant_add(struct appliance *appliance, const json_t *params,
			  struct method_error *error)
{
	static const char *const known[] = {"name", "id", "max_delay_ms", "limits", NULL};
	struct json_fields fields;
	struct tenant tenant;
	struct tenant_key key;
	uint64_t id = 0;
	bool any_id = !json_object_get(params, "id");
	int rc = json_fields_begin(&fields, params, "params", known, &error->text);
	if (rc == 0)
		rc = tenant_parse(&fields, &tenant);
	if (rc == 0)
		rc = json_fields_optional_integer(&fields, "id", 0, UINT16_MAX, &id);
	if (rc)
		return refuse(error, rc);
	tenant.id = (uint16_t)id;
	rc = tenants_add(&appliance->tenants, &tenant, any_id, &key, &error->text);
	if (rc)
		return refuse(error, rc);
	note_key(appliance, key.tenant->id, key.epoch, true);
	return tell_key(&key);
}

json_t *method_tenant_rotate(struct appliance *appliance, const json_t *params,
			     struct method_error *error)
{
	static const char *const known[] = {"tenant", NULL};
	struct json_fields fields;
	const struct tenant *tenant;
	struct tenant_key key;
	int rc = json_fields_begin(&fields, params, "params", known, &error->text);
	if (rc == 0)
		rc = find_tenant(appliance, &fields, &tenant);
	if (rc == 0)
		rc = tenants_rotate(&appliance->tenants, tenant, &key, &error->text);
	if (rc)
		return refuse(error, rc);
	note_key(appliance, tenant->id, key.epoch, true);
	return tell_key(&key);
}

/*
 * Where windows are journaled and sealed, those of a retired tenant, which are all over, go with
 * it: a start would find them in the journal and nobody to whom they belong. Elsewhere they stay:
 * their results are nowhere else.
 */
static int take_out_windows(struct appliance *appliance, const struct tenant *tenant,
			    struct err *err)
{
	uint32_t count = windows_count(appliance->windows);
	struct armed_window **out = calloc((size_t)count + 1, sizeof(struct armed_window *));
	struct windows_change gone = {.out = out};
	if (!out)
		return err_set(err, -ENOMEM, "%s: out of memory", tenant->name);
	for (uint32_t i = 0; i < count; i++)
		if (windows_at(appliance->windows, i)->interaction.tenant == tenant)
			out[gone.out_count++] = windows_at(appliance->windows, i);
	int rc = gone.out_count ? windows_replace(appliance->windows, &gone, err) : 0;
	free(out);
	return rc;
}

static int retire_all(struct appliance *appliance, const struct tenant *tenant, struct err *err)
{
	uint64_t now_us = clock_now_us();
	int rc = tenants_check_idle(&appliance->tenants, tenant, now_us, err);
	if (rc == 0 && appliance->sealer)
		rc = take_out_windows(appliance, tenant, err);
	return rc ? rc : tenants_retire(&appliance->tenants, tenant, now_us, err);
}

json_t *method_tenant_retire(struct appliance *appliance, const json_t *params,
			     struct method_error *error)
{
	static const char *const known[] = {"tenant", "epoch", NULL};
	struct json_fields fields;
	const struct tenant *tenant;
	struct tenants *tenants = &appliance->tenants;
	uint64_t epoch = KEYRING_EPOCHS;
	int rc = json_fields_begin(&fields, params, "params", known, &error->text);
	if (rc == 0)
		rc = find_tenant(appliance, &fields, &tenant);
	if (rc == 0)
		rc = json_fields_optional_integer(&fields, "epoch", 0, KEYRING_EPOCHS - 1, &epoch);
	if (rc)
		return refuse(error, rc);
	bool had[KEYRING_EPOCHS];
	for (int i = 0; i < KEYRING_EPOCHS; i++)
		had[i] = auth_keys_find(appliance->keyring.table, tenant->id, (uint8_t)i) != NULL;
	rc = epoch == KEYRING_EPOCHS
		     ? retire_all(appliance, tenant, &error->text)
		     : tenants_retire_epoch(tenants, tenant, (uint8_t)epoch, &error->text);
	if (rc)
		return refuse(error, rc);
	for (int i = 0; i < KEYRING_EPOCHS; i++)
		if (had[i] && !auth_keys_find(appliance->keyring.table, tenant->id, (uint8_t)i))
			note_key(appliance, tenant->id, (uint8_t)i, false);
	/* A retired tenant's name stays readable; it has no epochs any more. */
	return json_pack("{s:s,s:i,s:o}", "tenant", tenant->name, "id", tenant->id, "epochs",
			 epochs_json(&appliance->keyring, tenant->id));
}
