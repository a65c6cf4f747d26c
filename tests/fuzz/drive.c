// SPDX-License-Identifier: BSD-3-Clause
/*
 * Runs a fuzz target without libFuzzer, so that any compiler will do: seeds as they are, then
 * seeded mutations of them and random bytes. The same arguments give the same runs, everywhere.
 *
 *   NAME_fuzz [-runs=N] [-seed=N] [-max_len=N] [FILE|DIR ...]
 *
 * The arguments are libFuzzer's; with files and without -runs each is run once, which is how a
 * crash is looked at again. An input that ends the process is left in crash-NAME_fuzz-RUN.
 * TALLYWIRE_FUZZ_RUNS in the environment takes the place of -runs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/guarded.h"

#define MAX_SEEDS      512
#define MAX_SEED_BYTES (1u << 20)
#define MUTATIONS      8 /* at most, of one input */

/* Called by a sanitizer that is about to end the process. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct seed {
	uint8_t *bytes;
	size_t count;
};

static struct seed seeds[MAX_SEEDS];
static uint32_t seed_count;
static uint64_t random_state = 1;
static uint64_t runs, run;
static size_t max_len = 4096;
static const char *program;
static struct guarded guarded;
static const uint8_t *current;
static size_t current_count;

static void complain(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s: %s\n", program, path, what);
	exit(2);
}

/* xorshift64* */
static uint32_t below(uint32_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545F4914F6CDD1Du) >> 32) % limit;
}

/* Writes the input that ends this process where somebody finds it. In a signal handler. */
static void keep_input(void)
{
	char path[256];
	snprintf(path, sizeof(path), "crash-%s-%llu", program, (unsigned long long)run);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, current, current_count) != (ssize_t)current_count)
		path[0] = '\0';
	if (fd >= 0)
		close(fd);
	fprintf(stderr, "%s: run %llu ended it, an input of %zu bytes; kept in '%s'\n", program,
		(unsigned long long)run, current_count, path);
}

static void on_signal(int number)
{
	keep_input();
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_for_the_end(void)
{
	static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTERM};
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_input);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], on_signal);
}

static void run_input(const uint8_t *bytes, size_t count)
{
	current = bytes;
	current_count = count;
	LLVMFuzzerTestOneInput(guarded_copy(&guarded, bytes, count), count);
	run++;
}

static void add_file(const char *path)
{
	struct seed *seed = &seeds[seed_count];
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) != 0)
		complain(strerror(errno), path);
	if (seed_count == MAX_SEEDS || info.st_size > MAX_SEED_BYTES)
		complain("too many seeds, or too long a one", path);
	seed->count = (size_t)info.st_size;
	seed->bytes = malloc(seed->count + 1);
	if (!seed->bytes || read(fd, seed->bytes, seed->count) != info.st_size)
		complain("cannot be read", path);
	close(fd);
	seed_count++;
}

static int no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of their names: the order of a directory is not the same everywhere. */
static void add_seeds(const char *path)
{
	struct dirent **entries;
	struct stat info;
	char name[4096];
	if (stat(path, &info) != 0)
		complain(strerror(errno), path);
	if (!S_ISDIR(info.st_mode)) {
		add_file(path);
		return;
	}
	int count = scandir(path, &entries, no_dot, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		add_file(name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* Moves what lies behind `from` to `to`: cuts bytes out, or makes room that is filled by chance. */
static size_t shift_tail(uint8_t *bytes, size_t count, size_t from, size_t to)
{
	size_t moved = count + to - from;
	if (moved > max_len)
		return count;
	memmove(bytes + to, bytes + from, count - from);
	for (size_t i = from; i < to; i++)
		bytes[i] = (uint8_t)below(256);
	return moved;
}

/* A piece of a seed over what is there. */
static void overlay(uint8_t *bytes, size_t count)
{
	const struct seed *seed = &seeds[below(seed_count)];
	if (seed->count == 0)
		return;
	size_t from = below((uint32_t)seed->count), at = below((uint32_t)count);
	size_t most = seed->count - from < count - at ? seed->count - from : count - at;
	memcpy(bytes + at, seed->bytes + from, 1 + below((uint32_t)most));
}

static size_t mutate(uint8_t *bytes, size_t count)
{
	static const uint8_t edges[] = {0, 1, 0x7F, 0x80, 0xFF, '"', ',', '}', '\n', '9'};
	if (count == 0)
		return shift_tail(bytes, 0, 0, 1 + below(16));
	size_t at = below((uint32_t)count), left = count - at;
	size_t some = 1 + below(left < 16 ? (uint32_t)left : 16);
	switch (below(8)) {
	case 0: bytes[at] ^= (uint8_t)(1 << below(8)); break;
	case 1: bytes[at] = (uint8_t)below(256); break;
	case 2: bytes[at] = edges[below(sizeof(edges))]; break;
	case 3: bytes[at] = (uint8_t)(bytes[at] + below(9) - 4); break;
	case 4: memmove(bytes + at, bytes + below((uint32_t)(count - some + 1)), some); break;
	case 5: return shift_tail(bytes, count, at + some, at);
	case 6: return shift_tail(bytes, count, at, at + 1 + below(8));
	default:
		if (seed_count)
			overlay(bytes, count);
		else
			memset(bytes + at, (int)below(256), some);
	}
	return count;
}

static size_t make_input(uint8_t *bytes)
{
	size_t count;
	if (seed_count && below(16) != 0) {
		const struct seed *seed = &seeds[below(seed_count)];
		count = seed->count < max_len ? seed->count : max_len;
		memcpy(bytes, seed->bytes, count);
	} else {
		/* Mostly short: what is long takes long, and does the same again. */
		count = below((uint32_t)(1 + (max_len >> below(6))));
		for (size_t i = 0; i < count; i++)
			bytes[i] = (uint8_t)below(256);
	}
	for (uint32_t left = below(MUTATIONS + 1); left; left--)
		count = mutate(bytes, count);
	return count;
}

static void take_argument(const char *argument)
{
	unsigned long long value;
	if (sscanf(argument, "-runs=%llu", &value) == 1)
		runs = value;
	else if (sscanf(argument, "-seed=%llu", &value) == 1)
		random_state = value * 0x9E3779B97F4A7C15u + 1;
	else if (sscanf(argument, "-max_len=%llu", &value) == 1)
		max_len = value;
	else if (argument[0] == '-')
		complain("takes -runs=N, -seed=N, -max_len=N and files", argument);
	else
		add_seeds(argument);
}

int main(int argc, char **argv)
{
	const char *wanted = getenv("TALLYWIRE_FUZZ_RUNS"), *slash = strrchr(argv[0], '/');
	program = slash ? slash + 1 : argv[0];
	for (int i = 1; i < argc; i++)
		take_argument(argv[i]);
	runs = wanted && runs ? strtoull(wanted, NULL, 10) : runs;
	uint8_t *bytes = malloc(max_len + 1);
	if (!bytes || max_len == 0 || max_len > MAX_SEED_BYTES)
		complain("is no length of an input", "-max_len");
	guarded_make(&guarded, MAX_SEED_BYTES);
	watch_for_the_end();
	for (uint32_t i = 0; i < seed_count; i++)
		run_input(seeds[i].bytes, seeds[i].count);
	while (run < runs)
		run_input(bytes, make_input(bytes));
	printf("%s: %llu runs, %u of them seeds as they are\n", program, (unsigned long long)run,
	       seed_count);
	free(bytes);
	for (uint32_t i = 0; i < seed_count; i++)
		free(seeds[i].bytes);
	return 0;
}
