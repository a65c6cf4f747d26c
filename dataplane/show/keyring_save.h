/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A changed keyring into its file, all or nothing, and back again where what had to follow failed.
 *
 * The new file is written beside the old one under another name (FILE.PID-N.tmp, mode 0600, the
 * old one's owner), brought to the disk, and the two change places. A link is followed and stays a
 * link. A file that somebody has edited since tallyd read it is not overwritten. One thread.
 */
#ifndef TALLYWIRE_SHOW_KEYRING_SAVE_H
#define TALLYWIRE_SHOW_KEYRING_SAVE_H

#include "dataplane/show/keyring_change.h"

/* A save that can still be undone. */
struct keyring_save {
	char *path;   /* of the file itself */
	char *beside; /* what it was before lies there */
};

/*
 * Writes the keyring with `change` to `path`. 0, or a negative errno with `err` filled in and the
 * file as it was:
 *   -ESTALE  it says something else than `keyring`: it was changed behind tallyd's back
 *   -ENOSPC, -EFBIG, -EROFS, …  it cannot be written
 * After 0 the caller ends with one of the two below.
 */
int keyring_save(const char *path, const struct keyring *keyring,
		 const struct keyring_change *change, struct keyring_save *save, struct err *err);

/* Lets go of what the file was. */
void keyring_save_keep(struct keyring_save *save);
/* Puts back what the file was. 0, or a negative errno: the file stays as it was saved, what it was
 * before stays beside it. */
int keyring_save_undo(struct keyring_save *save);

#endif
