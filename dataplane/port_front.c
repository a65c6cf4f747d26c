// SPDX-License-Identifier: BSD-3-Clause
/*
 * The part of a port that stands in the kernel: its front and its claim on the vote port. Called
 * before EAL starts and after it has stopped, so that no packet meets a port half open.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/port.h"
#include "dataplane/tenants.h"

static int bind_both(int fd, uint16_t vote_port)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(vote_port)};
	int off = 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

static int bind_ipv4(int fd, uint16_t vote_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(vote_port)};
	return bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

/*
 * A socket that nobody reads keeps the UDP port on this interface: a program that has it already is
 * found out now, and none can take it later, while the front takes its packets away.
 */
static int reserve_vote_port(const struct port_config *port, uint16_t vote_port, struct err *err)
{
	int (*do_bind)(int fd, uint16_t vote_port) = bind_both;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT) { /* a kernel without IPv6 */
		do_bind = bind_ipv4;
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return err_set(err, -errno, "[ports] %s = %s: no UDP socket: %s", port->name,
			       port->text, strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, port->target,
		       (socklen_t)strlen(port->target)) == 0 &&
	    do_bind(fd, vote_port) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	if (rc == -EADDRINUSE)
		return err_set(
			err, rc,
			"[ports] %s = %s: UDP port %u is in use by another program; `ss -ulpn "
			"'sport = %u'` names it",
			port->name, port->text, vote_port, vote_port);
	return err_set(err, rc, "[ports] %s = %s: UDP port %u: %s", port->name, port->text,
		       vote_port, strerror(-rc));
}

/* The port's queues by their owners, as front_options has them. */
static void fill_owners(const struct config *config, uint32_t port,
			const struct tenants_access *access, uint32_t owners[FRONT_MAX_QUEUES])
{
	for (uint32_t queue = 0; queue < FRONT_MAX_QUEUES; queue++) {
		const struct owner_config *owner = config_owner(config, port, queue);
		owners[queue] = owner ? access->owner_ids[owner - config->owners] : FRONT_NO_OWNER;
	}
}

static int attach_front(struct ports *ports, uint32_t index, const struct tenants_access *access,
			struct err *err)
{
	const struct config *config = ports->config;
	const struct port_config *port = &config->ports[index];
	uint32_t owners[FRONT_MAX_QUEUES];
	const struct front_options options = {
		.interface = port->target,
		.pin_dir = config->pin_dir,
		.mode = config->front_mode,
		.vote_port = (uint16_t)config->vote_port,
		.keys = access->keys,
		.key_count = access->key_count,
		.budgets = access->budgets,
		.budget_count = access->budget_count,
		.owners = owners,
		.sources = {.votes_per_s = config->source_votes_per_s,
			    .burst = config->source_burst,
			    .failed_votes = config->failed_vote_cost,
			    .ipv4_bits = (uint8_t)config->source_ipv4_bits,
			    .ipv6_bits = (uint8_t)config->source_ipv6_bits},
	};
	fill_owners(config, index, access, owners);
	int rc = front_attach(&options, &ports->fronts[index], err);
	if (rc)
		return rc;
	int fd = reserve_vote_port(port, (uint16_t)config->vote_port, err);
	if (fd < 0)
		return fd;
	ports->reserved[index] = fd;
	return 0;
}

int ports_attach_fronts(struct ports *ports, const struct config *config,
			const struct tenants_access *access, struct err *err)
{
	memset(ports, 0, sizeof(*ports));
	ports->config = config;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++)
		ports->reserved[i] = -1;
	for (uint32_t i = 0; i < config->port_count; i++) {
		if (config->ports[i].kind != PORT_AF_XDP)
			continue;
		int rc = attach_front(ports, i, access, err);
		if (rc) {
			ports_restore_fronts(ports);
			return rc;
		}
	}
	return 0;
}

int ports_set_tenants(struct ports *ports, const struct tenants_access *access, struct err *err)
{
	int rc = 0;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS && rc == 0; i++) {
		struct front *front = ports->fronts[i];
		if (!front)
			continue;
		/* A budget first: it holds from the first vote of a new key on. */
		rc = front_set_budgets(front, access->budgets, access->budget_count, err);
		if (rc == 0)
			rc = front_set_keys(front, access->keys, access->key_count, err);
	}
	return rc;
}

uint64_t ports_policed(const struct ports *ports, uint16_t tenant)
{
	uint64_t all = 0;
	for (uint32_t i = 0; i < CONFIG_MAX_PORTS; i++) {
		uint64_t policed = 0;
		if (ports->fronts[i] && front_read_policed(ports->fronts[i], tenant, &policed) == 0)
			all += policed;
	}
	return all;
}

static void release_vote_port(struct ports *ports, uint32_t index)
{
	if (ports->reserved[index] >= 0)
		close(ports->reserved[index]);
	ports->fronts[index] = NULL;
	ports->reserved[index] = -1;
}

void ports_detach_fronts(struct ports *ports, bool keep)
{
	for (uint32_t i = 0; i < ports->config->port_count; i++) {
		if (ports->fronts[i])
			front_detach(ports->fronts[i], keep);
		release_vote_port(ports, i);
	}
}

void ports_restore_fronts(struct ports *ports)
{
	for (uint32_t i = 0; i < ports->config->port_count; i++) {
		if (ports->fronts[i])
			front_abandon(ports->fronts[i]);
		release_vote_port(ports, i);
	}
}
