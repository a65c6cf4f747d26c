// SPDX-License-Identifier: BSD-3-Clause
/* Cookies: good for whom they were given, for 60 s, over one change of the secret; for nothing
 * else. */
#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/cookie.h"
#include "wire/byte_order.h"

#define NOW    (1000 * 1000000ull)
#define SECOND 1000000ull

static const struct cookie_secrets secrets = {.current = "the secret now..",
					      .previous = "the one before.."};
static const struct cookie_bearer bearer = {
	.address = {[10] = 0xFF, 0xFF, 192, 0, 2, 1},
	.port_be = 0x1234,
	.tenant_be = 0x0700,
	.voter_be = 42,
};
static uint8_t cookie[COOKIE_BYTES];

static void set_up(void)
{
	cookie_write(&secrets, &bearer, NOW, cookie);
}

TestSuite(cookie, .init = set_up);

static bool valid(uint64_t now_us)
{
	return cookie_is_valid(&secrets, &bearer, now_us, cookie);
}

Test(cookie, lives_for_a_minute_and_not_before_it_was_given)
{
	cr_expect(valid(NOW));
	cr_expect(valid(NOW + 60 * SECOND));
	cr_expect_not(valid(NOW + 60 * SECOND + 1));
	cr_expect_not(valid(NOW + 3600 * SECOND));
	cr_expect_not(valid(NOW - 1));
	cr_expect_not(valid(0));
}

Test(cookie, any_other_bit_makes_it_worthless)
{
	for (int bit = 0; bit < COOKIE_BYTES * 8; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_not(valid(NOW + SECOND), "bit %d", bit);
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_expect(valid(NOW + SECOND));
}

Test(cookie, is_for_one_address_port_tenant_and_voter)
{
	for (size_t bit = 0; bit < sizeof(bearer) * 8; bit++) {
		struct cookie_bearer other = bearer;
		((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_not(cookie_is_valid(&secrets, &other, NOW, cookie), "bit %zu", bit);
	}
}

Test(cookie, outlives_one_change_of_the_secret_and_not_two)
{
	struct cookie_secrets next = {.current = "drawn anew......"};
	memcpy(next.previous, secrets.current, sizeof(next.previous));
	cr_expect(cookie_is_valid(&next, &bearer, NOW + SECOND, cookie));
	memcpy(next.previous, next.current, sizeof(next.previous));
	memcpy(next.current, "and once more...", sizeof(next.current));
	cr_expect_not(cookie_is_valid(&next, &bearer, NOW + SECOND, cookie));
}

Test(cookie, of_nothing_but_zeroes_is_none)
{
	memset(cookie, 0, sizeof(cookie));
	cr_expect_not(valid(NOW));
	cr_expect_not(valid(0));
}
