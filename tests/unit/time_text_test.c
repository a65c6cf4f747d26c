// SPDX-License-Identifier: BSD-3-Clause
/* Times and durations as text: what is read, what is refused, what is written. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include "dataplane/show/time_text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

Test(time_text, times_are_read_to_the_microsecond)
{
	static const struct {
		const char *text;
		uint64_t time_us;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00.000001Z", 1},
		{"1970-01-01T00:00:00.5Z", 500000},
		{"1970-01-01t00:00:01z", 1000000},
		{"2026-11-22T20:00:00Z", 1795377600000000},
		{"2026-11-22T20:00:00.123456Z", 1795377600123456},
		{"2026-11-22T22:00:00+02:00", 1795377600000000},
		{"2026-11-22T14:30:00-05:30", 1795377600000000},
		{"2026-11-22T20:00:00-00:00", 1795377600000000},
		{"1969-12-31T23:00:00-01:00", 0},
		{"2000-02-29T00:00:00Z", 951782400000000},
		{"2024-02-29T12:00:00Z", 1709208000000000},
		{"2100-03-01T00:00:00Z", 4107542400000000},
		{"9999-12-31T23:59:59.999999Z", TIME_LIMIT_US - 1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t time_us = 7;
		cr_expect_eq(time_parse(rows[i].text, &time_us), 0, "%s", rows[i].text);
		cr_expect_eq(time_us, rows[i].time_us, "%s gives %" PRIu64, rows[i].text, time_us);
	}
}

Test(time_text, anything_else_is_no_time)
{
	static const char *const rows[] = {
		"",
		"now",
		"2026-11-22",
		"2026-11-22T20:00:00",          /* no zone */
		"2026-11-22 20:00:00Z",         /* no T */
		"2026-11-22T20:00Z",            /* no seconds */
		"2026-11-22T20:00:00.Z",        /* no digit after the point */
		"2026-11-22T20:00:00.1234567Z", /* finer than µs */
		"2026-11-22T20:00:00,5Z",
		"2026-11-22T24:00:00Z",
		"2026-11-22T20:60:00Z",
		"2026-12-31T23:59:60Z", /* a leap second */
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-02-29T00:00:00Z", /* no leap year */
		"2100-02-29T00:00:00Z", /* none either */
		"2026-11-22T20:00:00+24:00",
		"2026-11-22T20:00:00+02:60",
		"2026-11-22T20:00:00+0200",
		"2026-11-22T20:00:00+02",
		"2026-11-22T20:00:00Z ",
		" 2026-11-22T20:00:00Z",
		"2026-11-22T20:00:00Z+02:00",
		"26-11-22T20:00:00Z",
		"+2026-11-22T20:00:00Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59-00:01", /* the year 10000 in UTC */
		"10000-01-01T00:00:00Z",
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t time_us = 7;
		cr_expect_eq(time_parse(rows[i], &time_us), -EINVAL, "%s", rows[i]);
		cr_expect_eq(time_us, 7, "%s left a time behind", rows[i]);
	}
}

Test(time_text, every_cut_of_a_time_is_refused)
{
	static const char whole[] = "2026-11-22T20:00:00.5+02:00";
	for (size_t length = 0; length < sizeof(whole) - 1; length++) {
		char cut[sizeof(whole)] = "";
		uint64_t time_us;
		memcpy(cut, whole, length);
		cr_expect_eq(time_parse(cut, &time_us), -EINVAL, "%s", cut);
	}
}

Test(time_text, times_are_written_with_a_fraction_only_where_there_is_one)
{
	static const struct {
		uint64_t time_us;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1, "1970-01-01T00:00:00.000001Z"},
		{1795377600000000, "2026-11-22T20:00:00Z"},
		{1795377600500000, "2026-11-22T20:00:00.5Z"},
		{1795377603250000, "2026-11-22T20:00:03.25Z"},
		{1795377600123456, "2026-11-22T20:00:00.123456Z"},
		{951782400000000, "2000-02-29T00:00:00Z"},
		{TIME_LIMIT_US - 1, "9999-12-31T23:59:59.999999Z"},
		{UINT64_MAX, "586524-01-19T08:01:49.551615Z"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[TIME_TEXT_BYTES];
		cr_expect_eq(time_format(rows[i].time_us, text), text);
		cr_expect_str_eq(text, rows[i].text);
	}
}

Test(time_text, what_is_written_is_read_back_as_it_was)
{
	/* A prime number of µs apart, from 1970 to 9999. */
	for (uint64_t time_us = 0; time_us < TIME_LIMIT_US; time_us += 25340237129911) {
		char text[TIME_TEXT_BYTES];
		uint64_t again_us;
		cr_assert_eq(time_parse(time_format(time_us, text), &again_us), 0, "%s", text);
		cr_assert_eq(again_us, time_us, "%s", text);
	}
}

Test(time_text, durations_are_read_in_their_unit)
{
	static const struct {
		const char *text;
		uint64_t duration_us;
	} rows[] = {
		{"20s", 20000000},
		{"1500ms", 1500000},
		{"2m", 120000000},
		{"250us", 250},
		{"1.5s", 1500000},
		{"0s", 0},
		{"0.000001s", 1},
		{"0.25ms", 250},
		{"007s", 7000000},
		{"1.000000us", 1},
		{"0.5m", 30000000},
		{"1h", 3600000000},
		{"0.25h", 900000000},
		{"8760h", 31536000000000},
		{"525600m", 31536000000000},
		{"31536000s", 31536000000000}, /* a year */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t duration_us = 7;
		cr_expect_eq(duration_parse(rows[i].text, &duration_us), 0, "%s", rows[i].text);
		cr_expect_eq(duration_us, rows[i].duration_us, "%s", rows[i].text);
	}
}

Test(time_text, anything_else_is_no_duration)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{"", -EINVAL},
		{"20", -EINVAL},
		{"s", -EINVAL},
		{"20 s", -EINVAL},
		{" 20s", -EINVAL},
		{"20s ", -EINVAL},
		{"-1s", -EINVAL},
		{"+1s", -EINVAL},
		{".5s", -EINVAL},
		{"1.s", -EINVAL},
		{"1.5.5s", -EINVAL},
		{"1e3s", -EINVAL},
		{"20S", -EINVAL},
		{"20sec", -EINVAL},
		{"1m30s", -EINVAL},
		{"1h30m", -EINVAL},
		{"1H", -EINVAL},
		{"1hr", -EINVAL},
		{"1d", -EINVAL},
		{"1.5us", -EINVAL},
		{"0.0005ms", -EINVAL},
		{"0.0000001m", -EINVAL},
		{"1,5s", -EINVAL},
		{"0x10s", -EINVAL},
		{"31536000.000001s", -ERANGE},
		{"525601m", -ERANGE},
		{"8761h", -ERANGE},
		{"31536001s", -ERANGE},
		{"99999999999999999999s", -ERANGE},
		{"18446744073709551617us", -ERANGE},
		{"99999999999999999999", -EINVAL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t duration_us = 7;
		cr_expect_eq(duration_parse(rows[i].text, &duration_us), rows[i].rc, "%s",
			     rows[i].text);
		cr_expect_eq(duration_us, 7, "%s left a duration behind", rows[i].text);
	}
}
