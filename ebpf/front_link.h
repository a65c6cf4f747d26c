/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front's place on the interface: a bpf_link, made, joined, or refused to a foreign program.
 * Used by front.c only.
 */
#ifndef TALLYWIRE_EBPF_FRONT_LINK_H
#define TALLYWIRE_EBPF_FRONT_LINK_H

#include <stdbool.h>
#include "dataplane/core/err.h"
#include "ebpf/front.h"

struct front_link {
	int fd; /* -1: none */
	int ifindex;
	bool ours_is_on;     /* the link was found pinned and sits on this interface */
	uint32_t program_id; /* what it ran when it was found; 0: none */
	bool made;           /* by this process; else joined */
	bool native;
};

/*
 * Looks for the pinned link and for whatever else is on the interface. Changes nothing.
 * -EEXIST: a program that is not ours is there. -EBUSY: the pinned link sits on another interface.
 */
int front_link_open(struct front_link *link, const char *interface, int ifindex,
		    const char *pin_path, struct err *err);

/*
 * Puts the program on the interface: into our link if it is on already, without a gap, unless
 * `mode` asks for the other one; else by a new link. Pins it. On failure a new link is gone again.
 */
int front_link_attach(struct front_link *link, const char *interface, enum front_mode mode,
		      const char *pin_path, int program_fd, struct err *err);

/* False once the interface is gone, or somebody detached the link. */
bool front_link_is_on(const struct front_link *link);

/* Takes the program off the interface and removes the pin. */
void front_link_remove(struct front_link *link, const char *pin_path);

#endif
