/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which part of the journal is read back, where that is not all of it: one window, from its arming
 * to its end, for who counts it again. Tenants are taken from the journal itself, so no keyring is
 * needed. For recover.c and audit.c.
 */
#ifndef TALLYWIRE_RECOVER_SCOPE_H
#define TALLYWIRE_RECOVER_SCOPE_H

#include <jansson.h>
#include "dataplane/journal_read.h"
#include "dataplane/windows.h"

struct recover_scope {
	struct keyring *tenants; /* room for one: filled in, and needed as long as the windows */
	const char *tenant;
	uint32_t id;
	struct windows_place first;
	struct windows_place last;
};

/* SCOPE_BEHIND ends reading, as what a visitor returns. */
enum recover_side { SCOPE_BEFORE = -1, SCOPE_INSIDE = 0, SCOPE_BEHIND = 1 };

/* Where a block lies. NULL is a scope without an end in which everything is wanted. */
enum recover_side recover_scope_side(const struct recover_scope *scope,
				     const struct journal_place *place);

/* Whether an item of a plan's "armed" is wanted; then its tenant is in the keyring from now on. */
bool recover_scope_wants(const struct recover_scope *scope, const json_t *item);

/* Where the window lies, for a later count: it was armed by an event that begins in this block, or
 * behind it. */
void recover_scope_note(const struct windows *windows, const json_t *item,
			const struct journal_place *place);

/* 0 where reading came to the end of the scope; -ENODATA with `err`. `rc` as journal_read() gave
 * it. */
int recover_scope_end(const struct recover_scope *scope, int rc,
		      const struct journal_report *report, struct err *err);

#endif
