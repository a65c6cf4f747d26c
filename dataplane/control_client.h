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
	bool push_due; /* a window of its subscription changed, and it was not told yet */
	struct buffer in;
	struct buffer out;
	struct selection selection;
};

/* Takes over `fd` (non-blocking). NULL when out of memory; `fd` is closed then. */
struct client *client_create(int fd, enum control_role role);
void client_destroy(struct client *client);

/*
 * Reads what is there and answers every whole line. Returns false when the connection is over:
 * closed by the peer, broken, or out of memory.
 */
bool client_read(struct client *client, struct appliance *appliance);

/* Writes what waits, then answers lines and sends what waited for that. False as above. */
bool client_write(struct client *client, struct appliance *appliance);

/* The timer fired: sends a live notification, unless the last one is still on its way. False as
 * above. */
bool client_live(struct client *client, struct appliance *appliance);

/* The window changed: where the client is subscribed to it, client_push() will tell it. */
void client_note_change(struct client *client, const struct window *window);

/*
 * Sends a live notification where a change was noted, now or, where the last one is still on its
 * way, when that has left. False as above.
 */
bool client_push(struct client *client, struct appliance *appliance);

/* No client gets a notification any more that was made before this call. */
void client_forget_live(void);

/* Whether the loop should look for room to write, and whether it should go on reading. */
bool client_wants_write(const struct client *client);
bool client_wants_read(const struct client *client);

#endif
