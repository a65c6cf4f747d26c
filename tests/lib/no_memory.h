/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that runs out where a test wants it. Whoever links no_memory.c has every allocation of the
 * process go through it: malloc and its kin and anonymous mappings, of our code and of all
 * libraries but CRoaring, which would end the process. For tests of what a program does then; any
 * thread, one test at a time.
 */
#ifndef TALLYWIRE_TESTS_LIB_NO_MEMORY_H
#define TALLYWIRE_TESTS_LIB_NO_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* From now on allocations are counted, and number `nth`, from 1, is refused: it alone, or, where
 * `dry`, all that come after it too. */
void no_memory_begin(uint64_t nth, bool dry);

/* Everything is given again. Returns whether anything was refused. */
bool no_memory_end(void);

/* What this thread asks for between the two is given and not counted: it is the test's own. */
void no_memory_spare(bool spare);

#endif
