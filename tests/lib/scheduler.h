/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that a test moves on by hand, from one atomic (dataplane/core/atomics.h) to the next.
 * They are stacks in one real thread, changed by jumps, so a run can be repeated step by step.
 * Included by one file per program, first, as it turns off what takes such jumps for a mistake.
 */
#ifndef TALLYWIRE_TESTS_LIB_SCHEDULER_H
#define TALLYWIRE_TESTS_LIB_SCHEDULER_H

#undef _FORTIFY_SOURCE
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "dataplane/core/atomics.h"

#define SCHEDULER_THREADS     3
#define SCHEDULER_STACK_BYTES 65536

struct scheduler_thread {
	jmp_buf first; /* before its body */
	jmp_buf stopped;
	bool exists;
	bool done;
	uint64_t told; /* a hash of all that its atomics returned, and how many there were */
	char stack[SCHEDULER_STACK_BYTES] __attribute__((aligned(64)));
};

static struct scheduler_thread scheduler_threads[SCHEDULER_THREADS];
static struct scheduler_thread *scheduler_running; /* NULL: the test itself */
static jmp_buf scheduler_test;

/* What thread `number` does: the test's. */
static void (*scheduler_body)(uint32_t number);
/* Is the value there never changed again? Then it may be read in passing. NULL: ask nobody. */
static bool (*scheduler_final)(const void *at);

static uint64_t scheduler_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
	hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
	return hash ^ hash >> 32;
}

void scheduler_point(const void *at, bool load)
{
	struct scheduler_thread *running = scheduler_running;
	/* Whether a final value is read now or later makes no difference to anybody. */
	if (!running || (load && scheduler_final && scheduler_final(at)))
		return;
	running->told = scheduler_mix(running->told, 1);
	if (!_setjmp(running->stopped))
		_longjmp(scheduler_test, 1);
}

uint64_t scheduler_saw(uint64_t value)
{
	if (scheduler_running)
		scheduler_running->told = scheduler_mix(scheduler_running->told, value);
	return value;
}

bool scheduler_swapped(bool swapped, uint64_t value)
{
	scheduler_saw(value);
	return scheduler_saw(swapped);
}

/* Begins anew for each run, by a jump; so it never returns. */
static void scheduler_main(int number)
{
	_setjmp(scheduler_threads[number].first);
	scheduler_body((uint32_t)number);
	scheduler_threads[number].done = true;
	scheduler_saw(0);
	_longjmp(scheduler_test, 1);
}

/* From its first line to its first atomic. */
static void scheduler_begin(uint32_t number)
{
	struct scheduler_thread *thread = &scheduler_threads[number];
	thread->told = 1;
	thread->done = false;
	scheduler_running = thread;
	if (_setjmp(scheduler_test)) {
		scheduler_running = NULL;
	} else if (thread->exists) {
		_longjmp(thread->first, 1);
	} else {
		ucontext_t context;
		thread->exists = true;
		getcontext(&context);
		context.uc_stack.ss_sp = thread->stack;
		context.uc_stack.ss_size = sizeof(thread->stack);
		makecontext(&context, (void (*)(void))scheduler_main, 1, (int)number);
		setcontext(&context);
	}
}

/* What it had stopped before, and on to its next atomic or its end. */
static void scheduler_step(uint32_t number)
{
	scheduler_running = &scheduler_threads[number];
	if (!_setjmp(scheduler_test))
		_longjmp(scheduler_threads[number].stopped, 1);
	scheduler_running = NULL;
}

#endif
