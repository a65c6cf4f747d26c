// SPDX-License-Identifier: BSD-3-Clause
/* sd_notify without its library: it is one datagram. Called by main.c and control.c. */
#include "dataplane/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or after an @ a name in the abstract namespace. */
static int connect_to(const char *name, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t bytes = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || bytes >= sizeof(address.sun_path))
		return err_set(err, -EINVAL,
			       "NOTIFY_SOCKET: '%.100s' is no path and no @name of a socket; "
			       "start tallyd through systemd, or unset it",
			       name);
	memcpy(address.sun_path, name, bytes);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes)) == 0)
		return fd;
	int rc = -errno;
	if (fd >= 0)
		close(fd);
	return err_set(err, rc,
		       "NOTIFY_SOCKET: %s cannot be reached: %s; unset it where none listens", name,
		       strerror(-rc));
}

/* 0 where it is not set, or meant for another process. */
static uint64_t read_timeout(void)
{
	const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!text || (pid && strtoull(pid, NULL, 10) != (unsigned long long)getpid()))
		return 0;
	return strtoull(text, NULL, 10);
}

int notify_open(struct notify *notify, struct err *err)
{
	const char *name = getenv("NOTIFY_SOCKET");
	*notify = (struct notify){.fd = -1};
	if (name) {
		int fd = connect_to(name, err);
		if (fd < 0)
			return fd;
		*notify = (struct notify){.fd = fd, .timeout_us = read_timeout()};
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

void notify_say(const struct notify *notify, const char *text)
{
	if (notify->fd >= 0)
		send(notify->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}
