// SPDX-License-Identifier: BSD-3-Clause
/*
 * Casting, reading and counting, in arrays and in dense containers. Growth is in ballot_grow.c.
 *
 * Relaxed order is enough for slots and cells: each carries everything that is known of a voter's
 * answer, and no other memory is published through it. What publishes memory is the directory.
 */
#include "dataplane/core/ballot.h"

#include "dataplane/core/ballot_stage.h"
#include "dataplane/core/ballot_wide.h"
#include "wire/vote_packet.h"

/* Vectors read slots that others write; what checks or schedules accesses gets single ones. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SINGLE_SLOTS
#endif
#endif
#if !defined(__SSE2__) || defined(__SANITIZE_THREAD__) || defined(TALLYWIRE_SCHEDULER)
#define SINGLE_SLOTS
#endif
#ifndef SINGLE_SLOTS
#include <emmintrin.h>
#endif

#define FEW 8 /* voters of a container, on average, up to which hardly any has more than 15 */

static uint32_t cell_shift_for(uint32_t options)
{
	if (options < 16)
		return 4;
	if (options < 256)
		return 3;
	return options < BALLOT_WIDE ? 2 : 0;
}

static uint64_t containers_for(uint64_t voters)
{
	return (voters + (1u << BALLOT_VALUE_BITS) - 1) >> BALLOT_VALUE_BITS;
}

static size_t aligned(size_t bytes)
{
	return (bytes + BALLOT_ALIGNMENT - 1) / BALLOT_ALIGNMENT * BALLOT_ALIGNMENT;
}

size_t ballot_directory_bytes(uint64_t voters)
{
	return aligned(containers_for(voters) * sizeof(uint32_t));
}

/* What lies before the arrays. */
static size_t head_bytes(uint64_t containers)
{
	return aligned(containers * sizeof(uint32_t)) + sizeof(struct ballot_pool);
}

/* A word for each container, with a bit for each part. */
static size_t touched_bytes(uint64_t voters)
{
	return aligned(containers_for(voters) * sizeof(uint64_t));
}

size_t ballot_bytes(uint64_t voters, uint32_t options)
{
	uint64_t containers = containers_for(voters);
	if (options == BALLOT_WIDE)
		return ballot_bytes_dense(voters, options) + touched_bytes(voters);
	return aligned(head_bytes(containers) + containers * ARRAYS_UNITS * UNIT_BYTES) +
	       containers * dense_bytes(cell_shift_for(options));
}

size_t ballot_bytes_dense(uint64_t voters, uint32_t options)
{
	uint64_t containers = containers_for(voters);
	return head_bytes(containers) + containers * dense_bytes(cell_shift_for(options));
}

/*
 * Each container that is hit takes one unit. Beyond its first voter a container takes at most a
 * unit for each eight more while it has 15, which by chance few exceed where the average is at most
 * eight, and at most a unit for each four more while it has not become dense.
 */
size_t ballot_bytes_sparse(uint64_t voters, uint64_t expected, uint32_t options)
{
	uint64_t containers = containers_for(voters);
	uint64_t hit = expected < containers ? expected : containers;
	uint64_t per_unit = expected / FEW <= containers ? 8 : 4;
	size_t enough = ballot_bytes(voters, options);
	if (expected > containers * (BALLOT_SPARSE_MAX / 2))
		return enough;
	uint64_t units = hit + (expected - hit) / per_unit;
	size_t sparse = aligned(head_bytes(containers) + units * UNIT_BYTES);
	return sparse < enough ? sparse : enough;
}

void ballot_init(struct ballot *ballot, void *memory, size_t bytes, uint64_t voters,
		 uint32_t options, enum ballot_form form)
{
	uint64_t containers = containers_for(voters);
	size_t directory_bytes = ballot_directory_bytes(voters);
	ballot->voters = voters;
	ballot->directory = memory;
	ballot->touched = options == BALLOT_WIDE && form == BALLOT_GROWING &&
			  bytes >= ballot_bytes(voters, options);
	if (ballot->touched)
		directory_bytes += touched_bytes(voters);
	ballot->pool = (uint8_t *)memory + directory_bytes;
	ballot->pool_bytes = (bytes - directory_bytes) / BALLOT_ALIGNMENT * BALLOT_ALIGNMENT;
	ballot->cell_shift = cell_shift_for(options);
	ballot->cell_bits = (uint16_t)(64u >> ballot->cell_shift);
	if (form == BALLOT_DENSE)
		for (uint32_t i = 0; i < containers; i++)
			ballot->directory[i] = reference_to((uint32_t)containers - i, STAGE_DENSE);
}

static bool has_cell(const struct ballot *ballot, uint32_t voter)
{
	return voter < ballot->voters;
}

static uint32_t container_of_voter(uint32_t voter)
{
	return voter >> BALLOT_VALUE_BITS;
}

static uint32_t slot_of(uint32_t value, uint16_t choice)
{
	return (choice + 1u) << 16 | value;
}

static uint32_t slot_value(uint32_t slot)
{
	return slot & 0xFFFF;
}

static uint16_t slot_choice(uint32_t slot)
{
	return (uint16_t)((slot >> 16) - 1);
}

void ballot_prefetch_growing(const struct ballot *ballot, uint32_t reference)
{
	__builtin_prefetch(array_at(ballot, reference), 1);
}

#ifdef SINGLE_SLOTS
/* The first slot that holds the value or is empty; `slots` when there is none. */
static uint32_t find(const uint32_t *array, uint32_t slots, uint32_t value)
{
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t slot = atomics_load(&array[i], __ATOMIC_RELAXED);
		if (slot == 0 || slot_value(slot) == value)
			return i;
	}
	return slots;
}
#else
/*
 * The same, four at a time. Each aligned lane is read whole, as by four relaxed loads. The last
 * word of an array may be a link and not a slot: a hit there is behind all slots.
 */
static uint32_t find(const uint32_t *array, uint32_t slots, uint32_t value)
{
	const __m128i low = _mm_set1_epi32(0xFFFF), zero = _mm_setzero_si128();
	const __m128i wanted = _mm_set1_epi32((int)value);
	for (uint32_t i = 0; i < slots; i += 4) {
		__m128i four = *(const volatile __m128i *)(array + i);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi32(_mm_and_si128(four, low), wanted),
					   _mm_cmpeq_epi32(four, zero));
		uint32_t hits = (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(hit));
		if (hits) {
			uint32_t at = i + (uint32_t)__builtin_ctz(hits);
			return at < slots ? at : slots;
		}
	}
	return slots;
}
#endif

/* The value's slot in this array and those before it, or 0. */
static uint32_t find_in_arrays(const struct ballot *ballot, uint32_t ref, uint32_t value)
{
	for (; ref; ref = load_before(ballot, ref)) {
		const uint32_t *array = array_at(ballot, ref);
		uint32_t slots = array_slots(ballot_stage_of(ref));
		uint32_t at = find(array, slots, value);
		uint32_t slot = at < slots ? atomics_load(&array[at], __ATOMIC_RELAXED) : 0;
		/* Where it was empty, somebody may have filled it by now, with any value. */
		if (slot && slot_value(slot) == value)
			return slot;
	}
	return 0;
}

static enum ballot_outcome stands(uint16_t choice, uint16_t *standing)
{
	*standing = choice;
	return BALLOT_STANDS;
}

/*
 * The arrays before the last are full and do not change: one look is enough. In the last, the value
 * goes into the first empty slot. A swap that fails shows what was faster: the value itself, or
 * another, and then the next slot is tried. Slots are filled in order, so a slot that was empty at
 * the swap has only empty ones behind it, and the value is in none of those before it.
 *
 * BALLOT_FULL: the arrays are, and the value is not in them.
 */
static enum ballot_outcome cast_in_arrays(struct ballot *ballot, uint32_t ref, uint32_t value,
					  uint16_t choice, uint16_t *standing)
{
	uint32_t *array = array_at(ballot, ref);
	uint32_t slots = array_slots(ballot_stage_of(ref));
	uint32_t at = find(array, slots, value);
	uint32_t earlier = find_in_arrays(ballot, load_before(ballot, ref), value);
	if (earlier)
		return stands(slot_choice(earlier), standing);
	for (; at < slots; at++) {
		uint32_t seen = 0;
		if (atomics_swap(&array[at], &seen, slot_of(value, choice), __ATOMIC_RELAXED,
				 __ATOMIC_RELAXED)) {
			*standing = choice;
			return BALLOT_RECORDED;
		}
		if (slot_value(seen) == value)
			return stands(slot_choice(seen), standing);
	}
	return BALLOT_FULL;
}

/* Each turn finds the container at a later stage. */
enum ballot_outcome ballot_cast_growing(struct ballot *ballot, uint32_t voter, uint16_t choice,
					uint16_t *standing)
{
	uint32_t container = container_of_voter(voter), value = ballot_value_of(voter);
	*standing = CHOICE_NONE;
	if (!has_cell(ballot, voter))
		return BALLOT_FULL;
	uint32_t ref = ballot_reference(ballot, container);
	while (ballot_stage_of(ref) != STAGE_DENSE) {
		enum ballot_outcome outcome =
			ref ? cast_in_arrays(ballot, ref, value, choice, standing) : BALLOT_FULL;
		if (outcome != BALLOT_FULL || !ballot_grow(ballot, container, ref))
			return outcome;
		ref = ballot_reference(ballot, container);
	}
	return ballot_cast_dense(ballot, ref, value, choice, standing);
}

uint16_t ballot_standing(const struct ballot *ballot, uint32_t voter)
{
	uint32_t value = ballot_value_of(voter), shift;
	if (!has_cell(ballot, voter))
		return CHOICE_NONE;
	uint32_t ref = ballot_reference(ballot, container_of_voter(voter));
	/* An empty slot or cell says CHOICE_NONE: 0 less 1. */
	if (ballot_stage_of(ref) != STAGE_DENSE)
		return slot_choice(find_in_arrays(ballot, ref, value));
	const uint64_t *word = ballot_dense_word(ballot, ref, value, &shift);
	uint64_t cells = atomics_load(word, __ATOMIC_RELAXED);
	return (uint16_t)((cells >> shift & ballot_cell_mask(ballot)) - 1);
}

uint64_t ballot_pool_dry(const struct ballot *ballot)
{
	return atomics_load(&pool_head(ballot)->dry, __ATOMIC_RELAXED);
}

uint32_t ballot_containers(const struct ballot *ballot)
{
	return (uint32_t)containers_for(ballot->voters);
}

void ballot_container_read(const struct ballot *ballot, uint32_t container,
			   struct ballot_container *read)
{
	uint32_t ref = ballot_reference(ballot, container);
	read->words = NULL;
	read->answers = 0;
	if (ballot_stage_of(ref) == STAGE_DENSE) {
		read->words = ballot_dense_at(ballot, ref);
		return;
	}
	for (; ref; ref = load_before(ballot, ref)) {
		const uint32_t *array = array_at(ballot, ref);
		for (uint32_t i = 0; i < array_slots(ballot_stage_of(ref)); i++) {
			uint32_t slot = atomics_load(&array[i], __ATOMIC_RELAXED);
			if (slot)
				read->answer[read->answers++] = slot;
		}
	}
}

/* The choices of one container, added to votes[]. */
static uint64_t count_container(const struct ballot *ballot, const struct ballot_container *read,
				uint64_t *votes, uint32_t options)
{
	uint32_t words = 1u << (BALLOT_VALUE_BITS - ballot->cell_shift);
	uint32_t bits = ballot_choice_bits(ballot);
	uint64_t mask = (1ull << bits) - 1, voters = 0;
	for (uint32_t i = 0; i < read->answers; i++) {
		uint16_t choice = slot_choice(read->answer[i]);
		if (choice < options) {
			votes[choice]++;
			voters++;
		}
	}
	for (uint32_t i = 0; read->words && i < words; i++) {
		uint64_t cells = ballot_choices(ballot, &read->words[i]);
		for (; cells; cells >>= bits) {
			uint64_t choice = (cells & mask) - 1;
			if (choice < options) {
				votes[choice]++;
				voters++;
			}
		}
	}
	return voters;
}

uint64_t ballot_count(const struct ballot *ballot, uint64_t *votes, uint32_t options)
{
	struct ballot_container read;
	uint64_t voters = 0;
	for (uint32_t i = 0; i < options; i++)
		votes[i] = 0;
	for (uint32_t i = 0; i < ballot_containers(ballot); i++) {
		ballot_container_read(ballot, i, &read);
		voters += count_container(ballot, &read, votes, options);
	}
	return voters;
}
