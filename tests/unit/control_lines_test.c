// SPDX-License-Identifier: BSD-3-Clause
/*
 * The control connection: no line, however wrong, and no reader, however slow, stops the daemon or
 * loses an answer.
 */
#include "tests/lib/control_peer.h"

TestSuite(control_lines, .init = set_up, .fini = tear_down);

Test(control_lines, an_id_is_echoed_as_it_came)
{
	static const char *const ids[] = {"0",    "-1",   "9223372036854775807", "1.5", "\"x\"",
					  "\"\"", "null", "\"\\u00e4\\n\""};
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char line[160];
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"no\"}\n",
			 ids[i]);
		say_bytes(line, strlen(line));
		json_t *id = json_loads(ids[i], JSON_DECODE_ANY, NULL);
		char *wanted = json_dumps(id, JSON_ENCODE_ANY);
		json_decref(id);
		cr_expect_eq(expect_error(wanted, line), -32601);
		free(wanted);
	}
}

static const struct bad_line {
	const char *line;
	int code;
} bad_lines[] = {
	{"", -32700},
	{" ", -32700},
	{"hello", -32700},
	{"{", -32700},
	{"}", -32700},
	{"{'jsonrpc':'2.0','id':1,'method':'list'", -32700},
	{"{'jsonrpc':'2.0','id':1,'method':'list'}}", -32700},
	{"{'jsonrpc':'2.0','id':1,'method':'list'} {}", -32700},
	{"{'jsonrpc':'2.0','id':1,'id':2,'method':'list'}", -32700},
	{"{'jsonrpc':'2.0','id':1,'method':'list',}", -32700},
	{"{'jsonrpc':'2.0','id':1,'method':'li\\u0000st'}", -32700},
	{"{'jsonrpc':'2.0','id':1,'method':'\\ud800'}", -32700},
	{"{'jsonrpc':'2.0','id':99999999999999999999,'method':'list'}", -32700},
	{"{'jsonrpc':'2.0','id':1e999,'method':'list'}", -32700},
	{"{'jsonrpc':'2.0','id':NaN,'method':'list'}", -32700},
	{"null", -32600},
	{"1", -32600},
	{"'list'", -32600},
	{"[]", -32600},
	{"[{'jsonrpc':'2.0','id':1,'method':'list'}]", -32600},
	{"{}", -32600},
	{"{'id':1,'method':'list'}", -32600},
	{"{'jsonrpc':'1.0','id':1,'method':'list'}", -32600},
	{"{'jsonrpc':2.0,'id':1,'method':'list'}", -32600},
	{"{'jsonrpc':'2.0','id':1}", -32600},
	{"{'jsonrpc':'2.0','id':1,'method':7}", -32600},
	{"{'jsonrpc':'2.0','id':1,'method':null}", -32600},
	{"{'jsonrpc':'2.0','id':[],'method':'list'}", -32600},
	{"{'jsonrpc':'2.0','id':{},'method':'list'}", -32600},
	{"{'jsonrpc':'2.0','id':true,'method':'list'}", -32600},
};

Test(control_lines, a_line_that_is_no_request_gets_an_error)
{
	for (size_t i = 0; i < COUNT_OF(bad_lines); i++) {
		say(bad_lines[i].line);
		int code = expect_error("null", bad_lines[i].line);
		cr_expect_eq(code, bad_lines[i].code, "%s: %d", bad_lines[i].line, code);
		expect_life(bad_lines[i].line);
	}
}

Test(control_lines, params_that_are_no_object_are_refused_by_the_id)
{
	static const char *const lines[] = {
		"{'jsonrpc':'2.0','id':1,'method':'list','params':[]}",
		"{'jsonrpc':'2.0','id':1,'method':'list','params':null}",
		"{'jsonrpc':'2.0','id':1,'method':'list','params':'x'}",
	};
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		say(lines[i]);
		cr_expect_eq(expect_error("1", lines[i]), -32602, "%s", lines[i]);
		expect_life(lines[i]);
	}
	/* A notification is never answered. */
	say("{'jsonrpc':'2.0','method':'list','params':[]}");
	expect_life("a notification");
}

/* A line of any bytes is no JSON; the next one is answered. */
static void expect_no_json(const char *line, size_t bytes, const char *about)
{
	say_bytes(line, bytes);
	say_bytes("\n", 1);
	cr_expect_eq(expect_error("null", about), -32700, "%s", about);
	expect_life(about);
}

Test(control_lines, bytes_that_are_no_text_get_an_error)
{
	static const char nul[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}\0";
	static const char inner[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"li\0st\"}";
	static const char latin[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xe4\"}";
	static const char cut[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xe2\x82\"}";
	static const char surrogate[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xed\xa0\x80\"}";
	static const char bom[] = "\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}";
	expect_no_json(nul, sizeof(nul) - 1, "a NUL at the end");
	expect_no_json(inner, sizeof(inner) - 1, "a NUL in a string");
	expect_no_json(latin, sizeof(latin) - 1, "Latin-1");
	expect_no_json(cut, sizeof(cut) - 1, "a cut character");
	expect_no_json(surrogate, sizeof(surrogate) - 1, "a surrogate");
	expect_no_json(bom, sizeof(bom) - 1, "a byte order mark");
	expect_no_json("\0\0\0\0", 4, "NULs");
}

Test(control_lines, deep_nesting_gets_an_error)
{
	char *deep = malloc(100000);
	memset(deep, '[', 100000);
	expect_no_json(deep, 100000, "100,000 brackets");
	for (size_t i = 0; i + 5 <= 100000; i += 5)
		memcpy(deep + i, "{\"a\":", 5);
	expect_no_json(deep, 100000, "20,000 objects");
	free(deep);
}

/* Names from outside come back in messages; a cut one must still be UTF-8. */
Test(control_lines, a_message_quotes_long_names_whole_characters_at_a_time)
{
	char name[256] = "", params[320];
	for (int lead = 0; lead < 3; lead++) {
		memset(name, 'x', (size_t)lead);
		name[lead] = '\0';
		for (int i = 0; i < 60; i++)
			strcat(name, "€");
		expect_refused(name, "", -32601, "no such method");
		snprintf(params, sizeof(params), "{'tenant':'%s'}", name);
		expect_refused("list", params, -32001, "no such tenant");
		snprintf(params, sizeof(params), "{'%s':1}", name);
		expect_refused("list", params, -32602, "no such parameter");
	}
}

Test(control_lines, a_terminal_is_safe_from_what_messages_quote)
{
	char message[512];
	int code;
	json_decref(call("\\u001b[2J", "", &code, message));
	cr_expect_eq(code, -32601);
	cr_expect_null(strchr(message, 0x1b), "an escape got through");
}

/* A request of this many bytes, the newline with them: blanks fill it up. */
static char *padded_request(size_t bytes)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"method\":\"list\"}";
	char *line = malloc(bytes);
	memset(line, ' ', bytes);
	memcpy(line, request, sizeof(request) - 1);
	line[bytes - 1] = '\n';
	return line;
}

Test(control_lines, the_longest_line_is_answered)
{
	char *line = padded_request(CONTROL_MAX_LINE_BYTES);
	say_bytes(line, CONTROL_MAX_LINE_BYTES);
	json_t *reply = hear();
	cr_assert_not_null(reply);
	cr_expect_not_null(json_object_get(reply, "result"));
	json_decref(reply);
	expect_life("a long line");
	free(line);
}

/* Refused, and the connection is over once the error is read. */
static void expect_too_long(const char *text, size_t bytes)
{
	say_bytes(text, bytes);
	settle();
	cr_expect_eq(expect_error("null", "a line that is too long"), -32600);
	cr_expect_not(alive, "still open");
}

Test(control_lines, a_longer_line_ends_the_connection_and_nothing_else)
{
	size_t bytes = CONTROL_MAX_LINE_BYTES + 1;
	char *line = padded_request(bytes);
	expect_too_long(line, bytes);
	disconnect_client();
	connect_client();
	memset(line, '[', bytes);
	expect_too_long(line, bytes);
	disconnect_client();
	connect_client();
	expect_life("a long line of another");
	free(line);
}

Test(control_lines, many_requests_in_one_write_are_answered_in_order)
{
	size_t bytes = 0;
	char *lines = malloc(64 * 1000);
	for (int i = 0; i < 1000; i++)
		bytes += (size_t)sprintf(lines + bytes,
					 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\"}\n", i,
					 i % 2 ? "list" : "none");
	say_bytes(lines, bytes);
	for (int i = 0; i < 1000; i++) {
		json_t *reply = hear();
		cr_assert_not_null(reply, "%d", i);
		cr_assert_eq(integer_of(reply, "id"), i);
		cr_assert_eq(json_object_get(reply, "error") != NULL, i % 2 == 0);
		json_decref(reply);
	}
	cr_expect_null(hear());
	free(lines);
}

/* The loop decides who is next after each. */
Test(control_lines, a_piece_of_work_is_one_answer)
{
	static const char two[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}\n"
				  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"list\"}\n{";
	cr_assert_eq(send(peer, two, sizeof(two) - 1, 0), sizeof(two) - 1);
	cr_expect_not(client_has_work(client));
	cr_expect(client_read(client));
	cr_expect_not(listen_once(), "reading answers");
	for (int id = 1; id <= 2; id++) {
		cr_expect(client_has_work(client));
		cr_expect_not(client_wants_read(client), "more than it can answer");
		cr_expect(client_work(client, &appliance));
		listen_once();
		json_t *reply = hear();
		cr_expect_eq(integer_of(reply, "id"), id);
		json_decref(reply);
		cr_expect_null(hear());
	}
	cr_expect_not(client_has_work(client), "half a line is none");
	cr_expect(client_wants_read(client));
}

/* One has a tenth of the time at most, all of them half of it. */
Test(control_lines, a_subscriber_rests_as_its_notifications_cost)
{
	static const struct {
		uint64_t took_us;
		uint32_t among;
		uint64_t rest_us;
	} rows[] = {
		{0, 1, 0},      {0, 128, 0},    {100, 1, 1000},
		{100, 5, 1000}, {100, 6, 1200}, {90000, 128, 23040000},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		cr_expect_eq(client_rest_us(rows[i].took_us, rows[i].among), rows[i].rest_us);
	expect_done("subscribe", "{'rate_hz':100}");
	json_decref(hear_live());
	client->rests_until_us = UINT64_MAX;
	struct pollfd timer = {.fd = client->timer_fd, .events = POLLIN};
	cr_assert_eq(poll(&timer, 1, 10000), 1);
	client_tick(client);
	cr_expect_not(client_has_work(client));
	client->rests_until_us = 0;
	json_decref(hear_live());
}

Test(control_lines, a_request_may_come_byte_by_byte)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"method\":\"list\"}\r\n";
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		cr_assert_null(hear(), "answered after %zu bytes", i);
		say_bytes(line + i, 1);
	}
	json_t *reply = hear();
	cr_assert_not_null(reply);
	cr_expect_not_null(json_object_get(reply, "result"));
	json_decref(reply);
}

Test(control_lines, a_notification_is_carried_out_and_not_answered)
{
	say("{'jsonrpc':'2.0','method':'open','params':{'tenant':'acme','id':1,'kind':'poll',"
	    "'question':'?','options':['a']}}");
	say("{'jsonrpc':'2.0','method':'no such method'}");
	say("{'jsonrpc':'2.0','method':'close','params':{'tenant':'acme','id':77}}");
	cr_expect_null(hear());
	cr_expect_eq(windows_count(appliance.windows), 1);
	say("{'jsonrpc':'2.0','method':'subscribe'}");
	cr_expect_null(hear());
	json_decref(hear_live());
}

/* Sends requests and never reads, until the daemon takes no more. Returns how many it took. */
static int send_without_reading(void)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stats\"}\n";
	int sent = 0;
	while (send(peer, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1) {
		sent++;
		while (serve_once())
			;
		cr_assert_lt(sent, 1000000, "a client that does not read is read for ever");
	}
	return sent;
}

static int hear_all(void)
{
	int answers = 0;
	settle();
	for (char *at = heard.text;
	     (at = memchr(at, '\n', heard.bytes - (size_t)(at - heard.text))); at++)
		answers++;
	return answers;
}

Test(control_lines, a_client_that_does_not_read_is_kept_no_more_than_a_little_for)
{
	int sent = send_without_reading();
	cr_expect(alive);
	cr_expect_not(client_wants_read(client));
	cr_expect(client_wants_write(client));
	cr_expect_lt(client->out.end - client->out.start, 2u << 20);
	cr_expect_lt(client->in.end - client->in.start, 1u << 20);
	/* Nothing of it is lost when it reads after all. */
	cr_expect_eq(hear_all(), sent);
	cr_expect_eq(heard.text[heard.bytes - 1], '\n');
	heard.bytes = 0;
	expect_life("a slow client");
}

Test(control_lines, a_client_that_does_not_read_misses_updates_only)
{
	expect_done("subscribe", "{'rate_hz':100}");
	json_decref(hear_live());
	int sent = send_without_reading();
	size_t waiting = client->out.end - client->out.start;
	for (int i = 0; i < 3; i++) {
		struct pollfd timer = {.fd = client->timer_fd, .events = POLLIN};
		cr_assert_eq(poll(&timer, 1, 10000), 1);
		client_tick(client);
		cr_expect_not(client_has_work(client));
	}
	cr_expect_eq(client->out.end - client->out.start, waiting, "an update was kept");
	cr_expect_eq(hear_all(), sent);
	heard.bytes = 0;
	json_decref(hear_live());
}

Test(control_lines, a_client_that_only_stops_asking_gets_all_its_answers)
{
	int sent = send_without_reading();
	shutdown(peer, SHUT_WR);
	cr_expect_eq(hear_all(), sent);
	cr_expect_not(alive);
}

Test(control_lines, a_client_that_goes_is_gone)
{
	say("{'jsonrpc':'2.0','id':1,");
	shutdown(peer, SHUT_RDWR);
	settle();
	cr_expect_not(alive);
}

Test(control_lines, a_client_that_goes_with_answers_unread_is_gone)
{
	send_without_reading();
	shutdown(peer, SHUT_RDWR);
	while (serve_once())
		;
	cr_expect_not(alive);
}
