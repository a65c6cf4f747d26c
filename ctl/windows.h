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

/* A table of all. `now_us` 0: without countdown. `max_columns` 0: as wide as it gets. */
void windows_table(FILE *out, const json_t *windows, uint64_t now_us, int max_columns);

#endif
