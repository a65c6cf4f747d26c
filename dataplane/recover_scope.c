// SPDX-License-Identifier: BSD-3-Clause
/* Part of a journal. Called by recover.c for each block, vote and plan. */
#include "dataplane/recover_scope.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum recover_side recover_scope_side(const struct recover_scope *scope,
				     const struct journal_place *place)
{
	if (!scope)
		return SCOPE_INSIDE;
	if (place->sequence > scope->last.sequence)
		return SCOPE_BEHIND;
	return place->sequence < scope->first.sequence ? SCOPE_BEFORE : SCOPE_INSIDE;
}

bool recover_scope_wants(const struct recover_scope *scope, const json_t *item)
{
	const char *name = json_string_value(json_object_get(item, "tenant"));
	if (!scope)
		return true;
	if (!name || strcmp(name, scope->tenant) != 0 ||
	    json_integer_value(json_object_get(item, "id")) != scope->id)
		return false;
	struct tenant *tenant = &scope->tenants->tenants[0];
	tenant->id = (uint16_t)json_integer_value(json_object_get(item, "tenant_id"));
	snprintf(tenant->name, sizeof(tenant->name), "%s", name);
	scope->tenants->tenant_count = 1;
	return true;
}

void recover_scope_note(const struct windows *windows, const json_t *item,
			const struct journal_place *place)
{
	json_int_t tenant = json_integer_value(json_object_get(item, "tenant_id"));
	json_int_t id = json_integer_value(json_object_get(item, "id"));
	struct armed_window *armed = windows_find(windows, (uint16_t)tenant, (uint32_t)id);
	if (armed)
		armed->armed_at = (struct windows_place){place->segment, place->sequence};
}

int recover_scope_end(const struct recover_scope *scope, int rc,
		      const struct journal_report *report, struct err *err)
{
	const struct journal_place *end = &report->end;
	if (!scope || rc)
		return rc == SCOPE_BEHIND ? 0 : rc;
	/* Reading has ended by itself; `end` is where the next block should have been. */
	if (end->sequence > scope->last.sequence)
		return 0;
	return err_set(err, -ENODATA,
		       "segment %016" PRIx64 " at %" PRIu64 ": block %" PRIu64
		       " should be there (%s), and the result was counted up to block %" PRIu64,
		       end->segment, end->offset, end->sequence, record_fault_text(report->fault),
		       scope->last.sequence);
}
