// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl journal: where the journal is, how far it has come, and what stopped it; and the word
 * that lets it go on. It is the member "journal" of `stats` (docs/control.md).
 */
#include "ctl/verbs.h"

#include <stdio.h>
#include <string.h>
#include "ctl/output.h"
#include "ctl/reply.h"
#include "ctl/request.h"
#include "ctl/text.h"

static const char *ack_text(const char *ack)
{
	if (strcmp(ack, "durable") == 0)
		return "a receipt leaves when its answer is on disk";
	return strcmp(ack, "immediate") == 0 ? "receipts do not wait for the disk" : "";
}

static void put_line(const char *name, const char *text)
{
	printf("%-11s", name);
	text_put(stdout, text);
	putchar('\n');
}

static void put_recovered(const json_t *recovered)
{
	char windows[TEXT_NUMBER_BYTES], counted[TEXT_NUMBER_BYTES], changed[TEXT_NUMBER_BYTES];
	if (!json_is_object(recovered))
		return;
	printf("%-11s%s windows, %s answers counted, %s changed\n", "recovered",
	       text_number(reply_count(recovered, "windows"), windows),
	       text_number(reply_count(recovered, "counted"), counted),
	       text_number(reply_count(recovered, "changed"), changed));
}

static void put_status(const json_t *journal)
{
	char votes[TEXT_NUMBER_BYTES], bytes[TEXT_NUMBER_BYTES];
	const char *failed = reply_text(journal, "failed");
	uint64_t failures = reply_count(journal, "failures");
	put_line("directory", reply_text(journal, "directory"));
	printf("%-11s", "ack");
	text_put(stdout, reply_text(journal, "ack"));
	printf(": %s\n", ack_text(reply_text(journal, "ack")));
	printf("%-11s%s votes, %s bytes, in segment %llx\n", "durable",
	       text_number(reply_count(journal, "votes"), votes),
	       text_number(reply_count(journal, "bytes"), bytes),
	       (unsigned long long)reply_count(journal, "segment"));
	put_recovered(json_object_get(journal, "recovered"));
	fputs(output_style(*failed ? STYLE_CAUTION : STYLE_PLAIN), stdout);
	put_line("state", *failed ? "failed: votes are answered busy, receipts wait" : "writing");
	if (*failed)
		put_line("reason", failed);
	fputs(output_style(STYLE_PLAIN), stdout);
	if (*failed)
		put_line("", "make room, then: tallyctl journal resume");
	if (failures > 0)
		printf("%-11s%llu since the start\n", "failures", (unsigned long long)failures);
}

/* `journal` is a borrowed reference. A journal that has failed is an exit code of its own. */
static int show(const struct args *args, const json_t *journal)
{
	if (args->json)
		output_json(journal, true);
	else if (json_is_object(journal))
		put_status(journal);
	else
		puts("There is no journal: [journal] ack = none. Nothing outlives tallyd.");
	return json_is_string(json_object_get(journal, "failed")) ? EXIT_REFUSED : EXIT_DONE;
}

static int status(const struct args *args)
{
	json_t *stats;
	int code = request(args, "stats", json_object(), &stats);
	if (code != EXIT_DONE)
		return code;
	code = show(args, json_object_get(stats, "journal"));
	json_decref(stats);
	return code;
}

static int resume(const struct args *args)
{
	json_t *journal;
	int code = request(args, "journal_resume", json_object(), &journal);
	if (code != EXIT_DONE)
		return code;
	code = show(args, journal);
	json_decref(journal);
	return code;
}

static int run(const struct args *args)
{
	const char *what = args->operand_count ? args->operands[0] : "status";
	if (strcmp(what, "status") == 0)
		return status(args);
	if (strcmp(what, "resume") == 0)
		return resume(args);
	return args_refuse(args, "\"%s\" is neither status nor resume", what);
}

const struct verb verb_journal = {
	.name = "journal",
	.operands = "[status|resume]",
	.summary = "Show how far the journal has come; let one that has failed go on.",
	.example = "status",
	.min_operands = 0,
	.max_operands = 1,
	.run = run,
};
