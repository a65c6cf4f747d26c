/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows as commands return them (docs/control.md), for people. */
#ifndef TALLYWIRE_CTL_WINDOWS_H
#define TALLYWIRE_CTL_WINDOWS_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* One line: what it is, when, and what the choices mean. */
void windows_line(FILE *out, const json_t *window);

/* A table of all. `now_us` 0: without countdown. `max_columns` 0: as wide as it gets. */
void windows_table(FILE *out, const json_t *windows, uint64_t now_us, int max_columns);

#endif
