/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports, the only room that calls rte_eth_*: open, start, receive, send.
 *
 * A port of the configuration becomes one DPDK device per queue (AF_XDP) or one with many queues;
 * to the workers both are a list of queues. AF_XDP ports stand behind the XDP front, which must be
 * attached before they are opened. Opened and stopped by the main thread; a queue belongs to one
 * worker.
 */
#ifndef TALLYWIRE_PORT_H
#define TALLYWIRE_PORT_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include "dataplane/config.h"
#include "dataplane/core/err.h"
#include "ebpf/front.h"
#include "ebpf/xsk_losses.h"

/* net_pcap stamps its packets in ns. */
#define PORT_STAMPS_PER_US 1000

/* One receive queue with its way out. */
struct port_queue {
	uint16_t device; /* DPDK port id */
	uint16_t index;  /* queue of that device */
	uint32_t port;   /* index in config->ports */
	uint32_t number; /* queue of the configured port, for people */
	bool stamped;    /* its packets carry the UTC time they were captured at */
	int node;        /* NUMA node of its worker's lcore: its buffers and rings lie there */
	struct rte_mempool *pool;
};

struct ports {
	const struct config *config;
	struct front *fronts[CONFIG_MAX_PORTS]; /* NULL where the port has none */
	int reserved[CONFIG_MAX_PORTS];         /* sockets that keep the vote port for us, or -1 */
	struct port_queue queues[CONFIG_MAX_QUEUES];
	uint32_t queue_count;
	int timestamp_offset; /* of the capture time in an mbuf, where a queue is stamped */
	struct xsk_losses losses;
};

struct tenants_access;

/*
 * Before EAL: checks the interfaces, reserves the vote port, attaches the fronts, which know keys,
 * budgets and owners of queues before the first packet. On failure everything is undone.
 */
int ports_attach_fronts(struct ports *ports, const struct config *config,
			const struct tenants_access *access, struct err *err);

/*
 * While votes come in: keys and budgets of all fronts, in place of what they had. 0, or a negative
 * errno with `err` filled in; the caller sets what was before again then.
 */
int ports_set_tenants(struct ports *ports, const struct tenants_access *access, struct err *err);

/* How many of the tenant's votes the fronts dropped as policed since they were attached. */
uint64_t ports_policed(const struct ports *ports, uint16_t tenant);

/* After EAL: opens and starts every device. On failure what was opened is stopped again. */
int ports_start(struct ports *ports, struct err *err);

/* Stops the devices. The workers must have ended. */
void ports_stop(struct ports *ports);

/* After an orderly stop: detaches the fronts, or leaves them; gives the vote port back. */
void ports_detach_fronts(struct ports *ports, bool keep);

/* After a start that failed: leaves the fronts that were there before and detaches those that were
 * not. */
void ports_restore_fronts(struct ports *ports);

/* Packets lost since the start, before a worker had them. */
struct port_losses {
	uint64_t in_sockets; /* steered by a front, but the AF_XDP socket had no room */
	uint64_t in_devices; /* by other devices: never received, as far as we are concerned */
};

void ports_losses(const struct ports *ports, struct port_losses *losses);

/* Up to `count` packets of this queue. Worker only. */
static inline uint16_t port_receive(const struct port_queue *queue, struct rte_mbuf **mbufs,
				    uint16_t count)
{
	return rte_eth_rx_burst(queue->device, queue->index, mbufs, count);
}

/* Hands packets to the queue; returns how many it took. Worker only. */
static inline uint16_t port_send(const struct port_queue *queue, struct rte_mbuf **mbufs,
				 uint16_t count)
{
	return rte_eth_tx_burst(queue->device, queue->index, mbufs, count);
}

/* When the packet arrived, UTC µs: the capture's own stamp where there is one, else `burst_us`. */
static inline uint64_t port_arrival_us(const struct ports *ports, const struct port_queue *queue,
				       const struct rte_mbuf *mbuf, uint64_t burst_us)
{
	if (!queue->stamped)
		return burst_us;
	return *RTE_MBUF_DYNFIELD(mbuf, ports->timestamp_offset, const rte_mbuf_timestamp_t *) /
	       PORT_STAMPS_PER_US;
}

#endif
