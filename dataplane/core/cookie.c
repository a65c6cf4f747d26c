// SPDX-License-Identifier: BSD-3-Clause
/* Cookies written and looked at. Called for each WATCH; never says what was wrong with one. */
#include "dataplane/core/cookie.h"

#include <string.h>

#include "wire/byte_order.h"

/* What is hashed: no padding, so that equal ones have equal bytes. */
struct cookie_input {
	uint64_t given_us_be;
	struct cookie_bearer bearer;
} __attribute__((packed));

_Static_assert(sizeof(struct cookie_input) == 32, "cookie_input has padding");

struct cookie_parts {
	uint64_t given_us_be;
	uint8_t tag[AUTH_TAG_BYTES];
} __attribute__((packed));

_Static_assert(sizeof(struct cookie_parts) == COOKIE_BYTES, "a cookie has another size");

void cookie_write(const struct cookie_secrets *secrets, const struct cookie_bearer *bearer,
		  uint64_t now_us, uint8_t cookie[COOKIE_BYTES])
{
	const struct cookie_input input = {be64(now_us), *bearer};
	struct cookie_parts parts = {.given_us_be = input.given_us_be};
	auth_tag(secrets->current, &input, sizeof(input), parts.tag);
	memcpy(cookie, &parts, sizeof(parts));
}

bool cookie_is_valid(const struct cookie_secrets *secrets, const struct cookie_bearer *bearer,
		     uint64_t now_us, const uint8_t cookie[COOKIE_BYTES])
{
	struct cookie_parts parts;
	memcpy(&parts, cookie, sizeof(parts));
	const struct cookie_input input = {parts.given_us_be, *bearer};
	/* Of a time to come, the difference wraps and is too large. */
	bool lives = now_us - be64(parts.given_us_be) <= COOKIE_LIVES_US;
	bool current = auth_tag_matches(secrets->current, &input, sizeof(input), parts.tag);
	bool previous = auth_tag_matches(secrets->previous, &input, sizeof(input), parts.tag);
	return lives & (current | previous);
}
