// SPDX-License-Identifier: BSD-3-Clause
/* Folders of results: whole or not there, read back, and removed by age and size. */
#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

#include "dataplane/manifest.h"
#include "dataplane/sealed_dir.h"
#include "tests/lib/scratch.h"

#define DAY_S 86400
#define NOW_S 2000000000

static struct err err;
static char results[PATH_MAX];

static void set_up(void)
{
	scratch_make();
	snprintf(results, sizeof(results), "%s", scratch_path("results"));
	cr_assert_eq(sealed_dir_open(results, &err), 0, "%s", err.text);
}

static void tear_down(void)
{
	char command[PATH_MAX + 16];
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch_directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(sealed_dir, .init = set_up, .fini = tear_down);

static const char *path_of(const char *folder, const char *name)
{
	static char path[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s/%s", results, folder, name);
	return path;
}

static int write_folder(const char *folder, size_t bytes)
{
	struct sealed_files files = {0};
	char *data = calloc(1, bytes + 1);
	cr_assert_eq(sealed_add(&files, "data", data, bytes), 0);
	cr_assert_eq(sealed_add(&files, MANIFEST_NAME, strdup("{}"), 2), 0);
	int rc = sealed_dir_write(results, folder, &files, &err);
	sealed_free(&files);
	return rc;
}

static void age(const char *folder, time_t written_s)
{
	const struct timespec times[2] = {{written_s, 0}, {written_s, 0}};
	cr_assert_eq(utimensat(AT_FDCWD, path_of(folder, MANIFEST_NAME), times, 0), 0);
}

Test(sealed_dir, what_is_written_is_read_back)
{
	char *bytes;
	size_t count;
	cr_assert_eq(write_folder("acme-1-x", 5), 0, "%s", err.text);
	cr_expect(sealed_dir_has(results, "acme-1-x"));
	cr_assert_eq(sealed_dir_read(path_of("acme-1-x", "."), "data", 5, &bytes, &count, &err), 0);
	cr_expect_eq(count, 5);
	free(bytes);
	cr_expect_eq(sealed_dir_read(path_of("acme-1-x", "."), "data", 4, &bytes, &count, &err),
		     -EFBIG);
	cr_expect_eq(sealed_dir_read(path_of("acme-1-x", "."), "none", 4, &bytes, &count, &err),
		     -ENOENT);
	cr_expect_str_eq(err.text, "none: cannot be read: No such file or directory");
}

Test(sealed_dir, a_folder_that_is_there_stays_as_it_is)
{
	struct stat info;
	cr_assert_eq(write_folder("acme-1-x", 5), 0);
	cr_expect_eq(write_folder("acme-1-x", 6), -EEXIST);
	cr_assert_eq(stat(path_of("acme-1-x", "data"), &info), 0);
	cr_expect_eq(info.st_size, 5);
	cr_expect_neq(access(path_of(".acme-1-x.tmp", ""), F_OK), 0, "a part is left");
}

Test(sealed_dir, what_a_crash_left_is_removed_at_the_next_start)
{
	cr_assert_eq(write_folder("acme-1-x", 5), 0);
	cr_assert_eq(mkdir(path_of(".acme-2-y.tmp", ""), 0700), 0);
	int fd = creat(path_of(".acme-2-y.tmp", "option-0.roaring"), 0600);
	close(fd);
	cr_assert_eq(sealed_dir_open(results, &err), 0, "%s", err.text);
	cr_expect_neq(access(path_of(".acme-2-y.tmp", ""), F_OK), 0);
	cr_expect(sealed_dir_has(results, "acme-1-x"));
}

Test(sealed_dir, says_why_it_cannot_write)
{
	struct err said;
	cr_assert_eq(rmdir(results), 0);
	cr_expect_eq(write_folder("acme-1-x", 5), -ENOENT);
	cr_expect_not_null(strstr(err.text, "results: cannot be used: No such file"), "%s",
			   err.text);
	cr_expect_eq(sealed_dir_open(path_of("a", "b"), &said), -ENOENT);
	cr_expect_not_null(strstr(said.text, "make its parent"), "%s", said.text);
	close(creat(results, 0600));
	cr_expect_eq(sealed_dir_open(results, &said), -ENOTDIR);
}

static int prune(uint64_t days, uint64_t mb)
{
	const struct sealed_keep keep = {days, mb};
	return sealed_dir_prune(results, &keep, NOW_S, &err);
}

Test(sealed_dir, old_results_go_and_what_is_none_stays)
{
	for (int i = 0; i < 4; i++) {
		char name[] = "acme-0-x";
		name[5] = (char)('0' + i);
		cr_assert_eq(write_folder(name, 5), 0);
		age(name, NOW_S - i * DAY_S);
	}
	cr_assert_eq(mkdir(path_of("notes", ""), 0700), 0);
	cr_expect_eq(prune(0, 0), 0);
	cr_expect_eq(prune(2, 0), 1);
	cr_expect_not(sealed_dir_has(results, "acme-3-x"));
	cr_expect(sealed_dir_has(results, "acme-2-x"));
	cr_expect(sealed_dir_has(results, "notes"));
	cr_expect_eq(prune(2, 0), 0);
}

Test(sealed_dir, the_oldest_go_until_the_rest_fits)
{
	for (int i = 0; i < 4; i++) {
		char name[] = "acme-0-x";
		name[5] = (char)('0' + i);
		cr_assert_eq(write_folder(name, 1 << 20), 0);
		age(name, NOW_S - (i + 1) * DAY_S);
	}
	cr_expect_eq(prune(0, 5), 0);
	cr_expect_eq(prune(0, 3), 2, "four of a little more than a MiB");
	cr_expect(sealed_dir_has(results, "acme-0-x") && sealed_dir_has(results, "acme-1-x"));
	cr_expect_not(sealed_dir_has(results, "acme-2-x") || sealed_dir_has(results, "acme-3-x"));
}
