/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A control connection to an appliance without ports and workers, with a keyring of its own and a
 * clock in the caller's hands. For programs without Criterion and for those in which memory runs
 * out: it allocates nothing itself. One at a time, one thread.
 */
#ifndef TALLYWIRE_TESTS_LIB_CONTROL_ROOM_H
#define TALLYWIRE_TESTS_LIB_CONTROL_ROOM_H

#include "dataplane/appliance.h"
#include "dataplane/control_client.h"

#define CONTROL_ROOM_OPENS_US 1795392000000000ull
#define CONTROL_ROOM_BYTES    (1u << 20) /* most that it answers to one piece of text */

struct control_room {
	struct appliance appliance;
	struct client *client; /* NULL: not connected */
	int peer;              /* the other end of its socket */
	bool alive;
	uint64_t now_us;
	size_t heard_bytes;
	char heard[CONTROL_ROOM_BYTES]; /* what was answered, line by line */
};

/*
 * Writes the keyring (tenants acme, 7, and zoo, 8) to `path` and begins: keys, windows, no client.
 * 0, or -errno with `err` and nothing to close.
 */
int control_room_open(struct control_room *room, const char *path, struct err *err);
void control_room_close(struct control_room *room);

/* False where there is no memory for it. Disconnecting twice does nothing. */
bool control_room_connect(struct control_room *room, enum control_role role);
void control_room_disconnect(struct control_room *room);

/* Sends the text and serves until nobody has anything left to do; `heard` is what came back. */
void control_room_say(struct control_room *room, const char *text, size_t bytes);

#endif
