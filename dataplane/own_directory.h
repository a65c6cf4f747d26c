/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories that must be the appliance's user's own before it serves. Called by --prepare. */
#ifndef TALLYWIRE_OWN_DIRECTORY_H
#define TALLYWIRE_OWN_DIRECTORY_H

#include "dataplane/privileges.h"

/*
 * Those of keyring, sockets, journal, results and identity are there and the user's: made, or given
 * where they are root's and empty. What is in one that is root's may be anybody's, a system's
 * directory named by mistake or the configuration itself, so that is refused, with the command that
 * gives it. The keyring is read as the user would. 0, or a negative errno with `err`.
 */
int own_directories(const struct config *config, const struct privileges *privileges,
		    struct err *err);

#endif
