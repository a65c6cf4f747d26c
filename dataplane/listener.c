// SPDX-License-Identifier: BSD-3-Clause
/* The way from a path to a listening socket, and back. control.c accepts on it. */
#include "dataplane/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/config.h"

/*
 * A lock beside the socket, which ends with its holder, says whether somebody serves it. The file
 * stays: removing it would let two holders lock two files of one name.
 */
static int lock_socket(const struct listener_options *options, struct err *err)
{
	char lock[CONFIG_TEXT_BYTES + 8];
	snprintf(lock, sizeof(lock), "%s.lock", options->path);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: cannot be made: %s; set [appliance] %s", lock,
			       strerror(errno), options->option);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return err_set(err, -EADDRINUSE,
		       "%s: another tallyd serves it; stop that one or set [appliance] %s",
		       options->path, options->option);
}

static int make_directory(const struct listener_options *options, struct err *err)
{
	char copy[CONFIG_TEXT_BYTES];
	snprintf(copy, sizeof(copy), "%s", options->path);
	const char *directory = dirname(copy);
	if (mkdir(directory, 0755) == 0 || errno == EEXIST)
		return 0;
	return err_set(err, -errno, "%s: cannot be made: %s; make it or set [appliance] %s",
		       directory, strerror(errno), options->option);
}

static int give_to_group(const struct listener_options *options, struct err *err)
{
	const struct group *entry = getgrnam(options->group);
	if (!entry)
		return err_set(err, -EINVAL,
			       "[appliance] %s_group: no group '%s'; add it or set another",
			       options->option, options->group);
	/* Its directory may be another user's, who could have put a link in its place. */
	if (lchown(options->path, (uid_t)-1, entry->gr_gid) != 0)
		return err_set(err, -errno,
			       "%s: cannot be given to group %s: %s; tallyd's user has to be in it "
			       "(adduser USER %s)",
			       options->path, options->group, strerror(errno), options->group);
	return 0;
}

/* Removes the socket of a tallyd that was killed: by the lock, nobody serves it. Nothing but a
 * socket. */
static int remove_stale_socket(const struct listener_options *options, struct err *err)
{
	struct stat info;
	if (lstat(options->path, &info) != 0)
		return 0;
	if (!S_ISSOCK(info.st_mode))
		return err_set(err, -EEXIST,
			       "%s: is there and is no socket; remove it or set [appliance] %s",
			       options->path, options->option);
	return unlink(options->path) == 0 ? 0
					  : err_set(err, -errno, "%s: cannot be replaced: %s",
						    options->path, strerror(errno));
}

/* A new socket, bound there with its mode from the first moment on. */
static int bind_socket(const struct listener_options *options, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(options->path) >= sizeof(address.sun_path))
		return err_set(err, -EINVAL,
			       "%s: longer than a socket path can be (%zu); set [appliance] %s",
			       options->path, sizeof(address.sun_path) - 1, options->option);
	strcpy(address.sun_path, options->path);
	int rc = remove_stale_socket(options, err);
	if (rc)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", options->path, strerror(errno));
	mode_t mask = umask(0777 & ~options->mode);
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(mask);
	if (rc == 0)
		return fd;
	close(fd);
	return err_set(err, rc, "%s: cannot be made: %s", options->path, strerror(-rc));
}

static int listen_on(const struct listener_options *options, struct err *err)
{
	int fd = bind_socket(options, err);
	if (fd < 0)
		return fd;
	int rc = options->group[0] ? give_to_group(options, err) : 0;
	if (rc == 0 && listen(fd, 16) != 0)
		rc = err_set(err, -errno, "%s: cannot listen: %s", options->path, strerror(errno));
	if (rc == 0)
		return fd;
	unlink(options->path);
	close(fd);
	return rc;
}

int listener_open(struct listener *listener, const struct listener_options *options,
		  struct err *err)
{
	*listener = (struct listener){.path = options->path, .fd = -1, .lock_fd = -1};
	int rc = make_directory(options, err);
	if (rc)
		return rc;
	listener->lock_fd = lock_socket(options, err);
	if (listener->lock_fd < 0)
		return listener->lock_fd;
	listener->fd = listen_on(options, err);
	if (listener->fd >= 0)
		return 0;
	close(listener->lock_fd);
	return listener->fd;
}

void listener_close(struct listener *listener)
{
	if (listener->fd < 0)
		return;
	unlink(listener->path);
	close(listener->fd);
	close(listener->lock_fd);
	listener->fd = -1;
}

bool listener_same_path(const char *one, const char *other)
{
	char names[4][CONFIG_TEXT_BYTES];
	struct stat a, b;
	for (int i = 0; i < 4; i++)
		snprintf(names[i], sizeof(names[i]), "%s", i % 2 ? other : one);
	return strcmp(basename(names[0]), basename(names[1])) == 0 &&
	       stat(dirname(names[2]), &a) == 0 && stat(dirname(names[3]), &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
