// SPDX-License-Identifier: BSD-3-Clause
/* The methods about the front, where no port has one: what they take, and what they say then. */
#include "tests/lib/control_peer.h"

TestSuite(control_front, .init = set_up, .fini = tear_down);

#define NO_FRONT "there is no front to police with: only af_xdp ports have one"

Test(control_front, bad_parameters_are_named_before_anything_else)
{
	static const struct {
		const char *method, *params;
		int code;
		const char *reason;
	} rows[] = {
		{"front_deny", "", -32602, "params: is missing"},
		{"front_deny", "{}", -32602, "params.prefix: is missing"},
		{"front_deny", "{'prefix':7}", -32602, "params.prefix: is an integer"},
		{"front_deny", "{'prefix':''}", -32602, "params.prefix: '' is no prefix"},
		{"front_allow", "{'prefix':'10.0.0.1/8'}", -32602, "the prefix is 10.0.0.0/8"},
		{"front_allow", "{'prefix':'10.0.0.0/33'}", -32602, "from /0 to /32"},
		{"front_remove", "{'prefix':'::/129'}", -32602, "from /0 to /128"},
		{"front_remove", "{'prefix':'::','for_ms':1}", -32602, "params.for_ms"},
		{"front_deny", "{'prefix':'::','for_ms':0}", -32602, "params.for_ms: 0 is"},
		{"front_deny", "{'prefix':'::','for_ms':31536000001}", -32602, "params.for_ms"},
		{"front_deny", "{'prefix':'::','for_ms':-1}", -32602, "params.for_ms"},
		{"front_deny", "{'prefix':'::','until':1}", -32602, "params.until"},
		{"front_panic", "{}", -32602, "params.on: is missing"},
		{"front_panic", "{'on':1}", -32602, "params.on: wants true or false"},
		{"front_panic", "{'on':true,'for_ms':1}", -32602, "params.for_ms"},
		{"front_list", "{'prefix':'::'}", -32602, "params.prefix"},
		{"front_list", "", -32002, NO_FRONT},
		{"front_deny", "{'prefix':'10.0.0.0/8'}", -32002, NO_FRONT},
		{"front_allow", "{'prefix':'::1','for_ms':1}", -32002, NO_FRONT},
		{"front_remove", "{'prefix':'::1'}", -32002, NO_FRONT},
		{"front_panic", "{'on':true}", -32002, NO_FRONT},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_refused(rows[i].method, rows[i].params, rows[i].code, rows[i].reason);
	expect_life("refusals");
}

Test(control_front, is_not_the_publics)
{
	static const char *const methods[] = {"front_list", "front_allow", "front_deny",
					      "front_remove", "front_panic"};
	disconnect_client();
	connect_as(CONTROL_PUBLIC);
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		expect_refused(methods[i], "{'prefix':'::'}", -32004, "not on the public socket");
}
