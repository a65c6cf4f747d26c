// SPDX-License-Identifier: BSD-3-Clause
/* Old segments. Called by sealer.c's thread, on a disk of its own. */
#include "dataplane/journal_prune.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/disk_uring.h"

#define DAY_S 86400u

struct pruning {
	const char *directory;
	struct disk *disk;
	uint64_t *segments;
	uint32_t count;
	uint64_t bytes; /* of all that is left */
	struct err *err;
};

static int measure(struct pruning *pruning, uint64_t segment, struct stat *info)
{
	char name[PATH_MAX];
	pruning->disk->ops->name(pruning->disk, segment, name, sizeof(name));
	if (stat(name, info) == 0)
		return 0;
	return err_set(pruning->err, -errno, "%.400s: cannot be looked at: %s", name,
		       strerror(errno));
}

static int measure_all(struct pruning *pruning)
{
	for (uint32_t i = 0; i < pruning->count; i++) {
		struct stat info;
		int rc = measure(pruning, pruning->segments[i], &info);
		if (rc)
			return rc;
		pruning->bytes += (uint64_t)info.st_size;
	}
	return 0;
}

static int sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}

static int remove_one(struct pruning *pruning, uint64_t segment)
{
	int rc = pruning->disk->ops->remove(pruning->disk, segment);
	if (rc == 0)
		rc = sync_directory(pruning->directory);
	return rc ? err_set(pruning->err, rc, "%s: segment %016" PRIx64 " cannot be removed: %s",
			    pruning->directory, segment, strerror(-rc))
		  : 0;
}

static int remove_old(struct pruning *pruning, uint64_t below, const struct journal_keep *keep,
		      uint64_t now_s)
{
	int removed = 0;
	for (uint32_t i = 0; i < pruning->count && pruning->segments[i] < below; i++) {
		struct stat info;
		int rc = measure(pruning, pruning->segments[i], &info);
		if (rc)
			return rc;
		bool old = keep->days && (uint64_t)info.st_mtime + keep->days * DAY_S < now_s;
		bool much = keep->mb && pruning->bytes > keep->mb << 20;
		if (!old && !much)
			break;
		rc = remove_one(pruning, pruning->segments[i]);
		if (rc)
			return rc;
		pruning->bytes -= (uint64_t)info.st_size;
		removed++;
	}
	return removed;
}

int journal_prune(const char *directory, uint64_t below, const struct journal_keep *keep,
		  uint64_t now_s, struct err *err)
{
	struct pruning pruning = {.directory = directory, .err = err};
	if (!keep->days && !keep->mb)
		return 0;
	int rc = disk_uring_open(directory, &pruning.disk, err);
	if (rc == 0)
		rc = pruning.disk->ops->list(pruning.disk, &pruning.segments, &pruning.count, err);
	if (rc == 0)
		rc = measure_all(&pruning);
	if (rc == 0)
		rc = remove_old(&pruning, below, keep, now_s);
	free(pruning.segments);
	disk_uring_close(pruning.disk);
	return rc;
}
