// SPDX-License-Identifier: BSD-3-Clause
/* From due notices to packets that were sent. */
#include "dataplane/worker_push.h"

#include "dataplane/clock.h"
#include "dataplane/core/cycles.h"

#define PUSH_BESIDE_VOTES 8 /* while there are more votes than fit a burst */
#define EXPIRE_AT_MOST    4 /* a turn */

void worker_push_refresh(struct worker *worker)
{
	struct watch *watch = &worker->watch;
	watch->bulletin = __atomic_load_n(worker->published_bulletin, __ATOMIC_ACQUIRE);
	watch->now_us = clock_monotonic_us();
}

static void expire(struct watch *watch)
{
	if (watch->subscribers.count == 0)
		return;
	subscribers_expire(&watch->subscribers, watch->now_us, EXPIRE_AT_MOST);
	tally_set(&watch->counters.subscribers, watch->subscribers.count);
}

/* How many notices may go out now. */
static uint32_t room_for(const struct worker *worker, uint16_t received)
{
	uint32_t room = received == BURST_MAX ? PUSH_BESIDE_VOTES : PUSH_BATCH;
	uint32_t spare = worker->wait ? waiting_room(&worker->waiting) : room;
	return room < spare ? room : spare;
}

/* The packets of the batch, as long as their frames. What the port does not take goes back. */
static uint32_t send_batch(struct worker *worker, struct rte_mbuf **mbufs,
			   const struct push_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		mbufs[i]->data_len = (uint16_t)batch->bytes[i];
		mbufs[i]->pkt_len = batch->bytes[i];
	}
	uint32_t sent = batch->count ? port_send(worker->queue, mbufs, (uint16_t)batch->count) : 0;
	rte_pktmbuf_free_bulk(mbufs + sent, batch->room - sent);
	return sent;
}

bool worker_push(struct worker *worker, uint16_t received)
{
	struct watch *watch = worker->pipeline.watch;
	struct rte_mbuf *mbufs[PUSH_BATCH];
	if (!watch)
		return false;
	if (received == 0) /* else it was done before the burst */
		worker_push_refresh(worker);
	expire(watch);
	if (!push_is_due(&worker->push, watch))
		return false;
	struct push_batch batch = {
		.room = room_for(worker, received),
		.clock_us = clock_now_us(),
		.keys = __atomic_load_n(worker->published_keys, __ATOMIC_ACQUIRE),
	};
	if (batch.room == 0 || rte_pktmbuf_alloc_bulk(worker->queue->pool, mbufs, batch.room))
		return false;
	uint64_t begin = cycles_now();
	for (uint32_t i = 0; i < batch.room; i++)
		batch.frames[i] = rte_pktmbuf_mtod(mbufs[i], uint8_t *);
	push_build(&worker->push, watch, &batch);
	push_done(&worker->push, watch, &batch, send_batch(worker, mbufs, &batch));
	tally_add(&worker->io.push_cycles, cycles_now() - begin);
	return true;
}
