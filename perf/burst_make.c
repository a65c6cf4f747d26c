/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `tallyreplay make`: writes a burst as a capture, with its known answer and its rundown.
 *
 * What is asked comes from a rundown, or is a rundown of polls that the options describe; from then
 * on both go one way. It needs no root and no network. A file appears under its name only when it
 * is whole.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/show/keyring.h"
#include "dataplane/show/results.h"
#include "dataplane/show/rundown.h"
#include "dataplane/show/time_text.h"
#include "perf/burst_capture.h"
#include "perf/burst_show.h"
#include "perf/options.h"
#include "perf/replay.h"

#define DEFAULT_OPENS_AT "2026-01-01T00:00:00Z"
#define MOST_PER_VOTER   1000
#define STAMPS_END_US    (UINT32_MAX * UINT64_C(1000000)) /* a pcap's seconds have 32 bits */
/* A window that opens later may last beyond them. */
#define STAMPS_LAST_US (STAMPS_END_US - 2 * INTERACTION_MAX_DURATION_MS * UINT64_C(1000))

/* Polls that all open at once: the show, where no rundown says another. */
struct polls {
	uint32_t count;
	uint32_t first_id;
	uint16_t options;
	uint64_t opens_at_us;
	uint64_t duration_us;
	bool has_max_delay; /* else the tenant's */
	uint64_t max_delay_us;
};

/* The whole command line. */
struct make_options {
	const char *keyring_path;
	const char *tenant_name;
	const char *out_path;
	const char *answer_path;
	const char *rundown_path;
	const char *show_path; /* NULL: polls */
	const char *of_polls;  /* the option that was given last of those that describe polls */
	const char *of_show;   /* the same of those that need a rundown */
	struct polls polls;
	struct burst_habits habits;
	struct burst_shape shape;
	struct frame_target target;
};

static const char help[] =
	"usage: tallyreplay make --keyring FILE --tenant NAME --out FILE.pcap --voters N "
	"[OPTIONS]\n"
	"\n"
	"Makes the burst of an audience: every voter answers every interaction; shares of further\n"
	"datagrams come on top. The same options give the same burst.\n"
	"\n"
	"  --keyring FILE        keys to sign with\n"
	"  --tenant NAME         whose show it is, as named in the keyring\n"
	"  --out FILE            the capture (pcap)\n"
	"  --answer FILE         the known answer: the results that an appliance must come to\n"
	"  --voters N            how many answer\n"
	"\n"
	"A whole show, as a rundown plans it:\n"
	"  --show FILE           the rundown: its interactions of that tenant, of all kinds\n"
	"  --upvotes-per-voter N    items that each voter is for, of each upvote (3)\n"
	"  --reactions-per-voter N  seconds in which each voter reacts, of each reaction (3)\n"
	"\n"
	"Or polls that open all at once:\n"
	"  --rundown FILE        where to write their rundown\n"
	"  --interactions N      questions that each of them answers, all at once (1)\n"
	"  --first-id ID         the first question's id; others count up (101)\n"
	"  --options N           options of each question (4)\n"
	"  --opens-at TIME       when the windows open, RFC 3339 (2026-01-01T00:00:00Z)\n"
	"  --for DURATION        how long they stay open (20s)\n"
	"  --max-delay DURATION  how far behind a viewer may be (the tenant's)\n"
	"\n"
	"The audience:\n"
	"  --first-second PCT    first answers that fall into the first second (70)\n"
	"  --delay MIN..MAX      video delay of a viewer (200ms..3s)\n"
	"\n"
	"Shares, in percent of all datagrams; the rest are first answers:\n"
	"  --resent PCT          the same bytes again (30)\n"
	"  --changed PCT         another answer by a voter who answered (12)\n"
	"  --forged PCT          the tag is wrong (2)\n"
	"  --early PCT           seen before the window opened (3)\n"
	"  --late PCT            seen after it closed (3)\n"
	"\n"
	"  --ipv6 PCT            voters who come over IPv6 (0)\n"
	"  --vlan ID             put a VLAN tag on every frame\n"
	"  --to IP[:PORT]        the appliance (198.19.0.1:4433)\n"
	"  --to6 IP              its IPv6 address (2001:2:0:1::1)\n"
	"  --server N            appliance number in the connection ids (1)\n"
	"  --seed N              another seed, another burst of the same shape (1)\n";

enum {
	OPT_HELP = 'h',
	OPT_KEYRING = 256,
	OPT_TENANT,
	OPT_OUT,
	OPT_ANSWER,
	OPT_RUNDOWN,
	OPT_VOTERS,
	OPT_SHOW,
	OPT_UPVOTES,
	OPT_REACTIONS,
	OPT_INTERACTIONS,
	OPT_FIRST_ID,
	OPT_OPTIONS,
	OPT_OPENS_AT,
	OPT_FOR,
	OPT_MAX_DELAY,
	OPT_FIRST_SECOND,
	OPT_DELAY,
	OPT_IPV6,
	OPT_VLAN,
	OPT_TO,
	OPT_TO6,
	OPT_SERVER,
	OPT_SEED,
	OPT_SHARE, /* + enum burst_kind */
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"keyring", required_argument, NULL, OPT_KEYRING},
	{"tenant", required_argument, NULL, OPT_TENANT},
	{"out", required_argument, NULL, OPT_OUT},
	{"answer", required_argument, NULL, OPT_ANSWER},
	{"rundown", required_argument, NULL, OPT_RUNDOWN},
	{"voters", required_argument, NULL, OPT_VOTERS},
	{"show", required_argument, NULL, OPT_SHOW},
	{"upvotes-per-voter", required_argument, NULL, OPT_UPVOTES},
	{"reactions-per-voter", required_argument, NULL, OPT_REACTIONS},
	{"interactions", required_argument, NULL, OPT_INTERACTIONS},
	{"first-id", required_argument, NULL, OPT_FIRST_ID},
	{"options", required_argument, NULL, OPT_OPTIONS},
	{"opens-at", required_argument, NULL, OPT_OPENS_AT},
	{"for", required_argument, NULL, OPT_FOR},
	{"max-delay", required_argument, NULL, OPT_MAX_DELAY},
	{"first-second", required_argument, NULL, OPT_FIRST_SECOND},
	{"delay", required_argument, NULL, OPT_DELAY},
	{"ipv6", required_argument, NULL, OPT_IPV6},
	{"vlan", required_argument, NULL, OPT_VLAN},
	{"to", required_argument, NULL, OPT_TO},
	{"to6", required_argument, NULL, OPT_TO6},
	{"server", required_argument, NULL, OPT_SERVER},
	{"seed", required_argument, NULL, OPT_SEED},
	{"resent", required_argument, NULL, OPT_SHARE + BURST_RESENT},
	{"changed", required_argument, NULL, OPT_SHARE + BURST_CHANGED},
	{"forged", required_argument, NULL, OPT_SHARE + BURST_FORGED},
	{"early", required_argument, NULL, OPT_SHARE + BURST_EARLY},
	{"late", required_argument, NULL, OPT_SHARE + BURST_LATE},
	{NULL, 0, NULL, 0},
};

static void set_defaults(struct make_options *options)
{
	memset(options, 0, sizeof(*options));
	struct burst_shape *shape = &options->shape;
	options->polls =
		(struct polls){.count = 1, .first_id = 101, .options = 4, .duration_us = 20000000};
	time_parse(DEFAULT_OPENS_AT, &options->polls.opens_at_us);
	options->habits = (struct burst_habits){3, 3};
	shape->server = 1;
	shape->delay_min_us = 200000;
	shape->delay_max_us = 3000000;
	shape->first_second_ppm = 700000;
	shape->share_ppm[BURST_RESENT] = 300000;
	shape->share_ppm[BURST_CHANGED] = 120000;
	shape->share_ppm[BURST_FORGED] = 20000;
	shape->share_ppm[BURST_EARLY] = 30000;
	shape->share_ppm[BURST_LATE] = 30000;
	shape->seed = 1;
	options->target.port = QUIC_LITE_DEFAULT_PORT;
	memcpy(options->target.ipv4, (const uint8_t[4]){198, 19, 0, 1}, 4);
	memcpy(options->target.ipv6,
	       (const uint8_t[16]){0x20, 0x01, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, 16);
}

/* The options that take a whole number. */
static int set_number(struct make_options *options, int option, const char *text, struct err *err)
{
	static const struct row {
		int option;
		const char *name;
		uint64_t min, max;
	} rows[] = {
		{OPT_VOTERS, "--voters", 1, BURST_MAX_VOTERS},
		{OPT_UPVOTES, "--upvotes-per-voter", 1, MOST_PER_VOTER},
		{OPT_REACTIONS, "--reactions-per-voter", 1, MOST_PER_VOTER},
		{OPT_INTERACTIONS, "--interactions", 1, RUNDOWN_MAX_INTERACTIONS},
		{OPT_FIRST_ID, "--first-id", 0, UINT32_MAX},
		{OPT_OPTIONS, "--options", 2, KIND_MAX_OPTIONS},
		{OPT_VLAN, "--vlan", 1, 4094},
		{OPT_SERVER, "--server", 0, UINT16_MAX},
		{OPT_SEED, "--seed", 0, UINT64_MAX},
	};
	struct burst_shape *shape = &options->shape;
	const struct row *row = rows;
	uint64_t value;
	while (row->option != option)
		row++;
	int rc = option_number(row->name, text, row->min, row->max, &value, err);
	if (rc)
		return rc;
	switch (option) {
	case OPT_VOTERS: shape->voters = (uint32_t)value; break;
	case OPT_UPVOTES: options->habits.upvotes_per_voter = (uint32_t)value; break;
	case OPT_REACTIONS: options->habits.reactions_per_voter = (uint32_t)value; break;
	case OPT_INTERACTIONS: options->polls.count = (uint32_t)value; break;
	case OPT_FIRST_ID: options->polls.first_id = (uint32_t)value; break;
	case OPT_OPTIONS: options->polls.options = (uint16_t)value; break;
	case OPT_VLAN: options->target.vlan_id = (uint16_t)value; break;
	case OPT_SERVER: shape->server = (uint16_t)value; break;
	default: shape->seed = value; break;
	}
	return 0;
}

/* Which of the two descriptions of a show the option belongs to. */
static void note_option(struct make_options *options, int option)
{
	const struct option *row = long_options;
	while (row->val != option)
		row++;
	if (option == OPT_UPVOTES || option == OPT_REACTIONS)
		options->of_show = row->name;
	if (option == OPT_RUNDOWN || (option >= OPT_INTERACTIONS && option <= OPT_MAX_DELAY))
		options->of_polls = row->name;
}

static int set_option(struct make_options *options, int option, const char *text, struct err *err)
{
	struct burst_shape *shape = &options->shape;
	struct polls *polls = &options->polls;
	char name[32];
	note_option(options, option);
	switch (option) {
	case OPT_KEYRING: options->keyring_path = text; return 0;
	case OPT_TENANT: options->tenant_name = text; return 0;
	case OPT_OUT: options->out_path = text; return 0;
	case OPT_ANSWER: options->answer_path = text; return 0;
	case OPT_RUNDOWN: options->rundown_path = text; return 0;
	case OPT_SHOW: options->show_path = text; return 0;
	case OPT_OPENS_AT: return option_time("--opens-at", text, 0, &polls->opens_at_us, err);
	case OPT_FOR: return option_duration("--for", text, &polls->duration_us, err);
	case OPT_MAX_DELAY:
		polls->has_max_delay = true;
		return option_duration("--max-delay", text, &polls->max_delay_us, err);
	case OPT_FIRST_SECOND:
		return option_percent("--first-second", text, &shape->first_second_ppm, err);
	case OPT_DELAY:
		return option_duration_range("--delay", text, &shape->delay_min_us,
					     &shape->delay_max_us, err);
	case OPT_IPV6: return option_percent("--ipv6", text, &shape->ipv6_ppm, err);
	case OPT_TO:
		return option_ipv4_port("--to", text, options->target.ipv4, &options->target.port,
					err);
	case OPT_TO6: return option_ipv6("--to6", text, options->target.ipv6, err);
	default: break;
	}
	if (option < OPT_SHARE)
		return set_number(options, option, text, err);
	int kind = option - OPT_SHARE;
	snprintf(name, sizeof(name), "--%s", burst_kind_name((enum burst_kind)kind));
	return option_percent(name, text, &shape->share_ppm[kind], err);
}

/* The polls as questions, to be checked before there is a rundown of them. */
static int check_questions(const struct make_options *options, struct err *err)
{
	const struct polls *polls = &options->polls;
	struct burst_shape shape = options->shape;
	shape.question_count = polls->count;
	shape.questions = calloc(polls->count, sizeof(*shape.questions));
	if (!shape.questions)
		return err_set(err, -ENOMEM, "no memory for %u interactions", polls->count);
	for (uint32_t i = 0; i < polls->count; i++)
		shape.questions[i] = (struct burst_question){
			.id = polls->first_id + i,
			.rules = {.kind = KIND_POLL, .options = polls->options},
			.opens_at_us = polls->opens_at_us,
			.duration_us = polls->duration_us,
			.max_delay_us = polls->has_max_delay
						? polls->max_delay_us
						: KEYRING_MAX_DELAY_MS * UINT64_C(1000),
			.per_voter = 1,
		};
	int rc = burst_shape_check(&shape, err);
	free(shape.questions);
	return rc;
}

/* What needs no keyring to be known as impossible. */
static int check_polls(const struct make_options *options, struct err *err)
{
	const struct polls *polls = &options->polls;
	if (polls->duration_us % 1000 || polls->max_delay_us % 1000)
		return err_set(err, -EINVAL, "make: --for and --max-delay are whole milliseconds");
	if (polls->duration_us == 0 ||
	    polls->duration_us > INTERACTION_MAX_DURATION_MS * UINT64_C(1000))
		return err_set(err, -EINVAL, "--for: a window lasts from 1ms to 24h");
	if (polls->max_delay_us > KEYRING_MAX_DELAY_MS * UINT64_C(1000))
		return err_set(err, -EINVAL, "--max-delay: at most %u s",
			       KEYRING_MAX_DELAY_MS / 1000);
	if ((uint64_t)polls->first_id + polls->count - 1 > UINT32_MAX)
		return err_set(err, -EINVAL,
			       "--first-id: %u and %u interactions pass the last id, 4294967295; "
			       "choose %u at most",
			       polls->first_id, polls->count, UINT32_MAX - polls->count + 1);
	if (polls->opens_at_us > STAMPS_LAST_US)
		return err_set(
			err, -EINVAL,
			"--opens-at: the stamps of a capture end in February 2106; choose an "
			"earlier time");
	return check_questions(options, err);
}

/* A show is described once. */
static int check_description(const struct make_options *options, struct err *err)
{
	if (options->show_path && options->of_polls)
		return err_set(err, -EINVAL, "make: --%s is of polls; leave it out beside --show",
			       options->of_polls);
	if (!options->show_path && options->of_show)
		return err_set(err, -EINVAL, "make: --%s goes with --show only", options->of_show);
	return options->show_path ? 0 : check_polls(options, err);
}

/* 0: go on. 1: help was asked for and given. Negative: `err` says what is wrong. */
static int parse_command_line(int argc, char **argv, struct make_options *options, struct err *err)
{
	int option;
	set_defaults(options);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == OPT_HELP) {
			fputs(help, stdout);
			return 1;
		}
		if (option == '?' || option == ':')
			return option_refused("make", option, argv[optind - 1], err);
		int rc = set_option(options, option, optarg, err);
		if (rc)
			return rc;
	}
	if (optind < argc)
		return err_set(err, -EINVAL, "make: '%s' is one word too many", argv[optind]);
	if (!options->keyring_path || !options->tenant_name || !options->out_path)
		return err_set(err, -EINVAL, "make: --keyring, --tenant and --out are needed");
	if (!options->shape.voters)
		return err_set(err, -EINVAL, "make: --voters is needed: how many answer");
	const struct option_file files[] = {
		{"--keyring", options->keyring_path}, {"--out", options->out_path},
		{"--answer", options->answer_path},   {"--rundown", options->rundown_path},
		{"--show", options->show_path},
	};
	int rc = option_distinct_files(files, sizeof(files) / sizeof(files[0]), err);
	return rc ? rc : check_description(options, err);
}

/* Looks up the tenant and takes over its id and epoch. NULL with `err`. */
static const struct tenant *bind_tenant(struct make_options *options, const struct keyring *keyring,
					struct err *err)
{
	const struct tenant *tenant = keyring_tenant_by_name(keyring, options->tenant_name);
	if (!tenant) {
		err_set(err, -EINVAL, "--tenant: '%s' is not in %s; name one of its tenants",
			options->tenant_name, options->keyring_path);
		return NULL;
	}
	options->shape.tenant = tenant->id;
	options->shape.key_epoch = keyring_newest_key(keyring, tenant->id)->epoch;
	if (!options->polls.has_max_delay)
		options->polls.max_delay_us = tenant->max_delay_ms * UINT64_C(1000);
	return tenant;
}

static json_t *rundown_interaction(const struct make_options *options, uint32_t id)
{
	const struct polls *polls = &options->polls;
	char opens_at[TIME_TEXT_BYTES], question[32], label[32];
	json_t *labels = json_array();
	for (uint32_t i = 0; i < polls->options; i++) {
		snprintf(label, sizeof(label), "Option %u", i + 1);
		json_array_append_new(labels, json_string(label));
	}
	snprintf(question, sizeof(question), "Question %u", id);
	return json_pack("{s:s, s:I, s:s, s:s, s:o, s:s, s:I, s:I}", "tenant", options->tenant_name,
			 "id", (json_int_t)id, "kind", "poll", "question", question, "options",
			 labels, "opens_at", time_format(polls->opens_at_us, opens_at),
			 "duration_ms", (json_int_t)(polls->duration_us / 1000), "max_delay_ms",
			 (json_int_t)(polls->max_delay_us / 1000));
}

static json_t *rundown_document(const struct make_options *options)
{
	json_t *interactions = json_array();
	for (uint32_t i = 0; i < options->polls.count; i++)
		json_array_append_new(interactions,
				      rundown_interaction(options, options->polls.first_id + i));
	return json_pack("{s:s, s:o}", "show", "burst", "interactions", interactions);
}

/* A burst under way. */
struct making {
	struct make_options *options;
	const struct keyring *keyring;
	json_t *rundown_json; /* of polls; NULL where there is a rundown already */
	struct rundown rundown;
};

static int write_documents(const struct making *making, const struct burst_account *account,
			   struct err *err)
{
	const struct make_options *options = making->options;
	int rc = 0;
	if (options->answer_path) {
		json_t *answer = burst_show_answer(&making->rundown, &options->shape, account);
		rc = answer ? results_save(options->answer_path, answer, err)
			    : err_set(err, -ENOMEM, "no memory for the known answer");
		json_decref(answer);
	}
	if (rc == 0 && options->rundown_path) {
		rc = results_save(options->rundown_path, making->rundown_json, err);
		if (rc && options->answer_path)
			unlink(options->answer_path);
	}
	return rc;
}

static int write_files(const struct making *making, struct err *err)
{
	const struct make_options *options = making->options;
	struct burst_account account;
	struct burst_capture capture = {
		.path = options->out_path,
		.shape = &options->shape,
		.target = &options->target,
		.tenant_key = keyring_newest_key(making->keyring, options->shape.tenant)->key,
	};
	int rc = burst_account_make(&options->shape, &account, err);
	if (rc)
		return rc;
	rc = burst_capture_write(&capture, &account, err);
	if (rc)
		goto err_free_account;
	rc = write_documents(making, &account, err);
	if (rc == 0 && rename(capture.partial, options->out_path))
		rc = err_set(err, -errno, "%s: %s", options->out_path, strerror(errno));
	if (rc)
		unlink(capture.partial);
	else
		printf("%s: %" PRIu64 " datagrams of %u voters\n", options->out_path, account.total,
		       options->shape.voters);
err_free_account:
	burst_account_free(&account);
	return rc;
}

/* The rundown that is there, or that of the polls. */
static int take_rundown(struct making *making, struct err *err)
{
	const struct make_options *options = making->options;
	if (options->show_path)
		return rundown_load(options->show_path, making->keyring, &making->rundown, err);
	making->rundown_json = rundown_document(options);
	if (!making->rundown_json)
		return err_set(err, -ENOMEM, "no memory for the rundown");
	int rc = rundown_parse(making->rundown_json, "the burst's rundown", making->keyring,
			       &making->rundown, err);
	if (rc)
		json_decref(making->rundown_json);
	return rc;
}

/* What only a rundown can have wrong. */
static int check_show(const struct make_options *options, struct err *err)
{
	const struct burst_shape *shape = &options->shape;
	if (shape->question_count == 0)
		return err_set(err, -EINVAL,
			       "%s: asks nothing of the tenant %s; name a tenant that it does",
			       options->show_path, options->tenant_name);
	for (uint32_t i = 0; i < shape->question_count; i++)
		if (shape->questions[i].opens_at_us > STAMPS_LAST_US)
			return err_set(err, -EINVAL,
				       "%s: interaction %u opens when the stamps of a capture are "
				       "at their end, in February 2106; open it earlier",
				       options->show_path, shape->questions[i].id);
	return 0;
}

static int make_files(struct make_options *options, const struct keyring *keyring, struct err *err)
{
	struct making making = {.options = options, .keyring = keyring};
	struct burst_shape *shape = &options->shape;
	const struct tenant *tenant = bind_tenant(options, keyring, err);
	if (!tenant)
		return -EINVAL;
	int rc = take_rundown(&making, err);
	if (rc)
		return rc;
	rc = burst_show_questions(&making.rundown, tenant, &options->habits, &shape->questions,
				  &shape->question_count, err);
	if (rc == 0)
		rc = check_show(options, err);
	if (rc == 0)
		rc = burst_shape_check(shape, err);
	if (rc == 0)
		rc = write_files(&making, err);
	free(shape->questions);
	rundown_free(&making.rundown);
	json_decref(making.rundown_json);
	return rc;
}

int burst_make_main(int argc, char **argv)
{
	struct make_options options;
	struct keyring keyring;
	struct err err = {""};
	int rc = parse_command_line(argc, argv, &options, &err);
	if (rc > 0)
		return REPLAY_OK;
	if (rc < 0) {
		fprintf(stderr, "tallyreplay: %s\n", err.text);
		return REPLAY_USAGE;
	}
	rc = keyring_load(options.keyring_path, &keyring, &err);
	if (rc == 0) {
		rc = make_files(&options, &keyring, &err);
		keyring_free(&keyring);
	}
	if (rc)
		fprintf(stderr, "tallyreplay: %s\n", err.text);
	return rc ? REPLAY_FAILED : REPLAY_OK;
}
