/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection to the control socket: lines in, lines out, at most one subscription. Knows
 * nothing of the loop that calls it; never blocks. Control thread.
 */
#ifndef TALLYWIRE_CONTROL_CLIENT_H
#define TALLYWIRE_CONTROL_CLIENT_H

#include <stdbool.h>
#include "dataplane/control_methods.h"

/* A growing piece of text; `start` bytes of it are done with. */
struct buffer {
	char *text;
	size_t start;
	size_t end;
	size_t room;
};

struct client {
	enum control_role role;
	int fd;
	int timer_fd; /* fires when the next live notification is due */
	bool ending;  /* to be closed once what it was told is written */
	bool subscribed;
	bool push_due;           /* a window of its subscription changed, and it was not told yet */
	bool live_due;           /* its timer fired, and it was not told yet */
	bool line_due;           /* a whole line is in `in` */
	uint64_t rests_until_us; /* monotonic: until then its timer makes nothing due */
	struct buffer in;
	struct buffer out;
	struct selection selection;
};

/* Takes over `fd` (non-blocking). NULL when out of memory; `fd` is closed then. */
struct client *client_create(int fd, enum control_role role);
void client_destroy(struct client *client);

/*
 * Reads what is there; answers nothing yet. Returns false when the connection is over: closed by
 * the peer, broken, or out of memory.
 */
bool client_read(struct client *client);

/* Writes what waits. False as above. */
bool client_write(struct client *client);

/*
 * Whether there is something to do for it now: a notification to send, or a line to answer.
 * client_work() does one piece of it and returns false as above. What takes long is the control
 * thread's whole time, so its loop decides who is next.
 */
bool client_has_work(const struct client *client);
bool client_work(struct client *client, struct appliance *appliance);

/*
 * The timer fired: a live notification is due, unless the last one is still on its way, or making
 * them takes so long that it has to rest: a subscriber has at most a tenth of the time, and all
 * together half of it.
 */
void client_tick(struct client *client);

/* How long one subscriber among so many rests after a notification that took so long to make. */
uint64_t client_rest_us(uint64_t took_us, uint32_t among);

/* The window changed: where the client is subscribed to it, it is told, whatever the rate. */
void client_note_change(struct client *client, const struct window *window);

/* No client gets a notification any more that was made before this call. */
void client_forget_live(void);

/* Whether the loop should look for room to write, and whether it should go on reading. */
bool client_wants_write(const struct client *client);
bool client_wants_read(const struct client *client);

#endif
