/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How votes came, second by second: a row of blocks, each as high as the votes of a second. Pure.
 */
#ifndef TALLYWIRE_CTL_SPARK_H
#define TALLYWIRE_CTL_SPARK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The last seconds of a result's `series`: rows per second of counts per option. */
struct spark {
	const json_t *series; /* borrowed; NULL: the result has none */
	size_t from, to;      /* its rows shown, `to` not among them */
	uint64_t most;        /* of one option in one of them: as high as it gets */
};

/* Of an interaction as docs/files.md has it, up to the second of `now_us` (0: to the end). */
void spark_read(const json_t *interaction, uint64_t now_us, int columns, struct spark *spark);

/* The seconds of one option, in exactly `columns`. What is not nothing is seen. */
void spark_put(FILE *out, const struct spark *spark, size_t option, int columns, bool utf8);

#endif
