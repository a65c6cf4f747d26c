/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules about sources over all fronts: what tallyctl front does. A change is in force at every
 * front when it is answered, or at none. The fronts keep all of it themselves (docs/front.md), so a
 * tallyd that joins them goes on with what an earlier one was told.
 *
 * Control thread; the sealer, the workers and the public socket know nothing of it.
 */
#ifndef TALLYWIRE_POLICING_H
#define TALLYWIRE_POLICING_H

#include "dataplane/core/prefix.h"
#include "dataplane/port.h"

#define POLICING_MAX_MS 31536000000ull /* a year: the longest that an entry may be given */
#define POLICING_TOP    10             /* sources that are told of each rule */

/* The entry as the fronts have it. */
struct policing_entry {
	struct prefix prefix;
	enum front_action action;
	uint64_t left_ms; /* until it expires, at least 1; 0: it does not */
	uint64_t packets; /* that it decided, at all fronts */
};

/* Before the first packet is judged: a front that was made anew learns what a joined one knows. */
int policing_start(const struct ports *ports, struct err *err);

/* Whether any port has a front; without one the others have nothing to do. */
bool policing_has_fronts(const struct ports *ports);

/* Puts a prefix on a list, for so long; 0: for good. -ENOSPC and -ENOMEM as front_sources_list().
 */
int policing_list(const struct ports *ports, enum front_action action, const struct prefix *prefix,
		  uint64_t for_ms, struct err *err);

/* Takes it off. -ENOENT: it is on none. */
int policing_unlist(const struct ports *ports, const struct prefix *prefix, struct err *err);

void policing_panic(const struct ports *ports, bool on);
bool policing_in_panic(const struct ports *ports);

/* What is due: expired entries, and who voted long ago. Once a second. */
void policing_tick(const struct ports *ports);

/* Calls `tell` for each entry, in the order in which they were listed, more or less. */
void policing_entries(const struct ports *ports,
		      void (*tell)(void *context, const struct policing_entry *entry),
		      void *context);

/* How many packets each rule dropped, at all fronts, since they were attached. */
void policing_rules(const struct ports *ports, uint64_t packets[FRONT_RULE_COUNT]);

/* Who was dropped most by this rule, most first. Returns how many. */
uint32_t policing_top(const struct ports *ports, enum front_rule rule,
		      struct front_top top[POLICING_TOP]);

/* "denied", ... and what it means. */
const char *policing_rule_name(enum front_rule rule);

#endif
