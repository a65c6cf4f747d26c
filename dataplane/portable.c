// SPDX-License-Identifier: BSD-3-Clause
/*
 * A file is: cookie and count, one flag per container if any has runs, key and cardinality of each,
 * where each begins (not if there are runs and fewer than four containers), the containers. All
 * little-endian.
 */
#include "dataplane/portable.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define COOKIE            12346u
#define COOKIE_WITH_RUNS  12347u
#define OFFSETS_FROM      4u /* containers, where there are runs */
#define ARRAY_NUMBERS_MAX 4096u
#define BITS_BYTES        (PORTABLE_WORDS * sizeof(uint64_t))

static uint8_t *put_16(uint8_t *at, uint32_t value)
{
	uint16_t le = htole16((uint16_t)value);
	memcpy(at, &le, sizeof(le));
	return at + sizeof(le);
}

static uint8_t *put_32(uint8_t *at, uint32_t value)
{
	uint32_t le = htole32(value);
	memcpy(at, &le, sizeof(le));
	return at + sizeof(le);
}

/* Twice what is there, or enough for one more; false when out of memory. */
static bool grow(void **memory, size_t *room, size_t used, size_t more)
{
	size_t wanted = *room;
	while (wanted < used + more)
		wanted = wanted ? wanted * 2 : 64;
	if (wanted == *room)
		return true;
	void *larger = realloc(*memory, wanted);
	if (!larger)
		return false;
	*memory = larger;
	*room = wanted;
	return true;
}

/* Room for one container's body, entered into the list; NULL when out of memory. */
static uint8_t *add(struct portable *portable, uint16_t key, uint32_t numbers, bool runs,
		    uint32_t bytes)
{
	size_t room = portable->room * sizeof(*portable->containers);
	void *containers = portable->containers, *body = portable->body;
	bool grown = grow(&containers, &room, portable->count * sizeof(*portable->containers),
			  sizeof(*portable->containers)) &&
		     grow(&body, &portable->body_room, portable->body_bytes, bytes);
	portable->containers = containers;
	portable->room = (uint32_t)(room / sizeof(*portable->containers));
	portable->body = body;
	if (!grown) {
		portable->failed = true;
		return NULL;
	}
	portable->containers[portable->count++] = (struct portable_container){
		.key = key,
		.numbers_less_1 = (uint16_t)(numbers - 1),
		.runs = runs,
		.bytes = bytes,
	};
	uint8_t *at = portable->body + portable->body_bytes;
	portable->body_bytes += bytes;
	return at;
}

static uint32_t runs_bytes(uint32_t runs)
{
	return 2 + 4 * runs;
}

static uint32_t popcount(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555u;
	word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
	word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
	return (uint32_t)(word * 0x0101010101010101u >> 56);
}

/* How many bits are set, and how many runs they form. */
static uint32_t count_bits(const uint64_t bits[PORTABLE_WORDS], uint32_t *runs)
{
	uint32_t numbers = 0, starts = 0;
	uint64_t before = 0;
	for (uint32_t i = 0; i < PORTABLE_WORDS; i++) {
		numbers += popcount(bits[i]);
		starts += popcount(bits[i] & ~(bits[i] << 1 | before));
		before = bits[i] >> 63;
	}
	*runs = starts;
	return numbers;
}

/* The first bit from `from` that is `set`, or 65536. */
static uint32_t next_bit(const uint64_t bits[PORTABLE_WORDS], uint32_t from, bool set)
{
	while (from < PORTABLE_WORDS * 64) {
		uint64_t word = (set ? bits[from / 64] : ~bits[from / 64]) >> from % 64;
		if (word)
			return from + (uint32_t)__builtin_ctzll(word);
		from = (from / 64 + 1) * 64;
	}
	return from;
}

static void put_runs_of_bits(uint8_t *at, const uint64_t bits[PORTABLE_WORDS], uint32_t runs)
{
	uint32_t from = 0;
	at = put_16(at, runs);
	for (uint32_t i = 0; i < runs; i++) {
		uint32_t first = next_bit(bits, from, true);
		from = next_bit(bits, first, false);
		at = put_16(put_16(at, first), from - first - 1);
	}
}

static void put_array_of_bits(uint8_t *at, const uint64_t bits[PORTABLE_WORDS])
{
	for (uint32_t i = 0; i < PORTABLE_WORDS; i++)
		for (uint64_t word = bits[i]; word; word &= word - 1)
			at = put_16(at, i * 64 + (uint32_t)__builtin_ctzll(word));
}

static void put_bits(uint8_t *at, const uint64_t bits[PORTABLE_WORDS])
{
	for (uint32_t i = 0; i < PORTABLE_WORDS; i++) {
		uint64_t le = htole64(bits[i]);
		memcpy(at + i * sizeof(le), &le, sizeof(le));
	}
}

void portable_add_bits(struct portable *portable, uint16_t key, const uint64_t bits[PORTABLE_WORDS])
{
	uint32_t runs, numbers = count_bits(bits, &runs);
	bool few = numbers <= ARRAY_NUMBERS_MAX;
	uint32_t plain_bytes = few ? 2 * numbers : (uint32_t)BITS_BYTES;
	bool as_runs = runs_bytes(runs) < plain_bytes;
	if (!numbers)
		return;
	uint8_t *at =
		add(portable, key, numbers, as_runs, as_runs ? runs_bytes(runs) : plain_bytes);
	if (!at)
		return;
	if (as_runs)
		put_runs_of_bits(at, bits, runs);
	else if (few)
		put_array_of_bits(at, bits);
	else
		put_bits(at, bits);
}

/* The bits of values, for the many. */
static void add_as_bits(struct portable *portable, uint16_t key, const uint16_t *values,
			uint32_t count)
{
	uint64_t bits[PORTABLE_WORDS] = {0};
	for (uint32_t i = 0; i < count; i++)
		bits[values[i] / 64] |= 1ull << values[i] % 64;
	portable_add_bits(portable, key, bits);
}

static void put_runs_of_values(uint8_t *at, const uint16_t *values, uint32_t count, uint32_t runs)
{
	at = put_16(at, runs);
	for (uint32_t i = 0, last; i < count; i = last + 1) {
		for (last = i; last + 1 < count && values[last + 1] == values[last] + 1;)
			last++;
		at = put_16(put_16(at, values[i]), last - i);
	}
}

void portable_add_values(struct portable *portable, uint16_t key, const uint16_t *values,
			 uint32_t count)
{
	uint32_t runs = 1;
	if (!count)
		return;
	if (count > ARRAY_NUMBERS_MAX) {
		add_as_bits(portable, key, values, count);
		return;
	}
	for (uint32_t i = 1; i < count; i++)
		runs += values[i] != values[i - 1] + 1;
	bool as_runs = runs_bytes(runs) < 2 * count;
	uint8_t *at = add(portable, key, count, as_runs, as_runs ? runs_bytes(runs) : 2 * count);
	if (!at)
		return;
	if (as_runs)
		put_runs_of_values(at, values, count, runs);
	else
		for (uint32_t i = 0; i < count; i++)
			at = put_16(at, values[i]);
}

/* Cookie, count and flags; returns whether any container has runs. */
static bool put_cookie(const struct portable *portable, uint8_t **at)
{
	bool runs = false;
	for (uint32_t i = 0; i < portable->count; i++)
		runs |= portable->containers[i].runs;
	if (!runs) {
		*at = put_32(put_32(*at, COOKIE), portable->count);
		return false;
	}
	*at = put_32(*at, COOKIE_WITH_RUNS | (portable->count - 1) << 16);
	memset(*at, 0, (portable->count + 7) / 8);
	for (uint32_t i = 0; i < portable->count; i++)
		(*at)[i / 8] |= (uint8_t)(portable->containers[i].runs << i % 8);
	*at += (portable->count + 7) / 8;
	return true;
}

char *portable_finish(const struct portable *portable, size_t *bytes)
{
	/* The head at most: cookie, flags, and eight bytes a container. */
	size_t most = 8 + 9 * (size_t)portable->count + portable->body_bytes;
	uint8_t *file = portable->failed ? NULL : malloc(most), *at = file;
	if (!file)
		return NULL;
	bool runs = put_cookie(portable, &at);
	for (uint32_t i = 0; i < portable->count; i++)
		at = put_16(put_16(at, portable->containers[i].key),
			    portable->containers[i].numbers_less_1);
	if (!runs || portable->count >= OFFSETS_FROM) {
		uint32_t offset = (uint32_t)(at - file) + 4 * portable->count;
		for (uint32_t i = 0; i < portable->count; i++) {
			at = put_32(at, offset);
			offset += portable->containers[i].bytes;
		}
	}
	if (portable->body_bytes)
		memcpy(at, portable->body, portable->body_bytes);
	*bytes = (size_t)(at - file) + portable->body_bytes;
	return (char *)file;
}

void portable_free(struct portable *portable)
{
	free(portable->containers);
	free(portable->body);
	*portable = (struct portable){0};
}
