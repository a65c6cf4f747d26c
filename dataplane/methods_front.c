// SPDX-License-Identifier: BSD-3-Clause
/* The fronts through the control socket: lists, panic, and who is dropped. The studio's alone. */
#include "dataplane/methods.h"

#include <errno.h>

#include "dataplane/clock.h"
#include "dataplane/policing.h"
#include "dataplane/show/json_fields.h"

static json_t *refuse(struct method_error *error, int rc)
{
	error->code = answer_code_of(rc);
	return NULL;
}

static int need_fronts(const struct appliance *appliance, struct err *err)
{
	if (policing_has_fronts(&appliance->ports))
		return 0;
	return err_set(err, -EPERM, "there is no front to police with: only af_xdp ports have one");
}

/* Reads `prefix`, which has to be there. */
static int read_prefix(const struct json_fields *fields, struct prefix *prefix)
{
	const char *text;
	struct err why;
	int rc = json_fields_string(fields, "prefix", &text);
	if (rc == 0 && prefix_parse(text, prefix, &why))
		rc = json_fields_refuse(fields, "prefix", "%s", why.text);
	return rc;
}

static json_t *entry_json(const struct policing_entry *entry)
{
	char text[PREFIX_TEXT_BYTES];
	json_t *object = json_pack("{s:s,s:s,s:I}", "prefix", prefix_format(&entry->prefix, text),
				   "action", entry->action == FRONT_DENY ? "deny" : "allow",
				   "packets", (json_int_t)entry->packets);
	if (entry->left_ms)
		answer_set_time(object, "expires_at", clock_now_us() + entry->left_ms * 1000);
	else
		json_object_set_new(object, "expires_at", json_null());
	return object;
}

static json_t *list_prefix(struct appliance *appliance, enum front_action action,
			   const json_t *params, struct method_error *error)
{
	static const char *const known[] = {"prefix", "for_ms", NULL};
	struct json_fields fields;
	struct policing_entry entry = {.action = action};
	int rc = json_fields_begin(&fields, params, "params", known, &error->text);
	if (rc == 0)
		rc = read_prefix(&fields, &entry.prefix);
	if (rc == 0)
		rc = json_fields_optional_integer(&fields, "for_ms", 1, POLICING_MAX_MS,
						  &entry.left_ms);
	if (rc == 0)
		rc = need_fronts(appliance, &error->text);
	if (rc == 0)
		rc = policing_list(&appliance->ports, action, &entry.prefix, entry.left_ms,
				   &error->text);
	return rc ? refuse(error, rc) : entry_json(&entry);
}

json_t *method_front_allow(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	return list_prefix(appliance, FRONT_ALLOW, params, error);
}

json_t *method_front_deny(struct appliance *appliance, const json_t *params,
			  struct method_error *error)
{
	return list_prefix(appliance, FRONT_DENY, params, error);
}

json_t *method_front_remove(struct appliance *appliance, const json_t *params,
			    struct method_error *error)
{
	static const char *const known[] = {"prefix", NULL};
	char text[PREFIX_TEXT_BYTES];
	struct json_fields fields;
	struct prefix prefix;
	int rc = json_fields_begin(&fields, params, "params", known, &error->text);
	if (rc == 0)
		rc = read_prefix(&fields, &prefix);
	if (rc == 0)
		rc = need_fronts(appliance, &error->text);
	if (rc == 0)
		rc = policing_unlist(&appliance->ports, &prefix, &error->text);
	return rc ? refuse(error, rc) : json_pack("{s:s}", "prefix", prefix_format(&prefix, text));
}

json_t *method_front_panic(struct appliance *appliance, const json_t *params,
			   struct method_error *error)
{
	static const char *const known[] = {"on", NULL};
	struct json_fields fields;
	bool on = false;
	int rc = json_fields_begin(&fields, params, "params", known, &error->text);
	if (rc == 0 && !json_object_get(params, "on"))
		rc = json_fields_refuse(&fields, "on", "is missing; true or false");
	if (rc == 0)
		rc = params_boolean(params, "on", &on, &error->text);
	if (rc == 0)
		rc = need_fronts(appliance, &error->text);
	if (rc)
		return refuse(error, rc);
	policing_panic(&appliance->ports, on);
	return json_pack("{s:b}", "panic", on);
}

static void tell_entry(void *context, const struct policing_entry *entry)
{
	json_array_append_new(context, entry_json(entry));
}

static json_t *rules_json(const struct ports *ports)
{
	uint64_t packets[FRONT_RULE_COUNT];
	char text[PREFIX_TEXT_BYTES];
	json_t *rules = json_array();
	policing_rules(ports, packets);
	for (int i = 0; i < FRONT_RULE_COUNT; i++) {
		enum front_rule rule = (enum front_rule)i;
		struct front_top top[POLICING_TOP];
		uint32_t count = policing_top(ports, rule, top);
		json_t *sources = json_array();
		for (uint32_t k = 0; k < count; k++)
			json_array_append_new(sources,
					      json_pack("{s:s,s:I}", "source",
							prefix_format(&top[k].source, text),
							"packets", (json_int_t)top[k].packets));
		json_array_append_new(
			rules, json_pack("{s:s,s:I,s:o}", "rule", policing_rule_name(rule),
					 "packets", (json_int_t)packets[rule], "sources", sources));
	}
	return rules;
}

json_t *method_front_list(struct appliance *appliance, const json_t *params,
			  struct method_error *error)
{
	static const char *const none[] = {NULL};
	struct json_fields fields;
	const struct config *config = &appliance->config;
	int rc = params ? json_fields_begin(&fields, params, "params", none, &error->text) : 0;
	if (rc == 0)
		rc = need_fronts(appliance, &error->text);
	if (rc)
		return refuse(error, rc);
	json_t *answer = json_object(), *entries = json_array();
	answer_set_time(answer, "now", clock_now_us());
	json_object_set_new(answer, "panic", json_boolean(policing_in_panic(&appliance->ports)));
	json_object_set_new(answer, "limits",
			    json_pack("{s:I,s:I,s:I,s:I,s:I}", "votes_per_s",
				      (json_int_t)config->source_votes_per_s, "burst",
				      (json_int_t)config->source_burst, "failed_vote_cost",
				      (json_int_t)config->failed_vote_cost, "ipv4_prefix",
				      (json_int_t)config->source_ipv4_bits, "ipv6_prefix",
				      (json_int_t)config->source_ipv6_bits));
	policing_entries(&appliance->ports, tell_entry, entries);
	json_object_set_new(answer, "entries", entries);
	json_object_set_new(answer, "rules", rules_json(&appliance->ports));
	return answer;
}
