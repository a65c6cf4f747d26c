// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl: the producer's and the network engineer's command line. One verb, one file. It speaks
 * the control socket (docs/control.md), and `audit` and `export` read files; whatever it can do,
 * any other client can do.
 */
#include "ctl/verbs.h"

#include <stddef.h>

static const struct verb *const verbs[] = {
	&verb_open,    &verb_close,    &verb_extend,      &verb_cancel, &verb_reveal, &verb_list,
	&verb_results, &verb_watch,    &verb_leaderboard, &verb_stats,  &verb_load,   &verb_rundown,
	&verb_next,    &verb_unload,   &verb_key,         &verb_tenant, &verb_voter,  &verb_front,
	&verb_journal, &verb_identity, &verb_audit,       &verb_export, NULL,
};

int main(int argc, char **argv)
{
	return args_run(verbs, argc, argv);
}
