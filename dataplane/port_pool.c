// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/port_pool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

/* A frame: what the pool keeps of a buffer, the mbuf, its room. */
#define HEADER_BYTES  RTE_ALIGN_CEIL(sizeof(struct rte_mempool_objhdr), RTE_MEMPOOL_ALIGN)
#define ELEMENT_BYTES (PORT_FRAME_BYTES - HEADER_BYTES)
#define ROOM_BYTES    (ELEMENT_BYTES - sizeof(struct rte_mbuf))

/* Bus addresses are not for us: the kernel finds the pages itself. */
static int fill(struct rte_mempool *pool, const struct rte_memzone *zone)
{
	struct rte_pktmbuf_pool_private room = {.mbuf_data_room_size = ROOM_BYTES};
	int rc = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (rc)
		return rc;
	rte_pktmbuf_pool_init(pool, &room);
	rc = rte_mempool_populate_iova(pool, zone->addr, RTE_BAD_IOVA, zone->len, NULL, NULL);
	if (rc < 0)
		return rc;
	if ((unsigned int)rc < pool->size)
		return -ENOMEM;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return 0;
}

struct rte_mempool *port_pool_create(const char *name, unsigned int count, unsigned int cache,
				     int node)
{
	/* NO_SPREAD: else DPDK adds a cache line to each for the sake of memory channels. */
	struct rte_mempool *pool = rte_mempool_create_empty(name, count, ELEMENT_BYTES, cache,
							    sizeof(struct rte_pktmbuf_pool_private),
							    node, RTE_MEMPOOL_F_NO_SPREAD);
	if (!pool)
		return NULL;
	const struct rte_memzone *zone = rte_memzone_reserve_aligned(
		name, (size_t)count * PORT_FRAME_BYTES, node, 0, PORT_FRAME_BYTES);
	int rc = zone ? fill(pool, zone) : -rte_errno;
	if (rc == 0)
		return pool;
	rte_mempool_free(pool);
	rte_memzone_free(zone);
	rte_errno = -rc;
	return NULL;
}
