// SPDX-License-Identifier: BSD-3-Clause
/* The loop of one core. Everything that is done to a packet between receive and send is in the
 * pipeline. */
#include "dataplane/worker.h"

#include <sys/prctl.h>
#include <time.h>
#include "dataplane/clock.h"
#include "dataplane/core/cycles.h"
#include "dataplane/worker_push.h"

#define SEND_TRIES 4 /* a full ring usually has room again after a kick */

static void fill_burst(struct worker *worker, uint16_t count)
{
	struct burst *burst = &worker->burst;
	uint64_t now_us = clock_now_us();
	burst->count = count;
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = worker->mbufs[i];
		burst->data[i] = rte_pktmbuf_mtod(mbuf, uint8_t *);
		burst->bytes[i] = rte_pktmbuf_data_len(mbuf);
		burst->arrival_us[i] = port_arrival_us(worker->ports, worker->queue, mbuf, now_us);
	}
}

/* A frame too long for one buffer goes on in others; what is answered lies in the first. */
static void drop_tail(struct rte_mbuf *mbuf)
{
	if (mbuf->nb_segs == 1)
		return;
	rte_pktmbuf_free(mbuf->next);
	mbuf->next = NULL;
	mbuf->nb_segs = 1;
}

/* The packet becomes its reply. */
static void cut_reply(struct rte_mbuf *mbuf, uint32_t bytes)
{
	drop_tail(mbuf);
	mbuf->data_len = (uint16_t)bytes;
	mbuf->pkt_len = bytes;
	mbuf->ol_flags = 0;
}

/*
 * Splits the burst: replies that may leave, returned; those that wait; the rest goes back to the
 * pool.
 */
static uint16_t gather_replies(struct worker *worker, struct rte_mbuf **replies)
{
	const struct burst *burst = &worker->burst;
	struct rte_mbuf *rest[BURST_MAX];
	uint16_t reply_count = 0, rest_count = 0;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct rte_mbuf *mbuf = worker->mbufs[i];
		if (!burst->reply_bytes[i]) {
			rest[rest_count++] = mbuf;
			continue;
		}
		cut_reply(mbuf, burst->reply_bytes[i]);
		if (worker->wait && pipeline_reply_waits(burst, i))
			waiting_put(&worker->waiting, mbuf, burst->release_at);
		else
			replies[reply_count++] = mbuf;
	}
	rte_pktmbuf_free_bulk(rest, rest_count);
	return reply_count;
}

static void send_replies(struct worker *worker, struct rte_mbuf **replies, uint16_t count)
{
	uint16_t sent = 0;
	for (int tries = 0; sent < count && tries < SEND_TRIES; tries++)
		sent += port_send(worker->queue, replies + sent, (uint16_t)(count - sent));
	if (sent < count)
		rte_pktmbuf_free_bulk(replies + sent, count - sent);
	tally_add(&worker->io.replies_sent, sent);
	tally_add(&worker->io.replies_unsent, count - sent);
}

/* Sends what the journal has by now, a burst of it. */
static void release_replies(struct worker *worker)
{
	struct rte_mbuf *replies[BURST_MAX];
	if (waiting_count(&worker->waiting) == 0)
		return;
	uint64_t round = journal_durable(worker->pipeline.journal);
	uint16_t count = waiting_take(&worker->waiting, round, replies, BURST_MAX);
	if (count == 0)
		return;
	uint64_t begin = cycles_now();
	send_replies(worker, replies, count);
	tally_add(&worker->io.waited, count);
	tally_add(&worker->io.send_cycles, cycles_now() - begin);
}

/* Nothing came in; the journal's writer waits for every worker's word all the same. */
static void idle(struct worker *worker)
{
	tally_add(&worker->io.empty_polls, 1);
	if (worker->pipeline.journal)
		journal_report(worker->pipeline.journal);
}

/* One burst from the port and back to it. Returns how many packets came. */
static uint16_t take_burst(struct worker *worker)
{
	uint64_t begin = cycles_now();
	uint16_t count = port_receive(worker->queue, worker->mbufs, BURST_MAX);
	if (count == 0) {
		idle(worker);
		return 0;
	}
	fill_burst(worker, count);
	tally_add(&worker->io.receive_cycles, cycles_now() - begin);

	worker->pipeline.keys = __atomic_load_n(worker->published_keys, __ATOMIC_ACQUIRE);
	worker->pipeline.windows = __atomic_load_n(worker->published, __ATOMIC_ACQUIRE);
	if (worker->pipeline.watch)
		worker_push_refresh(worker);
	worker->pipeline.full = worker->wait && waiting_room(&worker->waiting) < count;
	pipeline_run(&worker->pipeline, &worker->burst);

	begin = cycles_now();
	struct rte_mbuf *replies[BURST_MAX];
	send_replies(worker, replies, gather_replies(worker, replies));
	tally_add(&worker->io.send_cycles, cycles_now() - begin);
	return count;
}

/* Nobody waits for the one who sleeps: neither rounds nor tables that are to go. */
static void rest(struct worker *worker)
{
	const struct timespec time = {.tv_nsec = WORKER_REST_US * 1000};
	unsigned int thread = worker->pipeline.worker;
	if (worker->pipeline.journal)
		journal_offline(worker->pipeline.journal);
	rte_rcu_qsbr_thread_offline(worker->rcu, thread);
	nanosleep(&time, NULL);
	rte_rcu_qsbr_thread_online(worker->rcu, thread);
	if (worker->pipeline.journal)
		journal_online(worker->pipeline.journal);
	worker->rested_at = cycles_now();
	worker->idle_polls = 0;
	tally_add(&worker->io.rests, 1);
}

static void give_way(struct worker *worker, bool worked)
{
	worker->idle_polls = worked ? 0 : worker->idle_polls + 1;
	bool is_idle = worker->shares_core && worker->idle_polls >= WORKER_IDLE_POLLS;
	if (is_idle || cycles_now() - worker->rested_at > worker->work_cycles)
		rest(worker);
}

int worker_run(void *arg)
{
	struct worker *worker = arg;
	unsigned int thread = worker->pipeline.worker;
	prctl(PR_SET_TIMERSLACK, 1ul); /* ns, for rest() */
	rte_rcu_qsbr_thread_register(worker->rcu, thread);
	rte_rcu_qsbr_thread_online(worker->rcu, thread);
	if (worker->pipeline.journal)
		journal_online(worker->pipeline.journal);
	while (!__atomic_load_n(&worker->stop, __ATOMIC_RELAXED)) {
		uint16_t received = take_burst(worker);
		release_replies(worker);
		bool pushed = worker_push(worker, received);
		rte_rcu_qsbr_quiescent(worker->rcu, thread);
		if (worker->work_cycles)
			give_way(worker, received > 0 || pushed);
	}
	if (worker->pipeline.journal)
		journal_offline(worker->pipeline.journal);
	rte_rcu_qsbr_thread_offline(worker->rcu, thread);
	rte_rcu_qsbr_thread_unregister(worker->rcu, thread);
	return 0;
}

void worker_stop(struct worker *worker)
{
	__atomic_store_n(&worker->stop, true, __ATOMIC_RELAXED);
}

void worker_finish(struct worker *worker)
{
	struct rte_mbuf *mbuf;
	if (worker->pipeline.journal)
		while (waiting_count(&worker->waiting) > 0) {
			uint32_t before = waiting_count(&worker->waiting);
			release_replies(worker);
			if (waiting_count(&worker->waiting) == before)
				break;
		}
	/* Not durable, so not said: the viewer asks again. */
	while (waiting_take(&worker->waiting, UINT64_MAX, &mbuf, 1))
		rte_pktmbuf_free(mbuf);
}
