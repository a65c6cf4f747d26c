// SPDX-License-Identifier: BSD-3-Clause
/*
 * A bad network between two interfaces: hands on what comes in on either, and loses, doubles and
 * reorders some of it, each way by a generator of its own. The same packets in the same order have
 * the same fate. Goes on while an interface is down: what would pass then is lost.
 *
 *   relay LEFT RIGHT SEED LOSS% DOUBLED% REORDERED%
 *
 * Says "relay: ready" on stdout, and on SIGTERM what became of how many. For tests, in a network
 * namespace of their own; needs CAP_NET_RAW.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH       64
#define FRAME_BYTES 2048
#define HELD_MAX    512 /* packets that wait to be overtaken */
#define HELD_LEAST  1   /* by so many that come later ... */
#define HELD_MOST   200 /* ... to so many; or until nothing comes for a while */
#define IDLE_MS     2
#define BUFFER      (16 << 20) /* of a socket: the relay itself is to lose nothing */

struct packet {
	uint32_t bytes;
	uint64_t due; /* when so many have come in */
	uint8_t data[FRAME_BYTES];
};

/* From one interface to the other. */
struct way {
	const char *name;
	int from, to;
	uint64_t random;
	uint64_t came, lost, doubled, reordered, unsent;
	struct packet held[HELD_MAX];
	uint32_t held_count;
};

static struct {
	uint32_t lost, doubled, reordered;
} percent;
static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void die(const char *what, const char *name)
{
	fprintf(stderr, "relay: %s: %s: %s\n", name, what, strerror(errno));
	exit(1);
}

/* xorshift64* */
static uint32_t below(struct way *way, uint32_t limit)
{
	way->random ^= way->random >> 12;
	way->random ^= way->random << 25;
	way->random ^= way->random >> 27;
	return (uint32_t)((way->random * 0x2545F4914F6CDD1Du) >> 32) % limit;
}

static int open_end(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int buffer = BUFFER, ignore = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || address.sll_ifindex == 0)
		die("cannot be opened", name);
	struct packet_mreq promiscuous = {.mr_ifindex = address.sll_ifindex,
					  .mr_type = PACKET_MR_PROMISC};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) !=
		    0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("cannot be listened to", name);
	return fd;
}

/* An interface that is down takes nothing: that is lost, as on a wire. */
static void pass(struct way *way, const uint8_t *data, uint32_t bytes)
{
	while (send(way->to, data, bytes, 0) < 0) {
		struct pollfd room = {.fd = way->to, .events = POLLOUT};
		if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
			way->unsent++;
			return;
		}
		poll(&room, 1, 1);
	}
}

/* What was overtaken by enough, or all of it. */
static void release(struct way *way, bool all)
{
	for (uint32_t i = 0; i < way->held_count;) {
		struct packet *packet = &way->held[i];
		if (!all && packet->due > way->came) {
			i++;
			continue;
		}
		pass(way, packet->data, packet->bytes);
		*packet = way->held[--way->held_count];
	}
}

static void hold(struct way *way, const uint8_t *data, uint32_t bytes)
{
	struct packet *packet = &way->held[way->held_count++];
	packet->bytes = bytes;
	packet->due = way->came + HELD_LEAST + below(way, HELD_MOST);
	memcpy(packet->data, data, bytes);
}

/* One number decides, so that each packet takes its part of the generator, whatever comes of it. */
static void judge(struct way *way, const uint8_t *data, uint32_t bytes)
{
	uint32_t fate = below(way, 100);
	way->came++;
	if (fate < percent.lost) {
		way->lost++;
		return;
	}
	fate -= percent.lost;
	if (fate < percent.doubled) {
		way->doubled++;
		pass(way, data, bytes);
		if (way->held_count < HELD_MAX)
			hold(way, data, bytes); /* the copy comes later */
		return;
	}
	fate -= percent.doubled;
	if (fate < percent.reordered && way->held_count < HELD_MAX) {
		way->reordered++;
		hold(way, data, bytes);
		return;
	}
	pass(way, data, bytes);
}

/* Takes what has come in; an interface that went down says so once, and is listened to again. */
static bool forward(struct way *way)
{
	static uint8_t frames[BATCH][FRAME_BYTES];
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){frames[i], FRAME_BYTES};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	int count = recvmmsg(way->from, messages, BATCH, 0, NULL);
	for (int i = 0; i < count; i++)
		judge(way, frames[i], messages[i].msg_len);
	release(way, false);
	return count > 0;
}

static void tell(const struct way *way)
{
	printf("%s: %llu came, %llu lost, %llu doubled, %llu reordered, %llu while it was down\n",
	       way->name, (unsigned long long)way->came, (unsigned long long)way->lost,
	       (unsigned long long)way->doubled, (unsigned long long)way->reordered,
	       (unsigned long long)way->unsent);
}

int main(int argc, char **argv)
{
	static struct way ways[2];
	if (argc != 7) {
		fprintf(stderr, "relay LEFT RIGHT SEED LOSS%% DOUBLED%% REORDERED%%\n");
		return 2;
	}
	int left = open_end(argv[1]), right = open_end(argv[2]);
	uint64_t seed = strtoull(argv[3], NULL, 10) * 0x9E3779B97F4A7C15u;
	percent.lost = (uint32_t)atoi(argv[4]);
	percent.doubled = (uint32_t)atoi(argv[5]);
	percent.reordered = (uint32_t)atoi(argv[6]);
	ways[0] = (struct way){.name = argv[1], .from = left, .to = right, .random = seed | 1};
	ways[1] = (struct way){.name = argv[2], .from = right, .to = left, .random = ~seed | 2};
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	puts("relay: ready");
	fflush(stdout);
	while (!stopped) {
		struct pollfd ends[2] = {{.fd = left, .events = POLLIN},
					 {.fd = right, .events = POLLIN}};
		int ready = poll(ends, 2, IDLE_MS);
		for (int i = 0; i < 2; i++)
			if (ready <= 0 || !forward(&ways[i]))
				release(&ways[i], ready == 0);
	}
	tell(&ways[0]);
	tell(&ways[1]);
	return 0;
}
