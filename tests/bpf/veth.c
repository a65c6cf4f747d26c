/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespaces, a veth pair and a second process for the tests of a live front; see veth.h. */
#include "tests/bpf/veth.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/lib/frames.h"

static char name[IF_NAMESIZE];
static const struct auth_key key = {.tenant = FRAMES_TENANT, .epoch = FRAMES_EPOCH, .used = true};

static void skip_unless(int done, const char *what)
{
	if (!done)
		cr_skip_test("%s: %s: run as root on a kernel with BPF", what, strerror(errno));
}

void veth_ip(const char *format, ...)
{
	char command[256] = "ip ";
	va_list args;
	va_start(args, format);
	vsnprintf(command + 3, sizeof(command) - 3, format, args);
	va_end(args);
	int status = system(command);
	cr_assert_eq(status, 0, "%s: status %d", command, status);
}

const char *veth_name(void)
{
	return name;
}

void veth_add(void)
{
	/* One queue each: all frames come in on queue 0. Native XDP needs as many as the far end
	 * sends on. */
	veth_ip("link add %s numrxqueues 1 numtxqueues 1 type veth "
		"peer name %s numrxqueues 1 numtxqueues 1",
		name, VETH_VIEWER);
	veth_ip("link set %s up", name);
	veth_ip("link set %s up", VETH_VIEWER);
}

void veth_open(void)
{
	skip_unless(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0, "no namespaces");
	skip_unless(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "no private mounts");
	skip_unless(mount("bpf", VETH_BPFFS, "bpf", 0, NULL) == 0, "no bpffs");
	skip_unless(system("ip link add probe0 type veth peer name probe1 2>/dev/null && "
			   "ip link del probe0") == 0,
		    "no veth pairs");
	snprintf(name, sizeof(name), "tw%d", (int)getpid());
	veth_add();
}

struct front_options veth_options(void)
{
	return (struct front_options){.interface = name,
				      .pin_dir = VETH_PIN_DIR,
				      .vote_port = FRAMES_PORT,
				      .keys = &key,
				      .key_count = 1};
}

void veth_send(const uint8_t *frame, uint32_t bytes, uint32_t times)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(VETH_VIEWER)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	cr_assert_geq(fd, 0);
	for (uint32_t i = 0; i < times; i++) {
		ssize_t sent = sendto(fd, frame, bytes, 0, (struct sockaddr *)&to, sizeof(to));
		cr_assert_eq(sent, (ssize_t)bytes, "send: %s", strerror(errno));
	}
	close(fd);
}

pid_t veth_hold_front(const struct front_options *options)
{
	int ready[2];
	char byte;
	cr_assert_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct front *front;
		struct err err;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (front_attach(options, &front, &err) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the other process cannot attach its front");
	close(ready[0]);
	return pid;
}

void veth_kill(pid_t pid)
{
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}
