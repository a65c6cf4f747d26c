/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has answered, and what: one cell per voter, decided by one compare-and-swap.
 *
 * Cells are kept as Roaring keeps values: the upper 16 bits of a voter number choose a container,
 * the lower 16 a value in it. A container is nothing at first, then arrays that fill up in order,
 * then one dense block of 65,536 cells (dataplane/core/ballot_stage.h; docs/decisions/0006). A cell
 * or a slot of an array holds the voter's answer too, so twins that arrive on two cores at once
 * meet at one swap, and the loser reads what stands from the word it lost to.
 *
 * Any thread may cast and read at any time; nobody waits for anybody, every loop is bounded.
 * Nothing that was recorded moves or goes away before the ballot does. The memory is handed in and
 * not freed here.
 */
#ifndef TALLYWIRE_CORE_BALLOT_H
#define TALLYWIRE_CORE_BALLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BALLOT_MAX_OPTIONS 65535 /* choices 0 to 65534: 0xFFFF means none */
#define BALLOT_WIDE        65536 /* in place of options: 64-bit cells, for ballot_wide.h alone */
#define BALLOT_ALIGNMENT   64
#define BALLOT_SPARSE_MAX  251 /* answers that a container holds in arrays */

/* Set by ballot_init() and read only from then on, so that all cores keep a copy of this line. */
struct ballot {
	uint64_t voters; /* voter numbers below this have a cell */
	/* What these two point to is written by any caster, atomically. */
	uint32_t *directory; /* of each container, its reference; 0: none */
	uint8_t *pool;       /* containers */
	uint64_t pool_bytes;
	uint16_t cell_bits; /* of a dense container: 4, 8 or 16, by the options; 64: wide */
	bool touched; /* wide cells that grow: words before the pool say which parts have any */
	uint32_t cell_shift; /* cells per 64-bit word, as a power of two: 4, 3, 2 or 0 */
};

enum ballot_outcome {
	BALLOT_RECORDED, /* the answer is this voter's first and stands now */
	BALLOT_STANDS,   /* an earlier answer of this voter stands */
	BALLOT_FULL,     /* no cell for this voter number, or the pool is dry: nothing recorded */
};

enum ballot_form {
	BALLOT_GROWING, /* containers come from the pool as voters appear */
	BALLOT_DENSE,   /* all are dense from the start: for memory that is there anyway */
};

/*
 * Bytes for `voters` voter numbers from 0 and `options` options (or BALLOT_WIDE), such that the
 * pool never runs dry. Only memory that is needed is touched.
 */
size_t ballot_bytes(uint64_t voters, uint32_t options);

/* The same for BALLOT_DENSE, a little less. */
size_t ballot_bytes_dense(uint64_t voters, uint32_t options);

/* How many of them, the first, ballot_init() writes. */
size_t ballot_directory_bytes(uint64_t voters);

/*
 * Bytes for a growing ballot of which `expected` voters will answer, spread over the numbers by
 * chance. More of them, or others, may find the pool dry. Never more than ballot_bytes(). Not for
 * wide cells, whose containers are all dense.
 */
size_t ballot_bytes_sparse(uint64_t voters, uint64_t expected, uint32_t options);

/*
 * `memory`: `bytes` of zeroed memory, BALLOT_ALIGNMENT aligned, that outlives the ballot; as many
 * as one of the functions above asks for, or more.
 */
void ballot_init(struct ballot *ballot, void *memory, size_t bytes, uint64_t voters,
		 uint32_t options, enum ballot_form form);

/* Brings the voter's cell near, some time before ballot_cast(). Reads the directory. */
static inline void ballot_prefetch(const struct ballot *ballot, uint32_t voter);

/*
 * Records `choice` for `voter` if nothing is recorded. `choice` is below the options of
 * ballot_init(). `standing` gets the choice that stands afterwards, CHOICE_NONE where BALLOT_FULL.
 */
static inline enum ballot_outcome ballot_cast(struct ballot *ballot, uint32_t voter,
					      uint16_t choice, uint16_t *standing);

/* The choice that stands for this voter, or CHOICE_NONE. */
uint16_t ballot_standing(const struct ballot *ballot, uint32_t voter);

/* How many times a cast found the pool dry. */
uint64_t ballot_pool_dry(const struct ballot *ballot);

/* Counts the cells by choice into votes[0 .. options); returns the number of voters. For audits. */
uint64_t ballot_count(const struct ballot *ballot, uint64_t *votes, uint32_t options);

/* One container's answers, for readers of all of them: one of two shapes. */
struct ballot_container {
	/* Dense: 65,536 cells from voter number container << 16, choice + 1, 0: none; or NULL. */
	const uint64_t *words; /* other threads may write; read with atomics_load() */
	/* Else: answers in the order they came, (choice + 1) << 16 | the number's lower 16 bits. */
	uint32_t answers;
	uint32_t answer[BALLOT_SPARSE_MAX];
};

/* Containers that the voter numbers fall into: (voters + 65535) / 65536. */
uint32_t ballot_containers(const struct ballot *ballot);
void ballot_container_read(const struct ballot *ballot, uint32_t container,
			   struct ballot_container *read);

#include "dataplane/core/ballot_dense.h"

#endif
