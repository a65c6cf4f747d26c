// SPDX-License-Identifier: BSD-3-Clause
/*
 * Looks at a file in the portable format before a bitmap library is trusted with it: CRoaring 0.2
 * checks where a file ends, but not what its containers say, and reads beyond them where runs
 * overlap. Called by audit.c for files of unknown hands. Allocates nothing.
 */
#include "dataplane/portable.h"

#include <endian.h>
#include <string.h>

#define COOKIE            12346u
#define COOKIE_WITH_RUNS  12347u
#define OFFSETS_FROM      4u
#define MOST_CONTAINERS   65536u
#define ARRAY_NUMBERS_MAX 4096u

/* The parts of a file, each known to lie within it. */
struct portable_file {
	const uint8_t *bytes;
	size_t count;
	uint32_t containers;
	const uint8_t *flags;   /* a bit per container: it has runs; NULL: none has */
	const uint8_t *heads;   /* key and numbers less 1 of each */
	const uint8_t *offsets; /* NULL: there are none */
	size_t body;            /* where the next container begins */
};

static uint32_t get_16(const uint8_t *at)
{
	uint16_t le;
	memcpy(&le, at, sizeof(le));
	return le16toh(le);
}

static uint32_t get_32(const uint8_t *at)
{
	uint32_t le;
	memcpy(&le, at, sizeof(le));
	return le32toh(le);
}

/* The next `bytes` of the file; NULL where it is too short. */
static const uint8_t *take(struct portable_file *file, size_t bytes)
{
	const uint8_t *at = file->bytes + file->body;
	if (file->count - file->body < bytes)
		return NULL;
	file->body += bytes;
	return at;
}

static bool take_cookie(struct portable_file *file)
{
	const uint8_t *at = take(file, 4);
	uint32_t cookie = at ? get_32(at) : 0;
	if ((cookie & 0xFFFF) == COOKIE_WITH_RUNS) {
		file->containers = (cookie >> 16) + 1;
		file->flags = take(file, (file->containers + 7) / 8);
		return file->flags;
	}
	at = cookie == COOKIE ? take(file, 4) : NULL;
	file->containers = at ? get_32(at) : 0;
	return at && file->containers <= MOST_CONTAINERS;
}

static bool take_heads(struct portable_file *file)
{
	file->heads = take(file, 4 * (size_t)file->containers);
	if (!file->heads)
		return false;
	for (uint32_t i = 1; i < file->containers; i++)
		if (get_16(file->heads + 4 * i) <= get_16(file->heads + 4 * (i - 1)))
			return false;
	if (file->flags && file->containers < OFFSETS_FROM)
		return true;
	file->offsets = take(file, 4 * (size_t)file->containers);
	return file->offsets;
}

/* Ascending, apart, and as many numbers as the head says. */
static bool check_runs(struct portable_file *file, uint32_t numbers)
{
	const uint8_t *at = take(file, 2);
	uint32_t runs = at ? get_16(at) : 0, found = 0, least = 0;
	at = take(file, 4 * (size_t)runs);
	for (uint32_t i = 0; at && i < runs; i++, at += 4) {
		uint32_t first = get_16(at), last = first + get_16(at + 2);
		if (first < least || last > UINT16_MAX)
			return false;
		found += last - first + 1;
		least = last + 1;
	}
	return at && found == numbers;
}

static bool check_array(struct portable_file *file, uint32_t numbers)
{
	const uint8_t *at = take(file, 2 * (size_t)numbers);
	for (uint32_t i = 1; at && i < numbers; i++)
		if (get_16(at + 2 * i) <= get_16(at + 2 * (i - 1)))
			return false;
	return at;
}

static bool check_bits(struct portable_file *file, uint32_t numbers)
{
	const uint8_t *at = take(file, PORTABLE_WORDS * sizeof(uint64_t));
	uint32_t found = 0;
	for (uint32_t i = 0; at && i < PORTABLE_WORDS; i++) {
		uint64_t word;
		memcpy(&word, at + i * sizeof(word), sizeof(word));
		found += (uint32_t)__builtin_popcountll(word);
	}
	return at && found == numbers;
}

static bool check_container(struct portable_file *file, uint32_t i)
{
	uint32_t numbers = get_16(file->heads + 4 * i + 2) + 1;
	if (file->offsets && get_32(file->offsets + 4 * i) != file->body)
		return false;
	if (file->flags && file->flags[i / 8] >> i % 8 & 1)
		return check_runs(file, numbers);
	return numbers <= ARRAY_NUMBERS_MAX ? check_array(file, numbers)
					    : check_bits(file, numbers);
}

bool portable_is_sound(const void *bytes, size_t count)
{
	struct portable_file file = {.bytes = bytes, .count = count};
	if (!take_cookie(&file) || !take_heads(&file))
		return false;
	for (uint32_t i = 0; i < file.containers; i++)
		if (!check_container(&file, i))
			return false;
	return file.body == count;
}
