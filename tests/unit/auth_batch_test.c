// SPDX-License-Identifier: BSD-3-Clause
/*
 * Keys and tags of a burst: every backend against auth.h, which is libsodium one vote at a time.
 * A backend that this machine lacks is skipped, and that is said.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/core/auth_batch.h"
#include "dataplane/core/auth_batch_backend.h"
#include "wire/byte_order.h"
#include "wire/vote_packet.h"

#define MESSAGE_BYTES VOTE_TAG_OFFSET
#ifdef __OPTIMIZE__
#define RANDOM_INPUTS 10000000u
#else
#define RANDOM_INPUTS 1000000u /* a debug build is ten times as slow */
#endif

/* The vector of docs/quic-lite.md. */
static const uint8_t vector_tenant_key[AUTH_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
							  8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t vector_voter_key[AUTH_KEY_BYTES] = {0xcd, 0xfe, 0xc3, 0x45, 0x6f, 0x3e,
							 0x17, 0x98, 0xe5, 0x00, 0xa5, 0x18,
							 0x84, 0xc7, 0x15, 0x81};
static const uint8_t vector_vote[VOTE_BYTES] = {
	0x41, 0x07, 0x00, 0x01, 0x00, 0x07, 0x00, 0x00, 0x2a, 0x01, 0x00, 0x02, 0x00, 0x00,
	0x00, 0x65, 0x00, 0x00, 0x00, 0x2a, 0x00, 0x06, 0x60, 0xe6, 0x46, 0x64, 0x80, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x66, 0xfe, 0x7f, 0xbd, 0xfd, 0xf7, 0x38, 0x3d};

/* False, said aloud, where this machine lacks the backend. */
static bool can_use(enum auth_backend backend)
{
	if (auth_batch_use(backend) == 0)
		return true;
	cr_log_warn("this machine lacks %s: not tested", auth_backend_name(backend));
	return false;
}

/* splitmix64 */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

/* Fills whole words, rounded up: `memory` has room for them. */
static void random_fill(uint64_t *state, uint8_t *memory, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 8) {
		uint64_t word = random_next(state);
		memcpy(memory + at, &word, 8);
	}
}

/* What auth_batch_open() and then auth_batch_sign() are given, and what must come of it. */
struct batch {
	uint32_t count;
	const uint8_t *tenant_keys[AUTH_BATCH_MAX];
	const void *messages[AUTH_BATCH_MAX]; /* votes */
	const void *receipts[AUTH_BATCH_MAX];
	uint8_t voter_keys[AUTH_BATCH_MAX][AUTH_KEY_BYTES];
	uint64_t tags[AUTH_BATCH_MAX];
	uint64_t receipt_tags[AUTH_BATCH_MAX];
};

static void batch_expect(struct batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct vote_packet *packet = batch->messages[i];
		uint8_t *voter_key = batch->voter_keys[i];
		auth_voter_key(batch->tenant_keys[i], be16(packet->cid.tenant_be),
			       packet->key_epoch, be32(packet->voter_be), voter_key);
		auth_tag(voter_key, packet, MESSAGE_BYTES, (uint8_t *)&batch->tags[i]);
		auth_tag(voter_key, batch->receipts[i], MESSAGE_BYTES,
			 (uint8_t *)&batch->receipt_tags[i]);
	}
}

#define UNTOUCHED 0x5a5a5a5a5a5a5a5au

/* `tags` are the expected ones up to `count`, and untouched from there on. */
static void check_tags(const char *what, const uint64_t *tags, const uint64_t *expected,
		       uint32_t count)
{
	for (uint32_t i = 0; i < AUTH_BATCH_MAX; i++)
		cr_assert(tags[i] == (i < count ? expected[i] : UNTOUCHED), "%s %u of %u", what, i,
			  count);
}

static void batch_check(const struct batch *batch)
{
	struct auth_batch_keys keys;
	uint64_t tags[AUTH_BATCH_MAX];
	memset(&keys, 0x5a, sizeof(keys));
	memset(tags, 0x5a, sizeof(tags));
	auth_batch_open(batch->count, batch->tenant_keys, batch->messages, &keys, tags);
	for (uint32_t i = 0; i < batch->count; i++) {
		uint8_t voter_key[AUTH_KEY_BYTES];
		auth_batch_key(&keys, i, voter_key);
		cr_assert(memcmp(voter_key, batch->voter_keys[i], AUTH_KEY_BYTES) == 0,
			  "key %u of %u", i, batch->count);
	}
	check_tags("tag", tags, batch->tags, batch->count);
	memset(tags, 0x5a, sizeof(tags));
	auth_batch_sign(batch->count, &keys, batch->receipts, tags);
	check_tags("receipt tag", tags, batch->receipt_tags, batch->count);
}

static void check_vector(enum auth_backend backend)
{
	struct batch batch = {.count = AUTH_BATCH_MAX};
	uint64_t tag;
	memcpy(&tag, vector_vote + VOTE_TAG_OFFSET, sizeof(tag));
	for (uint32_t i = 0; i < AUTH_BATCH_MAX; i++) {
		batch.tenant_keys[i] = vector_tenant_key;
		batch.messages[i] = batch.receipts[i] = vector_vote;
		memcpy(batch.voter_keys[i], vector_voter_key, AUTH_KEY_BYTES);
		batch.tags[i] = batch.receipt_tags[i] = tag;
	}
	for (; can_use(backend) && batch.count; batch.count--)
		batch_check(&batch);
}

Test(auth_batch, libsodium_gives_the_test_vector)
{
	check_vector(AUTH_LIBSODIUM);
}

Test(auth_batch, avx2_gives_the_test_vector)
{
	check_vector(AUTH_AVX2);
}

Test(auth_batch, avx512_gives_the_test_vector)
{
	check_vector(AUTH_AVX512);
}

/* Random votes, receipts and tenant keys, at any alignment, 0 to 64 at a time. */
static void check_random(enum auth_backend backend, uint32_t inputs)
{
	static uint8_t bytes[AUTH_BATCH_MAX * (2 * MESSAGE_BYTES + AUTH_KEY_BYTES) + 64];
	static struct batch batch;
	uint64_t state = 42 + backend;
	if (!can_use(backend))
		return;
	for (uint32_t done = 0; done < inputs; done += batch.count) {
		uint64_t choice = random_next(&state);
		uint8_t *at = bytes + choice % 64;
		batch.count = (uint32_t)(choice >> 32) % (AUTH_BATCH_MAX + 1);
		random_fill(&state, bytes, sizeof(bytes));
		for (uint32_t i = 0; i < batch.count; i++) {
			batch.messages[i] = at;
			batch.receipts[i] = at += MESSAGE_BYTES;
			batch.tenant_keys[i] = at += MESSAGE_BYTES;
			at += AUTH_KEY_BYTES;
		}
		batch_expect(&batch);
		batch_check(&batch);
	}
}

Test(auth_batch, libsodium_backend_is_libsodium)
{
	check_random(AUTH_LIBSODIUM, RANDOM_INPUTS / 10);
}

Test(auth_batch, avx2_equals_libsodium_on_random_inputs)
{
	check_random(AUTH_AVX2, RANDOM_INPUTS);
}

Test(auth_batch, avx512_equals_libsodium_on_random_inputs)
{
	check_random(AUTH_AVX512, RANDOM_INPUTS);
}

/* Memory whose neighbours on both sides cannot be touched; `bytes` are its size. */
struct island {
	uint8_t *memory;
	size_t bytes;
};

static struct island island_make(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct island island = {.bytes = 2 * page};
	uint8_t *sea =
		mmap(NULL, island.bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(sea, MAP_FAILED);
	island.memory = sea + page;
	cr_assert_eq(mprotect(island.memory, island.bytes, PROT_READ | PROT_WRITE), 0);
	return island;
}

/* Where `bytes` begin that end where the island ends, or begin where it begins. */
static void *island_shore(const struct island *island, size_t bytes, bool end)
{
	return island->memory + (end ? island->bytes - bytes : 0);
}

/* Each input and output alone on an island, hard by one of its shores. */
static void check_shores(uint32_t count, bool end, const struct island islands[5])
{
	uint8_t *messages = island_shore(&islands[0], count * MESSAGE_BYTES, end);
	uint8_t *tenant_keys = island_shore(&islands[1], count * AUTH_KEY_BYTES, end);
	const void **message_list = island_shore(&islands[2], count * sizeof(void *), end);
	const uint8_t **key_list = island_shore(&islands[3], count * sizeof(void *), end);
	uint64_t *tags = island_shore(&islands[4], count * sizeof(uint64_t), end);
	struct auth_batch_keys keys;
	struct batch batch = {.count = count};
	for (uint32_t i = 0; i < count; i++) {
		message_list[i] = messages + i * MESSAGE_BYTES;
		key_list[i] = tenant_keys + i * AUTH_KEY_BYTES;
		batch.messages[i] = batch.receipts[i] = message_list[i];
		batch.tenant_keys[i] = key_list[i];
	}
	batch_expect(&batch);
	auth_batch_open(count, key_list, message_list, &keys, tags);
	cr_assert_arr_eq(tags, batch.tags, count * sizeof(tags[0]), "%u votes", count);
	memset(tags, 0, count * sizeof(tags[0]));
	auth_batch_sign(count, &keys, message_list, tags);
	cr_assert_arr_eq(tags, batch.receipt_tags, count * sizeof(tags[0]), "%u votes", count);
}

static void check_islands(enum auth_backend backend)
{
	struct island islands[5];
	uint64_t state = 7;
	if (!can_use(backend))
		return;
	for (int i = 0; i < 5; i++) {
		islands[i] = island_make();
		random_fill(&state, islands[i].memory, islands[i].bytes);
	}
	for (uint32_t count = 0; count <= AUTH_BATCH_MAX; count++) {
		check_shores(count, false, islands);
		check_shores(count, true, islands);
	}
}

Test(auth_batch, libsodium_reads_nothing_around_its_input)
{
	check_islands(AUTH_LIBSODIUM);
}

Test(auth_batch, avx2_reads_nothing_around_its_input)
{
	check_islands(AUTH_AVX2);
}

Test(auth_batch, avx512_reads_nothing_around_its_input)
{
	check_islands(AUTH_AVX512);
}

Test(auth_batch, a_moved_key_signs_where_it_has_come_to)
{
	const uint8_t *tenant_keys[] = {vector_voter_key, vector_tenant_key};
	const void *messages[] = {vector_vote, vector_vote};
	struct auth_batch_keys keys;
	uint64_t tags[2];
	auth_batch_open(2, tenant_keys, messages, &keys, tags);
	cr_expect_arr_neq(&tags[0], vector_vote + VOTE_TAG_OFFSET, AUTH_TAG_BYTES);
	auth_batch_key_move(&keys, 0, 1);
	auth_batch_sign(1, &keys, messages, tags);
	cr_expect_arr_eq(&tags[0], vector_vote + VOTE_TAG_OFFSET, AUTH_TAG_BYTES);
}

/* Whether the kernel's list of what the CPU can do has ` flag `. */
static bool cpu_has(const char *flag)
{
	char line[8192] = "";
	FILE *info = fopen("/proc/cpuinfo", "r");
	while (info && strncmp(line, "flags", 5) && fgets(line, sizeof(line), info))
		;
	if (info)
		fclose(info);
	if (strncmp(line, "flags", 5))
		return false;
	for (char *save, *word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save))
		if (!strcmp(word, flag))
			return true;
	return false;
}

Test(auth_batch, the_best_is_what_the_kernel_says_the_cpu_has)
{
	enum auth_backend best = AUTH_LIBSODIUM;
#ifdef __x86_64__
	if (cpu_has("avx512f"))
		best = AUTH_AVX512;
	else if (cpu_has("avx2"))
		best = AUTH_AVX2;
#endif
	cr_expect_eq(auth_batch_best(), best);
	cr_expect_eq(auth_batch_backend(), best, "nobody chose another");
}

Test(auth_batch, the_chosen_backend_is_at_work)
{
	for (int backend = 0; backend < AUTH_BACKENDS; backend++)
		if (can_use((enum auth_backend)backend))
			cr_expect_eq(auth_batch_backend(), (enum auth_backend)backend);
}

/* The best of those below `backend` that this machine has. */
static enum auth_backend next_best(enum auth_backend backend)
{
	do
		backend--;
	while (auth_batch_use(backend));
	return backend;
}

Test(auth_batch, what_the_cpu_lacks_is_refused_and_the_next_best_does_it)
{
	static const enum auth_backend hide[] = {AUTH_AVX512, AUTH_AVX2};
	for (size_t i = 0; i < 2; i++) {
		enum auth_backend best = next_best(hide[i]);
		auth_batch_hide(hide[i]);
		cr_expect_eq(auth_batch_best(), best);
		cr_expect_eq(auth_batch_backend(), best);
		cr_expect_eq(auth_batch_use(hide[i]), -ENOTSUP);
		cr_expect_eq(auth_batch_backend(), best, "a refusal changes nothing");
		check_vector(best);
	}
	cr_expect_eq(auth_batch_best(), AUTH_LIBSODIUM);
}

Test(auth_batch, a_backend_that_is_none_is_refused)
{
	enum auth_backend before = auth_batch_backend();
	cr_expect_eq(auth_batch_use((enum auth_backend)AUTH_BACKENDS), -ENOTSUP);
	cr_expect_eq(auth_batch_backend(), before);
}

Test(auth_batch, backends_have_names)
{
	cr_expect_str_eq(auth_backend_name(AUTH_LIBSODIUM), "libsodium");
	cr_expect_str_eq(auth_backend_name(AUTH_AVX2), "avx2");
	cr_expect_str_eq(auth_backend_name(AUTH_AVX512), "avx512");
}

/* Notices: heads of their own, and behind byte 32 all alike. */
static void check_notices(enum auth_backend backend)
{
	static uint8_t notices[AUTH_BATCH_MAX][256], tenant_keys[AUTH_BATCH_MAX][AUTH_KEY_BYTES];
	const void *messages[AUTH_BATCH_MAX];
	const uint8_t *keys[AUTH_BATCH_MAX];
	uint64_t state = 9, tags[AUTH_BATCH_MAX], expected[AUTH_BATCH_MAX];
	if (!can_use(backend))
		return;
	random_fill(&state, (uint8_t *)notices, sizeof(notices));
	random_fill(&state, (uint8_t *)tenant_keys, sizeof(tenant_keys));
	for (uint32_t i = 0; i < AUTH_BATCH_MAX; i++) {
		memcpy(notices[i] + 32, notices[0] + 32, sizeof(notices[i]) - 32);
		messages[i] = notices[i];
		keys[i] = tenant_keys[i];
	}
	for (uint32_t bytes = 32; bytes <= 255; bytes++) {
		uint32_t count = bytes % (AUTH_BATCH_MAX + 1);
		for (uint32_t i = 0; i < count; i++) {
			const struct vote_packet *packet = messages[i];
			uint8_t voter_key[AUTH_KEY_BYTES];
			auth_voter_key(keys[i], be16(packet->cid.tenant_be), packet->key_epoch,
				       be32(packet->voter_be), voter_key);
			auth_tag(voter_key, packet, bytes, (uint8_t *)&expected[i]);
		}
		memset(tags, 0x5a, sizeof(tags));
		auth_batch_tell(count, keys, messages, bytes, tags);
		check_tags("tag of a notice", tags, expected, count);
	}
}

Test(auth_batch, avx2_tags_notices_of_every_length)
{
	check_notices(AUTH_AVX2);
}

Test(auth_batch, avx512_tags_notices_of_every_length)
{
	check_notices(AUTH_AVX512);
}
