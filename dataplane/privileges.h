/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Giving up root: from the user of [appliance] user to a process that is this user in every thread,
 * without a capability and without a way back. sandbox.h is the system calls that are
 * left to it.
 *
 * Main thread. privileges_begin() comes before any other thread is made, privileges_drop() when all
 * that wants root is open: fronts, AF_XDP sockets, huge pages. Where no user is configured nobody
 * changes, and all that happens is that no core file is written.
 */
#ifndef TALLYWIRE_PRIVILEGES_H
#define TALLYWIRE_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>
#include "dataplane/config.h"
#include "dataplane/core/err.h"

struct privileges {
	bool drops; /* a user is configured */
	uid_t uid;
	gid_t gid;
	const char *user;
};

/* Looks user and group up. -EINVAL: there is none of that name, or it is root, or a port is DPDK's
 * own, which needs more than the sandbox allows. */
int privileges_find(const struct config *config, struct privileges *privileges, struct err *err);

/*
 * For root only (-EPERM otherwise). Takes the user's groups in, lifts the limit of locked memory,
 * which the user could not, and empties the bounding set, which threads inherit.
 */
int privileges_begin(const struct privileges *privileges, struct err *err);

/*
 * Files are looked for and made as the user does it, and as root again. Only the calling thread;
 * what is not a file is root's all the time.
 */
void privileges_files_as_user(const struct privileges *privileges);
void privileges_files_as_root(const struct privileges *privileges);

/*
 * All threads are the user, have no group but its own and no capability; no core file is written
 * and nobody of this user can look into the process. For good.
 */
int privileges_drop(const struct privileges *privileges, struct err *err);

/* Adds to a refusal what gives the user the file that it is about; returns rc. */
int privileges_explain(const struct privileges *privileges, int rc, struct err *err);

#endif
