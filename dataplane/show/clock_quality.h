/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a clock can be believed, and how answers say it (docs/control.md). Pure; any
 * thread.
 */
#ifndef TALLYWIRE_SHOW_CLOCK_QUALITY_H
#define TALLYWIRE_SHOW_CLOCK_QUALITY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_ERROR_UNKNOWN UINT64_MAX

struct clock_quality {
	const char *source; /* "system" or "capture"; lives for ever */
	bool synchronised;  /* the source says that something keeps it at UTC */
	uint64_t error_us;  /* UTC lies within so much of the clock; or CLOCK_ERROR_UNKNOWN */
	int64_t behind_us;  /* how far the source's UTC is ahead of the clock, by steps not taken */
};

/* Time stamps of a capture: nothing is known of the clock that made them. Never changes. */
extern const struct clock_quality clock_quality_of_capture;

/*
 * {"source":…,"synchronised":…,"error_us":…,"offset_us":…}; an unknown bound is null. NULL when out
 * of memory.
 */
json_t *clock_quality_json(const struct clock_quality *quality);

#endif
