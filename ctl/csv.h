/* SPDX-License-Identifier: BSD-3-Clause */
/* A result as CSV (RFC 4180): a heading and a row for each option, or second and option. Pure. */
#ifndef TALLYWIRE_CTL_CSV_H
#define TALLYWIRE_CTL_CSV_H

#include <jansson.h>
#include <stdio.h>

/*
 * One interaction of a results document. Columns by its kind:
 *
 *	poll, multi, upvote	index,label,votes
 *	quiz			index,label,votes,correct
 *	scale			value,votes
 *	reaction		second,index,label,votes
 */
void csv_interaction(FILE *out, const json_t *interaction);

#endif
