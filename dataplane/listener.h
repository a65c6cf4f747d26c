/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Unix stream socket that listens at a path: its directory, its lock, what a killed tallyd left
 * there, its group and mode. Control thread.
 */
#ifndef TALLYWIRE_LISTENER_H
#define TALLYWIRE_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>
#include "dataplane/core/err.h"

/* Where to listen, as the configuration says it. `option` names it in messages: "control". */
struct listener_options {
	const char *option; /* the group's is option_group */
	const char *path;
	const char *group; /* who may use it; "": tallyd's own */
	mode_t mode;
};

struct listener {
	const char *path;
	int fd; /* -1: not open */
	int lock_fd;
};

/*
 * Listens. -EADDRINUSE: another tallyd serves that path. A socket that nobody serves is replaced;
 * -EEXIST: what is there is no socket. On failure nothing is left but directory and lock file.
 */
int listener_open(struct listener *listener, const struct listener_options *options,
		  struct err *err);

/* Stops listening and removes the socket. Does nothing where it is not open. */
void listener_close(struct listener *listener);

/* Whether both names are one file, however they are written. */
bool listener_same_path(const char *one, const char *other);

#endif
