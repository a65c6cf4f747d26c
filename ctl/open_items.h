/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answers of a question before they are sent: from a file with one a line, and the search for
 * two that viewers could not tell apart. Labels are a JSON array of strings. One thread.
 */
#ifndef TALLYWIRE_CTL_OPEN_ITEMS_H
#define TALLYWIRE_CTL_OPEN_ITEMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "dataplane/core/err.h"

/*
 * All lines of a regular file, at most `most`, as a new reference in *labels. Each must be UTF-8
 * text that a label can be (dataplane/show/interaction.h), and no two alike. -EINVAL or another
 * negative errno with "FILE: line N: …" in `err`; -ENOMEM.
 */
int open_items_read(const char *path, size_t most, json_t **labels, struct err *err);

/* True where two labels are equal: *second is the first one that was there before, as *first. */
bool open_items_twins(const json_t *labels, size_t *first, size_t *second);

#endif
