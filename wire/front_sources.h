/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the kernel front and tallyd share about the sources of votes, in further BPF maps; see
 * front_maps.h, whose FRONT_LAYOUT is of these too.
 *
 * A source is a prefix: an address cut to as many bits as front_police says. Most maps know it by
 * its hash only (ebpf/source.h), keyed so that nobody outside can choose who shares a place with
 * whom.
 */
#ifndef TALLYWIRE_WIRE_FRONT_SOURCES_H
#define TALLYWIRE_WIRE_FRONT_SOURCES_H

#include <stddef.h>
#include <stdint.h>
#include "wire/front_maps.h"

/* Map "front_buckets", array of uint64_t: two rows; a source has a bucket in each. */
#define FRONT_BUCKET_ROW 65536
#define FRONT_BUCKETS    (2 * FRONT_BUCKET_ROW)

/*
 * Map "front_voted", array of uint64_t: two generations of words; a source has two bits in one word
 * of each. Set by workers, read by the front, cleared by tallyd.
 */
#define FRONT_VOTED_WORDS (1u << 18)

/* Entries of the lists, all four together, on one front. */
#define FRONT_LISTED_MAX 4096

/* By rule; of these the one that is dropped most keeps each place. */
#define FRONT_TALKER_PLACES 128
/* The most that a place's source can be ahead: who has ended loses the place after so many others.
 */
#define FRONT_TALKER_WEIGHT 65536

/* Each list is a map of its own for each family: "front_deny4", ... LPM tries. */
enum front_list { FRONT_DENY4, FRONT_DENY6, FRONT_ALLOW4, FRONT_ALLOW6, FRONT_LISTS };

/*
 * Map "front_police", array of one. Written by tallyd; `key`, `tick_ns` and masks before it
 * attaches.
 *
 * A source's bucket is the time up to which its budget is spent: the kernel's ticks times tick_ns,
 * plus FRONT_CLOCK_START_NS. A vote moves it on by vote_ns. The front writes it, and so do workers,
 * who add failed_ns for a vote that failed authentication.
 */
struct front_police {
	uint64_t key[2];       /* of source_hash() */
	uint64_t ipv6_mask[2]; /* as addresses lie in memory */
	uint32_t ipv4_mask;
	uint32_t panic;   /* 1: only sources that have voted before pass */
	uint64_t vote_ns; /* 0: sources have no budget */
	uint64_t tick_ns;
	uint64_t allowance_ns; /* what may be saved, and what may be owed; at least vote_ns */
	uint64_t failed_ns;
	uint32_t listed[FRONT_LISTS]; /* entries of each list; the front skips empty ones */
	uint32_t generation;          /* of front_voted that workers write: 0 or 1 */
	uint32_t reserved;            /* 0 */
	uint64_t turned_ns;           /* when it became so, monotonic; tallyd's own */
};

/* Keys of the lists: bits that count, then the address. Big-endian, as tries compare. */
struct front_prefix4 {
	uint32_t bits;
	uint8_t address[4];
};

struct front_prefix6 {
	uint32_t bits;
	uint8_t address[16];
};

/* Values of the lists, written by tallyd. */
struct front_listed {
	uint64_t expires_ns; /* monotonic; from then on it is as if it were not there; 0: never */
	uint32_t slot;       /* in map "front_listed", per-CPU array of uint64_t: its packets */
	uint32_t reserved;   /* 0 */
};

/* One packet of so many that a rule drops is looked at for front_talkers; a power of two. */
#define FRONT_TALKER_SAMPLE 8

/*
 * Map "front_talkers", per-CPU array of FRONT_RULE_COUNT * FRONT_TALKER_PLACES: who is dropped
 * most. Written by the front on its own CPU. A sample of the place's source raises `weight`, one of
 * another lowers it, and at 0 the place changes hands (Boyer and Moore's majority vote): so who
 * sends more than all others that share its place keeps it. A reader that comes while it changes
 * hands finds a `hash` that is not that of `address`.
 */
struct front_talker {
	uint64_t hash;
	uint64_t address[2]; /* cut to its prefix; IPv4 in the first four bytes, the others 0 */
	uint64_t samples;    /* since it has the place */
	uint32_t weight;
	uint32_t ip_version; /* 4 or 6; 0: nobody's place yet */
};

_Static_assert(sizeof(struct front_police) == 104, "front_police has another size");
_Static_assert(offsetof(struct front_police, key) == 0, "front_police.key moved");
_Static_assert(offsetof(struct front_police, ipv6_mask) == 16, "front_police.ipv6_mask moved");
_Static_assert(offsetof(struct front_police, ipv4_mask) == 32, "front_police.ipv4_mask moved");
_Static_assert(offsetof(struct front_police, panic) == 36, "front_police.panic moved");
_Static_assert(offsetof(struct front_police, vote_ns) == 40, "front_police.vote_ns moved");
_Static_assert(offsetof(struct front_police, tick_ns) == 48, "front_police.tick_ns moved");
_Static_assert(offsetof(struct front_police, allowance_ns) == 56,
	       "front_police.allowance_ns moved");
_Static_assert(offsetof(struct front_police, failed_ns) == 64, "front_police.failed_ns moved");
_Static_assert(offsetof(struct front_police, listed) == 72, "front_police.listed moved");
_Static_assert(offsetof(struct front_police, generation) == 88, "front_police.generation moved");
_Static_assert(offsetof(struct front_police, reserved) == 92, "front_police.reserved moved");
_Static_assert(offsetof(struct front_police, turned_ns) == 96, "front_police.turned_ns moved");
_Static_assert(sizeof(struct front_prefix4) == 8, "front_prefix4 has another size");
_Static_assert(offsetof(struct front_prefix4, bits) == 0, "front_prefix4.bits moved");
_Static_assert(offsetof(struct front_prefix4, address) == 4, "front_prefix4.address moved");
_Static_assert(sizeof(struct front_prefix6) == 20, "front_prefix6 has another size");
_Static_assert(offsetof(struct front_prefix6, bits) == 0, "front_prefix6.bits moved");
_Static_assert(offsetof(struct front_prefix6, address) == 4, "front_prefix6.address moved");
_Static_assert(sizeof(struct front_listed) == 16, "front_listed has another size");
_Static_assert(offsetof(struct front_listed, expires_ns) == 0, "front_listed.expires_ns moved");
_Static_assert(offsetof(struct front_listed, slot) == 8, "front_listed.slot moved");
_Static_assert(offsetof(struct front_listed, reserved) == 12, "front_listed.reserved moved");
_Static_assert(sizeof(struct front_talker) == 40, "front_talker has another size");
_Static_assert(offsetof(struct front_talker, hash) == 0, "front_talker.hash moved");
_Static_assert(offsetof(struct front_talker, address) == 8, "front_talker.address moved");
_Static_assert(offsetof(struct front_talker, samples) == 24, "front_talker.samples moved");
_Static_assert(offsetof(struct front_talker, weight) == 32, "front_talker.weight moved");
_Static_assert(offsetof(struct front_talker, ip_version) == 36, "front_talker.ip_version moved");

#endif
