// SPDX-License-Identifier: BSD-3-Clause
/*
 * The disk of the journal, on io_uring. Called by the journal's thread, and for reading by
 * recovery.
 *
 * A write is two entries that are linked: the write, and behind it the sync, which the kernel
 * begins when all of the write is done and cancels when it is not. A preparation is zeros, a piece
 * after the other, and then the file's sync and the directory's. What came of an entry arrives
 * under the number of its operation and its place in the chain; when the last entry of a chain has
 * come, the operation goes on to its next one, or is over.
 *
 * Why zeros, where fallocate() would do: what is written to allocated space for the first time is
 * entered in the file system's own journal, by kernel threads that may get no time on a CPU that a
 * worker polls on. Over zeros that were written a write is done when the device says so, and its
 * sync empties the device's cache and does nothing else.
 */
#include "dataplane/disk_uring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/disk_ring.h"
#include "wire/journal_format.h"

#define SLOTS        4  /* segments open at a time: one that is left, one written, one prepared */
#define OPERATIONS   32 /* more than the journal has blocks, twice over */
#define CHAIN        2  /* entries of an operation at a time, at most */
#define RING         (OPERATIONS * CHAIN)
#define ZEROS        ((size_t)1 << 20) /* a piece of a preparation */
#define REAP_AT_ONCE 32

struct slot {
	uint64_t segment; /* 0: free */
	int fd;
};

struct operation {
	bool used;
	bool prepares;
	bool syncs;   /* a preparation: all zeros are written */
	uint8_t left; /* entries that are still to come */
	struct slot *slot;
	uint64_t tag;
	uint64_t bytes;
	uint64_t zeroed; /* of them, by a preparation */
	int64_t result;
};

struct disk_uring {
	struct disk disk;
	char path[PATH_MAX];
	int directory;
	bool has_ring;
	struct io_uring ring;
	uint8_t *memory;
	uint32_t buffer_bytes;
	uint8_t *zeros;
	struct slot slots[SLOTS];
	struct operation operations[OPERATIONS];
	uint64_t reading; /* the segment that read_fd is of; 0: none */
	int read_fd;
};

static struct disk_uring *self_of(struct disk *disk)
{
	return (struct disk_uring *)disk;
}

static void file_name(uint64_t segment, char name[JOURNAL_NAME_BYTES])
{
	snprintf(name, JOURNAL_NAME_BYTES, JOURNAL_NAME_FORMAT, (unsigned long long)segment);
}

static void name(struct disk *disk, uint64_t segment, char *text, uint32_t bytes)
{
	char file[JOURNAL_NAME_BYTES];
	file_name(segment, file);
	snprintf(text, bytes, "%s/%s", self_of(disk)->path, file);
}

static struct slot *slot_of(struct disk_uring *self, uint64_t segment)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (self->slots[i].segment == segment)
			return &self->slots[i];
	return NULL;
}

static void free_slot(struct disk_uring *self, struct slot *slot)
{
	int none = -1;
	io_uring_register_files_update(&self->ring, (unsigned int)(slot - self->slots), &none, 1);
	close(slot->fd);
	*slot = (struct slot){0};
}

static struct operation *take_operation(struct disk_uring *self)
{
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		if (self->operations[i].used)
			continue;
		self->operations[i] = (struct operation){.used = true};
		return &self->operations[i];
	}
	return NULL;
}

/* An entry of an operation's chain. The ring has room for what all operations can have. */
static struct io_uring_sqe *next_entry(struct disk_uring *self)
{
	return io_uring_get_sqe(&self->ring);
}

/* After io_uring_prep_*(), which clears these. */
static void chain(const struct disk_uring *self, struct io_uring_sqe *sqe,
		  struct operation *operation, unsigned int flags)
{
	sqe->user_data = (uint64_t)(operation - self->operations) * CHAIN + operation->left++;
	sqe->flags |= (uint8_t)flags;
}

/* Where O_DIRECT is not known, the page cache takes the write and the sync empties it. */
static int create(struct disk_uring *self, const char *file)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	int fd = openat(self->directory, file, flags | O_EXCL | O_DIRECT, 0600);
	if (fd < 0 && errno == EINVAL)
		fd = openat(self->directory, file, flags, 0600);
	return fd < 0 ? -errno : fd;
}

/* Nothing is there yet where it goes, so it is done when the file is that much longer. */
static void write_zeros(struct disk_uring *self, struct operation *operation)
{
	int place = (int)(operation->slot - self->slots);
	uint64_t left = operation->bytes - operation->zeroed;
	struct io_uring_sqe *sqe = next_entry(self);
	io_uring_prep_write(sqe, place, self->zeros, (unsigned int)(left < ZEROS ? left : ZEROS),
			    operation->zeroed);
	chain(self, sqe, operation, IOSQE_FIXED_FILE);
	io_uring_submit(&self->ring); /* what it does not take now, reap() offers again */
}

static void sync_zeros(struct disk_uring *self, struct operation *operation)
{
	int place = (int)(operation->slot - self->slots);
	struct io_uring_sqe *sqe = next_entry(self);
	operation->syncs = true;
	io_uring_prep_fsync(sqe, place, 0);
	chain(self, sqe, operation, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
	sqe = next_entry(self);
	io_uring_prep_fsync(sqe, self->directory, 0);
	chain(self, sqe, operation, 0);
	io_uring_submit(&self->ring);
}

static int prepare(struct disk *disk, uint64_t segment, uint64_t bytes, uint64_t tag)
{
	struct disk_uring *self = self_of(disk);
	char file[JOURNAL_NAME_BYTES];
	struct slot *slot = slot_of(self, 0);
	struct operation *operation = slot ? take_operation(self) : NULL;
	if (!operation)
		return -EBUSY;
	file_name(segment, file);
	int fd = create(self, file);
	if (fd < 0) {
		operation->used = false;
		return fd;
	}
	*slot = (struct slot){.segment = segment, .fd = fd};
	int rc = io_uring_register_files_update(&self->ring, (unsigned int)(slot - self->slots),
						&fd, 1);
	if (rc < 0) {
		operation->used = false;
		free_slot(self, slot);
		unlinkat(self->directory, file, 0);
		return rc;
	}
	operation->prepares = true;
	operation->slot = slot;
	operation->tag = tag;
	operation->bytes = bytes;
	write_zeros(self, operation);
	return 0;
}

static int write_and_sync(struct disk *disk, const struct disk_write *write)
{
	struct disk_uring *self = self_of(disk);
	struct slot *slot = slot_of(self, write->segment);
	struct operation *operation = slot ? take_operation(self) : NULL;
	if (!operation)
		return slot ? -EBUSY : -EBADF;
	int place = (int)(slot - self->slots);
	const uint8_t *from =
		self->memory + (size_t)write->buffer * self->buffer_bytes + write->from;
	operation->slot = slot;
	operation->tag = write->tag;
	operation->bytes = write->bytes;
	struct io_uring_sqe *sqe = next_entry(self);
	io_uring_prep_write_fixed(sqe, place, from, write->bytes, write->offset, 0);
	chain(self, sqe, operation, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
	sqe = next_entry(self);
	io_uring_prep_fsync(sqe, place, IORING_FSYNC_DATASYNC);
	chain(self, sqe, operation, IOSQE_FIXED_FILE);
	io_uring_submit(&self->ring);
	return 0;
}

/*
 * Takes note of one entry. The first that went wrong is a chain's result; those behind it come back
 * as cancelled. A write that was cut short is its number of bytes, whatever the sync says.
 */
static void note_write(struct operation *operation, uint32_t place, int result)
{
	int64_t right = place == 0 ? 0 : (int64_t)operation->bytes;
	if (operation->result == right && (result < 0 || place == 0))
		operation->result = result;
}

/* Zeros that were cut short go on from the last whole page. */
static void note_preparation(struct operation *operation, int result)
{
	if (!operation->syncs && result >= DISK_ALIGN)
		operation->zeroed += (uint32_t)result & ~(DISK_ALIGN - 1u);
	else if (!operation->syncs || (result < 0 && operation->result == 0))
		operation->result = result < 0 ? result : -EIO;
}

/* The preparation's next chain. False: it is over, with its result. */
static bool go_on(struct disk_uring *self, struct operation *operation)
{
	char file[JOURNAL_NAME_BYTES];
	if (operation->result) {
		file_name(operation->slot->segment, file);
		free_slot(self, operation->slot);
		unlinkat(self->directory, file, 0);
		return false;
	}
	if (operation->syncs)
		return false;
	if (operation->zeroed < operation->bytes)
		write_zeros(self, operation);
	else
		sync_zeros(self, operation);
	return true;
}

/* One entry has come back. True: with it the operation is over. */
static bool note(struct disk_uring *self, struct operation *operation, uint32_t place, int result)
{
	if (operation->prepares)
		note_preparation(operation, result);
	else
		note_write(operation, place, result);
	if (--operation->left > 0)
		return false;
	return !operation->prepares || !go_on(self, operation);
}

static uint32_t take_done(struct disk_uring *self, struct disk_done *done, uint32_t most)
{
	struct io_uring_cqe *cqes[REAP_AT_ONCE];
	uint32_t count = 0;
	uint32_t found = io_uring_peek_batch_cqe(&self->ring, cqes,
						 most < REAP_AT_ONCE ? most : REAP_AT_ONCE);
	for (uint32_t i = 0; i < found; i++) {
		uint64_t number = cqes[i]->user_data;
		if (number >= OPERATIONS * CHAIN)
			continue; /* liburing's own, for a timeout */
		struct operation *operation = &self->operations[number / CHAIN];
		if (!note(self, operation, number % CHAIN, cqes[i]->res))
			continue;
		done[count++] = (struct disk_done){operation->tag, operation->result};
		operation->used = false;
	}
	io_uring_cq_advance(&self->ring, found);
	return count;
}

static uint32_t reap(struct disk *disk, struct disk_done *done, uint32_t most, uint32_t wait_us)
{
	struct disk_uring *self = self_of(disk);
	struct __kernel_timespec timeout = {
		.tv_sec = wait_us / 1000000,
		.tv_nsec = wait_us % 1000000 * 1000ll,
	};
	struct io_uring_cqe *cqe;
	if (io_uring_sq_ready(&self->ring))
		io_uring_submit(&self->ring);
	uint32_t count = take_done(self, done, most);
	if (count || !wait_us)
		return count;
	io_uring_wait_cqe_timeout(&self->ring, &cqe, &timeout);
	return take_done(self, done, most);
}

static void finish(struct disk *disk, uint64_t segment, uint64_t used_bytes)
{
	struct disk_uring *self = self_of(disk);
	struct slot *slot = slot_of(self, segment);
	if (!slot)
		return;
	/* What cannot be cut stays as long as it is, which readers do not mind. */
	if (used_bytes && ftruncate(slot->fd, (off_t)used_bytes) == 0)
		fsync(slot->fd);
	free_slot(self, slot);
}

static int remove_segment(struct disk *disk, uint64_t segment)
{
	struct disk_uring *self = self_of(disk);
	char file[JOURNAL_NAME_BYTES];
	finish(disk, segment, 0);
	file_name(segment, file);
	return unlinkat(self->directory, file, 0) ? -errno : 0;
}

static int lock(struct disk_uring *self, struct err *err)
{
	if (flock(self->directory, LOCK_EX | LOCK_NB) == 0)
		return 0;
	int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	return err_set(err, rc,
		       "%s: cannot be locked: %s; is another tallyd writing its journal there?",
		       self->path, strerror(-rc));
}

static int buffers(struct disk *disk, void *memory, uint32_t count, uint32_t bytes, struct err *err)
{
	struct disk_uring *self = self_of(disk);
	const struct disk_ring_options options = {
		.entries = RING,
		.memory = memory,
		.bytes = (size_t)count * bytes,
		.files = SLOTS,
	};
	int rc = lock(self, err);
	if (rc)
		return rc;
	rc = disk_ring_open(&self->ring, &options, err);
	if (rc)
		return rc;
	self->has_ring = true;
	/* Only read, so that it takes no memory. */
	void *zeros = mmap(NULL, ZEROS, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (zeros == MAP_FAILED)
		return err_set(err, -errno, "%s: no memory", self->path);
	self->zeros = zeros;
	self->memory = memory;
	self->buffer_bytes = bytes;
	return 0;
}

/* 0 for what is no segment's name. */
static uint64_t segment_of(const char *file)
{
	char again[JOURNAL_NAME_BYTES];
	uint64_t segment = strtoull(file, NULL, 16);
	file_name(segment, again);
	return strcmp(file, again) ? 0 : segment;
}

static int compare_segments(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

static int read_names(DIR *directory, uint64_t **segments, uint32_t *count)
{
	uint32_t room = 0;
	for (struct dirent *found; (found = readdir(directory));) {
		uint64_t segment = segment_of(found->d_name);
		if (!segment)
			continue;
		if (*count == room) {
			room = room ? 2 * room : 64;
			uint64_t *more = realloc(*segments, room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			*segments = more;
		}
		(*segments)[(*count)++] = segment;
	}
	return 0;
}

static int list(struct disk *disk, uint64_t **segments, uint32_t *count, struct err *err)
{
	struct disk_uring *self = self_of(disk);
	int fd = openat(self->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	*segments = NULL;
	*count = 0;
	if (!directory) {
		int rc = -errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, rc, "%s: cannot be listed: %s", self->path, strerror(-rc));
	}
	int rc = read_names(directory, segments, count);
	closedir(directory);
	if (rc) {
		free(*segments);
		*segments = NULL;
		return err_set(err, rc, "%s: no memory to list it", self->path);
	}
	if (*count)
		qsort(*segments, *count, sizeof(**segments), compare_segments);
	return 0;
}

static int open_to_read(struct disk_uring *self, uint64_t segment)
{
	char file[JOURNAL_NAME_BYTES];
	if (self->reading == segment)
		return 0;
	if (self->reading)
		close(self->read_fd);
	file_name(segment, file);
	self->read_fd = openat(self->directory, file, O_RDONLY | O_CLOEXEC);
	self->reading = self->read_fd < 0 ? 0 : segment;
	return self->read_fd < 0 ? -errno : 0;
}

static int64_t read_bytes(struct disk *disk, uint64_t segment, uint64_t offset, void *memory,
			  uint32_t bytes)
{
	struct disk_uring *self = self_of(disk);
	uint32_t done = 0;
	int rc = open_to_read(self, segment);
	if (rc)
		return rc;
	while (done < bytes) {
		ssize_t got = pread(self->read_fd, (uint8_t *)memory + done, bytes - done,
				    (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (uint32_t)got;
	}
	return done;
}

static int settle(struct disk *disk, struct err *err)
{
	struct disk_uring *self = self_of(disk);
	uint64_t *segments;
	uint32_t count;
	int rc = list(disk, &segments, &count, err);
	for (uint32_t i = 0; !rc && i < count; i++) {
		rc = open_to_read(self, segments[i]);
		if (!rc && fsync(self->read_fd))
			rc = -errno;
		if (rc)
			err_set(err, rc, "%s: segment %016" PRIx64 " cannot be synced: %s",
				self->path, segments[i], strerror(-rc));
	}
	if (!rc && fsync(self->directory))
		rc = err_set(err, -errno, "%s: cannot be synced: %s", self->path, strerror(errno));
	free(segments);
	return rc;
}

static const struct disk_ops ops = {
	.buffers = buffers,
	.settle = settle,
	.prepare = prepare,
	.write = write_and_sync,
	.reap = reap,
	.finish = finish,
	.remove = remove_segment,
	.list = list,
	.read = read_bytes,
	.name = name,
};

int disk_uring_open(const char *path, struct disk **disk, struct err *err)
{
	if (strlen(path) >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "the journal's directory: its path is too long");
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_set(err, -errno, "%s: cannot be made: %s", path, strerror(errno));
	struct disk_uring *self = calloc(1, sizeof(*self));
	if (!self)
		return err_set(err, -ENOMEM, "%s: no memory", path);
	self->disk.ops = &ops;
	strcpy(self->path, path);
	self->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (self->directory < 0) {
		int rc = -errno;
		free(self);
		return err_set(err, rc, "%s: cannot be opened as a directory: %s", path,
			       strerror(-rc));
	}
	*disk = &self->disk;
	return 0;
}

void disk_uring_close(struct disk *disk)
{
	if (!disk)
		return;
	struct disk_uring *self = self_of(disk);
	for (uint32_t i = 0; i < SLOTS; i++)
		if (self->slots[i].segment)
			free_slot(self, &self->slots[i]);
	if (self->has_ring)
		disk_ring_close(&self->ring);
	if (self->zeros)
		munmap(self->zeros, ZEROS);
	if (self->reading)
		close(self->read_fd);
	close(self->directory);
	free(self);
}
