/* SPDX-License-Identifier: BSD-3-Clause */
/* Huge pages as the kernel counts them. Used before EAL starts, and by --prepare. */
#ifndef TALLYWIRE_HUGE_PAGES_H
#define TALLYWIRE_HUGE_PAGES_H

#include <stdint.h>

/* Free ones of every size, in MiB. */
uint64_t huge_pages_free_mb(void);

/* Those of the default size that are set up, in use or not. */
uint64_t huge_pages_now(void);

/* How many of the default size make so many MiB. */
uint64_t huge_pages_for(uint64_t mb);

/*
 * Sets up so many more of the default size, or fewer. Returns by how many the number has changed,
 * which is fewer where memory is in pieces, or a negative errno. Others may change it too.
 */
int64_t huge_pages_change(int64_t by);

#endif
