// SPDX-License-Identifier: BSD-3-Clause
/* The rows of kinds, by number and by name. What is asked of every vote is inline in kind.h. */
#include "dataplane/core/kind.h"

#include <string.h>

static const struct kind_row rows[KIND_COUNT] = {
#define X(symbol, name, number, fields, members, identity, most)                                   \
	[number] = {#name, fields, members, identity, most},
	KINDS(X)
#undef X
};

const struct kind_row *kind_row(enum kind kind)
{
	return &rows[kind];
}

enum kind kind_by_name(const char *name)
{
	for (int kind = 1; kind < KIND_COUNT; kind++)
		if (strcmp(rows[kind].name, name) == 0)
			return (enum kind)kind;
	return (enum kind)0;
}

uint32_t kind_answers(const struct question *question)
{
	if (question->kind == KIND_MULTI)
		return (1u << question->options) - 1;
	return question->options;
}
