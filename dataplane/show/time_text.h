/* SPDX-License-Identifier: BSD-3-Clause */
/* Times and durations as people and files write them. Pure; any thread. */
#ifndef TALLYWIRE_SHOW_TIME_TEXT_H
#define TALLYWIRE_SHOW_TIME_TEXT_H

#include <stdint.h>

#define TIME_TEXT_BYTES 32
#define TIME_LIMIT_US   253402300800000000u /* the year 10000; all times that are read lie before */

/*
 * RFC 3339 with up to six digits of a second and a zone ("Z" or "+02:00") into UTC µs since 1970.
 * 0, or -EINVAL for anything else: impossible dates, UTC before 1970 or from TIME_LIMIT_US on, leap
 * seconds, a missing zone.
 */
int time_parse(const char *text, uint64_t *time_us);

/* "2026-11-22T20:00:00Z", with ".123456" only where there is a fraction. Returns `text`. */
char *time_format(uint64_t time_us, char text[TIME_TEXT_BYTES]);

#define DURATION_UNITS "us, ms, s, m or h" /* as messages list them */

/*
 * "20s", "1500ms", "2m", "1h", "250us", "1.5s": whole µs, up to six digits after the point; the
 * unit is required. 0 or -EINVAL (-ERANGE past a year of 365 days).
 */
int duration_parse(const char *text, uint64_t *duration_us);

#endif
