/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzzer's bytes as a file with a path, in memory. */
#ifndef TALLYWIRE_TESTS_FUZZ_FILE_INPUT_H
#define TALLYWIRE_TESTS_FUZZ_FILE_INPUT_H

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/must.h"

struct file_input {
	char path[32];
	int fd;
};

/* Mode 0600, as files with secrets have to be. */
static inline void file_input_make(struct file_input *file, const void *bytes, size_t count)
{
	file->fd = memfd_create("input", MFD_CLOEXEC);
	MUST(file->fd >= 0 && fchmod(file->fd, 0600) == 0);
	MUST(write(file->fd, bytes, count) == (ssize_t)count);
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
}

static inline void file_input_close(const struct file_input *file)
{
	close(file->fd);
}

#endif
