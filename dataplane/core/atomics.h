/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The atomics of the ballot, each with its memory order spelled out where it is used.
 *
 * In a program that is compiled with TALLYWIRE_SCHEDULER, each of them first offers the processor
 * to another thread and then tells what it saw; tests/unit/ballot_schedule_test.c takes the offer
 * in every possible way. Elsewhere they are the compiler's own and nothing more.
 */
#ifndef TALLYWIRE_CORE_ATOMICS_H
#define TALLYWIRE_CORE_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef TALLYWIRE_SCHEDULER
void scheduler_point(const void *at, bool load);
/* Both return their argument; what a thread does next depends on nothing else. */
uint64_t scheduler_saw(uint64_t value);
bool scheduler_swapped(bool swapped, uint64_t value);
#else
#define scheduler_point(at, load)         ((void)0)
#define scheduler_saw(value)              (value)
#define scheduler_swapped(swapped, value) (swapped)
#endif

#define atomics_load(at, order)                                                                    \
	(scheduler_point(at, true), scheduler_saw(__atomic_load_n(at, order)))

#define atomics_store(at, value, order)                                                            \
	(scheduler_point(at, false), __atomic_store_n(at, value, order))

/* What was there before is nobody's business. */
#define atomics_add(at, value, order)                                                              \
	(scheduler_point(at, false), (void)__atomic_fetch_add(at, value, order))

#define atomics_or(at, value, order)                                                               \
	(scheduler_point(at, false), (void)__atomic_fetch_or(at, value, order))

/* True when *at was *expected and is `desired` now; otherwise *expected is what it was instead. */
#define atomics_swap(at, expected, desired, order, order_lost)                                     \
	(scheduler_point(at, false),                                                               \
	 scheduler_swapped(                                                                        \
		 __atomic_compare_exchange_n(at, expected, desired, false, order, order_lost),     \
		 *(expected)))

#endif
