// SPDX-License-Identifier: BSD-3-Clause
/*
 * The list, with who needs what, and its way into the kernel. Called once by appliance.c.
 *
 * It was found by tracing whole shows: votes, tenants that come and go, results sealed, the stop;
 * and by reading what else is done then: segments that change, old results that go, large sorts.
 * Some calls stand here by a second name, which another libc or processor has for them.
 */
#include "dataplane/sandbox.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static const int allowed[] = {
	/* Control sockets, timers; AF_XDP sockets, which are open: receive, kick, statistics. */
	SCMP_SYS(accept4),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(getsockopt),
	SCMP_SYS(close),
	/* Keyring, segments, results: made, read, synced, exchanged, removed, counted. */
	SCMP_SYS(openat),
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fsync),
	SCMP_SYS(syncfs),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchown),
	SCMP_SYS(fcntl),
	/* The journal's ring, which has restrictions of its own (disk_ring.h). */
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	/* Memory of windows and keys; mmap() and mprotect() below. */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),
	/* Threads that wait, rest and end; the one that seals is made by clone(), below. */
	SCMP_SYS(futex),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* The clock and how good it is; random keys; what libc asks before it allocates or sorts.
	 */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getpid),
	SCMP_SYS(geteuid),
};

/* Allowed where (argument & mask) == value. */
struct narrow {
	int call;
	unsigned int argument;
	scmp_datum_t mask;
	scmp_datum_t value;
};

#define EQUALS UINT64_C(0xFFFFFFFF)

static const struct narrow narrowed[] = {
	/* Never code that was written as data. */
	{SCMP_SYS(mmap), 2, PROT_EXEC, 0},
	{SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
	/* A thread, never a process. */
	{SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD},
	/* The front's counters, shares and lists, which are open: nothing is loaded, made or found.
	 */
	{SCMP_SYS(bpf), 0, EQUALS, BPF_MAP_LOOKUP_ELEM},
	{SCMP_SYS(bpf), 0, EQUALS, BPF_MAP_UPDATE_ELEM},
	{SCMP_SYS(bpf), 0, EQUALS, BPF_MAP_DELETE_ELEM},
	{SCMP_SYS(bpf), 0, EQUALS, BPF_MAP_GET_NEXT_KEY},
	{SCMP_SYS(bpf), 0, EQUALS, BPF_OBJ_GET_INFO_BY_FD},
	/* stdio asks whether it writes to a terminal. */
	{SCMP_SYS(ioctl), 1, EQUALS, TCGETS},
	{SCMP_SYS(prctl), 0, EQUALS, PR_SET_NAME},
	{SCMP_SYS(prctl), 0, EQUALS, PR_SET_TIMERSLACK},
};

static int add_narrowed(scmp_filter_ctx filter, const struct narrow *row)
{
	const struct scmp_arg_cmp same =
		SCMP_CMP64(row->argument, SCMP_CMP_MASKED_EQ, row->mask, row->value);
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, row->call, 1, &same);
}

static int fill(scmp_filter_ctx filter)
{
	/* Its flags lie in memory, where a filter cannot look: libraries then take clone(). */
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < COUNT_OF(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < COUNT_OF(narrowed) && rc == 0; i++)
		rc = add_narrowed(filter, &narrowed[i]);
	/* All threads at once, and a tree of comparisons, as workers send with a call a burst. */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	return rc;
}

int sandbox_close(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return err_set(err, -ENOMEM, "seccomp: out of memory");
	int rc = fill(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc ? err_set(err, rc,
			    "seccomp: the kernel does not take the list of system calls: %s; it "
			    "needs CONFIG_SECCOMP_FILTER",
			    strerror(-rc))
		  : 0;
}
