/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is dropped most: the places of all CPUs read, put together by source, and sorted. The front
 * writes while we read; what changed hands meanwhile is known by its hash and left out.
 */
#include "ebpf/front_sources.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ebpf/source.h"

static int by_hash(const void *a, const void *b)
{
	uint64_t x = ((const struct front_talker *)a)->hash;
	uint64_t y = ((const struct front_talker *)b)->hash;
	return (x > y) - (x < y);
}

static int by_samples(const void *a, const void *b)
{
	uint64_t x = ((const struct front_talker *)a)->samples;
	uint64_t y = ((const struct front_talker *)b)->samples;
	return x != y ? (x < y) - (x > y) : by_hash(a, b);
}

static bool is_whole(const struct front_talker *talker, const struct front_police *police)
{
	const struct source source = {{talker->address[0], talker->address[1]}, talker->ip_version};
	return talker->ip_version && source_hash(&source, police->key) == talker->hash;
}

/* Appends what all CPUs have at one place. */
static int read_place(const struct front_sources *sources, uint32_t place,
		      struct front_talker *talkers, size_t *count)
{
	if (bpf_map_lookup_elem(sources->talkers_fd, &place, sources->talker))
		return -errno;
	for (int cpu = 0; cpu < sources->cpus; cpu++)
		if (is_whole(&sources->talker[cpu], sources->police))
			talkers[(*count)++] = sources->talker[cpu];
	return 0;
}

/* One entry a source. */
static size_t merge(struct front_talker *talkers, size_t count)
{
	size_t merged = 0;
	qsort(talkers, count, sizeof(*talkers), by_hash);
	for (size_t i = 0; i < count; i++) {
		if (merged && talkers[merged - 1].hash == talkers[i].hash)
			talkers[merged - 1].samples += talkers[i].samples;
		else
			talkers[merged++] = talkers[i];
	}
	qsort(talkers, merged, sizeof(*talkers), by_samples);
	return merged;
}

/* How many bits of an address a source is told by. */
static uint8_t mask_bits(const struct front_police *police, uint32_t ip_version)
{
	if (ip_version == 4)
		return (uint8_t)__builtin_popcount(police->ipv4_mask);
	return (uint8_t)(__builtin_popcountll(police->ipv6_mask[0]) +
			 __builtin_popcountll(police->ipv6_mask[1]));
}

int front_sources_top(const struct front_sources *sources, enum front_rule rule,
		      struct front_top *top, uint32_t most)
{
	size_t room = (size_t)FRONT_TALKER_PLACES * (size_t)sources->cpus, count = 0;
	struct front_talker *talkers = calloc(room, sizeof(*talkers));
	int rc = talkers ? 0 : -ENOMEM;
	for (uint32_t place = 0; place < FRONT_TALKER_PLACES && rc == 0; place++)
		rc = read_place(sources, rule * FRONT_TALKER_PLACES + place, talkers, &count);
	if (rc == 0) {
		count = merge(talkers, count);
		if (count > most)
			count = most;
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct prefix *source = &top[i].source;
		source->ip_version = (uint8_t)talkers[i].ip_version;
		source->bits = mask_bits(sources->police, talkers[i].ip_version);
		memcpy(source->address, talkers[i].address, sizeof(source->address));
		top[i].packets = talkers[i].samples * FRONT_TALKER_SAMPLE;
	}
	free(talkers);
	return rc ? rc : (int)count;
}
