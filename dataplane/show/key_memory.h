/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for keys: pages of their own that are locked, so that no key is swapped out, and that core
 * dumps leave out. Used by whoever holds keys for long: keyring, changes of it, identity, workers.
 * Any thread; not on the hot path.
 */
#ifndef TALLYWIRE_SHOW_KEY_MEMORY_H
#define TALLYWIRE_SHOW_KEY_MEMORY_H

#include <stddef.h>

/* Said where a lock is refused to one who insists on it. */
#define KEY_MEMORY_REMEDY                                                                          \
	"raise the limit of locked memory (ulimit -l, or LimitMEMLOCK= of the systemd unit)"

/*
 * Zeroed memory that begins with a page; NULL where there is none. Where the system refuses to lock
 * it, it is given all the same, for tools that have no right to lock: who insists asks
 * key_memory_lock().
 */
void *key_memory_take(size_t bytes);

/* Wipes and frees what key_memory_take() gave for so many bytes. NULL is nothing. */
void key_memory_give(void *memory, size_t bytes);

/*
 * Locks the pages that these bytes lie on and keeps them out of core dumps; may be called again,
 * also for memory that is another's. 0, or a negative errno: -ENOMEM and -EPERM where the limit of
 * locked memory stands in the way.
 */
int key_memory_lock(const void *memory, size_t bytes);

#endif
