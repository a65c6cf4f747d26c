/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `tallyreplay make`: writes a burst as a capture, with its known answer and its rundown.
 *
 * The pipeline is plan → content → sign → frame → capture, and beside it the account. It needs no
 * root and no network, and never asks the judge what becomes of a datagram. A file appears under
 * its name only when it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dataplane/show/keyring.h"
#include "dataplane/show/clock_quality.h"
#include "dataplane/show/results.h"
#include "dataplane/show/rundown.h"
#include "dataplane/show/time_text.h"
#include "perf/burst.h"
#include "perf/frame_write.h"
#include "perf/options.h"
#include "perf/replay.h"

#define DEFAULT_OPENS_AT "2026-01-01T00:00:00Z"
#define PATH_BYTES       4096
#define PARTIAL_NAMES    100
#define STAMPS_END_US    (UINT32_MAX * UINT64_C(1000000)) /* a pcap's seconds have 32 bits */

/* The whole command line. */
struct make_options {
	const char *keyring_path;
	const char *tenant_name;
	const char *out_path;
	const char *answer_path;
	const char *rundown_path;
	struct burst_shape shape;
	struct frame_target target;
	bool has_max_delay;
};

static const char help[] =
	"usage: tallyreplay make --keyring FILE --tenant NAME --out FILE.pcap --voters N "
	"[OPTIONS]\n"
	"\n"
	"Makes the burst of an audience: every voter answers every interaction once; shares of "
	"further\n"
	"datagrams come on top. The same options give the same burst.\n"
	"\n"
	"  --keyring FILE        keys to sign with\n"
	"  --tenant NAME         whose show it is, as named in the keyring\n"
	"  --out FILE            the capture (pcap)\n"
	"  --answer FILE         the known answer: the results that an appliance must come to\n"
	"  --rundown FILE        the rundown of the burst's interactions\n"
	"  --voters N            how many answer\n"
	"  --interactions N      questions that each of them answers, all at once (1)\n"
	"  --first-id ID         the first question's id; others count up (101)\n"
	"  --options N           options of each question (4)\n"
	"  --opens-at TIME       when the windows open, RFC 3339 (2026-01-01T00:00:00Z)\n"
	"  --for DURATION        how long they stay open (20s)\n"
	"  --max-delay DURATION  how far behind a viewer may be (the tenant's)\n"
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
	shape->interactions = 1;
	shape->first_id = 101;
	shape->options = 4;
	shape->server = 1;
	time_parse(DEFAULT_OPENS_AT, &shape->opens_at_us);
	shape->duration_us = 20000000;
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
	case OPT_INTERACTIONS: shape->interactions = (uint32_t)value; break;
	case OPT_FIRST_ID: shape->first_id = (uint32_t)value; break;
	case OPT_OPTIONS: shape->options = (uint16_t)value; break;
	case OPT_VLAN: options->target.vlan_id = (uint16_t)value; break;
	case OPT_SERVER: shape->server = (uint16_t)value; break;
	default: shape->seed = value; break;
	}
	return 0;
}

static int set_option(struct make_options *options, int option, const char *text, struct err *err)
{
	struct burst_shape *shape = &options->shape;
	char name[32];
	switch (option) {
	case OPT_KEYRING: options->keyring_path = text; return 0;
	case OPT_TENANT: options->tenant_name = text; return 0;
	case OPT_OUT: options->out_path = text; return 0;
	case OPT_ANSWER: options->answer_path = text; return 0;
	case OPT_RUNDOWN: options->rundown_path = text; return 0;
	case OPT_OPENS_AT: return option_time("--opens-at", text, 0, &shape->opens_at_us, err);
	case OPT_FOR: return option_duration("--for", text, &shape->duration_us, err);
	case OPT_MAX_DELAY:
		options->has_max_delay = true;
		return option_duration("--max-delay", text, &shape->max_delay_us, err);
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

/* What needs no keyring to be known as impossible. */
static int check_shape(const struct make_options *options, struct err *err)
{
	struct burst_shape shape = options->shape;
	if (shape.duration_us % 1000 || shape.max_delay_us % 1000)
		return err_set(err, -EINVAL, "make: --for and --max-delay are whole milliseconds");
	if (shape.duration_us == 0 ||
	    shape.duration_us > INTERACTION_MAX_DURATION_MS * UINT64_C(1000))
		return err_set(err, -EINVAL, "--for: a window lasts from 1ms to 24h");
	if (shape.max_delay_us > KEYRING_MAX_DELAY_MS * UINT64_C(1000))
		return err_set(err, -EINVAL, "--max-delay: at most %u s",
			       KEYRING_MAX_DELAY_MS / 1000);
	if (shape.opens_at_us > STAMPS_END_US - 2 * INTERACTION_MAX_DURATION_MS * UINT64_C(1000))
		return err_set(
			err, -EINVAL,
			"--opens-at: the stamps of a capture end in February 2106; choose an "
			"earlier time");
	if (!options->has_max_delay)
		shape.max_delay_us = KEYRING_MAX_DELAY_MS * UINT64_C(1000);
	return burst_shape_check(&shape, err);
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
		{"--keyring", options->keyring_path},
		{"--out", options->out_path},
		{"--answer", options->answer_path},
		{"--rundown", options->rundown_path},
	};
	int rc = option_distinct_files(files, sizeof(files) / sizeof(files[0]), err);
	return rc ? rc : check_shape(options, err);
}

/* Looks up the tenant and takes over its id, epoch and max_delay. */
static int bind_tenant(struct make_options *options, const struct keyring *keyring, struct err *err)
{
	const struct tenant *tenant = keyring_tenant_by_name(keyring, options->tenant_name);
	if (!tenant)
		return err_set(err, -EINVAL, "--tenant: '%s' is not in %s; name one of its tenants",
			       options->tenant_name, options->keyring_path);
	options->shape.tenant = tenant->id;
	options->shape.key_epoch = keyring_newest_key(keyring, tenant->id)->epoch;
	if (!options->has_max_delay)
		options->shape.max_delay_us = tenant->max_delay_ms * UINT64_C(1000);
	return burst_shape_check(&options->shape, err);
}

static json_t *rundown_interaction(const struct make_options *options, uint32_t id)
{
	const struct burst_shape *shape = &options->shape;
	char opens_at[TIME_TEXT_BYTES], question[32], label[32];
	json_t *labels = json_array();
	for (uint32_t i = 0; i < shape->options; i++) {
		snprintf(label, sizeof(label), "Option %u", i + 1);
		json_array_append_new(labels, json_string(label));
	}
	snprintf(question, sizeof(question), "Question %u", id);
	return json_pack("{s:s, s:I, s:s, s:s, s:o, s:s, s:I, s:I}", "tenant", options->tenant_name,
			 "id", (json_int_t)id, "kind", "poll", "question", question, "options",
			 labels, "opens_at", time_format(shape->opens_at_us, opens_at),
			 "duration_ms", (json_int_t)(shape->duration_us / 1000), "max_delay_ms",
			 (json_int_t)(shape->max_delay_us / 1000));
}

static json_t *rundown_document(const struct make_options *options)
{
	json_t *interactions = json_array();
	for (uint32_t i = 0; i < options->shape.interactions; i++)
		json_array_append_new(interactions,
				      rundown_interaction(options, options->shape.first_id + i));
	return json_pack("{s:s, s:o}", "show", "burst", "interactions", interactions);
}

/* The results that an appliance with this rundown must come to, when all is final. */
static json_t *answer_document(const struct rundown *rundown, const struct burst_account *account)
{
	struct results_parts parts = {.interactions = json_array()};
	for (uint32_t i = 0; i < rundown->count; i++) {
		const struct interaction *interaction = &rundown->interactions[i];
		struct outcome outcome;
		struct window window = {
			.interaction = interaction->id,
			.tenant = interaction->tenant->id,
			.question = interaction->rules,
			.identity = (uint8_t)interaction_identity(interaction),
			.opens_at_us = interaction->opens_at_us,
			.closes_at_us = interaction->opens_at_us + interaction->duration_us,
			.max_delay_us = interaction->max_delay_us,
		};
		outcome_make(&outcome, &window, &account->sums[i], 1);
		const struct result result = {
			.interaction = interaction,
			.window = &window,
			.sum = &account->sums[i],
			.outcome = &outcome,
			.now_us = window_final_at_us(&window),
		};
		json_array_append_new(parts.interactions, results_interaction(&result));
	}
	struct datagram_counts counts = {.received = account->total};
	counts.verdicts[VERDICT_BAD_TAG] = account->bad_tag;
	parts.datagrams = results_datagrams(&counts, false);
	parts.clock = clock_quality_json(&clock_quality_of_capture);
	return results_document(&parts);
}

/* Signs, frames and writes one datagram. */
static void dump_datagram(pcap_dumper_t *dumper, const struct make_options *options,
			  const uint8_t *tenant_key, const struct burst_datagram *datagram,
			  const struct burst_content *content)
{
	const struct vote *vote = &content->vote;
	uint8_t voter_key[AUTH_KEY_BYTES], frame[FRAME_MAX_BYTES];
	struct vote_packet packet;
	uint64_t tag;
	auth_voter_key(tenant_key, vote->tenant, vote->key_epoch, vote->voter, voter_key);
	vote_write(vote, voter_key, &packet);
	memcpy(&tag, packet.tag, sizeof(tag));
	tag ^= content->tag_damage;
	memcpy(packet.tag, &tag, sizeof(tag));
	uint32_t bytes = frame_write(&options->target, vote->voter, content->source_port,
				     content->ipv6, &packet, frame);
	struct pcap_pkthdr header = {
		.ts = {.tv_sec = (time_t)(datagram->arrival_us / 1000000),
		       .tv_usec = (suseconds_t)(datagram->arrival_us % 1000000)},
		.caplen = bytes,
		.len = bytes,
	};
	pcap_dump((u_char *)dumper, &header, frame);
}

static int dump_plan(FILE *file, const char *path, const struct make_options *options,
		     const uint8_t *tenant_key, const struct burst_plan *plan,
		     struct burst_account *account, struct err *err)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dumper = pcap ? pcap_dump_fopen(pcap, file) : NULL;
	int rc = 0;
	if (!dumper) {
		rc = err_set(err, -ENOMEM, "%s: cannot begin the capture: %s", path,
			     pcap ? pcap_geterr(pcap) : "out of memory");
		fclose(file);
		goto err_close_pcap;
	}
	for (uint64_t i = 0; i < plan->count && !ferror(file); i++) {
		struct burst_content content;
		burst_content(&options->shape, &plan->datagrams[i], &content);
		dump_datagram(dumper, options, tenant_key, &plan->datagrams[i], &content);
		burst_account_add(&options->shape, account, &plan->datagrams[i], &content);
	}
	if (pcap_dump_flush(dumper) || ferror(file))
		rc = err_set(err, -EIO, "%s: %s; free some space or choose another place", path,
			     strerror(errno));
	pcap_dump_close(dumper);
err_close_pcap:
	if (pcap)
		pcap_close(pcap);
	return rc;
}

/* A new file that nobody else has, beside `path`; NULL with `err`. */
static FILE *create_beside(const char *path, char partial[PATH_BYTES], struct err *err)
{
	struct stat target;
	FILE *file = NULL;
	int fd = -1;
	/* A link or a device stays as it is: the rename would put a file in its place. */
	if (lstat(path, &target) == 0 && !S_ISREG(target.st_mode)) {
		err_set(err, -EINVAL,
			"%s: is there and is not a regular file; name a file for the capture",
			path);
		return NULL;
	}
	errno = EEXIST;
	for (int i = 0; i < PARTIAL_NAMES && fd < 0 && errno == EEXIST; i++) {
		if (snprintf(partial, PATH_BYTES, "%s.%d.partial", path, i) >= PATH_BYTES)
			errno = ENAMETOOLONG;
		else
			fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	if (fd >= 0)
		file = fdopen(fd, "wb");
	if (!file)
		err_set(err, -errno, "%s: %s; choose a place that can be written", path,
			strerror(errno));
	return file;
}

/* Writes the capture beside its name; the caller renames or unlinks `partial`. */
static int write_capture(const struct make_options *options, const uint8_t *tenant_key,
			 struct burst_account *account, char partial[PATH_BYTES], struct err *err)
{
	struct burst_plan plan;
	FILE *file = create_beside(options->out_path, partial, err);
	if (!file)
		return -EIO;
	setvbuf(file, NULL, _IOFBF, 1 << 20);
	int rc = burst_plan_make(&options->shape, &plan, err);
	if (rc) {
		fclose(file);
		unlink(partial);
		return rc;
	}
	rc = dump_plan(file, options->out_path, options, tenant_key, &plan, account, err);
	burst_plan_free(&plan);
	if (rc)
		unlink(partial);
	return rc;
}

static int write_documents(const struct make_options *options, json_t *rundown_json,
			   const struct rundown *rundown, const struct burst_account *account,
			   struct err *err)
{
	int rc = 0;
	if (options->answer_path) {
		json_t *answer = answer_document(rundown, account);
		rc = answer ? results_save(options->answer_path, answer, err)
			    : err_set(err, -ENOMEM, "no memory for the known answer");
		json_decref(answer);
	}
	if (rc == 0 && options->rundown_path) {
		rc = results_save(options->rundown_path, rundown_json, err);
		if (rc && options->answer_path)
			unlink(options->answer_path);
	}
	return rc;
}

static int make_files(const struct make_options *options, const struct keyring *keyring,
		      struct err *err)
{
	struct burst_account account;
	struct rundown rundown;
	char partial[PATH_BYTES];
	json_t *rundown_json = rundown_document(options);
	if (!rundown_json)
		return err_set(err, -ENOMEM, "no memory for the rundown");
	int rc = rundown_parse(rundown_json, "the burst's rundown", keyring, &rundown, err);
	if (rc)
		goto err_free_json;
	rc = burst_account_make(&options->shape, &account, err);
	if (rc)
		goto err_free_rundown;
	rc = write_capture(options, keyring_newest_key(keyring, options->shape.tenant)->key,
			   &account, partial, err);
	if (rc)
		goto err_free_account;
	rc = write_documents(options, rundown_json, &rundown, &account, err);
	if (rc == 0 && rename(partial, options->out_path))
		rc = err_set(err, -errno, "%s: %s", options->out_path, strerror(errno));
	if (rc)
		unlink(partial);
	else
		printf("%s: %" PRIu64 " datagrams of %u voters\n", options->out_path, account.total,
		       options->shape.voters);
err_free_account:
	burst_account_free(&account);
err_free_rundown:
	rundown_free(&rundown);
err_free_json:
	json_decref(rundown_json);
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
		rc = bind_tenant(&options, &keyring, &err);
		if (rc == 0)
			rc = make_files(&options, &keyring, &err);
		keyring_free(&keyring);
	}
	if (rc)
		fprintf(stderr, "tallyreplay: %s\n", err.text);
	return rc ? REPLAY_FAILED : REPLAY_OK;
}
