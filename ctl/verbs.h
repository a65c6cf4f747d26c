/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs. A further one is a file, a row here, a row in main.c's table, docs/tallyctl.1, the
 * completion. */
#ifndef TALLYWIRE_CTL_VERBS_H
#define TALLYWIRE_CTL_VERBS_H

#include "ctl/args.h"

extern const struct verb verb_open;
extern const struct verb verb_close;
extern const struct verb verb_extend;
extern const struct verb verb_cancel;
extern const struct verb verb_reveal;
extern const struct verb verb_list;
extern const struct verb verb_results;
extern const struct verb verb_watch;
extern const struct verb verb_stats;
extern const struct verb verb_load;
extern const struct verb verb_rundown;
extern const struct verb verb_next;
extern const struct verb verb_unload;
extern const struct verb verb_leaderboard;
extern const struct verb verb_key;
extern const struct verb verb_journal;
extern const struct verb verb_tenant;
extern const struct verb verb_voter;
extern const struct verb verb_front;
extern const struct verb verb_identity;
extern const struct verb verb_audit;
extern const struct verb verb_export;

#endif
