// SPDX-License-Identifier: BSD-3-Clause
/*
 * Viewers who keep books, and an appliance that is killed under them again and again: what a
 * receipt has told is there in the next life, nothing is counted twice, and when all have
 * their receipts the result is what they answered.
 *
 *   crash_story kill LIVES DIRECTORY             kill -9 at random moments, also while it starts
 *   crash_story power LIVES DIRECTORY DEVICE     the file system mounted above the directory is
 * shut down crash_story full 1 DIRECTORY FILLER          its disk has no room until FILLER is
 * removed
 *
 * Exits with 0, or 1 and a line. TALLYWIRE_TEST_SEED=… repeats the viewers' part of a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/life.h"
#include "tests/lib/stage.h"
#include "wire/byte_order.h"

#define REVISIONS 3 /* that each voter of the second window sends */
#define ITEMS     (LIFE_VOTERS * (1 + REVISIONS))
#define SHUTDOWN  0x8004587d /* EXT4_IOC_SHUTDOWN: nothing more reaches the device */
#define NO_LOG    2u

/* One vote that is sent until it has its receipt. */
struct item {
	uint32_t voter;
	uint8_t window; /* LIFE_ONCE, LIFE_CHANGES */
	uint8_t revision;
};

static struct life_shared *shared;
static const char *directory, *device;
static struct item items[ITEMS];
static bool acked[LIFE_WINDOWS][LIFE_VOTERS][REVISIONS];
static int told[LIFE_VOTERS]; /* the highest revision that is said to stand, -1: none */
static uint32_t cursor, left = ITEMS;
static uint64_t state, receipts, busy, kills_in_start, life_receipts;
static pid_t life;

_Noreturn __attribute__((format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("FAIL: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	if (life > 0)
		kill(life, SIGKILL);
	exit(1);
}

static uint64_t below(uint64_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

static uint16_t choice_of(uint32_t window, uint32_t voter, uint32_t revision)
{
	return (uint16_t)((voter / 3 + window + revision) % LIFE_OPTIONS);
}

/* Which revision has this choice; they differ. */
static int revision_of(uint32_t voter, uint16_t choice)
{
	for (int revision = 0; revision < REVISIONS; revision++)
		if (choice_of(LIFE_CHANGES, voter, (uint32_t)revision) == choice)
			return revision;
	return -1;
}

static void make_items(void)
{
	uint32_t count = 0;
	for (uint32_t voter = 0; voter < LIFE_VOTERS; voter++) {
		items[count++] = (struct item){voter, LIFE_ONCE, 0};
		for (uint8_t revision = 0; revision < REVISIONS; revision++)
			items[count++] = (struct item){voter, LIFE_CHANGES, revision};
		told[voter] = -1;
	}
	for (uint32_t i = ITEMS - 1; i > 0; i--) {
		uint32_t other = (uint32_t)below(i + 1);
		struct item item = items[i];
		items[i] = items[other];
		items[other] = item;
	}
}

static void send_item(const struct item *item)
{
	struct life_ring *in = &shared->in[below(LIFE_WORKERS)];
	const struct vote vote = {
		.tenant = LIFE_TENANT,
		.server = 1,
		.key_epoch = 1,
		.interaction = item->window,
		.voter = item->voter,
		.revision = item->revision,
		.choice = choice_of(item->window, item->voter, item->revision),
		.program_time_us = shared->opens_at_us + 1000,
	};
	if (in->head - __atomic_load_n(&in->tail, __ATOMIC_ACQUIRE) == LIFE_SLOTS)
		return;
	stage_sign(&vote, (void *)in->votes[in->head % LIFE_SLOTS]);
	__atomic_store_n(&in->head, in->head + 1, __ATOMIC_RELEASE);
}

/* The next ones that have no receipt yet. */
static void send_some(void)
{
	for (uint32_t tries = 0; tries < 256; tries++) {
		const struct item *item = &items[cursor++ % ITEMS];
		if (!acked[item->window - 1][item->voter][item->revision])
			send_item(item);
	}
}

/* What this receipt says of the voter's answer stands for good; those of two workers may overtake
 * each other. */
static void note_standing(uint32_t window, uint32_t voter, uint32_t revision, uint16_t choice)
{
	if (window == LIFE_ONCE) {
		if (choice != choice_of(LIFE_ONCE, voter, 0))
			fail("voter %u is told that %u stands", voter, choice);
		return;
	}
	int stands = revision_of(voter, choice);
	if (stands < (int)revision)
		fail("voter %u is told that %d stands, after %u", voter, stands, revision);
	told[voter] = stands > told[voter] ? stands : told[voter];
}

static void take_receipt(const uint8_t bytes[40])
{
	const struct vote_packet *receipt = (const void *)bytes;
	uint32_t window = be32(receipt->interaction_be), voter = be32(receipt->voter_be);
	uint32_t revision = bytes[31];
	uint8_t status = bytes[28];
	if (status == RECEIPT_BUSY) {
		busy++;
		return;
	}
	if (status > RECEIPT_DUPLICATE || window - 1 >= LIFE_WINDOWS || voter >= LIFE_VOTERS ||
	    revision >= REVISIONS)
		fail("a receipt of status %u for %u/%u", status, window, voter);
	note_standing(window, voter, revision, be16(receipt->choice_be));
	bool *known = &acked[window - 1][voter][revision];
	left -= !*known;
	*known = true;
	receipts++;
	life_receipts++;
}

static void take_receipts(void)
{
	for (uint32_t i = 0; i < LIFE_WORKERS; i++) {
		struct life_ring *out = &shared->out[i];
		uint64_t head = __atomic_load_n(&out->head, __ATOMIC_ACQUIRE);
		for (; out->tail < head; out->tail++)
			take_receipt(out->votes[out->tail % LIFE_SLOTS]);
		__atomic_store_n(&out->tail, out->tail, __ATOMIC_RELEASE);
	}
}

/* What the life has read back, against the books. */
static void judge_recovered(void)
{
	for (uint32_t window = LIFE_ONCE; window <= LIFE_CHANGES; window++) {
		uint64_t votes[LIFE_OPTIONS] = {0}, voters = 0;
		for (uint32_t voter = 0; voter < LIFE_VOTERS; voter++) {
			uint16_t choice = shared->standing[window - 1][voter];
			int stands = window == LIFE_CHANGES ? revision_of(voter, choice)
				     : choice == choice_of(window, voter, 0) ? 0
									     : -1;
			int wanted = window == LIFE_CHANGES ? told[voter]
				     : acked[0][voter][0]   ? 0
							    : -1;
			if (stands < wanted)
				fail("window %u: voter %u was told %d, and %d (choice %u) is there",
				     window, voter, wanted, stands, choice);
			if (choice != CHOICE_NONE && stands < 0)
				fail("window %u: voter %u never gave %u", window, voter, choice);
			voters += choice != CHOICE_NONE;
			votes[choice % LIFE_OPTIONS] += choice != CHOICE_NONE;
		}
		if (shared->counted[window - 1] != voters)
			fail("window %u: %lu counted of %lu voters", window,
			     shared->counted[window - 1], voters);
		if (memcmp(shared->votes[window - 1], votes, sizeof(votes)))
			fail("window %u: options do not add up to what stands", window);
	}
}

static void begin_life(void)
{
	memset(shared->in, 0, sizeof(shared->in));
	memset(shared->out, 0, sizeof(shared->out));
	shared->ready = shared->failed = shared->stop = shared->resume = false;
	life_receipts = 0;
	fflush(NULL);
	life = fork();
	if (life < 0)
		fail("no process");
	if (life == 0)
		life_run(shared, directory);
}

static bool is_ready(void)
{
	return __atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE);
}

/* It must not end by itself. */
static void check_alive(void)
{
	int status;
	if (waitpid(life, &status, WNOHANG) == 0)
		return;
	life = 0;
	fail("a life ended by itself: %s", shared->wrong[0] ? shared->wrong : "no reason given");
}

static void await_ready(void)
{
	while (!is_ready()) {
		check_alive();
		usleep(200);
	}
	judge_recovered();
}

/* What the killed process had under way is let go of a moment after its end. */
static void remount(void)
{
	int tries = 0;
	while (umount2(directory, 0) && errno == EBUSY && tries++ < 2000)
		usleep(1000);
	if (mount(device, directory, "ext4", 0, NULL))
		fail("%s cannot be mounted again: %s", device, strerror(errno));
}

static void cut_power(void)
{
	uint32_t how = NO_LOG;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, SHUTDOWN, &how))
		fail("%s: no power cut: %s", directory, strerror(errno));
	close(fd);
}

/* Receipts that left before the end count; so they are read after it. */
static void end_life(void)
{
	kills_in_start += !is_ready();
	if (device)
		cut_power();
	kill(life, SIGKILL);
	waitpid(life, NULL, 0);
	life = 0;
	take_receipts();
	if (device)
		remount();
}

/* Every fourth is killed at some moment after its beginning, the others after some receipts. */
static void live(uint32_t lives_left)
{
	uint64_t most = 1 + below(2 * (uint64_t)left / lives_left + 1);
	begin_life();
	if (below(4) == 0) {
		usleep((useconds_t)below(30000));
		check_alive();
		end_life();
		return;
	}
	await_ready();
	while (life_receipts < most && left) {
		send_some();
		take_receipts();
		check_alive();
	}
	end_life();
}

/* The last one: until everybody has a receipt; then once more, to read what there is. */
static void live_to_the_end(void)
{
	begin_life();
	await_ready();
	while (left) {
		send_some();
		take_receipts();
		check_alive();
	}
	end_life();
	for (uint32_t voter = 0; voter < LIFE_VOTERS; voter++)
		if (told[voter] != REVISIONS - 1)
			fail("voter %u has all receipts, and %d stands", voter, told[voter]);
	begin_life();
	await_ready();
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
	int status;
	waitpid(life, &status, 0);
	life = 0;
	if (status)
		fail("it does not end well: %s", shared->wrong);
}

static void play_full(const char *filler)
{
	begin_life();
	await_ready();
	while (!busy || !__atomic_load_n(&shared->failed, __ATOMIC_ACQUIRE)) {
		send_some();
		take_receipts();
		check_alive();
		if (!left)
			fail("the disk was never full");
	}
	uint64_t before = receipts;
	if (unlink(filler))
		fail("%s cannot be removed: %s", filler, strerror(errno));
	__atomic_store_n(&shared->resume, true, __ATOMIC_RELEASE);
	/* Nothing is sent: these receipts have waited. */
	while (receipts == before) {
		take_receipts();
		check_alive();
		usleep(100);
	}
	end_life();
	printf("full: %lu votes busy, then %lu receipts that had waited\n", busy,
	       receipts - before);
}

int main(int argc, char **argv)
{
	struct timespec now;
	const char *seed = getenv("TALLYWIRE_TEST_SEED");
	if (argc < 4)
		fail("crash_story kill|power|full LIVES DIRECTORY [DEVICE|FILLER]");
	uint32_t lives = (uint32_t)strtoul(argv[2], NULL, 10);
	directory = argv[3];
	device = strcmp(argv[1], "power") == 0 && argc > 4 ? argv[4] : NULL;
	clock_gettime(CLOCK_REALTIME, &now);
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)now.tv_nsec | 1;
	fprintf(stderr, "seed %lu\n", state);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		fail("no memory");
	shared->opens_at_us = (uint64_t)now.tv_sec * 1000000 - 1000000;
	make_items();
	if (strcmp(argv[1], "full") == 0 && argc > 4)
		play_full(argv[4]);
	else
		for (uint32_t i = 0; i < lives; i++)
			live(lives - i);
	live_to_the_end();
	printf("%s: %u lives, %lu killed while starting, %lu receipts, 0 lost, 0 twice\n", argv[1],
	       lives, kills_in_start, receipts);
	return 0;
}
