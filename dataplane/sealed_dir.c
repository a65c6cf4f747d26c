// SPDX-License-Identifier: BSD-3-Clause
/*
 * Folders of sealed results. Called by sealer.c's thread, and to read by audit.c.
 *
 * A folder is made as .NAME.tmp, and becomes that again before it is removed, so that a crash
 * leaves whole ones and such, which the next start removes.
 */
#include "dataplane/sealed_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/manifest.h"

#define FOLDER_MODE 0750
#define FILE_MODE   0640
#define TEMP_BYTES  (SEALED_FOLDER_BYTES + 8)
#define DAY_S       86400u

static void temp_name(const char *folder, char temp[TEMP_BYTES])
{
	snprintf(temp, TEMP_BYTES, ".%s.tmp", folder);
}

static bool is_temp(const char *name)
{
	size_t bytes = strlen(name);
	return name[0] == '.' && bytes > 5 && strcmp(name + bytes - 4, ".tmp") == 0;
}

static int open_folder(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Files of a folder and then it; folders in it are not ours. */
static int remove_folder(int parent, const char *name)
{
	int fd = open_folder(parent, name);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	if (!list) {
		int rc = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		return rc == -ENOENT ? 0 : rc;
	}
	for (struct dirent *entry; (entry = readdir(list));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(fd, entry->d_name, 0);
	closedir(list);
	return unlinkat(parent, name, AT_REMOVEDIR) ? -errno : 0;
}

static int remove_temps(int parent)
{
	int copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	int rc = 0;
	if (!list) {
		rc = -errno;
		if (copy >= 0)
			close(copy);
		return rc;
	}
	for (struct dirent *entry; rc == 0 && (entry = readdir(list));)
		if (is_temp(entry->d_name))
			rc = remove_folder(parent, entry->d_name);
	closedir(list);
	return rc;
}

static int open_parent(const char *directory, struct err *err)
{
	int fd = open_folder(AT_FDCWD, directory);
	return fd < 0 ? err_set(err, fd, "%s: cannot be used: %s", directory, strerror(-fd)) : fd;
}

int sealed_dir_open(const char *directory, struct err *err)
{
	if (mkdir(directory, FOLDER_MODE) != 0 && errno != EEXIST)
		return err_set(err, -errno, "%s: cannot be made: %s; make its parent", directory,
			       strerror(errno));
	int parent = open_parent(directory, err);
	if (parent < 0)
		return parent;
	int rc = faccessat(parent, ".", W_OK | X_OK, AT_EACCESS) ? -errno : remove_temps(parent);
	close(parent);
	return rc ? err_set(err, rc, "%s: cannot be written to: %s", directory, strerror(-rc)) : 0;
}

bool sealed_dir_has(const char *directory, const char *folder)
{
	char path[PATH_MAX];
	struct stat info;
	snprintf(path, sizeof(path), "%s/%s", directory, folder);
	return lstat(path, &info) == 0;
}

static int write_all(int fd, const char *bytes, size_t count)
{
	while (count) {
		ssize_t written = write(fd, bytes, count);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -ENOSPC;
		bytes += written;
		count -= (size_t)written;
	}
	return 0;
}

static int write_file(int folder, const struct sealed_file *file)
{
	int fd = openat(folder, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	int rc = write_all(fd, file->bytes, file->count);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int write_folder(int parent, const char *temp, const struct sealed_files *files)
{
	int rc = remove_folder(parent, temp);
	if (rc == 0 && mkdirat(parent, temp, FOLDER_MODE) != 0)
		rc = -errno;
	int folder = rc ? rc : open_folder(parent, temp);
	if (folder < 0)
		return folder;
	for (uint32_t i = 0; rc == 0 && i < files->count; i++)
		rc = write_file(folder, &files->file[i]);
	/* All at once: there may be a thousand files, and each sync of its own is a wait. */
	if (rc == 0 && syncfs(folder) != 0)
		rc = -errno;
	close(folder);
	return rc;
}

int sealed_dir_write(const char *directory, const char *folder, const struct sealed_files *files,
		     struct err *err)
{
	char temp[TEMP_BYTES];
	int parent = open_parent(directory, err);
	if (parent < 0)
		return parent;
	temp_name(folder, temp);
	int rc = write_folder(parent, temp, files);
	if (rc == 0 && renameat2(parent, temp, parent, folder, RENAME_NOREPLACE) != 0)
		rc = -errno;
	if (rc == 0 && fsync(parent) != 0)
		rc = -errno;
	if (rc)
		remove_folder(parent, temp);
	close(parent);
	return rc ? err_set(err, rc, "%s/%s: cannot be written: %s", directory, folder,
			    strerror(-rc))
		  : 0;
}

static int read_all(int fd, size_t most, char **bytes, size_t *count)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return -errno;
	if (!S_ISREG(info.st_mode))
		return -EINVAL;
	if ((uint64_t)info.st_size > most)
		return -EFBIG;
	*bytes = malloc((size_t)info.st_size + 1);
	if (!*bytes)
		return -ENOMEM;
	ssize_t got = 0;
	for (*count = 0; *count < (size_t)info.st_size; *count += (size_t)got) {
		got = read(fd, *bytes + *count, (size_t)info.st_size - *count);
		if (got <= 0) {
			int rc = got < 0 ? -errno : -EIO;
			free(*bytes);
			return rc;
		}
	}
	(*bytes)[*count] = '\0';
	return 0;
}

int sealed_dir_read(const char *folder, const char *name, size_t most, char **bytes, size_t *count,
		    struct err *err)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = fd < 0 ? -errno : read_all(fd, most, bytes, count);
	if (fd >= 0)
		close(fd);
	return rc ? err_set(err, rc, "%s: cannot be read: %s", name, strerror(-rc)) : 0;
}

struct folder {
	char name[NAME_MAX + 1];
	uint64_t written_s;
	uint64_t bytes;
};

/* False where it is no sealed result. */
static bool measure(int parent, const char *name, struct folder *folder)
{
	struct stat info;
	int fd = open_folder(parent, name);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	bool sealed = list && fstatat(fd, MANIFEST_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0;
	*folder = (struct folder){.written_s = sealed ? (uint64_t)info.st_mtime : 0};
	snprintf(folder->name, sizeof(folder->name), "%s", name);
	for (struct dirent *entry; sealed && (entry = readdir(list));)
		if (fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(info.st_mode))
			folder->bytes += (uint64_t)info.st_size;
	if (list)
		closedir(list);
	else if (fd >= 0)
		close(fd);
	return sealed;
}

static int by_age(const void *left, const void *right)
{
	const struct folder *a = left, *b = right;
	if (a->written_s != b->written_s)
		return a->written_s < b->written_s ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* The folders of sealed results, oldest first, for the caller to free. */
static int list_folders(int parent, struct folder **folders, uint32_t *count)
{
	uint32_t room = 0;
	int copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	if (!list) {
		rc = -errno;
		if (copy >= 0)
			close(copy);
		return rc;
	}
	*folders = NULL;
	*count = 0;
	for (struct dirent *entry; rc == 0 && (entry = readdir(list));) {
		if (entry->d_name[0] == '.')
			continue;
		if (*count == room) {
			struct folder *more = realloc(*folders, (room += 64) * sizeof(*more));
			rc = more ? 0 : -ENOMEM;
			*folders = more ? more : *folders;
		}
		if (rc == 0)
			*count += measure(parent, entry->d_name, &(*folders)[*count]);
	}
	closedir(list);
	if (rc)
		free(*folders);
	else if (*count)
		qsort(*folders, *count, sizeof(**folders), by_age);
	return rc;
}

static int retire(int parent, const char *name)
{
	char temp[NAME_MAX + 8];
	snprintf(temp, sizeof(temp), ".%s.tmp", name);
	int rc = remove_folder(parent, temp);
	if (rc == 0 && renameat(parent, name, parent, temp) != 0)
		rc = -errno;
	return rc ? rc : remove_folder(parent, temp);
}

static int prune(int parent, const struct sealed_keep *keep, uint64_t now_s)
{
	struct folder *folders = NULL;
	uint32_t count = 0;
	uint64_t bytes = 0;
	int removed = 0, rc = list_folders(parent, &folders, &count);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < count; i++)
		bytes += folders[i].bytes;
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		bool old = keep->days && folders[i].written_s + keep->days * DAY_S < now_s;
		bool much = keep->mb && bytes > keep->mb << 20;
		if (!old && !much)
			break;
		rc = retire(parent, folders[i].name);
		bytes -= folders[i].bytes;
		removed += rc == 0;
	}
	free(folders);
	return rc ? rc : removed;
}

int sealed_dir_prune(const char *directory, const struct sealed_keep *keep, uint64_t now_s,
		     struct err *err)
{
	if (!keep->days && !keep->mb)
		return 0;
	int parent = open_parent(directory, err);
	if (parent < 0)
		return parent;
	int rc = prune(parent, keep, now_s);
	close(parent);
	return rc < 0 ? err_set(err, rc, "%s: old results cannot be removed: %s", directory,
				strerror(-rc))
		      : rc;
}
