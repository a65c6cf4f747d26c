// SPDX-License-Identifier: BSD-3-Clause
/* Each try is a child of its own, which closes the sandbox and makes one call; what comes of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/sandbox.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static long do_bpf(int command)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static void open_inet(void)
{
	socket(AF_INET, SOCK_DGRAM, 0);
}

static void open_unix(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void open_packet(void)
{
	socket(AF_PACKET, SOCK_RAW, 0);
}

static void connect_somewhere(void)
{
	connect(-1, NULL, 0);
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void fork_off(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void trace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void read_others(void)
{
	syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static void mount_something(void)
{
	mount("none", "/nowhere", "tmpfs", 0, NULL);
}

static void load_program(void)
{
	do_bpf(BPF_PROG_LOAD);
}

static void make_map(void)
{
	do_bpf(BPF_MAP_CREATE);
}

static void detach_link(void)
{
	do_bpf(BPF_LINK_DETACH);
}

static void make_ring(void)
{
	syscall(SYS_io_uring_setup, 1, NULL);
}

static void map_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_code(void)
{
	static char page[8192] __attribute__((aligned(4096)));
	mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void push_terminal(void)
{
	ioctl(0, TIOCSTI, "x");
}

static void set_dumpable(void)
{
	prctl(PR_SET_DUMPABLE, 1);
}

static void become_root(void)
{
	syscall(SYS_setuid, 0);
}

static void signal_others(void)
{
	kill(getppid(), 0);
}

static void change_root(void)
{
	syscall(SYS_chroot, "/");
}

static void load_module(void)
{
	syscall(SYS_finit_module, -1, "", 0);
}

struct forbidden {
	const char *name;
	void (*call)(void);
};

static const struct forbidden forbidden[] = {
	{"socket(AF_INET)", open_inet},
	{"socket(AF_UNIX)", open_unix},
	{"socket(AF_PACKET)", open_packet},
	{"connect", connect_somewhere},
	{"execve", execute},
	{"fork", fork_off},
	{"ptrace", trace},
	{"process_vm_readv", read_others},
	{"mount", mount_something},
	{"bpf(PROG_LOAD)", load_program},
	{"bpf(MAP_CREATE)", make_map},
	{"bpf(LINK_DETACH)", detach_link},
	{"io_uring_setup", make_ring},
	{"mmap(PROT_EXEC)", map_code},
	{"mprotect(PROT_EXEC)", make_code},
	{"ioctl(TIOCSTI)", push_terminal},
	{"prctl(SET_DUMPABLE)", set_dumpable},
	{"setuid", become_root},
	{"kill", signal_others},
	{"chroot", change_root},
	{"finit_module", load_module},
};

/* How a child ends that makes this call behind the filter; `close` says whether there is one. */
static int end_of(void (*call)(void), bool close_it)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		const struct rlimit none = {0, 0};
		struct err err;
		setrlimit(RLIMIT_CORE, &none);
		if (close_it && sandbox_close(&err))
			_exit(99);
		call();
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status;
}

static bool is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

Test(sandbox, what_tallyd_never_does_kills_it)
{
	for (size_t i = 0; i < COUNT_OF(forbidden); i++) {
		int status = end_of(forbidden[i].call, true);
		cr_expect(is_killed(status), "%s: ended with %#x", forbidden[i].name, status);
	}
}

/* Otherwise the table above would show nothing. */
Test(sandbox, without_it_the_same_calls_kill_nobody)
{
	for (size_t i = 0; i < COUNT_OF(forbidden); i++) {
		if (forbidden[i].call == fork_off)
			continue;
		int status = end_of(forbidden[i].call, false);
		cr_expect_not(is_killed(status), "%s: ended with %#x", forbidden[i].name, status);
	}
}

static void write_file(void)
{
	char path[] = "/tmp/tallywire-sandbox-XXXXXX";
	int made = mkostemp(path, O_CLOEXEC);
	int fd = openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (made < 0 || fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) || unlink(path))
		_exit(1);
}

static void *nothing(void *context)
{
	return context;
}

static void make_thread(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
		_exit(1);
}

static void take_memory(void)
{
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || munmap(memory, 1 << 20))
		_exit(1);
}

/* Refused by the map, or the lack of one, not by the filter. */
static void read_counters(void)
{
	if (do_bpf(BPF_MAP_LOOKUP_ELEM) == 0 || do_bpf(BPF_MAP_UPDATE_ELEM) == 0)
		_exit(1);
}

static void ask_terminal(void)
{
	printf("%d\n", isatty(STDOUT_FILENO));
	fflush(stdout);
}

Test(sandbox, what_tallyd_does_goes_on)
{
	void (*const calls[])(void) = {write_file, make_thread, take_memory, read_counters,
				       ask_terminal};
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		cr_expect_eq(end_of(calls[i], true), 0, "call %zu", i);
}

static int go_fds[2];

static void *wait_and_call(void *context)
{
	char byte;
	if (read(go_fds[0], &byte, 1) == 1)
		open_inet();
	return context;
}

/* A thread that was there before is behind the filter too. */
static void call_in_an_older_thread(void)
{
	pthread_t thread;
	struct err err;
	if (pipe(go_fds) || pthread_create(&thread, NULL, wait_and_call, NULL) ||
	    sandbox_close(&err) || write(go_fds[1], "g", 1) != 1)
		_exit(98);
	pthread_join(thread, NULL);
}

Test(sandbox, holds_for_threads_that_were_there_before)
{
	int status = end_of(call_in_an_older_thread, false);
	cr_expect(is_killed(status), "ended with %#x", status);
}
