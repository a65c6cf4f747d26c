/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies that wait for the journal: a first-in, first-out ring of packet buffers, each with the
 * round at which it may leave. Rounds only go up, so the oldest is always the first to leave. The
 * worker's own; memory is taken before it starts.
 */
#ifndef TALLYWIRE_WORKER_WAITING_H
#define TALLYWIRE_WORKER_WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;

struct waiting_reply {
	struct rte_mbuf *mbuf;
	uint64_t release_at; /* the journal's round */
};

struct waiting {
	struct waiting_reply *replies;
	uint32_t mask;  /* of places, a power of two, less one */
	uint32_t limit; /* so many may wait: the device needs the rest of the buffers */
	uint32_t head;  /* counts up for ever: put up to here */
	uint32_t tail;  /* taken up to here */
};

static inline uint32_t waiting_count(const struct waiting *waiting)
{
	return waiting->head - waiting->tail;
}

static inline uint32_t waiting_room(const struct waiting *waiting)
{
	return waiting->limit - waiting_count(waiting);
}

/* There must be room. */
static inline void waiting_put(struct waiting *waiting, struct rte_mbuf *mbuf, uint64_t release_at)
{
	waiting->replies[waiting->head++ & waiting->mask] =
		(struct waiting_reply){mbuf, release_at};
}

/* Takes up to `most` that may leave at `round`; returns how many. */
static inline uint16_t waiting_take(struct waiting *waiting, uint64_t round,
				    struct rte_mbuf **mbufs, uint16_t most)
{
	uint16_t count = 0;
	while (count < most && waiting_count(waiting) > 0) {
		const struct waiting_reply *first =
			&waiting->replies[waiting->tail & waiting->mask];
		if (first->release_at > round)
			break;
		mbufs[count++] = first->mbuf;
		waiting->tail++;
	}
	return count;
}

#endif
