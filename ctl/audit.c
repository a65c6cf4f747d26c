// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl audit: counts a sealed result again from the journal. It asks no appliance: a copy of
 * both directories on any machine will do.
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include "ctl/output.h"
#include "ctl/text.h"
#include "dataplane/audit.h"

#define DEFAULT_JOURNAL "/var/lib/tallywire/journal"

enum { AUDIT_JOURNAL, AUDIT_IDENTITY };

enum audit_verdict { AUDIT_CERTIFIED, AUDIT_NOT_CERTIFIABLE, AUDIT_DIFFERS };

static const char *const verdict_names[] = {"certified", "not certifiable", "differs"};
static const int verdict_codes[] = {EXIT_DONE, EXIT_UNCERTIFIED, EXIT_REFUSED};

static void print_json(const struct audit_report *report, enum audit_verdict verdict,
		       const char *reason)
{
	char hex[IDENTITY_HEX_BYTES];
	const struct manifest *manifest = &report->manifest;
	identity_hex(manifest->identity, hex);
	json_t *document = json_pack(
		"{s:s,s:s,s:I,s:s?,s:O,s:I,s:I,s:I,s:b,s:s}", "verdict", verdict_names[verdict],
		"tenant", manifest->tenant, "id", (json_int_t)manifest->id, "reason", reason,
		"differences", report->differences, "voters", (json_int_t)report->voters, "votes",
		(json_int_t)report->votes, "missed", (json_int_t)manifest->missed, "immediate",
		manifest->immediate, "identity", hex);
	output_json(document, true);
	json_decref(document);
}

static void print_text(const struct args *args, const struct audit_report *report,
		       enum audit_verdict verdict, const char *reason)
{
	char hex[IDENTITY_HEX_BYTES];
	const struct manifest *manifest = &report->manifest;
	size_t i;
	const json_t *line;
	json_array_foreach (report->differences, i, line) {
		text_put(stdout, json_string_value(line));
		putchar('\n');
	}
	if (verdict == AUDIT_DIFFERS) {
		printf("differs: %s is not what the journal says\n", args->operands[0]);
		return;
	}
	printf("%s: ", verdict_names[verdict]);
	text_put(stdout, manifest->tenant);
	printf("/%u: %llu votes of %llu voters, blocks %llu to %llu of the journal", manifest->id,
	       (unsigned long long)report->votes, (unsigned long long)report->voters,
	       (unsigned long long)manifest->first.sequence,
	       (unsigned long long)manifest->last.sequence);
	printf(reason ? "; %s\n" : "\n", reason);
	identity_hex(manifest->identity, hex);
	printf("signed by %s%s\n", hex,
	       args->values[AUDIT_IDENTITY] ? ""
					    : ", as it says itself: compare the key, or give "
					      "--identity");
}

static int run(const struct args *args)
{
	const char *journal = args->values[AUDIT_JOURNAL], *hex = args->values[AUDIT_IDENTITY];
	uint8_t identity[IDENTITY_PUBLIC_BYTES];
	struct audit_report report;
	struct err err, reason;
	if (hex && identity_parse(hex, identity))
		return args_refuse(args, "--identity \"%s\" is not a key of %d hex digits", hex,
				   IDENTITY_HEX_BYTES - 1);
	const struct audit_options options = {
		.folder = args->operands[0],
		.journal = journal ? journal : DEFAULT_JOURNAL,
		.identity = hex ? identity : NULL,
	};
	if (audit_run(&options, &report, &err)) {
		output_error("%s", err.text);
		return EXIT_REFUSED;
	}
	const char *uncertifiable = manifest_uncertifiable(&report.manifest, &reason);
	enum audit_verdict verdict = json_array_size(report.differences) ? AUDIT_DIFFERS
				     : uncertifiable                     ? AUDIT_NOT_CERTIFIABLE
									 : AUDIT_CERTIFIED;
	if (args->json)
		print_json(&report, verdict, uncertifiable);
	else
		print_text(args, &report, verdict, uncertifiable);
	audit_free(&report);
	return verdict_codes[verdict];
}

static const struct verb_option options[] = {
	[AUDIT_JOURNAL] = {"journal", "DIR", "where the journal is (default " DEFAULT_JOURNAL ")"},
	[AUDIT_IDENTITY] = {"identity", "HEX",
			    "the appliance's key, as `tallyctl identity` shows it"},
	{NULL, NULL, NULL},
};

const struct verb verb_audit = {
	.name = "audit",
	.operands = "DIR",
	.summary = "Count a sealed result again from the journal, without the appliance.",
	.example = "/var/lib/tallywire/results/acme-101-20261122T200020Z",
	.min_operands = 1,
	.max_operands = 1,
	.options = options,
	.run = run,
};
