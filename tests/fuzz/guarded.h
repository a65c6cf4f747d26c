/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory whose last byte lies before a page that nobody may touch: one byte too far is seen without
 * a sanitizer too, and costs nothing until it happens.
 */
#ifndef TALLYWIRE_TESTS_FUZZ_GUARDED_H
#define TALLYWIRE_TESTS_FUZZ_GUARDED_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fuzz/must.h"

#define GUARDED_PAGE 4096u

struct guarded {
	uint8_t *memory; /* NULL until it is first used */
	uint8_t *end;
};

/* Room for up to `most` bytes, made once. */
static inline void guarded_make(struct guarded *guarded, size_t most)
{
	size_t bytes = (most + GUARDED_PAGE - 1) / GUARDED_PAGE * GUARDED_PAGE;
	if (guarded->memory)
		return;
	uint8_t *memory = mmap(NULL, bytes + GUARDED_PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(memory != MAP_FAILED && mprotect(memory + bytes, GUARDED_PAGE, PROT_NONE) == 0);
	guarded->memory = memory;
	guarded->end = memory + bytes;
}

/* The bytes, copied to where they end at the guard. */
static inline uint8_t *guarded_copy(const struct guarded *guarded, const void *bytes, size_t count)
{
	uint8_t *copy = guarded->end - count;
	if (count)
		memcpy(copy, bytes, count);
	return copy;
}

#endif
