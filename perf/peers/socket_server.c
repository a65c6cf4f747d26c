// SPDX-License-Identifier: BSD-3-Clause
/*
 * The honest peer of the appliance: the same votes, windows, ballots and receipts, on the kernel's
 * own UDP sockets. Started by perf/scenarios/bench_veth.sh, for comparison only.
 *
 *   CPU ── thread ── socket of one SO_REUSEPORT group ─ recvmmsg ─ pipeline_run ─ sendmmsg
 *
 * It arms the windows of a rundown, says "ready", serves until SIGTERM or SIGINT and prints results
 * and its own counters as JSON. It speaks IPv4 only, and has no control socket and no XDP front.
 *
 * What makes it fast: bursts of 64 in both directions and one system call for each; buffers,
 * addresses and message headers made once; the receipt is sent from the buffer the vote came in; no
 * lock, no allocation, no cache line shared by threads but the ballot's; large socket buffers;
 * receipts that may not be fragmented, which spares the kernel their identification. The pipeline
 * wants frames, so each payload gets an Ethernet, IPv4 and UDP header in front; perf/README.md says
 * what that costs.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "dataplane/clock.h"
#include "dataplane/core/pipeline.h"
#include "dataplane/show/keyring.h"
#include "dataplane/show/results.h"
#include "dataplane/show/rundown.h"
#include "dataplane/window_results.h"
#include "dataplane/windows.h"
#include "perf/options.h"

/* Of one datagram; what is longer is cut, and malformed. An odd number of cache lines, so that a
 * burst's payloads spread over the cache's sets. */
#define SLOT_BYTES         (33 * 64)
#define PAYLOAD_AT         64 /* in a slot; the headers lie right before it */
#define SOCKET_BYTES       (64 << 20)
#define STOP_CHECK_US      100000
#define LANES_MAX          64
#define WINDOW_MEMORY_MAX  (16ull << 30)
#define UPVOTES_PER_VOTER  8
#define DEFAULT_MAX_VOTERS 2000000

struct headers {
	struct ethernet_header ethernet;
	struct ipv4_header ip;
	struct udp_header udp;
} __attribute__((packed));

/* One thread with its socket; nobody else writes here before it has ended, but for `stop`. */
struct lane {
	int fd;
	int cpu;
	int wait;  /* flag of recvmmsg() */
	bool stop; /* main's */
	pthread_t thread;
	struct pipeline pipeline;
	struct pipeline_counters counters;
	struct burst burst;
	struct headers headers; /* what each vote gets in front; lengths are filled in */
	struct sockaddr_in viewers[BURST_MAX];
	struct iovec in_data[BURST_MAX], out_data[BURST_MAX];
	struct mmsghdr in[BURST_MAX], out[BURST_MAX];
	uint64_t unsent;
	uint8_t slots[BURST_MAX][SLOT_BYTES] __attribute__((aligned(64)));
};

struct server {
	const char *keyring_path, *rundown_path;
	uint8_t address[4];
	uint16_t port;
	uint64_t voters;
	bool poll; /* never sleep, as tallyd's workers do not */
	struct keyring keyring;
	struct rundown rundown;
	struct windows *windows;
	struct lane *lanes[LANES_MAX];
	int cpus[LANES_MAX];
	uint32_t lane_count;
};

/* Windows are armed once and never changed, so nobody holds an old table. */
static void nobody_to_wait_for(void *context)
{
	(void)context;
}

static int arm_windows(struct server *server, struct err *err)
{
	const struct windows_options options = {
		.voters = server->voters,
		.upvotes_per_voter = UPVOTES_PER_VOTER,
		.upvotes = UINT64_MAX,
		.memory_bytes = WINDOW_MEMORY_MAX,
		.workers = server->lane_count,
		.prefault = true,
		.quiesce = nobody_to_wait_for,
	};
	int rc = windows_create(&options, &server->windows, err);
	if (rc)
		return rc;
	return windows_arm(server->windows, server->rundown.interactions, server->rundown.count,
			   err);
}

/* Everything in the message headers that stays the same from burst to burst. */
static void prepare_messages(struct lane *lane)
{
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		lane->in_data[i].iov_base = lane->slots[i] + PAYLOAD_AT;
		lane->in_data[i].iov_len = SLOT_BYTES - PAYLOAD_AT;
		lane->in[i].msg_hdr.msg_iov = &lane->in_data[i];
		lane->in[i].msg_hdr.msg_iovlen = 1;
		lane->in[i].msg_hdr.msg_name = &lane->viewers[i];
		lane->in[i].msg_hdr.msg_namelen = sizeof(lane->viewers[i]);
		lane->out[i].msg_hdr.msg_iov = &lane->out_data[i];
		lane->out[i].msg_hdr.msg_iovlen = 1;
		lane->out[i].msg_hdr.msg_namelen = sizeof(lane->viewers[i]);
		lane->burst.data[i] = lane->slots[i] + PAYLOAD_AT - sizeof(struct headers);
	}
}

static void prepare_headers(struct lane *lane, const struct server *server)
{
	struct headers *headers = &lane->headers;
	headers->ethernet.type_be = be16(NET_TYPE_IPV4);
	headers->ip.version_words = 0x45;
	headers->ip.ttl = 64;
	headers->ip.l4_proto = NET_PROTO_UDP;
	memcpy(headers->ip.destination, server->address, sizeof(server->address));
	headers->udp.destination_port_be = be16(server->port);
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int open_socket(const struct server *server, struct err *err)
{
	const struct timeval timeout = {.tv_usec = STOP_CHECK_US};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = be16(server->port)};
	memcpy(&address.sin_addr, server->address, sizeof(server->address));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	/* Without CAP_NET_ADMIN the kernel's own limit holds. */
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BYTES))
		set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
	if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BYTES))
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
	/* No fragments, so no identification has to be drawn for each receipt. */
	set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	if (set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		int rc = err_set(err, -errno, "UDP port %u cannot be bound: %s", server->port,
				 strerror(errno));
		close(fd);
		return rc;
	}
	return fd;
}

static int open_lane(struct server *server, uint32_t number, struct err *err)
{
	struct lane *lane = aligned_alloc(_Alignof(struct lane), sizeof(*lane));
	if (!lane)
		return err_set(err, -ENOMEM, "out of memory");
	memset(lane, 0, sizeof(*lane));
	lane->fd = open_socket(server, err);
	if (lane->fd < 0) {
		int rc = lane->fd;
		free(lane);
		return rc;
	}
	lane->cpu = server->cpus[number];
	lane->wait = server->poll ? MSG_DONTWAIT : MSG_WAITFORONE;
	lane->pipeline = (struct pipeline){
		.keys = server->keyring.table,
		.windows = *windows_published(server->windows),
		.counters = &lane->counters,
		.worker = number,
		.vote_port_be = be16(server->port),
	};
	prepare_messages(lane);
	prepare_headers(lane, server);
	server->lanes[number] = lane;
	return 0;
}

/* Makes frames of what came in. */
static void fill_burst(struct lane *lane, uint32_t count)
{
	struct burst *burst = &lane->burst;
	uint64_t now_us = clock_now_us();
	burst->count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct headers *headers = (void *)burst->data[i];
		uint32_t udp_bytes = (uint32_t)sizeof(headers->udp) + lane->in[i].msg_len;
		*headers = lane->headers;
		headers->ip.total_bytes_be = be16((uint16_t)(sizeof(headers->ip) + udp_bytes));
		headers->udp.bytes_be = be16((uint16_t)udp_bytes);
		burst->bytes[i] = (uint32_t)sizeof(*headers) + lane->in[i].msg_len;
		burst->arrival_us[i] = now_us;
		lane->in[i].msg_hdr.msg_namelen = sizeof(lane->viewers[i]);
	}
}

static uint32_t gather_replies(struct lane *lane)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < lane->burst.count; i++) {
		if (!lane->burst.reply_bytes[i])
			continue;
		lane->out_data[count].iov_base = lane->slots[i] + PAYLOAD_AT;
		lane->out_data[count].iov_len = lane->burst.reply_bytes[i] - sizeof(struct headers);
		lane->out[count++].msg_hdr.msg_name = &lane->viewers[i];
	}
	return count;
}

static void send_replies(struct lane *lane)
{
	uint32_t count = gather_replies(lane), sent = 0;
	while (sent < count) {
		int rc = sendmmsg(lane->fd, lane->out + sent, count - sent, 0);
		if (rc > 0) {
			sent += (uint32_t)rc;
		} else if (errno != EINTR) { /* this one cannot be sent; the next may */
			lane->unsent++;
			sent++;
		}
	}
}

static void *run_lane(void *arg)
{
	struct lane *lane = arg;
	while (!__atomic_load_n(&lane->stop, __ATOMIC_RELAXED)) {
		int count = recvmmsg(lane->fd, lane->in, BURST_MAX, lane->wait, NULL);
		if (count <= 0)
			continue;
		fill_burst(lane, (uint32_t)count);
		pipeline_run(&lane->pipeline, &lane->burst);
		send_replies(lane);
	}
	return NULL;
}

static int start_lane(struct lane *lane, struct err *err)
{
	pthread_attr_t attr;
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(lane->cpu, &cpus);
	pthread_attr_init(&attr);
	int rc = pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	if (rc == 0)
		rc = pthread_create(&lane->thread, &attr, run_lane, lane);
	pthread_attr_destroy(&attr);
	return rc ? err_set(err, -rc, "no thread on CPU %d: %s", lane->cpu, strerror(rc)) : 0;
}

static void stop_lanes(struct server *server, uint32_t started)
{
	for (uint32_t i = 0; i < started; i++)
		__atomic_store_n(&server->lanes[i]->stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(server->lanes[i]->thread, NULL);
}

/* Serves until a signal that main has blocked comes in. */
static int serve(struct server *server, const sigset_t *signals, struct err *err)
{
	int signal_number;
	for (uint32_t i = 0; i < server->lane_count; i++) {
		int rc = start_lane(server->lanes[i], err);
		if (rc) {
			stop_lanes(server, i);
			return rc;
		}
	}
	puts("socket_server: ready");
	fflush(stdout);
	sigwait(signals, &signal_number);
	stop_lanes(server, server->lane_count);
	return 0;
}

/* Datagrams that found the socket's buffer full. */
static uint64_t socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t bytes = sizeof(info);
	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &bytes);
	return info[SK_MEMINFO_DROPS];
}

static json_t *counters_json(const struct server *server, struct datagram_counts *counts)
{
	uint64_t bursts = 0, unsent = 0, cycles = 0;
	for (uint32_t i = 0; i < server->lane_count; i++) {
		const struct lane *lane = server->lanes[i];
		counts->received += lane->counters.received;
		counts->missed += socket_drops(lane->fd);
		for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
			counts->verdicts[verdict] += lane->counters.verdicts[verdict];
		for (int step = 0; step < PIPELINE_STEP_COUNT; step++)
			cycles += lane->counters.step_cycles[step];
		bursts += lane->counters.bursts;
		unsent += lane->unsent;
	}
	double received = counts->received ? (double)counts->received : 1;
	return json_pack("{s:I,s:I,s:I,s:f,s:f}", "threads", (json_int_t)server->lane_count,
			 "bursts", (json_int_t)bursts, "receipts_unsent", (json_int_t)unsent,
			 "burst_fill", bursts ? received / (double)bursts : 0,
			 "pipeline_cycles_per_vote", (double)cycles / received);
}

/* The results document of docs/files.md, and this program's own counters beside it. */
static int print_results(struct server *server)
{
	struct datagram_counts counts = {0};
	uint64_t now_us = clock_now_us();
	json_t *counters = counters_json(server, &counts);
	const struct results_wish wish = {.now_us = now_us, .top = BOARDS_DEFAULT_TOP};
	struct results_parts parts = {.interactions = json_array(), .leaderboards = json_array()};
	struct clock_quality quality;
	for (uint32_t i = 0; i < windows_count(server->windows); i++) {
		struct armed_window *armed = windows_at(server->windows, i);
		struct tally_sum sum;
		windows_sum(server->windows, armed, now_us, &sum);
		json_array_append_new(parts.interactions,
				      window_results_one(server->windows, armed, &wish, &sum));
		if (!boards_is_quiz(armed))
			continue;
		parts.has_quizzes = true;
		if (boards_first_of_show(server->windows, armed) == armed)
			window_results_add_leaderboard(server->windows, armed, &wish,
						       parts.leaderboards);
	}
	clock_read_quality(&quality);
	parts.datagrams = results_datagrams(&counts, false);
	parts.clock = clock_quality_json(&quality);
	json_t *document = results_document(&parts);
	json_object_set_new(document, "server", counters);
	int rc = json_dumpf(document, stdout, JSON_INDENT(2)) || putchar('\n') == EOF;
	json_decref(document);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void close_server(struct server *server)
{
	for (uint32_t i = 0; i < server->lane_count; i++) {
		if (!server->lanes[i])
			continue;
		close(server->lanes[i]->fd);
		free(server->lanes[i]);
	}
	windows_destroy(server->windows);
	rundown_free(&server->rundown);
	keyring_free(&server->keyring);
}

static int open_server(struct server *server, struct err *err)
{
	int rc = keyring_load(server->keyring_path, &server->keyring, err);
	if (rc == 0)
		rc = rundown_load(server->rundown_path, &server->keyring, &server->rundown, err);
	if (rc == 0)
		rc = arm_windows(server, err);
	for (uint32_t i = 0; rc == 0 && i < server->lane_count; i++)
		rc = open_lane(server, i, err);
	return rc;
}

/* "0,1,3" */
static int take_cpus(struct server *server, char *text, struct err *err)
{
	for (char *rest = text, *one; (one = strsep(&rest, ","));) {
		uint64_t cpu;
		int rc = option_number("--cpus", one, 0, CPU_SETSIZE - 1, &cpu, err);
		if (rc == 0 && server->lane_count == LANES_MAX)
			rc = err_set(err, -EINVAL, "--cpus: at most %d", LANES_MAX);
		if (rc)
			return rc;
		server->cpus[server->lane_count++] = (int)cpu;
	}
	return 0;
}

static int take_options(struct server *server, int argc, char **argv, struct err *err)
{
	static const struct option table[] = {
		{"keyring", required_argument, NULL, 'k'},
		{"rundown", required_argument, NULL, 'r'},
		{"listen", required_argument, NULL, 'l'},
		{"cpus", required_argument, NULL, 'c'},
		{"voters", required_argument, NULL, 'v'},
		{"poll", no_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	int option, rc = 0;
	opterr = 0;
	while (rc == 0 && (option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 'k': server->keyring_path = optarg; break;
		case 'r': server->rundown_path = optarg; break;
		case 'l':
			rc = option_ipv4_port("--listen", optarg, server->address, &server->port,
					      err);
			break;
		case 'p': server->poll = true; break;
		case 'c': rc = take_cpus(server, optarg, err); break;
		case 'v':
			rc = option_number("--voters", optarg, 1, 1ull << 32, &server->voters, err);
			break;
		default:
			rc = err_set(err, -EINVAL, "%s: no such option, or no value",
				     argv[optind - 1]);
			break;
		}
	}
	if (rc == 0 && (!server->keyring_path || !server->rundown_path || !server->lane_count))
		rc = err_set(err, -EINVAL, "wants --keyring, --rundown and --cpus");
	return rc;
}

int main(int argc, char **argv)
{
	static struct server server = {
		.port = QUIC_LITE_DEFAULT_PORT,
		.voters = DEFAULT_MAX_VOTERS,
	};
	struct err err;
	sigset_t signals;
	if (take_options(&server, argc, argv, &err)) {
		fprintf(stderr,
			"socket_server: %s\nusage: socket_server --keyring FILE --rundown FILE "
			"--cpus 0,1,... [--listen IP:PORT] [--voters N] [--poll]\n",
			err.text);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL); /* before any thread starts */
	clock_start();
	int rc = open_server(&server, &err);
	if (rc == 0)
		rc = serve(&server, &signals, &err);
	int status = EXIT_FAILURE;
	if (rc)
		fprintf(stderr, "socket_server: %s\n", err.text);
	else
		status = print_results(&server);
	close_server(&server);
	return status;
}
