/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet buffers of an AF_XDP queue, one to a page of 4 KiB and all in one piece of memory, which
 * begins with the first. By the main thread, before the workers start.
 *
 * Why not rte_pktmbuf_pool_create: it lays out buffers so that none crosses a page, with gaps where
 * they do not fill it, and DPDK 22.11's net_af_xdp tells the kernel the area's size without the
 * gaps. Buffers behind that end are no errors to anyone: the kernel takes them from the fill ring
 * and the send ring, counts at most, and never gives them back. As the pool hands out first what
 * came back last, that shows only when many are out at once; then the fill ring runs dry and the
 * queue receives nothing for good. Buffers of a page leave no gaps, and a NIC that works on them
 * without copying needs each within one page anyway.
 */
#ifndef TALLYWIRE_PORT_POOL_H
#define TALLYWIRE_PORT_POOL_H

#include <rte_mempool.h>

#define PORT_FRAME_BYTES 4096 /* the kernel takes no longer ones */

/* NULL, with rte_errno, where there is no such memory on the node. Lives as long as the process. */
struct rte_mempool *port_pool_create(const char *name, unsigned int count, unsigned int cache,
				     int node);

#endif
