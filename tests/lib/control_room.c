// SPDX-License-Identifier: BSD-3-Clause
/* The loop of control.c for one client, without waiting. */
#include "tests/lib/control_room.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/clock.h"

#define KEY "000102030405060708090a0b0c0d0e0f"

static const char keyring_text[] =
	"{\"tenants\":[{\"id\":7,\"name\":\"acme\",\"keys\":[{\"epoch\":1,\"key\":\"" KEY
	"\"}]},{\"id\":8,\"name\":\"zoo\",\"max_delay_ms\":0,\"limits\":{\"windows\":2},"
	"\"keys\":[{\"epoch\":1,\"key\":\"" KEY "\"}]}]}\n";

static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static int no_fronts(void *context, const struct tenants_access *access, struct err *err)
{
	(void)context, (void)access, (void)err;
	return 0;
}

static uint64_t read_clock(void *context)
{
	return ((const struct control_room *)context)->now_us;
}

/* It says nothing of its quality. */
static int no_adjtimex(void *context, struct timex *timex)
{
	(void)context, (void)timex;
	errno = EPERM;
	return -1;
}

static void use_clock(struct control_room *room)
{
	static struct clock_source source;
	source = (struct clock_source){
		.monotonic_us = read_clock,
		.utc_us = read_clock,
		.adjtimex = no_adjtimex,
		.context = room,
	};
	room->now_us = CONTROL_ROOM_OPENS_US;
	clock_use(&source);
	clock_start();
}

static void write_keyring(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t bytes = sizeof(keyring_text) - 1;
	if (fd < 0 || write(fd, keyring_text, bytes) != (ssize_t)bytes)
		abort();
	close(fd);
}

int control_room_open(struct control_room *room, const char *path, struct err *err)
{
	struct appliance *appliance = &room->appliance;
	const struct windows_options options = {
		.voters = 1000,
		.upvotes_per_voter = 8,
		.upvotes = 8000,
		.memory_bytes = 1 << 20,
		.workers = 1,
		.quiesce = nobody_to_wait_for,
	};
	memset(room, 0, offsetof(struct control_room, heard));
	write_keyring(path);
	use_clock(room);
	snprintf(appliance->config.keyring, sizeof(appliance->config.keyring), "%s", path);
	int rc = keyring_load(path, &appliance->keyring, err);
	if (rc)
		return rc;
	rc = windows_create(&options, &appliance->windows, err);
	if (rc) {
		keyring_free(&appliance->keyring);
		return rc;
	}
	const struct tenants_options tenants = {
		.keyring = &appliance->keyring,
		.config = &appliance->config,
		.windows = appliance->windows,
		.set_fronts = no_fronts,
		.quiesce = nobody_to_wait_for,
	};
	tenants_start(&appliance->tenants, &tenants);
	return 0;
}

void control_room_close(struct control_room *room)
{
	control_room_disconnect(room);
	client_forget_live();
	windows_destroy(room->appliance.windows);
	keyring_free(&room->appliance.keyring);
}

bool control_room_connect(struct control_room *room, enum control_role role)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	room->client = client_create(fds[0], role);
	room->alive = room->client != NULL;
	if (!room->client) {
		close(fds[1]);
		return false;
	}
	room->peer = fds[1];
	return true;
}

void control_room_disconnect(struct control_room *room)
{
	if (!room->client)
		return;
	client_destroy(room->client);
	close(room->peer);
	room->client = NULL;
	room->alive = false;
}

static bool is_ready(int fd, short events)
{
	struct pollfd wanted = {.fd = fd, .events = events};
	return poll(&wanted, 1, 0) > 0;
}

static bool serve_once(struct control_room *room)
{
	struct client *client = room->client;
	bool can_write = client_wants_write(client) && is_ready(client->fd, POLLOUT);
	bool can_read = client_wants_read(client) && is_ready(client->fd, POLLIN);
	if (!room->alive || (!can_write && !can_read && !client_has_work(client)))
		return false;
	if (can_write)
		room->alive = client_write(client);
	if (room->alive && can_read && client_wants_read(client))
		room->alive = client_read(client);
	if (room->alive && client_has_work(client))
		room->alive = client_work(client, &room->appliance);
	return true;
}

static bool listen_once(struct control_room *room)
{
	size_t left = sizeof(room->heard) - room->heard_bytes;
	if (left == 0)
		abort(); /* the test asked for more than it has room for */
	ssize_t bytes = recv(room->peer, room->heard + room->heard_bytes, left, 0);
	if (bytes <= 0)
		return false;
	room->heard_bytes += (size_t)bytes;
	return true;
}

static void settle(struct control_room *room)
{
	bool busy = true;
	while (busy) {
		busy = serve_once(room);
		busy = listen_once(room) || busy;
	}
}

void control_room_say(struct control_room *room, const char *text, size_t bytes)
{
	room->heard_bytes = 0;
	while (bytes && room->alive) {
		ssize_t sent = send(room->peer, text, bytes, MSG_NOSIGNAL);
		if (sent > 0) {
			text += sent;
			bytes -= (size_t)sent;
		}
		settle(room);
	}
}
