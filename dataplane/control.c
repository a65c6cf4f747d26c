// SPDX-License-Identifier: BSD-3-Clause
/*
 * The loop of the main thread: one epoll over the listeners, the signals, the timer of the windows,
 * and each client's socket and timer. Single-threaded, so methods need no locks.
 *
 * Events only read, write and note what is due. The work is done in rounds: a piece for each client
 * of the studio, then a piece for one of the public's. So whatever the public asks for, the studio
 * waits for one answer of it at most.
 */
#include "dataplane/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "dataplane/control_client.h"
#include "dataplane/listener.h"
#include "dataplane/policing.h"
#include "dataplane/sealer.h"
#include "dataplane/transitions.h"

#define MAX_CLIENTS 64 /* of each role, so that the public cannot shut the studio out */
#define SLOTS       (CONTROL_ROLES * MAX_CLIENTS)
#define MAX_EVENTS  32
/* So often the clock is looked at, and before each round of requests. */
#define CLOCK_TICK_MS 1000

/* CONTROL_NO_ROOM */
static const char too_many_clients[] =
	"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32003,"
	"\"message\":\"64 clients are connected, which is the most; close one\"}}\n";

/* What an epoll event is about: which slot, and which of its descriptors. A listener's slot is its
 * role. */
enum source { FROM_LISTENER, FROM_SIGNALS, FROM_WINDOWS, FROM_CLIENT, FROM_TIMER };

struct control {
	struct appliance *appliance;
	int epoll_fd;
	int signal_fd;
	int windows_fd;        /* a timer: the clock is about to change a window */
	uint64_t ticked_us;    /* monotonic: when tick() last did something */
	uint64_t changes_told; /* windows_changes() as subscribers know it */
	struct listener listeners[CONTROL_ROLES];
	struct client *clients[SLOTS]; /* MAX_CLIENTS of a role, then those of the next */
	uint32_t served_last;          /* slot of the public's client that had its turn last */
};

static uint64_t event_key(enum source source, uint32_t slot)
{
	return (uint64_t)source << 32 | slot;
}

static int watch(struct control *control, int operation, int fd, uint32_t events, uint64_t key)
{
	struct epoll_event event = {.events = events, .data.u64 = key};
	return epoll_ctl(control->epoll_fd, operation, fd, &event) ? -errno : 0;
}

static int open_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	/* Blocked in main() already, before any thread was made. */
	return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int open_listeners(struct control *control, struct err *err)
{
	const struct config *config = &control->appliance->config;
	const struct listener_options studio = {"control", config->control, config->control_group,
						config->control_mode};
	const struct listener_options public = {"public", config->public_socket,
						config->public_group, config->public_mode};
	int rc = listener_open(&control->listeners[CONTROL_STUDIO], &studio, err);
	if (rc || !config->public_socket[0])
		return rc;
	if (listener_same_path(config->public_socket, config->control))
		return err_set(err, -EINVAL,
			       "[appliance] public: %s is the control socket; name another",
			       config->public_socket);
	return listener_open(&control->listeners[CONTROL_PUBLIC], &public, err);
}

static int start_watching(struct control *control, struct err *err)
{
	bool failed = control->signal_fd < 0 || control->windows_fd < 0 || control->epoll_fd < 0 ||
		      watch(control, EPOLL_CTL_ADD, control->signal_fd, EPOLLIN,
			    event_key(FROM_SIGNALS, 0)) ||
		      watch(control, EPOLL_CTL_ADD, control->windows_fd, EPOLLIN,
			    event_key(FROM_WINDOWS, 0));
	for (uint32_t role = 0; role < CONTROL_ROLES && !failed; role++)
		failed = control->listeners[role].fd >= 0 &&
			 watch(control, EPOLL_CTL_ADD, control->listeners[role].fd, EPOLLIN,
			       event_key(FROM_LISTENER, role));
	return failed ? err_set(err, -errno, "control: %s", strerror(errno)) : 0;
}

int control_open(struct appliance *appliance, struct control **result, struct err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	if (!control)
		return err_set(err, -ENOMEM, "control: out of memory");
	control->appliance = appliance;
	control->epoll_fd = control->signal_fd = control->windows_fd = -1;
	control->served_last = CONTROL_PUBLIC * MAX_CLIENTS;
	for (uint32_t role = 0; role < CONTROL_ROLES; role++)
		control->listeners[role].fd = -1;
	int rc = open_listeners(control, err);
	if (rc == 0) {
		control->signal_fd = open_signals();
		control->windows_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		rc = start_watching(control, err);
	}
	if (rc) {
		control_close(control);
		return rc;
	}
	*result = control;
	return 0;
}

static void drop_client(struct control *control, uint32_t slot)
{
	client_destroy(control->clients[slot]); /* closing takes it out of epoll */
	control->clients[slot] = NULL;
}

static void accept_client(struct control *control, enum control_role role)
{
	int fd = accept4(control->listeners[role].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	uint32_t slot = role * MAX_CLIENTS, end = slot + MAX_CLIENTS;
	while (slot < end && control->clients[slot])
		slot++;
	if (slot == end) {
		send(fd, too_many_clients, strlen(too_many_clients), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	struct client *client = client_create(fd, role);
	if (!client)
		return;
	control->clients[slot] = client;
	if (watch(control, EPOLL_CTL_ADD, fd, EPOLLIN, event_key(FROM_CLIENT, slot)) ||
	    watch(control, EPOLL_CTL_ADD, client->timer_fd, EPOLLIN, event_key(FROM_TIMER, slot)))
		drop_client(control, slot);
}

/* After something was done for it: drops it where its connection is over. */
static void settle_client(struct control *control, uint32_t slot, bool alive)
{
	const struct client *client = control->clients[slot];
	if (!alive) {
		drop_client(control, slot);
		return;
	}
	uint32_t wanted = (client_wants_read(client) ? EPOLLIN : 0u) |
			  (client_wants_write(client) ? EPOLLOUT : 0u);
	watch(control, EPOLL_CTL_MOD, client->fd, wanted, event_key(FROM_CLIENT, slot));
}

/* Writing finds a peer that is gone just as reading does, so the kind of event need not be looked
 * at. */
static void serve_client(struct control *control, uint32_t slot)
{
	struct client *client = control->clients[slot];
	bool alive = true;
	if (!client) /* dropped by an earlier event of this round */
		return;
	if (client_wants_write(client))
		alive = client_write(client);
	if (alive && client_wants_read(client))
		alive = client_read(client);
	settle_client(control, slot, alive);
}

static bool has_work(const struct control *control, uint32_t slot)
{
	return control->clients[slot] && client_has_work(control->clients[slot]);
}

static void work_for(struct control *control, uint32_t slot)
{
	settle_client(control, slot, client_work(control->clients[slot], control->appliance));
}

/* One of the public's clients, each in its turn. */
static void work_for_public(struct control *control)
{
	uint32_t first = CONTROL_PUBLIC * MAX_CLIENTS;
	for (uint32_t i = 1; i <= MAX_CLIENTS; i++) {
		uint32_t slot = first + (control->served_last - first + i) % MAX_CLIENTS;
		if (!has_work(control, slot))
			continue;
		control->served_last = slot;
		work_for(control, slot);
		return;
	}
}

static void work_round(struct control *control)
{
	for (uint32_t slot = 0; slot < CONTROL_PUBLIC * MAX_CLIENTS; slot++)
		if (has_work(control, slot))
			work_for(control, slot);
	work_for_public(control);
}

static bool any_has_work(const struct control *control)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (has_work(control, slot))
			return true;
	return false;
}

/* Notes who is to be told of windows that changed, and waits for the next change by the clock. */
static void tell_changes(struct control *control)
{
	struct windows *windows = control->appliance->windows;
	uint64_t now_us = clock_now_us();
	control->changes_told = windows_changes(windows);
	transitions_look(windows, now_us, control->clients, SLOTS);
	if (control->appliance->viewers)
		viewers_look(control->appliance->viewers, now_us, clock_monotonic_us());
	transitions_arm(control->windows_fd, windows, now_us);
}

static void follow_clock(struct windows *windows)
{
	int64_t moved_us = windows_follow_clock(windows);
	if (moved_us)
		fprintf(stderr, "tallyd: the clock moved by %+.6f s, to the system's UTC\n",
			(double)moved_us / 1e6);
}

static uint64_t monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Tells the service manager that all threads go round, where they do. */
static void look_at_workers(struct appliance *appliance, uint64_t now_us)
{
	uint64_t turns[CONFIG_MAX_QUEUES];
	if (!watchdog_is_due(&appliance->watchdog, now_us))
		return;
	for (uint32_t i = 0; i < appliance->worker_count; i++)
		turns[i] = worker_turns(appliance->workers[i]);
	if (watchdog_look(&appliance->watchdog, turns, appliance->worker_count, now_us))
		notify_say(&appliance->notify, "WATCHDOG=1");
}

/* What is done once a second, and what is under way. Returns how long to wait for events. */
static int tick(struct control *control)
{
	struct appliance *appliance = control->appliance;
	uint64_t now_us = monotonic_us();
	look_at_workers(appliance, now_us);
	if (now_us - control->ticked_us >= CLOCK_TICK_MS * 1000u) {
		control->ticked_us = now_us;
		windows_note_missed(appliance->windows, clock_now_us());
		policing_tick(&appliance->ports);
		if (appliance->viewers)
			viewers_tick(appliance->viewers, clock_now_us(), clock_monotonic_us());
	}
	if (appliance->sealer && sealer_step(appliance->sealer, clock_now_us(), now_us))
		return watchdog_wait_ms(&appliance->watchdog, SEALER_BUSY_STEP_MS);
	return watchdog_wait_ms(&appliance->watchdog, CLOCK_TICK_MS);
}

/* Serves what epoll found. False when a signal ends it. */
static bool serve_events(struct control *control, const struct epoll_event *events, int count)
{
	uint64_t ticks;
	bool by_clock = false;
	for (int i = 0; i < count; i++) {
		enum source source = (enum source)(events[i].data.u64 >> 32);
		uint32_t slot = (uint32_t)events[i].data.u64;
		switch (source) {
		case FROM_SIGNALS: return false;
		case FROM_LISTENER: accept_client(control, (enum control_role)slot); break;
		case FROM_WINDOWS:
			by_clock = read(control->windows_fd, &ticks, sizeof(ticks)) > 0;
			break;
		case FROM_CLIENT: serve_client(control, slot); break;
		case FROM_TIMER:
			if (control->clients[slot])
				client_tick(control->clients[slot]);
			break;
		}
	}
	work_round(control);
	if (by_clock || control->changes_told != windows_changes(control->appliance->windows))
		tell_changes(control);
	return true;
}

int control_serve(struct control *control, struct err *err)
{
	struct epoll_event events[MAX_EVENTS];
	int count;
	tell_changes(control); /* of windows that were there before */
	do {
		int wait_ms = tick(control);
		count = epoll_wait(control->epoll_fd, events, MAX_EVENTS,
				   any_has_work(control) ? 0 : wait_ms);
		if (count < 0 && errno != EINTR)
			return err_set(err, -errno, "control: %s", strerror(errno));
		follow_clock(control->appliance->windows);
	} while (serve_events(control, events, count));
	return 0;
}

void control_close(struct control *control)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (control->clients[slot])
			drop_client(control, slot);
	for (uint32_t role = 0; role < CONTROL_ROLES; role++)
		listener_close(&control->listeners[role]);
	if (control->signal_fd >= 0)
		close(control->signal_fd);
	if (control->windows_fd >= 0)
		close(control->windows_fd);
	if (control->epoll_fd >= 0)
		close(control->epoll_fd);
	free(control);
}
