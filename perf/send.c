/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `tallyreplay send`: options, then load → address → restamp → send → report.
 *
 * The sending itself is sender.c. Everything that can be wrong with the command line, the keyring,
 * the interface or the capture is found before the first frame goes out.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include "dataplane/show/keyring.h"
#include "dataplane/show/rundown.h"
#include "perf/options.h"
#include "perf/replay.h"
#include "perf/report.h"
#include "perf/restamp.h"
#include "perf/sender.h"

/* What restamping takes at most, so that the first frame need not be late. */
#define RESTAMP_NS_PER_FRAME 500
#define RESTAMP_NS_AT_LEAST  50000000

static const char help[] =
	"usage: tallyreplay send FILE --interface NAME [OPTIONS]\n"
	"\n"
	"Sends a capture (pcap, pcapng) and takes the receipts. Exits 0 when all went out, no "
	"receipt\n"
	"was wrong and, with --until-receipted, none is missing; 1 otherwise.\n"
	"\n"
	"  --interface NAME     where to send\n"
	"  --via KIND           af_packet or af_xdp (af_packet)\n"
	"  --queue N            the interface's queue for AF_XDP (0)\n"
	"  --speed X            1 is true to the timestamps, 2 twice as fast, max flat out (1)\n"
	"  --flood              flat out, from the beginning again and again, until SIGINT or "
	"SIGTERM\n"
	"  --start TIME         when the first frame goes out: RFC 3339, or +3s from now (now)\n"
	"  --keyring FILE       keys to verify receipts with, and to sign with\n"
	"  --rundown FILE       what is asked: receipts must be such as each kind of question "
	"gives\n"
	"  --restamp            move all program times so that the burst happens at --start, and\n"
	"                       sign again; a wrong tag stays wrong\n"
	"  --until-receipted    resend what got no receipt, as a viewer's player does\n"
	"  --rounds N           resend each datagram at most so often (0: no limit)\n"
	"  --timeout DURATION   without a new receipt, then the rest is missing (10s)\n"
	"  --in-flight N        at most so many under way with --until-receipted (1024)\n"
	"  --dst-mac MAC        where the frames go (as in the capture)\n"
	"  --port N             UDP port of votes (4433)\n"
	"  --progress           a line a second on standard error\n"
	"  --json               the report as JSON\n";

struct send_options {
	const char *path;
	const char *keyring_path;
	const char *rundown_path;
	const struct link_ops *via;
	struct link_options link;
	struct sender_options sender;
	uint8_t destination_mac[6];
	bool has_destination_mac;
	bool has_start;
	bool restamp;
	bool json;
};

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal_number)
{
	(void)signal_number;
	stop_asked = 1;
}

static int set_via(struct send_options *options, const char *text, struct err *err)
{
	static const struct link_ops *const kinds[] = {&link_packet_ops, &link_xdp_ops};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(text, kinds[i]->name))
			options->via = kinds[i];
	if (!options->via)
		return err_set(err, -EINVAL, "--via: '%s' is neither af_packet nor af_xdp", text);
	return 0;
}

static int set_speed(struct send_options *options, const char *text, struct err *err)
{
	char *end;
	double speed = strtod(text, &end);
	bool flat_out = !strcmp(text, "max");
	if (!flat_out && (*end || end == text || !(speed >= 0.001 && speed <= 1e6)))
		return err_set(err, -EINVAL,
			       "--speed: '%s' is neither max nor a factor from 0.001 to "
			       "1000000",
			       text);
	options->sender.speed = flat_out ? 0 : speed;
	return 0;
}

static int set_start(struct send_options *options, const char *text, struct err *err)
{
	uint64_t now_us = sender_now_ns() / 1000, start_us;
	int rc = option_time("--start", text, now_us, &start_us, err);
	if (rc)
		return rc;
	if (start_us < now_us)
		return err_set(err, -EINVAL,
			       "--start: '%s' was %.1f s ago; give a time to come, or +3s", text,
			       (double)(now_us - start_us) / 1e6);
	if (start_us > UINT64_MAX / 1000)
		return err_set(err, -EINVAL, "--start: '%s' is too far ahead", text);
	options->sender.start_ns = start_us * 1000;
	options->has_start = true;
	return 0;
}

static int set_number(struct send_options *options, int option, const char *text, struct err *err)
{
	uint64_t value = 0;
	int rc;
	switch (option) {
	case 'q':
		rc = option_number("--queue", text, 0, 65535, &value, err);
		options->link.queue = (uint32_t)value;
		return rc;
	case 'n':
		rc = option_number("--rounds", text, 0, 10000, &value, err);
		options->sender.rounds = (uint32_t)value;
		return rc;
	case 'f':
		rc = option_number("--in-flight", text, 1, 1 << 30, &value, err);
		options->sender.in_flight = (uint32_t)value;
		return rc;
	default:
		rc = option_number("--port", text, 1, 65535, &value, err);
		options->link.receipt_port = (uint16_t)value;
		return rc;
	}
}

static int set_option(struct send_options *options, int option, const char *text, struct err *err)
{
	uint64_t timeout_us = 0;
	int rc = 0;
	switch (option) {
	case 'i': options->link.interface = text; return 0;
	case 'k': options->keyring_path = text; return 0;
	case 'w': options->rundown_path = text; return 0;
	case 'r': options->restamp = true; return 0;
	case 'u': options->sender.until_receipted = true; return 0;
	case 'l':
		options->sender.flood = true;
		options->sender.speed = 0;
		return 0;
	case 'o': options->sender.progress = true; return 0;
	case 'j': options->json = true; return 0;
	case 'v': options->via = NULL; return set_via(options, text, err);
	case 's': return set_speed(options, text, err);
	case 'a': return set_start(options, text, err);
	case 't':
		rc = option_duration("--timeout", text, &timeout_us, err);
		options->sender.timeout_ns = timeout_us * 1000;
		return rc;
	case 'd':
		options->has_destination_mac = true;
		return option_mac("--dst-mac", text, options->destination_mac, err);
	default: return set_number(options, option, text, err);
	}
}

static int check_options(const struct send_options *options, struct err *err)
{
	if (!options->path)
		return err_set(err, -EINVAL,
			       "send: name the capture; see `tallyreplay send --help`");
	if (!options->link.interface)
		return err_set(err, -EINVAL, "send: --interface is needed: where to send");
	if (options->restamp && !options->keyring_path)
		return err_set(err, -EINVAL, "--restamp: it signs again, so give --keyring too");
	if (options->rundown_path && !options->keyring_path)
		return err_set(err, -EINVAL, "--rundown: it names tenants, so give --keyring too");
	if (options->sender.until_receipted && !options->keyring_path)
		return err_set(err, -EINVAL,
			       "--until-receipted: it verifies, so give --keyring too");
	if (options->sender.until_receipted && options->sender.flood)
		return err_set(err, -EINVAL,
			       "--flood: it never ends by itself, so leave out --until-receipted");
	return 0;
}

/* 0: go on. 1: help was asked for and given. Negative: `err` says what is wrong. */
static int parse_command_line(int argc, char **argv, struct send_options *options, struct err *err)
{
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"interface", required_argument, NULL, 'i'},
		{"via", required_argument, NULL, 'v'},
		{"queue", required_argument, NULL, 'q'},
		{"speed", required_argument, NULL, 's'},
		{"start", required_argument, NULL, 'a'},
		{"keyring", required_argument, NULL, 'k'},
		{"rundown", required_argument, NULL, 'w'},
		{"restamp", no_argument, NULL, 'r'},
		{"until-receipted", no_argument, NULL, 'u'},
		{"flood", no_argument, NULL, 'l'},
		{"rounds", required_argument, NULL, 'n'},
		{"timeout", required_argument, NULL, 't'},
		{"in-flight", required_argument, NULL, 'f'},
		{"dst-mac", required_argument, NULL, 'd'},
		{"port", required_argument, NULL, 'p'},
		{"progress", no_argument, NULL, 'o'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int option;
	*options = (struct send_options){
		.via = &link_packet_ops,
		.link.receipt_port = QUIC_LITE_DEFAULT_PORT,
		.sender = {.speed = 1, .timeout_ns = UINT64_C(10000000000), .in_flight = 1024},
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (option == '?' || option == ':')
			return option_refused("send", option, argv[optind - 1], err);
		int rc = set_option(options, option, optarg, err);
		if (rc)
			return rc;
	}
	if (argc - optind > 1)
		return err_set(err, -EINVAL, "send: '%s' is one word too many", argv[optind + 1]);
	options->path = argv[optind];
	return check_options(options, err);
}

/* Our own source address, and what --dst-mac says; refuses frames that the interface cannot send.
 */
static int address_frames(const struct send_options *options, const struct link *link,
			  struct capture *capture, struct err *err)
{
	const uint32_t most = link->mtu + sizeof(struct ethernet_header) +
			      NET_VLAN_TAGS_MAX * sizeof(struct vlan_tag);
	for (uint32_t i = 0; i < capture->count; i++) {
		struct ethernet_header *eth = (void *)capture_frame(capture, i);
		if (capture->records[i].bytes > most)
			return err_set(
				err, -EMSGSIZE,
				"%s: packet %u: %u bytes are too long for '%s'; raise its MTU "
				"(%u)",
				options->path, i + 1, capture->records[i].bytes,
				options->link.interface, link->mtu);
		memcpy(eth->source, link->mac, sizeof(eth->source));
		if (options->has_destination_mac)
			memcpy(eth->destination, options->destination_mac,
			       sizeof(eth->destination));
	}
	return 0;
}

static void restamp_frames(const struct send_options *options, const struct keyring *keyring,
			   struct capture *capture)
{
	int64_t shift_us = (int64_t)(options->sender.start_ns / 1000) -
			   (int64_t)(capture->records[0].stamp_ns / 1000);
	struct vote_view view;
	for (uint32_t i = 0; i < capture->count; i++) {
		uint8_t *data = capture_frame(capture, i);
		if (vote_view_of_vote(data, capture_frame_end(capture, i),
				      be16(options->link.receipt_port), &view))
			restamp_vote(data, &view, keyring->table, shift_us);
	}
}

/* The report and the exit status that it comes to. */
static int finish(const struct send_options *options, const struct sender *sender)
{
	struct report report;
	report_make(sender, &report);
	if (!options->json)
		report_print(&report);
	else if (report_print_json(&report))
		fprintf(stderr, "tallyreplay: no memory for the report\n");
	bool missing = options->sender.until_receipted && report.unanswered;
	if (report.interrupted)
		fprintf(stderr, "tallyreplay: send: interrupted\n");
	if (missing)
		fprintf(stderr,
			"tallyreplay: send: %" PRIu64 " datagrams have no receipt; is the "
			"appliance up, and its keyring the same?\n",
			report.unanswered);
	if (report.invalid)
		fprintf(stderr,
			"tallyreplay: send: %" PRIu64 " receipts are wrong; is the appliance's "
			"keyring the same, and the capture ours alone?\n",
			report.invalid);
	return missing || report.invalid || report.interrupted ? REPLAY_FAILED : REPLAY_OK;
}

/* The questions of a rundown by tenant and id; the caller's to free. NULL where there is none. */
static int load_questions(const char *path, const struct keyring *keyring,
			  struct window_table **table, struct err *err)
{
	struct rundown rundown;
	*table = NULL;
	int rc = path ? rundown_load(path, keyring, &rundown, err) : 0;
	if (!path || rc)
		return rc;
	struct window *windows = aligned_alloc(64, (rundown.count + 1) * sizeof(*windows));
	size_t bytes = (window_table_bytes(rundown.count) + 63) / 64 * 64;
	for (uint32_t i = 0; windows && i < rundown.count; i++)
		windows[i] = (struct window){
			.interaction = rundown.interactions[i].id,
			.tenant = rundown.interactions[i].tenant->id,
			.question = rundown.interactions[i].rules,
			.identity = (uint8_t)interaction_identity(&rundown.interactions[i]),
		};
	*table = aligned_alloc(64, bytes);
	if (windows && *table)
		window_table_build(*table, windows, rundown.count);
	else
		rc = err_set(err, -ENOMEM, "%s: no memory for its questions", path);
	free(windows);
	rundown_free(&rundown);
	return rc;
}

/* With everything open: send, and report. `questions` may be NULL. */
static int send_capture(struct send_options *options, const struct keyring *keyring,
			const struct window_table *questions, struct capture *capture,
			struct link *link, struct err *err)
{
	const struct auth_keys *keys = keyring ? keyring->table : NULL;
	struct receipts receipts;
	struct sender sender;
	int rc = address_frames(options, link, capture, err);
	if (rc)
		return rc;
	rc = receipts_build(&receipts, capture, keys, be16(options->link.receipt_port), err);
	if (rc)
		return rc;
	receipts.windows = questions;
	rc = sender_open(&sender, &options->sender, capture, &receipts, link, &stop_asked, err);
	if (rc)
		goto err_free_receipts;
	if (!options->has_start)
		options->sender.start_ns = sender_now_ns();
	if (!options->has_start && options->restamp)
		options->sender.start_ns +=
			RESTAMP_NS_AT_LEAST + (uint64_t)capture->count * RESTAMP_NS_PER_FRAME;
	if (options->restamp)
		restamp_frames(options, keyring, capture);
	rc = sender_run(&sender, err);
	if (rc == 0)
		rc = finish(options, &sender);
	sender_close(&sender);
err_free_receipts:
	receipts_free(&receipts);
	return rc;
}

static int open_and_send(struct send_options *options, const struct keyring *keyring,
			 struct err *err)
{
	struct window_table *questions;
	struct capture capture;
	struct link link;
	int rc = load_questions(options->rundown_path, keyring, &questions, err);
	if (rc)
		goto err_free_questions;
	rc = link_open(&link, options->via, &options->link, err);
	if (rc)
		goto err_free_questions;
	rc = capture_load(options->path, &capture, err);
	if (rc)
		goto err_close_link;
	rc = send_capture(options, keyring, questions, &capture, &link, err);
	capture_free(&capture);
err_close_link:
	link_close(&link);
err_free_questions:
	free(questions);
	return rc;
}

int send_main(int argc, char **argv)
{
	struct send_options options;
	struct keyring keyring;
	struct err err = {""};
	const struct sigaction action = {.sa_handler = ask_stop};
	int rc = parse_command_line(argc, argv, &options, &err);
	if (rc > 0)
		return REPLAY_OK;
	if (rc < 0) {
		fprintf(stderr, "tallyreplay: %s\n", err.text);
		return REPLAY_USAGE;
	}
	/* The default slack of 50 µs is more than a packet's due time may wait. */
	prctl(PR_SET_TIMERSLACK, 1000);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (options.keyring_path)
		rc = keyring_load(options.keyring_path, &keyring, &err);
	if (rc == 0) {
		rc = open_and_send(&options, options.keyring_path ? &keyring : NULL, &err);
		if (options.keyring_path)
			keyring_free(&keyring);
	}
	if (rc < 0)
		fprintf(stderr, "tallyreplay: %s\n", err.text);
	return rc < 0 ? REPLAY_FAILED : rc;
}
