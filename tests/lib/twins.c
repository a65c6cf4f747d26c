// SPDX-License-Identifier: BSD-3-Clause
/*
 * Twin votes, racing: each voter's two votes, with different answers, go out on two ways, one
 * thread a way. Each batch is put into both queues while the appliance's process is stopped; when
 * it goes on, both workers find the same voters before them. Receipts are read back on the way they
 * come by; what has none is sent again. Run by the stories two_queues and two_ports, which compare
 * what it prints with what the appliance reports.
 *
 *   twins KEYRING TENANT INTERACTION VOTERS PIDFILE WAY WAY
 *
 * A way is tap:NAME, a queue of that tap device (made here, gone with this program), or wire:NAME,
 * raw frames on an interface. It says "open" when both ways are, races on SIGUSR1 with the process
 * that PIDFILE names then, prints one JSON object, and keeps the ways open until it is ended.
 * "wrong" counts what must not be. It ends by itself only where there is nothing to race with: with
 * exit code 77 where the machine has no such ways, with 1 where nobody answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/show/keyring.h"
#include "perf/frame_write.h"
#include "perf/vote_view.h"
#include "tests/lib/twin_books.h"
#include "wire/byte_order.h"

#define EXIT_SKIP     77
#define RESEND_MS     200
#define SILENT_ROUNDS 100 /* of resending without any receipt: then nobody answers */
#define SOCKET_BYTES  (32 << 20)
#define FRAME_ROOM    2048

struct racer {
	struct twin_book book;
	int fd;
	uint32_t sent;   /* voters below this were sent at least once */
	uint32_t oldest; /* voters below this have a receipt */
	pid_t appliance;
	pthread_barrier_t *meeting;
	pthread_t thread;
	uint32_t bytes[TWIN_BATCH];
	uint8_t frames[TWIN_BATCH][FRAME_MAX_BYTES];
};

__attribute__((noreturn, format(printf, 2, 3))) static void die(int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs(code == EXIT_SKIP ? "SKIP: " : "twins: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(code);
}

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die(EXIT_SKIP, "/dev/net/tun: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		die(EXIT_SKIP, "no tap device '%s' with several queues: %s", name, strerror(errno));
	return fd;
}

static int open_wire(const char *name)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = be16(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int one = 1, bytes = SOCKET_BYTES;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die(EXIT_SKIP, "no raw socket: %s", strerror(errno));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (!address.sll_ifindex || bind(fd, (const void *)&address, sizeof(address)))
		die(EXIT_FAILURE, "no interface '%s': %s", name, strerror(errno));
	return fd;
}

static int open_way(const char *way)
{
	if (strncmp(way, "tap:", 4) == 0)
		return open_tap(way + 4);
	if (strncmp(way, "wire:", 5) == 0)
		return open_wire(way + 5);
	die(EXIT_FAILURE, "'%s' is neither tap:NAME nor wire:NAME", way);
}

static void take_frame(struct racer *racer, uint8_t *data, ssize_t bytes)
{
	struct vote_view view;
	if (vote_view_of_receipt(data, data + bytes, racer->book.plan->port_be, &view))
		twin_book_receipt(&racer->book, (const void *)view.payload);
}

/* Reads all that has come in. */
static void drain(struct racer *racer)
{
	uint8_t frame[FRAME_ROOM];
	ssize_t bytes;
	while ((bytes = read(racer->fd, frame, sizeof(frame))) > 0)
		take_frame(racer, frame, bytes);
	if (bytes < 0 && errno != EAGAIN && errno != EINTR)
		die(EXIT_FAILURE, "way %u: cannot read: %s", racer->book.way, strerror(errno));
}

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void build(struct racer *racer, uint32_t voter, uint32_t slot)
{
	const struct frame_target target = {
		.port = be16(racer->book.plan->port_be),
		.ipv4 = {198, 18, 255, 1},
	};
	struct vote_packet vote;
	twin_book_vote(&racer->book, voter, now_us(), &vote);
	racer->bytes[slot] = frame_write(&target, voter, (uint16_t)(1024 + racer->book.way), false,
					 &vote, racer->frames[slot]);
}

static void send_frame(struct racer *racer, uint32_t slot)
{
	while (write(racer->fd, racer->frames[slot], racer->bytes[slot]) < 0) {
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			die(EXIT_FAILURE, "way %u: cannot write: %s", racer->book.way,
			    strerror(errno));
		struct pollfd wait = {.fd = racer->fd, .events = POLLOUT};
		poll(&wait, 1, 1);
		drain(racer);
	}
}

/* Sends every vote without a receipt once more. */
static void resend(struct racer *racer)
{
	for (uint32_t voter = racer->oldest; voter < racer->sent; voter++) {
		if (racer->book.twins[voter].answers)
			continue;
		build(racer, voter, 0);
		send_frame(racer, 0);
		racer->book.resent++;
	}
}

/* Until every vote that was sent has its receipt. */
static void settle(struct racer *racer)
{
	uint32_t silent = 0;
	drain(racer);
	while (racer->book.answered < racer->sent) {
		struct pollfd wait = {.fd = racer->fd, .events = POLLIN};
		uint64_t before = racer->book.receipts;
		if (poll(&wait, 1, RESEND_MS) == 0)
			resend(racer);
		drain(racer);
		silent = racer->book.receipts == before ? silent + 1 : 0;
		if (silent > SILENT_ROUNDS)
			die(EXIT_FAILURE, "way %u: %u of %u votes have no receipt", racer->book.way,
			    racer->sent - racer->book.answered, racer->sent);
	}
	racer->oldest = racer->sent;
}

/* When both threads have come here, the appliance stops or goes on, and then they do. */
static void signal_appliance(struct racer *racer, int number)
{
	pthread_barrier_wait(racer->meeting);
	if (racer->book.way == 0 && kill(racer->appliance, number))
		die(EXIT_FAILURE, "process %d: %s", (int)racer->appliance, strerror(errno));
	pthread_barrier_wait(racer->meeting);
}

static void *race(void *argument)
{
	struct racer *racer = argument;
	uint32_t voters = racer->book.plan->voters;
	for (uint32_t from = 0; from < voters; from = racer->sent) {
		uint32_t count = voters - from < TWIN_BATCH ? voters - from : TWIN_BATCH;
		for (uint32_t i = 0; i < count; i++)
			build(racer, from + i, i);
		signal_appliance(racer, SIGSTOP);
		for (uint32_t i = 0; i < count; i++)
			send_frame(racer, i);
		racer->sent += count;
		signal_appliance(racer, SIGCONT);
		settle(racer);
	}
	return NULL;
}

static void print(const struct racer *racers, const struct twin_summary *summary)
{
	printf("{\"voters\": %u, \"counted\": %llu, \"counted_lost\": %llu, \"won\": [%llu, %llu], "
	       "\"batches\": %llu, \"mixed_batches\": %llu, \"close\": %llu, \"votes\": [",
	       racers[0].book.plan->voters, (unsigned long long)summary->counted,
	       (unsigned long long)summary->counted_lost, (unsigned long long)summary->won[0],
	       (unsigned long long)summary->won[1], (unsigned long long)summary->batches,
	       (unsigned long long)summary->mixed_batches, (unsigned long long)summary->close);
	for (int i = 0; i < TWIN_OPTIONS; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)summary->votes[i]);
	printf("], \"receipts\": [%llu, %llu], \"resent\": [%llu, %llu], \"wrong\": %llu}\n",
	       (unsigned long long)racers[0].book.receipts,
	       (unsigned long long)racers[1].book.receipts,
	       (unsigned long long)racers[0].book.resent, (unsigned long long)racers[1].book.resent,
	       (unsigned long long)(summary->wrong + racers[0].book.wrong + racers[1].book.wrong));
	fflush(stdout);
}

static pid_t read_pid(const char *path)
{
	int pid = 0;
	FILE *file = fopen(path, "re");
	if (!file || fscanf(file, "%d", &pid) != 1 || pid <= 1)
		die(EXIT_FAILURE, "%s: no process id", path);
	fclose(file);
	return pid;
}

static void read_plan(char **argv, struct twin_plan *plan)
{
	struct keyring keyring;
	struct err err;
	if (keyring_load(argv[1], &keyring, &err))
		die(EXIT_FAILURE, "%s", err.text);
	const struct tenant *tenant = keyring_tenant_by_name(&keyring, argv[2]);
	if (!tenant)
		die(EXIT_FAILURE, "%s: no tenant '%s'", argv[1], argv[2]);
	*plan = (struct twin_plan){
		.key = *keyring_newest_key(&keyring, tenant->id),
		.interaction = (uint32_t)strtoul(argv[3], NULL, 10),
		.voters = (uint32_t)strtoul(argv[4], NULL, 10),
		.port_be = be16(QUIC_LITE_DEFAULT_PORT),
	};
	keyring_free(&keyring);
	if (!plan->voters)
		die(EXIT_FAILURE, "'%s' voters", argv[4]);
}

int main(int argc, char **argv)
{
	static struct racer racers[TWIN_WAYS];
	pthread_barrier_t meeting;
	struct twin_plan plan;
	struct twin_summary summary;
	sigset_t go;
	if (argc != 6 + TWIN_WAYS)
		die(EXIT_FAILURE, "wants KEYRING TENANT INTERACTION VOTERS PIDFILE WAY WAY");
	read_plan(argv, &plan);
	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	pthread_barrier_init(&meeting, NULL, TWIN_WAYS);
	for (uint32_t way = 0; way < TWIN_WAYS; way++) {
		if (twin_book_open(&racers[way].book, &plan, way))
			die(EXIT_FAILURE, "no memory for %u voters", plan.voters);
		racers[way].fd = open_way(argv[6 + way]);
		racers[way].meeting = &meeting;
	}
	puts("open");
	fflush(stdout);
	sigwait(&go, &(int){0});
	for (int way = 0; way < TWIN_WAYS; way++) {
		racers[way].appliance = read_pid(argv[5]);
		if (pthread_create(&racers[way].thread, NULL, race, &racers[way]))
			die(EXIT_FAILURE, "no thread");
	}
	for (int way = 0; way < TWIN_WAYS; way++)
		pthread_join(racers[way].thread, NULL);
	twin_books_judge(&racers[0].book, &racers[1].book, &summary);
	print(racers, &summary);
	pause();
	return EXIT_SUCCESS;
}
