// SPDX-License-Identifier: BSD-3-Clause
/*
 * The loop of the main thread: one epoll over the listener, the signals, and each client's socket
 * and timer. Single-threaded, so methods need no locks.
 */
#include "dataplane/control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/control_client.h"

#define MAX_CLIENTS 64
#define MAX_EVENTS  32

/* CONTROL_NO_ROOM */
static const char too_many_clients[] =
	"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32003,"
	"\"message\":\"64 clients are connected, which is the most; close one\"}}\n";

/* What an epoll event is about: which slot, and which of its descriptors. */
enum source { FROM_LISTENER, FROM_SIGNALS, FROM_CLIENT, FROM_TIMER };

struct control {
	struct appliance *appliance;
	int epoll_fd;
	int listen_fd;
	int signal_fd;
	int lock_fd;
	struct client *clients[MAX_CLIENTS];
};

static uint64_t event_key(enum source source, uint32_t slot)
{
	return (uint64_t)source << 32 | slot;
}

static int watch(struct control *control, int operation, int fd, uint32_t events, uint64_t key)
{
	struct epoll_event event = {.events = events, .data.u64 = key};
	return epoll_ctl(control->epoll_fd, operation, fd, &event) ? -errno : 0;
}

/*
 * A lock beside the socket, which ends with its holder, says whether somebody serves it. The file
 * stays: removing it would let two holders lock two files of one name.
 */
static int lock_socket(const char *path, struct err *err)
{
	char lock[CONFIG_TEXT_BYTES + 8];
	snprintf(lock, sizeof(lock), "%s.lock", path);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: cannot be made: %s; set [appliance] control", lock,
			       strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return err_set(err, -EADDRINUSE,
		       "%s: another tallyd serves it; stop that one or set [appliance] control",
		       path);
}

static int make_directory(const char *path, struct err *err)
{
	char copy[CONFIG_TEXT_BYTES];
	snprintf(copy, sizeof(copy), "%s", path);
	const char *directory = dirname(copy);
	if (mkdir(directory, 0755) == 0 || errno == EEXIST)
		return 0;
	return err_set(err, -errno, "%s: cannot be made: %s; make it or set [appliance] control",
		       directory, strerror(errno));
}

static int give_to_group(const char *path, const char *group, struct err *err)
{
	const struct group *entry = getgrnam(group);
	if (!entry)
		return err_set(err, -EINVAL,
			       "[appliance] control_group: no group '%s'; add it or set another",
			       group);
	if (chown(path, (uid_t)-1, entry->gr_gid) != 0)
		return err_set(err, -errno, "%s: cannot be given to group %s: %s", path, group,
			       strerror(errno));
	return 0;
}

/* Removes the socket of a tallyd that was killed: by the lock, nobody serves it. Nothing but a
 * socket. */
static int remove_stale_socket(const char *path, struct err *err)
{
	struct stat info;
	if (lstat(path, &info) != 0)
		return 0;
	if (!S_ISSOCK(info.st_mode))
		return err_set(
			err, -EEXIST,
			"%s: is there and is no socket; remove it or set [appliance] control",
			path);
	return unlink(path) == 0
		       ? 0
		       : err_set(err, -errno, "%s: cannot be replaced: %s", path, strerror(errno));
}

static int listen_on(const struct config *config, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = config->control;
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(
			err, -EINVAL,
			"%s: longer than a socket path can be (%zu); set [appliance] control", path,
			sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	int rc = remove_stale_socket(path, err);
	if (rc)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	mode_t mask = umask(0117);
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(mask);
	if (rc) {
		err_set(err, rc, "%s: cannot be made: %s", path, strerror(-rc));
		goto err_close;
	}
	if (config->control_group[0])
		rc = give_to_group(path, config->control_group, err);
	if (rc)
		goto err_unlink;
	if (listen(fd, 16) == 0)
		return fd;
	rc = err_set(err, -errno, "%s: cannot listen: %s", path, strerror(errno));
err_unlink:
	unlink(path);
err_close:
	close(fd);
	return rc;
}

static int open_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	/* Blocked in main() already, before any thread was made. */
	return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

int control_open(struct appliance *appliance, struct control **result, struct err *err)
{
	const struct config *config = &appliance->config;
	struct control *control = calloc(1, sizeof(*control));
	if (!control)
		return err_set(err, -ENOMEM, "control: out of memory");
	control->appliance = appliance;
	control->epoll_fd = control->listen_fd = control->signal_fd = control->lock_fd = -1;
	int rc = make_directory(config->control, err);
	if (rc == 0)
		rc = control->lock_fd = lock_socket(config->control, err);
	if (rc >= 0)
		rc = control->listen_fd = listen_on(config, err);
	if (rc < 0) {
		control_close(control);
		return rc;
	}
	control->signal_fd = open_signals();
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (control->signal_fd < 0 || control->epoll_fd < 0 ||
	    watch(control, EPOLL_CTL_ADD, control->listen_fd, EPOLLIN,
		  event_key(FROM_LISTENER, 0)) ||
	    watch(control, EPOLL_CTL_ADD, control->signal_fd, EPOLLIN,
		  event_key(FROM_SIGNALS, 0))) {
		rc = err_set(err, -errno, "control: %s", strerror(errno));
		control_close(control);
		return rc;
	}
	*result = control;
	return 0;
}

static void drop_client(struct control *control, uint32_t slot)
{
	client_destroy(control->clients[slot]); /* closing takes it out of epoll */
	control->clients[slot] = NULL;
}

static void accept_client(struct control *control)
{
	int fd = accept4(control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	uint32_t slot = 0;
	while (slot < MAX_CLIENTS && control->clients[slot])
		slot++;
	if (slot == MAX_CLIENTS) {
		send(fd, too_many_clients, strlen(too_many_clients), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	struct client *client = client_create(fd);
	if (!client)
		return;
	control->clients[slot] = client;
	if (watch(control, EPOLL_CTL_ADD, fd, EPOLLIN, event_key(FROM_CLIENT, slot)) ||
	    watch(control, EPOLL_CTL_ADD, client->timer_fd, EPOLLIN, event_key(FROM_TIMER, slot)))
		drop_client(control, slot);
}

/* Writing finds a peer that is gone just as reading does, so the kind of event need not be looked
 * at. */
static void serve_client(struct control *control, uint32_t slot, enum source source)
{
	struct client *client = control->clients[slot];
	bool alive = true;
	if (!client) /* dropped by an earlier event of this round */
		return;
	if (source == FROM_TIMER)
		alive = client_live(client, control->appliance);
	else if (client_wants_write(client))
		alive = client_write(client, control->appliance);
	if (alive && source == FROM_CLIENT && client_wants_read(client))
		alive = client_read(client, control->appliance);
	if (!alive) {
		drop_client(control, slot);
		return;
	}
	uint32_t wanted = (client_wants_read(client) ? EPOLLIN : 0u) |
			  (client_wants_write(client) ? EPOLLOUT : 0u);
	watch(control, EPOLL_CTL_MOD, client->fd, wanted, event_key(FROM_CLIENT, slot));
}

int control_serve(struct control *control, struct err *err)
{
	for (;;) {
		struct epoll_event events[MAX_EVENTS];
		int count = epoll_wait(control->epoll_fd, events, MAX_EVENTS, -1);
		if (count < 0 && errno != EINTR)
			return err_set(err, -errno, "control: %s", strerror(errno));
		for (int i = 0; i < count; i++) {
			enum source source = (enum source)(events[i].data.u64 >> 32);
			if (source == FROM_SIGNALS)
				return 0;
			if (source == FROM_LISTENER)
				accept_client(control);
			else
				serve_client(control, (uint32_t)events[i].data.u64, source);
		}
	}
}

void control_close(struct control *control)
{
	for (uint32_t slot = 0; slot < MAX_CLIENTS; slot++)
		if (control->clients[slot])
			drop_client(control, slot);
	if (control->listen_fd >= 0) {
		unlink(control->appliance->config.control);
		close(control->listen_fd);
	}
	if (control->signal_fd >= 0)
		close(control->signal_fd);
	if (control->epoll_fd >= 0)
		close(control->epoll_fd);
	if (control->lock_fd >= 0)
		close(control->lock_fd);
	free(control);
}
