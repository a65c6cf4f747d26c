// SPDX-License-Identifier: BSD-3-Clause
/* The methods about the appliance itself. */
#include <errno.h>

#include "dataplane/clock.h"
#include "dataplane/durable.h"
#include "dataplane/methods.h"
#include "dataplane/sealer.h"
#include "dataplane/stats.h"

json_t *method_stats(struct appliance *appliance, const json_t *params, struct method_error *error)
{
	static const char *const none[] = {NULL};
	struct err err = {""};
	if (params_only(params, none, &err))
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	return stats_json(appliance, clock_now_us());
}

json_t *method_journal_resume(struct appliance *appliance, const json_t *params,
			      struct method_error *error)
{
	static const char *const none[] = {NULL};
	struct err err = {""};
	if (params_only(params, none, &err))
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	if (!appliance->durable) {
		err_set(&err, -EPERM, "there is no journal: [journal] ack = none");
		return answer_fail(error, CONTROL_CONFLICT, &err);
	}
	journal_resume(durable_journal(appliance->durable));
	return durable_stats(appliance->durable);
}

json_t *method_identity(struct appliance *appliance, const json_t *params,
			struct method_error *error)
{
	static const char *const none[] = {NULL};
	char hex[IDENTITY_HEX_BYTES], base64[IDENTITY_BASE64_BYTES];
	struct err err = {""};
	if (params_only(params, none, &err))
		return answer_fail(error, CONTROL_INVALID_PARAMS, &err);
	if (!appliance->sealer) {
		err_set(&err, -EPERM, "nothing is sealed: [journal] ack = none");
		return answer_fail(error, CONTROL_CONFLICT, &err);
	}
	const uint8_t *public = sealer_identity(appliance->sealer)->public;
	identity_hex(public, hex);
	identity_base64(public, base64);
	return json_pack("{s:s,s:s}", "hex", hex, "base64", base64);
}
