/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of command line options, read strictly: the whole text or nothing. Each returns 0, or
 * -EINVAL with one line that names the option, what was given and what is wanted. Main thread.
 */
#ifndef TALLYWIRE_PERF_OPTIONS_H
#define TALLYWIRE_PERF_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include "dataplane/core/err.h"

/* An option that names a file; `path` NULL where it is not given. */
struct option_file {
	const char *name;
	const char *path;
};

/* What getopt_long() stopped at: `option` is ':' or '?', `word` the one it looked at last. */
int option_refused(const char *verb, int option, const char *word, struct err *err);
/* A whole number from `min` to `max`. */
int option_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value,
		  struct err *err);
/* "30", "2.5" or "30%", from 0 to 100, in parts per million. */
int option_percent(const char *name, const char *text, uint32_t *ppm, struct err *err);
/* "20s", "500ms", "1h". */
int option_duration(const char *name, const char *text, uint64_t *duration_us, struct err *err);
/* "200ms..3s", or one duration for both ends; the shorter one comes first. */
int option_duration_range(const char *name, const char *text, uint64_t *min_us, uint64_t *max_us,
			  struct err *err);
/* RFC 3339, or, where `now_us` is not 0, "+3s" from then on. */
int option_time(const char *name, const char *text, uint64_t now_us, uint64_t *time_us,
		struct err *err);
/* "192.0.2.1" or "192.0.2.1:4433"; *port stays as it is where none is given. */
int option_ipv4_port(const char *name, const char *text, uint8_t address[4], uint16_t *port,
		     struct err *err);
int option_ipv6(const char *name, const char *text, uint8_t address[16], struct err *err);
/* That no two of these files are one, under whatever names: none is there to overwrite another. */
int option_distinct_files(const struct option_file *files, size_t count, struct err *err);
/* "02:00:00:00:00:01" */
int option_mac(const char *name, const char *text, uint8_t mac[6], struct err *err);

#endif
