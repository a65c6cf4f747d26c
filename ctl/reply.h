/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the appliance replied, member by member. A member that is missing or of another type counts
 * as nothing, so a newer or older appliance never makes tallyctl fall over. Pure.
 */
#ifndef TALLYWIRE_CTL_REPLY_H
#define TALLYWIRE_CTL_REPLY_H

#include <jansson.h>
#include <stdint.h>

#define REPLY_TIME_BYTES 48

/* "" where the member is missing or no string; 0 where it is no number. */
const char *reply_text(const json_t *object, const char *name);
uint64_t reply_count(const json_t *object, const char *name);
double reply_measure(const json_t *object, const char *name);
/* RFC 3339 as µs since 1970, 0 where it is missing or wrong. */
uint64_t reply_time_us(const json_t *object, const char *name);

/*
 * The same for people: cut to tenths of a second, and without its date where that is the date of
 * `now_us` (0: always with it). What is no time is handed through. Returns `text`.
 */
char *reply_time_text(const json_t *object, const char *name, uint64_t now_us,
		      char text[REPLY_TIME_BYTES]);

#endif
