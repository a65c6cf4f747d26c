/* SPDX-License-Identifier: BSD-3-Clause */
/* What every fuzz target has: libFuzzer's entry, and an end that it notices when something is not
 * so. */
#ifndef TALLYWIRE_TESTS_FUZZ_MUST_H
#define TALLYWIRE_TESTS_FUZZ_MUST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
