/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A life of the appliance that may end at any moment: real windows, pipelines, keys and journal in
 * a process of its own. Frames come to its workers through memory that it shares with the viewers,
 * and receipts go back the same way, once the journal lets them.
 */
#ifndef TALLYWIRE_TESTS_CRASH_LIFE_H
#define TALLYWIRE_TESTS_CRASH_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#define LIFE_WORKERS 2
#define LIFE_SLOTS   1024 /* of each ring */
#define LIFE_VOTERS  60000
#define LIFE_OPTIONS 4
#define LIFE_TENANT  7
#define LIFE_ONCE    1 /* a poll */
#define LIFE_CHANGES 2 /* one with revote */
#define LIFE_WINDOWS 2

/* One writer, one reader; both count up for ever. */
struct life_ring {
	uint64_t head __attribute__((aligned(64)));
	uint64_t tail __attribute__((aligned(64)));
	uint8_t votes[LIFE_SLOTS][40];
};

/* Set up by the viewers before each life, but for `extended`, which goes on. */
struct life_shared {
	struct life_ring in[LIFE_WORKERS];  /* votes */
	struct life_ring out[LIFE_WORKERS]; /* receipts */
	uint64_t opens_at_us;
	/* Written by the life. */
	bool ready;
	bool failed; /* the journal, at the moment */
	char wrong[256];
	uint64_t extended; /* so many extensions by a second have been answered, in all lives */
	/* What was read back; before `ready`. */
	uint64_t votes[LIFE_WINDOWS][LIFE_OPTIONS];
	uint64_t counted[LIFE_WINDOWS];
	uint64_t repeated;
	uint16_t standing[LIFE_WINDOWS][LIFE_VOTERS];
	/* Written by the viewers. */
	bool resume; /* the journal is to go on */
	bool stop;   /* in an orderly way */
};

/* The process from here on; never returns. */
_Noreturn void life_run(struct life_shared *shared, const char *directory);

#endif
