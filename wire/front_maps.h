/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What the kernel front and tallyd share through BPF maps.
 *
 * The maps are pinned, so they outlive tallyd; a changed layout needs a new FRONT_LAYOUT, and
 * tallyd then replaces the pinned front instead of joining it.
 */
#ifndef TALLYWIRE_WIRE_FRONT_MAPS_H
#define TALLYWIRE_WIRE_FRONT_MAPS_H

#include <stddef.h>
#include <stdint.h>
#include "verdict.h"

#define FRONT_LAYOUT     1
#define FRONT_MAX_QUEUES 64
#define FRONT_MAX_KEYS   4096

/* Map "front_config", array of one. Written by tallyd before the front is attached. */
struct front_config {
	uint32_t layout;       /* FRONT_LAYOUT */
	uint16_t vote_port_be; /* UDP destination port of votes */
	uint16_t reserved;     /* 0 */
};

/* Map "front_keys", hash: the tenants and epochs whose votes may pass. The value is unused. */
struct front_key {
	uint16_t tenant_be;
	uint8_t key_epoch;
	uint8_t reserved; /* 0 */
};

/*
 * Map "front_counters", per-CPU array of uint64_t, FRONT_COUNTERS entries. Written by the front on
 * its own CPU only, read by tallyd. The first VERDICT_COUNT entries are indexed by enum verdict.
 */
enum front_counter {
	FRONT_STEERED = VERDICT_COUNT, /* handed to the AF_XDP socket of its queue */
	FRONT_MISSED, /* a good vote, but no socket was there to take it: dropped */
	FRONT_COUNTERS
};

/* Map "front_steered", per-CPU array of uint64_t, FRONT_MAX_QUEUES entries: steered, by queue. */

_Static_assert(sizeof(struct front_config) == 8, "front_config has another size");
_Static_assert(offsetof(struct front_config, layout) == 0, "front_config.layout moved");
_Static_assert(offsetof(struct front_config, vote_port_be) == 4, "front_config.vote_port_be moved");
_Static_assert(offsetof(struct front_config, reserved) == 6, "front_config.reserved moved");
_Static_assert(sizeof(struct front_key) == 4, "front_key has another size");
_Static_assert(offsetof(struct front_key, tenant_be) == 0, "front_key.tenant_be moved");
_Static_assert(offsetof(struct front_key, key_epoch) == 2, "front_key.key_epoch moved");
_Static_assert(offsetof(struct front_key, reserved) == 3, "front_key.reserved moved");

#endif
