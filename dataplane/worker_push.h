/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's notices on their way out: buffers for what dataplane/core/push.h has due. One burst a
 * turn of the loop at most, between bursts of votes, and a smaller one while votes come in full
 * bursts: votes go first.
 *
 * Buffers are of the worker's own pool. None is taken that a waiting reply could need; where the
 * pool is short or the port full, the notices wait for the next turn. By the worker only.
 */
#ifndef TALLYWIRE_WORKER_PUSH_H
#define TALLYWIRE_WORKER_PUSH_H

#include "dataplane/worker.h"

/* The bulletin as it is now, and the time. Before each burst, where the worker answers WATCHes. */
void worker_push_refresh(struct worker *worker);

/* `received` packets have just come. True: something was sent, or looked for. */
bool worker_push(struct worker *worker, uint16_t received);

#endif
