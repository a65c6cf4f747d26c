/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows as commands return them (docs/control.md), for people. */
#ifndef TALLYWIRE_CTL_WINDOWS_H
#define TALLYWIRE_CTL_WINDOWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What a verb prints that got a window back: JSON, or one line of what it is, when, and its
 * choices. */
void windows_show(const json_t *window, bool json);

/* Which columns a table has: those of times for who looks for one, the others for who runs a show.
 */
enum windows_table { WINDOWS_WITH_TIMES, WINDOWS_AS_RUNDOWN };

/*
 * A table of all. `now_us` 0: without countdown. `max_columns` 0: as wide as it gets; where it is
 * narrow, columns that tell least are left out.
 */
void windows_table(FILE *out, const json_t *windows, enum windows_table kind, uint64_t now_us,
		   int max_columns);

/* "3 windows, 1.5 MiB" and a newline. */
void windows_put_total(FILE *out, const json_t *windows);

/* "memory: 1.5 MiB needed, 3.0 MiB in use, 61.0 MiB free", of what is told. */
void windows_put_memory(FILE *out, const json_t *memory);

#endif
