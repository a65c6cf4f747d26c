// SPDX-License-Identifier: BSD-3-Clause
/* Where DPDK's AF_XDP driver says that the buffers are, there they are: all of them. */
#include <criterion/criterion.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_string_fns.h>

#include "dataplane/port_pool.h"

#define BUFFERS 5000

static void start_eal(void)
{
	char line[] = "test --no-huge --no-shconf --no-pci --no-telemetry -l 0 -m 64";
	char *args[16];
	int count = rte_strsplit(line, sizeof(line), args, 16, ' ');
	cr_assert_geq(rte_eal_init(count, args), 0);
}

TestSuite(port_pool, .init = start_eal);

/* The driver's sum: the area begins with the first buffer's page and holds so many frames. */
Test(port_pool, every_buffer_lies_in_the_area_that_the_kernel_knows)
{
	static struct rte_mbuf *mbufs[BUFFERS];
	struct rte_mempool *pool = port_pool_create("pool", BUFFERS, 256, SOCKET_ID_ANY);
	cr_assert_not_null(pool);
	cr_assert_eq(pool->nb_mem_chunks, 1);
	cr_assert_eq(rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL),
		     PORT_FRAME_BYTES);
	uintptr_t begin = (uintptr_t)STAILQ_FIRST(&pool->mem_list)->addr;
	cr_assert_eq(begin % PORT_FRAME_BYTES, 0);

	cr_assert_eq(rte_pktmbuf_alloc_bulk(pool, mbufs, BUFFERS), 0);
	for (int i = 0; i < BUFFERS; i++) {
		uintptr_t frame = (uintptr_t)mbufs[i] - pool->header_size;
		cr_assert_eq(frame % PORT_FRAME_BYTES, 0);
		cr_assert_geq(frame, begin);
		cr_assert_lt(frame, begin + (uintptr_t)BUFFERS * PORT_FRAME_BYTES);
	}
	cr_assert_null(rte_pktmbuf_alloc(pool));
}

/* What a buffer holds ends where the next frame begins. */
Test(port_pool, a_buffer_ends_with_its_frame)
{
	struct rte_mempool *pool = port_pool_create("pool", 64, 0, SOCKET_ID_ANY);
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	uintptr_t frame = (uintptr_t)mbuf - pool->header_size;
	cr_assert_eq((uintptr_t)mbuf->buf_addr + mbuf->buf_len, frame + PORT_FRAME_BYTES);
	cr_assert_eq(rte_pktmbuf_headroom(mbuf), RTE_PKTMBUF_HEADROOM);
}

Test(port_pool, memory_that_is_not_there_is_refused)
{
	cr_assert_null(port_pool_create("pool", 1 << 20, 256, SOCKET_ID_ANY));
	cr_assert_not_null(port_pool_create("pool", 64, 0, SOCKET_ID_ANY), "nothing is left");
}
