// SPDX-License-Identifier: BSD-3-Clause
/*
 * From cells to bitmaps, container by container: a container of the ballot and one of a bitmap hold
 * the same 65,536 numbers. Each set is written in the portable format and read by CRoaring once, as
 * adding numbers one by one would take fifty times as long.
 *
 * Cells of four bits become bits sixteen at a time. Wider ones, of which there may be hundreds of
 * sets, and arrays are sorted by choice.
 */
#include "dataplane/seal.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/core/atomics.h"
#include "dataplane/portable.h"

#define NARROW_OPTIONS  15 /* with cells of four bits */
#define NARROW_CELLS    16
#define CONTAINER_CELLS 65536u

struct sealing {
	const struct ballot *ballot;
	uint32_t options;
	struct portable *sets; /* by option, then all voters */
	struct ballot_container read;
	uint64_t bits[NARROW_OPTIONS + 1][PORTABLE_WORDS];
	uint32_t *counts; /* by option */
	/* (choice + 1) << 16 | value, as in ballot_container */
	uint32_t answers[CONTAINER_CELLS], sorted[CONTAINER_CELLS];
	uint16_t values[CONTAINER_CELLS];
};

/* Bit i: does cell i hold `cell`? `cell` in all of the 16 places. */
static uint64_t equal_cells(uint64_t cells, uint64_t cell)
{
	uint64_t other = cells ^ cell;
	other |= other >> 1;
	other |= other >> 2;
	uint64_t same = ~other & 0x1111111111111111u;
	/* One bit in four moves together: 2 of 8, 4 of 16, 8 of 32, 16 of 64. */
	same = (same | same >> 3) & 0x0303030303030303u;
	same = (same | same >> 6) & 0x000F000F000F000Fu;
	same = (same | same >> 12) & 0x000000FF000000FFu;
	return (same | same >> 24) & 0xFFFF;
}

static void seal_narrow(struct sealing *sealing, uint32_t container)
{
	const uint64_t *words = sealing->read.words;
	for (uint32_t i = 0; i < PORTABLE_WORDS; i++) {
		uint64_t cells[4], all = 0;
		for (uint32_t j = 0; j < 4; j++)
			cells[j] = atomics_load(&words[i * 4 + j], __ATOMIC_RELAXED);
		for (uint32_t option = 0; option < sealing->options; option++) {
			uint64_t cell = (option + 1) * 0x1111111111111111u, bits = 0;
			for (uint32_t j = 0; j < 4; j++)
				bits |= equal_cells(cells[j], cell) << j * NARROW_CELLS;
			sealing->bits[option][i] = bits;
			all |= bits;
		}
		sealing->bits[sealing->options][i] = all;
	}
	for (uint32_t set = 0; set <= sealing->options; set++)
		portable_add_bits(&sealing->sets[set], (uint16_t)container, sealing->bits[set]);
}

/* Answers in the order of values; those that are no option are left out. */
static uint32_t answers_of_cells(struct sealing *sealing)
{
	uint32_t bits = ballot_choice_bits(sealing->ballot), count = 0;
	uint32_t cells = 1u << sealing->ballot->cell_shift; /* of a word */
	uint64_t mask = (1ull << bits) - 1;
	for (uint32_t value = 0; value < CONTAINER_CELLS; value += cells) {
		uint64_t word =
			ballot_choices(sealing->ballot, &sealing->read.words[value / cells]);
		for (uint32_t i = 0; word; i++, word >>= bits) {
			uint32_t cell = (uint32_t)(word & mask);
			if (cell && cell <= sealing->options)
				sealing->answers[count++] = cell << 16 | (value + i);
		}
	}
	return count;
}

static int by_value(const void *left, const void *right)
{
	return (int)(*(const uint32_t *)left & 0xFFFF) - (int)(*(const uint32_t *)right & 0xFFFF);
}

static uint32_t answers_of_arrays(struct sealing *sealing)
{
	const struct ballot_container *read = &sealing->read;
	uint32_t count = 0;
	for (uint32_t i = 0; i < read->answers; i++)
		if (read->answer[i] >> 16 <= sealing->options)
			sealing->answers[count++] = read->answer[i];
	qsort(sealing->answers, count, sizeof(sealing->answers[0]), by_value);
	return count;
}

/* By choice, and by value as before within one: places are counted first. */
static void sort_by_choice(struct sealing *sealing, uint32_t count)
{
	uint32_t place = 0;
	for (uint32_t i = 0; i < sealing->options; i++)
		sealing->counts[i] = 0;
	for (uint32_t i = 0; i < count; i++)
		sealing->counts[(sealing->answers[i] >> 16) - 1]++;
	for (uint32_t i = 0; i < sealing->options; i++) {
		uint32_t here = sealing->counts[i];
		sealing->counts[i] = place;
		place += here;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t answer = sealing->answers[i];
		sealing->sorted[sealing->counts[(answer >> 16) - 1]++] = answer;
	}
}

static void seal_sorted(struct sealing *sealing, uint32_t container, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		sealing->values[i] = (uint16_t)sealing->answers[i];
	portable_add_values(&sealing->sets[sealing->options], (uint16_t)container, sealing->values,
			    count);
	sort_by_choice(sealing, count);
	for (uint32_t i = 0; i < count; i++)
		sealing->values[i] = (uint16_t)sealing->sorted[i];
	for (uint32_t first = 0, next; first < count; first = next) {
		uint32_t cell = sealing->sorted[first] >> 16;
		for (next = first; next < count && sealing->sorted[next] >> 16 == cell;)
			next++;
		portable_add_values(&sealing->sets[cell - 1], (uint16_t)container,
				    sealing->values + first, next - first);
	}
}

static void seal_container(struct sealing *sealing, uint32_t container)
{
	ballot_container_read(sealing->ballot, container, &sealing->read);
	if (sealing->read.words && sealing->ballot->cell_bits == 64 / NARROW_CELLS &&
	    sealing->options <= NARROW_OPTIONS)
		seal_narrow(sealing, container);
	else if (sealing->read.words)
		seal_sorted(sealing, container, answers_of_cells(sealing));
	else if (sealing->read.answers)
		seal_sorted(sealing, container, answers_of_arrays(sealing));
}

static roaring_bitmap_t *bitmap_of(struct portable *set)
{
	size_t bytes;
	char *file = portable_finish(set, &bytes);
	portable_free(set);
	if (!file)
		return NULL;
	roaring_bitmap_t *bitmap = roaring_bitmap_portable_deserialize_safe(file, bytes);
	free(file);
	return bitmap;
}

static struct sealing *sealing_open(const struct ballot *ballot, uint32_t options)
{
	struct sealing *sealing = malloc(sizeof(*sealing));
	if (!sealing)
		return NULL;
	sealing->ballot = ballot;
	sealing->options = options;
	sealing->counts = calloc(options + 1, sizeof(*sealing->counts));
	sealing->sets = calloc(options + 1, sizeof(*sealing->sets));
	if (sealing->counts && sealing->sets)
		return sealing;
	free(sealing->counts);
	free(sealing->sets);
	free(sealing);
	return NULL;
}

static void sealing_close(struct sealing *sealing)
{
	for (uint32_t i = 0; i <= sealing->options; i++)
		portable_free(&sealing->sets[i]);
	free(sealing->counts);
	free(sealing->sets);
	free(sealing);
}

int seal_make(const struct ballot *ballot, uint32_t options, struct seal *seal)
{
	bool whole = true;
	struct sealing *sealing = sealing_open(ballot, options);
	*seal = (struct seal){
		.options = options,
		.choices = calloc(options + 1, sizeof(*seal->choices)),
	};
	if (!sealing || !seal->choices)
		goto err_free;
	for (uint32_t i = 0; i < ballot_containers(ballot); i++)
		seal_container(sealing, i);
	for (uint32_t i = 0; i < options; i++) {
		seal->choices[i] = bitmap_of(&sealing->sets[i]);
		whole &= seal->choices[i] != NULL;
	}
	seal->voters = bitmap_of(&sealing->sets[options]);
	if (!whole || !seal->voters)
		goto err_free;
	sealing_close(sealing);
	return 0;

err_free:
	if (sealing)
		sealing_close(sealing);
	seal_free(seal);
	return -ENOMEM;
}

void seal_free(struct seal *seal)
{
	for (uint32_t i = 0; seal->choices && i < seal->options; i++)
		if (seal->choices[i])
			roaring_bitmap_free(seal->choices[i]);
	if (seal->voters)
		roaring_bitmap_free(seal->voters);
	free(seal->choices);
	*seal = (struct seal){0};
}

char *seal_portable(const roaring_bitmap_t *bitmap, size_t *bytes)
{
	*bytes = roaring_bitmap_portable_size_in_bytes(bitmap);
	char *file = malloc(*bytes);
	if (file)
		*bytes = roaring_bitmap_portable_serialize(bitmap, file);
	return file;
}
