// SPDX-License-Identifier: BSD-3-Clause
/*
 * Devices: from a line of [ports] to started queues. Called by the start-and-stop ladder of
 * appliance.c. The fronts stand before the devices: attached earlier, detached later
 * (port_front.c).
 *
 * A device is never closed and opened again in one process: DPDK 22.11 miscounts the memory areas
 * of AF_XDP ports then.
 */
#include "dataplane/port.h"

#include <errno.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "dataplane/port_pool.h"

#define RING_SLOTS     2048 /* wanted per receive and per send ring */
#define MBUF_CACHE     256
#define MBUF_DATA_ROOM (RTE_PKTMBUF_HEADROOM + 2048)

/* Says what DPDK said, in one line with the port's own. Its errno says less, often the wrong thing.
 */
static int refused(const struct port_config *port, int rc, const char *what, struct err *err)
{
	static const char *const remedies[] = {
		[PORT_AF_XDP] = "see that the queue exists (ethtool -l) and is not in use",
		[PORT_PCAP] = "name a pcap file of an Ethernet interface",
		[PORT_DPDK] = "name a device as DPDK does, such as 0000:3b:00.0 or net_null0",
	};
	const char *words = eal_first_words();
	return err_set(err, rc, "[ports] %s = %s: %s: %s; %s", port->name, port->text, what,
		       *words ? words : strerror(-rc), remedies[port->kind]);
}

static int make_pool(struct port_queue *queue, const struct config *config, struct err *err)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	const struct port_config *port = &config->ports[queue->port];
	snprintf(name, sizeof(name), "port%u-queue%u", queue->port, queue->number);
	unsigned int count = (unsigned int)config->mbufs;
	queue->pool = port->kind == PORT_AF_XDP
			      ? port_pool_create(name, count, MBUF_CACHE, queue->node)
			      : rte_pktmbuf_pool_create(name, count, MBUF_CACHE, 0, MBUF_DATA_ROOM,
							queue->node);
	if (!queue->pool)
		return err_set(err, -ENOMEM,
			       "[ports] %s = %s: no memory for %llu packet buffers on NUMA node "
			       "%d: raise [memory] packet_mb or lower mbufs",
			       port->name, port->text, (unsigned long long)config->mbufs,
			       queue->node < 0 ? 0 : queue->node);
	return 0;
}

/* Makes the device known to DPDK; `devargs` begins with its name. */
static int probe(const struct port_config *port, const char *devargs, uint16_t *device,
		 struct err *err)
{
	char name[CONFIG_TEXT_BYTES];
	snprintf(name, sizeof(name), "%s", devargs);
	name[strcspn(name, ",")] = '\0';
	eal_forget_words();
	int rc = rte_dev_probe(devargs);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, device);
	return rc ? refused(port, rc, "DPDK does not take the device", err) : 0;
}

/* Configures one device with `count` queues that start at `queues`, and starts it. */
static int start_device(const struct port_config *port, struct port_queue *queues, uint16_t count,
			struct err *err)
{
	uint16_t device = queues[0].device;
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	uint16_t rx_slots = RING_SLOTS, tx_slots = RING_SLOTS;
	eal_forget_words();
	int rc = rte_eth_dev_info_get(device, &info);
	if (rc == 0 && count > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
			(RTE_ETH_RSS_UDP | RTE_ETH_RSS_IP) & info.flow_type_rss_offloads;
	}
	if (rc == 0)
		rc = rte_eth_dev_configure(device, count, count, &conf);
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(device, &rx_slots, &tx_slots);
	for (uint16_t i = 0; i < count && rc == 0; i++) {
		unsigned int node = (unsigned int)queues[i].node;
		rc = rte_eth_rx_queue_setup(device, i, rx_slots, node, NULL, queues[i].pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(device, i, tx_slots, node, NULL);
	}
	if (rc == 0)
		rc = rte_eth_dev_start(device);
	return rc ? refused(port, rc, "DPDK does not start the device", err) : 0;
}

/*
 * The next free entry of the queue list, with a pool. Worker and queue have one number. A device's
 * own node is not asked: of AF_XDP devices DPDK only knows that of the main thread.
 */
static struct port_queue *add_queue(struct ports *ports, uint32_t port, uint32_t number,
				    struct err *err)
{
	struct port_queue *queue = &ports->queues[ports->queue_count];
	unsigned int lcore = eal_worker_lcore(ports->queue_count);
	*queue = (struct port_queue){
		.port = port, .number = number, .node = (int)rte_lcore_to_socket_id(lcore)};
	return make_pool(queue, ports->config, err) ? NULL : queue;
}

/* One device per queue: a device with several asks the netdev for channels, which not all have. */
static int start_af_xdp(struct ports *ports, uint32_t index, struct err *err)
{
	const struct port_config *port = &ports->config->ports[index];
	for (uint32_t i = 0; i < port->queues; i++) {
		char devargs[CONFIG_TEXT_BYTES];
		struct port_queue *queue = add_queue(ports, index, i, err);
		if (!queue)
			return -ENOMEM;
		snprintf(devargs, sizeof(devargs),
			 "net_af_xdp_%u_%u,iface=%s,start_queue=%u,queue_count=1", index, i,
			 port->target, i);
		int rc = probe(port, devargs, &queue->device, err);
		if (rc == 0)
			rc = start_device(port, queue, 1, err);
		if (rc)
			return rc;
		ports->queue_count++;
	}
	return 0;
}

static int start_pcap(struct ports *ports, uint32_t index, struct err *err)
{
	const struct port_config *port = &ports->config->ports[index];
	char devargs[CONFIG_TEXT_BYTES + 64];
	uint64_t flag;
	if (strchr(port->target, ','))
		return err_set(
			err, -EINVAL,
			"[ports] %s = %s: DPDK cannot take a path with a comma; rename the file",
			port->name, port->text);
	if (access(port->target, R_OK) != 0)
		return err_set(err, -errno, "[ports] %s = %s: cannot be read: %s; name a pcap file",
			       port->name, port->text, strerror(errno));
	struct port_queue *queue = add_queue(ports, index, 0, err);
	if (!queue)
		return -ENOMEM;
	queue->stamped = true;
	if (rte_mbuf_dyn_rx_timestamp_register(&ports->timestamp_offset, &flag))
		return refused(port, -rte_errno, "no room for time stamps in packet buffers", err);
	snprintf(devargs, sizeof(devargs), "net_pcap_%u,rx_pcap=%s", index, port->target);
	int rc = probe(port, devargs, &queue->device, err);
	if (rc == 0)
		rc = start_device(port, queue, 1, err);
	ports->queue_count += rc == 0;
	return rc;
}

static int start_dpdk(struct ports *ports, uint32_t index, struct err *err)
{
	const struct port_config *port = &ports->config->ports[index];
	struct port_queue *queues = &ports->queues[ports->queue_count];
	uint16_t device;
	int rc = probe(port, port->target, &device, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < port->queues; i++) {
		struct port_queue *queue = add_queue(ports, index, i, err);
		if (!queue)
			return -ENOMEM;
		queue->device = device;
		queue->index = (uint16_t)i;
		ports->queue_count++;
	}
	return start_device(port, queues, (uint16_t)port->queues, err);
}

static int start_port(struct ports *ports, uint32_t index, struct err *err)
{
	switch (ports->config->ports[index].kind) {
	case PORT_AF_XDP: return start_af_xdp(ports, index, err);
	case PORT_PCAP: return start_pcap(ports, index, err);
	case PORT_DPDK: return start_dpdk(ports, index, err);
	}
	return -EINVAL;
}

int ports_start(struct ports *ports, struct err *err)
{
	for (uint32_t i = 0; i < ports->config->port_count; i++) {
		int rc = start_port(ports, i, err);
		if (rc) {
			ports_stop(ports);
			return rc;
		}
	}
	int rc = xsk_losses_open(&ports->losses);
	if (rc) {
		ports_stop(ports);
		return err_set(err, rc, "AF_XDP sockets: cannot be found in /proc/self/fd: %s",
			       strerror(-rc));
	}
	return 0;
}

void ports_stop(struct ports *ports)
{
	for (uint32_t i = 0; i < ports->queue_count; i++) {
		if (ports->queues[i].index != 0)
			continue;
		rte_eth_dev_stop(ports->queues[i].device);
		rte_eth_dev_close(ports->queues[i].device);
	}
	ports->queue_count = 0;
}

void ports_losses(const struct ports *ports, struct port_losses *losses)
{
	*losses = (struct port_losses){0};
	xsk_losses_read(&ports->losses, &losses->in_sockets);
	for (uint32_t i = 0; i < ports->queue_count; i++) {
		const struct port_queue *queue = &ports->queues[i];
		struct rte_eth_stats stats;
		/* A device is asked once, not once a queue; AF_XDP devices not at all. */
		if (queue->index != 0 || ports->fronts[queue->port])
			continue;
		if (rte_eth_stats_get(queue->device, &stats) == 0)
			losses->in_devices += stats.imissed + stats.rx_nombuf;
	}
}
