// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads and writes times and durations as text. Called wherever a file, a command line or a client
 * names a time. Never asks what time it is, never looks at a time zone of the machine.
 */
#include "dataplane/show/time_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US       1000000
#define YEAR_US         (365ull * 86400 * SECOND_US)
#define FRACTION_DIGITS 6

/* A cursor over the text; `ok` goes false at the first thing that does not belong. */
struct reader {
	const char *at;
	bool ok;
};

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* Exactly `digits` digits, whose value is from `min` to `max`. */
static int64_t read_number(struct reader *reader, int digits, int64_t min, int64_t max)
{
	int64_t value = 0;
	for (int i = 0; i < digits && reader->ok; i++) {
		reader->ok = is_digit(*reader->at);
		if (reader->ok)
			value = value * 10 + (*reader->at++ - '0');
	}
	reader->ok = reader->ok && value >= min && value <= max;
	return value;
}

/* One of the characters of `wanted`; returns which. */
static char read_one(struct reader *reader, const char *wanted)
{
	char character = *reader->at;
	reader->ok = reader->ok && character != '\0' && strchr(wanted, character) != NULL;
	if (reader->ok)
		reader->at++;
	return character;
}

static bool is_leap_year(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap_year(year));
}

/* Days from 1970-01-01 in the Gregorian calendar; year 0 to 9999. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
	int64_t days =
		year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400 - 719528;
	for (int64_t before = 1; before < month; before++)
		days += days_of_month(year, before);
	return days + day - 1;
}

static int64_t read_date_s(struct reader *reader)
{
	int64_t year = read_number(reader, 4, 0, 9999);
	read_one(reader, "-");
	int64_t month = read_number(reader, 2, 1, 12);
	if (!reader->ok)
		return 0;
	read_one(reader, "-");
	int64_t day = read_number(reader, 2, 1, days_of_month(year, month));
	return days_since_1970(year, month, day) * 86400;
}

static int64_t read_clock_s(struct reader *reader)
{
	int64_t hour = read_number(reader, 2, 0, 23);
	read_one(reader, ":");
	int64_t minute = read_number(reader, 2, 0, 59);
	read_one(reader, ":");
	return hour * 3600 + minute * 60 + read_number(reader, 2, 0, 59);
}

/* ".5" to ".123456", or nothing. */
static int64_t read_fraction_us(struct reader *reader)
{
	if (*reader->at != '.')
		return 0;
	reader->at++;
	int64_t fraction_us = 0;
	int64_t digit_us = SECOND_US / 10;
	reader->ok = reader->ok && is_digit(*reader->at);
	for (int i = 0; i < FRACTION_DIGITS && is_digit(*reader->at); i++, digit_us /= 10)
		fraction_us += (*reader->at++ - '0') * digit_us;
	return fraction_us;
}

/* How far the zone is ahead of UTC. */
static int64_t read_zone_s(struct reader *reader)
{
	char sign = read_one(reader, "Zz+-");
	if (!reader->ok || sign == 'Z' || sign == 'z')
		return 0;
	int64_t hours = read_number(reader, 2, 0, 23);
	read_one(reader, ":");
	int64_t ahead_s = hours * 3600 + read_number(reader, 2, 0, 59) * 60;
	return sign == '+' ? ahead_s : -ahead_s;
}

int time_parse(const char *text, uint64_t *time_us)
{
	struct reader reader = {text, true};
	int64_t time_s = read_date_s(&reader);
	read_one(&reader, "Tt");
	time_s += read_clock_s(&reader);
	int64_t fraction_us = read_fraction_us(&reader);
	time_s -= read_zone_s(&reader);
	if (!reader.ok || *reader.at != '\0')
		return -EINVAL;
	if (time_s < 0 || time_s >= (int64_t)(TIME_LIMIT_US / SECOND_US))
		return -EINVAL;
	*time_us = (uint64_t)(time_s * SECOND_US + fraction_us);
	return 0;
}

/* ".5", ".000001", or nothing. */
static void append_fraction(char *end, unsigned int fraction_us)
{
	if (fraction_us == 0)
		return;
	int length = sprintf(end, ".%06u", fraction_us % SECOND_US);
	while (end[length - 1] == '0')
		end[--length] = '\0';
}

char *time_format(uint64_t time_us, char text[TIME_TEXT_BYTES])
{
	time_t time_s = (time_t)(time_us / SECOND_US);
	struct tm utc;
	gmtime_r(&time_s, &utc);
	size_t length = strftime(text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
	append_fraction(text + length, (unsigned int)(time_us % SECOND_US));
	return strcat(text, "Z");
}

static const struct duration_unit {
	const char *name;
	uint64_t us;
} duration_units[] = {
	{"us", 1},
	{"ms", 1000},
	{"s", SECOND_US},
	{"m", 60ull * SECOND_US},
	{"h", 3600ull * SECOND_US},
};

/* The unit's µs, 0 where there is no such unit. */
static uint64_t unit_us(const char *name)
{
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++)
		if (strcmp(name, duration_units[i].name) == 0)
			return duration_units[i].us;
	return 0;
}

/* Digits, at least one. A value that no duration reaches stays there. */
static uint64_t read_digits(struct reader *reader, uint64_t ceiling)
{
	uint64_t value = 0;
	reader->ok = reader->ok && is_digit(*reader->at);
	for (; is_digit(*reader->at); reader->at++)
		value = value > ceiling ? value : value * 10 + (uint64_t)(*reader->at - '0');
	return value;
}

int duration_parse(const char *text, uint64_t *duration_us)
{
	struct reader reader = {text, true};
	uint64_t whole = read_digits(&reader, YEAR_US);
	uint64_t fraction = 0;
	uint64_t fraction_parts = 1;
	if (*reader.at == '.') {
		const char *digits = ++reader.at;
		fraction = read_digits(&reader, YEAR_US);
		reader.ok = reader.ok && reader.at - digits <= FRACTION_DIGITS;
		for (; reader.ok && digits < reader.at; digits++)
			fraction_parts *= 10;
	}
	uint64_t unit = unit_us(reader.at);
	if (!reader.ok || unit == 0 || fraction * unit % fraction_parts != 0)
		return -EINVAL;
	if (whole > YEAR_US / unit)
		return -ERANGE;
	uint64_t total_us = whole * unit + fraction * unit / fraction_parts;
	if (total_us > YEAR_US)
		return -ERANGE;
	*duration_us = total_us;
	return 0;
}
