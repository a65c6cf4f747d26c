// SPDX-License-Identifier: BSD-3-Clause
/* Who may be tallyd's user, and that a process which has given root up cannot take it back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/privileges.h"
#include "tests/lib/scratch.h"

static struct config config;
static struct privileges privileges;
static struct err err;

static int find(const char *user, const char *group)
{
	strcpy(config.user, user);
	strcpy(config.group, group);
	return privileges_find(&config, &privileges, &err);
}

Test(privileges, without_a_user_nothing_happens)
{
	uid_t before = geteuid();
	cr_assert_eq(find("", ""), 0);
	cr_expect_not(privileges.drops);
	cr_expect_eq(privileges_begin(&privileges, &err), 0);
	privileges_files_as_user(&privileges);
	privileges_files_as_root(&privileges);
	cr_expect_eq(privileges_drop(&privileges, &err), 0);
	cr_expect_eq(geteuid(), before);
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 0, "a core file would hold keys");
}

Test(privileges, a_user_that_cannot_be_is_refused_by_name)
{
	const struct {
		const char *user, *group, *words;
	} rows[] = {
		{"no-such-user", "", "no user 'no-such-user'; add it"},
		{"nobody", "no-such-group", "no group 'no-such-group'; add it"},
		{"root", "", "'root' is root"},
		{"nobody", "root", "'nobody' is root, or of its group"},
		{"", "nogroup", "set user too"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(find(rows[i].user, rows[i].group), -EINVAL, "row %zu", i);
		cr_expect_not_null(strstr(err.text, rows[i].words), "%s", err.text);
	}
}

Test(privileges, a_port_of_dpdk_is_no_port_for_the_sandbox)
{
	config.port_count = 1;
	config.ports[0].kind = PORT_DPDK;
	strcpy(config.ports[0].name, "port0");
	strcpy(config.ports[0].text, "dpdk:0000:3b:00.0");
	cr_expect_eq(find("nobody", ""), -EINVAL);
	cr_expect_not_null(strstr(err.text, "port0 = dpdk:0000:3b:00.0"), "%s", err.text);
	cr_expect_eq(find("", ""), 0);
}

Test(privileges, only_root_can_begin)
{
	cr_assert_eq(find("nobody", ""), 0);
	if (geteuid() == 0)
		cr_assert_eq(setuid(privileges.uid), 0);
	cr_expect_eq(privileges_begin(&privileges, &err), -EPERM);
	cr_expect_not_null(strstr(err.text, "CAP_SYS_ADMIN"), "%s", err.text);
}

static void begin(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(find("nobody", ""), 0);
	cr_assert_eq(privileges_begin(&privileges, &err), 0, "%s", err.text);
}

/* What files of root's are good for, and whose a new one is. */
Test(privileges, files_are_made_and_read_as_the_user_would)
{
	struct stat info;
	begin();
	scratch_make();
	const char *secret = scratch_text("secret", "root's", 0600);
	cr_assert_eq(chmod(scratch_directory, 0777), 0);
	privileges_files_as_user(&privileges);
	cr_expect_eq(open(secret, O_RDONLY), -1);
	cr_expect_eq(errno, EACCES);
	const char *made = scratch_text("made", "", 0600);
	privileges_files_as_root(&privileges);
	cr_expect_eq(stat(made, &info), 0);
	cr_expect_eq(info.st_uid, privileges.uid);
	cr_expect_eq(info.st_gid, privileges.gid);
	int fd = open(scratch_path("secret"), O_RDONLY | O_CLOEXEC);
	cr_expect_geq(fd, 0);
	scratch_remove();
}

static pthread_barrier_t dropped;

/* Another thread, made before. */
static void *look(void *context)
{
	uid_t *ids = context;
	pthread_barrier_wait(&dropped);
	getresuid(&ids[0], &ids[1], &ids[2]);
	return NULL;
}

Test(privileges, is_given_up_by_every_thread_and_for_good)
{
	pthread_t thread;
	uid_t ids[3] = {0};
	begin();
	pthread_barrier_init(&dropped, NULL, 2);
	cr_assert_eq(pthread_create(&thread, NULL, look, ids), 0);
	cr_assert_eq(privileges_drop(&privileges, &err), 0, "%s", err.text);
	pthread_barrier_wait(&dropped);
	pthread_join(thread, NULL);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(ids[i], privileges.uid);
	cr_expect_eq(setuid(0), -1);
	cr_expect_eq(getgroups(0, NULL), 0);
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 0);
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		cr_expect_eq(prctl(PR_CAPBSET_READ, capability), 0, "capability %lu", capability);
}

Test(privileges, a_refusal_says_whose_it_must_be)
{
	cr_assert_eq(find("nobody", ""), 0);
	err_set(&err, -EACCES, "FILE: Permission denied");
	cr_expect_eq(privileges_explain(&privileges, -EACCES, &err), -EACCES);
	cr_expect_str_eq(err.text, "FILE: Permission denied; it must be nobody's own: chown it, or "
				   "`tallyd --prepare`");
	err_set(&err, -ENOENT, "FILE: not there");
	privileges_explain(&privileges, -ENOENT, &err);
	cr_expect_str_eq(err.text, "FILE: not there");
}
