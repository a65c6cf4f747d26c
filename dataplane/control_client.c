// SPDX-License-Identifier: BSD-3-Clause
/*
 * JSON-RPC on one connection. Whatever a client sends, the daemon lives on: a line is a request or
 * gets an error; a line that is too long ends the connection; a client that does not read is no
 * longer read.
 */
#include "dataplane/control_client.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "dataplane/methods.h"
#include "dataplane/show/json_fields.h"

#define READ_BYTES      65536
#define LIVE_FRESH_US   4000       /* a vote is to be seen within 10 ms */
#define OUT_PAUSE_BYTES (1u << 20) /* more than this unsent: its requests wait */
#define REST_TIMES      10         /* what making a notification took, before the next one */

static uint32_t subscribers; /* connections with a subscription. Control thread only. */

/* An answer may hold a key (tenant_add, tenant_rotate): what lay in a buffer is wiped. */
static void buffer_free(struct buffer *buffer)
{
	if (buffer->text)
		sodium_memzero(buffer->text, buffer->end);
	free(buffer->text);
}

static bool buffer_grow(struct buffer *buffer, size_t room)
{
	char *grown = malloc(room);
	if (!grown)
		return false;
	if (buffer->text)
		memcpy(grown, buffer->text, buffer->end);
	buffer_free(buffer);
	buffer->text = grown;
	buffer->room = room;
	return true;
}

static bool buffer_add(struct buffer *buffer, const char *text, size_t bytes)
{
	if (buffer->start) {
		size_t left = buffer->end - buffer->start;
		memmove(buffer->text, buffer->text + buffer->start, left);
		sodium_memzero(buffer->text + left, buffer->start);
		buffer->end = left;
		buffer->start = 0;
	}
	if (buffer->end + bytes > buffer->room && !buffer_grow(buffer, (buffer->end + bytes) * 2))
		return false;
	memcpy(buffer->text + buffer->end, text, bytes);
	buffer->end += bytes;
	return true;
}

struct client *client_create(int fd, enum control_role role)
{
	struct client *client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return NULL;
	}
	client->role = role;
	client->fd = fd;
	client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (client->timer_fd < 0) {
		client_destroy(client);
		return NULL;
	}
	return client;
}

void client_destroy(struct client *client)
{
	subscribers -= client->subscribed;
	close(client->fd);
	if (client->timer_fd >= 0)
		close(client->timer_fd);
	buffer_free(&client->in);
	buffer_free(&client->out);
	free(client);
}

bool client_wants_write(const struct client *client)
{
	return client->out.end > client->out.start;
}

/* Its answers go out well enough. */
static bool takes_answers(const struct client *client)
{
	return !client->ending && client->out.end - client->out.start < OUT_PAUSE_BYTES;
}

bool client_wants_read(const struct client *client)
{
	return takes_answers(client) && !client->line_due;
}

/* Writes what the socket takes. False when the connection is over. */
static bool flush(struct client *client)
{
	struct buffer *out = &client->out;
	while (out->start < out->end) {
		ssize_t sent = send(client->fd, out->text + out->start, out->end - out->start,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		sodium_memzero(out->text + out->start, (size_t)sent);
		out->start += (size_t)sent;
	}
	return !client->ending;
}

static bool put_text(struct client *client, const char *text, size_t bytes)
{
	return text && buffer_add(&client->out, text, bytes) && buffer_add(&client->out, "\n", 1) &&
	       flush(client);
}

/*
 * Puts one JSON object out as a line. Takes the reference over; false when out of memory. It may
 * hold a key, so no copy of it stays behind.
 */
static bool put_line(struct client *client, json_t *object)
{
	size_t bytes = object ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
	char *text = bytes ? malloc(bytes) : NULL;
	/* It takes memory for itself: without it, nothing but what lay in `text` before is there.
	 */
	bool written = text && json_dumpb(object, text, bytes, JSON_COMPACT) == bytes;
	bool put = written && put_text(client, text, bytes);
	if (text)
		sodium_memzero(text, bytes);
	free(text);
	json_fields_unload(object, true);
	return put;
}

/* Without an id, as for a line that is no request, the answer's is null. */
static json_t *answer(const json_t *id, const char *member, json_t *value)
{
	return json_pack("{s:s,s:O?,s:o}", "jsonrpc", "2.0", "id", id, member, value);
}

static bool put_error(struct client *client, const json_t *id, int code, const char *message)
{
	json_t *error = json_pack("{s:i,s:s%}", "code", code, "message", message, strlen(message));
	if (!error)
		error = json_pack("{s:i,s:s}", "code", code, "message", "the message is not UTF-8");
	return put_line(client, answer(id, "error", error));
}

/* Sets the subscription's timer; 0 Hz ends it. The first notification is due at once. */
static void set_rate(struct client *client, uint64_t rate_hz)
{
	subscribers += (rate_hz != 0) - client->subscribed;
	client->subscribed = rate_hz != 0;
	client->push_due = client->live_due = false;
	client->rests_until_us = 0;
	struct itimerspec timer = {0};
	if (rate_hz == 1)
		timer.it_interval.tv_sec = 1;
	else if (rate_hz)
		timer.it_interval.tv_nsec = (long)(1000000000u / rate_hz);
	timer.it_value.tv_nsec = rate_hz ? 1 : 0;
	timerfd_settime(client->timer_fd, 0, &timer, NULL);
}

static json_t *subscribe(struct client *client, struct appliance *appliance, const json_t *params,
			 struct method_error *error)
{
	struct selection selection;
	const json_t *rate = json_object_get(params, "rate_hz");
	json_int_t rate_hz = rate ? json_integer_value(rate) : CONTROL_DEFAULT_RATE_HZ;
	if (selection_parse_top(appliance, params, "rate_hz", &selection, error))
		return NULL;
	if (rate_hz < 1 || rate_hz > CONTROL_MAX_RATE_HZ) {
		error->code = err_set(&error->text, CONTROL_INVALID_PARAMS,
				      "params.rate_hz: wants a whole number from 1 to %d",
				      CONTROL_MAX_RATE_HZ);
		return NULL;
	}
	client->selection = selection;
	set_rate(client, (uint64_t)rate_hz);
	return json_pack("{s:I}", "rate_hz", rate_hz);
}

static json_t *unsubscribe(struct client *client, const json_t *params, struct method_error *error)
{
	if (json_object_size(params)) {
		error->code = err_set(&error->text, CONTROL_INVALID_PARAMS,
				      "params: unsubscribe takes none");
		return NULL;
	}
	set_rate(client, 0);
	return json_object();
}

static json_t *call(struct client *client, struct appliance *appliance, const char *method,
		    const json_t *params, struct method_error *error)
{
	if (strcmp(method, "subscribe") == 0)
		return subscribe(client, appliance, params, error);
	if (strcmp(method, "unsubscribe") == 0)
		return unsubscribe(client, params, error);
	return method_call(appliance, client->role, method, params, error);
}

/* What makes a JSON value a JSON-RPC 2.0 request; NULL, or what is wrong with it. */
static const char *request_flaw(const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	if (!json_is_object(request))
		return "a request is one JSON object; batches are not taken";
	if (!version || strcmp(version, "2.0") != 0)
		return "jsonrpc: wants \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "method: wants a string";
	if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return "id: wants a string, a number or null";
	return NULL;
}

static bool handle_request(struct client *client, struct appliance *appliance,
			   const json_t *request)
{
	const char *flaw = request_flaw(request);
	const json_t *id = json_is_object(request) ? json_object_get(request, "id") : NULL;
	const json_t *params = json_object_get(request, "params");
	if (flaw)
		return put_error(client, NULL, CONTROL_INVALID_REQUEST, flaw);
	if (params && !json_is_object(params))
		return !id ||
		       put_error(client, id, CONTROL_INVALID_PARAMS, "params: wants an object");
	struct method_error error = {0};
	json_t *result =
		call(client, appliance, json_string_value(json_object_get(request, "method")),
		     params, &error);
	if (!id) { /* a notification: carried out, not answered */
		json_fields_unload(result, true);
		return true;
	}
	if (!result)
		return put_error(client, id, error.code, error.text.text);
	return put_line(client, answer(id, "result", result));
}

static bool handle_line(struct client *client, struct appliance *appliance, const char *line,
			size_t bytes)
{
	json_error_t flaw;
	char message[JSON_ERROR_TEXT_LENGTH + 64];
	bool no_memory;
	json_t *request = json_fields_parse(line, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
					    &flaw, &no_memory);
	if (no_memory)
		return put_error(client, NULL, CONTROL_INTERNAL_ERROR,
				 "out of memory for the request; send it again later");
	if (!request) {
		snprintf(message, sizeof(message), "not JSON at column %d: %s", flaw.column,
			 flaw.text);
		return put_error(client, NULL, CONTROL_PARSE_ERROR, message);
	}
	bool alive = handle_request(client, appliance, request);
	json_decref(request);
	return alive;
}

static size_t longest_line(const struct client *client)
{
	return client->role == CONTROL_STUDIO ? CONTROL_MAX_LINE_BYTES
					      : CONTROL_MAX_PUBLIC_LINE_BYTES;
}

static bool refuse_long_line(struct client *client)
{
	char message[64];
	client->ending = true;
	client->line_due = false;
	snprintf(message, sizeof(message), "the line is longer than %zu KiB",
		 longest_line(client) >> 10);
	return put_error(client, NULL, CONTROL_INVALID_REQUEST, message);
}

/* Whether a whole line is there, of which nothing ends before `from`. */
static void look_for_line(struct client *client, size_t from)
{
	const struct buffer *in = &client->in;
	client->line_due = in->end > from && memchr(in->text + from, '\n', in->end - from);
}

static bool answer_line(struct client *client, struct appliance *appliance)
{
	struct buffer *in = &client->in;
	char *line = in->text + in->start;
	char *end = memchr(line, '\n', in->end - in->start);
	size_t bytes = (size_t)(end - line) + 1;
	if (bytes > longest_line(client))
		return refuse_long_line(client);
	in->start += bytes;
	look_for_line(client, in->start);
	return handle_line(client, appliance, line, bytes - 1);
}

bool client_read(struct client *client)
{
	char piece[READ_BYTES];
	struct buffer *in = &client->in;
	ssize_t bytes = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT);
	if (bytes < 0)
		return errno == EAGAIN || errno == EINTR;
	if (bytes == 0) { /* it asks no more, and may still be reading its answers */
		client->ending = true;
		return client_wants_write(client);
	}
	if (!buffer_add(in, piece, (size_t)bytes))
		return false;
	look_for_line(client, in->end - (size_t)bytes);
	if (!client->line_due && in->end - in->start >= longest_line(client))
		return refuse_long_line(client);
	return true;
}

bool client_write(struct client *client)
{
	return flush(client);
}

/*
 * The last notification that was made for each role. Subscribers who look at the same windows share
 * it while it is fresh, so that twenty of them cost what one does. Control thread only.
 */
static struct live {
	struct selection selection;
	uint64_t made_us;
	char *text;
	size_t bytes;
} lives[CONTROL_ROLES];

static bool same_selection(const struct selection *a, const struct selection *b)
{
	if (a->top != b->top)
		return false;
	if (a->all_tenants || b->all_tenants)
		return a->all_tenants == b->all_tenants;
	if (a->tenant != b->tenant || a->all_ids != b->all_ids)
		return false;
	return a->all_ids || a->id == b->id;
}

static const struct live *make_live(struct appliance *appliance, const struct client *client)
{
	uint64_t now_us = clock_now_us();
	struct live *live = &lives[client->role];
	if (live->text && now_us - live->made_us < LIVE_FRESH_US &&
	    same_selection(&live->selection, &client->selection))
		return live;
	uint64_t before = json_fields_shortages();
	json_t *object =
		json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method", CONTROL_LIVE, "params",
			  results_now(appliance, client->role, &client->selection, true));
	bool whole = json_fields_shortages() == before;
	free(live->text);
	live->text = object && whole ? json_fields_dump(object, JSON_COMPACT) : NULL;
	live->bytes = live->text ? strlen(live->text) : 0;
	live->made_us = now_us;
	live->selection = client->selection;
	json_decref(object);
	return live;
}

static uint64_t time_us(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t client_rest_us(uint64_t took_us, uint32_t among)
{
	uint64_t times = 2 * (uint64_t)among;
	return took_us * (times > REST_TIMES ? times : REST_TIMES);
}

static bool put_live(struct client *client, struct appliance *appliance)
{
	uint64_t begun_us = time_us(CLOCK_THREAD_CPUTIME_ID);
	const struct live *live = make_live(appliance, client);
	bool put = put_text(client, live->text, live->bytes);
	uint64_t took_us = time_us(CLOCK_THREAD_CPUTIME_ID) - begun_us;
	client->push_due = client->live_due = false;
	client->rests_until_us = time_us(CLOCK_MONOTONIC) + client_rest_us(took_us, subscribers);
	return put;
}

void client_tick(struct client *client)
{
	uint64_t ticks;
	if (read(client->timer_fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	client->live_due = client->subscribed && !client_wants_write(client) &&
			   time_us(CLOCK_MONOTONIC) >= client->rests_until_us;
}

void client_note_change(struct client *client, const struct window *window)
{
	if (client->subscribed && selection_has(&client->selection, window))
		client->push_due = true;
}

/* A change waits until the last notification has left. */
static bool is_live_due(const struct client *client)
{
	return (client->push_due || client->live_due) && !client->ending &&
	       !client_wants_write(client);
}

static bool may_answer(const struct client *client)
{
	return client->line_due && takes_answers(client);
}

bool client_has_work(const struct client *client)
{
	return may_answer(client) || is_live_due(client);
}

bool client_work(struct client *client, struct appliance *appliance)
{
	return may_answer(client) ? answer_line(client, appliance) : put_live(client, appliance);
}

void client_forget_live(void)
{
	for (int role = 0; role < CONTROL_ROLES; role++) {
		free(lives[role].text);
		lives[role].text = NULL;
	}
}
