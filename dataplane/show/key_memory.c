// SPDX-License-Identifier: BSD-3-Clause
/* Keys on pages of their own: locked, not dumped, wiped. Knows nothing of what is in them. */
#include "dataplane/show/key_memory.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (bytes / page + 1) * page; /* one at least */
}

int key_memory_lock(const void *memory, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)memory & ~(page - 1);
	size_t length = (uintptr_t)memory + bytes - first;
	/* Refused for a part of a huge page, which is never swapped: there mlock() is enough. */
	madvise((void *)first, length, MADV_DONTDUMP);
	return mlock((const void *)first, length) ? -errno : 0;
}

void *key_memory_take(size_t bytes)
{
	size_t length = whole_pages(bytes);
	void *memory =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	key_memory_lock(memory, length);
	return memory;
}

void key_memory_give(void *memory, size_t bytes)
{
	if (!memory)
		return;
	sodium_memzero(memory, whole_pages(bytes));
	munmap(memory, whole_pages(bytes));
}
