// SPDX-License-Identifier: BSD-3-Clause
/* tallyctl export: a result as a table for other programs, sealed or as it stands. */
#include "ctl/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "ctl/csv.h"
#include "ctl/output.h"
#include "ctl/request.h"
#include "dataplane/sealed_dir.h"

#define RESULT_MOST ((size_t)64 << 20)

static bool is_directory(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int read_sealed(const char *folder, json_t **document)
{
	struct err err;
	json_error_t flaw;
	char *bytes;
	size_t count;
	if (sealed_dir_read(folder, SEALED_RESULT, RESULT_MOST, &bytes, &count, &err)) {
		output_error("%s: %s", folder, err.text);
		return EXIT_REFUSED;
	}
	*document = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &flaw);
	free(bytes);
	if (*document)
		return EXIT_DONE;
	output_error("%s: " SEALED_RESULT ": line %d: not valid JSON", folder, flaw.line);
	return EXIT_REFUSED;
}

static int ask(const struct args *args, json_t **document)
{
	json_t *params;
	int code = request_target(args, TARGET_INTERACTION, &params);
	return code == EXIT_DONE ? request(args, "results", params, document) : code;
}

static int run(const struct args *args)
{
	json_t *document;
	const char *what = args->operands[0];
	int code = is_directory(what) ? read_sealed(what, &document) : ask(args, &document);
	if (code != EXIT_DONE)
		return code;
	const json_t *interaction = json_array_get(json_object_get(document, "interactions"), 0);
	if (!json_is_object(interaction)) {
		output_error("%s: has no result", what);
		code = EXIT_REFUSED;
	} else if (args->json) {
		output_json(interaction, true);
	} else {
		csv_interaction(stdout, interaction);
	}
	json_decref(document);
	return code;
}

const struct verb verb_export = {
	.name = "export",
	.operands = "DIR|TENANT/ID",
	.summary = "Write a result as CSV: a sealed one, or as it stands at the appliance.",
	.example = "/var/lib/tallywire/results/acme-101-20261122T200020Z",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
