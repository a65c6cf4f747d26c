/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that a serving tallyd makes, and no others: a list of what is allowed, by
 * seccomp, for all threads. Anything else ends the process (SIGSYS), so that who finds a hole in
 * the reading of votes can open no connection, start no program and load nothing into the kernel.
 */
#ifndef TALLYWIRE_SANDBOX_H
#define TALLYWIRE_SANDBOX_H

#include "dataplane/core/err.h"

/*
 * Closes the sandbox round all threads of the process, and those that they make later. Needs no
 * right, sets no_new_privs, cannot be undone. Main thread, when everything runs. 0, or a negative
 * errno with `err`: nothing is closed then.
 */
int sandbox_close(struct err *err);

#endif
