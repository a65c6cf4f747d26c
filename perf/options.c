/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the values of tallyreplay's options. Called by the verbs before they touch anything; never
 * guesses, never takes half a text.
 */
#include "perf/options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "dataplane/show/time_text.h"

int option_refused(const char *verb, int option, const char *word, struct err *err)
{
	return err_set(err, -EINVAL, "%s: %s '%s'; see `tallyreplay %s --help`", verb,
		       option == ':' ? "a value is missing after" : "no such option", word, verb);
}

int option_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value,
		  struct err *err)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || number < min || number > max)
		return err_set(err, -EINVAL,
			       "%s: '%s' is not a whole number from %" PRIu64 " to %" PRIu64, name,
			       text, min, max);
	*value = number;
	return 0;
}

int option_percent(const char *name, const char *text, uint32_t *ppm, struct err *err)
{
	char *end;
	double percent = strtod(text, &end);
	if (*end == '%')
		end++;
	/* strtod() also knows hexadecimal, infinities and leading blanks: a percentage has none. */
	if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xXpP") || *end ||
	    !(percent >= 0 && percent <= 100))
		return err_set(err, -EINVAL, "%s: '%s' is not a percentage from 0 to 100", name,
			       text);
	*ppm = (uint32_t)(percent * 10000 + 0.5);
	return 0;
}

int option_duration(const char *name, const char *text, uint64_t *duration_us, struct err *err)
{
	if (duration_parse(text, duration_us))
		return err_set(err, -EINVAL,
			       "%s: '%s' is not a duration, such as 20s or 500ms: a number and "
			       "its unit, " DURATION_UNITS ", at most a year",
			       name, text);
	return 0;
}

int option_duration_range(const char *name, const char *text, uint64_t *min_us, uint64_t *max_us,
			  struct err *err)
{
	const char *dots = strstr(text, "..");
	char from[32];
	size_t from_bytes = dots ? (size_t)(dots - text) : strlen(text);
	if (from_bytes >= sizeof(from))
		return err_set(err, -EINVAL, "%s: '%s' is not a range; write it like 200ms..3s",
			       name, text);
	memcpy(from, text, from_bytes);
	from[from_bytes] = '\0';
	int rc = option_duration(name, from, min_us, err);
	if (rc == 0)
		rc = option_duration(name, dots ? dots + 2 : from, max_us, err);
	if (rc == 0 && *min_us > *max_us)
		rc = err_set(err, -EINVAL, "%s: '%s' runs backwards; the shorter one comes first",
			     name, text);
	return rc;
}

int option_time(const char *name, const char *text, uint64_t now_us, uint64_t *time_us,
		struct err *err)
{
	uint64_t ahead_us;
	if (now_us && text[0] == '+') {
		int rc = option_duration(name, text + 1, &ahead_us, err);
		*time_us = rc ? 0 : now_us + ahead_us;
		return rc;
	}
	if (time_parse(text, time_us))
		return err_set(err, -EINVAL,
			       "%s: '%s' is not a time; write it like "
			       "2026-11-22T20:00:00Z%s",
			       name, text, now_us ? " or +3s" : "");
	return 0;
}

int option_ipv4_port(const char *name, const char *text, uint8_t address[4], uint16_t *port,
		     struct err *err)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	size_t host_bytes = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t number = *port;
	if (host_bytes < sizeof(host)) {
		memcpy(host, text, host_bytes);
		host[host_bytes] = '\0';
	}
	if (host_bytes >= sizeof(host) || inet_pton(AF_INET, host, address) != 1)
		return err_set(err, -EINVAL,
			       "%s: '%s' is not an IPv4 address; write it like 192.0.2.1:4433",
			       name, text);
	if (colon && option_number(name, colon + 1, 1, 65535, &number, err))
		return -EINVAL;
	*port = (uint16_t)number;
	return 0;
}

int option_ipv6(const char *name, const char *text, uint8_t address[16], struct err *err)
{
	if (inet_pton(AF_INET6, text, address) != 1)
		return err_set(err, -EINVAL,
			       "%s: '%s' is not an IPv6 address; write it like 2001:db8::1", name,
			       text);
	return 0;
}

/* The directory that a path's last part lies in. */
static bool stat_directory(const char *path, struct stat *directory)
{
	char text[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t bytes = slash ? (size_t)(slash - path) + 1 : 0;
	if (bytes >= sizeof(text))
		return false;
	memcpy(text, path, bytes);
	text[bytes] = '\0';
	return stat(slash ? text : ".", directory) == 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Whether two names lead to one file, which need not be there yet. */
static bool is_one_file(const char *path, const char *other_path)
{
	struct stat file, other;
	bool there = stat(path, &file) == 0 && stat(other_path, &other) == 0;
	if (!there && (strcmp(last_part(path), last_part(other_path)) != 0 ||
		       !stat_directory(path, &file) || !stat_directory(other_path, &other)))
		return strcmp(path, other_path) == 0;
	return file.st_dev == other.st_dev && file.st_ino == other.st_ino;
}

int option_distinct_files(const struct option_file *files, size_t count, struct err *err)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (files[i].path && files[j].path &&
			    is_one_file(files[i].path, files[j].path))
				return err_set(err, -EINVAL,
					       "%s: '%s' is the file of %s too; name another one",
					       files[i].name, files[i].path, files[j].name);
	return 0;
}

int option_mac(const char *name, const char *text, uint8_t mac[6], struct err *err)
{
	for (int i = 0; i < 6; i++) {
		const char *at = text + 3 * i;
		bool pair = strlen(text) == 17 && isxdigit((unsigned char)at[0]) &&
			    isxdigit((unsigned char)at[1]) && at[2] == (i < 5 ? ':' : '\0');
		if (!pair)
			return err_set(err, -EINVAL,
				       "%s: '%s' is not a MAC address; write it like "
				       "02:00:00:00:00:01",
				       name, text);
		mac[i] = (uint8_t)strtoul(at, NULL, 16);
	}
	return 0;
}
