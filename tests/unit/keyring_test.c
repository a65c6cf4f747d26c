// SPDX-License-Identifier: BSD-3-Clause
/* The keyring file: what is taken from it, and that everything wrong with it is refused with its
 * place. */
#include <criterion/criterion.h>
#include <errno.h>
#include "dataplane/show/keyring.h"
#include "tests/lib/scratch.h"
#include "wire/front_maps.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define KEY            "000102030405060708090a0b0c0d0e0f"
#define KEYS           "\"keys\":[{\"epoch\":1,\"key\":\"" KEY "\"}]"
#define TENANT         "{\"id\":7,\"name\":\"acme\"," KEYS "}"
#define TENANTS(items) "{\"tenants\":[" items "]}"

TestSuite(keyring, .init = scratch_make, .fini = scratch_remove);

/* One line that begins with the file and holds both parts; nothing loaded. */
static void expect_refused(const char *path, const char *place, const char *reason)
{
	struct keyring keyring;
	struct err err = {""};
	memset(&keyring, 0xA5, sizeof(keyring));
	cr_expect_lt(keyring_load(path, &keyring, &err), 0, "%s %s was taken", place, reason);
	cr_expect_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
	cr_expect_not_null(strstr(err.text, place), "no \"%s\" in: %s", place, err.text);
	cr_expect_not_null(strstr(err.text, reason), "no \"%s\" in: %s", reason, err.text);
	cr_expect_null(strchr(err.text, '\n'), "%s", err.text);
	cr_expect_null(strstr(err.text, "0405060708"), "a key in a message: %s", err.text);
	cr_expect_null(keyring.tenants);
	cr_expect_null(keyring.keys);
	cr_expect_null(keyring.table);
	cr_expect_eq(keyring.tenant_count + keyring.key_count, 0);
}

static struct keyring load(const char *text)
{
	struct keyring keyring;
	struct err err = {""};
	const char *path = scratch_text("keyring.json", text, 0600);
	cr_assert_eq(keyring_load(path, &keyring, &err), 0, "%s", err.text);
	return keyring;
}

Test(keyring, tenants_and_keys_are_found)
{
	struct keyring keyring = load(
		TENANTS("{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,\"key\":\"" KEY "\"},"
			"{\"epoch\":0,\"key\":\"FFEEDDCCBBAA99887766554433221100\"}]},"
			"{\"id\":65535,\"name\":\"b.C_-9\",\"max_delay_ms\":0,\"keys\":[{\"epoch\":"
			"255,\"key\":\"" KEY "\"}]}"));
	const struct tenant *acme = keyring_tenant_by_name(&keyring, "acme");
	cr_assert_not_null(acme);
	cr_expect_eq(acme->id, 7);
	cr_expect_eq(acme->max_delay_ms, KEYRING_DEFAULT_DELAY_MS);
	cr_expect_eq(keyring_tenant_by_id(&keyring, 7), acme);
	const struct tenant *other = keyring_tenant_by_id(&keyring, 65535);
	cr_assert_not_null(other);
	cr_expect_str_eq(other->name, "b.C_-9");
	cr_expect_eq(other->max_delay_ms, 0);
	cr_expect_null(keyring_tenant_by_name(&keyring, "ACME"));
	cr_expect_null(keyring_tenant_by_id(&keyring, 8));
	cr_expect_eq(keyring.key_count, 3);
	keyring_free(&keyring);
}

Test(keyring, keys_are_in_the_table_by_tenant_and_epoch)
{
	struct keyring keyring = load(TENANTS(TENANT));
	static const uint8_t key[AUTH_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
						    8, 9, 10, 11, 12, 13, 14, 15};
	const uint8_t *found = auth_keys_find(keyring.table, 7, 1);
	cr_assert_not_null(found);
	cr_expect_arr_eq(found, key, sizeof(key));
	cr_expect_null(auth_keys_find(keyring.table, 7, 2));
	cr_expect_null(auth_keys_find(keyring.table, 8, 1));
	keyring_free(&keyring);
	cr_expect_null(keyring.table);
	keyring_free(&keyring);
}

Test(keyring, the_newest_key_is_that_of_the_highest_epoch)
{
	struct keyring keyring = load(
		TENANTS("{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":3,\"key\":\"" KEY "\"},"
			"{\"epoch\":9,\"key\":\"" KEY "\"},{\"epoch\":4,\"key\":\"" KEY "\"}]},"
			"{\"id\":8,\"name\":\"b\",\"keys\":[{\"epoch\":12,\"key\":\"" KEY "\"}]}"));
	cr_expect_eq(keyring_newest_key(&keyring, 7)->epoch, 9);
	cr_expect_eq(keyring_newest_key(&keyring, 7)->tenant, 7);
	cr_expect_eq(keyring_newest_key(&keyring, 8)->epoch, 12);
	cr_expect_null(keyring_newest_key(&keyring, 9));
	keyring_free(&keyring);
}

Test(keyring, limits_are_taken_and_those_not_given_are_none)
{
	struct keyring keyring = load(TENANTS(
		"{\"id\":7,\"name\":\"acme\"," KEYS ",\"limits\":{\"votes_per_s\":1000000000,"
		"\"voters\":4294967296,\"windows\":1,\"memory_mb\":16777216}},"
		"{\"id\":8,\"name\":\"b\"," KEYS ",\"limits\":{\"windows\":3}},"
		"{\"id\":9,\"name\":\"c\"," KEYS ",\"limits\":{}},"
		"{\"id\":10,\"name\":\"d\"," KEYS "}"));
	static const struct tenant_limits wanted[] = {
		{1000000000, 4294967296, 1, 16777216}, {.windows = 3}, {0}, {0}};
	cr_assert_eq(keyring.tenant_count, COUNT_OF(wanted));
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		cr_expect_eq(memcmp(&keyring.tenants[i].limits, &wanted[i], sizeof(wanted[i])), 0,
			     "%zu", i);
		cr_expect_not(keyring.tenants[i].retired);
	}
	keyring_free(&keyring);
}

Test(keyring, after_epoch_255_comes_0)
{
	static const struct {
		uint8_t epochs[4];
		int count;
		int newest;
	} rows[] = {
		{{255}, 1, 255},        {{0, 255}, 2, 0},         {{254, 255, 0, 1}, 4, 1},
		{{0, 1, 3, 255}, 4, 1}, {{0, 1, 2, 254}, 4, 254}, {{1, 255}, 2, 255},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct auth_key keys[5] = {{.tenant = 8, .epoch = 0, .used = true}};
		struct keyring keyring = {.keys = keys, .key_count = (uint32_t)rows[i].count + 1};
		for (int k = 0; k < rows[i].count; k++)
			keys[k + 1] = (struct auth_key){.tenant = 7, .epoch = rows[i].epochs[k]};
		cr_expect_eq(keyring_newest_key(&keyring, 7)->epoch, rows[i].newest, "%zu", i);
	}
	struct auth_key all[KEYRING_EPOCHS];
	for (int i = 0; i < KEYRING_EPOCHS; i++)
		all[i] = (struct auth_key){.tenant = 7, .epoch = (uint8_t)i};
	struct keyring keyring = {.keys = all, .key_count = KEYRING_EPOCHS};
	cr_expect_eq(keyring_newest_key(&keyring, 7)->epoch, 255);
}

Test(keyring, a_file_that_others_can_read_is_refused)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666, 0777};
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		expect_refused(scratch_text("open.json", TENANTS(TENANT), modes[i]), "mode 0",
			       "chmod 600 ");
	static const mode_t private_modes[] = {0600, 0400, 0700};
	for (size_t i = 0; i < COUNT_OF(private_modes); i++) {
		struct keyring keyring;
		struct err err;
		const char *path = scratch_text("own.json", TENANTS(TENANT), private_modes[i]);
		cr_expect_eq(keyring_load(path, &keyring, &err), 0, "mode %o", private_modes[i]);
		keyring_free(&keyring);
		unlink(path);
	}
}

Test(keyring, what_is_no_regular_file_is_refused_at_once)
{
	expect_refused(scratch_path("missing.json"), "", "No such file");
	const char *path = scratch_path("fifo");
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused(path, "", "not a regular file");
	path = scratch_path("directory");
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused(path, "", "not a regular file");
	expect_refused("/dev/null", "", "not a regular file");
	path = scratch_path("loop");
	cr_assert_eq(symlink("loop", path), 0);
	expect_refused(path, "", "cannot be opened");
}

Test(keyring, a_file_that_we_may_not_read_is_refused)
{
	const char *path = scratch_text("locked.json", TENANTS(TENANT), 0000);
	/* root may read everything, so be nobody for a moment */
	if (geteuid() == 0 && seteuid(65534) != 0) {
		scratch_remove(); /* a skipped test ends here, without .fini */
		cr_skip_test("root that cannot become another user may read everything");
	}
	expect_refused(path, "", "Permission denied");
	cr_expect_eq(seteuid(getuid()), 0);
}

Test(keyring, a_file_too_large_is_refused_unread)
{
	const char *path = scratch_text("large.json", TENANTS(TENANT), 0600);
	cr_assert_eq(truncate(path, KEYRING_MAX_FILE_BYTES + 1), 0);
	expect_refused(path, "", "at most 16777216");
}

Test(keyring, what_is_no_json_is_refused_with_line_and_column)
{
	static const struct {
		const char *text;
		const char *place;
		const char *reason;
	} rows[] = {
		{"", "", "is empty"},
		{" \n", "line 2, column 0", "ends too early"},
		{"tenants", "line 1, ", "not valid JSON"},
		{"{\n\"tenants\":[" TENANT "]", "line 2, ", "ends too early"},
		{"{\"tenants\":[" TENANT ",]}", "line 1, ", "not valid JSON"},
		{"{\"tenants\":[" TENANT "]} x", "line 1, ", "more follows the end"},
		{"{\"tenants\":[{\"name\":\"\xff\"}]}", "line 1, ", "not UTF-8"},
		{"{\"tenants\":[{\"name\":\"\\u0000\"}]}", "line 1, ", "NUL"},
		{"{\"tenants\":[{\"key\":" KEY "}]}", "line 1, ", "not valid JSON"},
		{"{\"tenants\":[{\"id\":99999999999999999999}]}", "line 1, ", "too big"},
		{"{\"tenants\":[],\n\n\"tenants\":[" TENANT "]}", "line 3, ", "occurs twice"},
		{TENANTS("{\"id\":7,\"id\":7,\"name\":\"acme\"," KEYS "}"), "line 1, ",
		 "occurs twice"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(scratch_text("broken.json", rows[i].text, 0600), rows[i].place,
			       rows[i].reason);
}

Test(keyring, every_cut_of_a_good_file_is_refused)
{
	static const char whole[] = TENANTS(TENANT);
	for (size_t length = 0; length < sizeof(whole) - 1; length++)
		expect_refused(scratch_bytes("cut.json", whole, length, 0600), "", "");
}

#define A_TENANT(fields) TENANTS("{" fields "}")
#define A_KEY(fields)    A_TENANT("\"id\":7,\"name\":\"acme\",\"keys\":[{" fields "}]")

#define A_LIMIT(limits) A_TENANT("\"id\":7,\"name\":\"acme\",\"limits\":" limits "," KEYS)

Test(keyring, a_field_that_is_wrong_is_refused_with_its_place)
{
	static const struct {
		const char *text;
		const char *place;
		const char *reason;
	} rows[] = {
		{"[]", "", "is an array; give an object"},
		{"{}", ": tenants: ", "is missing"},
		{"{\"tenants\":{}}", ": tenants: ", "is an object; give an array"},
		{"{\"tenants\":[]}", ": tenants: ", "1 to 1024 items"},
		{"{\"tenants\":[" TENANT "],\"note\":1}", ": note: ", "unknown field"},
		{"{\"ten\\nants\":[]}", ": ten?ants: ", "unknown field"},
		{TENANTS("7"), ": tenants[0]: ", "is an integer; give an object"},
		{TENANTS(TENANT ",{\"colour\":1}"),
		 ": tenants[1].colour: ", "known here: id, name, keys"},
		{A_TENANT("\"name\":\"acme\"," KEYS), ": tenants[0].id: ", "is missing"},
		{A_TENANT("\"id\":\"7\",\"name\":\"acme\"," KEYS),
		 ": tenants[0].id: ", "is a string"},
		{A_TENANT("\"id\":7.0,\"name\":\"acme\"," KEYS), ": tenants[0].id: ", "fraction"},
		{A_TENANT("\"id\":-1,\"name\":\"acme\"," KEYS),
		 ": tenants[0].id: ", "-1 is out of range"},
		{A_TENANT("\"id\":65536,\"name\":\"acme\"," KEYS),
		 ": tenants[0].id: ", "0 to 65535"},
		{A_TENANT("\"id\":null,\"name\":\"acme\"," KEYS), ": tenants[0].id: ", "is null"},
		{A_TENANT("\"id\":7," KEYS), ": tenants[0].name: ", "is missing"},
		{A_TENANT("\"id\":7,\"name\":\"\"," KEYS), ": tenants[0].name: ", "1 to 63 bytes"},
		{A_TENANT("\"id\":7,\"name\":true," KEYS), ": tenants[0].name: ", "is a boolean"},
		{A_TENANT("\"id\":7,\"name\":\"a/b\"," KEYS),
		 ": tenants[0].name: ", "other characters"},
		{A_TENANT("\"id\":7,\"name\":\"a b\"," KEYS),
		 ": tenants[0].name: ", "other characters"},
		{A_TENANT("\"id\":7,\"name\":\"\xc3\xa9\"," KEYS),
		 ": tenants[0].name: ", "other characters"},
		{A_TENANT("\"id\":7,\"name\":\"acme\",\"max_delay_ms\":600001," KEYS),
		 ": tenants[0].max_delay_ms: ", "0 to 600000"},
		{A_TENANT("\"id\":7,\"name\":\"acme\",\"max_delay_ms\":\"5s\"," KEYS),
		 ": tenants[0].max_delay_ms: ", "is a string"},
		{A_LIMIT("7"), ": tenants[0].limits: ", "is an integer; give an object"},
		{A_LIMIT("null"), ": tenants[0].limits: ", "is null"},
		{A_LIMIT("{\"votes\":1}"),
		 ": tenants[0].limits.votes: ", "known here: votes_per_s"},
		{A_LIMIT("{\"votes_per_s\":0}"),
		 ": tenants[0].limits.votes_per_s: ", "1 to 1000000000"},
		{A_LIMIT("{\"votes_per_s\":1000000001}"),
		 ": tenants[0].limits.votes_per_s: ", "1 to 1000000000"},
		{A_LIMIT("{\"voters\":0}"), ": tenants[0].limits.voters: ", "1 to 4294967296"},
		{A_LIMIT("{\"voters\":4294967297}"),
		 ": tenants[0].limits.voters: ", "1 to 4294967296"},
		{A_LIMIT("{\"windows\":0}"), ": tenants[0].limits.windows: ", "1 to 1000000"},
		{A_LIMIT("{\"windows\":-1}"),
		 ": tenants[0].limits.windows: ", "-1 is out of range"},
		{A_LIMIT("{\"memory_mb\":0}"), ": tenants[0].limits.memory_mb: ", "1 to 16777216"},
		{A_LIMIT("{\"memory_mb\":1.5}"), ": tenants[0].limits.memory_mb: ", "fraction"},
		{A_TENANT("\"id\":7,\"name\":\"acme\""), ": tenants[0].keys: ", "is missing"},
		{A_TENANT("\"id\":7,\"name\":\"acme\",\"keys\":[]"),
		 ": tenants[0].keys: ", "1 to 256"},
		{A_TENANT("\"id\":7,\"name\":\"acme\",\"keys\":[1]"),
		 ": tenants[0].keys[0]: ", "an object"},
		{A_KEY("\"key\":\"" KEY "\""), ": tenants[0].keys[0].epoch: ", "is missing"},
		{A_KEY("\"epoch\":256,\"key\":\"" KEY "\""),
		 ": tenants[0].keys[0].epoch: ", "0 to 255"},
		{A_KEY("\"epoch\":1"), ": tenants[0].keys[0].key: ", "is missing"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\",\"revoked\":7"),
		 ": tenants[0].keys[0].revoked: ", "is an integer; give an array"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\",\"revoked\":[1,-1]"),
		 ": tenants[0].keys[0].revoked: ", "[1] is no voter"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\",\"revoked\":[4294967296]"),
		 ": tenants[0].keys[0].revoked: ", "[0] is no voter"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\",\"revoked\":[\"42\"]"),
		 ": tenants[0].keys[0].revoked: ", "[0] is no voter"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\",\"revoked\":[5,42,5]"),
		 ": tenants[0].keys[0].revoked: ", "names voter 5 twice"},
		{A_KEY("\"epoch\":1,\"key\":1"), ": tenants[0].keys[0].key: ", "give a string"},
		{A_KEY("\"epoch\":1,\"key\":\"\""), ": tenants[0].keys[0].key: ", "32 hex digits"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "00\""),
		 ": tenants[0].keys[0].key: ", "32 hex digits"},
		{A_KEY("\"epoch\":1,\"key\":\"000102030405060708090a0b0c0d0e0\""),
		 ": tenants[0].keys[0].key: ", "32 hex digits"},
		{A_KEY("\"epoch\":1,\"key\":\"000102030405060708090a0b0c0d0e0g\""),
		 ": tenants[0].keys[0].key: ", "32 hex digits"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\",\"use\":1"),
		 ": tenants[0].keys[0].use: ", "unknown"},
		{A_KEY("\"epoch\":1,\"key\":\"" KEY "\"},{\"epoch\":1,\"key\":\"" KEY "\""),
		 ": tenants[0].keys[1].epoch: ", "the epoch of keys[0] too"},
		{TENANTS(TENANT ",{\"id\":7,\"name\":\"b\"," KEYS "}"),
		 ": tenants[1].id: ", "the id of tenants[0] too"},
		{TENANTS(TENANT ",{\"id\":8,\"name\":\"acme\"," KEYS "}"),
		 ": tenants[1].name: ", "the name of tenants[0] too"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(scratch_text("wrong.json", rows[i].text, 0600), rows[i].place,
			       rows[i].reason);
}

Test(keyring, a_name_has_63_characters_at_most)
{
	char name[KEYRING_NAME_BYTES + 1];
	char text[512];
	memset(name, 'n', sizeof(name));
	name[KEYRING_NAME_BYTES] = '\0';
	snprintf(text, sizeof(text), "{\"tenants\":[{\"id\":1,\"name\":\"%s\"," KEYS "}]}", name);
	expect_refused(scratch_text("name.json", text, 0600),
		       ": tenants[0].name: ", "has 64 bytes");
	snprintf(text, sizeof(text), "{\"tenants\":[{\"id\":1,\"name\":\"%s\"," KEYS "}]}",
		 name + 1);
	struct keyring keyring = load(text);
	cr_expect_str_eq(keyring.tenants[0].name, name + 1);
	keyring_free(&keyring);
}

/* `keys` keys, at most 256 a tenant. */
static const char *write_keys(unsigned int keys)
{
	const char *path = scratch_text("many.json", "", 0600);
	FILE *file = fopen(path, "w");
	fprintf(file, "{\"tenants\":[");
	for (unsigned int i = 0; i < keys; i++) {
		if (i % 256 == 0)
			fprintf(file, "%s{\"id\":%u,\"name\":\"t%u\",\"keys\":[", i ? "]}," : "",
				i / 256, i / 256);
		fprintf(file, "%s{\"epoch\":%u,\"key\":\"%032x\"}", i % 256 ? "," : "", i % 256, i);
	}
	fprintf(file, "]}]}");
	fclose(file);
	return path;
}

Test(keyring, as_many_keys_as_the_front_holds_are_taken_and_no_more)
{
	struct keyring keyring;
	struct err err = {""};
	cr_assert_eq(keyring_load(write_keys(FRONT_MAX_KEYS), &keyring, &err), 0, "%s", err.text);
	cr_expect_eq(keyring.key_count, FRONT_MAX_KEYS);
	for (unsigned int i = 0; i < FRONT_MAX_KEYS; i++) {
		const uint8_t *key = auth_keys_find(keyring.table, (uint16_t)(i / 256), (uint8_t)i);
		cr_assert_not_null(key);
		cr_assert_eq(key[14] << 8 | key[15], (int)i);
	}
	keyring_free(&keyring);
	expect_refused(write_keys(FRONT_MAX_KEYS + 1), ": tenants: ", "have 4097 keys in all");
}

Test(keyring, a_long_path_leaves_room_for_the_reason)
{
	char path[2000];
	struct keyring keyring;
	struct err err = {""};
	memset(path, 'p', sizeof(path));
	strcpy(path + sizeof(path) - 12, "/ring\n.json");
	cr_expect_lt(keyring_load(path, &keyring, &err), 0);
	cr_expect_not_null(strstr(err.text, "/ring?.json: cannot be opened: "), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "permissions"), "%s", err.text);
}
