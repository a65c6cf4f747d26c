/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a set of 32-bit numbers in the portable format of Roaring bitmaps, container by container,
 * each in the smallest of the three shapes (array, bits, runs): what CRoaring and its relatives in
 * Java, Go and databases read. The format: github.com/RoaringBitmap/RoaringFormatSpec.
 *
 * Called by seal.c, and to look at such a file by audit.c. Knows no bitmap library. One thread per
 * writer.
 */
#ifndef TALLYWIRE_PORTABLE_H
#define TALLYWIRE_PORTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORTABLE_WORDS 1024 /* of a container as bits */

struct portable_container {
	uint16_t key;
	uint16_t numbers_less_1;
	bool runs;
	uint32_t bytes;
};

/* Zeroed at first. */
struct portable {
	struct portable_container *containers;
	uint32_t count, room;
	uint8_t *body; /* the containers, one after another */
	size_t body_bytes, body_room;
	bool failed; /* out of memory at some time: portable_finish() returns NULL */
};

/* The numbers key << 16 | value. Keys come in ascending order; nothing is added for no values. */
void portable_add_bits(struct portable *portable, uint16_t key,
		       const uint64_t bits[PORTABLE_WORDS]);

/* The same for `count` values in ascending order, none twice. */
void portable_add_values(struct portable *portable, uint16_t key, const uint16_t *values,
			 uint32_t count);

/* What was added, in memory that the caller frees; NULL when out of memory. */
char *portable_finish(const struct portable *portable, size_t *bytes);

void portable_free(struct portable *portable);

/*
 * Whether these bytes are such a set, to the last one: numbers in order, counts that are right,
 * nothing beyond the end. What is not must not be handed to a bitmap library.
 */
bool portable_is_sound(const void *bytes, size_t count);

#endif
