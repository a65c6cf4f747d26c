// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads what a producer types for an interaction. All verbs use it; it never asks the appliance,
 * which alone knows what exists.
 */
#include "ctl/target.h"

#include <errno.h>
#include <string.h>

int number_parse(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');
		if (*text < '0' || *text > '9' || value > (max - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	if (value > max)
		return -EINVAL;
	*number = value;
	return 0;
}

static bool is_tenant_name(const char *name, size_t length)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	return length > 0 && length < KEYRING_NAME_BYTES && strspn(name, allowed) >= length;
}

int target_parse(const char *text, enum target_form form, struct target *target, struct err *err)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t id = 0;
	if (!is_tenant_name(text, length))
		return err_set(
			err, -EINVAL,
			"\"%s\" does not begin with a tenant's name (letters, digits, - _ .); "
			"an interaction is written acme/101",
			text);
	if (form == TARGET_INTERACTION && !slash)
		return err_set(err, -EINVAL,
			       "\"%s\" names a tenant and no interaction; write it as %s/101", text,
			       text);
	if (form == TARGET_TENANT && slash)
		return err_set(err, -EINVAL,
			       "\"%s\" names an interaction; only the tenant is "
			       "wanted here",
			       text);
	if (slash && number_parse(slash + 1, UINT32_MAX, &id) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\": an interaction's number is 0 to 4294967295, as in acme/101",
			       text);
	memcpy(target->tenant, text, length);
	target->tenant[length] = '\0';
	target->has_id = slash;
	target->id = (uint32_t)id;
	return 0;
}

json_t *target_params(const struct target *target)
{
	if (!target)
		return json_object();
	if (!target->has_id)
		return json_pack("{s:s}", "tenant", target->tenant);
	return json_pack("{s:s, s:I}", "tenant", target->tenant, "id", (json_int_t)target->id);
}
