// SPDX-License-Identifier: BSD-3-Clause
/* The methods about the appliance itself. */
#include "dataplane/clock.h"
#include "dataplane/methods.h"
#include "dataplane/stats.h"

json_t *method_stats(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	static const char *const none[] = {NULL};
	struct err err = {""};
	if (params_only(params, none, &err))
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	return stats_json(appliance, clock_now_us());
}
