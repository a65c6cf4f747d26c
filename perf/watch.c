// SPDX-License-Identifier: BSD-3-Clause
/*
 * `tallyreplay watch`: many viewers on one interface. Options, then one loop: take what came, let
 * the viewers answer, send what is due; in the end the report.
 *
 * What a viewer does is audience.c; frames are written and read here.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "dataplane/show/keyring.h"
#include "perf/audience.h"
#include "perf/frame_write.h"
#include "perf/link.h"
#include "perf/options.h"
#include "perf/replay.h"
#include "perf/sender.h"
#include "perf/vote_view.h"
#include "perf/watch_report.h"

#define FIRST_PORT     1024
#define VIEWERS_A_TURN 4096 /* looked at for what is due */
#define WAIT_NS        100000
#define LAST_NS        UINT64_C(200000000)
#define STUCK_TRIES    1000

static const char help[] =
	"usage: tallyreplay watch --interface NAME --keyring FILE --tenant NAME [OPTIONS]\n"
	"\n"
	"Plays viewers who are told of windows: they ask, prove their address, stay subscribed, "
	"vote when\n"
	"told to, and say what they heard. Ends after --for, or at SIGINT or SIGTERM. Exits 0 "
	"when all\n"
	"were subscribed, all votes have a receipt and nothing was wrong; 1 otherwise.\n"
	"\n"
	"  --interface NAME     where the viewers are\n"
	"  --keyring FILE       their keys\n"
	"  --tenant NAME        whose viewers they are\n"
	"  --viewers N          how many (1000)\n"
	"  --first N            voter number of the first (0)\n"
	"  --for DURATION       how long (30s)\n"
	"  --every DURATION     from an answer to the next WATCH (10s)\n"
	"  --vote N             vote for option N, once in each window that is told as open\n"
	"  --spoof              as somebody who cannot receive: no cookie ever comes back; well "
	"if nobody\n"
	"                       is told anything\n"
	"  --ipv6 PCT           so many viewers of 100 over IPv6 (0)\n"
	"  --vlan N             put a VLAN tag on every frame\n"
	"  --to IP[:PORT]       the appliance (198.19.0.1:4433)\n"
	"  --to6 IP             its IPv6 address (2001:2:0:1::1)\n"
	"  --dst-mac MAC        where the frames go (02:54:4c:59:00:01)\n"
	"  --server N           the appliance's number in connection ids (1)\n"
	"  --json               the report as JSON\n";

struct watch_options {
	struct link_options link;
	struct audience_options audience;
	struct frame_target target;
	const char *keyring_path;
	const char *tenant;
	uint64_t for_ns;
	uint32_t ipv6_ppm;
	uint8_t destination_mac[6];
	bool has_destination_mac;
	bool json;
};

/* Everything a turn of the loop needs. */
struct player {
	const struct watch_options *options;
	struct audience audience;
	struct link link;
	uint64_t now_ns;
	uint32_t next; /* viewer to look at next */
	struct link_frame batch[LINK_BATCH];
	uint8_t frames[LINK_BATCH][FRAME_WATCH_MAX_BYTES];
	uint32_t batch_count;
};

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal_number)
{
	(void)signal_number;
	stop_asked = 1;
}

static int set_duration(const char *name, const char *text, uint64_t *ns, struct err *err)
{
	uint64_t us = 0;
	int rc = option_duration(name, text, &us, err);
	*ns = us * 1000;
	return rc;
}

static int set_number(struct watch_options *options, int option, const char *text, struct err *err)
{
	struct audience_options *audience = &options->audience;
	uint64_t value = 0;
	int rc;
	switch (option) {
	case 'n':
		rc = option_number("--viewers", text, 1, AUDIENCE_MAX_VIEWERS, &value, err);
		audience->count = (uint32_t)value;
		return rc;
	case 'f':
		rc = option_number("--first", text, 0, UINT32_MAX - AUDIENCE_MAX_VIEWERS, &value,
				   err);
		audience->first = (uint32_t)value;
		return rc;
	case 'o':
		rc = option_number("--vote", text, 0, CHOICE_NONE - 1, &value, err);
		audience->votes = true;
		audience->choice = (uint16_t)value;
		return rc;
	case 'l':
		rc = option_number("--vlan", text, 1, 4094, &value, err);
		options->target.vlan_id = (uint16_t)value;
		return rc;
	default:
		rc = option_number("--server", text, 0, UINT16_MAX, &value, err);
		audience->server = (uint16_t)value;
		return rc;
	}
}

static int set_option(struct watch_options *options, int option, const char *text, struct err *err)
{
	switch (option) {
	case 'i': options->link.interface = text; return 0;
	case 'k': options->keyring_path = text; return 0;
	case 't': options->tenant = text; return 0;
	case 's': options->audience.spoof = true; return 0;
	case 'j': options->json = true; return 0;
	case 'u': return set_duration("--for", text, &options->for_ns, err);
	case 'e': return set_duration("--every", text, &options->audience.every_ns, err);
	case 'a':
		return option_ipv4_port("--to", text, options->target.ipv4, &options->target.port,
					err);
	case 'b': return option_ipv6("--to6", text, options->target.ipv6, err);
	case 'p': return option_percent("--ipv6", text, &options->ipv6_ppm, err);
	case 'd':
		options->has_destination_mac = true;
		return option_mac("--dst-mac", text, options->destination_mac, err);
	default: return set_number(options, option, text, err);
	}
}

static int check_options(const struct watch_options *options, struct err *err)
{
	if (!options->link.interface)
		return err_set(err, -EINVAL, "watch: --interface is needed: where the viewers are");
	if (!options->keyring_path)
		return err_set(err, -EINVAL, "watch: --keyring is needed: the viewers' keys");
	if (!options->tenant)
		return err_set(err, -EINVAL, "watch: --tenant is needed: whose viewers they are");
	if (options->audience.spoof && options->audience.votes)
		return err_set(err, -EINVAL,
			       "--spoof: who hears nothing cannot vote; leave out --vote");
	return 0;
}

/* 0: go on. 1: help was asked for and given. Negative: `err` says what is wrong. */
static int parse_command_line(int argc, char **argv, struct watch_options *options, struct err *err)
{
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{"interface", required_argument, NULL, 'i'},
		{"keyring", required_argument, NULL, 'k'},
		{"tenant", required_argument, NULL, 't'},
		{"viewers", required_argument, NULL, 'n'},
		{"first", required_argument, NULL, 'f'},
		{"for", required_argument, NULL, 'u'},
		{"every", required_argument, NULL, 'e'},
		{"vote", required_argument, NULL, 'o'},
		{"spoof", no_argument, NULL, 's'},
		{"ipv6", required_argument, NULL, 'p'},
		{"vlan", required_argument, NULL, 'l'},
		{"to", required_argument, NULL, 'a'},
		{"to6", required_argument, NULL, 'b'},
		{"dst-mac", required_argument, NULL, 'd'},
		{"server", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int option;
	*options = (struct watch_options){
		.link.notices = true,
		.audience = {.count = 1000, .server = 1, .every_ns = UINT64_C(10000000000)},
		.target = {.port = QUIC_LITE_DEFAULT_PORT,
			   .ipv4 = {198, 19, 0, 1},
			   .ipv6 = {0x20, 0x01, 0, 2, 0, 0, 0, 1, [15] = 1}},
		.for_ns = UINT64_C(30000000000),
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (option == '?' || option == ':')
			return option_refused("watch", option, argv[optind - 1], err);
		int rc = set_option(options, option, optarg, err);
		if (rc)
			return rc;
	}
	if (optind < argc)
		return err_set(err, -EINVAL, "watch: '%s' is one word too many", argv[optind]);
	options->link.receipt_port = options->target.port;
	return check_options(options, err);
}

/* A share of the voters, whoever is asked. */
static bool is_ipv6(const struct watch_options *options, uint32_t voter)
{
	return (voter * UINT64_C(7919)) % 1000000 < options->ipv6_ppm;
}

/* 65,536 voters have an IPv4 address each; the next ones have the same with another port. */
static uint16_t port_of(uint32_t voter)
{
	return (uint16_t)(FIRST_PORT + (voter >> 16) % (UINT16_MAX - FIRST_PORT));
}

/* What the link does not take now is lost, as on any network: the viewer tries again. */
static int flush(struct player *player, struct err *err)
{
	uint32_t done = 0;
	for (int tries = 0; done < player->batch_count && tries < STUCK_TRIES; tries++) {
		int sent =
			link_send(&player->link, player->batch + done, player->batch_count - done);
		if (sent < 0)
			return err_set(err, sent,
				       "--interface: sending failed: %s; is it still up?",
				       strerror(-sent));
		done += (uint32_t)sent;
	}
	player->batch_count = 0;
	return 0;
}

/* Puts all that the viewer has to send now into the batch. */
static int let_send(struct player *player, uint32_t i, struct err *err)
{
	const struct watch_options *options = player->options;
	uint8_t payload[WATCH_BYTES];
	uint32_t voter = options->audience.first + i, bytes;
	int rc = 0;
	while (rc == 0 &&
	       (bytes = audience_next(&player->audience, i, player->now_ns, payload)) > 0) {
		uint8_t *frame = player->frames[player->batch_count];
		struct ethernet_header *eth = (void *)frame;
		struct link_frame *slot = &player->batch[player->batch_count++];
		slot->data = frame;
		slot->bytes = frame_write_payload(&options->target, voter, port_of(voter),
						  is_ipv6(options, voter), payload, (uint16_t)bytes,
						  frame);
		memcpy(eth->source, player->link.mac, sizeof(eth->source));
		if (options->has_destination_mac)
			memcpy(eth->destination, options->destination_mac,
			       sizeof(eth->destination));
		rc = player->batch_count == LINK_BATCH ? flush(player, err) : 0;
	}
	return rc;
}

/* Others may watch on the same wire: what names a voter of theirs is left to them. */
static bool is_ours(const struct player *player, const struct vote_view *view)
{
	const struct audience_options *audience = &player->options->audience;
	const struct notice_head *head = (const void *)view->payload;
	return view->at.payload_bytes < sizeof(*head) ||
	       be32(head->voter_be) - audience->first < audience->count;
}

/* The viewer that a frame is addressed to: that of its voter, if address and port are its own. */
static uint32_t viewer_of(const struct player *player, const struct vote_view *view)
{
	const struct watch_options *options = player->options;
	const struct notice_head *head = (const void *)view->payload;
	if (view->at.payload_bytes < sizeof(*head))
		return AUDIENCE_NOBODY;
	uint32_t voter = be32(head->voter_be);
	bool ipv6 = view->address_bytes == 16;
	/* Its low bytes, as many as an address has of them. */
	uint32_t own = ipv6 ? 4 : 2;
	const uint8_t *low = (const uint8_t *)&head->voter_be + sizeof(voter) - own;
	if (ipv6 != is_ipv6(options, voter) || be16(view->port_be) != port_of(voter) ||
	    memcmp(view->address + view->address_bytes - own, low, own) != 0)
		return AUDIENCE_NOBODY;
	return voter - options->audience.first;
}

static int drain(struct player *player, uint32_t *received, struct err *err)
{
	struct link_frame frames[LINK_BATCH];
	int rc = 0;
	uint32_t count = link_recv(&player->link, frames, LINK_BATCH);
	for (uint32_t f = 0; f < count && rc == 0; f++) {
		struct vote_view view;
		if (!vote_view_of_answer(frames[f].data, frames[f].data + frames[f].bytes,
					 be16(player->options->target.port), &view) ||
		    !is_ours(player, &view))
			continue;
		uint32_t i = viewer_of(player, &view);
		if (audience_take(&player->audience, i, view.payload, view.at.payload_bytes,
				  frames[f].arrival_ns))
			rc = let_send(player, i, err);
	}
	link_recv_finish(&player->link);
	*received = count;
	return rc;
}

static uint64_t frames_begun(const struct player *player)
{
	return player->audience.watches + player->audience.votes_sent;
}

/* Some of the viewers, in turn, and about a batch of what they send. */
static int send_due(struct player *player, struct err *err)
{
	int rc = 0;
	uint32_t count = player->options->audience.count;
	uint64_t enough = frames_begun(player) + LINK_BATCH;
	for (uint32_t looks = 0;
	     looks < VIEWERS_A_TURN && looks < count && rc == 0 && frames_begun(player) < enough;
	     looks++) {
		rc = let_send(player, player->next, err);
		player->next = (player->next + 1) % count;
	}
	return rc == 0 && player->batch_count ? flush(player, err) : rc;
}

/* Until the time is over or somebody ends it; what is on its way then is taken yet. */
static int play(struct player *player, struct err *err)
{
	const struct timespec pause = {.tv_nsec = WAIT_NS};
	uint64_t end_ns = sender_now_ns() + player->options->for_ns, last_ns = 0;
	int rc = 0;
	for (;;) {
		uint32_t received = 0;
		player->now_ns = sender_now_ns();
		if (!last_ns && (stop_asked || player->now_ns >= end_ns))
			last_ns = player->now_ns + LAST_NS;
		if (rc || (last_ns && player->now_ns >= last_ns))
			return rc;
		rc = drain(player, &received, err);
		if (rc == 0 && !last_ns)
			rc = send_due(player, err);
		else if (rc == 0)
			rc = flush(player, err);
		if (received == 0)
			nanosleep(&pause, NULL);
	}
}

static int judge(const struct player *player, uint64_t missed)
{
	const struct audience *audience = &player->audience;
	bool spoof = player->options->audience.spoof;
	uint32_t absent = audience->options.count - audience->subscribed;
	if (audience->wrong || audience->too_soon)
		fprintf(stderr,
			"tallyreplay: watch: %" PRIu64 " datagrams are wrong, %" PRIu64
			" tell results too soon; is the appliance's keyring the same?\n",
			audience->wrong, audience->too_soon);
	if (spoof && audience->answers + audience->pushed)
		fprintf(stderr, "tallyreplay: watch: a viewer without a cookie was told\n");
	if (!spoof && absent)
		fprintf(stderr,
			"tallyreplay: watch: %u viewers were never answered; is the appliance up, "
			"with [watch] subscribers above 0?\n",
			absent);
	if (missed)
		fprintf(stderr,
			"tallyreplay: watch: %" PRIu64 " frames were missed by our own ring\n",
			missed);
	bool told = spoof ? audience->answers + audience->pushed > 0 : absent > 0;
	return audience->wrong || audience->too_soon || told ||
			       audience->votes != audience->receipted
		       ? REPLAY_FAILED
		       : REPLAY_OK;
}

static int watch_as(struct watch_options *options, const struct keyring *keyring, struct err *err)
{
	static struct player player;
	const struct tenant *tenant = keyring_tenant_by_name(keyring, options->tenant);
	if (!tenant)
		return err_set(err, -ENOENT, "--tenant: '%s' is not in %s; name one of its tenants",
			       options->tenant, options->keyring_path);
	const struct auth_key *key = keyring_newest_key(keyring, tenant->id);
	options->audience.tenant = tenant->id;
	options->audience.key_epoch = key->epoch;
	options->audience.tenant_key = key->key;
	player.options = options;
	int rc = link_open(&player.link, &link_packet_ops, &options->link, err);
	if (rc)
		return rc;
	rc = audience_open(&player.audience, &options->audience, err);
	if (rc == 0) {
		rc = play(&player, err);
		uint64_t missed = link_missed(&player.link);
		if (rc == 0 && !options->json)
			watch_report_print(&player.audience, missed);
		else if (rc == 0 && watch_report_print_json(&player.audience, missed))
			rc = err_set(err, -ENOMEM, "watch: no memory for the report");
		rc = rc ? rc : judge(&player, missed);
		audience_close(&player.audience);
	}
	link_close(&player.link);
	return rc;
}

int watch_main(int argc, char **argv)
{
	struct watch_options options;
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
	prctl(PR_SET_TIMERSLACK, 1000);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	rc = keyring_load(options.keyring_path, &keyring, &err);
	if (rc == 0) {
		rc = watch_as(&options, &keyring, &err);
		keyring_free(&keyring);
	}
	if (rc < 0)
		fprintf(stderr, "tallyreplay: %s\n", err.text);
	return rc < 0 ? REPLAY_FAILED : rc;
}
