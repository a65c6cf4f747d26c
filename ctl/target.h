/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command is about: a tenant, "acme", or one interaction of a tenant, "acme/101". Pure. */
#ifndef TALLYWIRE_CTL_TARGET_H
#define TALLYWIRE_CTL_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/core/err.h"
#include "dataplane/show/keyring.h"

struct target {
	char tenant[KEYRING_NAME_BYTES];
	bool has_id;
	uint32_t id;
};

enum target_form {
	TARGET_TENANT,      /* acme */
	TARGET_INTERACTION, /* acme/101 */
	TARGET_EITHER,
};

/* 0, or -EINVAL with `err` saying what was expected. */
int target_parse(const char *text, enum target_form form, struct target *target, struct err *err);

/* Decimal digits and nothing else, at most `max`. 0 or -EINVAL. */
int number_parse(const char *text, uint64_t max, uint64_t *number);

/* {"tenant":…} or {"tenant":…,"id":…}, a new reference; {} for NULL. */
json_t *target_params(const struct target *target);

#endif
