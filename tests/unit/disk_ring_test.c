// SPDX-License-Identifier: BSD-3-Clause
/* The journal's ring does what the journal does; the kernel refuses it everything else. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/disk_ring.h"

#define BYTES 4096

static struct io_uring ring;
static uint8_t *memory;

/* False where this system has no io_uring for us. */
static bool open_ring(void)
{
	struct err err = {""};
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct disk_ring_options options = {
		.entries = 8, .memory = memory, .bytes = BYTES, .files = 2};
	int rc = disk_ring_open(&ring, &options, &err);
	cr_assert(rc == 0 || rc == -EPERM || rc == -ENOSYS, "%s", err.text);
	return rc == 0;
}

/* What comes of the one entry that was prepared. */
static int result(void)
{
	struct io_uring_cqe *cqe;
	cr_assert_eq(io_uring_submit(&ring), 1);
	cr_assert_eq(io_uring_wait_cqe(&ring, &cqe), 0);
	int res = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return res;
}

Test(disk_ring, writes_and_syncs_the_files_of_its_places)
{
	if (!open_ring())
		cr_skip_test("no io_uring here");
	int fd = memfd_create("segment", MFD_CLOEXEC);
	cr_assert_eq(io_uring_register_files_update(&ring, 1, &fd, 1), 1);
	memset(memory, 7, BYTES);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write_fixed(sqe, 1, memory, BYTES, 0, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	cr_expect_eq(result(), BYTES);
	io_uring_prep_write(io_uring_get_sqe(&ring), fd, "x", 1, BYTES);
	cr_expect_eq(result(), 1);
	io_uring_prep_fsync(io_uring_get_sqe(&ring), fd, 0);
	cr_expect_eq(result(), 0);
	disk_ring_close(&ring);
}

static char path[] = "/tmp/tallywire-disk-ring-test"; /* never made */

static void prepare_nop(struct io_uring_sqe *sqe)
{
	io_uring_prep_nop(sqe);
}

static void prepare_read(struct io_uring_sqe *sqe)
{
	io_uring_prep_read(sqe, STDIN_FILENO, memory, 1, 0);
}

static void prepare_open(struct io_uring_sqe *sqe)
{
	io_uring_prep_openat(sqe, -1, path, O_CREAT | O_WRONLY, 0600);
}

static void prepare_socket(struct io_uring_sqe *sqe)
{
	io_uring_prep_socket(sqe, AF_INET, SOCK_DGRAM, 0, 0);
}

static void prepare_unlink(struct io_uring_sqe *sqe)
{
	io_uring_prep_unlink(sqe, path, 0);
}

static void prepare_drained_write(struct io_uring_sqe *sqe)
{
	io_uring_prep_write(sqe, STDOUT_FILENO, "", 0, 0);
	sqe->flags |= IOSQE_IO_DRAIN;
}

Test(disk_ring, every_other_operation_is_refused)
{
	void (*const rows[])(struct io_uring_sqe *) = {prepare_nop,    prepare_read,
						       prepare_open,   prepare_socket,
						       prepare_unlink, prepare_drained_write};
	if (!open_ring())
		cr_skip_test("no io_uring here");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i](io_uring_get_sqe(&ring));
		int res = result();
		cr_expect_eq(res, -EACCES, "row %zu: %d", i, res);
	}
	cr_expect_eq(access(path, F_OK), -1);
	disk_ring_close(&ring);
}

Test(disk_ring, nothing_else_is_registered_any_more)
{
	if (!open_ring())
		cr_skip_test("no io_uring here");
	int event = eventfd(0, EFD_CLOEXEC);
	cr_expect_eq(io_uring_register_eventfd(&ring, event), -EACCES);
	cr_expect_eq(io_uring_unregister_buffers(&ring), -EACCES);
	cr_expect_eq(io_uring_register_personality(&ring), -EACCES);
	disk_ring_close(&ring);
}
