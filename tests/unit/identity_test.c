// SPDX-License-Identifier: BSD-3-Clause
/* The appliance's key: made once, kept to its owner, and what it signs. */
#include <criterion/criterion.h>
#include <errno.h>

#include "dataplane/identity.h"
#include "tests/lib/scratch.h"

/* RFC 8032, 7.1, TEST 1 */
#define SEED   "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define BASE64 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

TestSuite(identity, .init = scratch_make, .fini = scratch_remove);

static struct identity identity;
static struct err err;

Test(identity, is_made_once_for_its_owner_alone)
{
	struct identity again;
	struct stat info;
	cr_assert_eq(identity_open(scratch_path("key"), &identity, &err), 0, "%s", err.text);
	cr_assert_eq(stat(scratch_path("key"), &info), 0);
	cr_expect_eq(info.st_mode & 07777, 0600);
	cr_assert_eq(identity_open(scratch_path("key"), &again, &err), 0, "%s", err.text);
	cr_expect_arr_eq(&again, &identity, sizeof(again));
}

Test(identity, two_appliances_have_two)
{
	struct identity other;
	cr_assert_eq(identity_open(scratch_path("a"), &identity, &err), 0);
	cr_assert_eq(identity_open(scratch_path("b"), &other, &err), 0);
	cr_expect_arr_neq(other.public, identity.public, sizeof(other.public));
}

Test(identity, is_ed25519_and_its_text_goes_both_ways)
{
	char hex[IDENTITY_HEX_BYTES], base64[IDENTITY_BASE64_BYTES];
	uint8_t public[IDENTITY_PUBLIC_BYTES];
	const char *path = scratch_text("key", SEED "\n", 0600);
	cr_assert_eq(identity_open(path, &identity, &err), 0, "%s", err.text);
	identity_hex(identity.public, hex);
	identity_base64(identity.public, base64);
	cr_expect_str_eq(hex, PUBLIC);
	cr_expect_str_eq(base64, BASE64);
	cr_assert_eq(identity_parse(PUBLIC, public), 0);
	cr_expect_arr_eq(public, identity.public, sizeof(public));
}

Test(identity, signs_bytes_and_no_others)
{
	uint8_t signature[IDENTITY_SIGNATURE_BYTES], other[IDENTITY_PUBLIC_BYTES] = {1};
	char bytes[] = "as it is";
	cr_assert_eq(identity_open(scratch_path("key"), &identity, &err), 0);
	identity_sign(&identity, bytes, sizeof(bytes), signature);
	cr_expect(identity_verify(identity.public, bytes, sizeof(bytes), signature));
	cr_expect_not(identity_verify(other, bytes, sizeof(bytes), signature));
	cr_expect_not(identity_verify(identity.public, bytes, sizeof(bytes) - 1, signature));
	bytes[0] ^= 1;
	cr_expect_not(identity_verify(identity.public, bytes, sizeof(bytes), signature));
}

Test(identity, refuses_a_file_that_is_no_key_or_not_its_owners)
{
	static const struct {
		const char *text;
		mode_t mode;
		int rc;
		const char *says;
	} cases[] = {
		{SEED "\n", 0640, -EACCES, "others than its owner have access (mode 0640)"},
		{SEED "\n", 0604, -EACCES, "chmod 600"},
		{"", 0600, -EINVAL, "is no key"},
		{SEED, 0600, -EINVAL, "is no key"},
		{SEED "\n\n", 0600, -EINVAL, "is no key"},
		{"g" SEED, 0600, -EINVAL, "is no key"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = scratch_text("key", cases[i].text, cases[i].mode);
		cr_expect_eq(identity_open(path, &identity, &err), cases[i].rc, "case %zu", i);
		cr_expect_not_null(strstr(err.text, cases[i].says), "case %zu: %s", i, err.text);
		cr_expect_null(strstr(err.text, "9d61"), "the key is told");
		unlink(scratch_path("key"));
	}
}

Test(identity, says_where_it_cannot_be_made)
{
	cr_expect_eq(identity_open(scratch_path("none/key"), &identity, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "none/key: cannot be made"), "%s", err.text);
	cr_expect_eq(identity_open(scratch_directory, &identity, &err), -EINVAL);
}

Test(identity, text_that_is_no_key_is_refused)
{
	static const char no_hex[] =
		"x75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
	static const char *const bad[] = {"", "ab", PUBLIC "00", no_hex};
	uint8_t public[IDENTITY_PUBLIC_BYTES];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(identity_parse(bad[i], public), -EINVAL, "%s", bad[i]);
}
