/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts a sealed result again, from nothing but its directory and the journal, and says what
 * differs. Needs no appliance and no keyring. One thread.
 */
#ifndef TALLYWIRE_AUDIT_H
#define TALLYWIRE_AUDIT_H

#include <jansson.h>
#include "dataplane/manifest.h"

#define AUDIT_MOST_DIFFERENCES 50

struct audit_options {
	const char *folder;      /* of the sealed result */
	const char *journal;     /* directory */
	const uint8_t *identity; /* who has to have signed it; NULL: whoever the manifest names */
};

struct audit_report {
	struct manifest manifest; /* tenant "" where it could not be read */
	json_t *differences;      /* lines for people, at most AUDIT_MOST_DIFFERENCES */
	uint64_t voters;          /* as counted again, as are the votes */
	uint64_t votes;
	uint64_t read; /* votes of the journal that were looked at for it */
};

/*
 * 0 when all could be looked at, whatever it found; -ENOMEM with `err`. What cannot be read, a
 * journal too, is a difference.
 */
int audit_run(const struct audit_options *options, struct audit_report *report, struct err *err);
void audit_free(struct audit_report *report);

#endif
