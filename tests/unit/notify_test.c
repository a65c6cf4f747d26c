// SPDX-License-Identifier: BSD-3-Clause
/* What arrives at a service manager's socket, a file's and an abstract one, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/notify.h"
#include "tests/lib/scratch.h"

static struct notify notify;
static struct err err;

static int listen_on(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		     0, "%s", strerror(errno));
	return fd;
}

static void expect_message(int fd, const char *text)
{
	char message[64] = "";
	cr_expect_gt(recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT), 0);
	cr_expect_str_eq(message, text);
}

static void expect_told(const char *name)
{
	int fd = listen_on(name);
	setenv("NOTIFY_SOCKET", name, 1);
	cr_assert_eq(notify_open(&notify, &err), 0, "%s", err.text);
	cr_expect_null(getenv("NOTIFY_SOCKET"));
	notify_say(&notify, "READY=1");
	notify_say(&notify, "WATCHDOG=1");
	expect_message(fd, "READY=1");
	expect_message(fd, "WATCHDOG=1");
	notify_close(&notify);
	notify_say(&notify, "READY=1");
	cr_expect_lt(recv(fd, (char[8]){0}, 8, MSG_DONTWAIT), 0);
	close(fd);
}

Test(notify, tells_the_socket_of_a_path)
{
	scratch_make();
	expect_told(scratch_path("notify.sock"));
	scratch_remove();
}

Test(notify, tells_an_abstract_socket)
{
	char name[64];
	snprintf(name, sizeof(name), "@tallywire-notify-%d", getpid());
	expect_told(name);
}

Test(notify, without_a_socket_nothing_is_told_and_nothing_fails)
{
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "1000000", 1);
	cr_assert_eq(notify_open(&notify, &err), 0);
	cr_expect_eq(notify.timeout_us, 0);
	notify_say(&notify, "READY=1");
	notify_close(&notify);
}

Test(notify, knows_how_long_silence_may_last)
{
	char pid[32];
	scratch_make();
	const char *path = scratch_path("notify.sock");
	int fd = listen_on(path);
	const struct {
		const char *pid;
		uint64_t wanted;
	} rows[] = {{NULL, 3000000}, {pid, 3000000}, {"1", 0}};
	snprintf(pid, sizeof(pid), "%d", getpid());
	for (int i = 0; i < 3; i++) {
		setenv("NOTIFY_SOCKET", path, 1);
		setenv("WATCHDOG_USEC", "3000000", 1);
		if (rows[i].pid)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		cr_assert_eq(notify_open(&notify, &err), 0, "%s", err.text);
		cr_expect_eq(notify.timeout_us, rows[i].wanted, "row %d", i);
		cr_expect_null(getenv("WATCHDOG_USEC"));
		notify_close(&notify);
	}
	close(fd);
	scratch_remove();
}

Test(notify, a_socket_that_is_not_there_is_told)
{
	char longer[200];
	memset(longer, 'n', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	const char *const names[] = {"relative.sock", "/nowhere/notify.sock", "", longer};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		cr_expect_lt(notify_open(&notify, &err), 0, "%s", names[i]);
		cr_expect_eq(strncmp(err.text, "NOTIFY_SOCKET: ", 15), 0, "%s", err.text);
		cr_expect_not_null(strstr(err.text, "unset it"), "%s", err.text);
	}
}
