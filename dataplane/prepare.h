/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tallyd --prepare and --unprepare: what has to be there before the appliance serves, and goes when
 * it serves no more. The user's directories, the fronts, the interfaces' settings, huge pages; each
 * is told in a line. As root, once after the machine's start; both may be called again.
 *
 * From --prepare on the fronts drop votes (missed) until tallyd serves. What was otherwise before
 * is in the file of [appliance] prepared, which nobody but root may write. Directories stay: they
 * hold what the appliance is to keep.
 */
#ifndef TALLYWIRE_PREPARE_H
#define TALLYWIRE_PREPARE_H

#include "dataplane/core/err.h"

/* On failure what this call did is undone, but for directories. */
int prepare(const char *config_path, struct err *err);

/*
 * -EBUSY where a tallyd serves: nothing is undone then. Also takes off a front that a killed tallyd
 * left; what is not there is no error.
 */
int unprepare(const char *config_path, struct err *err);

#endif
