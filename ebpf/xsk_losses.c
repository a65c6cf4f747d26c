/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Losses of the process's AF_XDP sockets, by getsockopt(XDP_STATISTICS). Snapshots call it. The
 * sockets are DPDK's and it does not hand them out, so they are looked for in /proc/self/fd, once.
 */
#include "ebpf/xsk_losses.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

static bool is_xdp_socket(int fd)
{
	int domain = 0;
	socklen_t bytes = sizeof(domain);
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_XDP;
}

int xsk_losses_open(struct xsk_losses *losses)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	losses->count = 0;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && losses->count < XSK_LOSSES_MAX_SOCKETS) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && is_xdp_socket(fd))
			losses->fds[losses->count++] = fd;
	}
	closedir(dir);
	return 0;
}

int xsk_losses_read(const struct xsk_losses *losses, uint64_t *packets)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < losses->count; i++) {
		struct xdp_statistics statistics = {0};
		socklen_t bytes = sizeof(statistics);
		if (getsockopt(losses->fds[i], SOL_XDP, XDP_STATISTICS, &statistics, &bytes))
			return -errno;
		sum += statistics.rx_dropped + statistics.rx_ring_full;
	}
	*packets = sum;
	return 0;
}
