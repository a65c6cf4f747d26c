/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory of its own for a test that needs files. One per process; Criterion runs each test in
 * one. */
#ifndef TALLYWIRE_TESTS_SCRATCH_H
#define TALLYWIRE_TESTS_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_directory[] = "/tmp/tallywire-test-XXXXXX";

static inline void scratch_make(void)
{
	if (!mkdtemp(scratch_directory))
		abort();
}

/* The path of a name in the directory; good until the next call. */
static inline const char *scratch_path(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", scratch_directory, name);
	return path;
}

/* Makes the file with these bytes and this mode. Returns its path. */
static inline const char *scratch_bytes(const char *name, const void *bytes, size_t size,
					mode_t mode)
{
	const char *path = scratch_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fchmod(fd, mode) != 0)
		abort();
	close(fd);
	return path;
}

static inline const char *scratch_text(const char *name, const char *text, mode_t mode)
{
	return scratch_bytes(name, text, strlen(text), mode);
}

/* How many files the directory holds. */
static inline int scratch_count(void)
{
	DIR *directory = opendir(scratch_directory);
	int count = -2; /* "." and ".." */
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* The files in a directory of it, then that directory. */
static inline void scratch_clear(const char *name)
{
	char path[PATH_MAX], file[2 * PATH_MAX];
	snprintf(path, sizeof(path), "%s", scratch_path(name));
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		unlink(file);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

/* Files and empty directories in it, then the directory. */
static inline void scratch_remove(void)
{
	DIR *directory = opendir(scratch_directory);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove(scratch_path(entry->d_name));
	closedir(directory);
	rmdir(scratch_directory);
}

#endif
