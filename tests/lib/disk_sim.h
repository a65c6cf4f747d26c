/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk (dataplane/disk.h) in memory that does everything a disk is allowed to do, and some things
 * that it is not: what is under way comes back in any order or late; writes are cut short, fail, or
 * fail in the sync; power goes, and of what was not synced any sectors are there and any are not.
 * One thread. The same seed and the same calls give the same disk.
 */
#ifndef TALLYWIRE_TESTS_DISK_SIM_H
#define TALLYWIRE_TESTS_DISK_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/disk.h"

#define DISK_SIM_FILES      256
#define DISK_SIM_OPERATIONS 64

struct disk_sim_file {
	uint64_t segment; /* 0: none */
	uint64_t bytes;
	uint8_t *now;    /* as a reader sees it while power is on */
	uint8_t *stable; /* as it will be after a power cut, at least where both are the same */
	bool open;
};

struct disk_sim_operation {
	bool used;
	bool prepares;
	struct disk_write write;
	bool landed; /* written, and not synced yet */
	uint32_t landed_bytes;
	uint8_t *late; /* of a writer that was killed: arrives when another one settles the disk */
	uint64_t segment;
	uint64_t bytes;
	uint64_t tag;
};

struct disk_sim {
	struct disk disk;
	uint64_t random;
	/* What goes wrong: set by the test, at any time. */
	uint32_t short_percent; /* of writes are cut short */
	uint32_t fail_percent;  /* of operations fail */
	uint32_t late_percent;  /* chance that what is under way does not come back yet */
	bool stalls;            /* nothing comes back; atomic */
	uint64_t fail_at;       /* this operation fails, counted from 1; 0: none */
	int fail_with;          /* -errno */
	uint64_t capacity;      /* bytes of all files; 0: no end */
	bool reuses;            /* new files begin with what old ones held */

	uint64_t operations_done;
	bool dead; /* power is off: everything fails */
	uint8_t *memory;
	uint32_t buffer_bytes;
	struct disk_sim_file files[DISK_SIM_FILES];
	struct disk_sim_operation operations[DISK_SIM_OPERATIONS];
};

void disk_sim_open(struct disk_sim *sim, uint64_t seed);
void disk_sim_close(struct disk_sim *sim);

/* Power goes; whoever writes gets errors. His buffers must still be there. */
void disk_sim_cut_power(struct disk_sim *sim);

/* The writer is killed, as with kill -9: what was under way arrives, or does not, or later. His
 * buffers must still be there. Nothing is synced by that. */
void disk_sim_kill(struct disk_sim *sim);

/* After either of them. */
void disk_sim_restart(struct disk_sim *sim);

struct disk_sim_file *disk_sim_file(struct disk_sim *sim, uint64_t segment);

/* 0 to below - 1. */
uint32_t disk_sim_random(uint64_t *state, uint32_t below);

#endif
