// SPDX-License-Identifier: BSD-3-Clause
/* manifest.json: written, signed, read back; and what is none is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "dataplane/manifest.h"
#include "tests/lib/scratch.h"

static struct identity identity;
static struct sealed_files files;
static struct err err;

static const struct manifest described = {
	.tenant = "acme",
	.tenant_id = 7,
	.id = 101,
	.voter_numbers = 1000000,
	.missed = 0,
	.first = {1, 2},
	.last = {3, 40},
};

static void set_up(void)
{
	scratch_make();
	cr_assert_eq(identity_open(scratch_path("key"), &identity, &err), 0);
	cr_assert_eq(sealed_add(&files, "option-0.roaring", strdup("abc"), 3), 0);
	cr_assert_eq(manifest_add(&described, &identity, &files), 0);
}

TestSuite(manifest, .init = set_up, .fini = scratch_remove);

static int parse(const char *text, struct manifest *manifest)
{
	return manifest_parse(text, strlen(text), manifest, &err);
}

Test(manifest, is_read_as_it_was_written)
{
	struct manifest manifest;
	cr_assert_eq(files.count, 3);
	cr_expect_str_eq(files.file[1].name, "manifest.json");
	cr_expect_str_eq(files.file[2].name, "manifest.sig");
	cr_assert_eq(manifest_parse(files.file[1].bytes, files.file[1].count, &manifest, &err), 0,
		     "%s", err.text);
	cr_expect_str_eq(manifest.tenant, "acme");
	cr_expect_eq(manifest.tenant_id, 7);
	cr_expect_eq(manifest.id, 101);
	cr_expect_eq(manifest.voter_numbers, 1000000);
	cr_expect_eq(manifest.first.sequence, 2);
	cr_expect_eq(manifest.last.segment, 3);
	cr_expect_eq(manifest.last.sequence, 40);
	cr_expect_arr_eq(manifest.identity, identity.public, sizeof(identity.public));
	cr_assert_eq(manifest.file_count, 1);
	cr_expect_str_eq(manifest.files[0].name, "option-0.roaring");
	cr_expect_eq(manifest.files[0].bytes, 3);
	/* xxhsum -H2, b2sum -l 256 */
	cr_expect_str_eq(manifest.files[0].xxh3, "06b05ab6733a618578af5f94892f3950");
	cr_expect_str_eq(manifest.files[0].blake2b, "bddd813c634239723171ef3fee98579b"
						    "94964e3bb1cb3e427262c8c068d52319");
	manifest_free(&manifest);
}

Test(manifest, is_signed_as_the_bytes_it_is)
{
	const struct sealed_file *text = &files.file[1], *signature = &files.file[2];
	cr_assert_eq(signature->count, IDENTITY_SIGNATURE_BYTES);
	cr_expect(identity_verify(identity.public, text->bytes, text->count,
				  (const uint8_t *)signature->bytes));
}

Test(manifest, what_nobody_can_vouch_for_says_so)
{
	struct manifest manifest = described;
	struct err text;
	cr_expect_null(manifest_uncertifiable(&manifest, &text));
	manifest.missed = 5;
	cr_expect_str_eq(manifest_uncertifiable(&manifest, &text),
			 "5 packets were missed while its window was open");
	manifest.immediate = true;
	cr_expect_str_eq(manifest_uncertifiable(&manifest, &text),
			 "5 packets were missed while its window was open, and its receipts did "
			 "not wait for the journal");
	manifest.missed = 0;
	cr_expect_str_eq(manifest_uncertifiable(&manifest, &text),
			 "its receipts did not wait for the journal");
}

/* The manifest with one thing in it replaced. */
static char *changed(const char *from, const char *to)
{
	char *text = NULL, *at = strstr(files.file[1].bytes, from);
	cr_assert_not_null(at, "%s", from);
	cr_assert_geq(asprintf(&text, "%.*s%s%s", (int)(at - files.file[1].bytes),
			       files.file[1].bytes, to, at + strlen(from)),
		      0);
	return text;
}

Test(manifest, what_is_none_is_refused)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
		{"\"format\": 1", "\"format\": 2", "manifest.json: format"},
		{"\"id\": 101", "\"id\": -1", "manifest.json: id"},
		{"\"certifiable\": true", "\"certifiable\": false", "certifiable"},
		{"\"certifiable\": true", "\"certifiable\": 1", "is not true or false"},
		{"\"missed\": 0", "\"missed\": 1", "is not what missed and immediate say"},
		{"option-0", "../ption-0", "files[0].name: is no name"},
		{"option-0.roaring", "manifest.json", "files[0].name: is no name"},
		{"\"bytes\": 3", "\"bytes\": 3.0", "files[0].bytes"},
		{"06b05ab6", "06B05AB6", "files[0].xxh3_128: is not 32 hex digits"},
		{"\"voter_numbers\": 1000000", "\"voter_numbers\": 0", "voter_numbers"},
		{"\"last_sequence\"", "\"last\"", "journal"},
		{"\"tenant\"", "\"tenants\"", "tenants"},
	};
	struct manifest manifest;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = changed(cases[i].from, cases[i].to);
		cr_expect_lt(parse(text, &manifest), 0, "%s", cases[i].to);
		cr_expect_not_null(strstr(err.text, cases[i].says), "%s: %s", cases[i].to,
				   err.text);
		free(text);
	}
	cr_expect_lt(parse("", &manifest), 0);
	cr_expect_lt(parse("[]", &manifest), 0);
}
