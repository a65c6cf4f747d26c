// SPDX-License-Identifier: BSD-3-Clause
/*
 * How a container gets its next stage. Called by ballot_cast() where a container has no room, a few
 * times in a container's life.
 *
 * One word, `taken`, says how much of the pool is in use, and for which container and stage the
 * last piece was taken. Taking a piece is one swap of that word. It is put to use by a second one,
 * in the directory. Whoever comes between the two can do that second step as well, for all it needs
 * is in the word; and nobody takes another piece before it is done. So each piece has one owner
 * from the start, a container and a stage, whatever number of threads want it at once: none is
 * taken twice, none is left over and must be given back, and where there is memory for everybody no
 * thread is ever told that the pool is dry because another one holds a piece that it will not need.
 *
 * Why a piece is not taken twice: the taker had read `taken`, seen to it that the last piece was in
 * use, and then seen that the container is still at the stage it knows. If any piece was taken
 * since, its swap fails.
 *
 * Orders. Each swap of `taken` is acquire and release, so that whoever takes or finishes a piece
 * sees all that earlier takers saw: above all, that the arrays of the container are full, since the
 * taker saw that before it took. The swap of the directory is release: links and cells are written
 * before it. Steps that two threads do are the same to the bit, as they are made from arrays that
 * change no more.
 */
#include "dataplane/core/ballot_stage.h"

/* `taken`: units of arrays, dense containers, and whose the last piece is (stage 0: none yet). */
#define UNITS_BITS      24
#define DENSE_BITS      17
#define CONTAINER_BITS  16
#define DENSE_SHIFT     UNITS_BITS
#define CONTAINER_SHIFT (DENSE_SHIFT + DENSE_BITS)
#define STAGE_SHIFT     (CONTAINER_SHIFT + CONTAINER_BITS)

static uint32_t field(uint64_t taken, uint32_t shift, uint32_t bits)
{
	return (uint32_t)(taken >> shift & ((1ull << bits) - 1));
}

static uint64_t taken_of(uint32_t units, uint32_t dense, uint32_t container, uint32_t stage)
{
	return units | (uint64_t)dense << DENSE_SHIFT | (uint64_t)container << CONTAINER_SHIFT |
	       (uint64_t)stage << STAGE_SHIFT;
}

/* The word after a piece for this container and stage; 0 when there is no room for it. */
static uint64_t taken_after(const struct ballot *ballot, uint64_t taken, uint32_t container,
			    uint32_t stage)
{
	uint32_t units = field(taken, 0, UNITS_BITS);
	uint32_t dense = field(taken, DENSE_SHIFT, DENSE_BITS);
	if (stage == STAGE_DENSE)
		dense++;
	else
		units += array_units(stage);
	size_t bytes = sizeof(struct ballot_pool) + units * UNIT_BYTES +
		       dense * dense_bytes(ballot->cell_shift);
	return bytes <= ballot->pool_bytes ? taken_of(units, dense, container, stage) : 0;
}

/* The piece that was taken last. */
static uint32_t last_reference(uint64_t taken)
{
	uint32_t stage = field(taken, STAGE_SHIFT, STAGE_BITS);
	if (stage == STAGE_DENSE)
		return reference_to(field(taken, DENSE_SHIFT, DENSE_BITS), stage);
	return reference_to(field(taken, 0, UNITS_BITS) - array_units(stage), stage);
}

/* Sets the cells of all answers in the arrays, which are full; those already there are the same. */
static void copy_arrays(const struct ballot *ballot, uint32_t from, uint32_t dense)
{
	for (; from; from = load_before(ballot, from)) {
		const uint32_t *array = array_at(ballot, from);
		for (uint32_t i = 0; i < array_slots(ballot_stage_of(from)); i++) {
			uint32_t slot = atomics_load(&array[i], __ATOMIC_RELAXED), shift;
			uint64_t *word = ballot_dense_word(ballot, dense, slot & 0xFFFF, &shift);
			atomics_or(word, (uint64_t)(slot >> 16) << shift, __ATOMIC_RELAXED);
		}
	}
}

/* Puts the piece that was taken last to use, if nobody has. */
static void finish(struct ballot *ballot, uint64_t taken)
{
	uint32_t stage = field(taken, STAGE_SHIFT, STAGE_BITS);
	uint32_t container = field(taken, CONTAINER_SHIFT, CONTAINER_BITS);
	if (stage == STAGE_NONE)
		return;
	uint32_t before = ballot_reference(ballot, container);
	if (ballot_stage_of(before) >= stage)
		return;
	uint32_t next = last_reference(taken);
	if (stage == STAGE_DENSE)
		copy_arrays(ballot, before, next);
	else if (before)
		atomics_store(array_before(ballot, next), before, __ATOMIC_RELAXED);
	/* Lost: somebody else has put the same piece there. */
	atomics_swap(&ballot->directory[container], &before, next, __ATOMIC_RELEASE,
		     __ATOMIC_RELAXED);
}

/* Wide cells do not fit the slots of arrays. */
static uint32_t next_stage(const struct ballot *ballot, uint32_t seen)
{
	return ballot->cell_shift == 0 ? STAGE_DENSE : ballot_stage_of(seen) + 1;
}

/*
 * A lost swap means that another piece was taken, and each container takes STAGE_DENSE pieces in
 * all its life: so many turns this loop can have at most, and rarely has two.
 */
bool ballot_grow(struct ballot *ballot, uint32_t container, uint32_t seen)
{
	struct ballot_pool *pool = pool_head(ballot);
	uint64_t taken = atomics_load(&pool->taken, __ATOMIC_ACQUIRE), after;
	do {
		finish(ballot, taken);
		if (ballot_reference(ballot, container) != seen)
			return true;
		after = taken_after(ballot, taken, container, next_stage(ballot, seen));
		if (!after) {
			atomics_add(&pool->dry, 1, __ATOMIC_RELAXED);
			return false;
		}
	} while (!atomics_swap(&pool->taken, &taken, after, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	finish(ballot, after);
	return true;
}

bool ballot_open_container(struct ballot *ballot, uint32_t container)
{
	return ballot_grow(ballot, container, 0);
}
