// SPDX-License-Identifier: BSD-3-Clause
/*
 * Prints the numbers of a Roaring file, one a line: CRoaring and nothing of ours, so that what is
 * sealed is read as others read it.
 */
#include <roaring/roaring.h>
#include <stdio.h>
#include <stdlib.h>

static bool print(uint32_t number, void *context)
{
	(void)context;
	printf("%u\n", number);
	return true;
}

int main(int argc, char **argv)
{
	static char bytes[1 << 20];
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	size_t count = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
	roaring_bitmap_t *bitmap =
		count ? roaring_bitmap_portable_deserialize_safe(bytes, count) : NULL;
	if (!bitmap) {
		fprintf(stderr, "roaring_list: no Roaring file\n");
		return 1;
	}
	roaring_iterate(bitmap, print, NULL);
	roaring_bitmap_free(bitmap);
	return fclose(file) != 0;
}
