/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shows: a show is the set of armed windows whose interactions name it, and nothing else is kept of
 * it. Loading a rundown brings its show to what the file says; loading it again applies the
 * difference. Control thread.
 *
 * A window is compared by its plan, which is what its file said when it was armed. What has become
 * of it since (a close that came early, an extension, an opening by hand) makes no difference: the
 * same file loaded again changes nothing. A window that `open` put into the show stays, whatever
 * the file says, unless it has the same id.
 */
#ifndef TALLYWIRE_SHOWS_H
#define TALLYWIRE_SHOWS_H

#include "dataplane/show/rundown.h"
#include "dataplane/windows.h"

/* What a loading did, or would do, by windows. */
struct shows_changes {
	uint32_t armed;        /* new ones */
	uint32_t replaced;     /* planned otherwise now, and armed anew */
	uint32_t kept;         /* planned as before */
	uint32_t removed;      /* no longer planned */
	uint64_t memory_bytes; /* of those armed and replaced */
};

struct shows_loading {
	struct windows *windows;
	uint64_t (*now_us)(void); /* asked again just before anything changes */
	bool dry_run;             /* checks and counts, and changes nothing */
};

/*
 * Brings the show to what the rundown says, all or nothing. Windows that nobody can have answered
 * yet (windows_untouched) are replaced or taken out as they differ or are missing. The contents of
 * `rundown` are used up, whatever comes of it; rundown_free() is still the caller's.
 *
 * -EPERM, -EEXIST or -EINVAL (by the first in the message) with all that is refused in one line, as
 * far as it fits; -ENOMEM.
 */
int shows_load(const struct shows_loading *loading, struct rundown *rundown,
	       struct shows_changes *changes, struct err *err);

/* A window whose time is over can be armed by mistake only: -EINVAL. */
int shows_check_not_over(const struct interaction *interaction, uint64_t now_us, struct err *err);

/*
 * The name of the show that is meant: `named`, or where that is NULL the only one. It belongs to a
 * window of that show. -ENOENT: there is none; -EINVAL: there are several, all listed in `err`.
 */
int shows_find(const struct windows *windows, const char *named, const char **show,
	       struct err *err);

/*
 * The show's windows by the time they open at, and among equals as they were armed. The list is the
 * caller's to free; NULL: out of memory.
 */
struct armed_window **shows_windows(const struct windows *windows, const char *show,
				    uint32_t *count);

/* What the show's windows take. */
uint64_t shows_memory(const struct windows *windows, const char *show);

/* The scheduled window that opens next, by the same order; NULL: there is none. */
struct armed_window *shows_next(const struct windows *windows, const char *show, uint64_t now_us);

/*
 * Takes all windows of the show out. -EPERM, with the window named, while one is open or draining,
 * or about to open; -ENOMEM.
 */
int shows_unload(struct windows *windows, const char *show, uint64_t now_us, struct err *err);

#endif
