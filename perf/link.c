/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both kinds of link share: a look at the interface before it is opened. Called by
 * `tallyreplay send`; never changes the interface.
 */

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "perf/link.h"

#define CARRIER_TRIES 20 /* 100 ms apart */

/* The interface's flags; waits a moment for the carrier, which a fresh veth shows a little late. */
static short flags_of(int fd, const char *interface)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	struct ifreq request = {0};
	strcpy(request.ifr_name, interface);
	for (int tries = 0; tries < CARRIER_TRIES; tries++) {
		if (ioctl(fd, SIOCGIFFLAGS, &request) || !(request.ifr_flags & IFF_UP))
			return 0;
		if (request.ifr_flags & IFF_RUNNING)
			break;
		nanosleep(&pause, NULL);
	}
	return request.ifr_flags;
}

static int inspect(struct link *link, const char *interface, struct err *err)
{
	struct ifreq request = {0};
	int rc = 0;
	if (strlen(interface) >= IFNAMSIZ || !(link->ifindex = (int)if_nametoindex(interface)))
		return err_set(err, -ENODEV,
			       "--interface: there is no '%s'; `ip link` lists those that "
			       "are there",
			       interface);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "--interface: cannot ask for '%s': %s", interface,
			       strerror(errno));
	strcpy(request.ifr_name, interface);
	short flags = flags_of(fd, interface);
	if (!(flags & IFF_UP))
		rc = err_set(err, -ENETDOWN, "--interface: '%s' is down; `ip link set %s up`",
			     interface, interface);
	else if (!(flags & IFF_RUNNING))
		rc = err_set(err, -ENETDOWN,
			     "--interface: '%s' has no carrier; plug in its other end or set its "
			     "peer up",
			     interface);
	else if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		link->mtu = (uint32_t)request.ifr_mtu;
	if (rc == 0 &&
	    (ioctl(fd, SIOCGIFHWADDR, &request) || request.ifr_hwaddr.sa_family != ARPHRD_ETHER))
		rc = err_set(err, -EINVAL, "--interface: '%s' is not Ethernet; choose one that is",
			     interface);
	memcpy(link->mac, request.ifr_hwaddr.sa_data, sizeof(link->mac));
	close(fd);
	return rc;
}

int link_open(struct link *link, const struct link_ops *ops, const struct link_options *options,
	      struct err *err)
{
	memset(link, 0, sizeof(*link));
	link->ops = ops;
	int rc = inspect(link, options->interface, err);
	return rc ? rc : ops->open(link, options, err);
}

void link_close(struct link *link)
{
	link->ops->close(link);
}

int link_send(struct link *link, const struct link_frame *frames, uint32_t count)
{
	return link->ops->send(link->state, frames, count);
}

uint32_t link_recv(struct link *link, struct link_frame *frames, uint32_t max)
{
	return link->ops->recv(link->state, frames, max);
}

void link_recv_finish(struct link *link)
{
	link->ops->recv_finish(link->state);
}

uint64_t link_missed(struct link *link)
{
	return link->ops->missed(link->state);
}
