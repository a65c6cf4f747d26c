// SPDX-License-Identifier: BSD-3-Clause
/*
 * The program's own malloc() is found before libc's, or a sanitizer's, by all libraries; what is
 * not refused is handed on to that. free() is left alone.
 */
#include "tests/lib/no_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

/* clang-format off */
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *memory, size_t bytes);
void *aligned_alloc(size_t alignment, size_t bytes);
int posix_memalign(void **memory, size_t alignment, size_t bytes);
/* clang-format on */

static bool counting, running_dry; /* set while no other thread allocates, or it does not matter */
static uint64_t refused_nth;
static uint64_t asked;
static bool refused;
static _Thread_local bool spared;

void no_memory_begin(uint64_t nth, bool dry)
{
	refused_nth = nth;
	running_dry = dry;
	refused = false;
	asked = 0;
	__atomic_store_n(&counting, true, __ATOMIC_RELEASE);
}

bool no_memory_end(void)
{
	__atomic_store_n(&counting, false, __ATOMIC_RELEASE);
	return __atomic_load_n(&refused, __ATOMIC_ACQUIRE);
}

void no_memory_spare(bool spare)
{
	spared = spare;
}

/* CRoaring ends the process by itself where it gets no memory: what it asks for is given. */
static bool cannot_do_without(void *caller)
{
	Dl_info library;
	return dladdr(caller, &library) && library.dli_fname &&
	       strstr(library.dli_fname, "libroaring");
}

static bool is_refused(void *caller)
{
	if (!__atomic_load_n(&counting, __ATOMIC_ACQUIRE) || spared || cannot_do_without(caller))
		return false;
	uint64_t number = __atomic_add_fetch(&asked, 1, __ATOMIC_ACQ_REL);
	if (number < refused_nth || (number > refused_nth && !running_dry))
		return false;
	__atomic_store_n(&refused, true, __ATOMIC_RELEASE);
	errno = ENOMEM;
	return true;
}

/* The function of this name that the program would have without this file. */
#define NEXT(name)                                                                                 \
	static __typeof__(&name) next;                                                             \
	if (!next)                                                                                 \
	next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void *malloc(size_t bytes)
{
	NEXT(malloc);
	return is_refused(__builtin_return_address(0)) ? NULL : next(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	NEXT(calloc);
	return is_refused(__builtin_return_address(0)) ? NULL : next(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	NEXT(realloc);
	return is_refused(__builtin_return_address(0)) ? NULL : next(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	NEXT(aligned_alloc);
	return is_refused(__builtin_return_address(0)) ? NULL : next(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
	NEXT(posix_memalign);
	return is_refused(__builtin_return_address(0)) ? ENOMEM : next(memory, alignment, bytes);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	NEXT(mmap);
	bool is_memory = flags & MAP_ANONYMOUS;
	return is_memory && is_refused(__builtin_return_address(0))
		       ? MAP_FAILED
		       : next(at, bytes, protection, flags, fd, offset);
}
