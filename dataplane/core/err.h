/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One line for the person who has to act: what, where, why, what to do. Functions that can fail for
 * reasons outside the program take a `struct err *`, fill it and return a negative errno value.
 * Any thread; each caller owns its own.
 */
#ifndef TALLYWIRE_CORE_ERR_H
#define TALLYWIRE_CORE_ERR_H

#include <stdarg.h>
#include <stdio.h>

#define ERR_TEXT_BYTES 512

struct err {
	char text[ERR_TEXT_BYTES];
};

/* Keeps the message (cut to what fits) and returns `code`, so that callers can `return err_set()`.
 */
__attribute__((format(printf, 3, 4))) static inline int err_set(struct err *err, int code,
								const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

#endif
