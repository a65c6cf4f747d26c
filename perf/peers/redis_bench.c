// SPDX-License-Identifier: BSD-3-Clause
/*
 * The same votes given to Redis: one SADD or SETBIT a vote, pipelined through hiredis. Called by
 * perf/scenarios/bench_redis.sh, which starts the redis-server behind the socket.
 *
 *   redis_bench SOCKET [--json] [--runs N]
 *
 * It is made so that Redis, not this client, is what is measured: commands are formatted before the
 * clock starts, and a batch is on its way while the answers to the one before are read. Every
 * answer is looked at: 1 or 0 says whether the voter was new. Redis checks no tag here, writes no
 * receipt and persists nothing.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/bench.h"

#define VOTES        1000000
#define VOTERS       900000 /* the rest of the votes are duplicates */
#define BATCH        64
#define BATCHES      (VOTES / BATCH)
#define DEFAULT_RUNS 5

_Static_assert(VOTES % BATCH == 0, "a batch would be cut");

/* What Redis is asked, batch by batch. */
struct command {
	const char *name;
	const char *format; /* of a voter's number */
	int64_t new_answer; /* what a voter's first vote is answered with */
	char *batches[BATCHES];
	size_t bytes[BATCHES];
	struct bench_series rates; /* M votes/s */
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "redis_bench: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void *take(void *memory)
{
	if (!memory)
		fail("memory", "not enough");
	return memory;
}

/* Every voter once and one vote in ten a second time, in random order. */
static uint32_t *make_votes(void)
{
	uint32_t *votes = take(malloc(VOTES * sizeof(*votes)));
	uint64_t random = 1;
	for (uint32_t i = 0; i < VOTES; i++)
		votes[i] = i < VOTERS ? i : (uint32_t)(bench_random(&random) % VOTERS);
	for (uint32_t i = VOTES - 1; i > 0; i--) {
		uint32_t other = (uint32_t)(bench_random(&random) % (i + 1));
		uint32_t vote = votes[i];
		votes[i] = votes[other];
		votes[other] = vote;
	}
	return votes;
}

static void format_batch(struct command *command, const uint32_t *votes, uint32_t number)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *batch = take(open_memstream(&text, &bytes));
	for (uint32_t i = 0; i < BATCH; i++) {
		char *one;
		int length = redisFormatCommand(&one, command->format, votes[number * BATCH + i]);
		if (length < 0)
			fail(command->name, "cannot be formatted");
		fwrite(one, 1, (size_t)length, batch);
		redisFreeCommand(one);
	}
	if (fclose(batch))
		fail("memory", "not enough");
	command->batches[number] = text;
	command->bytes[number] = bytes;
}

static void format_commands(struct command *command, const uint32_t *votes)
{
	for (uint32_t i = 0; i < BATCHES; i++)
		format_batch(command, votes, i);
}

static void send_batch(redisContext *redis, const struct command *command, uint32_t number)
{
	int done = 0;
	if (redisAppendFormattedCommand(redis, command->batches[number], command->bytes[number]))
		fail(command->name, redis->errstr);
	while (!done)
		if (redisBufferWrite(redis, &done))
			fail(command->name, redis->errstr);
}

static int64_t integer_reply(redisContext *redis, const char *name)
{
	redisReply *reply;
	if (redisGetReply(redis, (void **)&reply))
		fail(name, redis->errstr);
	if (reply->type != REDIS_REPLY_INTEGER)
		fail(name, reply->type == REDIS_REPLY_ERROR ? reply->str : "no integer came back");
	int64_t value = reply->integer;
	freeReplyObject(reply);
	return value;
}

/* How many of a batch's votes were their voters' first. */
static uint32_t read_batch(redisContext *redis, const struct command *command)
{
	uint32_t counted = 0;
	for (uint32_t i = 0; i < BATCH; i++)
		counted += integer_reply(redis, command->name) == command->new_answer;
	return counted;
}

static void empty_redis(redisContext *redis)
{
	redisReply *reply = redisCommand(redis, "FLUSHALL SYNC");
	if (!reply || reply->type == REDIS_REPLY_ERROR)
		fail("FLUSHALL", reply ? reply->str : redis->errstr);
	freeReplyObject(reply);
}

/* All votes once, into an empty Redis. */
static void run(redisContext *redis, struct command *command)
{
	uint32_t counted = 0;
	empty_redis(redis);
	uint64_t begin_ns = bench_now_ns();
	send_batch(redis, command, 0);
	for (uint32_t i = 1; i < BATCHES; i++) {
		send_batch(redis, command, i);
		counted += read_batch(redis, command);
	}
	counted += read_batch(redis, command);
	uint64_t elapsed_ns = bench_now_ns() - begin_ns;
	if (counted != VOTERS)
		fail(command->name, "counted another number of voters than voted");
	bench_add(&command->rates, VOTES * 1e3 / (double)elapsed_ns);
}

int main(int argc, char **argv)
{
	static struct command sadd = {"redis.sadd", "SADD votes %u", 1, {0}, {0}, {{0}, 0}};
	static struct command setbit = {"redis.setbit", "SETBIT votes %u 1", 0, {0}, {0}, {{0}, 0}};
	struct bench_options options;
	if (argc < 2 || bench_options(argc - 1, argv + 1, DEFAULT_RUNS, &options)) {
		fputs("usage: redis_bench SOCKET [--json] [--runs N]\n", stderr);
		return 2;
	}
	redisContext *redis = redisConnectUnix(argv[1]);
	if (!redis || redis->err)
		fail(argv[1], redis ? redis->errstr : "not enough memory");
	uint32_t *votes = make_votes();
	format_commands(&sadd, votes);
	format_commands(&setbit, votes);
	for (uint32_t i = 0; i < options.runs; i++) {
		run(redis, &sadd);
		run(redis, &setbit);
	}
	const struct bench_row rows[] = {
		bench_row("redis.sadd", "M votes/s", &sadd.rates,
			  "SADD a vote, pipelined 64 deep; no tag, no receipt"),
		bench_row("redis.setbit", "M votes/s", &setbit.rates,
			  "SETBIT a vote, pipelined 64 deep; no tag, no receipt"),
	};
	bench_print(rows, sizeof(rows) / sizeof(rows[0]), options.json);
	redisFree(redis);
	free(votes);
	return EXIT_SUCCESS; /* the formatted commands go with the process */
}
