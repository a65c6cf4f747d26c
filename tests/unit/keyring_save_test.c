// SPDX-License-Identifier: BSD-3-Clause
/*
 * The keyring's file while it changes: what was loaded and the change are in it, or it is byte by
 * byte what it was; and nothing is left beside it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include "dataplane/show/keyring_save.h"
#include "tests/lib/scratch.h"
#include "wire/front_maps.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define FILE_TEXT                                                                                  \
	"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":3,\"key\":\"" KEY "\"},"   \
	"{\"epoch\":1,\"key\":\"FFEEDDCCBBAA99887766554433221100\"}],\"limits\":{\"voters\":5,"    \
	"\"memory_mb\":16777216}},{\"id\":8,\"name\":\"zoo\",\"max_delay_ms\":0,\"keys\":["        \
	"{\"epoch\":0,\"key\":\"" KEY "\"}]}]}"

static char path[PATH_MAX];
static struct keyring keyring;
static struct keyring_change change;
static struct keyring_save save;
static struct err err;

static void load_file(const char *name, struct keyring *into)
{
	cr_assert_eq(keyring_load(name, into, &err), 0, "%s", err.text);
}

static void set_up(void)
{
	scratch_make();
	strcpy(path, scratch_text("keyring.json", FILE_TEXT, 0600));
	load_file(path, &keyring);
}

static void tear_down(void)
{
	keyring_free(&keyring);
	scratch_remove();
}

TestSuite(keyring_save, .init = set_up, .fini = tear_down);

static const struct tenant *acme(void)
{
	return keyring_tenant_by_name(&keyring, "acme");
}

static void begin_rotate(void)
{
	cr_assert_eq(keyring_change_rotate(&keyring, acme(), &change, &err), 0);
}

static int try_save(void)
{
	return keyring_save(path, &keyring, &change, &save, &err);
}

static void keep_saved(void)
{
	cr_assert_eq(try_save(), 0, "%s", err.text);
	keyring_change_keep(&keyring, &change);
	keyring_change_free(&change);
	keyring_save_keep(&save);
}

static char *read_text(const char *name)
{
	FILE *file = fopen(name, "r");
	char *text = calloc(1, 65536);
	cr_assert_not_null(file, "%s", name);
	cr_assert_lt(fread(text, 1, 65535, file), 65535);
	fclose(file);
	return text;
}

static void expect_text(const char *wanted)
{
	char *text = read_text(path);
	cr_expect_str_eq(text, wanted);
	free(text);
}

/* Refused with one line, the file as it is, nothing beside it. */
static void expect_refused(int wanted, const char *reason)
{
	char *before = read_text(path);
	int files = scratch_count();
	int rc = try_save();
	cr_expect_eq(rc, wanted, "%d %s", rc, err.text);
	cr_expect_not_null(strstr(err.text, reason), "no '%s': %s", reason, err.text);
	cr_expect_not_null(strstr(err.text, "keyring.json: "), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "nothing was saved"), "%s", err.text);
	cr_expect_null(strchr(err.text, '\n'));
	expect_text(before);
	cr_expect_eq(scratch_count(), files);
	free(before);
	keyring_change_free(&change);
}

/* What the file says is what the keyring in memory says. */
static void expect_same(uint32_t tenants)
{
	struct keyring file;
	load_file(path, &file);
	cr_expect_eq(file.tenant_count, tenants);
	cr_assert_eq(file.key_count, keyring.key_count);
	for (uint32_t i = 0; i < file.tenant_count; i++) {
		const struct tenant *one = &file.tenants[i];
		const struct tenant *other = keyring_tenant_by_name(&keyring, one->name);
		cr_assert_not_null(other, "%s", one->name);
		cr_expect_eq(one->id, other->id);
		cr_expect_eq(one->max_delay_ms, other->max_delay_ms);
		cr_expect_eq(memcmp(&one->limits, &other->limits, sizeof(one->limits)), 0);
	}
	for (uint32_t i = 0; i < file.key_count; i++) {
		const struct auth_key *key = &file.keys[i];
		const uint8_t *other = auth_keys_find(keyring.table, key->tenant, key->epoch);
		cr_assert_not_null(other);
		cr_expect_arr_eq(key->key, other, AUTH_KEY_BYTES);
	}
	cr_expect_eq(file.revoked_count, keyring.revoked_count);
	for (uint32_t i = 0; i < file.revoked_count; i++) {
		const struct auth_voter *voter = &file.revoked[i];
		cr_expect(
			auth_is_revoked(keyring.table, voter->tenant, voter->epoch, voter->voter));
	}
	keyring_free(&file);
}

static void begin_revoke(uint32_t voter)
{
	cr_assert_eq(keyring_change_revoke(&keyring, acme(), voter, &change, &err), 0);
}

Test(keyring_save, who_is_revoked_is_in_the_file)
{
	begin_revoke(0);
	keep_saved();
	begin_rotate();
	keep_saved();
	begin_revoke(UINT32_MAX);
	keep_saved();
	expect_same(2);
	cr_expect_eq(keyring.revoked_count, 2 + 3, "under the keys that there were then");
	cr_assert_eq(keyring_change_restore(&keyring, acme(), 0, &change, &err), 0);
	keep_saved();
	expect_same(2);
	cr_assert_eq(keyring_change_retire_epoch(&keyring, acme(), 1, &change, &err), 0);
	keep_saved();
	expect_same(2);
	cr_expect_eq(keyring.revoked_count, 2, "of three keys one has gone");
}

/* Voters of ten digits, as many as there may be. */
Test(keyring_save, a_full_list_of_revoked_voters_fits)
{
	keyring_free(&keyring);
	FILE *file = fopen(path, "w");
	fprintf(file, "{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,"
		      "\"key\":\"" KEY "\",\"revoked\":[4000000000");
	for (uint32_t i = 1; i < KEYRING_MAX_REVOKED - 1; i++)
		fprintf(file, ",%u", 4000000000u + i);
	fprintf(file, "]}]}]}");
	fclose(file);
	load_file(path, &keyring);
	begin_revoke(UINT32_MAX);
	keep_saved();
	expect_same(1);
	cr_expect_eq(keyring.revoked_count, KEYRING_MAX_REVOKED);
	cr_expect_eq(keyring_change_revoke(&keyring, acme(), 1, &change, &err), -ENOSPC);
	cr_expect_eq(keyring_change_revoke(&keyring, acme(), UINT32_MAX, &change, &err), -EEXIST);
}

Test(keyring_save, each_change_is_in_the_file)
{
	struct tenant kino = {
		.id = 9, .name = "kino-9._", .limits = {1000000000, 1ull << 32, 1000000, 16777216}};
	begin_rotate();
	keep_saved();
	expect_same(2);
	cr_assert_eq(keyring_change_add(&keyring, &kino, false, &change, &err), 0);
	keep_saved();
	expect_same(3);
	cr_assert_eq(keyring_change_retire_epoch(&keyring, acme(), 1, &change, &err), 0);
	keep_saved();
	expect_same(3);
	cr_assert_eq(keyring_change_retire(&keyring, acme(), &change, &err), 0);
	keep_saved();
	expect_same(2);
	cr_expect_eq(scratch_count(), 1);
}

/* As many tenants as there may be, each with as much to say as it can, and all keys but one. */
static void write_full(void)
{
	FILE *file = fopen(path, "w");
	fprintf(file, "{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":252,\"key\":"
		      "\"" KEY "\"},{\"epoch\":253,\"key\":\"" KEY
		      "\"},{\"epoch\":254,\"key\":\"" KEY "\"}]}");
	for (int i = 0; i < KEYRING_MAX_TENANTS - 1; i++) {
		fprintf(file,
			",{\"id\":%d,\"name\":\"%063d\",\"max_delay_ms\":600000,\"limits\":{"
			"\"votes_per_s\":1000000000,\"voters\":4294967296,\"windows\":1000000,"
			"\"memory_mb\":16777216},\"keys\":[",
			60000 + i, i);
		for (int epoch = 252; epoch < 256; epoch++)
			fprintf(file, "%s{\"epoch\":%d,\"key\":\"" KEY "\"}",
				epoch == 252 ? "" : ",", epoch);
		fprintf(file, "]}");
	}
	fprintf(file, "]}");
	fclose(file);
}

Test(keyring_save, a_full_keyring_fits)
{
	keyring_free(&keyring);
	write_full();
	load_file(path, &keyring);
	begin_rotate();
	cr_assert_eq(change.key_count, FRONT_MAX_KEYS);
	keep_saved();
	expect_same(KEYRING_MAX_TENANTS);
}

Test(keyring_save, a_save_that_is_undone_was_never_there)
{
	begin_rotate();
	cr_assert_eq(try_save(), 0, "%s", err.text);
	cr_expect_eq(keyring_save_undo(&save), 0);
	expect_text(FILE_TEXT);
	cr_expect_eq(scratch_count(), 1);
	keyring_change_free(&change);
	begin_rotate();
	keep_saved();
	expect_same(2);
}

Test(keyring_save, mode_and_owner)
{
	struct stat file;
	uid_t owner = geteuid() == 0 ? 65534 : geteuid();
	cr_assert_eq(chmod(path, 0700), 0);
	cr_assert_eq(chown(path, owner, (gid_t)-1), 0);
	umask(0);
	begin_rotate();
	keep_saved();
	cr_assert_eq(stat(path, &file), 0);
	cr_expect_eq(file.st_mode, S_IFREG | 0600);
	cr_expect_eq(file.st_uid, owner);
	expect_same(2);
}

Test(keyring_save, a_link_stays_a_link)
{
	struct stat link;
	char target[PATH_MAX];
	strcpy(target, scratch_path("secret.json"));
	cr_assert_eq(rename(path, target), 0);
	cr_assert_eq(symlink("secret.json", path), 0);
	begin_rotate();
	keep_saved();
	expect_same(2);
	cr_assert_eq(lstat(path, &link), 0);
	cr_expect(S_ISLNK(link.st_mode));
	cr_expect_eq(scratch_count(), 2);
}

Test(keyring_save, a_file_that_somebody_edited_is_not_overwritten)
{
	static const char *const edits[] = {
		/* another key, another limit, a tenant more, one less, no keyring, nothing */
		"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":3,\"key\":\"" KEY
		"\"},{\"epoch\":1,\"key\":\"00EEDDCCBBAA99887766554433221100\"}],\"limits\":{"
		"\"voters\":5,\"memory_mb\":16777216}},{\"id\":8,\"name\":\"zoo\",\"max_delay_ms\":"
		"0,\"keys\":[{\"epoch\":0,\"key\":\"" KEY "\"}]}]}",
		"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":3,\"key\":\"" KEY
		"\"},{\"epoch\":1,\"key\":\"FFEEDDCCBBAA99887766554433221100\"}],\"limits\":{"
		"\"voters\":6,\"memory_mb\":16777216}},{\"id\":8,\"name\":\"zoo\",\"max_delay_ms\":"
		"0,\"keys\":[{\"epoch\":0,\"key\":\"" KEY "\"}]}]}",
		"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":3,\"key\":\"" KEY
		"\"},{\"epoch\":1,\"key\":\"FFEEDDCCBBAA99887766554433221100\"}],\"limits\":{"
		"\"voters\":5,\"memory_mb\":16777216}},{\"id\":8,\"name\":\"zoo\",\"max_delay_ms\":"
		"0,\"keys\":[{\"epoch\":0,\"key\":\"" KEY "\"}]},{\"id\":9,\"name\":\"new\","
		"\"keys\":[{\"epoch\":0,\"key\":\"" KEY "\"}]}]}",
		"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":3,\"key\":\"" KEY
		"\"},{\"epoch\":1,\"key\":\"FFEEDDCCBBAA99887766554433221100\"}],\"limits\":{"
		"\"voters\":5,\"memory_mb\":16777216}}]}",
		"{\"tenants\":",
		"",
	};
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		scratch_text("keyring.json", edits[i], 0600);
		begin_rotate();
		expect_refused(-ESTALE, "was changed since tallyd read it");
	}
	/* Laid out in another way it says the same. */
	scratch_text("keyring.json", " " FILE_TEXT "\n", 0600);
	begin_rotate();
	keep_saved();
	expect_same(2);
}

Test(keyring_save, a_file_that_is_gone_or_open_to_others_is_refused)
{
	cr_assert_eq(chmod(path, 0640), 0);
	begin_rotate();
	expect_refused(-ESTALE, "was changed");
	cr_assert_eq(unlink(path), 0);
	begin_rotate();
	cr_expect_eq(try_save(), -ESTALE);
	cr_expect_not_null(strstr(err.text, "is gone"), "%s", err.text);
	cr_expect_eq(scratch_count(), 0);
	keyring_change_free(&change);
}

Test(keyring_save, a_limit_on_file_sizes_leaves_the_file_as_it_was)
{
	const struct rlimit limit = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	begin_rotate();
	expect_refused(-EFBIG, "cannot be written beside itself: File too large");
}

Test(keyring_save, a_full_disk_leaves_the_file_as_it_was)
{
	char disk[PATH_MAX];
	strcpy(disk, scratch_path("disk"));
	cr_assert_eq(mkdir(disk, 0700), 0);
	/* One page, which the keyring takes. In a mount namespace that ends with this process. */
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", disk, "tmpfs", 0, "size=4k") != 0) {
		scratch_remove(); /* a skipped test ends here, without .fini */
		cr_skip_test("only root can mount a small disk");
	}
	strcpy(path, scratch_text("disk/keyring.json", FILE_TEXT, 0600));
	begin_rotate();
	expect_refused(-ENOSPC, "cannot be written beside itself: No space left");
	cr_expect_eq(unlink(path), 0);
	cr_expect_eq(rmdir(disk), -1, "the disk is not there");
	cr_assert_eq(umount(disk), 0);
}

Test(keyring_save, a_directory_that_takes_no_file_is_refused)
{
	if (geteuid() == 0 && seteuid(65534) != 0) {
		scratch_remove(); /* a skipped test ends here, without .fini */
		cr_skip_test("root that cannot become another user may write everywhere");
	}
	if (getuid() == 0) {
		/* Nobody's file in root's directory. */
		cr_assert_eq(seteuid(0), 0);
		cr_assert_eq(chown(path, 65534, 65534), 0);
		cr_assert_eq(chmod(scratch_directory, 0755), 0);
		cr_assert_eq(seteuid(65534), 0);
	} else {
		cr_assert_eq(chmod(scratch_directory, 0500), 0);
	}
	begin_rotate();
	expect_refused(-EACCES, "cannot be written beside itself: Permission denied");
	cr_assert_eq(seteuid(getuid()), 0);
	chmod(scratch_directory, 0700);
}
