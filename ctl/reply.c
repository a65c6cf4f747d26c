// SPDX-License-Identifier: BSD-3-Clause
/* Members of a reply. The verbs and views read replies through this file only. */
#include "ctl/reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/show/time_text.h"

#define TENTH_US   100000
#define DATE_BYTES 11 /* "2026-11-22T" */

const char *reply_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

uint64_t reply_count(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));
	return value > 0 ? (uint64_t)value : 0;
}

double reply_measure(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

uint64_t reply_time_us(const json_t *object, const char *name)
{
	uint64_t time_us = 0;
	return time_parse(reply_text(object, name), &time_us) == 0 ? time_us : 0;
}

char *reply_time_text(const json_t *object, const char *name, uint64_t now_us,
		      char text[REPLY_TIME_BYTES])
{
	char time[TIME_TEXT_BYTES], now[TIME_TEXT_BYTES];
	uint64_t time_us = reply_time_us(object, name);
	if (time_us == 0) {
		snprintf(text, REPLY_TIME_BYTES, "%s", reply_text(object, name));
		return text;
	}
	time_format(time_us - time_us % TENTH_US, time);
	bool today = now_us && strncmp(time, time_format(now_us, now), DATE_BYTES) == 0;
	snprintf(text, REPLY_TIME_BYTES, "%s", today ? time + DATE_BYTES : time);
	return text;
}
