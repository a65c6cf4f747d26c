// SPDX-License-Identifier: BSD-3-Clause
/*
 * The client of the control socket. All verbs that talk to the appliance use it, through request.h
 * or, for a subscription, directly. It never prints and never retries: a command that may have been
 * carried out is not sent twice.
 */
#include "ctl/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "wire/control_protocol.h"

#define READ_BYTES 65536u

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Says who may use the socket, so that the reader knows which group to ask for. */
static int explain_denied(const char *path, struct err *err)
{
	struct stat info;
	if (stat(path, &info) < 0)
		return err_set(
			err, -EACCES,
			"%s: permission denied on the way to the socket; try sudo, or ask for "
			"access to its directory",
			path);
	struct group *group = getgrgid(info.st_gid);
	if (info.st_gid == 0)
		return err_set(err, -EACCES,
			       "%s: permission denied; only root may use this socket: try sudo",
			       path);
	return err_set(err, -EACCES,
		       "%s: permission denied; the socket is for members of group %s: join it "
		       "(usermod -aG) and log in again, or try sudo",
		       path, group ? group->gr_name : "(unnamed)");
}

static int explain_connect(const char *path, int error, struct err *err)
{
	struct stat info;
	switch (error) {
	case ENOENT:
		return err_set(
			err, -error,
			"%s: no such socket; is tallyd running? --socket or TALLYWIRE_SOCKET "
			"names another",
			path);
	case EACCES:
	case EPERM: return explain_denied(path, err);
	case ECONNREFUSED:
		if (stat(path, &info) == 0 && !S_ISSOCK(info.st_mode))
			return err_set(err, -error,
				       "%s is not a socket; give tallyd's control socket with "
				       "--socket",
				       path);
		return err_set(err, -error,
			       "%s: nobody listens there: tallyd has stopped; start it again",
			       path);
	case EAGAIN:
		return err_set(
			err, -ETIMEDOUT,
			"%s: tallyd does not take the connection; it hangs or is overloaded: "
			"see its log",
			path);
	default:
		return err_set(err, -error,
			       "%s: cannot connect: %s; is this tallyd's control socket?", path,
			       strerror(error));
	}
}

int client_open(struct client *client, const char *path, int timeout_ms, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	*client = (struct client){.fd = -1, .path = path, .timeout_ms = timeout_ms};
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "%s: a socket's path has at most %zu bytes; use a shorter one", path,
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	/* The send limit holds for connect() too, where tallyd's backlog is full. */
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	int code = explain_connect(path, errno, err);
	client_close(client);
	return code;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	/* The answer may have been a key. */
	if (client->buffer)
		sodium_memzero(client->buffer, client->room);
	free(client->buffer);
	client->fd = -1;
	client->buffer = NULL;
}

/* What to do about an answer that did not come: a command may have been carried out. */
static const char *advice(const struct client *client)
{
	static const char *const readers[] = {"list",    "results",     "stats",   "subscribe",
					      "rundown", "leaderboard", "tenants", "identity"};
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (client->method && strcmp(client->method, readers[i]) == 0)
			return "see its log, and try again";
	if (client->method && strncmp(client->method, "tenant_", strlen("tenant_")) == 0)
		return "see its log, and check with `tallyctl tenant list` what was done";
	return "see its log, and check with `tallyctl list` what was done";
}

static int explain_lost(const struct client *client, int error, struct err *err)
{
	if (error == 0 || error == EPIPE || error == ECONNRESET)
		return err_set(err, -ECONNRESET, "%s: tallyd closed the connection; %s",
			       client->path, advice(client));
	return err_set(err, -error, "%s: the connection failed: %s", client->path, strerror(error));
}

static int explain_silence(const struct client *client, struct err *err)
{
	return err_set(err, -ETIMEDOUT,
		       "%s: tallyd has not answered within %d ms; it hangs or is overloaded: %s",
		       client->path, client->timeout_ms, advice(client));
}

static int not_tallyd(const struct client *client, const char *what, struct err *err)
{
	return err_set(err, -EPROTO, "%s: %s; is this tallyd's control socket?", client->path,
		       what);
}

static int send_line(struct client *client, const char *line, size_t bytes, struct err *err)
{
	int64_t deadline_ms = now_ms() + client->timeout_ms;
	while (bytes > 0) {
		ssize_t sent = send(client->fd, line, bytes, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			return explain_lost(client, errno, err);
		if (sent > 0) {
			line += sent;
			bytes -= (size_t)sent;
		} else if (now_ms() >= deadline_ms) {
			return explain_silence(client, err);
		}
	}
	return 0;
}

/* Waits until there is something to read. 0, -EAGAIN at the deadline, -EINTR. */
static int wait_readable(const struct client *client, int64_t deadline_ms)
{
	struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
	int64_t left_ms = deadline_ms - now_ms();
	int ready = poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0);
	if (ready < 0)
		return -errno;
	return ready > 0 ? 0 : -EAGAIN;
}

/* Makes room for READ_BYTES more, moving what is not taken yet to the front. */
static int make_room(struct client *client)
{
	if (client->taken > 0) {
		memmove(client->buffer, client->buffer + client->taken,
			client->used - client->taken);
		client->used -= client->taken;
		client->taken = 0;
	}
	if (client->room - client->used >= READ_BYTES)
		return 0;
	size_t room = client->room ? client->room * 2 : 2 * READ_BYTES;
	char *buffer = realloc(client->buffer, room);
	if (!buffer)
		return -ENOMEM;
	client->buffer = buffer;
	client->room = room;
	return 0;
}

static int read_more(struct client *client, struct err *err)
{
	if (client->used - client->taken > CLIENT_MAX_ANSWER_BYTES)
		return not_tallyd(client, "what came has no end of line", err);
	if (make_room(client) < 0)
		return err_set(err, -ENOMEM, "not enough memory for the answer");
	ssize_t got = recv(client->fd, client->buffer + client->used, READ_BYTES, 0);
	if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
		return explain_lost(client, got == 0 ? 0 : errno, err);
	if (got > 0)
		client->used += (size_t)got;
	return 0;
}

/* The next line, without its end, in the client's buffer until the next call. */
static int read_line(struct client *client, int64_t deadline_ms, char **line, size_t *bytes,
		     struct err *err)
{
	size_t searched = client->taken;
	for (;;) {
		char *end = NULL;
		if (client->used > searched)
			end = memchr(client->buffer + searched, '\n', client->used - searched);
		if (end) {
			*line = client->buffer + client->taken;
			*bytes = (size_t)(end - *line);
			client->taken += *bytes + 1;
			return 0;
		}
		size_t partial = client->used - client->taken;
		int code = wait_readable(client, deadline_ms);
		if (code < 0)
			return code;
		code = read_more(client, err);
		if (code < 0)
			return code;
		searched = client->taken + partial;
	}
}

static int read_object(struct client *client, int64_t deadline_ms, json_t **object, struct err *err)
{
	char *line;
	size_t bytes;
	int code = read_line(client, deadline_ms, &line, &bytes, err);
	if (code < 0)
		return code;
	*object = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(*object))
		return 0;
	json_decref(*object);
	return not_tallyd(client, "the answer is not JSON-RPC", err);
}

/* An error that answers our request, or, with the id null, us as a client. NULL where it is none.
 */
static const char *refusal(const struct client *client, const json_t *answer)
{
	const json_t *id = json_object_get(answer, "id");
	const json_t *error = json_object_get(answer, "error");
	if (!json_is_null(id) && json_integer_value(id) != client->last_id)
		return NULL;
	return json_string_value(json_object_get(error, "message"));
}

/* Takes apart an answer to request `id`. */
static int take_answer(const struct client *client, json_t *answer, json_t **result,
		       struct err *err)
{
	const char *message = refusal(client, answer);
	if (message)
		return err_set(err, -EREMOTEIO, "%s", message);
	*result = json_object_get(answer, "result");
	if (!*result || json_object_get(answer, "error") ||
	    json_integer_value(json_object_get(answer, "id")) != client->last_id)
		return not_tallyd(client, "the answer belongs to no request", err);
	json_incref(*result);
	return 0;
}

static int send_request(struct client *client, const char *method, json_t *params, struct err *err)
{
	json_t *request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id",
				    ++client->last_id, "method", method, "params", params);
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!line)
		return err_set(err, -ENOMEM, "%s: not enough memory for the request", method);
	size_t bytes = strlen(line);
	int code = 0;
	if (bytes + 1 > CONTROL_MAX_LINE_BYTES)
		code = err_set(err, -E2BIG,
			       "%zu bytes are too long for one request (at most %u); split it",
			       bytes, CONTROL_MAX_LINE_BYTES);
	line[bytes] = '\n';
	if (code == 0)
		code = send_line(client, line, bytes + 1, err);
	free(line);
	return code;
}

/* The request did not get through: whom tallyd turns away, it has told why. */
static int explain_refusal(struct client *client, int code, struct err *err)
{
	struct err ignored;
	json_t *said;
	if (code != -ECONNRESET || read_object(client, now_ms(), &said, &ignored) < 0)
		return code;
	const char *message = refusal(client, said);
	if (message)
		code = err_set(err, -EREMOTEIO, "%s", message);
	json_decref(said);
	return code;
}

int client_call(struct client *client, const char *method, json_t *params, json_t **result,
		struct err *err)
{
	int64_t deadline_ms = now_ms() + client->timeout_ms;
	json_t *answer;
	client->method = method;
	int code = send_request(client, method, params, err);
	if (code < 0)
		return explain_refusal(client, code, err);
	while (code == 0) {
		code = read_object(client, deadline_ms, &answer, err);
		if (code == -EINTR)
			code = 0;
		else if (code == 0 && !json_object_get(answer, "method"))
			break;
		else if (code == 0)
			json_decref(answer);
	}
	if (code == -EAGAIN)
		return explain_silence(client, err);
	if (code < 0)
		return code;
	code = take_answer(client, answer, result, err);
	json_decref(answer);
	return code;
}

int client_next(struct client *client, int wait_ms, json_t **params, struct err *err)
{
	int64_t deadline_ms = now_ms() + wait_ms;
	json_t *note;
	int code = read_object(client, deadline_ms, &note, err);
	if (code < 0)
		return code;
	const char *method = json_string_value(json_object_get(note, "method"));
	const char *message = refusal(client, note);
	*params = json_object_get(note, "params");
	if (message)
		code = err_set(err, -EREMOTEIO, "%s", message);
	else if (!method || strcmp(method, CONTROL_LIVE) != 0 || !json_is_object(*params))
		code = not_tallyd(client, "what came is not a live result", err);
	else
		json_incref(*params);
	json_decref(note);
	return code;
}
