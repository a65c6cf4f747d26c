/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text on its way to a terminal: how wide it is, and that it is only text.
 *
 * Strings that others wrote (questions, labels, messages of the appliance) reach the terminal
 * through this file only. Control characters, escape sequences and characters that turn the
 * direction of writing are replaced: white space becomes a blank, the rest U+FFFD, as do bytes that
 * are not UTF-8. Pure but for the FILE; one thread.
 */
#ifndef TALLYWIRE_CTL_TEXT_H
#define TALLYWIRE_CTL_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_NUMBER_BYTES 32

/* False where LC_ALL, LC_CTYPE or LANG names a character set other than UTF-8. */
bool text_utf8(void);

/* Terminal columns that text_put() of this text takes: wide characters two, combining ones none. */
int text_width(const char *text);

/* Writes the text, made harmless. */
void text_put(FILE *out, const char *text);

/* The same in exactly `columns` columns: cut with an ellipsis, or filled up with blanks. */
void text_left(FILE *out, const char *text, int columns);
void text_right(FILE *out, const char *text, int columns);

/* The same, cut to `columns` and not filled up. */
void text_cut(FILE *out, const char *text, int columns);

/*
 * Writes JSON text. It stays the same JSON; characters that a terminal could obey and that JSON
 * lets pass (DEL, C1, direction marks) become \uXXXX.
 */
void text_json(FILE *out, const char *json);

/* "1,234,567". Returns `text`. */
char *text_number(uint64_t number, char text[TEXT_NUMBER_BYTES]);

/* "512 B", "1.5 KiB", "12.0 MiB". Returns `text`. */
char *text_memory(uint64_t bytes, char text[TEXT_NUMBER_BYTES]);

#endif
