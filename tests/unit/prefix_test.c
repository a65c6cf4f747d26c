// SPDX-License-Identifier: BSD-3-Clause
/* Prefixes as people write them, and what is said of those that are none. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include "dataplane/core/prefix.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(prefix, is_read_and_written)
{
	static const char *const rows[][2] = {
		{"203.0.113.0/24", "203.0.113.0/24"},
		{"203.0.113.7", "203.0.113.7/32"},
		{"203.0.113.7/32", "203.0.113.7/32"},
		{"203.0.113.6/31", "203.0.113.6/31"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"128.0.0.0/1", "128.0.0.0/1"},
		{"255.255.255.255", "255.255.255.255/32"},
		{"10.0.0.0/08", "10.0.0.0/8"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"2001:DB8:0:0::1", "2001:db8::1/128"},
		{"2001:db8:1:2300::/56", "2001:db8:1:2300::/56"},
		{"::/0", "::/0"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1/128"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[PREFIX_TEXT_BYTES];
		struct prefix prefix;
		struct err err;
		cr_assert_eq(prefix_parse(rows[i][0], &prefix, &err), 0, "%s", err.text);
		cr_expect_str_eq(prefix_format(&prefix, text), rows[i][1]);
	}
}

Test(prefix, that_is_none_is_refused_with_what_would_be_right)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"", "'' is no prefix: wants an address and its bits, such as 203.0.113.0/24"},
		{"/24", "is no prefix"},
		{"eth0", "'eth0' is no prefix"},
		{"203.0.113", "is no prefix"},
		{"203.0.113.256", "is no prefix"},
		{"203.0.113.0.1", "is no prefix"},
		{"203.0.113.007", "is no prefix"},
		{" 203.0.113.0", "is no prefix"},
		{"203.0.113.0 ", "is no prefix"},
		{"203.0.113.0:4433", "is no prefix"},
		{"[2001:db8::1]", "is no prefix"},
		{"2001:db8::1::", "is no prefix"},
		{"fe80::1%eth0", "is no prefix"},
		{"1:2:3:4:5:6:7:8:9", "is no prefix"},
		{"a\nb", "'a?b' is no prefix"},
		{"203.0.113.0/", "an IPv4 prefix has a length from /0 to /32, such as /24"},
		{"203.0.113.0/33", "from /0 to /32"},
		{"203.0.113.0/999999999999", "from /0 to /32"},
		{"203.0.113.0/-1", "from /0 to /32"},
		{"203.0.113.0/24/1", "from /0 to /32"},
		{"203.0.113.0/0x8", "from /0 to /32"},
		{"203.0.113.0/255.255.255.0", "from /0 to /32"},
		{"2001:db8::/129", "an IPv6 prefix has a length from /0 to /128, such as /56"},
		{"203.0.113.5/24",
		 "'203.0.113.5/24': the address has bits behind its first 24; the prefix is "
		 "203.0.113.0/24"},
		{"1.0.0.0/0", "the prefix is 0.0.0.0/0"},
		{"203.0.113.1/31", "the prefix is 203.0.113.0/31"},
		{"2001:db8::1/32", "the prefix is 2001:db8::/32"},
		{"2001:db8:1:2345::/56", "the prefix is 2001:db8:1:2300::/56"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prefix prefix;
		struct err err = {""};
		cr_expect_eq(prefix_parse(rows[i].text, &prefix, &err), -EINVAL, "%s",
			     rows[i].text);
		cr_expect_not_null(strstr(err.text, rows[i].reason), "%s: %s", rows[i].text,
				   err.text);
		cr_expect_null(strchr(err.text, '\n'));
	}
}

Test(prefix, of_any_length_of_text_is_read_safely)
{
	char text[5000];
	struct prefix prefix;
	struct err err;
	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	cr_expect_eq(prefix_parse(text, &prefix, &err), -EINVAL);
	memcpy(text, "10.0.0.0/", 9);
	cr_expect_eq(prefix_parse(text, &prefix, &err), -EINVAL);
	cr_expect_lt(strlen(err.text), 200);
}

Test(prefix, is_cut_at_every_bit)
{
	for (unsigned int bits = 0; bits <= 128; bits++) {
		uint8_t address[16];
		unsigned int set = 0;
		memset(address, 0xFF, sizeof(address));
		prefix_cut(address, sizeof(address), bits);
		for (unsigned int i = 0; i < 128; i++) {
			bool is_set = address[i / 8] >> (7 - i % 8) & 1;
			cr_assert_eq(is_set, i < bits, "/%u, bit %u", bits, i);
			set += is_set;
		}
		cr_assert_eq(set, bits);
	}
}
