// SPDX-License-Identifier: BSD-3-Clause
/*
 * Single voters through the control socket: whose key counts no more. Called through the table in
 * control_methods.c.
 */
#include "dataplane/methods.h"

#include <errno.h>
#include <stdlib.h>

/* The tenant, and its voter where the method is about one. */
static int parse(struct appliance *appliance, const json_t *params, bool one,
		 const struct tenant **tenant, uint32_t *voter, struct err *err)
{
	static const char *const about_one[] = {"tenant", "voter", NULL};
	static const char *const about_all[] = {"tenant", NULL};
	uint16_t id;
	uint64_t number = 0;
	int rc = params_only(params, one ? about_one : about_all, err);
	if (rc == 0)
		rc = params_tenant(appliance, params, &id, err);
	if (rc == 0 && one)
		rc = params_integer(params, "voter", 0, UINT32_MAX, &number, err);
	if (rc)
		return rc;
	*tenant = keyring_tenant_by_id(&appliance->keyring, id);
	*voter = (uint32_t)number;
	return 0;
}

/* Under which of the tenant's keys the voter is revoked. */
static json_t *epochs_json(const struct keyring *keyring, uint16_t tenant, uint32_t voter)
{
	json_t *list = json_array();
	for (int epoch = 0; epoch < KEYRING_EPOCHS; epoch++)
		if (auth_is_revoked(keyring->table, tenant, (uint8_t)epoch, voter))
			json_array_append_new(list, json_integer(epoch));
	return list;
}

typedef int change_function(struct tenants *tenants, const struct tenant *tenant, uint32_t voter,
			    struct err *err);

static json_t *change(struct appliance *appliance, const json_t *params, change_function *function,
		      struct method_error *error)
{
	const struct tenant *tenant;
	uint32_t voter;
	struct err err;
	int rc = parse(appliance, params, true, &tenant, &voter, &err);
	if (rc == 0)
		rc = function(&appliance->tenants, tenant, voter, &err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	return json_pack("{s:s,s:I,s:o}", "tenant", tenant->name, "voter", (json_int_t)voter,
			 "epochs", epochs_json(&appliance->keyring, tenant->id, voter));
}

json_t *method_voter_revoke(struct appliance *appliance, const json_t *params,
			    struct method_error *error)
{
	return change(appliance, params, tenants_revoke, error);
}

json_t *method_voter_restore(struct appliance *appliance, const json_t *params,
			     struct method_error *error)
{
	return change(appliance, params, tenants_restore, error);
}

static int compare_voters(const void *left, const void *right)
{
	const struct auth_voter *a = left, *b = right;
	return a->voter == b->voter ? a->epoch - b->epoch : a->voter < b->voter ? -1 : 1;
}

/* The tenant's part of the keyring's list, by voter; -ENOMEM or how many. */
static int64_t copy_revoked(const struct keyring *keyring, uint16_t tenant,
			    struct auth_voter **result)
{
	uint32_t count = 0;
	struct auth_voter *copy = calloc(keyring->revoked_count + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (uint32_t i = 0; i < keyring->revoked_count; i++)
		if (keyring->revoked[i].tenant == tenant)
			copy[count++] = keyring->revoked[i];
	qsort(copy, count, sizeof(*copy), compare_voters);
	*result = copy;
	return count;
}

json_t *method_voters(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	const struct tenant *tenant;
	struct auth_voter *revoked;
	uint32_t voter;
	struct err err;
	int rc = parse(appliance, params, false, &tenant, &voter, &err);
	if (rc)
		return answer_fail(error, answer_code_of(rc), &err);
	int64_t count = copy_revoked(&appliance->keyring, tenant->id, &revoked);
	if (count < 0)
		return NULL;
	json_t *list = json_array(), *one = NULL;
	for (int64_t i = 0; i < count; i++) {
		if (i == 0 || revoked[i].voter != revoked[i - 1].voter) {
			one = json_pack("{s:I,s:[]}", "voter", (json_int_t)revoked[i].voter,
					"epochs");
			json_array_append_new(list, one);
		}
		json_array_append_new(json_object_get(one, "epochs"),
				      json_integer(revoked[i].epoch));
	}
	free(revoked);
	return json_pack("{s:s,s:o}", "tenant", tenant->name, "revoked", list);
}
