// SPDX-License-Identifier: BSD-3-Clause
/*
 * Files in the portable format, looked at before a bitmap library gets them: what is written here
 * is sound, CRoaring's own files are, and what was cut, lengthened or does not add up is not. A
 * file of one changed bit that still is sound is a set like any other.
 */
#include <criterion/criterion.h>
#include <roaring/roaring.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/portable.h"

/* One container of each shape, and a second round of them: five have offsets beside runs. */
static char *make_file(uint32_t containers, bool with_runs, size_t *bytes)
{
	struct portable portable = {0};
	static uint64_t every_second[PORTABLE_WORDS], all_but_one[PORTABLE_WORDS];
	static const uint16_t few[] = {1, 5, 7, 9, 65535};
	memset(every_second, 0x55, sizeof(every_second));
	memset(all_but_one, 0xFF, sizeof(all_but_one));
	all_but_one[500] = 1;
	for (uint32_t i = 0; i < containers; i++) {
		uint16_t key = (uint16_t)(i * 7);
		if (i % 3 == 0 && with_runs)
			portable_add_bits(&portable, key, all_but_one);
		else if (i % 3 == 1)
			portable_add_bits(&portable, key, every_second);
		else
			portable_add_values(&portable, key, few, 5);
	}
	char *file = portable_finish(&portable, bytes);
	portable_free(&portable);
	cr_assert_not_null(file);
	return file;
}

/* In memory of just that size, so that a sanitizer sees a read beyond it. */
static bool is_sound(const char *bytes, size_t count)
{
	char *exact = malloc(count ? count : 1);
	memcpy(exact, bytes, count);
	bool sound = portable_is_sound(exact, count);
	free(exact);
	return sound;
}

Test(portable, what_is_written_is_sound)
{
	for (uint32_t containers = 0; containers < 9; containers++) {
		for (int runs = 0; runs < 2; runs++) {
			size_t bytes;
			char *file = make_file(containers, runs, &bytes);
			cr_expect(is_sound(file, bytes), "%u containers, runs %d", containers,
				  runs);
			free(file);
		}
	}
}

Test(portable, what_croaring_writes_is_sound)
{
	roaring_bitmap_t *set = roaring_bitmap_create();
	char file[1u << 17];
	for (uint32_t i = 0; i < 20000; i++)
		roaring_bitmap_add(set, i * 3 + i % 2);
	roaring_bitmap_add_range(set, 1u << 20, (1u << 20) + 30000);
	for (int optimised = 0; optimised < 2; optimised++) {
		cr_assert_leq(roaring_bitmap_portable_size_in_bytes(set), sizeof(file));
		size_t bytes = roaring_bitmap_portable_serialize(set, file);
		cr_expect(is_sound(file, bytes));
		roaring_bitmap_run_optimize(set);
	}
	roaring_bitmap_free(set);
}

Test(portable, what_is_cut_or_goes_on_is_not)
{
	size_t bytes;
	char *file = make_file(5, true, &bytes), *longer = calloc(1, bytes + 4);
	memcpy(longer, file, bytes);
	for (size_t cut = 0; cut < bytes; cut++)
		cr_assert_not(is_sound(file, cut), "cut at %zu", cut);
	for (size_t more = 1; more <= 4; more++)
		cr_expect_not(is_sound(longer, bytes + more), "%zu bytes more", more);
	free(longer);
	free(file);
}

/* A bit more or less: refused, or a set that CRoaring counts as the file says. */
Test(portable, no_bit_makes_a_file_that_lies)
{
	size_t bytes;
	char *file = make_file(4, true, &bytes);
	uint32_t sound = 0;
	for (size_t bit = 0; bit < bytes * 8; bit++) {
		file[bit / 8] ^= (char)(1 << bit % 8);
		if (is_sound(file, bytes)) {
			roaring_bitmap_t *set =
				roaring_bitmap_portable_deserialize_safe(file, bytes);
			size_t again = set ? roaring_bitmap_portable_size_in_bytes(set) : 0;
			uint64_t numbers = 0;
			uint32_t last = 0;
			roaring_uint32_iterator_t *at = roaring_create_iterator(set);
			for (; at->has_value; roaring_advance_uint32_iterator(at)) {
				if (numbers++ && at->current_value <= last)
					cr_assert_fail("bit %zu: numbers out of order", bit);
				last = at->current_value;
			}
			cr_assert_eq(numbers, roaring_bitmap_get_cardinality(set), "bit %zu", bit);
			cr_assert_eq(again, bytes, "bit %zu", bit);
			roaring_free_uint32_iterator(at);
			roaring_bitmap_free(set);
			sound++;
		}
		file[bit / 8] ^= (char)(1 << bit % 8);
	}
	cr_expect_gt(sound, 0, "other keys, other numbers");
	free(file);
}

/* Two runs that overlap: CRoaring takes the file, and later reads beyond the container. */
Test(portable, runs_that_overlap_are_not_sound)
{
	static const uint8_t good[] = {0x3B, 0x30, 0, 0, 1, 0,  0, 19, 0, 2,
				       0,    1,    0, 9, 0, 50, 0, 9,  0};
	uint8_t bad[sizeof(good)];
	cr_assert(is_sound((const char *)good, sizeof(good)));
	memcpy(bad, good, sizeof(good));
	bad[15] = 5; /* the second begins within the first */
	cr_expect_not(is_sound((const char *)bad, sizeof(bad)));
	memcpy(bad, good, sizeof(good));
	bad[15] = 0xFF, bad[16] = 0xFF; /* or goes beyond the last number */
	cr_expect_not(is_sound((const char *)bad, sizeof(bad)));
	memcpy(bad, good, sizeof(good));
	bad[7] = 20; /* or is not as many as the head says */
	cr_expect_not(is_sound((const char *)bad, sizeof(bad)));
}
