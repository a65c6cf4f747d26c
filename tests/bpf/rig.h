/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front on the bench: the object that tallyd carries, loaded but attached nowhere, run one
 * frame at a time with bpf_prog_test_run_opts. Each test is a process of its own, so there is one
 * rig.
 */
#ifndef TALLYWIRE_TESTS_BPF_RIG_H
#define TALLYWIRE_TESTS_BPF_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include "ebpf/front_sources.h"
#include "ebpf/front_tenants.h"

struct bpf_object;

/*
 * Loads the front for FRAMES_PORT with the one key (FRAMES_TENANT, FRAMES_EPOCH). `with_socket`: an
 * AF_XDP socket is in slot 0. Skips the test, with the reason, where the machine cannot do it.
 */
void rig_open(bool with_socket);

/*
 * Runs one frame. Returns the XDP action; `out` (FRAMES_MAX_BYTES, may be NULL) and `out_bytes` get
 * the frame as the front leaves it.
 */
int rig_run(const uint8_t *frame, uint32_t bytes, uint8_t *out, uint32_t *out_bytes);

/* The same frame `times` times in a row, on this CPU, as if from queue 0. Any thread's. */
void rig_flood(const uint8_t *frame, uint32_t bytes, uint32_t times);

/*
 * One frame as if from this queue, 0 or 1, of an interface; rig_open_queues() first, which makes
 * that interface in a network namespace of the test's own.
 */
void rig_open_queues(void);
int rig_run_on(uint32_t queue, const uint8_t *frame, uint32_t bytes);

/* What the front knows of tenants: to change it. */
struct front_tenants *rig_tenants(void);

/* What it knows of sources, without any limit unless a test sets one. */
struct front_sources *rig_sources(void);

/* The object itself, to open its maps once more. */
const struct bpf_object *rig_object(void);

/* A counter of the front, all CPUs together. */
uint64_t rig_counter(uint32_t counter);
uint64_t rig_rule(enum front_rule rule);
uint64_t rig_steered(uint32_t queue);

const char *rig_action_name(int action);

/* cr_assert() for inner loops: Criterion reports every assertion, also those that hold. */
#define rig_assert(condition, ...)                                                                 \
	do {                                                                                       \
		if (!(condition))                                                                  \
			cr_assert_fail(__VA_ARGS__);                                               \
	} while (0)

#endif
