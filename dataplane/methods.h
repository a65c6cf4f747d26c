/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods themselves, by file. The table in control_methods.c calls them.
 *
 * A method gets `params` as the client sent them, or NULL, and checks all of them before it
 * changes anything. It returns its result, a new reference, or NULL with `error` filled in; NULL
 * without an error is out of memory. Control thread.
 */
#ifndef TALLYWIRE_METHODS_H
#define TALLYWIRE_METHODS_H

#include "dataplane/method_params.h"

typedef json_t *method_function(struct appliance *appliance, const json_t *params,
				struct method_error *error);

/* methods_windows.c */
method_function method_open, method_close, method_extend, method_cancel, method_reveal, method_list,
	method_results, method_list_public, method_results_public;

/* methods_show.c */
method_function method_load, method_rundown, method_rundown_public, method_next, method_unload;

/* methods_boards.c */
method_function method_leaderboard, method_leaderboard_public;

/* methods_tenants.c */
method_function method_tenants, method_tenant_add, method_tenant_rotate, method_tenant_retire;

/* methods_voters.c */
method_function method_voters, method_voter_revoke, method_voter_restore;

/* methods_front.c */
method_function method_front_list, method_front_allow, method_front_deny, method_front_remove,
	method_front_panic;

/* methods_appliance.c */
method_function method_stats, method_journal_resume, method_identity;

/* A window as methods return it, as this role may see it. NULL when out of memory. */
json_t *window_for(struct appliance *appliance, enum control_role role, struct armed_window *armed,
		   uint64_t now_us);

/*
 * The results document of the selected windows as they stand now, as this role may see it; `brief`:
 * as `live` and the public have it, with much told in part. NULL when out of memory.
 */
json_t *results_now(struct appliance *appliance, enum control_role role,
		    const struct selection *selection, bool brief);

#endif
