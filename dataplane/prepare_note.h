/* SPDX-License-Identifier: BSD-3-Clause */
/* The file in which --prepare notes how things were: a line each, for root only. */
#ifndef TALLYWIRE_PREPARE_NOTE_H
#define TALLYWIRE_PREPARE_NOTE_H

#include <net/if.h>
#include "dataplane/config.h"
#include "dataplane/core/err.h"
#include "dataplane/interface.h"

struct prepare_note {
	bool found;          /* there was a file */
	uint64_t huge_pages; /* that were set up beyond those that were there */
	uint32_t count;
	struct {
		char interface[IF_NAMESIZE];
		struct interface_settings before;
	} rows[CONFIG_MAX_PORTS];
};

/* 0, also where there is no file; -EINVAL with `err` where it is another's or no such note. */
int prepare_note_read(const char *path, struct prepare_note *note, struct err *err);
int prepare_note_write(const char *path, const struct prepare_note *note, struct err *err);

/* How the interface was, or NULL. */
const struct interface_settings *prepare_note_find(const struct prepare_note *note,
						   const char *interface);

#endif
