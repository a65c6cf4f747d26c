/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a control connection, for tests: a struct client over a socket pair, an
 * appliance without ports and workers behind it, and words to speak with it. The loop of control.c
 * is played here by settle(), which does the same with poll() and never waits.
 */
#ifndef TALLYWIRE_TESTS_CONTROL_PEER_H
#define TALLYWIRE_TESTS_CONTROL_PEER_H

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "dataplane/clock.h"
#include "dataplane/control_client.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#ifndef ROOM_BYTES
#define ROOM_BYTES (1u << 20) /* for the ballots of all windows */
#endif

static struct tenant tenants[] = {
	{.id = 7, .name = "acme", .max_delay_ms = 5000},
	{.id = 8, .name = "zoo", .max_delay_ms = 0},
};

static struct appliance appliance = {
	.keyring = {.tenants = tenants, .tenant_count = COUNT_OF(tenants)},
};
static struct client *client;
static bool alive;
static int peer; /* the other end of the client's socket */

/* What has come out at `peer` and was not looked at yet. */
static struct {
	char *text;
	size_t bytes, room;
} heard;

static inline void nobody_to_wait_for(void *context)
{
	(void)context;
}

static inline void connect_as(enum control_role role)
{
	int fds[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	client = client_create(fds[0], role);
	cr_assert_not_null(client);
	peer = fds[1];
	alive = true;
	heard.bytes = 0;
}

static inline void connect_client(void)
{
	connect_as(CONTROL_STUDIO);
}

static inline void disconnect_client(void)
{
	client_destroy(client);
	close(peer);
}

static inline void set_up(void)
{
	const struct windows_options options = {
		.voters = 1000,
		.memory_bytes = ROOM_BYTES,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
	};
	struct err err;
	clock_start();
	cr_assert_eq(windows_create(&options, &appliance.windows, &err), 0);
	connect_client();
}

static inline void tear_down(void)
{
	disconnect_client();
	windows_destroy(appliance.windows);
	free(heard.text);
}

static inline bool is_ready(int fd, short events)
{
	struct pollfd wanted = {.fd = fd, .events = events};
	return poll(&wanted, 1, 0) > 0;
}

/* One round of control.c's loop for this client. False when there was nothing to do. */
static inline bool serve_once(void)
{
	bool can_write = client_wants_write(client) && is_ready(client->fd, POLLOUT);
	bool can_read = client_wants_read(client) && is_ready(client->fd, POLLIN);
	if (!alive || (!can_write && !can_read && !client_has_work(client)))
		return false;
	if (can_write)
		alive = client_write(client);
	if (alive && can_read && client_wants_read(client))
		alive = client_read(client);
	if (alive && client_has_work(client))
		alive = client_work(client, &appliance);
	return true;
}

/* Takes what lies at the peer. False when there was nothing. */
static inline bool listen_once(void)
{
	if (heard.room - heard.bytes < 65536) {
		heard.room = heard.room * 2 + 65536;
		heard.text = realloc(heard.text, heard.room);
	}
	ssize_t bytes = recv(peer, heard.text + heard.bytes, heard.room - heard.bytes - 1, 0);
	if (bytes <= 0)
		return false;
	heard.bytes += (size_t)bytes;
	return true;
}

/* Serves and listens until both sides have nothing left. */
static inline void settle(void)
{
	bool busy = true;
	while (busy) {
		busy = serve_once();
		busy = listen_once() || busy;
	}
}

static inline void say_bytes(const char *text, size_t bytes)
{
	while (bytes && alive) {
		ssize_t sent = send(peer, text, bytes, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			text += sent;
			bytes -= (size_t)sent;
		}
		settle();
	}
}

/* A single quote stands for a double one. */
static inline void say(const char *text)
{
	char *quoted = strdup(text);
	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	say_bytes(quoted, strlen(quoted));
	say_bytes("\n", 1);
	free(quoted);
}

/* The next line that came, parsed; NULL where there is none. */
static inline json_t *hear(void)
{
	char *end = heard.bytes ? memchr(heard.text, '\n', heard.bytes) : NULL;
	if (!end)
		return NULL;
	size_t bytes = (size_t)(end - heard.text) + 1;
	json_error_t flaw;
	json_t *json = json_loadb(heard.text, bytes, JSON_REJECT_DUPLICATES, &flaw);
	cr_assert_not_null(json, "not JSON: %s: %.*s", flaw.text, (int)bytes, heard.text);
	heard.bytes -= bytes;
	memmove(heard.text, end + 1, heard.bytes);
	return json;
}

static inline const char *string_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "(none)";
}

static inline json_int_t integer_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* The code of the error that was answered, with the id as JSON text (or NULL: any). */
static inline int expect_error(const char *id, const char *about)
{
	json_t *reply = hear();
	cr_assert_not_null(reply, "no answer to %s", about);
	json_t *error = json_object_get(reply, "error");
	cr_expect_str_eq(string_of(reply, "jsonrpc"), "2.0");
	cr_expect_null(json_object_get(reply, "result"), "%s", about);
	cr_assert(json_is_object(error), "no error: %s", about);
	cr_expect_gt(strlen(string_of(error, "message")), 5, "%s", about);
	cr_expect_null(strchr(string_of(error, "message"), '\n'), "%s", about);
	if (id) {
		char *text = json_dumps(json_object_get(reply, "id"), JSON_ENCODE_ANY);
		cr_expect_str_eq(text, id, "%s", about);
		free(text);
	}
	cr_expect_eq(json_object_size(reply), 3);
	int code = (int)integer_of(error, "code");
	json_decref(reply);
	return code;
}

/* Calls the method; returns its result (to be released) or NULL with the error's code. */
static inline json_t *call(const char *method, const char *params, int *code, char message[512])
{
	char *line;
	cr_assert(asprintf(&line, "{'jsonrpc':'2.0','id':'q1','method':'%s'%s%s}", method,
			   *params ? ",'params':" : "", params) > 0);
	say(line);
	json_t *reply = hear();
	cr_assert_not_null(reply, "no answer to %s", line);
	cr_expect_null(hear(), "more than one answer to %s", line);
	cr_expect_str_eq(string_of(reply, "id"), "q1");
	cr_expect_eq(json_object_size(reply), 3);
	json_t *error = json_object_get(reply, "error");
	json_t *result = json_incref(json_object_get(reply, "result"));
	cr_assert((error == NULL) != (result == NULL), "%s", line);
	*code = error ? (int)integer_of(error, "code") : 0;
	if (message)
		snprintf(message, 512, "%s", error ? string_of(error, "message") : "");
	json_decref(reply);
	free(line);
	return result;
}

static inline json_t *expect_result(const char *method, const char *params)
{
	int code;
	char message[512];
	json_t *result = call(method, params, &code, message);
	cr_assert_not_null(result, "%s %s: %d %s", method, params, code, message);
	return result;
}

static inline void expect_done(const char *method, const char *params)
{
	json_decref(expect_result(method, params));
}

/* Refused with this code and a message that says `reason`. */
static inline void expect_refused(const char *method, const char *params, int wanted,
				  const char *reason)
{
	int code;
	char message[512];
	json_t *result = call(method, params, &code, message);
	cr_expect_null(result, "%s %s was taken", method, params);
	cr_expect_eq(code, wanted, "%s %s: %d %s", method, params, code, message);
	cr_expect_not_null(strstr(message, reason), "no '%s': %s", reason, message);
	json_decref(result);
}

/* The daemon lives: it answers a good request on this connection. */
static inline void expect_life(const char *after)
{
	cr_expect(alive, "ended by %s", after);
	json_decref(expect_result("list", "{}"));
}

/* Waits for the timer, which is due, and takes what it sends, if not at once: it may have to rest.
 */
static inline json_t *hear_live(void)
{
	struct pollfd timer = {.fd = client->timer_fd, .events = POLLIN};
	json_t *live = NULL;
	for (int ticks = 0; ticks < 1000 && !live; ticks++) {
		cr_assert_eq(poll(&timer, 1, 10000), 1, "the timer does not run");
		client_tick(client);
		settle();
		live = hear();
	}
	cr_assert_not_null(live);
	cr_expect_str_eq(string_of(live, "jsonrpc"), "2.0");
	cr_expect_str_eq(string_of(live, "method"), "live");
	cr_expect_null(json_object_get(live, "id"));
	return live;
}

#endif
