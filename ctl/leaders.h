/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The places of a leaderboard as people see them. Entries are a JSON array of {"voter","points"},
 * the best first. Pure.
 */
#ifndef TALLYWIRE_CTL_LEADERS_H
#define TALLYWIRE_CTL_LEADERS_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* One line: "  17.  voter 42  1,950 points". */
void leaders_put_place(FILE *out, uint64_t rank, uint64_t voter, uint64_t points, int columns);

/*
 * A line for each place, at most `max_lines` (0: as many as there are), cut to `columns`. Where not
 * all have room, the last line says how many more there are.
 */
void leaders_put(FILE *out, const json_t *entries, int columns, size_t max_lines);

#endif
