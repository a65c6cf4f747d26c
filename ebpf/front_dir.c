/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PIN_DIR/INTERFACE in bpffs: made, locked, found and removed. front.c calls it when it starts and
 * stops. It never touches what is pinned there.
 *
 * The lock is an flock() on the directory itself: bpffs has no plain files, and a lock file
 * elsewhere would have to be told apart by mount. /proc/locks then names the holder.
 */
#include "ebpf/front_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LOCK_ATTEMPTS 16

static bool is_bpffs(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static int check_bpffs(const char *pin_dir, struct err *err)
{
	char copy[sizeof(((struct front_dir *)0)->pin_dir)];
	strcpy(copy, pin_dir);
	const char *parent = dirname(copy);
	if (is_bpffs(pin_dir) || is_bpffs(parent))
		return 0;
	return err_set(err, -ENOENT,
		       "%s: no bpffs there, the front cannot be pinned: mount -t bpf bpf %s",
		       parent, parent);
}

/* Fills in both paths. bpffs takes no dots in names, interfaces no colons. */
static int set_paths(struct front_dir *dir, const char *pin_dir, const char *interface,
		     struct err *err)
{
	size_t pin_dir_bytes = strlen(pin_dir);
	if (pin_dir_bytes >= sizeof(dir->pin_dir))
		return err_set(err, -ENAMETOOLONG, "pin directory %.40s…: longer than %zu bytes",
			       pin_dir, sizeof(dir->pin_dir) - 1);
	strcpy(dir->pin_dir, pin_dir);
	snprintf(dir->path, sizeof(dir->path), "%s/%s", pin_dir, interface);
	for (char *c = dir->path + pin_dir_bytes + 1; *c; c++)
		if (*c == '.')
			*c = ':';
	return 0;
}

static int make_directory(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return err_set(err, -errno, "%s: cannot make the directory: %s%s", path, strerror(errno),
		       errno == EACCES || errno == EPERM ? ": run as root" : "");
}

/* Who has flock()ed the file of `fd`; 0 where the kernel does not tell. */
static int lock_holder(int fd)
{
	struct stat st;
	FILE *locks = fopen("/proc/locks", "re");
	int holder = 0;
	char line[256];
	if (!locks || fstat(fd, &st))
		goto out;
	while (!holder && fgets(line, sizeof(line), locks)) {
		int pid;
		unsigned int major_number, minor_number;
		unsigned long inode;
		if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%lu", &pid, &major_number,
			   &minor_number, &inode) == 4 &&
		    inode == st.st_ino && major_number == major(st.st_dev) &&
		    minor_number == minor(st.st_dev))
			holder = pid;
	}
out:
	if (locks)
		fclose(locks);
	return holder;
}

static int refuse_busy(const struct front_dir *dir, int fd, struct err *err)
{
	const char *interface = strrchr(dir->path, '/') + 1;
	int holder = lock_holder(fd);
	if (holder > 0)
		return err_set(
			err, -EBUSY,
			"%s: process %d holds the front of this interface (%s): stop it first",
			interface, holder, dir->path);
	return err_set(err, -EBUSY,
		       "%s: another process holds the front of this interface (%s): stop it first",
		       interface, dir->path);
}

/* Locks what is open. 1: its holder removed the directory meanwhile, so the lock is on nothing. */
static int lock_directory(const struct front_dir *dir, int fd, struct err *err)
{
	struct stat opened, named;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? refuse_busy(dir, fd, err)
					    : err_set(err, -errno, "%s: cannot lock: %s", dir->path,
						      strerror(errno));
	if (fstat(fd, &opened) || stat(dir->path, &named) || opened.st_ino != named.st_ino)
		return 1;
	return 0;
}

static int try_open(struct front_dir *dir, bool create, struct err *err)
{
	int rc = create ? make_directory(dir->pin_dir, err) : 0;
	if (!rc && create)
		rc = make_directory(dir->path, err);
	if (rc)
		return rc;
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 && errno == ENOENT && create)
		return 1;
	if (dir->fd < 0)
		return err_set(err, -errno, "%s: cannot open: %s", dir->path, strerror(errno));
	rc = lock_directory(dir, dir->fd, err);
	if (rc)
		close(dir->fd);
	return rc;
}

int front_dir_open(struct front_dir *dir, const char *pin_dir, const char *interface, bool create,
		   struct err *err)
{
	int rc = set_paths(dir, pin_dir, interface, err);
	if (!rc)
		rc = check_bpffs(pin_dir, err);
	if (rc)
		return rc;
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		rc = try_open(dir, create, err);
		if (rc <= 0)
			return rc;
	}
	return err_set(err, -EBUSY, "%s: comes and goes, another process is at it: try again",
		       dir->path);
}

void front_dir_close(struct front_dir *dir)
{
	/* Both fail on what is not empty, which is what is wanted. */
	if (rmdir(dir->path) == 0)
		rmdir(dir->pin_dir);
	close(dir->fd);
	dir->fd = -1;
}

const char *front_dir_pin(const struct front_dir *dir, const char *name,
			  char path[FRONT_PATH_BYTES])
{
	snprintf(path, FRONT_PATH_BYTES, "%s/%s", dir->path, name);
	return path;
}
