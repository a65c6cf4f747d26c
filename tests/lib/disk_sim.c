// SPDX-License-Identifier: BSD-3-Clause
#include "tests/lib/disk_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512

/* splitmix64 */
uint32_t disk_sim_random(uint64_t *state, uint32_t below)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

static uint32_t chance(struct disk_sim *sim, uint32_t below)
{
	return disk_sim_random(&sim->random, below);
}

static struct disk_sim *self_of(struct disk *disk)
{
	return (struct disk_sim *)disk;
}

struct disk_sim_file *disk_sim_file(struct disk_sim *sim, uint64_t segment)
{
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		if (sim->files[i].segment == segment)
			return &sim->files[i];
	return NULL;
}

static void drop_file(struct disk_sim_file *file)
{
	free(file->now);
	free(file->stable);
	*file = (struct disk_sim_file){0};
}

static int buffers(struct disk *disk, void *memory, uint32_t count, uint32_t bytes, struct err *err)
{
	(void)count, (void)err;
	self_of(disk)->memory = memory;
	self_of(disk)->buffer_bytes = bytes;
	return 0;
}

static struct disk_sim_operation *begin(struct disk_sim *sim)
{
	if (sim->dead)
		return NULL;
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS; i++) {
		if (sim->operations[i].used)
			continue;
		sim->operations[i] = (struct disk_sim_operation){.used = true};
		return &sim->operations[i];
	}
	return NULL;
}

static uint64_t used_bytes(const struct disk_sim *sim)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		bytes += sim->files[i].bytes;
	return bytes;
}

/* What a file holds before it is written to: zeros, or the leavings of another. */
static void fill(struct disk_sim *sim, struct disk_sim_file *file)
{
	const struct disk_sim_file *old = &sim->files[chance(sim, DISK_SIM_FILES)];
	if (sim->reuses && old->segment && old != file)
		memcpy(file->now, old->now, old->bytes < file->bytes ? old->bytes : file->bytes);
	memcpy(file->stable, file->now, file->bytes);
}

static int prepare(struct disk *disk, uint64_t segment, uint64_t bytes, uint64_t tag)
{
	struct disk_sim *sim = self_of(disk);
	if (disk_sim_file(sim, segment))
		return -EEXIST;
	struct disk_sim_file *file = disk_sim_file(sim, 0);
	struct disk_sim_operation *operation = file ? begin(sim) : NULL;
	if (!operation)
		return -EIO;
	operation->prepares = true;
	operation->segment = segment;
	operation->tag = tag;
	operation->bytes = bytes;
	*file = (struct disk_sim_file){.segment = segment};
	return 0;
}

static int write_and_sync(struct disk *disk, const struct disk_write *write)
{
	struct disk_sim *sim = self_of(disk);
	struct disk_sim_file *file = disk_sim_file(sim, write->segment);
	bool right = file && file->open && write->offset % DISK_ALIGN == 0 &&
		     write->bytes % DISK_ALIGN == 0 && write->from % DISK_ALIGN == 0 &&
		     write->offset + write->bytes <= file->bytes;
	struct disk_sim_operation *operation = begin(sim);
	if (!operation)
		return -EIO;
	if (!right) {
		operation->used = false;
		return -EINVAL;
	}
	operation->write = *write;
	operation->tag = write->tag;
	return 0;
}

static const uint8_t *bytes_of(const struct disk_sim *sim, const struct disk_write *write)
{
	return sim->memory + (size_t)write->buffer * sim->buffer_bytes + write->from;
}

/* Any sectors of a write, as a disk leaves them that was interrupted. */
static void write_some(struct disk_sim *sim, const struct disk_write *write)
{
	struct disk_sim_file *file = disk_sim_file(sim, write->segment);
	const uint8_t *bytes = bytes_of(sim, write);
	uint32_t percent = chance(sim, 3) * 50;
	for (uint32_t at = 0; at < write->bytes; at += SECTOR)
		if (chance(sim, 100) < percent)
			memcpy(file->now + write->offset + at, bytes + at, SECTOR);
}

/* The sync failed: some of what was written is gone, and counts as clean from now on. */
static void lose_some(struct disk_sim *sim, struct disk_sim_file *file)
{
	for (uint64_t at = 0; at < file->bytes; at += SECTOR)
		if (chance(sim, 2))
			memcpy(file->now + at, file->stable + at, SECTOR);
}

static int64_t end_prepare(struct disk_sim *sim, const struct disk_sim_operation *operation, int rc)
{
	struct disk_sim_file *file = disk_sim_file(sim, operation->segment);
	if (!rc && sim->capacity && used_bytes(sim) + operation->bytes > sim->capacity)
		rc = -ENOSPC;
	if (rc) {
		drop_file(file);
		return rc;
	}
	file->bytes = operation->bytes;
	file->now = calloc(1, file->bytes);
	file->stable = calloc(1, file->bytes);
	file->open = true;
	fill(sim, file);
	return 0;
}

/* The first half of a write: the file has it, or as much as was taken. */
static void land(struct disk_sim *sim, struct disk_sim_operation *operation)
{
	const struct disk_write *write = &operation->write;
	struct disk_sim_file *file = disk_sim_file(sim, write->segment);
	operation->landed = true;
	operation->landed_bytes = write->bytes;
	if (chance(sim, 100) < sim->short_percent)
		operation->landed_bytes = chance(sim, write->bytes / SECTOR) * SECTOR;
	memcpy(file->now + write->offset, bytes_of(sim, write), operation->landed_bytes);
}

/* The second: its sync, which vouches for all that has landed in the file. */
static int64_t end_write(struct disk_sim *sim, struct disk_sim_operation *operation, int rc)
{
	struct disk_sim_file *file = disk_sim_file(sim, operation->write.segment);
	if (rc && !operation->landed) {
		write_some(sim, &operation->write);
		return rc;
	}
	if (!operation->landed)
		land(sim, operation);
	if (rc) {
		lose_some(sim, file);
		return rc;
	}
	if (operation->landed_bytes == operation->write.bytes)
		memcpy(file->stable, file->now, file->bytes);
	return operation->landed_bytes;
}

static int fate(struct disk_sim *sim)
{
	if (sim->dead)
		return -EIO;
	if (++sim->operations_done == sim->fail_at)
		return sim->fail_with;
	return chance(sim, 100) < sim->fail_percent ? -EIO : 0;
}

static uint32_t reap(struct disk *disk, struct disk_done *done, uint32_t most, uint32_t wait_us)
{
	struct disk_sim *sim = self_of(disk);
	uint32_t count = 0, first = chance(sim, DISK_SIM_OPERATIONS);
	if (__atomic_load_n(&sim->stalls, __ATOMIC_ACQUIRE))
		most = 0;
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS && count < most; i++) {
		struct disk_sim_operation *operation =
			&sim->operations[(first + i) % DISK_SIM_OPERATIONS];
		if (!operation->used)
			continue;
		if (!sim->dead && !operation->prepares && !operation->landed && chance(sim, 2))
			land(sim, operation);
		/* Who waits gets at least one. */
		if (!sim->dead && !(wait_us && !count) && chance(sim, 100) < sim->late_percent)
			continue;
		int rc = fate(sim);
		done[count].tag = operation->tag;
		if (sim->dead)
			done[count].result = rc;
		else if (operation->prepares)
			done[count].result = end_prepare(sim, operation, rc);
		else
			done[count].result = end_write(sim, operation, rc);
		operation->used = false;
		count++;
	}
	return count;
}

static void finish(struct disk *disk, uint64_t segment, uint64_t used)
{
	struct disk_sim *sim = self_of(disk);
	struct disk_sim_file *file = disk_sim_file(sim, segment);
	if (sim->dead || !file)
		return;
	file->open = false;
	if (used && used < file->bytes)
		file->bytes = used;
}

static int remove_segment(struct disk *disk, uint64_t segment)
{
	struct disk_sim *sim = self_of(disk);
	struct disk_sim_file *file = disk_sim_file(sim, segment);
	if (sim->dead || !file)
		return -EIO;
	drop_file(file);
	return 0;
}

static int compare_segments(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

static int list(struct disk *disk, uint64_t **segments, uint32_t *count, struct err *err)
{
	struct disk_sim *sim = self_of(disk);
	(void)err;
	*segments = calloc(DISK_SIM_FILES, sizeof(**segments));
	*count = 0;
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		if (sim->files[i].segment)
			(*segments)[(*count)++] = sim->files[i].segment;
	qsort(*segments, *count, sizeof(**segments), compare_segments);
	return 0;
}

static int64_t read_bytes(struct disk *disk, uint64_t segment, uint64_t offset, void *memory,
			  uint32_t bytes)
{
	const struct disk_sim_file *file = disk_sim_file(self_of(disk), segment);
	if (!file)
		return -ENOENT;
	if (offset >= file->bytes)
		return 0;
	uint64_t left = file->bytes - offset;
	uint32_t count = left < bytes ? (uint32_t)left : bytes;
	memcpy(memory, file->now + offset, count);
	return count;
}

static void name(struct disk *disk, uint64_t segment, char *text, uint32_t bytes)
{
	(void)disk;
	snprintf(text, bytes, "simulated/%llu", (unsigned long long)segment);
}

static int settle(struct disk *disk, struct err *err)
{
	struct disk_sim *sim = self_of(disk);
	(void)err;
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS; i++) {
		struct disk_sim_operation *operation = &sim->operations[i];
		const struct disk_write *write = &operation->write;
		struct disk_sim_file *file = disk_sim_file(sim, write->segment);
		if (operation->late && file)
			memcpy(file->now + write->offset, operation->late, write->bytes);
		free(operation->late);
		*operation = (struct disk_sim_operation){0};
	}
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		if (sim->files[i].bytes)
			memcpy(sim->files[i].stable, sim->files[i].now, sim->files[i].bytes);
	return 0;
}

static const struct disk_ops ops = {
	.buffers = buffers,
	.settle = settle,
	.prepare = prepare,
	.write = write_and_sync,
	.reap = reap,
	.finish = finish,
	.remove = remove_segment,
	.list = list,
	.read = read_bytes,
	.name = name,
};

void disk_sim_open(struct disk_sim *sim, uint64_t seed)
{
	*sim = (struct disk_sim){.disk.ops = &ops, .random = seed, .fail_with = -EIO};
}

void disk_sim_close(struct disk_sim *sim)
{
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		drop_file(&sim->files[i]);
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS; i++)
		free(sim->operations[i].late);
}

/* A file that was being prepared is there or not, and as long as it got. */
static void cut_prepare(struct disk_sim *sim, const struct disk_sim_operation *operation)
{
	struct disk_sim_file *file = disk_sim_file(sim, operation->segment);
	if (chance(sim, 2)) {
		drop_file(file);
		return;
	}
	file->bytes = chance(sim, 2) ? operation->bytes : 0;
	file->now = calloc(1, operation->bytes);
	file->stable = calloc(1, operation->bytes);
	fill(sim, file);
}

/* Of what was written and not synced any sector may have got through. */
static void cut_file(struct disk_sim *sim, struct disk_sim_file *file)
{
	for (uint64_t at = 0; at + SECTOR <= file->bytes; at += SECTOR)
		if (memcmp(file->now + at, file->stable + at, SECTOR) != 0 && chance(sim, 2))
			memcpy(file->now + at, file->stable + at, SECTOR);
	if (file->bytes)
		memcpy(file->stable, file->now, file->bytes);
	file->open = false;
}

void disk_sim_cut_power(struct disk_sim *sim)
{
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS; i++) {
		const struct disk_sim_operation *operation = &sim->operations[i];
		if (operation->used && operation->prepares)
			cut_prepare(sim, operation);
		else if (operation->used && !operation->landed)
			write_some(sim, &operation->write);
		free(operation->late);
		sim->operations[i].late = NULL;
	}
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		if (sim->files[i].segment)
			cut_file(sim, &sim->files[i]);
	sim->dead = true;
}

static void kill_write(struct disk_sim *sim, struct disk_sim_operation *operation)
{
	const struct disk_write *write = &operation->write;
	switch (chance(sim, 3)) {
	case 0: write_some(sim, write); break;
	case 1: land(sim, operation); break;
	default:
		operation->late = malloc(write->bytes);
		memcpy(operation->late, bytes_of(sim, write), write->bytes);
	}
}

void disk_sim_kill(struct disk_sim *sim)
{
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS; i++) {
		struct disk_sim_operation *operation = &sim->operations[i];
		if (operation->used && operation->prepares)
			cut_prepare(sim, operation);
		else if (operation->used && !operation->landed)
			kill_write(sim, operation);
	}
	for (uint32_t i = 0; i < DISK_SIM_FILES; i++)
		sim->files[i].open = false;
	sim->dead = true;
}

void disk_sim_restart(struct disk_sim *sim)
{
	for (uint32_t i = 0; i < DISK_SIM_OPERATIONS; i++)
		sim->operations[i].used = false;
	sim->dead = false;
}
