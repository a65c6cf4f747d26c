// SPDX-License-Identifier: BSD-3-Clause
/* Makes the ring, fills it in while it is disabled, and enables it with its restrictions. */
#include "dataplane/disk_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* liburing 2.3 declares functions for these and does not export them. */
static int do_register(const struct io_uring *ring, unsigned int operation, void *argument,
		       unsigned int count)
{
	return syscall(__NR_io_uring_register, ring->ring_fd, operation, argument, count) < 0
		       ? -errno
		       : 0;
}

/* What disk_uring.c does. Buffers and files are registered before; they cannot be exchanged. */
static int restrict_ring(struct io_uring *ring)
{
	struct io_uring_restriction rows[] = {
		{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE},
		{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE_FIXED},
		{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC},
		{.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		 .sqe_flags = IOSQE_FIXED_FILE | IOSQE_IO_LINK},
		{.opcode = IORING_RESTRICTION_REGISTER_OP,
		 .register_op = IORING_REGISTER_FILES_UPDATE},
		/* The last thing that is done while it is disabled. */
		{.opcode = IORING_RESTRICTION_REGISTER_OP,
		 .register_op = IORING_REGISTER_ENABLE_RINGS},
	};
	int rc = do_register(ring, IORING_REGISTER_RESTRICTIONS, rows, COUNT_OF(rows));
	return rc ? rc : do_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static int register_files(struct io_uring *ring, uint32_t files)
{
	int *none = malloc(files * sizeof(*none));
	if (!none)
		return -ENOMEM;
	memset(none, -1, files * sizeof(*none));
	int rc = io_uring_register_files(ring, none, files);
	free(none);
	return rc;
}

static int fill_in(struct io_uring *ring, const struct disk_ring_options *options, struct err *err)
{
	const struct iovec all = {.iov_base = options->memory, .iov_len = options->bytes};
	int rc = io_uring_register_buffers(ring, &all, 1);
	if (rc)
		return err_set(err, rc,
			       "io_uring: %zu bytes of buffers cannot be registered: %s; "
			       "raise the limit of locked memory (ulimit -l)",
			       all.iov_len, strerror(-rc));
	rc = register_files(ring, options->files);
	if (rc)
		return err_set(err, rc, "io_uring: files cannot be registered: %s", strerror(-rc));
	rc = restrict_ring(ring);
	return rc ? err_set(err, rc,
			    "io_uring: cannot be restricted to what the journal does: %s; it wants "
			    "Linux 5.10 or later",
			    strerror(-rc))
		  : 0;
}

int disk_ring_open(struct io_uring *ring, const struct disk_ring_options *options, struct err *err)
{
	int rc = io_uring_queue_init(options->entries, ring, IORING_SETUP_R_DISABLED);
	if (rc)
		return err_set(
			err, rc,
			"io_uring: %s; the journal needs it: sysctl kernel.io_uring_disabled, "
			"and what a container's seccomp profile allows",
			strerror(-rc));
	rc = fill_in(ring, options, err);
	if (rc)
		io_uring_queue_exit(ring);
	return rc;
}

void disk_ring_close(struct io_uring *ring)
{
	io_uring_queue_exit(ring);
}
